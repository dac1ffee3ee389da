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

use std::collections::HashMap;
use std::future::pending;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::body::Body;
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
        .route("/large", routing::get(async || Body::from(vec![b'x'; 64 << 20])))
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

#[test]
fn headers_that_come_too_slowly_end_the_connection() {
    let limits = Limits { head: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    for begun in ["", "GET /hello HTTP/1.1\r\nHost:"] {
        let mut client = service.connect();
        client.send(begun);
        let waited = client.wait_for_end();
        assert!(waited < PATIENCE / 2, "{begun:?}: {waited:?}");
    }
    // Also if they never stop coming.
    let mut client = service.connect();
    until(|| client.reader.get_mut().write_all(b"A").err());
}

#[test]
fn an_idle_connection_lives_longer_than_headers_may_take_and_not_for_ever() {
    let limits = Limits { head: SHORT, idle: SHORT * 5, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    let ask = |client: &mut Client| {
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    };
    ask(&mut client);
    // There is no condition to wait for: that nothing happens is what is tested.
    thread::sleep(SHORT * 2);
    ask(&mut client);
    let waited = client.wait_for_end();
    assert!(waited > SHORT * 3, "{waited:?}");
    // A second request that has begun has the time of headers, and not the rest of the pause.
    let mut client = service.connect();
    ask(&mut client);
    client.send("GET /hello");
    let waited = client.wait_for_end();
    assert!(waited < SHORT * 4, "{waited:?}");
}

#[test]
fn headers_have_a_limit_in_bytes_and_in_lines() {
    let service = Service::start(Setup::default());
    let head = |value: usize, lines: usize| {
        let lines = "X: y\r\n".repeat(lines);
        format!("GET /hello HTTP/1.1\r\nHost: h\r\nX: {}\r\n{lines}\r\n", "v".repeat(value))
    };
    let cases = [(30_000, 0, 200), (33_000, 0, 431), (300_000, 0, 431), (1, 98, 200), (1, 99, 431)];
    for (value, lines, expected) in cases {
        let mut client = service.connect();
        // The service may end the connection before all of it was sent, and is read all the same.
        drop(client.reader.get_mut().write_all(head(value, lines).as_bytes()));
        assert_eq!(client.answer().status, expected, "{value} bytes, {lines} lines");
    }
    // Nor is more kept of headers that have no end.
    let mut client = service.connect();
    client.send(&"GET /hello HTTP/1.1\r\nX: y".replace('y', &"y".repeat(33_000)));
    assert_eq!(client.answer().status, 431);
}

#[test]
fn further_connections_wait_until_there_is_room() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    let mut second = service.connect();
    second.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    // There is a slot left behind it no more, so it doesn't stay.
    let answer = second.answer();
    assert_eq!(answer.headers["connection"], "close");
    second.wait_for_end();

    let mut idle = service.connect();
    idle.send("GET /hel");
    let mut waiting = service.connect();
    waiting.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    waiting.reader.get_mut().set_read_timeout(Some(SHORT)).unwrap();
    let silence = waiting.reader.fill_buf().unwrap_err().kind();
    assert!(matches!(silence, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{silence}");
    drop(idle);
    waiting.reader.get_mut().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(waiting.answer().status, 200);
}

#[test]
fn a_connection_is_kept_while_there_is_room_for_another() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    for _ in 0..3 {
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().headers.get("connection"), None);
    }
}

#[test]
fn a_client_that_does_not_read_its_answer_is_left() {
    let limits = Limits { unread: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_connections(2);
    service.wait_for_connections(1);
}

#[test]
fn a_client_that_never_sends_the_rest_of_its_body_is_left() {
    let limits = Limits { linger: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
    assert_eq!(client.answer().status, 401);
    service.wait_for_connections(1);
}

// --- the end ---

#[test]
fn what_is_under_way_is_answered_before_the_end() {
    let mut service = Service::start(Setup::default());
    let mut idle = service.connect();
    idle.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(idle.answer().status, 200);
    let mut silent = service.connect();
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    service.stop();
    // The idle ones end at once, and nobody new is let in.
    idle.wait_for_end();
    silent.wait_for_end();
    until(|| TcpStream::connect(service.address).err());
    service.release.notify_one();
    let answer = held.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "released"));
    held.wait_for_end();
    assert_eq!(service.ended(), 0);
}

#[test]
fn what_takes_too_long_is_cut_off_at_the_end() {
    let limits = Limits { shutdown: SHORT, ..Limits::default() };
    let mut service = Service::start(Setup { limits, ..Setup::default() });
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    let started = Instant::now();
    assert_eq!(service.ended(), 1);
    assert!((SHORT..PATIENCE / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    held.wait_for_end();
}

// --- bodies ---

#[test]
fn a_body_that_comes_too_slowly_is_answered_with_408() {
    let body = BodyLimits { time: SHORT, ..BodyLimits::default() };
    let service = Service::start(Setup { body, ..Setup::default() });
    let mut client = service.connect();
    client.send("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    let answer = client.answer();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.message(), "the request's body didn't arrive in time");
    client.wait_for_end();
}

#[test]
fn a_body_that_is_too_long_is_read_to_its_end_and_the_connection_goes_on() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    for (mib, expected) in [(1, 200), (5, 413), (8, 413), (1, 200)] {
        let bytes = mib << 20;
        client
            .send(&format!("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!(client.send_bytes(bytes), "{mib} MiB");
        let answer = client.answer();
        assert_eq!(answer.status, expected, "{mib} MiB");
        if expected == 413 {
            assert_eq!(answer.message(), "the request's body is longer than is permitted");
        }
    }
}

#[test]
fn a_body_that_is_far_too_long_is_answered_and_ends_the_connection_without_harm() {
    let service = Service::start(Setup::default());
    // Nine megabytes, announced or not: what is over is dropped as well, for two more seconds.
    let bytes = 9 << 20;
    for framing in [format!("Content-Length: {bytes}"), "Transfer-Encoding: chunked".to_owned()] {
        let mut client = service.connect();
        client.send(&format!("POST /length HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n"));
        if framing.ends_with("chunked") {
            client.send(&format!("{bytes:x}\r\n"));
        }
        client.send_bytes(bytes - (1 << 19));
        let answer = client.answer();
        assert_eq!((answer.status, answer.headers["connection"].as_str()), (413, "close"));
        assert_eq!(answer.message(), "the request's body is longer than is permitted");
        // An end that never comes is not waited for.
        while client.send_bytes(1 << 20) {}
        client.wait_for_end();
    }
    assert_eq!(service.ask("GET /hello HTTP/1.1").status, 200);
}

#[test]
fn an_answer_that_is_given_before_the_body_was_read_reaches_the_client() {
    let service = Service::start(Setup::default());
    for path in ["/ignored", "/nothing"] {
        let mut client = service.connect();
        let bytes = 4 << 20;
        client.send(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!(client.send_bytes(bytes), "{path}");
        assert!([401, 404].contains(&client.answer().status), "{path}");
        assert!(client.wait_for_end() < Duration::from_secs(2), "{path}");
        // And a client that sends its body only then isn't reset within it.
        let mut client = service.connect();
        client.send(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!([401, 404].contains(&client.answer().status), "{path}");
        assert!(client.send_bytes(bytes), "{path}");
    }
}

// --- requests ---

#[test]
fn what_the_router_answers_itself_is_json() {
    let service = Service::start(Setup::default());
    let cases = [
        ("GET /nothing HTTP/1.1", 404, "there is nothing at this path"),
        ("DELETE /hello HTTP/1.1", 405, "this path doesn't have this method"),
        ("POST /ignored HTTP/1.1", 401, "Unauthorized"),
        ("GET /numbers/%3Cscript%3E HTTP/1.1", 400, "Bad Request"),
        ("GET /text HTTP/1.1", 409, "Conflict"),
        ("GET /panic HTTP/1.1", 500, "internal error"),
    ];
    for (head, status, message) in cases {
        let answer = service.ask(head);
        assert_eq!((answer.status, answer.message().as_str()), (status, message), "{head}");
    }
    assert_eq!(service.ask("DELETE /hello HTTP/1.1").headers["allow"], "GET,HEAD");
    // A page for people stays one.
    let page = service.ask("GET /console HTTP/1.1");
    assert_eq!((page.status, page.body.as_str()), (404, "<p>no such page"));
    assert_eq!(page.headers["content-security-policy"], "default-src 'self'");
}

#[test]
fn each_answer_has_the_headers_that_protect_it_and_an_id_of_its_own() {
    let service = Service::start(Setup::default());
    let mut ids = Vec::new();
    for path in ["/hello", "/nothing", "/panic", "/numbers/x", "/hello"] {
        let given = "X-Request-Id: 3f0c4a3c-0d3a-4f53-8a43-6f3e0f2d1b11";
        let answer = service.ask(&format!("GET {path} HTTP/1.1\r\n{given}"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        assert_eq!(answer.headers.get("cache-control"), None);
        assert_eq!(answer.request_id().get_version_num(), 4);
        assert!(!given.contains(&answer.headers["x-request-id"]), "{path}");
        ids.push(answer.request_id());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_panic_ends_the_request_and_not_the_connection() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    for (path, status) in [("/panic", 500), ("/hello", 200), ("/panic", 500)] {
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, status);
        let errors = LOG.0.lock().unwrap().clone();
        let errors = String::from_utf8(errors).unwrap();
        let id = answer.request_id().to_string();
        let logged = errors.lines().any(|line| line.contains(&id) && line.contains("ERROR"));
        assert_eq!(logged, status == 500, "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
    }
}

#[test]
fn a_request_that_takes_too_long_is_answered_with_503() {
    let service = Service::start(Setup { request_time: SHORT, ..Setup::default() });
    let answer = service.ask("GET /never HTTP/1.1");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.message(), "the request took longer than is permitted");
    assert_eq!(answer.log_line()["status"], 503);
}

#[test]
fn a_handler_knows_the_request_and_the_log_what_the_handler_says() {
    let service = Service::start(Setup { proxies: "127.0.0.1", ..Setup::default() });
    let long = "y".repeat(300);
    let cases = [
        ("User-Agent: scw/2", "127.0.0.1", "scw/2"),
        ("X-Forwarded-For: 1.1.1.1, 198.51.100.7", "198.51.100.7", ""),
        ("User-Agent: a\tb\u{e9}", "127.0.0.1", "a?b??"),
        (&format!("User-Agent: {long}"), "127.0.0.1", &long[..256]),
    ];
    for (header, address, user_agent) in cases {
        let answer = service.ask(&format!("GET /who HTTP/1.1\r\n{header}"));
        assert_eq!(answer.body, format!("{} {address} {user_agent}", answer.request_id()));
        let line = answer.log_line();
        assert_eq!((&line["client"], &line["level"]), (&address.into(), &"INFO".into()));
        assert_eq!(line["caller"], "SCWXXXXXXXXXXXXXXXXX");
    }
}

#[test]
fn the_log_has_a_request_by_its_route_and_never_by_its_path() {
    let service = Service::start(Setup::default());
    let cases = [
        ("GET /numbers/77?token=sesame HTTP/1.1", "GET", "/numbers/{number}", 200),
        ("GET /sesame?token=sesame HTTP/1.1", "GET", "-", 404),
        ("SESAME /hello HTTP/1.1\r\nX-Auth-Token: sesame", "other", "/hello", 405),
    ];
    for (head, method, route, status) in cases {
        let line = service.ask(head).log_line();
        let found = (&line["method"], &line["route"], &line["status"], &line["caller"]);
        assert_eq!(found, (&method.into(), &route.into(), &status.into(), &"-".into()), "{line}");
        assert!(line["duration_ms"].is_u64() && line["client"] == "127.0.0.1", "{line}");
    }
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap().to_lowercase();
    assert!(!log.contains("sesame") && !log.contains("/numbers/77"), "{log}");
}

#[test]
fn a_request_whose_client_has_left_is_counted_as_499() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    client.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    drop(client);
    let expected = r#"issuer_http_requests_total{method="GET",route="/held",status="499"} 1"#;
    until(|| service.ask("GET /metrics HTTP/1.1").body.contains(expected).then_some(()));
}

#[test]
fn the_figures_have_routes_and_no_value_of_a_clients_choice() {
    let service = Service::start(Setup::default());
    for head in ["GET /numbers/1 HTTP/1.1", "GET /sesame HTTP/1.1", "SESAME /hello HTTP/1.1"] {
        service.ask(head);
    }
    let answer = service.ask("GET /metrics HTTP/1.1");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, content_type));
    for line in [
        r#"issuer_http_requests_total{method="GET",route="/numbers/{number}",status="200"} 1"#,
        r#"issuer_http_requests_total{method="GET",route="-",status="404"} 1"#,
        r#"issuer_http_requests_total{method="other",route="/hello",status="405"} 1"#,
    ] {
        assert!(answer.body.lines().any(|it| it == line), "{line} in {}", answer.body);
    }
    assert!(!answer.body.to_lowercase().contains("sesame"), "{}", answer.body);
}
