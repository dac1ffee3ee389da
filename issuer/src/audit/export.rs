//! Entries in, lines out.

use std::fmt;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::name::Digest;

use super::fault::Malformation;
use super::line::{self, Head, MAX_KEYS, MAX_LINE_BYTES, PublicKey, Signature};
use super::{CONTEXT, Removed, next, start};
use crate::model::audit::AuditRecord;

/// A log that is being written.
#[derive(Debug)]
pub struct Export {
    hash: Digest,
    entries: u64,
    number: u64,
    removed: Removed,
}

impl Default for Export {
    fn default() -> Self {
        Self { hash: start(), entries: 0, number: 0, removed: Removed::default() }
    }
}

impl Export {
    /// The line of the next entry, with its line feed.
    ///
    /// # Errors
    ///
    /// [`ExportError`], if no reader would take it.
    pub fn entry(&mut self, record: &AuditRecord) -> Result<String, ExportError> {
        let error = |why| ExportError { number: record.number, why };
        let content = line::entry_content(record).map_err(error)?;
        let hash = next(self.hash, &content);
        let mut line = line::entry_line(&content, hash);
        if line.len() > MAX_LINE_BYTES {
            return Err(error(Malformation::TooLong));
        }
        line.push('\n');
        self.removed.note(self.number, record.number);
        (self.hash, self.number) = (hash, record.number);
        self.entries = self.entries.saturating_add(1);
        Ok(line)
    }

    /// How many entries there are so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What somebody removed from the database.
    pub fn removed(&self) -> &Removed {
        &self.removed
    }

    /// The head, to be signed by each of these keys. None for no key or more than 8, and for a
    /// time past the year 9999.
    pub fn head(&self, signed_at: UnixTime, keys: Vec<PublicKey>) -> Option<UnsignedHead> {
        let count = keys.len();
        // Times are written in whole microseconds.
        let head = Head { entries: self.entries, hash: self.hash, signed_at, keys };
        let text = line::head_text(&head).ok()?;
        (1..=MAX_KEYS).contains(&count).then_some(UnsignedHead { text })
    }
}

/// A head that isn't signed yet.
#[derive(Debug)]
pub struct UnsignedHead {
    text: String,
}

impl UnsignedHead {
    /// What each key signs.
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.text)
    }

    /// The last line, with its line feed: signatures by the keys in the order in which they were
    /// given.
    pub fn line(&self, signatures: &[Signature]) -> String {
        line::head_line(&self.text, signatures) + "\n"
    }
}

/// The bytes that are signed for a head.
pub(super) fn signed_bytes(text: &str) -> Vec<u8> {
    [CONTEXT.as_bytes(), text.as_bytes()].concat()
}

/// An entry that isn't exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportError {
    /// Its number.
    pub number: u64,
    /// Why.
    pub why: Malformation,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, why } = self;
        write!(f, "entry {number} of the audit log: found {why}; restore a backup")
    }
}

impl std::error::Error for ExportError {}
