//! Values to keep, and the steps that keep them.

mod iam;
mod permission;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::application::{Application, Privacy, Settings};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::namespace_key::{KeyState, NamespaceKey};
use namespace_jwt_issuer::model::page::{Order, OrderBy};
use namespace_jwt_issuer::model::project::Project;
use namespace_jwt_issuer::model::region::Region;
use namespace_jwt_issuer::model::token::{Token, TokenSubject};
use namespace_jwt_issuer::model::trust::{TokenId, TrustKey};
use namespace_jwt_issuer::model::variables::Variables;
use namespace_jwt_issuer::request_context::RequestContext;
use namespace_jwt_issuer::store::change::{Change, Founding, Origin, RevokedId};
use namespace_jwt_issuer::store::{self, Store, StoreError};
use uuid::Uuid;

pub use iam::{IamStep, rule_in};
pub use permission::{apply, make, project_of};

/// When everything happens, to the microsecond.
pub const NOW: UnixTime = UnixTime::new(Duration::from_micros(1_700_000_000_123_456));

/// A change that owns its values.
#[derive(Clone)]
pub enum Step {
    CreateNamespace(Namespace, NamespaceKey),
    UpdateNamespace(Namespace),
    DeleteNamespace(Namespace),
    CreateApplication(Application),
    UpdateApplication(Application),
    DeleteApplication(Application),
    CreateToken(Token, Product),
    DeleteToken(Token, Product),
    CreateProject(Project),
    UpdateProject(Project),
    DeleteProject(Project),
    Iam(IamStep),
    AddKey(Namespace, NamespaceKey, UnixTime),
    ActivateKey(Namespace, NamespaceKey, UnixTime),
    EndKey(Namespace, NamespaceKey),
    ReplaceKeys(Namespace, NamespaceKey),
    RevokeId(RevokedId),
    MarkNamespace(Namespace, UnixTime),
    MarkApplication(Application, UnixTime),
    MarkBearer(Bearer, Uuid, UnixTime),
    AddTrustKey(TrustKey, Uuid),
    DropTrustKey(TrustKey, Uuid),
}

impl Step {
    pub fn change(&self) -> Change<'_> {
        match self {
            Self::CreateNamespace(it, key) => Change::CreateNamespace(it, key),
            Self::UpdateNamespace(it) => Change::UpdateNamespace(it),
            Self::DeleteNamespace(it) => Change::DeleteNamespace(it),
            Self::CreateApplication(it) => Change::CreateApplication(it),
            Self::UpdateApplication(it) => Change::UpdateApplication(it),
            Self::DeleteApplication(it) => Change::DeleteApplication(it),
            Self::CreateToken(it, product) => Change::CreateToken(it, *product),
            Self::DeleteToken(it, product) => Change::DeleteToken(it, *product),
            Self::CreateProject(it) => Change::CreateProject(it),
            Self::UpdateProject(it) => Change::UpdateProject(it),
            Self::DeleteProject(it) => Change::DeleteProject(it),
            Self::Iam(it) => Change::Iam(it.change()),
            Self::AddKey(it, key, at) => Change::AddKey(it, key, *at),
            Self::ActivateKey(it, key, at) => Change::ActivateKey(it, key, *at),
            Self::EndKey(it, key) => Change::EndKey(it, key),
            Self::ReplaceKeys(it, key) => Change::ReplaceKeys(it, key),
            Self::RevokeId(it) => Change::RevokeId(it),
            Self::MarkNamespace(it, at) => Change::MarkNamespace(it, *at),
            Self::MarkApplication(it, at) => Change::MarkApplication(it, *at),
            Self::MarkBearer(it, of, at) => Change::MarkBearer(*it, *of, *at),
            Self::AddTrustKey(it, of) => Change::AddTrustKey(it, *of),
            Self::DropTrustKey(it, of) => Change::DropTrustKey(it, *of),
        }
    }
}

/// An organization whose operator makes changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Organization(pub Uuid);

impl Organization {
    /// What the first start makes of it, but for an API key.
    pub fn founding(self) -> Founding {
        Founding {
            api_url: "http://127.0.0.1:8080".to_owned(),
            organization_id: self.0,
            owner_id: self.owner(),
            created_at: NOW,
            sealed_check: vec![0, 1, 255],
        }
    }

    /// The id of its owner.
    pub fn owner(self) -> Uuid {
        Uuid::from_u128(!self.0.as_u128())
    }

    /// The same as whoever holds API keys.
    pub fn bearer(self) -> Bearer {
        Bearer::User(self.owner())
    }

    pub fn namespace(self, name: &str) -> Namespace {
        Namespace {
            id: Uuid::new_v4(),
            product: Product::Functions,
            region: region("fr-par"),
            organization_id: self.0,
            project_id: self.0,
            name: name.to_owned(),
            description: "it's \"one\"\n— ü 🦀; DROP TABLE tokens".to_owned(),
            variables: variables("N"),
            tags: ["z", "", "a"].map(str::to_owned).to_vec(),
            vpc_integration: true,
            created_at: NOW,
            updated_at: later(1),
        }
    }

