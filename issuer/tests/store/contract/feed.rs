//! What gateways are told, and the numbers by which they notice.

use std::sync::Arc;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::application::{Application, Privacy};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::namespace_key::{KeyState, NamespaceKey};
use namespace_jwt_issuer::model::token::Token;
use namespace_jwt_issuer::model::trust::{
    ApplicationTrust, BearerTrust, LogPosition, Mark, Marked, NamespaceTrust, PublicKey, Record,
    ScopeState, TokenId, TrustKey, TrustScope,
};
use namespace_jwt_issuer::store::change::RevokedId;
use namespace_jwt_issuer::store::feed::TokenSet;
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::kept::get;
use super::{Database, founded};
use crate::sample::{self, IamStep, NOW, Organization, Step, earlier, later};

const FUNCTIONS: Product = Product::Functions;

/// A second, as marks have it.
fn second(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.since_epoch().as_secs())
}

pub(super) async fn state(store: &Arc<dyn Store>, scope: TrustScope) -> ScopeState {
    let store = Arc::clone(store);
    get!(store, scope_state, scope, None).unwrap()
}

pub(super) async fn sequences(store: &Arc<dyn Store>, ids: [Uuid; 2]) -> [u64; 3] {
    let [first, second] = ids.map(TrustScope::Namespace);
    let mut found = [0; 3];
    for (at, scope) in [TrustScope::All, first, second].into_iter().enumerate() {
        found[at] = state(store, scope).await.sequence;
    }
    found
}

fn public(key: &NamespaceKey, state: KeyState) -> PublicKey {
    PublicKey {
        id: key.id,
        state,
        algorithm: key.algorithm.clone(),
        public_pem: key.public_pem.clone(),
    }
}

fn next_key(namespace: &Namespace) -> NamespaceKey {
    NamespaceKey {
        state: KeyState::Next,
        created_at: later(1),
        activates_at: Some(later(2)),
        ..sample::key(namespace)
    }
}

/// What shows where a change was made.
enum Shows {
    Nowhere,
    Here,
    Everywhere,
}

