//! What gateways are told, for whoever tells them.

use super::refusal::Refusal;
use super::{Authority, Caller};
use crate::iam::action::{Access, Action};
use crate::model::Product;
use crate::model::trust::{
    ChangedScopes, Compaction, LogPosition, MAX_RECORDS, Record, ScopeState, TrustScope,
};
use crate::store;

/// From how many records on the log says that there will be too many.
const MANY_RECORDS: u64 = MAX_RECORDS / 5 * 4;

impl Authority {
    /// Whether a caller may follow all namespaces at once: that tells of each namespace and
    /// application which are there and who may call them, so it takes the right to list them all.
    /// What is told of one namespace, anybody may know.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn check_follows_all(&self, caller: &Caller) -> Result<(), Refusal> {
        self.look(caller, |work| {
            for product in Product::ALL {
                work.permit_own(Action::Namespace(product, Access::List))?;
                work.permit_own(Action::Application(product, Access::List))?;
            }
            Ok(())
        })
        .await
    }

    /// All that a scope's gateways are told, as one state of the database has it, if there is such
    /// a scope: that of a deleted namespace goes on. Of its log only what comes after a place that
    /// was read to before, as long as that is of the same epoch.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn scope_state(
        &self,
        scope: TrustScope,
        read_to: Option<LogPosition>,
    ) -> Result<Option<ScopeState>, Refusal> {
        self.read(move |work| Ok(work.scope_state(scope, read_to)?)).await
    }

    /// Which scopes changed since a sequence number of [`TrustScope::All`], by this process or
    /// another. While nothing changes it is the reading of one row.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn changed_scopes(&self, since: u64) -> Result<ChangedScopes, Refusal> {
        self.read(move |work| Ok(work.changed_scopes(since)?)).await
    }

    /// The log of a scope and an epoch: of this one, or of one that ended less than ten minutes
    /// ago.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn log_of_epoch(
        &self,
        scope: TrustScope,
        epoch: u64,
    ) -> Result<Option<Vec<Record>>, Refusal> {
        let now = (self.clock)();
        self.read(move |work| Ok(work.log_of_epoch(scope, epoch, now)?)).await
    }

    /// Drops the revocations that no gateway needs any longer: at the start and once in an hour.
    /// It warns when too many are left.
    ///
    /// # Errors
    ///
    /// That the database can't be written.
    pub async fn compact_logs(&self) -> Result<Compaction, Refusal> {
        let now = (self.clock)();
        let done =
            store::write(&*self.store, move |work| Ok::<_, Refusal>(work.compact_logs(now)?));
        let done = done.await?;
        if done.records >= MANY_RECORDS {
            tracing::warn!(
                records = done.records,
                most = MAX_RECORDS,
                "the log of revoked tokens fills up; give tokens an expiry, or rotate the keys of \
                 namespaces whose tokens have none"
            );
        }
        Ok(done)
    }
}
