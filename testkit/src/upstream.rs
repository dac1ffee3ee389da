//! The application behind the filter: it answers with the headers that it saw.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::http::text;

/// A header that no answer of the filter has, so that a test can tell who
/// answered.
pub const MARK: &str = "x-upstream";

pub struct Upstream {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            stopped: Arc::default(),
        };
        let (requests, stopped) = (upstream.requests.clone(), upstream.stopped.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let requests = requests.clone();
                std::thread::spawn(move || serve(stream.expect("accept"), &requests));
            }
        });
        upstream
    }

    /// How many requests came through so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread out of accept().
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers requests without bodies until the proxy closes the connection.
fn serve(mut stream: TcpStream, requests: &AtomicUsize) {
    let _ = stream.set_nodelay(true);
    let mut unread = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 256];
        let mut head = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(end) = head.parse(&unread).expect("HTTP/1.1") {
            let seen: Vec<_> =
                head.headers.iter().map(|h| json!([h.name, text(h.value)])).collect();
            let body =
                json!({ "method": head.method, "path": head.path, "headers": seen }).to_string();
            let bodiless = head.method == Some("HEAD");
            unread.drain(..end);
            requests.fetch_add(1, Ordering::SeqCst);
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{MARK}: yes\r\ncontent-length: {}\r\n\r\n{}",
                body.len(),
                if bodiless { "" } else { &body },
            );
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            continue;
        }
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => unread.extend_from_slice(&chunk[..count]),
        }
    }
}
