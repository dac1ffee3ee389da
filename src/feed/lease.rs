//! Which worker asks the issuer: the one that holds a lease in the data that all workers share.
//!
//! Whoever holds it writes a new number every half a second. It is free when nothing has changed
//! for two seconds, by the clock of whoever looks: no time is shared, so none can be wrong. Two
//! may hold it for a moment, and ask twice; each notices at its next number.

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
    beat: u64,
    wrote: Duration,
    /// What another wrote last, and since when it has been there.
    seen: Option<(Vec<u8>, Duration)>,
    /// When a holder was last seen to be there.
    orderly: Duration,
}

impl Lease {
    /// That of this name, held by somebody else or nobody.
    pub fn new(name: String, own: u64, now: Duration) -> Self {
        Self { name, own, beat: 0, wrote: now, seen: None, orderly: now }
    }

    /// Whether it is this worker's, which takes it if it is free.
    pub fn keep(&mut self, proxy: &impl Proxy, now: Duration) -> bool {
        let holds = self.holds(proxy, now);
        if holds {
            self.orderly = now;
        }
        holds
    }

    /// Whether somebody writes here who isn't a worker, so that nobody can tell who asks.
    pub fn is_in_disorder(&self, now: Duration) -> bool {
        now.saturating_sub(self.orderly) > DISORDER
    }

    fn holds(&mut self, proxy: &impl Proxy, now: Duration) -> bool {
        let Some((value, version)) = self.read(proxy) else { return false };
        let (holder, beat) = read(&value).unzip();
        if holder == Some(self.own) && beat == Some(self.beat) {
            let due = now.saturating_sub(self.wrote) >= BEAT;
            return !due || self.write(proxy, version, now);
        }
        let before = self.seen.as_ref().and_then(|(before, _)| read(before)).unzip().0;
        match &self.seen {
            Some((before, since)) if *before == value => {
                let expired = now.saturating_sub(*since) >= EXPIRED;
                (expired || value == FREE) && self.write(proxy, version, now)
            }
            _ if value == FREE => self.write(proxy, version, now),
            _ => {
                // One and the same holder goes on.
                if holder.is_some() && holder == before {
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

    fn write(&mut self, proxy: &impl Proxy, version: u32, now: Duration) -> bool {
        self.beat = self.beat.wrapping_add(1);
        let value = [self.own.to_le_bytes(), self.beat.to_le_bytes()].concat();
        self.wrote = now;
        proxy.share(&self.name, &value, Some(version))
    }
}

/// The holder, and its number.
fn read(value: &[u8]) -> Option<(u64, u64)> {
    let (holder, beat) = value.split_first_chunk()?;
    let beat = beat.try_into().ok()?;
    Some((u64::from_le_bytes(*holder), u64::from_le_bytes(beat)))
}
