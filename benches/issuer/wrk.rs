//! Load, from `wrk`.

use std::net::SocketAddr;
use std::path::Path;

use testkit::measure::process::on_processor;
use testkit::measure::wrk;

use crate::CLIENT;

/// What wrk saw; latencies in microseconds.
pub struct Seen {
    pub requests: f64,
    pub seconds: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Seen {
    pub fn rate(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// A request that is sent over and over.
pub struct Request<'a> {
    pub address: SocketAddr,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// What is posted, if anything.
    pub body: Option<&'a str>,
    /// Of how many pages, where `PAGE` in the path is another one each time.
    pub pages: Option<u32>,
}

/// Sends it from so many connections for so many seconds.
///
/// # Panics
///
/// When one fails, or is answered with 400 or more.
pub fn load(request: &Request<'_>, connections: usize, seconds: u32) -> Seen {
    let Request { address, path, headers, body, pages } = request;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/issuer/requests.lua");
    let mut command = on_processor(CLIENT, "wrk");
    command
        .args(["--threads", "1", "--timeout", "30s"])
        .args(["--duration", &format!("{seconds}s"), "--connections", &connections.to_string()])
        .arg("--script")
        .arg(script);
    for (name, value) in *headers {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    command.arg(format!("http://{address}{path}")).arg("--");
    match body {
        Some(body) => command.args(["POST", body]),
        None => command.args(["GET", ""]),
    };
    command.args(pages.map(|pages| pages.to_string()));
    let result = wrk::result(&mut command);
    let number = |name: &str| result[name].as_f64().expect("a number");
    assert!(number("requests") > 0.0 && number("failed") == 0.0, "{address}{path}: {result}");
    Seen {
        requests: number("requests"),
        seconds: number("microseconds") / 1e6,
        p50: number("p50"),
        p99: number("p99"),
    }
}
