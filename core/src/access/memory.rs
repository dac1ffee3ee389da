//! What a filter remembers between requests: tokens that it has checked, the keys of each
//! namespace, as they were made of the trust feed, and what it says of where the last request went.

use std::collections::BTreeSet;
use std::rc::Rc;

use lru::LruCache;

use super::Private;
use super::protected::Ids;
use crate::cache::{Budget, TokenCache};
use crate::key::{KeySet, KeySetNumber, MAX_KEYS, PublicKey};
use crate::trust::name::Id;
use crate::trust::shards::{Fingerprint, fingerprint};
use crate::trust::view::{Place, View};

/// The most namespaces whose keys are remembered. Those of any other are made again.
const MAX_NAMESPACES: usize = 1024;

/// All of it.
pub struct Memory {
    pub(super) cache: TokenCache,
    keyring: Keyring,
    last: Option<(u64, Ids, Known)>,
}

/// What the feed says of where a request goes.
#[derive(Clone)]
pub(super) struct Known {
    pub place: Place,
    pub keys: Rc<KeySet>,
}

impl Memory {
    /// Nothing yet, and room for this many tokens: see [`TokenCache::new`].
    pub fn new(most_tokens: usize) -> Self {
        Self::within(&Budget::default(), most_tokens)
    }

    /// The same, as one of those that share a budget.
    pub fn within(budget: &Budget, most_tokens: usize) -> Self {
        let cache = TokenCache::within(budget, most_tokens);
        Self { cache, keyring: Keyring::new(), last: None }
    }

    /// What the feed says, and the tokens, which may be looked up at the same time. Most requests go
    /// where the last one went.
    pub(super) fn known(
        &mut self,
        private: &Private,
        ids: Ids,
        view: &View,
    ) -> (&Known, &mut TokenCache) {
        let Self { cache, keyring, last } = self;
        let generation = view.generation();
        let known = last.take().filter(|(of, at, _)| *of == generation && *at == ids);
        let known = known.unwrap_or_else(|| {
            let place = ids.namespace.map(|namespace| view.place(namespace, ids.application));
            let place = place.unwrap_or_default();
            let keys = match ids.namespace {
                Some(namespace) => keyring.keys(private, namespace, view),
                None => Rc::clone(&keyring.none),
            };
            (generation, ids, Known { place, keys })
        });
        (&last.insert(known).2, cache)
    }

    /// The tokens.
    pub fn cache(&mut self) -> &mut TokenCache {
        &mut self.cache
    }
}

/// The keys of each namespace.
struct Keyring {
    sets: LruCache<Id, Made>,
    last: KeySetNumber,
    /// Those of a namespace that isn't a UUID: the feed has nothing for it, and configured keys
    /// vouch for none beside it.
    none: Rc<KeySet>,
}

/// The keys of one namespace.
struct Made {
    /// Of which tables of the view: see [`View::tables`].
    of: u64,
    keys: Rc<KeySet>,
    fingerprints: BTreeSet<Fingerprint>,
}

impl Keyring {
    fn new() -> Self {
        // The configured keys alone have the first number.
        let last = KeySetNumber::FIRST.next();
        let none = Rc::new(KeySet::numbered(Vec::new(), last));
        Self { sets: LruCache::unbounded(), last, none }
    }

    /// The keys that vouch for a namespace: those that the feed has for it, and the configured
    /// ones, which are for a request's namespace wherever there are any.
    fn keys(&mut self, private: &Private, namespace: Id, view: &View) -> Rc<KeySet> {
        let known = self.sets.get(&namespace);
        if let Some(made) = known.filter(|made| made.of == view.tables()) {
            return Rc::clone(&made.keys);
        }
        let keys = usable(private, namespace, view);
        let fingerprints = keys.iter().map(|key| fingerprint(key.material())).collect();
        // The same keys stay the same set, so that a change elsewhere costs no verification.
        let same = known.filter(|made| made.fingerprints == fingerprints);
        let number = same.map_or_else(|| self.last.next(), |made| made.keys.number());
        if same.is_none() {
            self.last = number;
        }
        let keys = Rc::new(KeySet::numbered(keys, number));
        let made = Made { of: view.tables(), keys: Rc::clone(&keys), fingerprints };
        self.sets.put(namespace, made);
        if self.sets.len() > MAX_NAMESPACES {
            self.sets.pop_lru();
        }
        keys
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
