//! Which worker asks the issuer: the one that holds a lease in the data that all workers share.
//!
//! Whoever holds it writes a new number every half a second. It is free when nothing has changed
//! for two seconds, by the clock of whoever looks: no time is shared, so none can be wrong. Two
//! may hold it for a moment, and ask twice; each notices at its next number. Beside the number
//! stands how much the holder knows, so that the others notice when they are left out.

use std::time::Duration;

use super::proxy::Proxy;

/// How often the holder writes.
const BEAT: Duration = Duration::from_millis(500);

/// When a lease that nobody writes is free.
const EXPIRED: Duration = Duration::from_secs(2);

/// For how long it may be anybody's guess who holds it.
const DISORDER: Duration = Duration::from_secs(10);

/// What a lease has that nobody holds.
const FREE: &[u8] = b"free";

/// A worker's part in it.
pub struct Lease {
    name: String,
    own: u64,
    /// What this worker wrote last, and when.
    wrote: (Written, Duration),
    /// What another wrote last, and since when it has been there.
    seen: Option<(Vec<u8>, Duration)>,
    /// When a holder was last seen to be there.
    orderly: Duration,
}

/// What the holder writes: who it is, a number, and how much it knows.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Written {
    holder: u64,
    beat: u64,
    knows: u64,
}

impl Lease {
    /// That of this name, held by somebody else or nobody.
    pub fn new(name: String, own: u64, now: Duration) -> Self {
        let wrote = (Written { holder: own, beat: 0, knows: 0 }, now);
        Self { name, own, wrote, seen: None, orderly: now }
    }

    /// Whether it is this worker's, which takes it if it is free, and `knows` so much: a number that
    /// rises with time.
    pub fn keep(&mut self, proxy: &impl Proxy, now: Duration, knows: u64) -> bool {
        let holds = self.holds(proxy, now, knows);
        if holds {
            self.orderly = now;
            self.seen = None;
        }
        holds
    }

    /// How much the holder says that it knows, where that is another worker.
    pub fn told(&self) -> u64 {
        let written = self.seen.as_ref().and_then(|(value, _)| Written::read(value));
        written.map_or(0, |written| written.knows)
    }

    /// Whether somebody writes here who isn't a worker, so that nobody can tell who asks.
    pub fn is_in_disorder(&self, now: Duration) -> bool {
        now.saturating_sub(self.orderly) > DISORDER
    }

    fn holds(&mut self, proxy: &impl Proxy, now: Duration, knows: u64) -> bool {
        let Some((value, version)) = self.read(proxy) else { return false };
        let written = Written::read(&value);
        let (wrote, at) = self.wrote;
        if written == Some(wrote) {
            let due = now.saturating_sub(at) >= BEAT || wrote.knows != knows;
            return !due || self.write(proxy, version, now, knows);
        }
        let before = self.seen.as_ref().and_then(|(before, _)| Written::read(before));
        match &self.seen {
            Some((before, since)) if *before == value => {
                let expired = now.saturating_sub(*since) >= EXPIRED;
                (expired || value == FREE) && self.write(proxy, version, now, knows)
            }
            _ if value == FREE => self.write(proxy, version, now, knows),
            _ => {
                // One and the same holder goes on.
                let holder = written.map(|it| it.holder);
                if holder.is_some() && holder == before.map(|it| it.holder) {
                    self.orderly = now;
                }
                self.seen = Some((value, now));
                false
            }
        }
    }

    /// A lease that isn't there is made free first. To write it at once would leave two workers
    /// that find none with one each: the proxy compares versions of what is there alone.
    fn read(&self, proxy: &impl Proxy) -> Option<(Vec<u8>, u32)> {
        proxy.shared(&self.name).or_else(|| {
            proxy.share(&self.name, FREE, None);
            proxy.shared(&self.name)
        })
    }

    fn write(&mut self, proxy: &impl Proxy, version: u32, now: Duration, knows: u64) -> bool {
        let beat = self.wrote.0.beat.wrapping_add(1);
        let written = Written { holder: self.own, beat, knows };
        self.wrote = (written, now);
        proxy.share(&self.name, &written.bytes(), Some(version))
    }
}

impl Written {
    fn bytes(self) -> Vec<u8> {
        [self.holder, self.beat, self.knows].map(u64::to_le_bytes).concat()
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (numbers, rest) = value.as_chunks::<8>();
        let [holder, beat, knows] = <[_; 3]>::try_from(numbers).ok()?.map(u64::from_le_bytes);
        rest.is_empty().then_some(Self { holder, beat, knows })
    }
}
