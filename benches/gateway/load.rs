//! Load, from `wrk`, and what it costs Envoy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use testkit::measure::Series;
use testkit::measure::process::{cpu_time, on_processor};
use testkit::measure::wrk;

/// The connections of a measurement, where it isn't about their number: enough that Envoy
/// never waits for the next request.
pub const CONNECTIONS: usize = 8;

/// What one round measured, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// CPU of the Envoy process for each request.
    pub cpu: f64,
    /// CPU of a process that took part in each answer.
    pub beside: f64,
    /// Half of the requests were answered within it.
    pub p50: f64,
    /// And 99 of 100 within this.
    pub p99: f64,
}

/// Something of the CPU of two contenders, round by round.
pub fn paired(one: &[Round], other: &[Round], both: impl Fn(f64, f64) -> f64) -> Series {
    let cpu = |rounds: &[Round]| Series::of(rounds, |round| round.cpu);
    cpu(one).paired(&cpu(other), both)
}

/// Tokens to send, one in each request, over and over.
#[derive(Clone)]
pub struct Tokens {
    file: PathBuf,
    /// Where the next round goes on, so that no round starts with what the last one ended with.
    next: usize,
    /// What has to become of each request.
    admitted: bool,
}

/// What wrk saw.
pub struct Seen {
    /// Requests that were answered.
    pub requests: f64,
    p50: f64,
    p99: f64,
}

impl Tokens {
    /// A file with a token in each line.
    pub fn new(file: PathBuf) -> Self {
        Self { file, next: 0, admitted: true }
    }

    /// Each of which has to be refused.
    pub fn refused(self) -> Self {
        Self { admitted: false, ..self }
    }

    /// How many went out so far, nearly.
    pub fn sent(&self) -> usize {
        self.next
    }

    /// Sends requests for a second, the least that wrk knows, and measures.
    pub fn send(
        &mut self,
        envoy: u32,
        beside: Option<u32>,
        address: SocketAddr,
        connections: usize,
    ) -> Round {
        let times = || (cpu_time(envoy), beside.map(cpu_time).unwrap_or_default());
        let before = times();
        let Seen { requests, p50, p99 } = self.load(address, connections);
        let after = times();
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / requests;
        Round { cpu: each(after.0 - before.0), beside: each(after.1 - before.1), p50, p99 }
    }

    /// Sends requests for a second.
    ///
    /// # Panics
    ///
    /// When a request isn't answered as it has to be: then it isn't the work that was to be
    /// measured.
    pub fn load(&mut self, address: SocketAddr, connections: usize) -> Seen {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/gateway/tokens.lua");
        let mut command = on_processor(1, "wrk");
        command
            .args(["--threads", "1", "--duration", "1s", "--timeout", "10s"])
            .args(["--connections", &connections.to_string()])
            .arg("--script")
            .arg(script)
            .arg(format!("http://{address}/"))
            .arg("--")
            .arg(&self.file)
            .arg(self.next.to_string());
        let result = wrk::result(&mut command);
        let number = |name: &str| result[name].as_f64().expect("a number");
        let requests = number("requests");
        let refused = if self.admitted { 0.0 } else { requests };
        assert!(
            requests > 0.0 && number("refused") == refused && number("failed") == 0.0,
            "expected every request to {address} to be {}, found {result}",
            if self.admitted { "admitted" } else { "refused" },
        );
        self.next += requests as usize + connections;
        Seen { requests, p50: number("p50"), p99: number("p99") }
    }
}
