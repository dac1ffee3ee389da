//! The decision: who, what and where in; allowed, or what is missing, out.

use uuid::Uuid;

use super::action::Action;
use super::principal::Principal;

/// Where an operation acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The organization.
    pub organization_id: Uuid,
    /// The project, where it is about one.
    pub project_id: Option<Uuid>,
}

/// The permission for one action, which only [`decide`] makes. Without it the store changes and
/// lists nothing.
#[derive(Clone, Debug)]
pub struct Authorized {
    principal: Principal,
    action: Action,
    scope: Scope,
}

impl Authorized {
    /// Who asked.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What they may do.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Where they may do it.
    pub fn scope(&self) -> Scope {
        self.scope
    }
}

/// Why an action isn't allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is about another organization, which the caller may not even know to exist.
    OtherOrganization,
}

/// Decides whether a principal may do something.
///
/// Every principal so far is an owner's key or the operator, who may do everything in their own
/// organization.
///
/// # Errors
///
/// [`Denied`].
pub fn decide(principal: &Principal, action: Action, scope: Scope) -> Result<Authorized, Denied> {
    match scope.organization_id == principal.organization_id() {
        true => Ok(Authorized { principal: principal.clone(), action, scope }),
        false => Err(Denied::OtherOrganization),
    }
}
