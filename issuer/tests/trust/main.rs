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

#[path = "../store/folder.rs"]
mod folder;
mod published;
mod revocations;
mod rotation;
mod signing;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
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
    static NOW: Arc<Mutex<Duration>> = Arc::new(Mutex::new(Duration::from_secs(BEGIN)));
}

fn now() -> UnixTime {
    UnixTime::new(elapsed())
}

/// The time since 1970.
fn elapsed() -> Duration {
    NOW.with(|now| *now.lock().unwrap())
}

fn set(time: Duration) {
    NOW.with(|now| *now.lock().unwrap() = time);
}

/// The same clock, for whatever thread asks.
fn clock() -> impl Fn() -> UnixTime + Send + Sync + 'static {
    let now = NOW.with(Arc::clone);
    move || UnixTime::new(*now.lock().unwrap())
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(BEGIN + seconds)
}

/// Moves the time to so many seconds after the beginning.
fn go_to(seconds: u64) {
    set(Duration::from_secs(BEGIN + seconds));
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
        let found = self.authority.token(&self.operator, &here, id).await;
        assert!(found.is_ok() || found == Err(Resource::Token.not_found(id)), "{found:?}");
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
    Authority::new(store, keys, clock(), "test".to_owned())
}

fn is_refused<T>(result: Result<T, Refusal>, words: &str) {
    let refusal = result.err().unwrap();
    assert!(matches!(refusal, Refusal::InvalidArguments(_)), "{refusal}");
    assert!(refusal.to_string().contains(words), "{refusal}");
}
