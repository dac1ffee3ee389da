//! A bare server: the same answers as the service's, with nothing behind them. What it takes is
//! the least that axum takes, and the rest of what the service takes is the service's own.
//!
//! It is a process of its own, this program with [`ARGUMENT`], so that its memory and its time
//! are nobody else's.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use testkit::api::Client;
use testkit::measure::process::on_processor;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::SERVER;

/// What makes this program that server.
pub const ARGUMENT: &str = "--bare-server";

/// About as long as a checkpoint.
const BODY: [u8; 900] = [b'x'; 900];

/// Its process, as who measures it sees it.
pub struct Bare {
    process: Child,
    pub address: SocketAddr,
    pub client: Client,
}

impl Bare {
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = on_processor(SERVER, program.to_str().expect("UTF-8"))
            .arg(ARGUMENT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let output = process.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("the address where it listens");
        Self { process, address, client: Client::new(address, "", "").with_key(None) }
    }

    pub fn process(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What all requests have in common.
struct Shared {
    sequence: watch::Sender<u64>,
    waiting: AtomicUsize,
}

/// Serves until it is killed.
#[tokio::main]
pub async fn serve() {
    let shared = Arc::new(Shared { sequence: watch::Sender::new(1), waiting: AtomicUsize::new(0) });
    let router = Router::new()
        .route("/unchanged", get(unchanged))
        .route("/wait", get(wait))
        .route("/waiting", get(waiting))
        .route("/tell", post(tell))
        .with_state(shared);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    axum::serve(listener, router).await.expect("it serves");
}

/// 304 to whoever names what there is.
async fn unchanged(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let etag = etag(*shared.sequence.borrow());
    if headers.get(IF_NONE_MATCH).is_some_and(|it| *it == etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return tagged(response, etag);
    }
    shown(etag)
}

/// Holds the request until there is something else than what it names.
async fn wait(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mut news = shared.sequence.subscribe();
    let is_known =
        |sequence: u64| headers.get(IF_NONE_MATCH).is_some_and(|it| *it == etag(sequence));
    shared.waiting.fetch_add(1, Ordering::SeqCst);
    let sequence = news.wait_for(|sequence| !is_known(*sequence)).await.map(|it| *it);
    shared.waiting.fetch_sub(1, Ordering::SeqCst);
    shown(etag(sequence.unwrap_or(0)))
}

async fn waiting(State(shared): State<Arc<Shared>>) -> String {
    shared.waiting.load(Ordering::SeqCst).to_string()
}

async fn tell(State(shared): State<Arc<Shared>>) -> &'static str {
    shared.sequence.send_modify(|sequence| *sequence += 1);
    "told"
}

fn shown(etag: HeaderValue) -> Response {
    let mut response = tagged(Response::new(Body::from(BODY.to_vec())), etag);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn tagged(mut response: Response, etag: HeaderValue) -> Response {
    response.headers_mut().insert(ETAG, etag);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
    response
}

fn etag(sequence: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{sequence}-0123456789abcdef\"")).expect("ASCII")
}
