//! What is wrong with a file.

use std::fmt;
use std::ops::RangeInclusive;

use namespace_jwt_core::trust::checkpoint::KeyId;

use super::MAX_LINE_BYTES;

/// The first thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In which line, counted from 1.
    pub line: u64,
    /// What.
    pub wrong: Wrong,
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The line isn't one of the format.
    Malformed(Malformation),
    /// The line doesn't follow from the one before: one of them isn't what was exported.
    Changed,
    /// These entries are missing before the line.
    Missing(RangeInclusive<u64>),
    /// The line's number isn't higher than that of the one before.
    OutOfOrder {
        /// Its number.
        number: u64,
        /// The number of the line before.
        after: u64,
    },
    /// The line has no end.
    Cut,
    /// There is no head, after so many entries.
    NoHead(u64),
    /// Something stands behind the head.
    BehindHead,
    /// A signature isn't by the key that the head names for it.
    BadSignature(KeyId),
    /// The head is signed, and by none of the keys that are trusted.
    OtherKeys(Vec<KeyId>),
    /// The head is of another number of entries.
    OtherCount {
        /// Of how many.
        head: u64,
        /// How many there are.
        found: u64,
    },
    /// The head is of other lines.
    OtherHash,
    /// So many entries of the earlier export aren't those of this one.
    Rewritten(u64),
    /// The earlier export has more entries.
    Shorter {
        /// How many the earlier export has.
        earlier: u64,
        /// How many there are.
        found: u64,
    },
}

/// Why a line isn't one of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformation {
    /// It is longer than any that is exported.
    TooLong,
    /// It isn't a JSON object in UTF-8.
    NotJson,
    /// It has a member that the format doesn't know.
    Unknown(String),
    /// It has a member twice.
    Twice(&'static str),
    /// It lacks a member.
    Lacks(&'static str),
    /// The value of a member isn't of its kind.
    Value(&'static str),
    /// It has another order, white space or spelling than what is exported.
    Spelling,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.wrong)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(why) => write!(f, "expected a line of an exported log, found {why}"),
            Self::Changed => f.write_str(
                "its hash isn't that of the line before and its own content; one of the two was \
                 changed, or put in",
            ),
            Self::Missing(gap) => write!(f, "{} missing before it", Entries(gap)),
            Self::OutOfOrder { number, after } => write!(
                f,
                "expected a number above {after}, found {number}; a line is there twice, or in \
                 another place"
            ),
            Self::Cut => f.write_str("it has no end; the file is cut off"),
            Self::NoHead(entries) => write!(
                f,
                "expected the signed head, found nothing after {entries} entries; the end of the \
                 log is missing"
            ),
            Self::BehindHead => f.write_str("expected the end of the file, found more"),
            Self::BadSignature(key) => write!(
                f,
                "the head's signature isn't by the key {key}, which it names; the head was changed"
            ),
            Self::OtherKeys(keys) => {
                f.write_str("the head is signed by another key than those that were given:")?;
                keys.iter().try_for_each(|key| write!(f, " {key}"))
            }
            Self::OtherCount { head, found } => write!(
                f,
                "the head is of {head} entries, found {found}; lines are missing, or were put in"
            ),
            Self::OtherHash => f.write_str("the head is of other lines than those before it"),
            Self::Rewritten(entries) => write!(
                f,
                "the log up to here isn't that of the earlier export of {entries} entries; it was \
                 rewritten meanwhile, or goes on from a backup"
            ),
            Self::Shorter { earlier, found } => write!(
                f,
                "the earlier export has {earlier} entries, found {found}; the log was cut \
                 meanwhile, or goes on from a backup"
            ),
        }
    }
}

impl fmt::Display for Malformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "more than {MAX_LINE_BYTES} bytes"),
            Self::NotJson => f.write_str("no JSON object"),
            Self::Unknown(name) => write!(f, "an unknown member `{name}`"),
            Self::Twice(name) => write!(f, "the member `{name}` twice"),
            Self::Lacks(name) => write!(f, "no member `{name}`"),
            Self::Value(name) => write!(f, "another kind of value for `{name}`"),
            Self::Spelling => f.write_str("another order, white space or spelling"),
        }
    }
}

/// Entries by their numbers, and the verb for so many of them.
pub struct Entries<'a>(pub &'a RangeInclusive<u64>);

impl fmt::Display for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.0.start(), self.0.end());
        match first == last {
            true => write!(f, "the entry {first} is"),
            false => write!(f, "the entries {first} to {last} are"),
        }
    }
}
