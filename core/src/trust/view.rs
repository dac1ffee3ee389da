//! What the feed says about one request: the keys that vouch, privacy, and what is revoked.

use std::collections::HashSet;

use crate::key::{AllowedAlgorithms, PublicKey, pem};
use crate::time::UnixTime;
use crate::trust::log::{Revocations, TokenHash};
use crate::trust::name::{Id, Scope};
use crate::trust::refusal::Refusal;
use crate::trust::shards::{
    Application, Bearer, Fingerprint, KeyState, Namespace, Privacy, Shards, fingerprint,
};

/// A complete state of the scope.
pub struct View {
    generation: u64,
    tables_generation: u64,
    tables: Tables,
    revocations: Revocations,
}

/// What the feed says of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whether everybody may call it.
    pub public: bool,
    /// What was issued for it, or for its namespace, before this second is revoked.
    pub not_before: Option<u64>,
}

impl Place {
    /// Whether something that was issued then is revoked. What has no such time is, by any mark.
    pub fn revokes(&self, issued_at: Option<UnixTime>) -> bool {
        self.not_before.is_some_and(|mark| is_before(issued_at, mark))
    }
}

impl View {
    /// What comes after another: without tables those stay, and its revocations where the records
    /// go on from them.
    pub(crate) fn after(
        earlier: Option<Self>,
        generation: u64,
        tables: Option<Tables>,
        goes_on: bool,
        records: Vec<TokenHash>,
    ) -> Self {
        let nothing = || Self {
            generation,
            tables_generation: generation,
            tables: Tables::default(),
            revocations: Revocations::default(),
        };
        let mut view = earlier.unwrap_or_else(nothing);
        if let Some(tables) = tables {
            view.tables = tables;
            view.tables_generation = generation;
        }
        if goes_on {
            view.announce(generation, records);
        } else {
            view.revocations = Revocations::new(records);
        }
        view.generation = generation;
        view
    }

    /// A number that another content never had, in the life of one state. What was found for a
    /// token stays so while this is the same.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds revocations. Those that are known already take no room.
    pub(crate) fn announce(&mut self, generation: u64, mut records: Vec<TokenHash>) {
        self.generation = generation;
        records.retain(|record| !self.revocations.contains(*record));
        self.revocations.extend(records);
    }

    /// The number of the keys, applications and marks: it changes with them, and not with the log.
    pub fn tables(&self) -> u64 {
        self.tables_generation
    }

    /// Whether the log has a token's id.
    pub fn lists(&self, token: TokenHash) -> bool {
        self.revocations.contains(token)
    }

    /// How many revocations there are.
    pub fn revocations(&self) -> usize {
        self.revocations.len()
    }

    /// What the feed says of where a request goes. An application that isn't known, or is in another
    /// namespace than the request goes to, is private, and has the namespace's mark alone.
    pub fn place(&self, namespace: Id, application: Option<Id>) -> Place {
        let of_namespace = self.tables.namespaces.get(namespace).and_then(|it| it.not_before);
        let application = application.and_then(|id| self.application(namespace, id));
        Place {
            public: application.is_some_and(|it| it.privacy == Privacy::Public),
            not_before: of_namespace.max(application.and_then(|it| it.not_before)),
        }
    }

    /// Whether an API key is revoked that its bearer was given at that time.
    pub fn bearer_revoked(&self, bearer: Id, created_at: UnixTime) -> bool {
        let mark = self.tables.bearers.get(bearer).and_then(|it| it.not_before);
        mark.is_some_and(|mark| is_before(Some(created_at), mark))
    }

    /// Whether a key vouches for nothing any more, wherever it was configured.
    pub fn key_revoked(&self, key: Fingerprint) -> bool {
        self.tables.revoked_keys.contains(&key)
    }

    /// The keys that vouch for this namespace and no other. One that can't be used here, for its
    /// type or `allowed`, is left out.
    pub fn keys(&self, namespace: Id, allowed: &AllowedAlgorithms) -> Vec<PublicKey> {
        let namespace = self.tables.namespaces.get(namespace);
        let keys = namespace.into_iter().flat_map(|it| &it.keys);
        let vouching = keys.filter(|key| key.state != KeyState::Unknown);
        let usable = vouching.filter_map(|key| {
            let material = pem::public_key(&key.public_key).ok()?;
            if self.key_revoked(fingerprint(&material)) {
                return None;
            }
            PublicKey::bind(material, None, None, allowed).ok()
        });
        usable.collect()
    }

    fn application(&self, namespace: Id, id: Id) -> Option<&Application> {
        self.tables.applications.get(id).filter(|it| it.namespace == namespace)
    }
}

/// Whether something was issued before a mark.
fn is_before(issued_at: Option<UnixTime>, mark: u64) -> bool {
    issued_at.is_none_or(|at| at < UnixTime::from_secs(mark))
}

/// All shards of a state.
#[derive(Default)]
pub(crate) struct Tables {
    namespaces: Shards<Namespace>,
    applications: Shards<Application>,
    bearers: Shards<Bearer>,
    revoked_keys: HashSet<Fingerprint>,
}