pub async fn a_scope_counts_what_its_gateways_see_and_nothing_else(database: &impl Database) {
    let (store, organization) = founded(database).await;
    database.add_organization(Organization(Uuid::from_u128(u128::MAX - 1)));
    let other = Organization(Uuid::from_u128(u128::MAX - 1));
    let (there, _) = other.new_namespace(&*store, "there").await;
    let (here, key) = organization.new_namespace(&*store, "here").await;
    let application = sample::application(&here, "app");
    let described = Application { description: "another".to_owned(), ..application.clone() };
    let public = Application { privacy: Privacy::Public, ..described.clone() };
    let [token, lasting] = [(); 2].map(|()| sample::token(&key, None));
    let expired = Token { expires_at: Some(earlier(2 * 86_400)), ..sample::token(&key, None) };
    let next = next_key(&here);
    let (api_key, secret) = organization.api_key();
    let trust_key = sample::trust_key();
    let ids = [here.id, there.id];
    for (number, (step, shows)) in [
        (Step::UpdateNamespace(here.clone()), Shows::Nowhere),
        (Step::CreateApplication(application), Shows::Here),
        (Step::UpdateApplication(described), Shows::Nowhere),
        (Step::UpdateApplication(public.clone()), Shows::Here),
        (Step::UpdateApplication(public.clone()), Shows::Nowhere),
        (Step::CreateToken(token.clone(), FUNCTIONS), Shows::Nowhere),
        (Step::CreateToken(lasting, FUNCTIONS), Shows::Nowhere),
        (Step::CreateToken(expired.clone(), FUNCTIONS), Shows::Nowhere),
        (Step::DeleteToken(token, FUNCTIONS), Shows::Here),
        (Step::DeleteToken(expired, FUNCTIONS), Shows::Nowhere),
        (Step::Iam(IamStep::CreateApiKey(api_key, secret)), Shows::Nowhere),
        (Step::AddKey(here.clone(), next.clone(), later(9)), Shows::Here),
        (Step::ActivateKey(here.clone(), next, later(9)), Shows::Here),
        (Step::EndKey(here.clone(), key), Shows::Here),
        (Step::RevokeId(organization.revoked_id(Some(here.id))), Shows::Here),
        (Step::RevokeId(organization.revoked_id(None)), Shows::Everywhere),
        (Step::MarkApplication(public.clone(), later(1)), Shows::Here),
        (Step::MarkApplication(public.clone(), later(1)), Shows::Nowhere),
        (Step::MarkNamespace(here.clone(), later(1)), Shows::Here),
        (Step::MarkNamespace(here.clone(), NOW), Shows::Nowhere),
        (Step::MarkBearer(organization.bearer(), organization.0, later(1)), Shows::Here),
        (Step::AddTrustKey(trust_key.clone(), organization.0), Shows::Nowhere),
        (Step::DropTrustKey(trust_key, organization.0), Shows::Nowhere),
        (Step::ReplaceKeys(here.clone(), sample::key(&here)), Shows::Here),
        (Step::DeleteApplication(public), Shows::Here),
        (Step::DeleteNamespace(here.clone()), Shows::Here),
    ]
    .into_iter()
    .enumerate()
    {
        let before = sequences(&store, ids).await;
        organization.make(&*store, &step).await.unwrap();
        let after = sequences(&store, ids).await;
        let rose: Vec<_> =
            before.iter().zip(after).map(|(before, after)| after > *before).collect();
        let expected = match shows {
            Shows::Nowhere => [false; 3],
            Shows::Here => [true, true, false],
            Shows::Everywhere => [true; 3],
        };
        assert_eq!(rose, expected, "step {number}: {before:?} {after:?}");
        assert!(before.iter().zip(after).all(|(before, after)| after >= *before));

        // The same by the one question that a server asks all the time.
        let since = before[0];
        let changed = get!(store, changed_scopes, since);
        assert_eq!(changed.sequence, after[0]);
        let mut told: Vec<_> = changed.namespaces;
        told.sort_by_key(|(id, _)| *id != here.id);
        let numbers = ids.into_iter().zip(&after[1..]).zip(&expected[1..]);
        let numbers = numbers.filter(|(_, rose)| **rose).map(|((id, number), _)| (id, *number));
        assert_eq!(told, numbers.collect::<Vec<_>>(), "step {number}");
    }
}

pub async fn a_scope_is_told_what_is_in_it(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::from_u128(u128::MAX - 1));
    database.add_organization(other);
    let (here, key) = organization.new_namespace(&*store, "here").await;
    let (there, other_key) = other.new_namespace(&*store, "there").await;
    let (gone, gone_key) = organization.new_namespace(&*store, "gone").await;
    let (unknown, scope) = (Uuid::new_v4(), TrustScope::Namespace(here.id));
    assert_eq!(get!(store, scope_state, TrustScope::Namespace(unknown), None), None);

    let application = organization.new_application(&*store, &here, "app").await;
    let elsewhere = organization.new_application(&*store, &gone, "app").await;
    let token = organization.new_token(&*store, &key, None, None).await;
    for step in [
        Step::DeleteToken(token.clone(), FUNCTIONS),
        Step::MarkNamespace(here.clone(), later(2)),
        Step::MarkApplication(application.clone(), later(3)),
        Step::MarkBearer(organization.bearer(), organization.0, later(4)),
        Step::DeleteApplication(elsewhere),
        Step::DeleteNamespace(gone.clone()),
    ] {
        organization.make(&*store, &step).await.unwrap();
    }
    let found = state(&store, scope).await;
    let record = TokenId::from(token.id).record();
    assert_eq!((found.issuer_id, found.scope), (organization.0, scope));
    assert_eq!((found.log.held, found.log.records.as_slice()), (0, [record].as_slice()));
    let namespace = NamespaceTrust {
        id: here.id,
        not_before: Some(second(later(2))),
        keys: vec![public(&key, KeyState::Active)],
        revoked_keys: vec![],
    };
    assert!(found.namespaces == [namespace.clone()]);
    let application = ApplicationTrust {
        id: application.id,
        namespace_id: here.id,
        privacy: Privacy::Private,
        not_before: Some(second(later(3))),
    };
    assert!(found.applications == [application.clone()]);
    let bearer = BearerTrust { id: organization.owner(), not_before: second(later(4)) };
    assert_eq!(found.bearers, [bearer]);

    // Another tenant is told nothing of that.
    let found = state(&store, TrustScope::Namespace(there.id)).await;
    let another = NamespaceTrust {
        id: there.id,
        not_before: None,
        keys: vec![public(&other_key, KeyState::Active)],
        revoked_keys: vec![],
    };
    assert!(found.namespaces == [another.clone()]);
    assert!(found.applications.is_empty() && found.bearers.is_empty());
    assert!(found.log.records.is_empty());

    // A namespace that is gone is told as its keys, which vouch for nothing.
    let deleted = NamespaceTrust {
        id: gone.id,
        not_before: None,
        keys: vec![],
        revoked_keys: vec![public(&gone_key, KeyState::Revoked)],
    };
    let found = state(&store, TrustScope::Namespace(gone.id)).await;
    assert_eq!((&found.namespaces, &found.applications), (&vec![deleted.clone()], &vec![]));

    let found = state(&store, TrustScope::All).await;
    let mut namespaces = vec![namespace, another, deleted];
    namespaces.sort_by_key(|it| it.id);
    assert_eq!(found.namespaces, namespaces);
    assert_eq!((found.applications, found.bearers), (vec![application], vec![bearer]));
    assert_eq!(found.log.records, [record]);
}

