//! Rotation, revocation and trust keys over a database on disk, at times that the tests give.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

#[path = "store/folder.rs"]
mod folder;

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use folder::Folder;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::authority::founding::NewOrganization;
use namespace_jwt_issuer::authority::keys::Keys;
use namespace_jwt_issuer::authority::refusal::{Refusal, Resource};
use namespace_jwt_issuer::authority::revocations::IdRevocation;
use namespace_jwt_issuer::authority::rotation::{KeyStep, Rotation};
use namespace_jwt_issuer::authority::tokens::IssuedToken;
use namespace_jwt_issuer::authority::trust_keys::{self, TrustSignature};
use namespace_jwt_issuer::authority::{Authority, Caller};
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::application::{ApplicationChange, NewApplication};
use namespace_jwt_issuer::model::namespace::{Namespace, NamespaceChange, NewNamespace};
use namespace_jwt_issuer::model::namespace_key::KeyState;
use namespace_jwt_issuer::model::region::Region;
use namespace_jwt_issuer::model::token::{NewToken, TokenSubject};
use namespace_jwt_issuer::model::trust::{Marked, NamespaceTrust, TokenId, TrustScope};
use namespace_jwt_issuer::request_context::RequestContext;
use namespace_jwt_issuer::sealing::SecretsKey;
use namespace_jwt_issuer::signing::keys::KeyType;
use namespace_jwt_issuer::store::sqlite::{Opening, Sqlite};
use uuid::Uuid;

const FUNCTIONS: Product = Product::Functions;
const BEGIN: u64 = 1_700_000_000;
const HOUR: u64 = 3600;
const DAY: u64 = 86_400;

thread_local! {
    /// The time of the test that runs on this thread.
    static NOW: Cell<Duration> = const { Cell::new(Duration::from_secs(BEGIN)) };
}

fn now() -> UnixTime {
    UnixTime::new(NOW.get())
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(BEGIN + seconds)
}

/// Moves the time to so many seconds after the beginning.
fn go_to(seconds: u64) {
    NOW.set(Duration::from_secs(BEGIN + seconds));
}

struct Service {
    authority: Authority,
    operator: Caller,
    owner: Caller,
    owner_id: Uuid,
    secrets: Arc<SecretsKey>,
    folder: Folder,
}

impl Service {
    async fn new() -> Self {
        let folder = Folder::new();
        let store = Sqlite::open(&folder.file("issuer.db"), Opening::CreateOrMigrate).unwrap();
        let secrets = SecretsKey::new_bytes().unwrap();
        let secrets = Arc::new(SecretsKey::new(secrets.as_slice()).unwrap());
        let new = NewOrganization::new(&secrets, "http://127.0.0.1:8080", now()).unwrap();
        new.commit(&store).await.unwrap();
        for _ in 0..2 {
            trust_keys::make_first(&store, &secrets, &new.founding, now()).await.unwrap();
        }
        let store = Arc::new(store);
        let authority = authority(&store, &secrets);
        let secret = new.secret.reveal().to_string();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = RequestContext { id: Uuid::new_v4(), address, user_agent: String::new() };
        let owner = authority.authenticate(Some(&secret), request).await.unwrap();
        let (owner_id, operator) = (new.founding.owner_id, Caller::operator());
        Self { authority, operator, owner, owner_id, secrets, folder }
    }

    /// Another process on the same file.
    fn another(&self) -> Authority {
        let store = Sqlite::open(&self.folder.file("issuer.db"), Opening::Existing).unwrap();
        authority(&Arc::new(store), &self.secrets)
    }

    async fn namespace(&self, name: &str) -> Namespace {
        let new = NewNamespace {
            name: name.to_owned(),
            project_id: None,
            vpc_integration: false,
            change: NamespaceChange::default(),
        };
        let here = Region::default_region();
        let made =
            self.authority.create_namespace(&self.owner, FUNCTIONS, &here, new, KeyType::Ed25519);
        made.await.unwrap()
    }

    async fn token(
        &self,
        namespace: &Namespace,
        expires_at: Option<UnixTime>,
    ) -> Result<IssuedToken, Refusal> {
        let subject = TokenSubject::Namespace(namespace.id);
        let new = NewToken { subject, description: String::new(), expires_at };
        self.authority.create_token(&self.owner, FUNCTIONS, &Region::default_region(), new).await
    }

