//! Verified tokens, remembered so that the same bytes need not be verified again.
//!
//! A hit says only that this token was verified under these keys: time, revocation and
//! grants are judged again at each use. Whoever changes the keys makes a new cache.

use std::hash::{BuildHasher, Hasher};

use lru::LruCache;

use crate::claims::{Claims, Grant};
use crate::verify::Verified;

/// The memory that a cache may take for each entry that it may hold, in bytes: enough for
/// the platform's tokens, so that larger ones leave room for fewer entries.
const BYTES_PER_ENTRY: usize = 2048;

/// What an entry takes besides what its token and its claims point to, in bytes.
const ENTRY_BYTES: usize = 64 + size_of::<(Box<[u8]>, Verified)>();

/// The most recently used verified tokens, bounded in entries and in bytes.
pub struct TokenCache {
    entries: LruCache<Box<[u8]>, Verified, LastBytes>,
    /// What the entries take, in bytes.
    bytes: usize,
    most_entries: usize,
    most_bytes: usize,
}

impl TokenCache {
    /// A cache of at most so many tokens, and of 2 KiB for each. With none it remembers
    /// nothing.
    pub fn new(most_entries: usize) -> Self {
        Self {
            entries: LruCache::unbounded_with_hasher(LastBytes),
            bytes: 0,
            most_entries,
            most_bytes: most_entries.saturating_mul(BYTES_PER_ENTRY),
        }
    }

    /// The token of exactly these bytes, if it is remembered. It is then the last to go.
    pub fn get(&mut self, token: &[u8]) -> Option<&Verified> {
        self.entries.get(token)
    }

    /// Remembers a token, and forgets the least recently used ones that it leaves no
    /// room for.
    pub fn insert(&mut self, token: &[u8], verified: Verified) {
        let needed = entry_bytes(token, verified.claims());
        if self.most_entries == 0 || needed > self.most_bytes {
            return;
        }
        self.remove(token);
        while self.entries.len() >= self.most_entries
            || self.bytes.saturating_add(needed) > self.most_bytes
        {
            let Some((token, verified)) = self.entries.pop_lru() else { break };
            self.forgot(&token, &verified);
        }
        self.bytes = self.bytes.saturating_add(needed);
        self.entries.put(token.into(), verified);
    }

    /// Forgets a token.
    pub fn remove(&mut self, token: &[u8]) {
        if let Some(verified) = self.entries.pop(token) {
            self.forgot(token, &verified);
        }
    }

    fn forgot(&mut self, token: &[u8], verified: &Verified) {
        self.bytes = self.bytes.saturating_sub(entry_bytes(token, verified.claims()));
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

/// A hash of a token's last 16 bytes, the end of its signature.
///
/// Only tokens that a key signed are in the table, and their signatures differ all over;
/// so what a client sends can't crowd a bucket, and a hash of the whole would say no more.
/// That an entry is the token asked for is found by comparing all of it.
#[derive(Clone, Copy)]
struct LastBytes;

impl BuildHasher for LastBytes {
    type Hasher = LastBytesHasher;

    fn build_hasher(&self) -> LastBytesHasher {
        LastBytesHasher(0)
    }
}

struct LastBytesHasher(u64);

impl Hasher for LastBytesHasher {
    fn write(&mut self, bytes: &[u8]) {
        let Some((rest, last)) = bytes.split_last_chunk::<8>() else { return };
        let before = rest.last_chunk::<8>().copied().unwrap_or_default();
        let mixed = u64::from_le_bytes(*last) ^ u64::from_le_bytes(before).rotate_left(32);
        // The odd multiplier spreads each bit upwards, the shift brings it down again.
        let spread = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 29);
    }

    /// The length, which a slice writes first.
    fn write_usize(&mut self, _: usize) {}

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

    #[test]
    fn a_token_is_found_by_all_of_its_bytes() {
        let mut cache = TokenCache::new(10);
        let tail = "the same last sixteen bytes";
        cache.insert(format!("a.{tail}").as_bytes(), verified("a"));
        cache.insert(format!("b.{tail}").as_bytes(), verified("b"));
        assert_eq!(id(&mut cache, &format!("a.{tail}")), Some("a"));
        assert_eq!(id(&mut cache, &format!("b.{tail}")), Some("b"));
        for start in ["c.", "", "a", "a..", "A."] {
            assert_eq!(id(&mut cache, &format!("{start}{tail}")), None, "{start}");
        }
        assert_eq!(id(&mut cache, ""), None);
        cache.remove(format!("a.{tail}").as_bytes());
        assert_eq!(id(&mut cache, &format!("a.{tail}")), None);
    }

    #[test]
    fn the_least_recently_used_token_goes_first() {
        let mut cache = TokenCache::new(2);
        cache.insert(b"a", verified("a"));
        cache.insert(b"b", verified("b"));
        assert_eq!(id(&mut cache, "a"), Some("a"));
        cache.insert(b"c", verified("c"));
        assert_eq!(id(&mut cache, "b"), None);
        assert_eq!(id(&mut cache, "a"), Some("a"));
        assert_eq!(id(&mut cache, "c"), Some("c"));
        cache.insert(b"a", verified("again"));
        assert_eq!(id(&mut cache, "a"), Some("again"));
        assert_eq!(cache.entries.len(), 2);
    }

    #[test]
    fn neither_entries_nor_bytes_grow_past_their_bound() {
        let mut cache = TokenCache::new(100);
        for n in 0..1000_usize {
            let token = format!("{n:0>width$}", width = 1 + n * 7 % 8000);
            cache.insert(token.as_bytes(), verified(&token));
            let bytes: usize =
                cache.entries.iter().map(|(token, it)| entry_bytes(token, it.claims())).sum();
            assert_eq!(cache.bytes, bytes);
            assert!(cache.entries.len() <= 100 && bytes <= 100 * BYTES_PER_ENTRY, "{n}");
        }
        // 16 KB an entry, of 200 KB.
        assert!((5..30).contains(&cache.entries.len()), "{}", cache.entries.len());
        for token in cache.entries.iter().map(|(token, _)| token.clone()).collect::<Vec<_>>() {
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
