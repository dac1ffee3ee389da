//! Who may do what: users, applications of IAM, groups, policies, keys, and what was done by whom.
//!
//! Nobody gains rights by any of this: what would give somebody rights, or lets the caller act as
//! somebody else, is done only for a caller whose own rights cover those.

pub mod api_keys;
pub mod applications;
pub mod explain;
pub mod groups;
pub mod jwts;
pub mod logs;
pub mod policies;
pub mod quotas;
pub mod ssh_keys;
pub mod users;

use uuid::Uuid;

use super::refusal::{Refusal, Resource};
use super::{Authority, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::iam::rights::{Lack, Rights};
use crate::model::bearer::Bearer;
use crate::model::user::UserKind;

impl Work<'_> {
    /// The organization that something new is for, and the permission to make it there.
    fn permit_new(
        &self,
        action: Action,
        asked: Option<Uuid>,
    ) -> Result<(Uuid, Authorized), Refusal> {
        let id = asked.unwrap_or_else(|| self.principal.organization_id());
        let by = self.permit_all_over(action, id, Resource::Organization.not_found(id))?;
        Ok((id, by))
    }

    /// A project that something new is for: the caller's default one if none is named.
    fn own_project(&mut self, asked: Option<Uuid>) -> Result<Uuid, Refusal> {
        let id = asked.unwrap_or_else(|| self.principal.default_project_id());
        let organization = self.transaction.organization_of_project(id)?;
        match organization == Some(self.principal.organization_id()) {
            true => Ok(id),
            false => Err(Resource::Project.not_found(id)),
        }
    }

    /// Checks that somebody is in an organization.
    fn check_bearer(&mut self, bearer: Bearer, organization_id: Uuid) -> Result<(), Refusal> {
        match self.transaction.bearer(bearer.id())? == Some((bearer, organization_id)) {
            true => Ok(()),
            false => Err(missing(bearer)),
        }
    }

    /// What somebody may do.
    fn rights_of(&mut self, bearer: Bearer) -> Result<Rights, Refusal> {
        if let Bearer::User(id) = bearer
            && self.transaction.user(id)?.is_some_and(|user| user.kind == UserKind::Owner)
        {
            return Ok(Rights::All);
        }
        Ok(Rights::By(self.transaction.rules_of_bearer(bearer)?))
    }

    /// Checks that the caller may let somebody have these rights, or use them as somebody else.
    fn check_cover(&self, rights: &Rights, action: Action) -> Result<(), Refusal> {
        let Some(lack) = self.rights.lack_of(rights) else { return Ok(()) };
        let lack = match lack {
            // That there is such a project isn't for everybody.
            Lack::Right(right, Some(id)) if !self.may_know_project(id) => Lack::Somewhere(right),
            other => other,
        };
        Err(Refusal::WouldGain(action, lack))
    }

    fn may_know_project(&self, id: Uuid) -> bool {
        let organization_id = self.principal.organization_id();
        let scope = Scope { organization_id, project_id: Some(id) };
        let missing = Resource::Project.not_found(id);
        self.permit_in(Action::Project(Access::Read), scope, missing).is_ok()
    }

    /// The same of all that somebody may do: also of oneself, whose rights may have a condition that
    /// holds now.
    fn check_cover_of(&mut self, bearer: Bearer, action: Action) -> Result<(), Refusal> {
        let rights = self.rights_of(bearer)?;
        self.check_cover(&rights, action)
    }
}

/// That there is nobody of this id.
fn missing(bearer: Bearer) -> Refusal {
    match bearer {
        Bearer::User(id) => Resource::User.not_found(id),
        Bearer::Application(id) => Resource::IamApplication.not_found(id),
    }
}
