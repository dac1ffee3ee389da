//! Verified tokens, remembered so that the same bytes need not be verified again.
//!
//! A hit says only that this token was verified under these keys: time, revocation and
//! grants are judged again at each use. Whoever changes the keys makes a new cache.

use std::hash::{BuildHasherDefault, Hasher};

use lru::LruCache;

use crate::claims::{Claims, Grant};
use crate::verify::Verified;

/// The most entries that a configuration may ask for: a VM has 4 GiB, and each may take 2 KiB.
pub const MAX_ENTRIES: usize = 1_000_000;

/// The memory that a cache may take for each entry that it may hold, in bytes: enough for
/// the platform's tokens, so that larger ones leave room for fewer entries.
const BYTES_PER_ENTRY: usize = 2048;

/// What an entry takes besides what its token and its claims point to, in bytes.
const ENTRY_BYTES: usize = 64 + size_of::<(u128, Entry)>();

/// The most recently used verified tokens, bounded in entries and in bytes.
pub struct TokenCache {
    entries: LruCache<u128, Entry, BuildHasherDefault<EndHasher>>,
    /// What the entries take, in bytes.
    bytes: usize,
    most_entries: usize,
    most_bytes: usize,
}

struct Entry {
    token: Box<[u8]>,
    verified: Verified,
}

impl TokenCache {
    /// A cache of at most so many tokens, and of 2 KiB for each. With none it remembers
    /// nothing.
    pub fn new(most_entries: usize) -> Self {
        Self {
            entries: LruCache::unbounded_with_hasher(BuildHasherDefault::default()),
            bytes: 0,
            most_entries,
            most_bytes: most_entries.saturating_mul(BYTES_PER_ENTRY),
        }
    }

    /// The token of exactly these bytes, if it is remembered. It is then the last to go.
    pub fn get(&mut self, token: &[u8]) -> Option<&Verified> {
        let entry = self.entries.get(&end_of(token))?;
        same(&entry.token, token).then_some(&entry.verified)
    }

    /// Remembers a token, and forgets the least recently used ones that it leaves no
    /// room for.
    pub fn insert(&mut self, token: &[u8], verified: Verified) {
        let needed = entry_bytes(token, verified.claims());
        if self.most_entries == 0 || needed > self.most_bytes {
            return;
        }
        if let Some(entry) = self.entries.pop(&end_of(token)) {
            self.forgot(&entry);
        }
        while self.entries.len() >= self.most_entries
            || self.bytes.saturating_add(needed) > self.most_bytes
        {
            let Some((_, entry)) = self.entries.pop_lru() else { break };
            self.forgot(&entry);
        }
        self.bytes = self.bytes.saturating_add(needed);
        self.entries.put(end_of(token), Entry { token: token.into(), verified });
    }

    /// Forgets a token.
    pub fn remove(&mut self, token: &[u8]) {
        if self.get(token).is_some()
            && let Some(entry) = self.entries.pop(&end_of(token))
        {
            self.forgot(&entry);
        }
    }

    fn forgot(&mut self, entry: &Entry) {
        let freed = entry_bytes(&entry.token, entry.verified.claims());
        self.bytes = self.bytes.saturating_sub(freed);
    }
}

/// The memory that an entry takes, in bytes, near enough.
fn entry_bytes(token: &[u8], claims: &Claims) -> usize {
    let text = |text: &String| text.capacity();
    let option = |option: &Option<String>| option.as_ref().map_or(0, text);
    let grant = |grant: &Grant| match grant {
        Grant::Namespace(id) | Grant::Application(id) => text(id),
        Grant::ApplicationIn { namespace_id, application_id } => {
            text(namespace_id).saturating_add(text(application_id))
        }
    };
    let Claims { issuer, token_id, audiences, grants, .. } = claims;
    let lists = [
        audiences.capacity().saturating_mul(size_of::<String>()),
        grants.capacity().saturating_mul(size_of::<Grant>()),
    ];
    let fixed = [ENTRY_BYTES, token.len(), option(issuer), option(token_id)];
    let texts = audiences.iter().map(text).chain(grants.iter().map(grant));
    fixed.into_iter().chain(lists).chain(texts).fold(0, usize::saturating_add)
}

/// The last 16 bytes of a token, the end of its signature, by which it is looked up.
///
/// Only tokens that a key signed are in the table, and their signatures differ all over;
/// so what a client sends can't crowd a bucket, and a hash of the whole would say no more.
/// Of tokens that end alike the last one is remembered.
fn end_of(token: &[u8]) -> u128 {
    u128::from_le_bytes(token.last_chunk().copied().unwrap_or_default())
}

/// Whether these are the same bytes. Compared as bytes they would be one by one: wasm has no
/// instruction for more.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (ones, one_rest) = one.as_chunks();
    let (others, other_rest) = other.as_chunks();
    let alike =
        |(one, other): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*one) == u64::from_ne_bytes(*other);
    one.len() == other.len() && ones.iter().zip(others).all(alike) && one_rest == other_rest
}

/// Hashes the end of a token.
#[derive(Clone, Copy, Default)]
struct EndHasher(u64);