/// Revokes a new token, and tells its record.
async fn revoke(organization: Organization, store: &dyn Store, key: &NamespaceKey) -> Record {
    let token = organization.new_token(store, key, None, None).await;
    organization.make(store, &Step::DeleteToken(token.clone(), FUNCTIONS)).await.unwrap();
    TokenId::from(token.id).record()
}

pub async fn a_log_is_read_on_from_where_it_was_read_to(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let (_, noise) = organization.new_namespace(&*store, "two").await;
    for scope in [TrustScope::Namespace(namespace.id), TrustScope::All] {
        let mut whole = state(&store, scope).await.log;
        for _ in 0..3 {
            let new = match scope {
                TrustScope::Namespace(_) => {
                    revoke(organization, &*store, &noise).await;
                    vec![revoke(organization, &*store, &key).await]
                }
                TrustScope::All => vec![
                    revoke(organization, &*store, &noise).await,
                    revoke(organization, &*store, &key).await,
                ],
            };
            let end = whole.end;
            let more = get!(store, scope_state, scope, Some(end)).unwrap().log;
            assert_eq!((more.held, &more.records), (whole.end.records, &new));
            whole.records.extend(new);
            whole.end = more.end;
            assert_eq!(state(&store, scope).await.log, whole);
            // A place in the log of another epoch is none in this.
            let strange = LogPosition { epoch: whole.end.epoch + 1, ..whole.end };
            assert_eq!(get!(store, scope_state, scope, Some(strange)).unwrap().log, whole);
        }
    }
}

