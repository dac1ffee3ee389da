//! Tokens that were checked, remembered so that the same bytes need not be checked again.
//!
//! What is remembered is what [`verify`](crate::verify::verify) found, which depends on the
//! token and the keys alone: time, revocation and grants are judged again at each use. It is
//! remembered with the number of the set of keys. With another set, of another namespace or from
//! before a key was revoked, the token isn't known.

mod budget;
mod size;
mod tokens;

use std::hash::{BuildHasher, RandomState};

use budget::Share;
pub use budget::{Budget, VM_BYTES};
use tokens::Tokens;

use crate::key::KeySetNumber;
use crate::reason::Denial;
use crate::verify::Verified;

/// The most entries that a configuration may ask for. What they may take is bounded by the
/// [`Budget`] as well.
pub const MAX_ENTRIES: usize = 1_000_000;

/// The memory that a cache may take for each entry that it may hold, in bytes: enough for
/// the platform's tokens, so that larger ones leave room for fewer entries.
const BYTES_PER_ENTRY: usize = 2048;

/// The most refused tokens that are remembered, whatever the configuration says.
const MAX_REFUSED: usize = 4096;

/// What they may take, in bytes: this, and no more than this part of what the cache may.
const REFUSED_BYTES: usize = 4 << 20;
const REFUSED_PART: usize = 16;

/// The tokens that were let in last, and those that were refused last, each bounded in entries
/// and in bytes. Refused ones never push out any that was let in.
pub struct TokenCache {
    admitted: Tokens<(KeySetNumber, Verified)>,
    most_entries: usize,
    most_bytes: usize,
    refused: Tokens<Result<Verified, Denial>>,
    /// Its keys are random and the proxy's own: a client can't aim at two tokens of one hash.
    hasher: RandomState,
    share: Share,
}

impl TokenCache {
    /// A cache of at most this many admitted tokens, and of 2 KiB for each, that shares its
    /// memory with nobody. With none it remembers refused tokens only.
    pub fn new(most_entries: usize) -> Self {
        Self::within(&Budget::default(), most_entries)
    }

    /// The same, as one of those that share a budget.
    pub fn within(budget: &Budget, most_entries: usize) -> Self {
        Self {
            admitted: Tokens::new(),
            most_entries,
            most_bytes: most_entries.saturating_mul(BYTES_PER_ENTRY),
            refused: Tokens::new(),
            hasher: RandomState::new(),
            share: budget.join(),
        }
    }

    /// The token of exactly these bytes, if it is remembered as let in with these keys. It is
    /// then the last of those to go.
    pub fn get(&mut self, token: &[u8], keys: KeySetNumber) -> Option<&Verified> {
        let (with, verified) = self.admitted.get(end_of(token), token)?;
        (*with == keys).then_some(verified)
    }

    /// Remembers a token that was let in.
    pub fn insert(&mut self, token: &[u8], keys: KeySetNumber, verified: Verified) {
        let beside = size::of_claims(verified.claims());
        let (most_entries, most_bytes) = (self.most_entries, self.room_for_admitted());
        let value = (keys, verified);
        self.admitted.insert(end_of(token), token, value, beside, most_entries, most_bytes);
        self.count();
    }

    /// What is known of the token of exactly these bytes, if it is remembered as refused with
    /// these keys: why, or what it says, where the keys were not the reason.
    pub fn refused(
        &mut self,
        token: &[u8],
        keys: KeySetNumber,
    ) -> Option<&Result<Verified, Denial>> {
        // New tokens need not be hashed where nobody sends bad ones.
        if self.refused.is_empty() {
            return None;
        }
        self.refused.get(self.hash(token, keys), token)
    }

    /// Remembers a token that was refused.
    pub fn refuse(&mut self, token: &[u8], keys: KeySetNumber, found: Result<Verified, Denial>) {
        let beside = found.as_ref().map_or(0, |verified| size::of_claims(verified.claims()));
        let (key, most_bytes) = (self.hash(token, keys), self.room_for_refused());
        self.refused.insert(key, token, found, beside, MAX_REFUSED, most_bytes);
        self.count();
    }

