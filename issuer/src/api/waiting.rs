//! The gateways that wait for news, counted.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The gateways that wait, by the sequence number that they have. Clones count the same.
///
/// A request may name any number. One lower than the service's is answered at once and never waits; a
/// higher one is that of another replica or of nobody, and its request would stay while the others
/// are told of a change: it counts as waiting, without a number.
#[derive(Clone, Debug, Default)]
pub struct WaitingGateways {
    by_sequence: Arc<Mutex<BTreeMap<u64, usize>>>,
    count: Gauge<i64, AtomicI64>,
    lowest: Gauge<i64, AtomicI64>,
}

/// A gateway that waits for news, counted until this is dropped.
pub struct Waiting {
    gateways: WaitingGateways,
    sequence: Option<u64>,
}

impl WaitingGateways {
    /// Names the figures.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("waiting_gateways", "Gateways that wait for news", self.count.clone());
        registry.register(
            "lowest_waiting_sequence",
            "The lowest sequence number that gateways have which wait for the next one; 0 without any",
            self.lowest.clone(),
        );
    }

    /// Counts a gateway that waits, with the sequence number that it has, if that is this service's.
    pub fn begin(&self, sequence: Option<u64>) -> Waiting {
        let mut by_sequence = self.lock();
        if let Some(sequence) = sequence {
            let count = by_sequence.entry(sequence).or_default();
            *count = count.saturating_add(1);
        }
        self.show_lowest(&by_sequence);
        self.count.inc();
        Waiting { gateways: self.clone(), sequence }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, usize>> {
        self.by_sequence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_lowest(&self, by_sequence: &BTreeMap<u64, usize>) {
        let lowest = by_sequence.keys().next().copied().unwrap_or(0);
        self.lowest.set(i64::try_from(lowest).unwrap_or(i64::MAX));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gateways.count.dec();
        let Some(sequence) = self.sequence else { return };
        let mut by_sequence = self.gateways.lock();
        if let Some(count) = by_sequence.get_mut(&sequence) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_sequence.remove(&sequence);
            }
        }
        self.gateways.show_lowest(&by_sequence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_of_those_that_wait_now() {
        let gateways = WaitingGateways::default();
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
}
