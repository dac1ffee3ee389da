//! The audit log as a file: lines that hang together by their hashes, and a signed head.
//!
//! The database's own rows can be rewritten by whoever can write its file. A file that was
//! exported and kept can't: see docs/AUDIT.md, which also has the bytes.

mod export;
mod fault;
mod line;
mod lines;
mod verification;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use aws_lc_rs::digest::{Context, SHA256};
use namespace_jwt_core::trust::name::Digest;

pub use export::{Export, ExportError, UnsignedHead};
pub use fault::{Entries, Fault, Malformation, Wrong};
pub use line::MAX_LINE_BYTES;
pub use verification::{Earlier, EarlierExport, TrustedKeys, Verification, Verified};

/// The name of the format, with its version.
pub const FORMAT: &str = "namespace-jwt audit v1";

/// What is signed begins with this, so that no other signature by the same key is one. Its hash
/// stands before the first line's.
const CONTEXT: &str = "namespace-jwt audit v1\n";

/// The hash before the first line.
fn start() -> Digest {
    Digest::of(CONTEXT.as_bytes())
}

/// The hash of a line: over the text of the hash before, and the line up to its own.
fn next(before: Digest, content: &str) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(before.to_string().as_bytes());
    context.update(content.as_bytes());
    // It has 32 bytes.
    Digest::new(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
}

/// The numbers that no entry has, though later ones do: a store leaves none out, so somebody
/// removed those entries from the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many.
    pub count: u64,
    /// The first of them that stand together.
    pub first: Option<RangeInclusive<u64>>,
}

impl Removed {
    /// Looks at the numbers of two entries, of which one follows the other.
    fn note(&mut self, before: u64, number: u64) {
        if let Some(gap) = gap(before, number) {
            let length = number.saturating_sub(before).saturating_sub(1);
            self.count = self.count.saturating_add(length);
            self.first.get_or_insert(gap);
        }
    }
}

/// The numbers between two, if there are some.
fn gap(before: u64, number: u64) -> Option<RangeInclusive<u64>> {
    let gap = before.saturating_add(1)..=number.saturating_sub(1);
    (!gap.is_empty()).then_some(gap)
}
