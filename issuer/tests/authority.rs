//! The operations over a database on disk, as a caller meets them.

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

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use folder::Folder;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::authority::founding::{NewOrganization, add_owner_key, owner_key};
use namespace_jwt_issuer::authority::keys::Keys;
use namespace_jwt_issuer::authority::refusal::{AuthenticationFault, Refusal, Resource};
use namespace_jwt_issuer::authority::tokens::IssuedToken;
use namespace_jwt_issuer::authority::{Authority, Caller};
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::application::{Application, ApplicationChange, NewApplication};
use namespace_jwt_issuer::model::namespace::{
    Namespace, NamespaceChange, NamespaceFilter, NewNamespace,
};
use namespace_jwt_issuer::model::namespace_key::KeyState;
use namespace_jwt_issuer::model::page::{Order, PageRequest};
use namespace_jwt_issuer::model::region::Region;
use namespace_jwt_issuer::model::token::{NewToken, TokenFilter, TokenSubject};
use namespace_jwt_issuer::request_context::RequestContext;
use namespace_jwt_issuer::sealing::SecretsKey;
use namespace_jwt_issuer::signing::keys::KeyType;
use namespace_jwt_issuer::store::sqlite::{Opening, Sqlite};
use serde_json::Value;
use tokio::task::JoinSet;
use uuid::Uuid;

const FUNCTIONS: Product = Product::Functions;
const ALL: PageRequest = PageRequest { page: 1, size: 100 };

fn now() -> UnixTime {
    UnixTime::from_secs(1_700_000_000)
}

fn later(seconds: u64) -> Option<UnixTime> {
    Some(UnixTime::new(now().since_epoch() + Duration::from_secs(seconds)))
}

fn here() -> Region {
    Region::default_region()
}

fn request() -> RequestContext {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    RequestContext { id: Uuid::new_v4(), address, user_agent: "client/1".to_owned() }
}

/// A service that was just started, and its owner.
struct Service {
    authority: Arc<Authority>,
    owner: Caller,
    secret: String,
    new: NewOrganization,
    secrets: Arc<SecretsKey>,
    store: Arc<Sqlite>,
    _folder: Folder,
}

impl Service {
    async fn new() -> Self {
        let folder = Folder::new();
        let store = Sqlite::open(&folder.file("issuer.db"), Opening::CreateOrMigrate).unwrap();
        let store = Arc::new(store);
        let secrets = SecretsKey::new_bytes().unwrap();
        let secrets = Arc::new(SecretsKey::new(secrets.as_slice()).unwrap());
        let new = NewOrganization::new(&secrets, "http://127.0.0.1:8080", now()).unwrap();
        new.commit(&*store).await.unwrap();
        let keys = Keys::new(Arc::clone(&secrets));
        let database: Arc<Sqlite> = Arc::clone(&store);
        let authority = Arc::new(Authority::new(database, keys, now, "test".to_owned()));
        let secret = new.secret.reveal().to_string();
        let owner = authority.authenticate(Some(&secret), request()).await.unwrap();
        Self { authority, owner, secret, new, secrets, store, _folder: folder }
    }

    async fn namespace(&self, name: &str) -> Result<Namespace, Refusal> {
        let new = new_namespace(name);
        let key_type = KeyType::Ed25519;
        self.authority.create_namespace(&self.owner, FUNCTIONS, &here(), new, key_type).await
    }

    async fn application(&self, namespace: &Namespace, name: &str) -> Result<Application, Refusal> {
        let new = NewApplication {
            name: name.to_owned(),
            namespace_id: namespace.id,
            change: ApplicationChange::default(),
        };
        self.authority.create_application(&self.owner, FUNCTIONS, &here(), new).await
    }

    async fn token(
        &self,
        subject: TokenSubject,
        expires_at: Option<UnixTime>,
    ) -> Result<IssuedToken, Refusal> {
        let new = NewToken { subject, description: "one".to_owned(), expires_at };
        self.authority.create_token(&self.owner, FUNCTIONS, &here(), new).await
    }
}

