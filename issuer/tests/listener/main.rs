//! The listener and what it puts around a router, driven by raw sockets.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

mod answers;
mod connections;
mod crowded;

use std::collections::HashMap;
use std::future::pending;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use namespace_jwt_issuer::http::body::{self, BodyLimits};
use namespace_jwt_issuer::http::metrics::{self, HttpMetrics};
use namespace_jwt_issuer::http::request::{Caller, Observation, observe};
use namespace_jwt_issuer::request_context::RequestContext;
use namespace_jwt_issuer::serve::listener::{self, Limits};
use namespace_jwt_issuer::serve::log::{Form, subscriber};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

/// Longer than anything that has to happen, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Long enough to be told apart from at once, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(300);

/// More than the kernel's buffers take.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; 64 << 20].into());

/// What a test changes of how the service listens.
struct Setup {
    limits: Limits,
    request_time: Duration,
    body: BodyLimits,
    proxies: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            request_time: PATIENCE,
            body: BodyLimits::default(),
            proxies: "",
        }
    }
}

/// A service that runs until it is stopped or dropped.
struct Service {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    run: Option<JoinHandle<usize>>,
    /// A request to `/held` has come.
    entered: Arc<Notify>,
    /// Lets it go on.
    release: Arc<Notify>,
}

impl Service {
    fn start(setup: Setup) -> Self {
        LazyLock::force(&LOG);
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let router = router(setup.body, Arc::clone(&entered), Arc::clone(&release));
        let run = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let mut registry = metrics::registry();
                let metrics = HttpMetrics::register(&mut registry);
                let router = observe(
                    router.merge(metrics::router(Arc::new(registry))),
                    Observation {
                        trusted_proxies: setup.proxies.parse().unwrap(),
                        time: setup.request_time,
                        metrics: metrics.clone(),
                    },
                );
                let shutdown = async { drop(stopped.await) };
                listener::run(listener, router, setup.limits, metrics, shutdown).await
            })
        });
        let address = told.recv_timeout(PATIENCE).unwrap();
        Self { address, stop: Some(stop), run: Some(run), entered, release }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { reader: BufReader::new(stream) }
    }

    /// The answer to one request on a connection of its own.
    fn ask(&self, head: &str) -> Answer {
        let mut client = self.connect();
        client.send(&format!("{head}\r\nHost: h\r\n\r\n"));
        client.answer()
    }

    /// Waits until so many connections are open, that of the question among them.
    fn wait_for_connections(&self, expected: usize) {
        let expected = format!("issuer_http_connections {expected}\n");
        until(|| self.ask("GET /metrics HTTP/1.1").body.contains(&expected).then_some(()));
    }

    fn wait_for_held_request(&self) {
        let entered = self.entered.notified();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(PATIENCE, entered).await.unwrap() });
    }

    fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// How many connections were cut off.
    fn ended(&mut self) -> usize {
        self.stop();
        self.run.take().unwrap().join().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.run.is_some() {
            self.release.notify_one();
            self.ended();
        }
    }
}

fn router(limits: BodyLimits, entered: Arc<Notify>, release: Arc<Notify>) -> Router {
    let held = async move || {
        entered.notify_one();
        release.notified().await;
        "released"
    };
    Router::new()
        .route("/hello", routing::get(async || "hello"))
        .route("/held", routing::get(held))
        .route("/never", routing::get(pending::<Response>))
        .route("/panic", routing::get(async || -> Response { panic!("with the client's secret") }))
        .route("/ignored", routing::post(async || StatusCode::UNAUTHORIZED))
        .route("/numbers/{number}", routing::get(async |Path(number): Path<u8>| number.to_string()))
        .route("/large", routing::get(async || Body::from(LARGE.clone())))
        .route("/who", routing::get(who))
        .route(
            "/length",
            routing::post(async move |request: Request| length(request, limits).await),
        )
        .route("/console", routing::get(console))
        .route(
            "/text",
            routing::get(async || (StatusCode::CONFLICT, [("Content-Length", "4")], "text")),
        )
}

async fn who(
    Extension(context): Extension<RequestContext>,
    Extension(caller): Extension<Caller>,
) -> Response {
    caller.note("SCWXXXXXXXXXXXXXXXXX");
    format!("{} {} {}", context.id, context.address, context.user_agent).into_response()
}

async fn length(request: Request, limits: BodyLimits) -> Response {
    match body::read(request.into_body(), &limits).await {
        Ok(bytes) => bytes.len().to_string().into_response(),
        Err(error) => error.into_response(),
    }
}

async fn console() -> Response {
    let headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "default-src 'self'"),
    ];
    (StatusCode::NOT_FOUND, headers, "<p>no such page").into_response()
}

/// One connection of a client.
struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.reader.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a body of so many bytes, unless the service stops taking it. Says whether it took all.
    fn send_bytes(&mut self, mut bytes: usize) -> bool {
        let chunk = [b'x'; 64 << 10];
        while bytes > 0 {
            let next = bytes.min(chunk.len());
            if self.reader.get_mut().write_all(&chunk[..next]).is_err() {
                return false;
            }
            bytes -= next;
        }
        true
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        let mut next = || {
            line.clear();
            self.reader.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = next();
        let status = status.split(' ').nth(1).unwrap_or_else(|| panic!("found {status:?}"));
        let status = status.parse().unwrap();
        let mut headers = HashMap::new();
        loop {
            let line = next();
            let Some((name, value)) = line.split_once(": ") else { break };
            let before = headers.insert(name.to_ascii_lowercase(), value.to_owned());
            assert_eq!(before, None, "{name} is there twice");
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        Answer { status, headers, body: String::from_utf8(body).unwrap() }
    }

    /// Waits until the service has closed the connection, and says after how long that was.
    fn wait_for_end(&mut self) -> Duration {
        let started = Instant::now();
        match self.reader.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}"),
        }
        started.elapsed()
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: String,
}

impl Answer {
    /// The message of an answer that is JSON.
    fn message(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body["message"].as_str().unwrap().to_owned()
    }

    fn request_id(&self) -> Uuid {
        self.headers["x-request-id"].parse().unwrap()
    }

    /// The line that the log has of this request. It may be written after the answer was read.
    fn log_line(&self) -> Value {
        let id = self.request_id().to_string();
        until(|| {
            let lines = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap();
            let line = lines.lines().find(|line| line.contains(&id) && line.contains("status"));
            line.map(|line| serde_json::from_str(line).unwrap())
        })
    }
}

fn until<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(met) = condition() {
            return met;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What the services of all tests log.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let subscriber = subscriber(LevelFilter::INFO, Form::Json, log.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// --- connections ---
