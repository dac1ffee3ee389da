//! How much there may be of something.

use uuid::Uuid;

use super::Authority;
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::model::quota::{Limit, Quota};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Lists what is counted, by name, and how much there may be of each.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn quotas(
        &self,
        caller: &Caller,
        organization_id: Option<Uuid>,
    ) -> Result<Vec<(Quota, Limit)>, Refusal> {
        self.look(caller, move |work| {
            let id = work.permit_own(Action::Quota(Access::List))?.scope().organization_id;
            let is_own = organization_id.is_none_or(|asked| asked == id);
            Quota::ALL
                .into_iter()
                .filter(|_| is_own)
                .map(|quota| Ok((quota, work.limit(id, quota)?)))
                .collect()
        })
        .await
    }

    /// How much there may be of something in an organization.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn quota(
        &self,
        caller: &Caller,
        organization_id: Option<Uuid>,
        quota: Quota,
    ) -> Result<Limit, Refusal> {
        self.look(caller, move |work| {
            let id = organization_id.unwrap_or_else(|| work.principal.organization_id());
            let missing = Resource::Organization.not_found(id);
            work.permit_all_over(Action::Quota(Access::Read), id, missing)?;
            work.limit(id, quota)
        })
        .await
    }

    /// Sets how much there may be of something in the caller's organization. What there is already
    /// stays.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn set_quota(
        &self,
        caller: &Caller,
        quota: Quota,
        limit: Limit,
    ) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let by = work.permit_own(Action::Quota(Access::Edit))?;
            let id = by.scope().organization_id;
            work.apply(&by, &Change::Iam(IamChange::SetQuota(id, quota, limit)))
        })
        .await
    }
}
