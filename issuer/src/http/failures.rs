//! A limit on failed authentications from one address.
//!
//! Secret keys are random UUIDs, which nobody guesses; the limit is there so that trying costs
//! the service little, and so that it shows. It counts failures alone: a good key from a limited
//! address is served all the same, so nobody shuts out those who share an address with him.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

/// How many failures of one address within [`WINDOW`] are answered as failures.
pub const FAILURES: usize = 30;

/// The length of time over which failures are counted.
pub const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses are remembered. The one that failed longest ago is forgotten first.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// What to answer to a failed authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// That it failed, and why.
    Refuse,
    /// That there were too many of them.
    TooMany {
        /// After how many seconds the next failure is one of the permitted again, at least 1.
        wait_seconds: u64,
    },
}

/// The failed authentications of the last minute, by address.
///
/// An IPv6 client is its /64: an interface picks any address in there.
pub struct FailureLimit {
    /// When the permitted failures of an address were, the oldest first.
    permitted: Mutex<LruCache<IpAddr, VecDeque<Instant>>>,
}

impl FailureLimit {
    /// A limit without failures yet.
    pub fn new() -> Self {
        Self { permitted: Mutex::new(LruCache::sparse(ADDRESSES)) }
    }

    /// Counts a failed authentication from `address` at `now`.
    ///
    /// One that is too many doesn't count: who goes on asking is let through as often as one who
    /// waits.
    pub fn record(&self, address: IpAddr, now: Instant) -> Verdict {
        // A panic in here leaves a list that is short of one failure, which does no harm.
        let mut permitted = self.permitted.lock().unwrap_or_else(PoisonError::into_inner);
        let times = permitted.get_or_insert_mut(network(address), VecDeque::new);
        while times.front().is_some_and(|&time| now.saturating_duration_since(time) >= WINDOW) {
            times.pop_front();
        }
        match times.front() {
            Some(&oldest) if times.len() >= FAILURES => {
                let wait = WINDOW.saturating_sub(now.saturating_duration_since(oldest));
                let wait_seconds =
                    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
                Verdict::TooMany { wait_seconds }
            }
            _ => {
                times.push_back(now);
                Verdict::Refuse
            }
        }
    }
}

impl Default for FailureLimit {
    fn default() -> Self {
        Self::new()
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "192.0.2.1";

    fn at(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    fn fail(limit: &FailureLimit, address: &str, now: Instant) -> Verdict {
        limit.record(address.parse().unwrap(), now)
    }

    /// How many failures in a row are permitted.
    fn permitted(limit: &FailureLimit, address: &str, now: Instant) -> usize {
        (0..100).take_while(|_| fail(limit, address, now) == Verdict::Refuse).count()
    }

    #[test]
    fn the_31st_failure_within_a_minute_is_too_many() {
        let (limit, start) = (FailureLimit::new(), Instant::now());
        for failure in 0..30 {
            assert_eq!(fail(&limit, A, at(start, f64::from(failure))), Verdict::Refuse);
        }
        let cases = [(30.0, 30), (30.5, 30), (59.0, 1), (59.75, 1)];
        for (seconds, wait_seconds) in cases {
            assert_eq!(fail(&limit, A, at(start, seconds)), Verdict::TooMany { wait_seconds });
        }
        // The first one is a minute old, so there is room for one; the second one isn't yet.
        assert_eq!(fail(&limit, A, at(start, 60.0)), Verdict::Refuse);
        assert_eq!(fail(&limit, A, at(start, 60.5)), Verdict::TooMany { wait_seconds: 1 });
        assert_eq!(permitted(&limit, A, at(start, 200.0)), 30);
    }

    #[test]
    fn what_was_refused_as_too_many_does_not_prolong_the_wait() {
        let (limit, start) = (FailureLimit::new(), Instant::now());
        assert_eq!(permitted(&limit, A, start), 30);
        for second in 1..60 {
            let wait_seconds = 60 - u64::try_from(second).unwrap();
            let verdict = fail(&limit, A, at(start, f64::from(second)));
            assert_eq!(verdict, Verdict::TooMany { wait_seconds });
        }
        assert_eq!(permitted(&limit, A, at(start, 60.0)), 30);
    }

    #[test]
    fn addresses_are_counted_apart_and_an_ipv6_network_as_one() {
        let (limit, now) = (FailureLimit::new(), Instant::now());
        let cases = [
            ("192.0.2.1", 30),
            ("192.0.2.2", 30),
            ("::ffff:192.0.2.2", 0),
            ("2001:db8:0:1::1", 30),
            ("2001:db8:0:1:ffff:ffff:ffff:ffff", 0),
            ("2001:db8:0:2::1", 30),
        ];
        for (address, expected) in cases {
            assert_eq!(permitted(&limit, address, now), expected, "{address}");
        }
    }

    #[test]
    fn the_address_that_failed_longest_ago_is_forgotten_first() {
        let (limit, now) = (FailureLimit::new(), Instant::now());
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        for number in 0..65_536 {
            limit.record(address(number), now);
        }
        // The first is touched again, so the second is now the oldest.
        limit.record(address(0), now);
        limit.record(address(65_536), now);
        let permitted = limit.permitted.lock().unwrap();
        assert_eq!(permitted.len(), 65_536);
        assert!(permitted.contains(&address(0)) && !permitted.contains(&address(1)));
    }

    #[test]
    fn a_clock_that_stands_still_or_steps_back_permits_no_more() {
        let (limit, start) = (FailureLimit::new(), Instant::now() + Duration::from_secs(100));
        assert_eq!(permitted(&limit, A, start), 30);
        let before = start - Duration::from_secs(50);
        assert_eq!(fail(&limit, A, before), Verdict::TooMany { wait_seconds: 60 });
    }
}
