//! Why what came from the feed is ignored: every reason, and its stable name.

/// Makes the enum and everything that goes by it.
macro_rules! refusals {
    ($($(#[$doc:meta])+ $reason:ident = $name:literal;)+) => {
        /// Why a checkpoint, an object or a part of the log is ignored. The last good state stays.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal { $($(#[$doc])+ $reason,)+ }

        impl Refusal {
            /// Every reason.
            pub const ALL: [Self; [$(Self::$reason),+].len()] = [$(Self::$reason),+];

            /// Its name in the log and the metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$reason => $name,)+ }
            }
        }
    };
}

// In the order in which a checkpoint meets them; what is found only in what it names comes last.
refusals! {
    /// It has more bytes, or names more records, than is allowed.
    Oversized = "oversized";
    /// It ends before it is whole.
    Truncated = "truncated";
    /// It isn't of the form that it must have.
    Malformed = "malformed";
    /// No signature by a pinned key is good.
    BadSignature = "bad_signature";
    /// It is of a version of the format that isn't known here.
    UnknownVersion = "unknown_version";
    /// It is another issuer's.
    WrongIssuer = "wrong_issuer";
    /// It is about another namespace, or about all where one was asked for, or one where all were.
    WrongScope = "wrong_scope";
    /// It was issued more than 60 seconds ahead of the clock.
    FromTheFuture = "from_the_future";
    /// Its sequence number is lower than one that was seen.
    Older = "older";
    /// It has the sequence number of one that was seen, and other content.
    Conflict = "conflict";
    /// It would be the first, and is older than the most staleness that is allowed.
    Stale = "stale";
    /// Its bytes don't have the hash that was signed.
    BadHash = "bad_hash";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn each_reason_has_a_name_of_its_own_that_can_be_part_of_a_counters_name() {
        let names: BTreeSet<_> = Refusal::ALL.map(Refusal::name).into();
        assert_eq!(names.len(), Refusal::ALL.len(), "a name twice");
        for name in names {
            assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')), "{name}");
        }
    }
}
