//! A table of tokens, each with what is known of it, of which the least recently used goes
//! first.

use std::hash::{BuildHasherDefault, Hasher};

use lru::LruCache;

use super::size;

/// Tokens, found by all of their bytes.
///
/// Whoever uses it gives a key for each token, always the same one. Of tokens that have one
/// key the last is remembered.
pub(super) struct Tokens<V> {
    entries: LruCache<u128, Entry<V>, BuildHasherDefault<KeyHasher>>,
    bytes: usize,
}

struct Entry<V> {
    token: Box<[u8]>,
    /// What this takes, in bytes.
    bytes: usize,
    value: V,
}

impl<V> Tokens<V> {
    pub(super) fn new() -> Self {
        let entries = LruCache::unbounded_with_hasher(BuildHasherDefault::default());
        Self { entries, bytes: 0 }
    }

    /// What the entries take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of the token, which is then the last to go.
    pub(super) fn get(&mut self, key: u128, token: &[u8]) -> Option<&V> {
        let entry = self.entries.get(&key)?;
        same(&entry.token, token).then_some(&entry.value)
    }

    /// Remembers a token, and forgets the least recently used ones that it leaves no room for
    /// under these bounds. `beside` is what `value` points to takes, in bytes.
    pub(super) fn insert(
        &mut self,
        key: u128,
        token: &[u8],
        value: V,
        beside: usize,
        most_entries: usize,
        most_bytes: usize,
    ) {
        let bytes = [Self::NODE_BYTES, size::SLOT, size::allocated(token.len()), beside];
        let bytes = bytes.into_iter().fold(0, usize::saturating_add);
        let (Some(entries_before), Some(bytes_before)) =
            (most_entries.checked_sub(1), most_bytes.checked_sub(bytes))
        else {
            return;
        };
        if let Some(entry) = self.entries.pop(&key) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
        self.keep_within(entries_before, bytes_before);
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.put(key, Entry { token: token.into(), bytes, value });
    }

    /// Forgets a token, and gives what was known of it.
    pub(super) fn take(&mut self, key: u128, token: &[u8]) -> Option<V> {
        self.get(key, token)?;
        let entry = self.entries.pop(&key)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry.value)
    }

    /// Forgets the least recently used ones over these bounds.
    pub(super) fn keep_within(&mut self, most_entries: usize, most_bytes: usize) {
        while self.entries.len() > most_entries || self.bytes > most_bytes {
            let Some((_, entry)) = self.entries.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }

    /// The list's node: key, entry, and two pointers.
    const NODE_BYTES: usize = size::allocated(size_of::<(u128, Entry<V>, [usize; 2])>());
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

/// Hashes a key that is random already.
#[derive(Clone, Copy, Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    #[allow(clippy::cast_possible_truncation, reason = "both halves count")]
    fn write_u128(&mut self, key: u128) {
        let mixed = key as u64 ^ ((key >> 64) as u64).rotate_left(32);
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
    fn what_is_taken_is_what_the_entries_take() {
        let mut tokens = Tokens::new();
        for n in 0..1000_u128 {
            let token = vec![b'x'; 16 + n as usize * 7 % 8000];
            tokens.insert(n % 300, &token, (), n as usize, 100, 100_000);
            let bytes: usize = tokens.entries.iter().map(|(_, entry)| entry.bytes).sum();
            assert_eq!(tokens.bytes(), bytes);
            assert!(tokens.len() <= 100 && bytes <= 100_000, "{n}");
        }
        let held: Vec<_> =
            tokens.entries.iter().map(|(key, it)| (*key, it.token.clone())).collect();
        assert!(held.len() > 5, "{}", held.len());
        for (key, token) in held {
            assert_eq!(tokens.take(key, &token), Some(()));
        }
        assert_eq!(tokens.bytes(), 0);
    }
}
