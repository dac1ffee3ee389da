//! What one worker fetched, in the data that all workers share.
//!
//! Other plugins can write there too, so whatever is read is checked as if it came from the
//! network. Nothing there can be removed, so there is a fixed number of names: a log lies in pieces
//! of one size, a shard under its place in the index.

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::Checkpoint;
use namespace_jwt_core::trust::log::RECORD_BYTES;
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::state::Place;

use super::proxy::Proxy;

/// The bytes of the log in one piece.
pub const PIECE: usize = 64 << 10;

/// The names of one feed.
pub struct Shared {
    prefix: String,
}

impl Shared {
    /// Those of the feed that has this identity.
    pub fn new(identity: Digest) -> Self {
        Self { prefix: format!("namespace-jwt.trust.{}", short(identity)) }
    }

    /// The name of the lease of those that ask in one manner.
    pub fn lease(&self, manner: Digest) -> String {
        self.name(&format!("lease.{}", short(manner)))
    }

    /// How long ago, by the clock, the first worker of the process began to follow the feed.
    pub fn age(&self, proxy: &impl Proxy, clock: UnixTime) -> Duration {
        let name = self.name("start");
        let start = proxy.shared(&name).and_then(|(value, _)| value.try_into().ok());
        let Some(start) = start.map(u64::from_le_bytes) else {
            let seconds = clock.since_epoch().as_secs();
            proxy.share(&name, &seconds.to_le_bytes(), None);
            return Duration::ZERO;
        };
        clock.saturating_since(UnixTime::from_secs(start))
    }

    /// Where those were who followed the feed at this address last, with these keys or others.
    pub fn before(proxy: &impl Proxy, address: Digest) -> Option<Self> {
        let (prefix, _) = proxy.shared(&address_name(address))?;
        Some(Self { prefix: String::from_utf8(prefix).ok()? })
    }

    /// Says that they are here now.
    pub fn stay(&self, proxy: &impl Proxy, address: Digest) {
        proxy.share(&address_name(address), self.prefix.as_bytes(), None);
    }

    /// The newest checkpoint that was shared. What it names may not be there yet.
    pub fn news(&self, proxy: &impl Proxy) -> Option<Vec<u8>> {
        proxy.shared(&self.name("news")).map(|(bytes, _)| bytes)
    }

    /// The last checkpoint of which all was shared that it names.
    pub fn checkpoint(&self, proxy: &impl Proxy) -> Option<Vec<u8>> {
        proxy.shared(&self.name("checkpoint")).map(|(bytes, _)| bytes)
    }

    /// Shares a checkpoint of which something may be missing.
    pub fn share_news(&self, proxy: &impl Proxy, bytes: &[u8]) {
        proxy.share(&self.name("news"), bytes, None);
    }

    /// Shares a checkpoint, whose bytes are these, after the records of the log that it has. All else
    /// that it names was shared before.
    pub fn share_checkpoint(&self, proxy: &impl Proxy, bytes: &[u8], checkpoint: &Checkpoint) {
        let records: Vec<u8> = checkpoint.recent.iter().flat_map(|it| it.bytes()).collect();
        let end = u64::from(checkpoint.log_length).saturating_mul(RECORD_BYTES);
        let start = end.saturating_sub(u64::try_from(records.len()).unwrap_or(u64::MAX));
        self.share_log(proxy, checkpoint.epoch, start, &records);
        proxy.share(&self.name("checkpoint"), bytes, None);
    }

    /// The object with this hash, if it is what lies in its place.
    pub fn object(&self, proxy: &impl Proxy, place: Place, hash: Digest) -> Option<Vec<u8>> {
        let (bytes, _) = proxy.shared(&self.place(place))?;
        (Digest::of(&bytes) == hash).then_some(bytes)
    }

    /// Shares an object.
    pub fn share_object(&self, proxy: &impl Proxy, place: Place, bytes: &[u8]) {
        proxy.share(&self.place(place), bytes, None);
    }

    /// The piece of an epoch's log that has this byte, and the byte that it begins with.
    pub fn log(&self, proxy: &impl Proxy, epoch: u64, from: u64) -> Option<(u64, Vec<u8>)> {
        let (piece, start) = piece_of(from);
        let bytes = self.piece(proxy, epoch, piece)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        (from < start.saturating_add(length)).then_some((start, bytes))
    }

    /// Shares bytes of a log, which begin at `from`. Where those before them aren't there, a reader
    /// could do nothing with them.
    pub fn share_log(&self, proxy: &impl Proxy, epoch: u64, from: u64, bytes: &[u8]) {
        let (mut from, mut rest) = (from, bytes);
        while !rest.is_empty() {
            let (piece, start) = piece_of(from);
            let before = usize::try_from(from.saturating_sub(start)).unwrap_or(PIECE);
            let room = PIECE.saturating_sub(before).min(rest.len());
            let Some((chunk, after)) = rest.split_at_checked(room).filter(|_| room > 0) else {
                return;
            };
            let shared = self.piece(proxy, epoch, piece).unwrap_or_default();
            let Some(known) = shared.get(..before) else { return };
            // What is there and goes on from other bytes than these goes.
            if shared.get(before..before.saturating_add(room)) != Some(chunk) {
                let value = [&epoch.to_le_bytes(), known, chunk].concat();
                proxy.share(&self.name(&format!("log.{piece}")), &value, None);
            }
            rest = after;
            from = from.saturating_add(u64::try_from(room).unwrap_or(u64::MAX));
        }
    }

    /// Shares the log of an epoch, up to this byte, that others have elsewhere and that was checked.
    pub fn copy_log(&self, proxy: &impl Proxy, from: &Self, epoch: u64, end: u64) {
        let mut at = 0;
        while at < end {
            let Some((start, bytes)) = from.log(proxy, epoch, at) else { return };
            let length = usize::try_from(end.saturating_sub(start)).unwrap_or(PIECE);
            let checked = bytes.get(..length).unwrap_or(&bytes);
            self.share_log(proxy, epoch, start, checked);
            at = start.saturating_add(u64::try_from(PIECE).unwrap_or(u64::MAX));
        }
    }

    fn piece(&self, proxy: &impl Proxy, epoch: u64, piece: u64) -> Option<Vec<u8>> {
        let (mut bytes, _) = proxy.shared(&self.name(&format!("log.{piece}")))?;
        let own = bytes.first_chunk().is_some_and(|it| u64::from_le_bytes(*it) == epoch);
        own.then(|| bytes.split_off(size_of::<u64>()))
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::Index => self.name("index"),
            Place::Shard { family, number } => self.name(&format!("{family}.{number}")),
        }
    }

    fn name(&self, of: &str) -> String {
        format!("{}.{of}", self.prefix)
    }
}

fn address_name(address: Digest) -> String {
    format!("namespace-jwt.trust.at.{}", short(address))
}

fn short(digest: Digest) -> String {
    digest.to_string().chars().take(16).collect()
}

/// The number of the piece that has this byte of a log, and the byte that it begins with.
fn piece_of(byte: u64) -> (u64, u64) {
    let size = u64::try_from(PIECE).unwrap_or(u64::MAX);
    let piece = byte.checked_div(size).unwrap_or(0);
    (piece, piece.saturating_mul(size))
}
