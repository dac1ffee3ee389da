//! The log of revoked tokens: 8-byte records, only ever added to within an epoch.

mod table;

use std::fmt;

use sha2::{Digest as _, Sha256};

pub use table::Revocations;

use crate::claims::Claims;
use crate::identifier;
use crate::trust::name::{Digest, Id};
use crate::trust::text::{as_text, from_hex, write_hex};

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
        Self::of_text(&Id::new(uuid).text())
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
        // WebAssembly's own order: no instruction of it turns bytes around.
        Self(u64::from_le_bytes(bytes))
    }

    /// Its bytes in the log.
    pub const fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// Four of its bytes, as a number.
    fn half(self) -> u32 {
        u32::try_from(self.0 >> u32::BITS).unwrap_or(0)
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

as_text! {
    TokenHash, "16 hexadecimal digits in lower case", |text: &str| {
        from_hex(text).map(TokenHash::from_bytes)
    };
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

    /// Adds records as they stand in the log.
    pub(crate) fn extend(&mut self, records: &[[u8; 8]]) {
        self.hash.update(records.as_flattened());
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        self.length = self.length.saturating_add(count);
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

#[cfg(test)]
mod tests;
