//! Figures about requests and connections, and their text in OpenMetrics.
//!
//! No label has a value that a client chooses: methods are those of a list, routes are the
//! router's own patterns. Otherwise anybody could fill the memory of the service, and that of
//! who collects the figures.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::{Router, routing};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::answer;

/// What all names of figures begin with.
const PREFIX: &str = "issuer";

/// The version of OpenMetrics that [`answer()`] writes.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The upper bounds of the durations' buckets, in seconds. Minting with RSA-4096 lies at a few
/// milliseconds, a request that is held at tens of seconds.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// A registry for all figures of the service. Each part registers its own there.
pub fn registry() -> Registry {
    Registry::with_prefix(PREFIX)
}

/// `GET /metrics`, with everything that is in `registry`.
pub fn router(registry: Arc<Registry>) -> Router {
    Router::new().route("/metrics", routing::get(async move || answer(&registry)))
}

/// The answer that has everything in `registry`.
pub fn answer(registry: &Registry) -> Response {
    let Ok(text) = encode(registry) else {
        return answer::message(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
    };
    let mut answer = Response::new(Body::from(text));
    answer.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
    answer
}

/// Everything in `registry` in the text format of OpenMetrics 1.0.
///
/// # Errors
///
/// If a figure that was registered can't write itself.
pub fn encode(registry: &Registry) -> Result<String, Error> {
    let mut text = String::new();
    text::encode(&mut text, registry)?;
    Ok(text)
}

/// The figures about HTTP. Clones count the same.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    connections: Gauge,
    closed_early: Counter,
}

impl HttpMetrics {
    /// Figures that start at zero, in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            connections: Gauge::default(),
            closed_early: Counter::default(),
        };
        registry.register(
            "http_requests",
            "Requests that were answered; 499 are those whose client left before the answer",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from a request's headers to its answer's headers",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "http_connections",
            "Open connections of clients",
            metrics.connections.clone(),
        );
        registry.register(
            "http_connections_closed_early",
            "Connections that were closed before their time, as few were left for others",
            metrics.closed_early.clone(),
        );
        metrics
    }

    /// Counts a request. `method` is from [`method`], `route` is the router's pattern.
    pub fn answered(&self, method: &'static str, route: &str, status: u16, duration: Duration) {
        let answered = Answered { method, route: route.to_owned(), status };
        self.requests.get_or_create(&answered).inc();
        let route = Route { method, route: answered.route };
        self.durations.get_or_create(&route).observe(duration.as_secs_f64());
    }

    /// Counts connections that are closed before their time, to make room.
    pub fn connections_closed_early(&self, count: usize) {
        self.closed_early.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a connection as open for as long as the value is kept.
    pub fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }
}

/// A connection that counts as open.
#[derive(Debug)]
pub struct OpenConnection(Gauge<i64, AtomicI64>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A method as a label and in the log: those that HTTP defines, else `other`.
pub fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|&known| known == method.as_str()).unwrap_or("other")
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_written_as_open_metrics() {
        let mut registry = registry();
        let metrics = HttpMetrics::register(&mut registry);
        metrics.answered("GET", "/a/{id}", 200, Duration::from_millis(2));
        metrics.answered("GET", "/a/{id}", 404, Duration::from_secs(2));
        let open = metrics.connection();
        let text = encode(&registry).unwrap();
        for line in [
            "# TYPE issuer_http_requests counter",
            r#"issuer_http_requests_total{method="GET",route="/a/{id}",status="200"} 1"#,
            r#"issuer_http_requests_total{method="GET",route="/a/{id}",status="404"} 1"#,
            "# TYPE issuer_http_request_duration_seconds histogram",
            "# UNIT issuer_http_request_duration_seconds seconds",
            r#"issuer_http_request_duration_seconds_count{method="GET",route="/a/{id}"} 2"#,
            r#"issuer_http_request_duration_seconds_bucket{le="0.001",method="GET",route="/a/{id}"} 0"#,
            r#"issuer_http_request_duration_seconds_bucket{le="0.0025",method="GET",route="/a/{id}"} 1"#,
            r#"issuer_http_request_duration_seconds_bucket{le="+Inf",method="GET",route="/a/{id}"} 2"#,
            "issuer_http_connections 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
        drop(open);
        assert!(encode(&registry).unwrap().contains("issuer_http_connections 0\n"));
    }

    #[test]
    fn a_method_that_a_client_invents_is_no_label() {
        let cases = [("GET", "GET"), ("PATCH", "PATCH"), ("get", "other"), ("X-1", "other")];
        for (found, label) in cases {
            assert_eq!(method(&Method::from_bytes(found.as_bytes()).unwrap()), label);
        }
    }
}
