//! The gateways that wait for news, counted, and no more of them than leave room for others.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The gateways that wait, by the sequence number that they have. Clones count the same.
///
/// A request may name any number. One lower than the service's is answered at once and never waits; a
/// higher one is that of another replica or of nobody, and its request would stay while the others
/// are told of a change: it counts as waiting, without a number.
#[derive(Clone, Debug)]
pub struct WaitingGateways {
    most: usize,
    now: Arc<Mutex<Now>>,
    count: Gauge<i64, AtomicI64>,
    lowest: Gauge<i64, AtomicI64>,
    not_held: Counter,
}

/// Who waits now.
#[derive(Debug, Default)]
struct Now {
    all: usize,
    by_sequence: BTreeMap<u64, usize>,
}

/// A gateway that waits for news, counted until this is dropped.
pub struct Waiting {
    gateways: WaitingGateways,
    sequence: Option<u64>,
}

impl WaitingGateways {
    /// Nobody waits yet. Of so many connections as may be open, four of five may be held: anybody can
    /// ask for that, and whoever isn't held has an answer at once and gives back the connection.
    pub fn among(connections: usize) -> Self {
        Self {
            most: connections.saturating_sub(connections.div_ceil(5)),
            now: Arc::default(),
            count: Gauge::default(),
            lowest: Gauge::default(),
            not_held: Counter::default(),
        }
    }

    /// Names the figures.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("waiting_gateways", "Gateways that wait for news", self.count.clone());
        registry.register(
            "lowest_waiting_sequence",
            "The lowest sequence number that gateways have which wait for the next one; 0 without any",
            self.lowest.clone(),
        );
        registry.register(
            "waits_not_granted",
            "Requests that asked to wait for news and were answered at once, as too many wait",
            self.not_held.clone(),
        );
    }

    /// Counts a gateway that waits, with the sequence number that it has, if that is this service's.
    /// None if as many wait as may, which is counted too.
    pub fn begin(&self, sequence: Option<u64>) -> Option<Waiting> {
        let mut now = self.lock();
        if now.all >= self.most {
            self.not_held.inc();
            return None;
        }
        now.all = now.all.saturating_add(1);
        if let Some(sequence) = sequence {
            let count = now.by_sequence.entry(sequence).or_default();
            *count = count.saturating_add(1);
        }
        self.show(&now);
        Some(Waiting { gateways: self.clone(), sequence })
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, now: &Now) {
        let lowest = now.by_sequence.keys().next().copied().unwrap_or(0);
        self.lowest.set(i64::try_from(lowest).unwrap_or(i64::MAX));
        self.count.set(i64::try_from(now.all).unwrap_or(i64::MAX));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut now = self.gateways.lock();
        now.all = now.all.saturating_sub(1);
        if let Some(sequence) = self.sequence
            && let Some(count) = now.by_sequence.get_mut(&sequence)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                now.by_sequence.remove(&sequence);
            }
        }
        self.gateways.show(&now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_of_those_that_wait_now() {
        let gateways = WaitingGateways::among(10);
        let shown = || (gateways.count.get(), gateways.lowest.get());
        assert_eq!(shown(), (0, 0));
        let (seven, nine) = (gateways.begin(Some(7)), gateways.begin(Some(9)));
        let again = gateways.begin(Some(7));
        assert_eq!(shown(), (3, 7));
        drop(seven);
        assert_eq!(shown(), (2, 7));
        drop(again);
        assert_eq!(shown(), (1, 9));
        let largest = gateways.begin(Some(u64::MAX));
        drop(nine);
        assert_eq!(shown(), (1, i64::MAX));
        let elsewhere = gateways.begin(None);
        drop(largest);
        assert_eq!(shown(), (1, 0));
        drop(elsewhere);
        assert_eq!(shown(), (0, 0));
    }
    #[test]
    fn a_fifth_of_the_connections_is_left_to_others() {
        for (connections, most) in [(0, 0), (1, 0), (2, 1), (5, 4), (9, 7), (10_000, 8_000)] {
            assert_eq!(WaitingGateways::among(connections).most, most, "{connections}");
        }
        let gateways = WaitingGateways::among(3);
        let shown = || (gateways.count.get(), gateways.not_held.get());
        let (one, two) = (gateways.begin(Some(7)), gateways.begin(None));
        assert!(one.is_some() && two.is_some());
        assert!(gateways.begin(Some(3)).is_none());
        assert_eq!((shown(), gateways.lowest.get()), ((2, 1), 7));
        drop(two);
        assert!(gateways.begin(Some(3)).is_some());
        assert_eq!(shown(), (1, 1));
    }
}