pub async fn an_id_without_a_namespace_stands_in_every_log(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (one, _) = organization.new_namespace(&*store, "one").await;
    let (two, _) = organization.new_namespace(&*store, "two").await;
    let (everywhere, here) = (organization.revoked_id(None), organization.revoked_id(Some(one.id)));
    for it in [&here, &everywhere] {
        organization.make(&*store, &Step::RevokeId(it.clone())).await.unwrap();
    }
    // Also in one that comes later.
    let (three, _) = organization.new_namespace(&*store, "three").await;
    let [of_here, of_all] = [&here, &everywhere].map(|it| it.id.record());
    for (scope, records) in [
        (TrustScope::All, vec![of_here, of_all]),
        (TrustScope::Namespace(one.id), vec![of_here, of_all]),
        (TrustScope::Namespace(two.id), vec![of_all]),
        (TrustScope::Namespace(three.id), vec![of_all]),
    ] {
        assert_eq!(state(&store, scope).await.log.records, records, "{scope:?}");
    }
    let logs = async |id: TokenId| {
        let logs = get!(store, logs_of, &id);
        logs.into_iter().map(|it| (it.namespace_id, it.is_of_token)).collect::<Vec<_>>()
    };
    assert_eq!(logs(everywhere.id).await, [(None, false)]);
    assert_eq!(logs(here.id.clone()).await, [(Some(one.id), false)]);
    let there = RevokedId { namespace: Some((two.id, FUNCTIONS)), ..here.clone() };
    organization.make(&*store, &Step::RevokeId(there)).await.unwrap();
    assert_eq!(logs(here.id).await, [(Some(one.id), false), (Some(two.id), false)]);
    // A token of the service's own is for its own namespace alone.
    let (four, key) = organization.new_namespace(&*store, "four").await;
    let token = organization.new_token(&*store, &key, None, None).await;
    assert_eq!(logs(token.id.into()).await, []);
    organization.make(&*store, &Step::DeleteToken(token.clone(), FUNCTIONS)).await.unwrap();
    assert_eq!(logs(token.id.into()).await, [(Some(four.id), true)]);
    // One of another organization's is not to be revoked for.
    let strange = Organization(Uuid::from_u128(u128::MAX - 1));
    database.add_organization(strange);
    let refused = strange.make(&*store, &Step::RevokeId(strange.revoked_id(Some(one.id)))).await;
    assert_eq!(refused, Err(StoreError::NotPermitted));
}

pub async fn a_key_is_published_before_it_signs_and_after(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, first) = organization.new_namespace(&*store, "one").await;
    let next = next_key(&namespace);
    let step = Step::AddKey(namespace.clone(), next.clone(), later(9));
    organization.make(&*store, &step).await.unwrap();
    let told = state(&store, TrustScope::Namespace(namespace.id)).await;
    let both = vec![public(&first, KeyState::Active), public(&next, KeyState::Next)];
    assert_eq!(told.namespaces[0].keys, both);
    let scheduled: Vec<_> = get!(store, scheduled_keys)
        .into_iter()
        .map(|key| (key.id, key.state, key.activates_at, key.retired_at, key.ends_at))
        .collect();
    let expected = [
        (first.id, KeyState::Active, None, None, Some(later(9))),
        (next.id, KeyState::Next, Some(later(2)), None, None),
    ];
    assert_eq!(scheduled, expected);
    // There is one next key at a time.
    let step = Step::AddKey(namespace.clone(), next_key(&namespace), later(9));
    assert_eq!(organization.make(&*store, &step).await, Err(StoreError::AlreadyExists));

    let step = Step::ActivateKey(namespace.clone(), next.clone(), later(8));
    organization.make(&*store, &step).await.unwrap();
    let told = state(&store, TrustScope::Namespace(namespace.id)).await;
    let both = vec![public(&first, KeyState::Retired), public(&next, KeyState::Active)];
    assert_eq!(told.namespaces[0].keys, both);
    let scheduled = get!(store, scheduled_keys);
    let expected = NamespaceKey {
        state: KeyState::Retired,
        retired_at: Some(NOW),
        ends_at: Some(later(8)),
        ..first.clone()
    };
    assert!(scheduled == [expected]);
    assert_eq!(organization.make(&*store, &step).await, Err(StoreError::Missing));

    let mine = organization.new_token(&*store, &first, None, None).await;
    let other = organization.new_token(&*store, &next, None, Some(later(60))).await;
    let count = |key: &NamespaceKey| TokenSet::OfKey(key.id);
    let (of_first, of_next) = (count(&first), count(&next));
    let found = get!(store, count_tokens, of_first);
    assert_eq!((found.all, found.endless, found.last_expiry), (1, 1, None));
    let found = get!(store, count_tokens, of_next);
    assert_eq!((found.all, found.endless, found.last_expiry), (1, 0, Some(later(60))));
    for (key, at, expected) in [
        (&first, later(600), true),
        (&next, later(59), true),
        (&next, later(60), false),
        (&next_key(&namespace), NOW, false),
    ] {
        let id = key.id;
        assert_eq!(get!(store, has_tokens_after, id, at), expected);
    }
    let step = Step::EndKey(namespace.clone(), first.clone());
    organization.make(&*store, &step).await.unwrap();
    let told = state(&store, TrustScope::Namespace(namespace.id)).await;
    assert_eq!(told.namespaces[0].keys, [public(&next, KeyState::Active)]);
    assert_eq!(told.namespaces[0].revoked_keys, [public(&first, KeyState::Revoked)]);
    assert!(get!(store, scheduled_keys).is_empty());
    assert_eq!(get!(store, token, mine.id), None);
    assert_eq!(get!(store, token, other.id), Some(other.clone()));
    let keys = get!(store, namespace_keys, namespace.id);
    assert!(keys.iter().all(|key| key.sealed_private_key.is_empty() == (key.id == first.id)));
    assert_eq!(organization.make(&*store, &step).await, Err(StoreError::Missing));
}