fn new_namespace(name: &str) -> NewNamespace {
    NewNamespace {
        name: name.to_owned(),
        project_id: None,
        vpc_integration: false,
        change: NamespaceChange::default(),
    }
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_caller_is_who_has_a_secret_that_is_known_and_not_expired() {
    let service = Service::new().await;
    let Service { authority, new, store, .. } = &service;
    assert_eq!(service.owner.access_key(), Some(new.key.access_key.as_str()));

    let mut secrets = vec![
        (None, AuthenticationFault::Malformed),
        (Some(String::new()), AuthenticationFault::Malformed),
        (Some(service.secret.replace('-', "")), AuthenticationFault::Malformed),
        (Some(Uuid::new_v4().to_string()), AuthenticationFault::Unknown),
    ];
    for (end, fault) in [(later(0), Some(AuthenticationFault::Expired)), (later(1), None)] {
        let (mut key, secret) = owner_key(&new.founding, now(), "another");
        key.expires_at = end;
        add_owner_key(&**store, &new.founding, &key, &secret, now()).await.unwrap();
        let text = secret.reveal().to_string();
        match fault {
            Some(fault) => secrets.push((Some(text), fault)),
            None => drop(authority.authenticate(Some(&text), request()).await.unwrap()),
        }
    }
    for (secret, fault) in secrets {
        let refused = authority.authenticate(secret.as_deref(), request()).await.err();
        assert_eq!(refused, Some(Refusal::NotAuthenticated(fault)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_gone_changes_nothing_more() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await.unwrap();
    let path = service._folder.file("issuer.db");
    let beside = rusqlite::Connection::open(path).unwrap();
    beside.execute("DELETE FROM api_keys", []).unwrap();
    // The caller was authenticated before, and is again in each transaction.
    let unknown = Some(Refusal::NotAuthenticated(AuthenticationFault::Unknown));
    assert_eq!(service.namespace("two").await.err(), unknown);
    let token = service.token(TokenSubject::Namespace(namespace.id), None).await;
    assert_eq!(token.err(), unknown);
}

#[tokio::test]
async fn a_token_names_its_subject_and_is_kept_without_its_text() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await.unwrap();
    let application = service.application(&namespace, "app").await.unwrap();
    for (subject, claim, id) in [
        (TokenSubject::Namespace(namespace.id), "namespace_id", namespace.id),
        (TokenSubject::Application(application.id), "application_id", application.id),
    ] {
        for expires_at in [None, later(1)] {
            let issued = service.token(subject, expires_at).await.unwrap();
            let claims = claims(&issued.text);
            let claim = &claims["application_claim"][0][claim];
            assert_eq!(claim.as_str().unwrap(), id.to_string(), "{claims}");
            assert_eq!(claims["jti"].as_str().unwrap(), issued.token.id.to_string());
            assert!(issued.public_pem.contains("PUBLIC KEY"));

            let token = &issued.token;
            assert_eq!((token.subject, token.namespace_id), (subject, namespace.id));
            assert_eq!(token.bearer_id, Some(service.new.founding.owner_id));
            assert_eq!((token.expires_at, token.created_at), (expires_at, now()));
            let kept = service.authority.token(&service.owner, &here(), token.id).await;
            assert_eq!(kept.as_ref(), Ok(token));
        }
    }
    for expires_at in [Some(now()), Some(UnixTime::from_secs(1))] {
        let refused = service.token(TokenSubject::Namespace(namespace.id), expires_at).await.err();
        assert!(matches!(refused, Some(Refusal::InvalidArguments(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_is_unknown_elsewhere_or_gone_is_not_found() {
    let service = Service::new().await;
    let Service { authority, owner, .. } = &service;
    let namespace = service.namespace("one").await.unwrap();
    let application = service.application(&namespace, "app").await.unwrap();
    let token = service.token(TokenSubject::Application(application.id), None).await.unwrap().token;
    let there = Region::parse("nl-ams").unwrap();

    let missing = Some(Resource::Namespace.not_found(namespace.id));
    let no_function = |id: Uuid| Some(Resource::Application(FUNCTIONS).not_found(id));
    let unknown = Uuid::new_v4();
    let refused = service.token(TokenSubject::Namespace(unknown), None).await.err();
    assert_eq!(refused, Some(Resource::Namespace.not_found(unknown)));
    // The id of one kind is not one of the other.
    for id in [unknown, namespace.id] {
        let refused = service.token(TokenSubject::Application(id), None).await.err();
        assert_eq!(refused, no_function(id));
    }
    for (product, region) in [(FUNCTIONS, &there), (Product::Containers, &here())] {
        let found = authority.namespace(owner, product, region, namespace.id).await;
        assert_eq!(found.err(), missing);
        let subject = TokenSubject::Namespace(namespace.id);
        let new = NewToken { subject, description: String::new(), expires_at: None };
        let made = authority.create_token(owner, product, region, new).await;
        assert_eq!(made.err(), missing);
        let found = authority.application(owner, product, region, application.id).await;
        let none = Some(Resource::Application(product).not_found(application.id));
        assert_eq!(found.err(), none);
    }
    let no_token = Some(Resource::Token.not_found(token.id));
    assert_eq!(authority.token(owner, &there, token.id).await.err(), no_token);
    assert_eq!(authority.delete_token(owner, &there, token.id).await.err(), no_token);

    let gone = authority.delete_namespace(owner, FUNCTIONS, &here(), namespace.id).await;
    assert_eq!(gone, Ok(namespace.clone()));
    assert_eq!(authority.token(owner, &here(), token.id).await.err(), no_token);
    let subject = TokenSubject::Application(application.id);
    assert_eq!(service.token(subject, None).await.err(), no_function(application.id));
    let again = authority.delete_namespace(owner, FUNCTIONS, &here(), namespace.id).await;
    assert_eq!(again.err(), missing);
}

#[tokio::test]
async fn another_organizations_things_are_not_found() {
    let service = Service::new().await;
    let Service { authority, owner, .. } = &service;
    let namespace = service.namespace("one").await.unwrap();
    let application = service.application(&namespace, "app").await.unwrap();
    let subject = TokenSubject::Namespace(namespace.id);
    let token = service.token(subject, None).await.unwrap().token;
    // They become another's, which the service itself never does.
    let beside = rusqlite::Connection::open(service._folder.file("issuer.db")).unwrap();
    let (other, id) = (Uuid::new_v4(), namespace.id);
    beside.execute("INSERT INTO organizations VALUES (?1, ?1, 0, '', x'')", [other]).unwrap();
    beside.execute("INSERT INTO projects VALUES (?1, ?1, 'p', '', 0, 0)", [other]).unwrap();
    let sql = "UPDATE namespaces SET organization_id = ?1, project_id = ?1 WHERE id = ?2";
    beside.execute(sql, [other, id]).unwrap();
    let sql = "UPDATE token_counts SET id = ? WHERE kind = 'functions'";
    beside.execute(sql, [other]).unwrap();

    let missing = Some(Resource::Namespace.not_found(id));
    let no_token = Some(Resource::Token.not_found(token.id));
    let no_function = Some(Resource::Application(FUNCTIONS).not_found(application.id));
    assert_eq!(authority.namespace(owner, FUNCTIONS, &here(), id).await.err(), missing);
    let change = NamespaceChange::default();
    let changed = authority.update_namespace(owner, FUNCTIONS, &here(), id, change).await;
    assert_eq!(changed.err(), missing);
    assert_eq!(authority.delete_namespace(owner, FUNCTIONS, &here(), id).await.err(), missing);
    assert_eq!(service.application(&namespace, "two").await.err(), missing);
    let id = application.id;
    assert_eq!(authority.application(owner, FUNCTIONS, &here(), id).await.err(), no_function);
    let deleted = authority.delete_application(owner, FUNCTIONS, &here(), id).await;
    assert_eq!(deleted.err(), no_function);
    assert_eq!(authority.token(owner, &here(), token.id).await.err(), no_token);
    assert_eq!(authority.delete_token(owner, &here(), token.id).await.err(), no_token);
    assert_eq!(service.token(subject, None).await.err(), missing);

    let filter = NamespaceFilter {
        product: FUNCTIONS,
        region: here(),
        name: None,
        project_id: None,
        organization_id: None,
    };
    let page = authority.namespaces(owner, filter, Order::default(), ALL).await.unwrap();
    assert_eq!(page.total, 0);
    let filter = TokenFilter {
        region: here(),
        namespace_id: None,
        application_id: None,
        newest_first: false,
    };
    assert_eq!(authority.tokens(owner, FUNCTIONS, filter, ALL).await.unwrap().total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_asked_for_at_once_is_given_once() {
    let service = Arc::new(Service::new().await);
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let service = Arc::clone(&service);
        tasks.spawn(async move { service.namespace("one").await });
    }
    let (made, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 15));
    let id = made[0].as_ref().unwrap().id;
    let taken = Resource::Namespace.already_exists(id);
    assert!(refused.iter().all(|it| it.as_ref().err() == Some(&taken)), "{refused:?}");

    let namespace = made[0].as_ref().unwrap().clone();
    let mut tasks = JoinSet::new();
    for _ in 0..16 {
        let (service, namespace) = (Arc::clone(&service), namespace.clone());
        tasks.spawn(async move { service.application(&namespace, "app").await.is_ok() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|made| *made).count(), 1);
}

#[tokio::test]
async fn a_private_key_opens_under_its_own_id_and_secrets_key_alone() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await.unwrap();
    let keys = service.authority.namespace_keys(&service.owner, &namespace).await.unwrap();
    let [key] = keys.as_slice() else { panic!("{} keys", keys.len()) };
    assert_eq!((key.state, key.algorithm.as_str()), (KeyState::Active, "EdDSA"));

    // None of them has seen the key, as after a restart.
    let fresh = || Keys::new(Arc::clone(&service.secrets));
    let opened = fresh().open(key).await.unwrap();
    assert_eq!(opened.public_pem().unwrap(), key.public_pem);
    let mut moved = key.clone();
    moved.id = Uuid::new_v4();
    let mut damaged = key.clone();
    damaged.sealed_private_key[20] ^= 1;
    for wrong in [&moved, &damaged] {
        assert!(matches!(fresh().open(wrong).await.err(), Some(Refusal::Internal(_))));
    }
    let other = Keys::new(Arc::new(SecretsKey::new(&[7; 32]).unwrap()));
    assert!(matches!(other.open(key).await.err(), Some(Refusal::Internal(_))));
}
