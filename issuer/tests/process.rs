//! What concerns the whole process: its signals, its open files, its panics.

#![cfg(unix)]
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

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use axum::{Router, routing};
use namespace_jwt_issuer::http::metrics::{self, HttpMetrics};
use namespace_jwt_issuer::serve::listener::{self, Limits};
use namespace_jwt_issuer::serve::log::{Form, report_panics, subscriber};
use namespace_jwt_issuer::serve::signals;
use rlimit::Resource;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

/// Longer than anything that has to happen, for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process is one: its tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    LazyLock::force(&LOG);
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let writer = move || Lines(Arc::clone(&lines));
    let subscriber = subscriber(LevelFilter::INFO, Form::Json, writer);
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn sigterm_and_ctrl_c_each_end_the_wait() {
    let _turn = turn();
    for signal in ["-TERM", "-INT"] {
        runtime().block_on(async {
            let termination = signals::termination().unwrap();
            // Before the first poll: it isn't lost.
            let kill =
                Command::new("kill").args([signal, &std::process::id().to_string()]).status();
            assert!(kill.unwrap().success());
            timeout(PATIENCE, termination).await.unwrap();
        });
    }
}

#[test]
fn a_process_without_a_file_left_accepts_again_once_it_has_one() {
    let _turn = turn();
    let runtime = runtime();
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", routing::get(async || "hello"));
    let metrics = HttpMetrics::register(&mut metrics::registry());
    let shutdown = async { drop(stopped.await) };
    let run = runtime.spawn(listener::run(listener, router, Limits::default(), metrics, shutdown));

    let (soft, hard) = Resource::NOFILE.get().unwrap();
    Resource::NOFILE.set(128, hard).unwrap();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    // One for the client's end of a connection, none for the service's.
    files.pop();
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let started = Instant::now();
    while !log().contains("no connection can be accepted") {
        assert!(started.elapsed() < PATIENCE, "{}", log());
        thread::sleep(Duration::from_millis(5));
    }
    // It pauses, rather than to ask again and again. There is no condition to wait for.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(log().matches("no connection can be accepted").count(), 1);
    drop(files);
    Resource::NOFILE.set(soft, hard).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    drop(stop);
    assert_eq!(runtime.block_on(run).unwrap(), 0);
}

#[test]
fn a_panic_is_logged_by_its_place_and_without_its_words() {
    let _turn = turn();
    let before = std::panic::take_hook();
    report_panics();
    let panicked = thread::spawn(|| panic!("what a client sent")).join();
    std::panic::set_hook(before);
    assert!(panicked.is_err());
    let log = log();
    let line = log.lines().find(|line| line.contains("a panic")).unwrap();
    assert!(line.contains("ERROR") && line.contains("process.rs"), "{line}");
    assert!(!log.contains("what a client sent"), "{log}");
}
