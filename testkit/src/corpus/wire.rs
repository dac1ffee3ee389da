//! Requests with any bytes in their headers, over HTTP/1.1 and HTTP/2, sent by nobody who
//! would mend or refuse them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::http::Protocol;

const PATIENCE: Duration = Duration::from_secs(20);

/// What became of a request. What was decided is in the access log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was answered in full.
    Answered,
    /// The stream or the connection was ended instead.
    Ended,
}

/// A client of one address that connects anew whenever it has to.
pub struct Wire {
    protocol: Protocol,
    address: SocketAddr,
    connection: Option<Connection>,
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
    /// The next HTTP/2 stream.
    next: u32,
}

/// Names and values.
type Headers<'a> = &'a [(String, Vec<u8>)];

impl Wire {
    pub fn new(protocol: Protocol, address: SocketAddr) -> Self {
        Self { protocol, address, connection: None }
    }

    /// Sends a request without a body.
    pub fn send(&mut self, method: &str, headers: Headers<'_>) -> Fate {
        let mut connection =
            self.connection.take().unwrap_or_else(|| Connection::open(self.protocol, self.address));
        let fate = match self.protocol {
            Protocol::Http1 => connection.over_http1(method, headers),
            Protocol::Http2 => connection.over_http2(method, headers),
        };
        // None when the connection is of no more use.
        let Some((fate, goes_on)) = fate else { return Fate::Ended };
        if goes_on {
            self.connection = Some(connection);
        }
        fate
    }
}

impl Connection {
    pub fn open(protocol: Protocol, address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut connection = Self { stream, unread: Vec::new(), next: 1 };
        if protocol == Protocol::Http2 {
            // Settings, then a window (RFC 9113 §6.9) that no test fills.
            let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            start.extend(frame(4, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]));
            start.extend(frame(8, 0, 0, &0x7fff_0000_u32.to_be_bytes()));
            connection.write(&start);
        }
        connection
    }

    /// Sends these very bytes. Envoy may have answered, and stopped reading, before it has
    /// all of a long request.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    fn over_http1(&mut self, method: &str, headers: Headers<'_>) -> Option<(Fate, bool)> {
        let mut request = format!("{method} / HTTP/1.1\r\nhost: function.test\r\n").into_bytes();
        for (name, value) in headers {
            request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let sent = self.write(&request);
        let (_, goes_on) = self.http1_answer()?;
        Some((Fate::Answered, sent && goes_on))
    }

    /// An answer's status, and whether the connection lives on. None where it was closed
    /// instead.
    pub fn http1_answer(&mut self) -> Option<(u16, bool)> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|it| it == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.unread[..end]).to_ascii_lowercase();
                let length: usize =
                    field(&head, "content-length").map_or(0, |it| it.parse().expect("a length"));
                let end = end + 4 + length;
                if self.unread.len() >= end {
                    self.unread.drain(..end);
                    let status = head[9..12].parse().expect("a status");
                    return Some((status, field(&head, "connection") != Some("close")));
                }
            }
            self.read()?;
        }
    }

    fn over_http2(&mut self, method: &str, headers: Headers<'_>) -> Option<(Fate, bool)> {
        let pseudo =
            [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "x.test")];
        let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let (id, sent) = self.http2_headers(&[&pseudo, headers].concat(), true);
        self.http2_answer(id).map(|(fate, goes_on)| (fate, sent && goes_on))
    }

    /// Opens an HTTP/2 stream.
    pub fn http2_headers(&mut self, headers: Headers<'_>, ends: bool) -> (u32, bool) {
        let id = self.next;
        self.next += 2;
        (id, self.http2_fields(id, headers, ends))
    }

    /// Sends headers, or trailers where the stream is open.
    pub fn http2_fields(&mut self, id: u32, headers: Headers<'_>, ends: bool) -> bool {
        let mut block = Vec::new();
        for (name, value) in headers {
            literal(&mut block, name.to_ascii_lowercase().as_bytes(), value);
        }
        let mut frames = Vec::new();
        let mut fragments = block.chunks(16_000).peekable();
        let mut kind = 1;
        while let Some(fragment) = fragments.next() {
            let end_headers = if fragments.peek().is_none() { 4 } else { 0 };
            let end_stream = u8::from(kind == 1 && ends);
            frames.extend(frame(kind, end_headers | end_stream, id, fragment));
            kind = 9;
        }
        self.write(&frames)
    }

    /// What becomes of an HTTP/2 stream, and whether the connection lives on. None where it
    /// was closed.
    pub fn http2_answer(&mut self, id: u32) -> Option<(Fate, bool)> {
        loop {
            let (kind, flags, stream, payload) = self.frame()?;
            match (kind, stream) {
                // Settings and pings want an answer.
                (4, _) if flags & 1 == 0 => {
                    self.write(&frame(4, 1, 0, &[]));
                }
                (6, _) if flags & 1 == 0 => {
                    self.write(&frame(6, 1, 0, &payload));
                }
                (0 | 1, stream) if stream == id && flags & 1 == 1 => {
                    return Some((Fate::Answered, true));
                }
                (3, stream) if stream == id => return Some((Fate::Ended, true)),
                // GOAWAY
                (7, _) => return None,
                _ => {}
            }
        }
    }

    /// A frame's type, flags, stream and payload.
    fn frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        loop {
            if let [a, b, c, kind, flags, s1, s2, s3, s4, rest @ ..] = &self.unread[..] {
                let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                if rest.len() >= length {
                    let stream = u32::from_be_bytes([*s1, *s2, *s3, *s4]);
                    let found = (*kind, *flags, stream, rest[..length].to_vec());
                    self.unread.drain(..9 + length);
                    return Some(found);
                }
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Option<()> {
        let mut chunk = [0; 16 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => None,
            Ok(count) => {
                self.unread.extend_from_slice(&chunk[..count]);
                Some(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no answer in {PATIENCE:?}: {error}"),
        }
    }
}

/// A field of an HTTP/1.1 head in lower case.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// RFC 9113 §4.1.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A literal field never indexed, without Huffman coding (RFC 7541 §6.2.3).
pub fn literal(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0x10);
    for text in [name, value] {
        // An integer with a prefix of 7 bits (RFC 7541 §5.1).
        if let Some(mut rest) = text.len().checked_sub(127) {
            block.push(127);
            while rest > 127 {
                block.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            block.push(rest as u8);
        } else {
            block.push(text.len() as u8);
        }
        block.extend_from_slice(text);
    }
}