    async fn is_there(&self, id: Uuid) -> bool {
        let here = Region::default_region();
        let found = self.authority.token(&self.operator, FUNCTIONS, &here, id).await;
        assert!(found.is_ok() || found == Err(Refusal::NotFound(Resource::Token)), "{found:?}");
        found.is_ok()
    }

    async fn told(&self, namespace: &Namespace) -> NamespaceTrust {
        let scope = TrustScope::Namespace(namespace.id);
        let state = self.authority.scope_state(scope, None).await.unwrap().unwrap();
        state.namespaces[0].clone()
    }

    /// The states of the usable keys, the oldest first.
    async fn states(&self, namespace: &Namespace) -> Vec<KeyState> {
        self.told(namespace).await.keys.iter().map(|key| key.state).collect()
    }

    async fn sequence(&self) -> u64 {
        self.authority.changed_scopes(0).await.unwrap().sequence
    }

    /// The audit log's actions and resources, the newest last.
    fn audit(&self, last: usize) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.folder.file("issuer.db")).unwrap();
        let mut query = connection
            .prepare("SELECT action || ' ' || resource_type FROM audit ORDER BY number DESC")
            .unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
        let mut rows: Vec<String> = rows.take(last).collect();
        rows.reverse();
        rows
    }
}

fn authority(store: &Arc<Sqlite>, secrets: &Arc<SecretsKey>) -> Authority {
    let (store, keys) = (Arc::clone(store), Keys::new(Arc::clone(secrets)));
    Authority::new(store, keys, now, "test".to_owned())
}

fn graceful(seconds: u64) -> Rotation {
    Rotation::Graceful(Duration::from_secs(seconds))
}

fn is_refused<T>(result: Result<T, Refusal>, words: &str) {
    let refusal = result.err().unwrap();
    assert!(matches!(refusal, Refusal::InvalidArguments(_)), "{refusal}");
    assert!(refusal.to_string().contains(words), "{refusal}");
}

#[tokio::test]
async fn a_new_key_is_published_for_half_a_minute_and_then_signs() {
    use KeyState::{Active, Next, Retired};
    let service = Service::new().await;
    let Service { authority, operator, .. } = &service;
    let namespace = service.namespace("one").await;
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(HOUR);
    let before = service.token(&namespace, Some(at(HOUR + 500))).await.unwrap();

    let sequence = service.sequence().await;
    let trial = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, true);
    let trial = trial.await.unwrap();
    assert_eq!(
        (service.sequence().await, service.states(&namespace).await),
        (sequence, vec![Active])
    );
    let plan = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    let plan = plan.await.unwrap();
    for plan in [&trial, &plan] {
        assert_eq!((plan.signs_at, plan.ends_at), (at(HOUR + 30), at(HOUR + 30 + DAY)));
        let expected = (1, 0, Some(at(HOUR + 500)));
        assert_eq!((plan.tokens.all, plan.tokens.endless, plan.tokens.last_expiry), expected);
    }
    assert!(trial.key.is_none());
    let key = plan.key.as_ref().unwrap();
    assert_eq!(key.algorithm, "EdDSA", "of the same type");
    assert_eq!(service.audit(1), ["created function_namespace_key"]);
    assert_eq!(service.states(&namespace).await, [Active, Next]);
    let again = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    is_refused(again.await, "next key is there already");

    // Until then the old one signs.
    for seconds in [0, 29] {
        go_to(HOUR + seconds);
        assert_eq!(authority.advance_keys().await.unwrap(), []);
        let token = service.token(&namespace, Some(at(HOUR + 400))).await.unwrap();
        assert_eq!(token.token.key_id, before.token.key_id);
    }
    go_to(HOUR + 30);
    let signs = KeyStep::Signs { namespace_id: namespace.id, key_id: key.id };
    assert_eq!(authority.advance_keys().await.unwrap(), [signs]);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    assert_eq!(service.states(&namespace).await, [Retired, Active]);
    let after = service.token(&namespace, None).await.unwrap();
    assert_eq!((after.token.key_id, &after.public_pem), (key.id, &key.public_pem));
    assert_eq!(service.audit(2)[0], "updated function_namespace_key");

    // The old one is good until its last token has expired, at the most lenient gateway.
    go_to(HOUR + 500 + HOUR - 1);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(HOUR + 500 + HOUR);
    let ended = KeyStep::Ended { namespace_id: namespace.id, key_id: before.token.key_id };
    assert_eq!(authority.advance_keys().await.unwrap(), [ended]);
    let told = service.told(&namespace).await;
    assert_eq!(told.keys.iter().map(|it| it.id).collect::<Vec<_>>(), [key.id]);
    assert_eq!(told.revoked_keys[0].id, before.token.key_id);
    assert!(service.is_there(after.token.id).await);
    assert_eq!(service.audit(1), ["deleted function_namespace_key"]);
}