    /// A token that was let in is refused from now on, until something else is said of it.
    pub fn demote(&mut self, token: &[u8], keys: KeySetNumber) {
        if self.get(token, keys).is_none() {
            return;
        }
        if let Some((_, verified)) = self.admitted.take(end_of(token), token) {
            self.refuse(token, keys, Ok(verified));
        }
    }

    /// A token that was refused for something other than its signature is let in from now on.
    pub fn promote(&mut self, token: &[u8], keys: KeySetNumber) {
        if let Some(Ok(verified)) = self.refused.take(self.hash(token, keys), token) {
            self.insert(token, keys, verified);
        }
    }

    /// Forgets what is over this cache's share, which shrinks when others join its budget.
    pub fn keep_to_share(&mut self) {
        self.admitted.keep_within(self.most_entries, self.room_for_admitted());
        self.refused.keep_within(MAX_REFUSED, self.room_for_refused());
        self.count();
    }

    /// What it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.admitted.bytes().saturating_add(self.refused.bytes())
    }

    /// How many tokens it remembers, those let in and those refused.
    pub fn counts(&self) -> [usize; 2] {
        [self.admitted.len(), self.refused.len()]
    }

    /// What refused tokens may ever take is not for others.
    fn room_for_admitted(&self) -> usize {
        let own = self.most_bytes.min(self.share.even().saturating_sub(self.most_refused()));
        own.min(self.share.left().saturating_sub(self.refused.bytes()))
    }

    fn room_for_refused(&self) -> usize {
        self.most_refused().min(self.share.left().saturating_sub(self.admitted.bytes()))
    }

    fn most_refused(&self) -> usize {
        REFUSED_BYTES.min(self.share.even() / REFUSED_PART)
    }

    fn count(&mut self) {
        self.share.set_taken(self.bytes());
    }

    /// What is refused with one set of keys stands beside what is with another.
    fn hash(&self, token: &[u8], keys: KeySetNumber) -> u128 {
        self.hasher.hash_one((token, keys)).into()
    }
}

