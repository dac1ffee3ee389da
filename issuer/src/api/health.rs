//! Whether the service lives and can do its work, and what it counts.

use std::sync::atomic::AtomicI64;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::json;

use super::Api;
use super::openapi;
use super::routes::Routes;
use super::trust::waiting::WaitingGateways;
use crate::authority::refusal::Refusal;
use crate::http::answer;

/// What the API counts beside its requests.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    /// Tokens that were made.
    pub minted_tokens: Counter,
    /// Requests that didn't say who they are from.
    pub failed_authentications: Counter,
    /// Gateways that wait for news.
    pub waiting: WaitingGateways,
}

impl ApiMetrics {
    /// Counters from 0, and how many keys are ready for namespaces to come. Of `connections`, as
    /// many as may be open, some may be held until there is news.
    pub fn register(
        registry: &mut Registry,
        ready_keys: Gauge<i64, AtomicI64>,
        connections: usize,
    ) -> Self {
        let metrics = Self {
            minted_tokens: Counter::default(),
            failed_authentications: Counter::default(),
            waiting: WaitingGateways::among(connections),
        };
        registry.register("minted_tokens", "Tokens made", metrics.minted_tokens.clone());
        registry.register(
            "failed_authentications",
            "Requests with a missing, unknown or expired API key",
            metrics.failed_authentications.clone(),
        );
        metrics.waiting.register(registry);
        registry.register("ready_keys", "Key pairs ready for namespaces to come", ready_keys);
        metrics
    }
}

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let lives = openapi::open("Health", "Whether the process lives", &[]);
    routes.plain("/health", get(health), lives);
    let away = ("503", openapi::failure("It can't: why.", "Message"));
    let works = openapi::open("Ready", "Whether the service can do its work", &[away]);
    routes.plain("/ready", get(ready), works);
    let mut figures = openapi::open("Metrics", "Read the figures, in OpenMetrics", &[]);
    let text = json!({"application/openmetrics-text": {"schema": {"type": "string"}}});
    if let Some(content) = figures.pointer_mut("/get/responses/200/content") {
        *content = text;
    }
    routes.describe("/metrics", figures);
}

/// The process lives.
async fn health() -> Response {
    answer::json(StatusCode::OK, &json!({"status": "ok"}))
}

/// The database answers, and a signing key is usable.
async fn ready(State(api): State<Api>) -> Response {
    let reason = match api.authority.check().await {
        Ok(()) => return answer::json(StatusCode::OK, &json!({"status": "ready"})),
        Err(Refusal::Store(error)) => error.to_string(),
        Err(Refusal::Internal(reason)) => reason.to_owned(),
        Err(_) => "the service has too much to do".to_owned(),
    };
    answer::message(StatusCode::SERVICE_UNAVAILABLE, &reason)
}
