//! The feed's server: connections, and the requests on them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Shared;
use super::answers::{Answer, Asked, answer};
use crate::http::text;

/// Ends with its connections when it is dropped.
pub struct Server {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(address: SocketAddr, shared: Arc<Shared>) -> Self {
        let listener = TcpListener::bind(address).expect("the feed's port");
        let connections: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let stopped: Arc<AtomicBool> = Arc::default();
        let thread = std::thread::spawn({
            let (connections, stopped) = (Arc::clone(&connections), Arc::clone(&stopped));
            move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    let Ok(stream) = stream else { continue };
                    connections.lock().unwrap().extend(stream.try_clone());
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || serve(stream, &shared));
                }
            }
        });
        Self { address, connections, stopped, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread out of accept().
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// Answers requests without bodies until either side closes the connection.
fn serve(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_nodelay(true);
    let mut unread = Vec::new();
    loop {
        if let Some((mut asked, end)) = parse(&unread) {
            unread.drain(..end);
            let answer = answer(&mut asked, shared, &stream);
            let status = answer.status();
            // Whoever reads the answer may ask again at once, on another connection.
            let at_once = matches!(answer, Answer::Whole(_));
            if at_once {
                shared.over(asked.number, status);
            }
            let sent = send(&mut stream, answer);
            if !at_once {
                shared.over(asked.number, status);
            }
            if !sent {
                let _ = stream.shutdown(Shutdown::Both);
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

fn parse(bytes: &[u8]) -> Option<(Asked, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(end) = head.parse(bytes).expect("HTTP/1.1") else {
        return None;
    };
    let header = |name: &str| {
        let mut values = head.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(name));
        values.next().map(|it| text(it.value))
    };
    let asked = Asked::new(head.path.unwrap_or_default(), header);
    Some((asked, end))
}

/// Whether the connection is good for another request.
fn send(stream: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::None => false,
        Answer::Whole(answer) => stream.write_all(&answer.bytes()).is_ok(),
        Answer::CutOff(answer) => {
            let bytes = answer.bytes();
            let _ = stream.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)]);
            false
        }
        Answer::Slow(answer, time) => {
            const PIECES: usize = 20;
            let bytes = answer.bytes();
            bytes.chunks(bytes.len().div_ceil(PIECES)).all(|piece| {
                std::thread::sleep(time / PIECES as u32);
                stream.write_all(piece).is_ok()
            })
        }
        Answer::Endless => {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
            let mut going = stream.write_all(head).is_ok();
            while going {
                going = stream.write_all(&chunk).is_ok();
                std::thread::sleep(Duration::from_millis(1));
            }
            false
        }
    }
}

/// Whether the other side has closed the connection.
pub fn is_gone(stream: &TcpStream) -> bool {
    let mut byte = [0];
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let peeked = stream.peek(&mut byte);
    let _ = stream.set_nonblocking(false);
    match peeked {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

impl Shared {
    fn over(&self, number: Option<usize>, status: Option<u16>) {
        let mut state = self.lock();
        let Some(seen) = number.and_then(|number| state.seen.get_mut(number)) else { return };
        seen.status = status;
        seen.over = Some(Instant::now());
        if seen.part == super::Part::Checkpoint {
            state.open -= 1;
        }
    }
}
