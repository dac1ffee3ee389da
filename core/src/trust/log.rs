//! The log of revoked tokens: 8-byte records, only ever added to within an epoch.

mod table;

use std::fmt;

use sha2::{Digest as _, Sha256};

pub use table::Revocations;

use crate::claims::Claims;
use crate::identifier;
use crate::trust::checkpoint::Checkpoint;
use crate::trust::name::{Digest, Id, write_hex};

/// The most records of a log.
pub const MAX_RECORDS: u32 = 1_000_000;

/// The bytes of a record.
pub const RECORD_BYTES: u64 = 8;

/// A record: what stands for a token's id, the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(u64);

impl TokenHash {
    /// Of a token with this `jti`. One that is a UUID is hashed in lower case, so that it is the
    /// same one in any case of its digits; any other is hashed as it is.
    pub fn of(token_id: &str) -> Self {
        match identifier::uuid(token_id) {
            Some(uuid) => Self::of_uuid(uuid),
            None => Self::of_text(token_id.as_bytes()),
        }
    }

    /// Of a token with a UUID for its `jti`.
    pub fn of_uuid(uuid: [u8; 16]) -> Self {
        Self::of_text(Id::new(uuid).to_string().as_bytes())
    }

    /// Of the token with these claims; none without a `jti`.
    pub fn of_claims(claims: &Claims) -> Option<Self> {
        match (claims.token_uuid, &claims.token_id) {
            (Some(uuid), _) => Some(Self::of_uuid(uuid)),
            (None, id) => id.as_deref().map(|id| Self::of_text(id.as_bytes())),
        }
    }

    /// The record that has these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// Its bytes in the log.
    pub const fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    fn of_text(text: &[u8]) -> Self {
        Self::from_bytes(Digest::of(text).bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.bytes(), f)
    }
}

/// How far a log was read or written, and the hash of it so far. One more record costs no
/// second look at those before.
#[derive(Clone, Default)]
pub struct LogHash {
    length: u32,
    hash: Sha256,
}

impl LogHash {
    /// Adds a record.
    pub fn push(&mut self, record: TokenHash) {
        self.hash.update(record.bytes());
        self.length = self.length.saturating_add(1);
    }

    /// How many records there are.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// The hash of their bytes.
    pub fn digest(&self) -> Digest {
        Digest::new(self.hash.clone().finalize().into())
    }
}

/// A log as it comes in, up to the length that was signed. It begins where what is known
/// ends, or at nothing.
pub(crate) struct Arriving {
    /// How many records are those of the log that is in use.
    kept: u32,
    hash: LogHash,
    records: Vec<TokenHash>,
    /// The beginning of a record whose rest comes later.
    partial: Vec<u8>,
}

/// What became of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// More is to come.
    Unfinished,
    /// It is the log that was signed.
    Whole,
    /// All of it is there, and it is another one.
    Another,
}

impl Arriving {
    /// All of it has to come.
    pub(crate) fn from_the_start(length: u32) -> Self {
        // Reserved once: growing would take twice the memory.
        let records = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        Self { kept: 0, hash: LogHash::default(), records, partial: Vec::new() }
    }

    /// It goes on where this one ends.
    pub(crate) fn after(known: &LogHash) -> Self {
        let (records, partial) = (Vec::new(), Vec::new());
        Self { kept: known.length(), hash: known.clone(), records, partial }
    }

    /// Whether it may be the beginning of a log of that length.
    pub(crate) fn fits(&self, length: u32) -> bool {
        self.hash.length() <= length
    }

    /// Takes from the checkpoint itself what is missing, if that is all there.
    pub(crate) fn take_recent(&mut self, checkpoint: &Checkpoint) {
        let missing = checkpoint.log_length.saturating_sub(self.hash.length());
        let skipped = usize::try_from(missing).ok();
        let skipped = skipped.and_then(|missing| checkpoint.recent.len().checked_sub(missing));
        if let Some(skipped) = skipped {
            self.partial.clear();
            checkpoint.recent.iter().skip(skipped).for_each(|record| self.push(*record));
        }
    }

    /// The first byte of the log that is missing.
    pub(crate) fn position(&self) -> u64 {
        let partial = u64::try_from(self.partial.len()).unwrap_or(0);
        u64::from(self.hash.length()).saturating_mul(RECORD_BYTES).saturating_add(partial)
    }

    /// Takes bytes of the log that begin at `from`, up to that length in records. False where
    /// those before them are missing.
    pub(crate) fn append(&mut self, from: u64, bytes: &[u8], length: u32) -> bool {
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
        self.hash.hash.update(records.as_flattened());
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        self.hash.length = self.hash.length.saturating_add(count);
        self.records.extend(records.iter().map(|record| TokenHash::from_bytes(*record)));
        self.partial.extend_from_slice(rest);
        true
    }

    /// What there is of the log that the checkpoint names.
    pub(crate) fn compare(&self, checkpoint: &Checkpoint) -> Arrival {
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
    pub(crate) fn goes_on(&self) -> bool {
        self.kept > 0
    }

    /// The end of the log, and the records that came.
    pub(crate) fn into_parts(self) -> (LogHash, Vec<TokenHash>) {
        (self.hash, self.records)
    }

    fn push(&mut self, record: TokenHash) {
        self.hash.push(record);
        self.records.push(record);
    }
}

#[cfg(test)]
mod tests;
