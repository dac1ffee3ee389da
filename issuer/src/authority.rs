//! The operations of the service: who asks is authenticated, what they may do is decided, the
//! change is made and the audit log written, in one transaction.

pub mod applications;
pub mod audit;
pub mod feed;
pub mod founding;
pub mod hashing;
pub mod keys;
pub mod namespaces;
pub mod projects;
pub mod refusal;
pub mod revocations;
pub mod rotation;
pub mod tokens;
pub mod trust_keys;

use std::sync::Arc;
use std::time::{Duration, Instant};

use namespace_jwt_core::time::UnixTime;
use tokio::sync::Mutex;

use crate::iam::action::Action;
use crate::iam::decision::{Authorized, Denied, Scope, decide};
use crate::iam::principal::Principal;
use crate::model::api_key::{ApiKey, SecretHash, SecretKey};
use crate::model::namespace::Namespace;
use crate::request_context::RequestContext;
use crate::store::change::{Change, Origin};
use crate::store::{self, Store, StoreError, Transaction};
use hashing::Hashing;
use keys::Keys;
use refusal::{AuthenticationFault, Refusal, Resource};
use rotation::Looks;

/// What the service does. It is made once, and all requests use it.
pub struct Authority {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    hashing: Hashing,
    clock: Clock,
    domain_suffix: String,
    last_check: Arc<Mutex<Option<Checked>>>,
    /// Since when keys are told that are to sign: none does before it was for long enough.
    looks: std::sync::Mutex<Looks>,
}

/// When the service was tried out, and what came of it.
type Checked = (Instant, Result<(), Refusal>);

/// How long the outcome of a check is told again.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Where the time comes from.
pub type Clock = fn() -> UnixTime;

impl Authority {
    /// The operations over a database that has been founded.
    pub fn new(store: Arc<dyn Store>, keys: Keys, clock: Clock, domain_suffix: String) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            hashing: Hashing::new(),
            clock,
            domain_suffix,
            last_check: Arc::default(),
            looks: Default::default(),
        }
    }

    /// The time, as the service has it.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Finds out who a request is from.
    ///
    /// # Errors
    ///
    /// [`Refusal::NotAuthenticated`], or that the database can't be read.
    pub async fn authenticate(
        &self,
        secret: Option<&str>,
        request: RequestContext,
    ) -> Result<Caller, Refusal> {
        let secret = secret.and_then(SecretKey::parse);
        let secret = secret.ok_or(Refusal::NotAuthenticated(AuthenticationFault::Malformed))?;
        let (hash, now) = (secret.hash(), (self.clock)());
        let key = self.read(move |transaction| user(transaction, &hash, now)).await?;
        Ok(Caller { who: Who::User { key, secret: secret.hash() }, request: Some(request) })
    }

    /// Whether the service can do its work: the database takes a change, and a key signs. It is
    /// tried once in a second at most, whoever asks.
    ///
    /// # Errors
    ///
    /// What it can't do.
    pub async fn check(&self) -> Result<(), Refusal> {
        let (store, keys) = (Arc::clone(&self.store), Arc::clone(&self.keys));
        let last_check = Arc::clone(&self.last_check);
        // A task of its own: whoever asks may go away meanwhile, and the next one comes at once.
        let check = tokio::spawn(async move {
            let mut last = last_check.lock().await;
            if let Some((at, outcome)) = &*last
                && at.elapsed() < CHECK_EVERY
            {
                return outcome.clone();
            }
            let outcome = try_out(&*store, &keys).await;
            *last = Some((Instant::now(), outcome.clone()));
            outcome
        });
        check.await.unwrap_or(Err(Refusal::Internal("readiness can't be tried")))
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: impl FnMut(&mut dyn Transaction) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        store::read(&*self.store, operation).await
    }

    /// Reads for a caller, who is authenticated in the same transaction.
    async fn look<T: Send + 'static>(
        &self,
        caller: &Caller,
        mut operation: impl FnMut(&mut Work<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (caller, now) = (caller.clone(), (self.clock)());
        self.read(move |transaction| operation(&mut Work::begin(transaction, &caller, now)?)).await
    }

    /// Does something for a caller, or only tries what it would do.
    async fn change_unless<T: Send + 'static>(
        &self,
        is_trial: bool,
        caller: &Caller,
        operation: impl FnMut(&mut Work<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        match is_trial {
            true => self.look(caller, operation).await,
            false => self.change(caller, operation).await,
        }
    }

    /// Changes something for a caller, who is authenticated in the same transaction.
    async fn change<T: Send + 'static>(
        &self,
        caller: &Caller,
        mut operation: impl FnMut(&mut Work<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (caller, now) = (caller.clone(), (self.clock)());
        store::write(&*self.store, move |transaction| {
            operation(&mut Work::begin(transaction, &caller, now)?)
        })
        .await
    }
}

