//! The log that a new checkpoint names, while it comes.

use crate::trust::checkpoint::Checkpoint;
use crate::trust::log::{LogHash, RECORD_BYTES, TokenHash};

/// A log as it comes in, up to the length that was signed. It begins where what is known
/// ends, or at nothing.
pub(super) struct Arriving {
    /// How many records are those of the log that is in use.
    kept: u32,
    hash: LogHash,
    records: Vec<TokenHash>,
    /// The beginning of a record whose rest comes later.
    partial: Vec<u8>,
}

/// What became of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// More is to come.
    Unfinished,
    /// It is the log that was signed.
    Whole,
    /// All of it is there, and it is another one.
    Another,
}

impl Arriving {
    /// All of it has to come.
    pub(super) fn from_the_start(length: u32) -> Self {
        // Reserved once: growing would take twice the memory.
        let records = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        Self { kept: 0, hash: LogHash::default(), records, partial: Vec::new() }
    }

    /// It goes on where this one ends.
    pub(super) fn after(known: &LogHash) -> Self {
        let (records, partial) = (Vec::new(), Vec::new());
        Self { kept: known.length(), hash: known.clone(), records, partial }
    }

    /// Whether it may be the beginning of a log of that length.
    pub(super) fn fits(&self, length: u32) -> bool {
        self.hash.length() <= length
    }

    /// Takes from the checkpoint itself what is missing, if that is all there.
    pub(super) fn take_recent(&mut self, checkpoint: &Checkpoint) {
        let missing = checkpoint.log_length.saturating_sub(self.hash.length());
        let skipped = usize::try_from(missing).ok();
        let skipped = skipped.and_then(|missing| checkpoint.recent.len().checked_sub(missing));
        if let Some(skipped) = skipped {
            self.partial.clear();
            checkpoint.recent.iter().skip(skipped).for_each(|record| self.push(*record));
        }
    }

    /// The first byte of the log that is missing.
    pub(super) fn position(&self) -> u64 {
        let partial = u64::try_from(self.partial.len()).unwrap_or(0);
        u64::from(self.hash.length()).saturating_mul(RECORD_BYTES).saturating_add(partial)
    }

    /// Takes bytes of the log that begin at `from`, up to that length in records. False where
    /// those before them are missing.
    pub(super) fn append(&mut self, from: u64, bytes: &[u8], length: u32) -> bool {
        let position = self.position();
        let Some(known) = position.checked_sub(from) else { return false };
        let room = u64::from(length).saturating_mul(RECORD_BYTES).saturating_sub(position);
        let as_size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let fresh = bytes.get(as_size(known)..).unwrap_or_default();
        let mut fresh = fresh.get(..as_size(room)).unwrap_or(fresh);
        // Whole records need no second copy.
        while !self.partial.is_empty() {
            let Some((byte, rest)) = fresh.split_first() else { return true };
            self.partial.push(*byte);
            fresh = rest;
            if let Some(record) = self.partial.first_chunk().copied() {
                self.partial.clear();
                self.push(TokenHash::from_bytes(record));
            }
        }
        let (records, rest) = fresh.as_chunks::<8>();
        self.hash.extend(records);
        self.records.extend(records.iter().map(|record| TokenHash::from_bytes(*record)));
        self.partial.extend_from_slice(rest);
        true
    }

    /// What there is of the log that the checkpoint names.
    pub(super) fn compare(&self, checkpoint: &Checkpoint) -> Arrival {
        if self.hash.length() < checkpoint.log_length {
            Arrival::Unfinished
        } else if self.hash.digest() == checkpoint.log_hash
            && self.hash.length() == checkpoint.log_length
        {
            Arrival::Whole
        } else {
            Arrival::Another
        }
    }

    /// Whether it goes on from a log that is in use, rather than stand in its place.
    pub(super) fn goes_on(&self) -> bool {
        self.kept > 0
    }

    /// The end of the log, and the records that came.
    pub(super) fn into_parts(self) -> (LogHash, Vec<TokenHash>) {
        (self.hash, self.records)
    }

    fn push(&mut self, record: TokenHash) {
        self.hash.push(record);
        self.records.push(record);
    }
}

#[cfg(test)]
mod tests;