    pub fn project(self, name: &str) -> Project {
        Project {
            id: Uuid::new_v4(),
            organization_id: self.0,
            name: name.to_owned(),
            description: "'; --".to_owned(),
            created_at: NOW,
            updated_at: later(1),
        }
    }

    /// Makes a namespace with a key.
    pub async fn new_namespace(self, store: &dyn Store, name: &str) -> (Namespace, NamespaceKey) {
        let namespace = self.namespace(name);
        let key = key(&namespace);
        let step = Step::CreateNamespace(namespace.clone(), key.clone());
        self.make(store, &step).await.unwrap();
        (namespace, key)
    }

    /// The id of a token that no database knows.
    pub fn revoked_id(self, namespace_id: Option<Uuid>) -> RevokedId {
        let id = TokenId::from(Uuid::new_v4());
        let namespace = namespace_id.map(|id| (id, Product::Functions));
        RevokedId { id, namespace, expires_at: None, organization_id: self.0 }
    }

    /// Makes an application.
    pub async fn new_application(
        self,
        store: &dyn Store,
        namespace: &Namespace,
        name: &str,
    ) -> Application {
        let application = application(namespace, name);
        self.make(store, &Step::CreateApplication(application.clone())).await.unwrap();
        application
    }

    /// Makes a token.
    pub async fn new_token(
        self,
        store: &dyn Store,
        key: &NamespaceKey,
        application: Option<&Application>,
        expires_at: Option<UnixTime>,
    ) -> Token {
        let token = Token { expires_at, ..token(key, application) };
        self.make(store, &Step::CreateToken(token.clone(), Product::Functions)).await.unwrap();
        token
    }
}

/// A moment after [`NOW`], in seconds.
pub fn later(seconds: u64) -> UnixTime {
    UnixTime::new(NOW.since_epoch() + Duration::from_secs(seconds))
}

/// A moment before [`NOW`], in seconds.
pub fn earlier(seconds: u64) -> UnixTime {
    UnixTime::new(NOW.since_epoch() - Duration::from_secs(seconds))
}

/// The order of a list, the last first.
pub fn descending(by: OrderBy) -> Order {
    Order { by, is_descending: true }
}

/// The order of a list, the first first.
pub fn ascending(by: OrderBy) -> Order {
    Order { by, is_descending: false }
}

pub fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

pub fn origin(at: UnixTime) -> Origin {
    Origin { at, request: None }
}

pub fn request() -> RequestContext {
    RequestContext {
        id: Uuid::new_v4(),
        address: IpAddr::V6(Ipv6Addr::LOCALHOST),
        user_agent: "client/1".to_owned(),
    }
}

pub fn key(namespace: &Namespace) -> NamespaceKey {
    NamespaceKey {
        id: Uuid::new_v4(),
        namespace_id: namespace.id,
        state: KeyState::Active,
        algorithm: "RS256".to_owned(),
        public_pem: "a public key\n".to_owned(),
        sealed_private_key: vec![0, 1, 2, 255],
        created_at: namespace.created_at,
        activates_at: None,
        retired_at: None,
        ends_at: None,
    }
}

pub fn application(namespace: &Namespace, name: &str) -> Application {
    Application {
        id: Uuid::new_v4(),
        namespace_id: namespace.id,
        product: namespace.product,
        region: namespace.region.clone(),
        name: name.to_owned(),
        description: "'; --".to_owned(),
        privacy: Privacy::Private,
        domain_name: format!("{name}.functions.test"),
        variables: variables("A"),
        tags: vec!["b".to_owned(), "b".to_owned()],
        settings: Settings {
            timeout: Duration::new(7, 5),
            command: vec!["run".to_owned()],
            ..Settings::of(namespace.product)
        },
        created_at: later(2),
        updated_at: later(3),
    }
}

/// A token that never expires.
pub fn token(key: &NamespaceKey, application: Option<&Application>) -> Token {
    Token {
        id: Uuid::new_v4(),
        subject: match application {
            Some(it) => TokenSubject::Application(it.id),
            None => TokenSubject::Namespace(key.namespace_id),
        },
        namespace_id: key.namespace_id,
        key_id: key.id,
        description: "for the tests".to_owned(),
        expires_at: None,
        created_at: NOW,
        bearer_id: Some(Uuid::new_v4()),
    }
}

pub fn trust_key() -> TrustKey {
    TrustKey {
        id: Uuid::new_v4(),
        public_pem: "a trust key\n".to_owned(),
        sealed_private_key: vec![3, 2, 1],
        created_at: NOW,
    }
}

fn variables(prefix: &str) -> Variables {
    let pairs = |value: &str| {
        let pairs = ["1", "2"].map(|name| (format!("{prefix}{name}"), format!("{value}\"{name}")));
        pairs.into_iter().collect()
    };
    Variables { plain: pairs("plain"), secret: pairs("hash") }
}

/// Makes the first organization.
pub async fn found(store: &dyn Store, organization: Organization) -> Result<(), StoreError> {
    store::write(store, move |transaction| transaction.establish(&organization.founding())).await
}
