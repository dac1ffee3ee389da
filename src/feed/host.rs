//! The proxy that the filter runs in, as what follows the feed sees it.

use std::cell::OnceCell;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use namespace_jwt_core::config::Config;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::Now;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, MetricType, Status};

use super::answer::Answer;
use super::proxy::{Counted, Failure, Gauge, Level, Proxy, Request};
use crate::host::{self, HostError};
use crate::{header_map, plugin};

thread_local! {
    /// From when on the time that only goes on is counted. A VM has one thread.
    static START: OnceCell<Instant> = const { OnceCell::new() };
}

/// The proxy, with its numbers of what is counted and shown.
pub struct Host {
    refused: Vec<(Refusal, u32)>,
    failed: Vec<(&'static str, u32)>,
    gauges: Vec<(Gauge, u32)>,
}

impl Host {
    /// Defines what is counted and shown for a configuration.
    ///
    /// # Errors
    ///
    /// What the proxy didn't define.
    pub fn new(config: &Config) -> Result<Self, HostError> {
        let define = |kind, name: &str| {
            hostcalls::define_metric(kind, &config.trust_metric(name)).map_err(HostError::from)
        };
        let counter = |name: &str| define(MetricType::Counter, &format!("refused.{name}"));
        let refused = Refusal::ALL.map(|it| Ok((it, counter(it.name())?)));
        let failed = Failure::NAMES.map(|it| Ok((it, counter(it)?)));
        let gauges = Gauge::ALL.map(|it| Ok((it, define(MetricType::Gauge, it.name())?)));
        let refused = refused.into_iter().collect::<Result<_, HostError>>()?;
        let failed = failed.into_iter().collect::<Result<_, HostError>>()?;
        let gauges = gauges.into_iter().collect::<Result<_, HostError>>()?;
        Ok(Self { refused, failed, gauges })
    }
}

/// What came in answer to a call: of one that failed there are no headers.
pub fn answer(headers: usize, body_size: usize) -> Answer {
    if headers == 0 {
        return Answer::default();
    }
    let map = host::headers(MapType::HttpCallResponseHeaders).unwrap_or_default();
    Answer::read(header_map::parse(&map).unwrap_or_default(), body_size)
}

impl Proxy for Host {
    fn now(&self) -> Option<Now> {
        let clock = plugin::now().ok()?;
        let monotonic = START.with(|start| start.get_or_init(Instant::now).elapsed());
        Some(Now { clock, monotonic })
    }

    fn random(&self) -> u64 {
        RandomState::new().hash_one(())
    }

    fn shared(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        let (value, version) = hostcalls::get_shared_data(name).ok()?;
        Some((value?, version?))
    }

    fn share(&self, name: &str, value: &[u8], version: Option<u32>) -> bool {
        hostcalls::set_shared_data(name, Some(value), version).is_ok()
    }

    fn send(&self, request: &Request<'_>) -> Result<u32, Failure> {
        let Request { cluster, headers, timeout } = request;
        let sent = hostcalls::dispatch_http_call(cluster, headers.to_vec(), None, vec![], *timeout);
        sent.map_err(|status| match status {
            Status::BadArgument => Failure::UnknownCluster,
            _ => Failure::NoAnswer,
        })
    }

    fn body(&self, start: usize, most: usize) -> Vec<u8> {
        let read = hostcalls::get_buffer(BufferType::HttpCallResponseBody, start, most);
        read.ok().flatten().unwrap_or_default()
    }

    fn say(&self, level: Level, line: &str) {
        let level = match level {
            Level::Info => LogLevel::Info,
            Level::Warning => LogLevel::Warn,
        };
        let _ = hostcalls::log(level, line);
    }

    fn count(&self, what: Counted) {
        let number = match what {
            Counted::Refused(refusal) => number(&self.refused, refusal),
            Counted::Failed(failure) => number(&self.failed, failure.name()),
        };
        if let Some(number) = number {
            let _ = hostcalls::increment_metric(number, 1);
        }
    }

    fn gauge(&self, gauge: Gauge, value: u64) {
        if let Some(number) = number(&self.gauges, gauge) {
            let _ = hostcalls::record_metric(number, value);
        }
    }
}

fn number<T: PartialEq + Copy>(numbers: &[(T, u32)], of: T) -> Option<u32> {
    numbers.iter().find(|(it, _)| *it == of).map(|(_, number)| *number)
}
