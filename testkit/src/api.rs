//! A client of the platform's API: JSON over HTTP/1.1, a connection for each request.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::http::{Response, text};

/// How long an answer may take: the service itself gives up earlier.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub region: String,
    key: Option<String>,
    headers: String,
}

impl Client {
    pub fn new(address: SocketAddr, region: &str, key: &str) -> Self {
        Self {
            address,
            region: region.to_owned(),
            key: Some(key.to_owned()),
            headers: String::new(),
        }
    }

    /// The same client with another secret key, or with none.
    pub fn with_key(&self, key: Option<&str>) -> Self {
        Self { key: key.map(str::to_owned), ..self.clone() }
    }

    /// The same client behind a proxy that says it comes from this address.
    pub fn forwarded_for(&self, address: IpAddr) -> Self {
        self.with_headers(&[("X-Forwarded-For", &address.to_string())])
    }

    /// The same client with these headers as well.
    pub fn with_headers(&self, more: &[(&str, &str)]) -> Self {
        let mut headers = self.headers.clone();
        for (name, value) in more {
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        Self { headers, ..self.clone() }
    }

    /// A path of the functions' API.
    pub fn functions(&self, rest: &str) -> String {
        format!("/functions/v1beta1/regions/{}{rest}", self.region)
    }

    /// A path of the containers' API.
    pub fn containers(&self, rest: &str) -> String {
        format!("/containers/v1beta1/regions/{}{rest}", self.region)
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, Some(body.to_string().as_bytes()))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Response {
        self.send("PATCH", path, Some(body.to_string().as_bytes()))
    }

    pub fn put(&self, path: &str, body: &Value) -> Response {
        self.send("PUT", path, Some(body.to_string().as_bytes()))
    }

    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }

    /// Any method with any bytes.
    pub fn send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Response {
        self.try_send(method, path, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// An error if the connection or the answer broke off, as when the service is killed.
    pub fn try_send(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Response> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address);
        if let Some(key) = &self.key {
            head.push_str(&format!("X-Auth-Token: {key}\r\n"));
        }
        head.push_str(&self.headers);
        if let Some(body) = body {
            head.push_str("content-type: application/json\r\n");
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        exchange(self.address, &[head.as_bytes(), body.unwrap_or_default()].concat())
    }
}

/// Sends these bytes and reads the one response until the connection ends.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Result<Response> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Response> {
    let broken = |what: &str| Error::new(ErrorKind::UnexpectedEof, what.to_owned());
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(bytes).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
    let httparse::Status::Complete(start) = parsed else {
        return Err(broken("no whole head of an answer"));
    };
    let status = head.code.ok_or_else(|| broken("no status"))?;
    let headers: Vec<_> =
        head.headers.iter().map(|h| (h.name.to_ascii_lowercase(), h.value.to_vec())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let body = bytes[start..].to_vec();
    // Every answer with a body states its length, so one that broke off is seen.
    if status != 204 {
        let (_, length) = length.ok_or_else(|| {
            Error::new(ErrorKind::InvalidData, format!("no content-length with status {status}"))
        })?;
        if text(length).parse() != Ok(body.len()) {
            return Err(broken("the body is not as long as stated"));
        }
    }
    Ok(Response { status, headers, body })
}

/// The body of an answer that has to be 200, with the content type that clients compare.
#[track_caller]
pub fn good(response: Response) -> Value {
    assert_eq!(response.status, 200, "{}", text(&response.body));
    assert_eq!(response.header("content-type").as_deref(), Some("application/json"));
    response.json()
}

/// The member `id` of an object.
#[track_caller]
pub fn id(object: &Value) -> &str {
    member(object, "id")
}

/// A member that has to be a text.
#[track_caller]
pub fn member<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_else(|| panic!("expected a text as {name} of {object}"))
}