#[tokio::test]
async fn a_key_with_lasting_tokens_ends_with_its_grace() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let authority = &service.authority;
    authority.advance_keys().await.unwrap();
    go_to(HOUR);
    let lasting = service.token(&namespace, None).await.unwrap();
    let rotation = graceful(100);
    let plan = authority.rotate_key(&service.owner, namespace.id, None, rotation, None, false);
    assert_eq!(plan.await.unwrap().tokens.endless, 1);
    // Whoever looks late gives it the whole of its grace.
    go_to(HOUR + 60);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    go_to(HOUR + 159);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    assert!(service.is_there(lasting.token.id).await);
    go_to(HOUR + 160);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    assert!(!service.is_there(lasting.token.id).await);
    assert_eq!(service.told(&namespace).await.revoked_keys[0].id, lasting.token.key_id);
}

#[tokio::test]
async fn no_key_signs_that_was_in_the_database_while_nobody_published_it() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let rotation = graceful(DAY);
    go_to(1);
    let Service { authority, operator, .. } = &service;
    authority.rotate_key(operator, namespace.id, None, rotation, None, false).await.unwrap();
    go_to(DAY);
    let started_later = service.another();
    assert_eq!(started_later.advance_keys().await.unwrap(), []);
    go_to(DAY + 29);
    assert_eq!(started_later.advance_keys().await.unwrap(), []);
    assert_eq!(service.states(&namespace).await, [KeyState::Active, KeyState::Next]);
    go_to(DAY + 30);
    assert_eq!(started_later.advance_keys().await.unwrap().len(), 1);
    // What one has done nobody does again.
    assert_eq!(authority.advance_keys().await.unwrap(), []);
    go_to(DAY + 61);
    assert_eq!(authority.advance_keys().await.unwrap().len(), 1, "it has no tokens");
}

#[tokio::test]
async fn a_compromised_key_goes_at_once_with_its_tokens_and_all_others() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let token = service.token(&namespace, None).await.unwrap();
    let Service { authority, operator, .. } = &service;
    let next = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
    let next = next.await.unwrap().key.unwrap();
    let rotate = |is_trial| {
        let (rotation, es256) = (Rotation::Compromised, Some(KeyType::P256));
        authority.rotate_key(operator, namespace.id, None, rotation, es256, is_trial)
    };
    assert_eq!(rotate(true).await.unwrap().tokens.all, 1);
    assert!(service.is_there(token.token.id).await);
    let plan = rotate(false).await.unwrap();
    assert_eq!((plan.tokens.all, plan.signs_at, plan.ends_at), (1, now(), now()));
    let key = plan.key.unwrap();
    assert_eq!(key.algorithm, "ES256");
    assert!(!service.is_there(token.token.id).await);
    let told = service.told(&namespace).await;
    assert_eq!(
        told.keys.iter().map(|it| (it.id, it.state)).collect::<Vec<_>>(),
        [(key.id, KeyState::Active)]
    );
    let mut revoked: Vec<_> = told.revoked_keys.iter().map(|it| it.id).collect();
    let mut expected = vec![token.token.key_id, next.id];
    revoked.sort();
    expected.sort();
    assert_eq!(revoked, expected);
    let token = service.token(&namespace, None).await.unwrap();
    assert_eq!(token.token.key_id, key.id);
    go_to(2 * DAY);
    assert_eq!(authority.advance_keys().await.unwrap(), []);
}

#[tokio::test]
async fn a_rotation_is_of_a_namespace_that_is_there_and_has_room() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let Service { authority, operator, .. } = &service;
    let missing = Some(Refusal::NotFound(Resource::Namespace));
    let unknown = Uuid::new_v4();
    let refused = authority.rotate_key(operator, unknown, None, graceful(1), None, true);
    assert_eq!(refused.await.err(), missing);
    let there = Some((Product::Containers, Region::default_region()));
    let refused = authority.rotate_key(operator, namespace.id, there, graceful(1), None, true);
    assert_eq!(refused.await.err(), missing);
    authority.advance_keys().await.unwrap();
    for round in 1..16 {
        service.token(&namespace, None).await.unwrap();
        let plan = authority.rotate_key(operator, namespace.id, None, graceful(DAY), None, false);
        plan.await.unwrap();
        go_to(60 * round);
        assert_eq!(authority.advance_keys().await.unwrap().len(), 1);
    }
    assert_eq!(service.states(&namespace).await.len(), 16);
    let refused = authority.rotate_key(operator, namespace.id, None, graceful(1), None, true);
    is_refused(refused.await, "as many keys as gateways take");
}

