//! What all requests have in common: an id, a context, a time limit, a log line, figures.
//!
//! [`observe`] puts it around a router. Around it means inside of the router's own choice of a
//! route, so that the route is known; what the router answers itself, 404 and 405, passes as well.

use std::any::Any;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::time::timeout;
use tracing::{debug, error, info};
use uuid::Uuid;

use crate::http::answer;
use crate::http::client_address::TrustedProxies;
use crate::http::metrics::{self, HttpMetrics};
use crate::request_context::RequestContext;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much of what a client calls itself is kept, in bytes.
const USER_AGENT_BYTES: usize = 256;

/// What is logged and counted of a request whose client left before it was answered.
const CLIENT_LEFT: u16 = 499;

/// What [`observe`] needs to know.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Whose word on a client's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// How long a request may take from its headers to its answer's, its body included.
    pub time: Duration,
    /// What counts the requests.
    pub metrics: HttpMetrics,
}

impl Observation {
    /// How long a request may take, where nothing speaks for another time.
    pub const TIME: Duration = Duration::from_secs(30);
}

/// A place for the access key of a request's caller, for the log: in the request's extensions,
/// where whoever finds out notes it.
#[derive(Clone, Debug, Default)]
pub struct Caller(Arc<OnceLock<String>>);

impl Caller {
    /// Notes whose request it is. The first word counts.
    pub fn note(&self, access_key: &str) {
        let _ = self.0.set(access_key.to_owned());
    }
}

/// Puts around `router` what all requests have in common.
///
/// A handler finds a [`RequestContext`] and a [`Caller`] in the request's extensions. The peer's address is taken
/// from the extension [`ConnectInfo`] of [`SocketAddr`], which the listener sets; without it,
/// as in a test without a connection, the client's address is `0.0.0.0`.
pub fn observe(router: Router, observation: Observation) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(observation), around))
}

async fn around(
    State(observation): State<Arc<Observation>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
    let context = RequestContext {
        id: Uuid::new_v4(),
        address: observation.trusted_proxies.client_address(peer, request.headers()),
        user_agent: user_agent(request.headers()),
    };
    let mut record = Record {
        metrics: observation.metrics.clone(),
        started: Instant::now(),
        method: metrics::method(request.method()),
        route: request.extensions().get::<MatchedPath>().cloned(),
        id: context.id,
        address: context.address,
        caller: Caller::default(),
        status: CLIENT_LEFT,
    };
    request.extensions_mut().insert(context);
    request.extensions_mut().insert(record.caller.clone());

    let answered = timeout(observation.time, caught(next.run(request))).await;
    let mut answer = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(Panicked)) => {
            error!(request_id = %record.id, route = record.route(), "a request ended in a panic");
            answer::message(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
        Err(_) => answer::message(
            StatusCode::SERVICE_UNAVAILABLE,
            "the request took longer than is permitted; see whether it was done before you send it again",
        ),
    };
    answer = legible(answer);
    protect(answer.headers_mut());
    if let Ok(id) = HeaderValue::from_str(&record.id.to_string()) {
        answer.headers_mut().insert(X_REQUEST_ID, id);
    }
    record.status = answer.status().as_u16();
    answer
}

/// A request that is to be logged and counted: when this is dropped, as its client may leave at
/// any time.
struct Record {
    metrics: HttpMetrics,
    started: Instant,
    method: &'static str,
    route: Option<MatchedPath>,
    id: Uuid,
    address: IpAddr,
    caller: Caller,
    status: u16,
}

impl Record {
    /// The router's pattern, never the path: that may hold what shouldn't be in a log.
    fn route(&self) -> &str {
        self.route.as_ref().map_or("-", MatchedPath::as_str)
    }
}

impl Record {
    /// Whether it is a gateway's question that was answered. There are many of these, all alike, and
    /// a line costs as much as the answer.
    fn is_routine(&self) -> bool {
        self.route().starts_with("/trust/v1/") && (200..400).contains(&self.status)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        self.metrics.answered(self.method, self.route(), self.status, duration);
        macro_rules! write_at {
            ($level:ident) => {
                $level!(
                    method = self.method,
                    route = self.route(),
                    status = self.status,
                    duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
                    request_id = %self.id,
                    client = %self.address,
                    caller = self.caller.0.get().map_or("-", String::as_str),
                    "request"
                )
            };
        }
        if self.is_routine() { write_at!(debug) } else { write_at!(info) }
    }
}

/// A panic in what was waited for.
struct Panicked;

/// What `future` comes to, or that it panicked.
///
/// Every poll is caught, rather than the whole spawned as a task, so that a request still ends
/// when its client leaves. Nothing of a future that panicked is polled again.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or_else(|panic| Poll::Ready(Err(forget(panic))), |polled| polled.map(Ok))
    })
    .await
}

/// Leaves a panic's payload where it is, as dropping it may panic again.
fn forget(panic: Box<dyn Any + Send>) -> Panicked {
    std::mem::forget(panic);
    Panicked
}

/// An answer that a client can read. What axum itself answers has no body (404, 405) or one of
/// plain text (a request that an extractor refused), and clients of the platform read JSON
/// from each answer of 400 and more.
fn legible(answer: Response) -> Response {
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE);
    let plain = content_type.is_none_or(|it| it.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !plain {
        return answer;
    }
    // Not the text that it has: that may hold what the client sent.
    let (mut parts, _) = answer.into_parts();
    let (written, body) = answer::message(status, reason(status)).into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(written.headers);
    Response::from_parts(parts, body)
}

fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing at this path",
        StatusCode::METHOD_NOT_ALLOWED => "this path doesn't have this method",
        StatusCode::INTERNAL_SERVER_ERROR => "internal error",
        _ => status.canonical_reason().unwrap_or("the request was refused"),
    }
}

/// Sets the headers that keep a browser from making something else of an answer, where a handler
/// hasn't set them itself.
fn protect(headers: &mut HeaderMap) {
    let policy = "default-src 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// What a client calls itself, in printable ASCII.
fn user_agent(headers: &HeaderMap) -> String {
    kept_user_agent(headers.get(USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes))
}

/// What is kept of how a client calls itself: its first bytes, with a `?` for each that isn't
/// printable ASCII.
pub fn kept_user_agent(sent: &[u8]) -> String {
    let printable = |&byte: &u8| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '?' };
    sent.iter().take(USER_AGENT_BYTES).map(printable).collect()
}
