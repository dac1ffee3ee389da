//! Requests byte by byte, over HTTP/1.1 and HTTP/2.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use h2::client::SendRequest;

/// How long anything on loopback may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

pub const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

/// A request without a body. Names and values go out as the bytes given here.
#[derive(Clone, Debug)]
pub struct Request {
    pub protocol: Protocol,
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    pub fn get() -> Self {
        Self { protocol: Protocol::Http1, method: "GET", path: "/".to_owned(), headers: Vec::new() }
    }

    /// The usual way to send a token.
    pub fn with_token(token: &str) -> Self {
        Self::get().header("x-auth-token", token)
    }

    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn over(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The only value of a header; several are a failure, for the filter never
    /// has a reason to answer with two.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, v)| text(v));
        assert!(values.next().is_none(), "several {name} in {self:?}");
        value
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("expected a JSON body, found {:?}: {e}", text(&self.body)))
    }
}

/// The status of an answer, once all of it is there. It has to state its length.
pub fn status_of_whole(answer: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(answer).ok()? else { return None };
    let length = head.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |it| text(it.value).parse().expect("a length"));
    head.code.filter(|_| answer.len() >= start + length)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A connection that is kept open from one request to the next.
pub enum Connection {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    pub fn open(protocol: Protocol, address: SocketAddr) -> Self {
        match protocol {
            Protocol::Http1 => Self::Http1(Http1::open(address)),
            Protocol::Http2 => Self::Http2(Http2::open(address)),
        }
    }

    pub fn send(&mut self, request: &Request) -> Response {
        match self {
            Self::Http1(connection) => connection.send(request),
            Self::Http2(connection) => connection.send(request),
        }
    }
}

/// One request on a connection of its own.
pub fn send(address: SocketAddr, request: &Request) -> Response {
    Connection::open(request.protocol, address).send(request)
}

pub struct Http1 {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Http1 {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    fn send(&mut self, request: &Request) -> Response {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: function.test\r\n", request.method, request.path)
                .into_bytes();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        self.exchange(&bytes, request.method == "HEAD")
    }

    /// Sends these very bytes and reads one response.
    pub fn exchange(&mut self, request: &[u8], bodiless: bool) -> Response {
        self.stream.write_all(request).expect("send the request");
        loop {
            if let Some(response) = self.parse(bodiless) {
                return response;
            }
            let mut chunk = [0; 16 * 1024];
            let count = self.stream.read(&mut chunk).expect("read the response");
            assert!(count > 0, "closed in the middle of a response: {:?}", text(&self.unread));
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    fn parse(&mut self, bodiless: bool) -> Option<Response> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(start) = head.parse(&self.unread).expect("HTTP/1.1") else {
            return None;
        };
        let headers: Vec<_> =
            head.headers.iter().map(|h| (h.name.to_ascii_lowercase(), h.value.to_vec())).collect();
        let status = head.code.expect("a status");
        // Every response here is a local reply or the test upstream's; both
        // state their length.
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, value)| text(value).parse().expect("a length"));
        let end = start + if bodiless { 0 } else { length };
        if self.unread.len() < end {
            return None;
        }
        let body = self.unread[start..end].to_vec();
        self.unread.drain(..end);
        Some(Response { status, headers, body })
    }
}

/// HTTP/2 with prior knowledge.
pub struct Http2 {
    runtime: tokio::runtime::Runtime,
    sender: SendRequest<&'static [u8]>,
}

impl Http2 {
    pub fn open(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.expect("connect");
            stream.set_nodelay(true).unwrap();
            let (sender, connection) =
                h2::client::Builder::new().handshake(stream).await.expect("HTTP/2");
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    fn send(&mut self, request: &Request) -> Response {
        let Self { runtime, sender } = self;
        runtime
            .block_on(async { tokio::time::timeout(PATIENCE, exchange(sender, request)).await })
            .unwrap_or_else(|_| panic!("no answer in {PATIENCE:?} to {request:?}"))
            .unwrap_or_else(|e| panic!("{e} after {request:?}"))
    }
}

async fn exchange(
    sender: &mut SendRequest<&'static [u8]>,
    request: &Request,
) -> Result<Response, h2::Error> {
    let mut head = http::Request::builder()
        .method(request.method)
        .uri(format!("http://function.test{}", request.path));
    for (name, value) in &request.headers {
        head = head.header(
            // HTTP/2 has lower-case names only (RFC 9113 §8.2.1).
            name.to_ascii_lowercase(),
            http::HeaderValue::from_bytes(value).expect("a value that HTTP/2 can carry"),
        );
    }
    std::future::poll_fn(|context| sender.poll_ready(context)).await?;
    let (response, _) = sender.send_request(head.body(()).expect("a request"), true)?;
    let (head, mut incoming) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status: head.status.as_u16(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body,
    })
}