impl Hasher for EndHasher {
    #[allow(clippy::cast_possible_truncation, reason = "both halves count")]
    fn write_u128(&mut self, end: u128) {
        let mixed = end as u64 ^ ((end >> 64) as u64).rotate_left(32);
        // The odd multiplier spreads each bit upwards, the shift brings it down again.
        let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 29);
    }

    /// Nothing else is hashed.
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn verified(id: &str) -> Verified {
        Verified::unsigned(&format!(r#"{{"jti":"{id}"}}"#))
    }

    fn id<'a>(cache: &'a mut TokenCache, token: &str) -> Option<&'a str> {
        cache.get(token.as_bytes())?.claims().token_id.as_deref()
    }

    /// A token of that name, as long as a token is at least.
    fn token(name: &str) -> Vec<u8> {
        format!("token.{name:x>40}").into_bytes()
    }

    fn remembers<'a>(cache: &'a mut TokenCache, name: &str) -> Option<&'a str> {
        cache.get(&token(name))?.claims().token_id.as_deref()
    }

    #[test]
    fn a_token_is_found_by_all_of_its_bytes() {
        let tail = "the same last sixteen bytes";
        for length in [1, 7, 8, 9, 30, 31, 32, 33] {
            let mut cache = TokenCache::new(10);
            let start = "s".repeat(length);
            cache.insert(format!("{start}{tail}").as_bytes(), verified("a"));
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), Some("a"));
            for place in 0..length {
                let mut other = format!("{start}{tail}").into_bytes();
                other[place] ^= 1;
                assert!(cache.get(&other).is_none(), "{length}, {place}");
                // Forgetting another token doesn't touch this one.
                cache.remove(&other);
            }
            for start in ["", "s.", &"s".repeat(length - 1), &format!("s{start}")] {
                assert_eq!(id(&mut cache, &format!("{start}{tail}")), None, "{start}");
            }
            assert_eq!(id(&mut cache, ""), None);
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), Some("a"));
            cache.remove(format!("{start}{tail}").as_bytes());
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), None);
            assert_eq!(cache.bytes, 0);
        }
    }

    #[test]
    fn the_same_bytes_are_as_many_and_alike() {
        for length in 0..40 {
            let bytes = vec![b's'; length];
            assert!(same(&bytes, &bytes.clone()), "{length}");
            for place in 0..length {
                let mut other = bytes.clone();
                other[place] ^= 1;
                assert!(!same(&bytes, &other) && !same(&other, &bytes), "{length}, {place}");
            }
            // Longer by whole chunks too, and with nothing else to tell them apart.
            for more in 1..20 {
                let longer = vec![b's'; length + more];
                assert!(!same(&bytes, &longer) && !same(&longer, &bytes), "{length}, {more}");
            }
        }
    }

    #[test]
    fn of_tokens_that_end_alike_the_last_is_remembered() {
        let mut cache = TokenCache::new(10);
        let tail = "the same last sixteen bytes";
        cache.insert(format!("a.{tail}").as_bytes(), verified("a"));
        let alone = cache.bytes;
        cache.insert(format!("b.{tail}").as_bytes(), verified("b"));
        assert_eq!(id(&mut cache, &format!("a.{tail}")), None);
        assert_eq!(id(&mut cache, &format!("b.{tail}")), Some("b"));
        assert_eq!(cache.bytes, alone);
    }

    #[test]
    fn the_least_recently_used_token_goes_first() {
        let mut cache = TokenCache::new(2);
        cache.insert(&token("a"), verified("a"));
        cache.insert(&token("b"), verified("b"));
        assert_eq!(remembers(&mut cache, "a"), Some("a"));
        cache.insert(&token("c"), verified("c"));
        assert_eq!(remembers(&mut cache, "b"), None);
        assert_eq!(remembers(&mut cache, "a"), Some("a"));
        assert_eq!(remembers(&mut cache, "c"), Some("c"));
        cache.insert(&token("a"), verified("again"));
        assert_eq!(remembers(&mut cache, "a"), Some("again"));
        assert_eq!(cache.entries.len(), 2);
    }

    #[test]
    fn neither_entries_nor_bytes_grow_past_their_bound() {
        let mut cache = TokenCache::new(100);
        for n in 0..1000_usize {
            let token = format!("{n:0>width$}", width = 16 + n * 7 % 8000);
            cache.insert(token.as_bytes(), verified(&token));
            let bytes: usize = cache
                .entries
                .iter()
                .map(|(_, it)| entry_bytes(&it.token, it.verified.claims()))
                .sum();
            assert_eq!(cache.bytes, bytes);
            assert!(cache.entries.len() <= 100 && bytes <= 100 * BYTES_PER_ENTRY, "{n}");
        }
        // 16 KB an entry, of 200 KB.
        assert!((5..30).contains(&cache.entries.len()), "{}", cache.entries.len());
        for token in cache.entries.iter().map(|(_, it)| it.token.clone()).collect::<Vec<_>>() {
            cache.remove(&token);
        }
        assert_eq!(cache.bytes, 0);
    }

    #[test]
    fn a_cache_without_entries_remembers_nothing() {
        let mut cache = TokenCache::new(0);
        cache.insert(b"a", verified("a"));
        assert_eq!(id(&mut cache, "a"), None);
        assert_eq!(cache.bytes, 0);
        let mut cache = TokenCache::new(1);
        let large = "a".repeat(BYTES_PER_ENTRY);
        cache.insert(large.as_bytes(), verified("a"));
        assert_eq!(cache.entries.len(), 0);
    }
}