pub async fn keys_that_are_replaced_are_revoked_with_their_tokens(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, first) = organization.new_namespace(&*store, "one").await;
    let (other, other_key) = organization.new_namespace(&*store, "two").await;
    let next = next_key(&namespace);
    let step = Step::AddKey(namespace.clone(), next.clone(), later(9));
    organization.make(&*store, &step).await.unwrap();
    let token = organization.new_token(&*store, &first, None, None).await;
    let stays = organization.new_token(&*store, &other_key, None, None).await;
    let new = NamespaceKey { created_at: later(3), ..sample::key(&namespace) };
    let step = Step::ReplaceKeys(namespace.clone(), new.clone());
    organization.make(&*store, &step).await.unwrap();

    let told = state(&store, TrustScope::Namespace(namespace.id)).await;
    assert_eq!(told.namespaces[0].keys, [public(&new, KeyState::Active)]);
    let revoked = [&first, &next].map(|key| public(key, KeyState::Revoked));
    assert_eq!(told.namespaces[0].revoked_keys, revoked);
    assert_eq!(get!(store, token, token.id), None);
    assert_eq!(get!(store, token, stays.id), Some(stays.clone()));
    assert!(get!(store, scheduled_keys).is_empty());
    let told = state(&store, TrustScope::Namespace(other.id)).await;
    assert_eq!(told.namespaces[0].keys, [public(&other_key, KeyState::Active)]);
}

pub async fn a_mark_never_moves_back_and_takes_the_tokens_that_it_hits(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let application = organization.new_application(&*store, &namespace, "app").await;
    let other = organization.new_application(&*store, &namespace, "other").await;
    let mark = second(later(10));
    let mut tokens = Vec::new();
    for of in [None, Some(&application), Some(&other)] {
        // On either side of the second.
        for created_at in [later(0), UnixTime::new(mark.since_epoch() - MICRO), mark] {
            let token = Token { created_at, ..sample::token(&key, of) };
            let step = Step::CreateToken(token.clone(), FUNCTIONS);
            organization.make(&*store, &step).await.unwrap();
            tokens.push(token);
        }
    }
    let of_application = Marked::Application(application.id);
    let of_namespace = Marked::Namespace(namespace.id);
    let hit = TokenSet::Before(Mark { of: of_application, not_before: mark });
    assert_eq!(get!(store, count_tokens, hit).all, 2);
    let step = Step::MarkApplication(application.clone(), mark);
    organization.make(&*store, &step).await.unwrap();
    let left = |tokens: &[Token], lost: &[usize]| {
        let kept = tokens.iter().enumerate().filter(|(at, _)| !lost.contains(at));
        kept.map(|(_, token)| token.id).collect::<Vec<_>>()
    };
    for id in left(&tokens, &[3, 4]) {
        assert!(get!(store, token, id).is_some());
    }
    let all = TokenSet::OfNamespace(namespace.id);
    assert_eq!(get!(store, count_tokens, all).all, 7);

    let hit = TokenSet::Before(Mark { of: of_namespace, not_before: mark });
    assert_eq!(get!(store, count_tokens, hit).all, 4);
    let step = Step::MarkNamespace(namespace.clone(), mark);
    organization.make(&*store, &step).await.unwrap();
    assert_eq!(get!(store, count_tokens, all).all, 3);
    for at in [2, 5, 8] {
        let id = tokens[at].id;
        assert!(get!(store, token, id).is_some(), "made in the second of the mark");
    }
    // They are told of by the mark alone.
    let told = state(&store, TrustScope::All).await;
    assert_eq!((told.log.records.len(), told.namespaces[0].not_before), (0, Some(mark)));
    assert_eq!(get!(store, latest_mark, namespace.id, None, None), Some(mark));

    for step in [
        Step::MarkNamespace(namespace.clone(), earlier(1)),
        Step::MarkApplication(application.clone(), earlier(1)),
    ] {
        organization.make(&*store, &step).await.unwrap();
    }
    let again = state(&store, TrustScope::All).await;
    assert_eq!((again.namespaces, again.applications), (told.namespaces, told.applications));
}