async fn try_out(store: &dyn Store, keys: &Keys) -> Result<(), Refusal> {
    let key = store::write(store, |transaction| {
        transaction.touch()?;
        Ok::<_, Refusal>(transaction.newest_key()?)
    });
    match key.await? {
        Some(key) => keys.open(&key).await.map(drop),
        None => Ok(()),
    }
}

/// Who asks for an operation. One that exists has been authenticated once; each operation looks
/// again.
#[derive(Clone, Debug)]
pub struct Caller {
    who: Who,
    request: Option<RequestContext>,
}

#[derive(Clone, Debug)]
enum Who {
    User { key: ApiKey, secret: SecretHash },
    Operator,
}

impl Caller {
    /// Whoever runs a command of this program, and has the database's file and the secrets key.
    pub fn operator() -> Self {
        Self { who: Who::Operator, request: None }
    }

    /// The access key that they came with.
    pub fn access_key(&self) -> Option<&str> {
        match &self.who {
            Who::User { key, .. } => Some(&key.access_key),
            Who::Operator => None,
        }
    }
}

/// The owner of a secret.
fn user(
    transaction: &mut dyn Transaction,
    secret: &SecretHash,
    now: UnixTime,
) -> Result<ApiKey, Refusal> {
    let refused = |fault| Err(Refusal::NotAuthenticated(fault));
    match transaction.api_key(secret)? {
        None => refused(AuthenticationFault::Unknown),
        Some(key) if key.expires_at.is_some_and(|end| end <= now) => {
            refused(AuthenticationFault::Expired)
        }
        Some(key) => Ok(key),
    }
}

/// An operation at work, for somebody who has been authenticated.
struct Work<'t> {
    transaction: &'t mut dyn Transaction,
    principal: Principal,
    origin: Origin,
}

impl<'t> Work<'t> {
    fn begin(
        transaction: &'t mut dyn Transaction,
        caller: &Caller,
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let principal = match &caller.who {
            Who::User { secret, .. } => Principal::User(user(transaction, secret, now)?),
            Who::Operator => {
                let founding = transaction.founding()?;
                let founding = founding.ok_or(Refusal::Internal("the database is empty"))?;
                Principal::Operator { organization_id: founding.organization_id }
            }
        };
        let origin = Origin { at: now, request: caller.request.clone() };
        Ok(Self { transaction, principal, origin })
    }

    /// Decides whether the caller may do something to what is in a namespace, or to itself.
    fn permit(
        &self,
        action: Action,
        namespace: &Namespace,
        missing: Refusal,
    ) -> Result<Authorized, Refusal> {
        let scope = Scope {
            organization_id: namespace.organization_id,
            project_id: Some(namespace.project_id),
        };
        self.permit_in(action, scope, missing)
    }

    /// Decides whether the caller may do something somewhere. Where they may not even know that,
    /// it is missing.
    fn permit_in(
        &self,
        action: Action,
        scope: Scope,
        missing: Refusal,
    ) -> Result<Authorized, Refusal> {
        decide(&self.principal, action, scope).map_err(|denied| match denied {
            Denied::OtherOrganization => missing,
        })
    }

    /// Decides whether the caller may list something in their organization.
    fn permit_list(&self, action: Action, resource: Resource) -> Result<Authorized, Refusal> {
        let organization_id = self.principal.organization_id();
        let scope = Scope { organization_id, project_id: None };
        self.permit_in(action, scope, resource.not_found(""))
    }

    /// Makes a change, with its entry in the audit log.
    fn apply(&mut self, by: &Authorized, change: &Change<'_>) -> Result<(), StoreError> {
        self.transaction.apply(by, change, &self.origin)
    }
}
