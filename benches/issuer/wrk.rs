//! Load, from `wrk`.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use testkit::measure::process::on_processor;

use crate::CLIENT;

/// What wrk saw in a second, the least that it knows; latencies in microseconds.
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

/// Sends the same request over and over, from so many connections.
///
/// # Panics
///
/// When one fails, or is answered with 400 or more.
pub fn load(address: SocketAddr, path: &str, headers: &[(&str, &str)], connections: usize) -> Seen {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/issuer/requests.lua");
    let mut command = on_processor(CLIENT, "wrk");
    command
        .args(["--threads", "1", "--duration", "1s", "--timeout", "10s"])
        .args(["--connections", &connections.to_string()])
        .arg("--script")
        .arg(script)
        .stdin(Stdio::null());
    for (name, value) in headers {
        command.arg("--header").arg(format!("{name}: {value}"));
    }
    let output = command
        .arg(format!("http://{address}{path}"))
        .output()
        .unwrap_or_else(|error| panic!("wrk can't be run: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let result: Value = text
        .lines()
        .find_map(|line| serde_json::from_str(line.strip_prefix("RESULT ")?).ok())
        .unwrap_or_else(|| {
            panic!("wrk failed:\n{text}{}", String::from_utf8_lossy(&output.stderr))
        });
    let number = |name: &str| result[name].as_f64().expect("a number");
    assert!(number("requests") > 0.0 && number("failed") == 0.0, "{address}{path}: {result}");
    Seen {
        requests: number("requests"),
        seconds: number("microseconds") / 1e6,
        p50: number("p50"),
        p99: number("p99"),
    }
}