impl Tables {
    /// Puts them together.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] where something isn't of the scope.
    pub(crate) fn new(
        scope: Scope,
        namespaces: Shards<Namespace>,
        applications: Shards<Application>,
        bearers: Shards<Bearer>,
    ) -> Result<Self, Refusal> {
        let own = namespaces.entries().all(|it| scope.covers(it.id))
            && applications.entries().all(|it| scope.covers(it.namespace));
        if !own {
            return Err(Refusal::Malformed);
        }
        let revoked = namespaces.entries().flat_map(|it| &it.revoked_keys);
        let revoked_keys = revoked.copied().collect();
        Ok(Self { namespaces, applications, bearers, revoked_keys })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trust::shards::NamespaceKey;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");
    const P256: &str = include_str!("../../tests/keys/ec-p256.pem");
    const P384: &str = include_str!("../../tests/keys/ec-p384.pem");

    fn id(n: u8) -> Id {
        Id::new([n; 16])
    }

    fn shards<T: crate::trust::shards::Entry>(entries: Vec<T>) -> Shards<T> {
        Shards::new(vec![entries.into()]).unwrap()
    }

    /// Namespaces 1, with the mark 100, and 2; applications 3 of 1, with the mark 200, and 4 of 2,
    /// both public; the bearer 5, with the mark 300.
    fn view() -> View {
        let key = |n: u8, state, public_key: &str| NamespaceKey {
            id: id(n),
            state,
            public_key: public_key.to_owned(),
        };
        let of = |text| fingerprint(&pem::public_key(text).ok().unwrap());
        let namespaces = shards(vec![
            Namespace {
                id: id(1),
                not_before: Some(100),
                keys: vec![
                    key(6, KeyState::Active, ED25519),
                    key(7, KeyState::Next, "no key"),
                    key(8, KeyState::Retired, P256),
                    key(9, KeyState::Unknown, P384),
                ],
                revoked_keys: vec![],
            },
            Namespace {
                id: id(2),
                not_before: None,
                keys: vec![key(10, KeyState::Next, P384)],
                revoked_keys: vec![of(P256)],
            },
        ]);
        let application = |n: u8, namespace: u8, not_before| Application {
            id: id(n),
            namespace: id(namespace),
            privacy: Privacy::Public,
            not_before,
        };
        let applications = shards(vec![application(3, 1, Some(200)), application(4, 2, None)]);
        let bearers = shards(vec![Bearer { id: id(5), not_before: Some(300) }]);
        let tables = Tables::new(Scope::All, namespaces, applications, bearers).unwrap();
        View::after(None, 1, Some(tables), false, vec![TokenHash::of("gone")])
    }

    #[test]
    fn a_key_vouches_for_its_own_namespace_until_it_is_revoked_anywhere() {
        let view = view();
        let keys = |n: u8| {
            let keys = view.keys(id(n), &AllowedAlgorithms::default());
            keys.iter().map(|key| key.material().describe()).collect::<Vec<_>>()
        };
        assert_eq!(keys(1), ["Ed25519"]);
        assert_eq!(keys(2), ["EC P-384"]);
        assert_eq!(keys(3), [""; 0]);
        assert!(view.key_revoked(fingerprint(&pem::public_key(P256).ok().unwrap())));
        assert!(!view.key_revoked(fingerprint(&pem::public_key(P384).ok().unwrap())));
    }

    #[test]
    fn an_application_is_public_in_its_own_namespace_alone() {
        let view = view();
        for (namespace, application, public) in
            [(1, 3, true), (2, 4, true), (2, 3, false), (1, 4, false), (1, 9, false)]
        {
            let place = view.place(id(namespace), Some(id(application)));
            assert_eq!(place.public, public, "{application}");
        }
    }

    #[test]
    fn a_token_is_revoked_by_its_id_or_by_a_mark_of_where_it_is_used() {
        let view = view();
        let at = |millis: u64| Some(UnixTime::new(Duration::from_millis(millis)));
        for (namespace, application, issued_at, revoked) in [
            (2, None, None, false),
            (1, None, at(99_999), true),
            (1, None, at(100_000), false),
            (1, None, None, true),
            (1, Some(3), at(99_999), true),
            (1, Some(3), at(199_999), true),
            (1, Some(3), at(200_000), false),
            (1, Some(4), at(100_000), false),
            (2, Some(4), None, false),
            (2, Some(3), None, false),
        ] {
            let found = view.place(id(namespace), application.map(id)).revokes(issued_at);
            assert_eq!(found, revoked, "{namespace} {application:?} {issued_at:?}");
        }
        assert!(view.lists(TokenHash::of("gone")) && !view.lists(TokenHash::of("kept")));
        for (bearer, millis, revoked) in [(5, 299_999, true), (5, 300_000, false), (6, 0, false)] {
            let created_at = UnixTime::new(Duration::from_millis(millis));
            assert_eq!(view.bearer_revoked(id(bearer), created_at), revoked);
        }
    }

    #[test]
    fn a_namespaces_feed_holds_nothing_of_another() {
        let namespace =
            |n| Namespace { id: id(n), not_before: None, keys: vec![], revoked_keys: vec![] };
        let application = |n| Application {
            id: id(3),
            namespace: id(n),
            privacy: Privacy::Public,
            not_before: None,
        };
        for (own, its, good) in [(1, 1, true), (2, 1, false), (1, 2, false)] {
            let (namespaces, applications) = (vec![namespace(own)], vec![application(its)]);
            let (namespaces, applications) = (shards(namespaces), shards(applications));
            let scope = Scope::Namespace(id(1));
            let tables = Tables::new(scope, namespaces, applications, Shards::default());
            assert_eq!(tables.err(), if good { None } else { Some(Refusal::Malformed) });
        }
    }
}
