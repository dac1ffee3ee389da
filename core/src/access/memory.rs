//! What a filter remembers between requests: tokens that it has checked, and the keys of each
//! namespace, as they were made of the trust feed.

use std::collections::BTreeSet;

use lru::LruCache;

use super::Private;
use crate::cache::{Budget, TokenCache};
use crate::key::{KeySet, KeySetNumber, MAX_KEYS, PublicKey};
use crate::trust::name::Id;
use crate::trust::shards::{Fingerprint, fingerprint};
use crate::trust::view::View;

/// The most namespaces whose keys are remembered. Those of any other are made again.
const MAX_NAMESPACES: usize = 1024;

/// All of it.
pub struct Memory {
    pub(super) cache: TokenCache,
    pub(super) keyring: Keyring,
}

impl Memory {
    /// Nothing yet, and room for this many tokens: see [`TokenCache::new`].
    pub fn new(most_tokens: usize) -> Self {
        Self::within(&Budget::default(), most_tokens)
    }

    /// The same, as one of those that share a budget.
    pub fn within(budget: &Budget, most_tokens: usize) -> Self {
        Self { cache: TokenCache::within(budget, most_tokens), keyring: Keyring::new() }
    }

    /// The tokens.
    pub fn cache(&mut self) -> &mut TokenCache {
        &mut self.cache
    }
}

/// The keys of each namespace.
pub(super) struct Keyring {
    sets: LruCache<Id, Made>,
    last: KeySetNumber,
    none: KeySet,
}

/// The keys of one namespace.
struct Made {
    /// Of which tables of the view: see [`View::tables`].
    of: u64,
    keys: KeySet,
    fingerprints: BTreeSet<Fingerprint>,
}

impl Keyring {
    fn new() -> Self {
        let last = KeySetNumber::FIRST;
        Self { sets: LruCache::unbounded(), last, none: KeySet::default() }
    }

    /// The keys that vouch for a namespace: those that the feed has for it, and the configured
    /// ones, which are for a request's namespace wherever there are any.
    pub(super) fn keys(&mut self, private: &Private, namespace: Id, view: &View) -> &KeySet {
        let known = self.sets.get(&namespace);
        if known.is_none_or(|made| made.of != view.tables()) {
            let keys = usable(private, namespace, view);
            let fingerprints = keys.iter().map(|key| fingerprint(key.material())).collect();
            // The same keys stay the same set, so that a change elsewhere costs no verification.
            let same = known.filter(|made| made.fingerprints == fingerprints);
            let number = same.map_or_else(|| self.last.next(), |made| made.keys.number());
            if same.is_none() {
                self.last = number;
            }
            let keys = KeySet::numbered(keys, number);
            self.sets.put(namespace, Made { of: view.tables(), keys, fingerprints });
            if self.sets.len() > MAX_NAMESPACES {
                self.sets.pop_lru();
            }
        }
        // It is there by now.
        self.sets.peek(&namespace).map_or(&self.none, |made| &made.keys)
    }
}

fn usable(private: &Private, namespace: Id, view: &View) -> Vec<PublicKey> {
    let configured = private.keys.keys().iter().filter(|key| {
        // A feed that lists a key as revoked has the last word about it.
        !view.key_revoked(fingerprint(key.material()))
    });
    let mut keys: Vec<_> = configured.cloned().collect();
    let fed = view.keys(namespace, &private.allowed).into_iter();
    let known: BTreeSet<_> = keys.iter().map(|key| fingerprint(key.material())).collect();
    keys.extend(fed.filter(|key| !known.contains(&fingerprint(key.material()))));
    keys.truncate(MAX_KEYS);
    keys
}