const MICRO: std::time::Duration = std::time::Duration::from_micros(1);

pub async fn the_mark_of_a_bearer_revokes_their_tokens_by_their_ids(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (one, key) = organization.new_namespace(&*store, "one").await;
    let (two, other_key) = organization.new_namespace(&*store, "two").await;
    let application = organization.new_iam_application(&*store, "app").await.id;
    let mut revoked = [vec![], vec![]];
    for bearer in [organization.bearer(), Bearer::Application(application)] {
        let by = bearer.id();
        let mut ids = Vec::new();
        for (key, bearer_id, created_at) in [
            (&key, Some(by), NOW),
            (&other_key, Some(by), NOW),
            (&key, Some(by), later(20)),
            (&key, None, NOW),
            (&key, Some(Uuid::new_v4()), NOW),
        ] {
            let token = Token { bearer_id, created_at, ..sample::token(key, None) };
            let step = Step::CreateToken(token.clone(), FUNCTIONS);
            organization.make(&*store, &step).await.unwrap();
            ids.push(token.id);
        }
        let step = Step::MarkBearer(bearer, organization.0, later(10));
        organization.make(&*store, &step).await.unwrap();
        for (at, id) in ids.iter().copied().enumerate() {
            assert_eq!(get!(store, token, id).is_none(), at < 2, "{at}");
        }
        let mark = BearerTrust { id: by, not_before: second(later(10)) };
        for (at, scope) in [one.id, two.id].into_iter().enumerate() {
            let told = state(&store, TrustScope::Namespace(scope)).await;
            revoked[at].push(TokenId::from(ids[at]).record());
            assert_eq!(told.log.records, revoked[at]);
            assert!(told.bearers.contains(&mark), "{:?}", told.bearers);
        }
        assert_eq!(get!(store, bearer, by), Some((bearer, organization.0)));
        let step = Step::MarkBearer(bearer, organization.0, NOW);
        organization.make(&*store, &step).await.unwrap();
        let told = state(&store, TrustScope::All).await;
        assert!(told.bearers.contains(&mark), "it moved back");
        assert_eq!(get!(store, latest_mark, one.id, None, Some(by)), Some(second(later(10))));
    }
    assert_eq!(get!(store, bearer, one.id), None);
    assert_eq!(get!(store, latest_mark, one.id, None, None), None);
}

pub async fn trust_keys_come_oldest_first(database: &impl Database) {
    let (store, organization) = founded(database).await;
    assert!(get!(store, trust_keys).is_empty());
    let old = sample::trust_key();
    let new = TrustKey { created_at: later(1), ..sample::trust_key() };
    for key in [&new, &old] {
        let step = Step::AddTrustKey(key.clone(), organization.0);
        organization.make(&*store, &step).await.unwrap();
        assert_eq!(organization.make(&*store, &step).await, Err(StoreError::AlreadyExists));
    }
    assert!(get!(store, trust_keys) == [old.clone(), new.clone()]);
    let step = Step::DropTrustKey(old, organization.0);
    organization.make(&*store, &step).await.unwrap();
    assert!(get!(store, trust_keys) == [new]);
}
