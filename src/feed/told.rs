//! What operators see: gauges, and a line when something changes. What is counted, each time, is
//! what went wrong.

use std::time::Duration;

use namespace_jwt_core::config::Trust;
use namespace_jwt_core::trust::checkpoint::Checkpoint;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{Now, State, WhenStale};

use super::proxy::{Failure, Gauge, Level, Proxy};

/// What was said last.
pub struct Told {
    cluster: String,
    when_stale: WhenStale,
    static_keys: bool,
    max_staleness: Duration,
    problem: Option<Problem>,
    /// What was found in the shared data that no worker put there.
    foreign: Option<Refusal>,
    /// Whether the state was stale.
    stale: Option<bool>,
    started: Option<Duration>,
    /// The gauges as they were set.
    gauges: [u64; Gauge::ALL.len()],
}

/// What is wrong with asking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Problem {
    Refused(Refusal),
    Failed(Failure),
}

impl Told {
    pub fn new(trust: &Trust) -> Self {
        let settings = &trust.settings;
        Self {
            cluster: trust.cluster.clone(),
            when_stale: settings.when_stale,
            static_keys: settings.static_keys,
            max_staleness: settings.max_staleness,
            problem: None,
            foreign: None,
            stale: None,
            started: None,
            gauges: [0; Gauge::ALL.len()],
        }
    }

    /// The state is this now. Of all workers one speaks.
    pub fn state(&mut self, proxy: &impl Proxy, state: &State, now: Now, speaks: bool) {
        if let Some(current) = state.current() {
            self.set_gauges(proxy, current, state.revocations());
        }
        let started = *self.started.get_or_insert(now.monotonic);
        let stale = state.is_stale(now);
        // Until something has come there is time to wait for it.
        let waits = now.monotonic.saturating_sub(started) <= self.max_staleness;
        if self.stale == Some(stale) || (self.stale.is_none() && stale && waits) {
            return;
        }
        let before = self.stale.replace(stale);
        if !speaks {
            return;
        }
        match (stale, state.current()) {
            (true, current) => say(proxy, Level::Warning, &self.stale_line(current, now)),
            (false, Some(current)) => {
                let word = if before.is_none() { "known" } else { "known again" };
                let line = format!(
                    "what is trusted is {word}: sequence {}, {} revocations",
                    current.sequence,
                    state.revocations()
                );
                say(proxy, Level::Info, &line);
            }
            (false, None) => {}
        }
    }

    /// An answer could be used.
    pub fn works(&mut self, proxy: &impl Proxy) {
        if self.problem.take().is_some() {
            say(
                proxy,
                Level::Info,
                &format!("cluster {} answers as it should again", self.cluster),
            );
        }
    }

    /// Something that came is ignored; the clocks may differ by so much.
    pub fn refused(&mut self, proxy: &impl Proxy, refusal: Refusal, ahead: Option<Duration>) {
        let ahead =
            ahead.filter(|_| refusal == Refusal::FromTheFuture).map_or_else(String::new, |ahead| {
                format!(": it was issued {} seconds ahead of the clock here", ahead.as_secs())
            });
        let line =
            format!("what cluster {} sent is ignored: {}{ahead}", self.cluster, refusal.name());
        self.problem(proxy, Problem::Refused(refusal), &line);
    }

    /// A request has no answer that can be used.
    pub fn failed(&mut self, proxy: &impl Proxy, failure: Failure) {
        let cluster = &self.cluster;
        let line = match failure {
            Failure::UnknownCluster => {
                format!("there is no cluster {cluster}, or not yet; it is tried again")
            }
            Failure::NoAnswer => format!("cluster {cluster} doesn't answer; it is tried again"),
            Failure::Status(status) => {
                format!("cluster {cluster} answers with {status}; it is tried again")
            }
        };
        self.problem(proxy, Problem::Failed(failure), &line);
    }

    /// What workers share has something that none of them put there.
    pub fn disturbed(&mut self, proxy: &impl Proxy, refusal: Refusal) {
        let line = format!(
            "what workers share was changed by another plugin ({}); a `vm_id` of its own keeps \
             it out",
            refusal.name()
        );
        if self.foreign.replace(refusal) != Some(refusal) {
            say(proxy, Level::Warning, &line);
        }
    }

    fn problem(&mut self, proxy: &impl Proxy, problem: Problem, line: &str) {
        if self.problem.replace(problem) != Some(problem) {
            say(proxy, Level::Warning, line);
        }
    }

    fn stale_line(&self, current: Option<&Checkpoint>, now: Now) -> String {
        let since = match current {
            Some(current) => {
                let age = now.clock.saturating_since(current.issued).as_secs();
                format!("the last good checkpoint was issued {age} seconds ago")
            }
            None => "no good checkpoint has come since the start".to_owned(),
        };
        let then = match (self.when_stale, current.is_some() || self.static_keys) {
            (WhenStale::Keep, true) => "requests are judged by what was known last",
            _ => "requests are answered with 503",
        };
        format!("what is trusted is stale: {since}; {then}")
    }

    fn set_gauges(&mut self, proxy: &impl Proxy, current: &Checkpoint, revocations: usize) {
        let values = [
            current.issued.since_epoch().as_secs(),
            current.sequence,
            current.epoch,
            u64::try_from(revocations).unwrap_or(u64::MAX),
        ];
        for ((gauge, value), was) in Gauge::ALL.into_iter().zip(values).zip(&mut self.gauges) {
            if *was != value {
                *was = value;
                proxy.gauge(gauge, value);
            }
        }
    }
}

fn say(proxy: &impl Proxy, level: Level, line: &str) {
    proxy.say(level, &format!("namespace-jwt: trust: {line}"));
}