#[tokio::test]
async fn an_id_is_revoked_whether_it_is_known_or_not() {
    let service = Service::new().await;
    let Service { authority, operator, owner, .. } = &service;
    let (one, two) = (service.namespace("one").await, service.namespace("two").await);
    let token = service.token(&one, None).await.unwrap().token;
    let known = TokenId::parse(&token.id.to_string().to_uppercase()).unwrap();
    let sequence = service.sequence().await;
    let wrong = authority.revoke_id(operator, known.clone(), Some(two.id), None, false).await;
    is_refused(wrong, "of another namespace");
    for (is_trial, is_there) in [(true, true), (false, false)] {
        let done = authority.revoke_id(operator, known.clone(), None, None, is_trial).await;
        assert_eq!(done, Ok(IdRevocation::Deleted(token.clone())));
        assert_eq!(service.is_there(token.id).await, is_there);
        assert_eq!(service.sequence().await > sequence, !is_trial);
    }
    assert_eq!(service.audit(1), ["deleted function_token"]);
    let again = authority.revoke_id(operator, known, Some(one.id), None, false).await;
    assert_eq!(again, Ok(IdRevocation::Already));

    let lost = TokenId::parse("minted-elsewhere/7").unwrap();
    let sequence = service.sequence().await;
    let alone = authority.revoke_id(owner, lost.clone(), None, None, false).await;
    is_refused(alone, "expected the namespace");
    let nowhere = Some(Uuid::new_v4());
    let refused = authority.revoke_id(operator, lost.clone(), nowhere, None, false).await;
    assert_eq!(refused.err(), Some(Refusal::NotFound(Resource::Namespace)));
    let of = Some(one.id);
    let trial = authority.revoke_id(owner, lost.clone(), of, None, true).await;
    assert_eq!(trial, Ok(IdRevocation::Remembered));
    assert_eq!(service.sequence().await, sequence);
    let done = authority.revoke_id(owner, lost.clone(), of, Some(at(1)), false).await;
    assert_eq!(done, Ok(IdRevocation::Remembered));
    assert_eq!(service.audit(1), ["created revocation"]);
    let log = async |namespace: &Namespace| {
        let scope = TrustScope::Namespace(namespace.id);
        authority.scope_state(scope, None).await.unwrap().unwrap().log.records
    };
    assert_eq!((log(&one).await.len(), log(&two).await.len()), (2, 0));
    // For one namespace is not for all.
    let done = authority.revoke_id(operator, lost.clone(), None, None, false).await;
    assert_eq!(done, Ok(IdRevocation::Remembered));
    assert_eq!(log(&two).await, [lost.record()]);
    let done = authority.revoke_id(operator, lost, None, None, false).await;
    assert_eq!(done, Ok(IdRevocation::Already));
}

