//! The operations of the service: who asks is authenticated, what they may do is decided, the
//! change is made and the audit log written, in one transaction.

pub mod applications;
pub mod audit;
pub mod checking;
pub mod feed;
pub mod founding;
pub mod hashing;
pub mod iam;
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
use uuid::Uuid;

use crate::iam::action::{Access, Action};
use crate::iam::condition::Facts;
use crate::iam::decision::{Asking, Authorized, Denied, Scope, decide, decide_list};
use crate::iam::principal::Principal;
use crate::iam::rights::Rights;
use crate::model::api_key::{ApiKey, SecretHash, SecretKey};
use crate::model::namespace::Namespace;
use crate::model::quota::{Limit, Quota};
use crate::request_context::RequestContext;
use crate::store::change::{Change, Origin};
use crate::store::iam::KeyHolder;
use crate::store::{self, Store, Transaction};
use checking::Checking;
use hashing::Hashing;
use keys::Keys;
use refusal::{AuthenticationFault, Refusal};
use rotation::Looks;

/// What the service does. It is made once, and all requests use it.
pub struct Authority {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    hashing: Hashing,
    checking: Checking,
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
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

impl Authority {
    /// The operations over a database that has been founded.
    pub fn new(
        store: Arc<dyn Store>,
        keys: Keys,
        clock: impl Fn() -> UnixTime + Send + Sync + 'static,
        domain_suffix: String,
    ) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            hashing: Hashing::new(),
            checking: Checking::new(),
            clock: Arc::new(clock),
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
        let (hash, clock) = (secret.hash(), Arc::clone(&self.clock));
        let holder = self.read(move |transaction| holder(transaction, &hash, clock())).await?;
        let who = Who::Bearer { key: holder.key, secret: secret.hash() };
        Ok(Caller { who, request: Some(request) })
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
        // The time is that of the work, not that of the place in the queue before it.
        let (caller, clock) = (caller.clone(), Arc::clone(&self.clock));
        self.read(move |transaction| operation(&mut Work::begin(transaction, &caller, clock())?))
            .await
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
        let (caller, clock) = (caller.clone(), Arc::clone(&self.clock));
        store::write(&*self.store, move |transaction| {
            operation(&mut Work::begin(transaction, &caller, clock())?)
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
    Bearer { key: ApiKey, secret: SecretHash },
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
            Who::Bearer { key, .. } => Some(&key.access_key),
            Who::Operator => None,
        }
    }
}

/// Who has a secret, as long as anything that they ask for is done.
fn holder(
    transaction: &mut dyn Transaction,
    secret: &SecretHash,
    now: UnixTime,
) -> Result<KeyHolder, Refusal> {
    let refused = |fault| Err(Refusal::NotAuthenticated(fault));
    match transaction.key_holder(secret)? {
        None => refused(AuthenticationFault::Unknown),
        Some(holder) if holder.key.has_expired(now) => refused(AuthenticationFault::Expired),
        Some(holder) if holder.is_locked => refused(AuthenticationFault::Locked),
        Some(holder) => Ok(holder),
    }
}

/// An operation at work, for somebody who has been authenticated. What they may do was read in the
/// same transaction: nothing of it is kept for the next one.
struct Work<'t> {
    transaction: &'t mut dyn Transaction,
    principal: Principal,
    rights: Rights,
    origin: Origin,
}

impl<'t> Work<'t> {
    fn begin(
        transaction: &'t mut dyn Transaction,
        caller: &Caller,
        now: UnixTime,
    ) -> Result<Self, Refusal> {
        let (principal, rights) = match &caller.who {
            Who::Bearer { secret, .. } => {
                let KeyHolder { key, is_owner, .. } = holder(transaction, secret, now)?;
                let rights = match is_owner {
                    true => Rights::All,
                    false => Rights::By(transaction.rules_of_bearer(key.bearer)?),
                };
                (Principal::Bearer(key), rights)
            }
            Who::Operator => {
                let founding = transaction.founding()?;
                let founding = founding.ok_or(Refusal::Internal("the database is empty"))?;
                let organization_id = founding.organization_id;
                (Principal::Operator { organization_id }, Rights::All)
            }
        };
        let origin = Origin { at: now, request: caller.request.clone() };
        Ok(Self { transaction, principal, rights, origin })
    }

    fn asking(&self) -> Asking<'_> {
        let request = self.origin.request.as_ref();
        Asking {
            principal: &self.principal,
            rights: &self.rights,
            facts: Facts {
                address: request.map(|request| request.address),
                user_agent: request.map_or("", |request| &request.user_agent),
                time: self.origin.at,
            },
        }
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

    /// Decides whether the caller may do something to what an organization has as a whole.
    fn permit_all_over(
        &self,
        action: Action,
        organization_id: Uuid,
        missing: Refusal,
    ) -> Result<Authorized, Refusal> {
        self.permit_in(action, Scope { organization_id, project_id: None }, missing)
    }

    /// Decides whether the caller may do something somewhere. Where they may not even know that,
    /// it is missing.
    fn permit_in(
        &self,
        action: Action,
        scope: Scope,
        missing: Refusal,
    ) -> Result<Authorized, Refusal> {
        decide(&self.asking(), action, scope).map_err(|denied| match denied {
            Denied::OtherOrganization => missing,
            Denied::NoRule => Refusal::NotPermitted(action),
        })
    }

    /// Decides whether the caller may do something to what their own organization has as a whole.
    fn permit_own(&self, action: Action) -> Result<Authorized, Refusal> {
        let denied = Refusal::NotPermitted(action);
        self.permit_all_over(action, self.principal.organization_id(), denied)
    }

    /// Decides what the caller may see of a list of their organization's.
    fn permit_list(&self, action: Action) -> Result<Authorized, Refusal> {
        decide_list(&self.asking(), action).map_err(|_| Refusal::NotPermitted(action))
    }

    /// The same for a list of several kinds of things, of which one has to be visible: the first is
    /// named otherwise.
    fn permit_lists(&self, actions: [Action; 2]) -> Result<Vec<Authorized>, Refusal> {
        let asking = self.asking();
        let permitted: Vec<_> =
            actions.into_iter().filter_map(|action| decide_list(&asking, action).ok()).collect();
        let [first, _] = actions;
        match permitted.is_empty() {
            true => Err(Refusal::NotPermitted(first)),
            false => Ok(permitted),
        }
    }

    /// Makes a change, with its entry in the audit log, if there may be as much.
    fn apply(&mut self, by: &Authorized, change: &Change<'_>) -> Result<(), Refusal> {
        let organization_id = by.scope().organization_id;
        for (quota, of, more) in change.counted() {
            let of = of.unwrap_or(organization_id);
            let limit = self.limit(organization_id, quota)?;
            let Limit::AtMost(most) = limit else { continue };
            let found = self.transaction.usage(quota, of)?;
            if !limit.admits(found, more) {
                // How much others have of it isn't for everybody.
                let may_know = self.permit_own(Action::Quota(Access::List)).is_ok();
                let found = if may_know { found } else { most };
                return Err(Refusal::QuotaExceeded { quota, most, found });
            }
        }
        Ok(self.transaction.apply(by, change, &self.origin)?)
    }

    /// How much there may be of something in an organization.
    fn limit(&mut self, organization_id: Uuid, quota: Quota) -> Result<Limit, Refusal> {
        let set = self.transaction.limit(organization_id, quota)?;
        Ok(set.unwrap_or_else(|| quota.default_limit()))
    }
}
