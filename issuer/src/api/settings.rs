//! What a container's settings look like in both versions of the API.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::arguments::Arguments;
use crate::model::application::{Check, Probe, ScalingOption};

/// What starts another instance: one number.
pub fn scaling_option(it: &mut Arguments) -> Option<ScalingOption> {
    let read = |it: &mut Arguments| {
        let requests = it.number("concurrent_requests_threshold");
        let cpu = it.number("cpu_usage_threshold");
        let memory = it.number("memory_usage_threshold");
        requests
            .map(ScalingOption::ConcurrentRequests)
            .or(cpu.map(ScalingOption::CpuUsage))
            .or(memory.map(ScalingOption::MemoryUsage))
    };
    it.object("scaling_option", read).flatten()
}

/// How a container is asked whether it is well, with what is left out filled in.
pub fn probe(it: &mut Arguments, name: &str) -> Option<Probe> {
    it.object(name, |it| Probe {
        failure_threshold: it.number("failure_threshold").unwrap_or(30),
        interval: it.duration("interval").unwrap_or(Duration::from_secs(10)),
        timeout: it.duration("timeout").unwrap_or(Duration::from_secs(1)),
        check: {
            let _ = it.object("tcp", |_| ());
            let path = |it: &mut Arguments| it.text("path").unwrap_or_else(|| "/".to_owned());
            it.object("http", path).map_or(Check::Tcp, Check::Http)
        },
    })
}

/// What starts another instance.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct ScalingOptionView {
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent_requests_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_usage_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_usage_threshold: Option<u32>,
}

impl ScalingOptionView {
    /// One of the three.
    pub fn of(it: ScalingOption) -> Self {
        let [mut requests, mut cpu, mut memory] = [None; 3];
        match it {
            ScalingOption::ConcurrentRequests(threshold) => requests = Some(threshold),
            ScalingOption::CpuUsage(threshold) => cpu = Some(threshold),
            ScalingOption::MemoryUsage(threshold) => memory = Some(threshold),
        }
        Self {
            concurrent_requests_threshold: requests,
            cpu_usage_threshold: cpu,
            memory_usage_threshold: memory,
        }
    }
}

/// How a container is asked whether it is well, as v1beta1 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct HealthCheckView {
    failure_threshold: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpView>,
    interval: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpView>,
}

/// The same, as v1 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct ProbeView {
    failure_threshold: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpView>,
    interval: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpView>,
    timeout: String,
}

/// By a request to this path.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct HttpView {
    path: String,
}

/// By a connection.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TcpView {}

impl HealthCheckView {
    /// Without the member that v1beta1 doesn't have.
    pub fn of(it: Probe) -> Self {
        let (http, tcp) = views(it.check);
        let interval = seconds(it.interval);
        Self { failure_threshold: it.failure_threshold, http, interval, tcp }
    }
}

impl ProbeView {
    /// All of it.
    pub fn of(it: Probe) -> Self {
        let (http, tcp) = views(it.check);
        Self {
            failure_threshold: it.failure_threshold,
            http,
            interval: seconds(it.interval),
            tcp,
            timeout: seconds(it.timeout),
        }
    }
}

fn views(check: Check) -> (Option<HttpView>, Option<TcpView>) {
    match check {
        Check::Http(path) => (Some(HttpView { path }), None),
        Check::Tcp => (None, Some(TcpView {})),
    }
}

/// A length of time as answers have it: `300s`, `1.5s`.
pub fn seconds(duration: Duration) -> String {
    let fraction = format!("{:09}", duration.subsec_nanos());
    match fraction.trim_end_matches('0') {
        "" => format!("{}s", duration.as_secs()),
        fraction => format!("{}.{fraction}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_no_digits_that_say_nothing() {
        for (millis, expected) in [(300_000, "300s"), (1_500, "1.5s"), (1, "0.001s"), (0, "0s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