/// The last 16 bytes of a token, the end of its signature, by which one that was let in is
/// looked up.
///
/// Only tokens that a key signed are in that table, and their signatures differ all over;
/// so what a client sends can't crowd a bucket, and a hash of the whole would say no more.
fn end_of(token: &[u8]) -> u128 {
    u128::from_le_bytes(token.last_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const KEYS: KeySetNumber = KeySetNumber::FIRST;

    fn verified(id: &str) -> Verified {
        Verified::unsigned(&format!(r#"{{"jti":"{id}"}}"#))
    }

    fn id<'a>(cache: &'a mut TokenCache, token: &str) -> Option<&'a str> {
        cache.get(token.as_bytes(), KEYS)?.claims().token_id.as_deref()
    }

    /// A token of that name, as long as a token is at least.
    fn token(name: &str) -> Vec<u8> {
        format!("token.{name:x>40}").into_bytes()
    }

    fn remembers<'a>(cache: &'a mut TokenCache, name: &str) -> Option<&'a str> {
        cache.get(&token(name), KEYS)?.claims().token_id.as_deref()
    }

    #[test]
    fn a_token_is_found_by_all_of_its_bytes() {
        let tail = "the same last sixteen bytes";
        for length in [1, 7, 8, 9, 30, 31, 32, 33] {
            let mut cache = TokenCache::new(10);
            let start = "s".repeat(length);
            cache.insert(format!("{start}{tail}").as_bytes(), KEYS, verified("a"));
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), Some("a"));
            for place in 0..length {
                let mut other = format!("{start}{tail}").into_bytes();
                other[place] ^= 1;
                assert!(cache.get(&other, KEYS).is_none(), "{length}, {place}");
                // What becomes of another token doesn't touch this one.
                cache.demote(&other, KEYS);
            }
            for start in ["", "s.", &"s".repeat(length - 1), &format!("s{start}")] {
                assert_eq!(id(&mut cache, &format!("{start}{tail}")), None, "{start}");
            }
            assert_eq!(id(&mut cache, ""), None);
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), Some("a"));
            cache.demote(format!("{start}{tail}").as_bytes(), KEYS);
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), None);
            assert_eq!(cache.counts(), [0, 1]);
        }
    }

    #[test]
    fn of_tokens_that_end_alike_the_last_is_remembered() {
        let mut cache = TokenCache::new(10);
        let tail = "the same last sixteen bytes";
        cache.insert(format!("a.{tail}").as_bytes(), KEYS, verified("a"));
        let alone = cache.bytes();
        cache.insert(format!("b.{tail}").as_bytes(), KEYS, verified("b"));
        assert_eq!(id(&mut cache, &format!("a.{tail}")), None);
        assert_eq!(id(&mut cache, &format!("b.{tail}")), Some("b"));
        assert_eq!(cache.bytes(), alone);
    }

    #[test]
    fn the_least_recently_used_token_goes_first() {
        let mut cache = TokenCache::new(2);
        cache.insert(&token("a"), KEYS, verified("a"));
        cache.insert(&token("b"), KEYS, verified("b"));
        assert_eq!(remembers(&mut cache, "a"), Some("a"));
        cache.insert(&token("c"), KEYS, verified("c"));
        assert_eq!(remembers(&mut cache, "b"), None);
        assert_eq!(remembers(&mut cache, "a"), Some("a"));
        assert_eq!(remembers(&mut cache, "c"), Some("c"));
        cache.insert(&token("a"), KEYS, verified("again"));
        assert_eq!(remembers(&mut cache, "a"), Some("again"));
        assert_eq!(cache.counts(), [2, 0]);
    }

    #[test]
    fn neither_entries_nor_bytes_grow_past_their_bound() {
        let mut cache = TokenCache::new(100);
        for n in 0..1000_usize {
            let token = format!("{n:0>width$}", width = 16 + n * 7 % 8000);
            cache.insert(token.as_bytes(), KEYS, verified(&token));
            let bytes = cache.bytes();
            assert!(cache.counts()[0] <= 100 && bytes <= 100 * BYTES_PER_ENTRY, "{n}");
        }
        // 16 KB an entry, of 200 KB.
        assert!((5..30).contains(&cache.counts()[0]), "{}", cache.counts()[0]);
    }

    #[test]
    fn a_cache_without_entries_remembers_nothing_that_was_let_in() {
        let mut cache = TokenCache::new(0);
        cache.insert(b"a", KEYS, verified("a"));
        assert_eq!(id(&mut cache, "a"), None);
        assert_eq!(cache.bytes(), 0);
        let mut cache = TokenCache::new(1);
        let large = "a".repeat(BYTES_PER_ENTRY);
        cache.insert(large.as_bytes(), KEYS, verified("a"));
        assert_eq!(cache.counts(), [0, 0]);
    }

    #[test]
    fn refused_tokens_are_bounded_and_push_out_no_admitted_one() {
        let budget = Budget::new(64 << 20);
        // So small that the platform's tokens fill it, and so large that the budget does.
        for most_entries in [0, 10, MAX_ENTRIES] {
            let mut cache = TokenCache::within(&budget, most_entries);
            let admitted = token("admitted");
            cache.insert(&admitted, KEYS, verified("admitted"));
            for n in 0..20_000 {
                let length = if n < 10_000 { 1000 } else { 100 };
                let token = format!("{n:0>length$}");
                let found = if n % 2 == 0 { Err(Denial::BadSignature) } else { Ok(verified("r")) };
                cache.refuse(token.as_bytes(), KEYS, found);
                assert!(cache.refused(token.as_bytes(), KEYS).is_some(), "{n}");
            }
            let [_, refused] = cache.counts();
            assert!((1000..=MAX_REFUSED).contains(&refused), "{refused}");
            assert!(cache.bytes() <= REFUSED_BYTES + 2048, "{}", cache.bytes());
            assert_eq!(cache.get(&admitted, KEYS).is_some(), most_entries > 0);
        }
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn refused_tokens_that_end_alike_are_remembered_side_by_side() {
        let mut cache = TokenCache::new(0);
        let token = |n: usize| format!("{n:0>60}.the same last sixteen bytes");
        for n in 0..1000 {
            cache.refuse(token(n).as_bytes(), KEYS, Err(Denial::BadSignature));
        }
        for n in 0..1000 {
            let found = cache.refused(token(n).as_bytes(), KEYS);
            assert!(matches!(found, Some(Err(Denial::BadSignature))), "{n}");
        }
        assert!(cache.refused(token(1000).as_bytes(), KEYS).is_none());
        assert!(cache.refused(b"", KEYS).is_none());
    }

    #[test]
    fn a_token_is_remembered_once_as_let_in_or_as_refused() {
        let mut cache = TokenCache::new(10);
        let token = token("a");
        cache.insert(&token, KEYS, verified("a"));
        cache.demote(&token, KEYS);
        assert_eq!(cache.counts(), [0, 1]);
        assert!(cache.get(&token, KEYS).is_none() && cache.refused(&token, KEYS).is_some());
        cache.promote(&token, KEYS);
        assert_eq!(cache.counts(), [1, 0]);
        assert!(cache.get(&token, KEYS).is_some() && cache.refused(&token, KEYS).is_none());
        // Nothing is known of these.
        for other in [&b"other"[..], &token[1..]] {
            cache.demote(other, KEYS);
            cache.promote(other, KEYS);
        }
        assert_eq!(cache.counts(), [1, 0]);
    }

    #[test]
    fn caches_share_a_budget_evenly_and_give_it_back() {
        let budget = Budget::new(1 << 20);
        let fill = |cache: &mut TokenCache| {
            for n in 0..2000 {
                cache.insert(&token(&format!("{n}")), KEYS, verified(&"x".repeat(500)));
                assert!(budget.taken() <= 1 << 20);
            }
        };
        let mut first = TokenCache::within(&budget, MAX_ENTRIES);
        fill(&mut first);
        assert!(budget.taken() > 900 << 10, "{}", budget.taken());
        // As when a new configuration comes: the old one lives until its requests are done.
        let mut second = TokenCache::within(&budget, MAX_ENTRIES);
        first.keep_to_share();
        fill(&mut second);
        assert!(first.bytes() <= 512 << 10 && second.bytes() <= 512 << 10);
        assert!(second.bytes() > 450 << 10, "{}", second.bytes());
        assert_eq!(budget.taken(), first.bytes() + second.bytes());
        drop(first);
        assert_eq!(budget.taken(), second.bytes());
        fill(&mut second);
        assert!(second.bytes() > 900 << 10, "{}", second.bytes());
        drop(second);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn a_cache_that_the_others_leave_nothing_remembers_nothing() {
        let budget = Budget::new(1 << 20);
        let mut first = TokenCache::within(&budget, MAX_ENTRIES);
        for n in 0..2000 {
            first.insert(&token(&format!("{n}")), KEYS, verified(&"x".repeat(500)));
        }
        // The first one wasn't told to make room.
        let mut others: Vec<_> = (0..20).map(|_| TokenCache::within(&budget, 1000)).collect();
        for n in 0..2000 {
            for cache in &mut others {
                cache.insert(&token(&format!("{n}")), KEYS, verified(&"x".repeat(500)));
                cache.refuse(&token(&format!("r{n}")), KEYS, Err(Denial::BadSignature));
            }
            assert!(budget.taken() <= 1 << 20, "{n}");
        }
    }
}