#[tokio::test]
async fn what_was_issued_before_a_second_is_revoked_and_what_comes_later_is_not() {
    let service = Service::new().await;
    let Service { authority, operator, owner, .. } = &service;
    let namespace = service.namespace("one").await;
    let early = service.token(&namespace, None).await.unwrap().token;
    NOW.set(Duration::from_millis(BEGIN * 1000 + 10_400));
    let recent = service.token(&namespace, None).await.unwrap().token;
    let of = Marked::Namespace(namespace.id);
    let too_late = authority.revoke_issued_before(operator, of, at(12), false).await;
    is_refused(too_late, "isn't in the future");
    for (is_trial, is_there) in [(true, true), (false, false)] {
        let done = authority.revoke_issued_before(operator, of, at(10), is_trial).await.unwrap();
        assert_eq!((done.not_before, done.is_moved, done.tokens.all), (at(10), true, 1));
        assert_eq!(service.is_there(early.id).await, is_there);
    }
    assert!(service.is_there(recent.id).await);
    assert_eq!(service.audit(1), ["updated function_namespace_mark"]);
    let sequence = service.sequence().await;
    let back = authority.revoke_issued_before(owner, of, at(3), false).await.unwrap();
    assert_eq!((back.not_before, back.is_moved, back.tokens.all), (at(10), false, 0));
    assert_eq!(service.sequence().await, sequence);

    // Up to now is up to the end of this second: a token of it can't be told from one before.
    let done = authority.revoke_issued_before(operator, of, now(), false).await.unwrap();
    assert_eq!((done.not_before, done.tokens.all), (at(11), 1));
    assert!(!service.is_there(recent.id).await);
    assert_eq!(service.token(&namespace, None).await.err(), Some(Refusal::Busy));
    go_to(11);
    let token = service.token(&namespace, None).await.unwrap().token;

    let here = Region::default_region();
    let change = ApplicationChange::default();
    let new = NewApplication { name: "app".to_owned(), namespace_id: namespace.id, change };
    let app = authority.create_application(owner, FUNCTIONS, &here, new).await.unwrap();
    go_to(20);
    let of = Marked::Application(app.id);
    authority.revoke_issued_before(owner, of, now(), false).await.unwrap();
    assert_eq!(service.audit(1), ["updated function_mark"]);
    assert!(service.is_there(token.id).await, "it isn't for the application alone");
    let of = Marked::Bearer(service.owner_id);
    let done = authority.revoke_issued_before(operator, of, now(), false).await.unwrap();
    assert_eq!(done.tokens.all, 1);
    assert_eq!(service.audit(1), ["updated bearer_mark"]);
    assert!(!service.is_there(token.id).await);
    for (of, missing) in [
        (Marked::Namespace(app.id), Resource::Namespace),
        (Marked::Application(namespace.id), Resource::Application(FUNCTIONS)),
        (Marked::Bearer(app.id), Resource::User),
    ] {
        let refused = authority.revoke_issued_before(operator, of, now(), true).await.err();
        assert_eq!(refused, Some(Refusal::NotFound(missing)));
    }
}

/// Whether a signature is good by the key in its PEM.
fn is_good(message: &[u8], by: &TrustSignature) -> bool {
    let text: String = by.public_pem.lines().filter(|line| !line.starts_with("---")).collect();
    let spki = STANDARD.decode(text).unwrap();
    // RFC 8410 §4: the key is the end of the 44 bytes.
    assert_eq!(spki.len(), 44);
    UnparsedPublicKey::new(&ED25519, &spki[12..]).verify(message, &by.signature).is_ok()
}

#[tokio::test]
async fn both_trust_keys_sign_until_the_old_one_is_dropped() {
    let service = Service::new().await;
    let Service { authority, operator, .. } = &service;
    let message = b"what gateways are told";
    let [first] = authority.sign_for_gateways(message).await.unwrap().try_into().unwrap();
    assert!(is_good(message, &first) && !is_good(b"else", &first));
    is_refused(authority.drop_old_trust_key(operator).await, "found fewer");
    go_to(1);
    let new = authority.add_trust_key(operator).await.unwrap();
    is_refused(authority.add_trust_key(operator).await, "two trust keys already");
    // Another process has noticed at once.
    let other = service.another();
    for authority in [authority, &other] {
        let [old, second] = authority.sign_for_gateways(message).await.unwrap().try_into().unwrap();
        assert_eq!((old.key_id, second.key_id), (first.key_id, new.id));
        assert_eq!(second.public_pem, new.public_pem);
        assert!(is_good(message, &old) && is_good(message, &second));
    }
    assert_eq!(authority.drop_old_trust_key(operator).await.unwrap().id, first.key_id);
    let [left] = other.sign_for_gateways(message).await.unwrap().try_into().unwrap();
    assert_eq!(left.key_id, new.id);
    assert_eq!(service.audit(2), ["created trust_key", "deleted trust_key"]);
    let keys = authority.trust_keys(operator).await.unwrap();
    assert!(keys == [new]);
}

#[tokio::test]
async fn a_trust_key_opens_under_its_own_id_and_secrets_key_alone() {
    let service = Service::new().await;
    let keys = service.authority.trust_keys(&service.operator).await.unwrap();
    let [key] = keys.as_slice() else { panic!("{} keys", keys.len()) };
    let fresh = || Keys::new(Arc::clone(&service.secrets));
    assert!(fresh().open_trust_key(key).await.is_ok());
    let mut moved = key.clone();
    moved.id = Uuid::new_v4();
    assert!(matches!(fresh().open_trust_key(&moved).await.err(), Some(Refusal::Internal(_))));
    let other = Keys::new(Arc::new(SecretsKey::new(&[7; 32]).unwrap()));
    assert!(matches!(other.open_trust_key(key).await.err(), Some(Refusal::Internal(_))));
}
