//! Who changed what.

use uuid::Uuid;

use super::Authority;
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::model::audit::{AuditRecord, LogFilter};
use crate::model::page::{Page, PageRequest};

impl Authority {
    /// Reads an entry of the audit log.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn log_entry(&self, caller: &Caller, id: Uuid) -> Result<AuditRecord, Refusal> {
        self.look(caller, move |work| {
            let missing = || Resource::Log.not_found(id);
            let entry = work.transaction.audit_entry(id)?.ok_or_else(missing)?;
            let action = Action::Log(Access::Read);
            work.permit_all_over(action, entry.organization_id, missing())?;
            Ok(entry)
        })
        .await
    }

    /// Lists the audit log.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn log_entries(
        &self,
        caller: &Caller,
        filter: LogFilter,
        newest_first: bool,
        page: PageRequest,
    ) -> Result<Page<AuditRecord>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::Log(Access::List))?;
            Ok(work.transaction.audit_page(&by, &filter, newest_first, page)?)
        })
        .await
    }
}
