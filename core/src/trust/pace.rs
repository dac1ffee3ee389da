//! When a gateway asks again.

use std::time::Duration;

/// The times that are used, each at most a third of the most staleness, so that one lost answer
/// makes nothing stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    wait_seconds: u64,
    refresh: Duration,
    change_over: Duration,
}

/// How a request for the checkpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a checkpoint that says something new.
    News,
    /// With one that says nothing new, after the wait that was asked for.
    Waited,
    /// With one that says nothing new, or with 304, sooner than was asked.
    NoNews,
    /// Without an answer, or with one that is refused.
    Failed,
}

/// Over how much time gateways spread the reading of a new epoch's log.
const CHANGE_OVER: Duration = Duration::from_secs(20);

impl Pace {
    /// The pace of a configuration.
    pub fn new(wait: Duration, refresh: Duration, max_staleness: Duration) -> Self {
        let most = a_part(max_staleness, 3);
        let (wait, refresh) = (wait.min(most), refresh.min(most));
        Self { wait_seconds: wait.as_secs(), refresh, change_over: CHANGE_OVER.min(most) }
    }

    /// The seconds to send in `Prefer: wait=`; with 0 the header isn't sent.
    pub fn wait_seconds(self) -> u64 {
        self.wait_seconds
    }

    /// How long after a request without news that came too soon the next one begins.
    pub fn refresh(self) -> Duration {
        self.refresh
    }

    /// How a request without news ended that took so long, where the server says that it would wait
    /// for so many seconds (`Preference-Applied`). It may wait for less than was asked.
    pub fn without_news(self, took: Duration, applied: Option<u64>) -> Ended {
        let asked = self.wait_seconds.min(applied.unwrap_or(self.wait_seconds));
        // Clocks need not agree to the tenth, but nobody is asked ten times a second.
        let enough = Duration::from_secs(asked).saturating_sub(Duration::from_millis(500));
        if asked > 0 && took >= enough { Ended::Waited } else { Ended::NoNews }
    }

    /// How long after the end of a request the next one begins. `random` is any number, another
    /// one each time.
    pub fn pause(self, ended: Ended, random: u16) -> Duration {
        match ended {
            Ended::News if self.wait_seconds > 0 => Duration::ZERO,
            Ended::Waited => Duration::ZERO,
            Ended::News | Ended::NoNews => self.refresh,
            Ended::Failed => self.refresh.saturating_add(jitter(a_part(self.refresh, 5), random)),
        }
    }

    /// How long to wait before a new epoch's log is read, where an old one is in use: the state isn't
    /// renewed before. Checkpoints are asked for meanwhile, and what they revoke counts.
    pub fn change_over(self, random: u16) -> Duration {
        jitter(self.change_over, random)
    }
}

fn jitter(of: Duration, random: u16) -> Duration {
    a_part(of, u32::from(u16::MAX)).saturating_mul(u32::from(random))
}

fn a_part(of: Duration, divisor: u32) -> Duration {
    of.checked_div(divisor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn both_times_are_cut_to_a_third_of_the_staleness() {
        for (wait, refresh, max_staleness, used) in [
            (25, 5, 300, (25, seconds(5))),
            (25, 25, 30, (10, seconds(10))),
            (25, 5, 2, (0, Duration::from_millis(2000) / 3)),
            (0, 5, 300, (0, seconds(5))),
        ] {
            let pace = Pace::new(seconds(wait), seconds(refresh), seconds(max_staleness));
            assert_eq!((pace.wait_seconds(), pace.refresh), used, "{max_staleness}");
        }
    }

    #[test]
    fn a_server_that_answers_at_once_is_asked_each_refresh_alone() {
        let waiting = Pace::new(seconds(25), seconds(5), seconds(300));
        let polling = Pace::new(seconds(0), seconds(5), seconds(300));
        for (pace, ended, random, expected) in [
            (waiting, Ended::News, 9, 0),
            (waiting, Ended::Waited, 9, 0),
            (waiting, Ended::NoNews, 9, 5000),
            (waiting, Ended::Failed, 0, 5000),
            (polling, Ended::News, 9, 5000),
            (polling, Ended::NoNews, 9, 5000),
        ] {
            assert_eq!(pace.pause(ended, random), Duration::from_millis(expected), "{ended:?}");
        }
        for (took, applied, expected) in [
            (25_000, None, Ended::Waited),
            (24_500, Some(25), Ended::Waited),
            (24_499, Some(25), Ended::NoNews),
            (24_499, None, Ended::NoNews),
            (0, None, Ended::NoNews),
            // A server that waits for less than it was asked to, or for nothing.
            (10_000, Some(10), Ended::Waited),
            (10_000, None, Ended::NoNews),
            (30_000, Some(60), Ended::Waited),
            (400, Some(1), Ended::NoNews),
            (30_000, Some(0), Ended::NoNews),
        ] {
            let found = waiting.without_news(Duration::from_millis(took), applied);
            assert_eq!(found, expected, "{took} {applied:?}");
            let found = polling.without_news(Duration::from_millis(took), applied);
            assert_eq!(found, Ended::NoNews);
        }
        let most = waiting.pause(Ended::Failed, u16::MAX);
        assert!(most > Duration::from_millis(5990) && most <= seconds(6), "{most:?}");
        assert!(waiting.change_over(0).is_zero());
        for (max_staleness, most) in [(300, 20), (30, 10)] {
            let pace = Pace::new(seconds(25), seconds(5), seconds(max_staleness));
            let change_over = pace.change_over(u16::MAX);
            assert!(change_over <= seconds(most), "{change_over:?}");
            assert!(change_over > Duration::from_millis(most * 999), "{change_over:?}");
        }
    }
}
