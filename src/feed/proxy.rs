//! What following the feed asks of the proxy: as a trait, so that a simulation can stand in for it.

use std::time::Duration;

use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::Now;

/// A proxy, seen from one plugin of one worker.
pub trait Proxy {
    /// What time it is, by both clocks; none where the proxy doesn't tell.
    fn now(&self) -> Option<Now>;

    /// Any number, another one each time.
    fn random(&self) -> u64;

    /// What is shared under a name, and its version.
    fn shared(&self, name: &str) -> Option<(Vec<u8>, u32)>;

    /// Shares a value, of a version only in place of that one. False where another has come.
    fn share(&self, name: &str, value: &[u8], version: Option<u32>) -> bool;

    /// Sends a request, whose answer comes later under the number that this returns.
    ///
    /// # Errors
    ///
    /// Why no answer will come.
    fn send(&self, request: &Request<'_>) -> Result<u32, Failure>;

    /// Bytes of the body of the answer at hand, up to so many.
    fn body(&self, start: usize, most: usize) -> Vec<u8>;

    /// Writes a line to the log.
    fn say(&self, level: Level, line: &str);

    /// Counts one of these.
    fn count(&self, what: Counted);

    /// Sets a gauge.
    fn gauge(&self, gauge: Gauge, value: u64);
}

/// A request without a body.
pub struct Request<'a> {
    /// The proxy's cluster that it goes to.
    pub cluster: &'a str,
    /// Its headers, `:method` and the like among them.
    pub headers: &'a [(&'a str, &'a str)],
    /// How long the proxy waits for the whole answer.
    pub timeout: Duration,
}

/// How a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Things are as they should be.
    Info,
    /// They aren't.
    Warning,
}

/// Why a request has no answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The proxy has no such cluster, or not yet.
    UnknownCluster,
    /// None came, or not in time.
    NoAnswer,
    /// The status is another than was asked for.
    Status(u16),
}

impl Failure {
    /// The names of all of them, in their counters.
    pub const NAMES: [&str; 3] = ["unknown_cluster", "no_answer", "error_status"];

    /// Its name in its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownCluster => "unknown_cluster",
            Self::NoAnswer => "no_answer",
            Self::Status(_) => "error_status",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Something that came and is ignored.
    Refused(Refusal),
    /// A request without an answer that can be used.
    Failed(Failure),
}

/// What of the state is shown. The proxy has one of each for all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// When the checkpoint of the state was issued, in seconds after the Unix epoch.
    Issued,
    /// Its sequence number.
    Sequence,
    /// The epoch of its log.
    Epoch,
    /// How many tokens are revoked by their ids.
    Revocations,
}

impl Gauge {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Issued, Self::Sequence, Self::Epoch, Self::Revocations];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Sequence => "sequence",
            Self::Epoch => "epoch",
            Self::Revocations => "revocations",
        }
    }
}
