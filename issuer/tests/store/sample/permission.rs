//! Permissions, made as callers make them.

use namespace_jwt_issuer::iam::action::Action;
use namespace_jwt_issuer::iam::condition::Facts;
use namespace_jwt_issuer::iam::decision::{Asking, Authorized, Denied, Scope, decide, decide_list};
use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::iam::rights::Rights;
use namespace_jwt_issuer::model::policy::{PolicyRule, Rule};
use namespace_jwt_issuer::store::change::{Change, Origin, Owner};
use namespace_jwt_issuer::store::{self, Store, StoreError, Transaction};
use uuid::Uuid;

use super::{NOW, Organization, Step, origin};

impl Organization {
    /// What its operator may do to what it has as a whole, or see of its lists.
    pub fn may(self, action: Action) -> Authorized {
        self.may_in(action, None)
    }

    /// The same in a project.
    pub fn may_in(self, action: Action, project_id: Option<Uuid>) -> Authorized {
        may(&Principal::Operator { organization_id: self.0 }, action, project_id)
    }

    /// What one of its users may do where a change acts, if these rules are all that they have.
    pub fn user_may(
        self,
        action: Action,
        scope: Scope,
        rules: &[Rule],
    ) -> Result<Authorized, Denied> {
        let (principal, rights) = (Principal::Bearer(self.api_key().0), by(rules));
        decide(&asking(&principal, &rights), action, scope)
    }

    /// What one of its users may see of a list, if these rules are all that they have.
    pub fn user_sees(self, action: Action, rules: &[Rule]) -> Result<Authorized, Denied> {
        let (principal, rights) = (Principal::Bearer(self.api_key().0), by(rules));
        decide_list(&asking(&principal, &rights), action)
    }

    /// Makes a change that it may make.
    pub async fn make(self, store: &dyn Store, step: &Step) -> Result<(), StoreError> {
        let step = step.clone();
        store::write(store, move |it| self.apply(it, &step, &origin(NOW))).await
    }

    /// The same in a transaction of the caller's.
    pub fn apply(
        self,
        transaction: &mut dyn Transaction,
        step: &Step,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        apply(transaction, &Principal::Operator { organization_id: self.0 }, step, origin)
    }
}

/// Makes a change for somebody who may do everything.
pub fn apply(
    transaction: &mut dyn Transaction,
    principal: &Principal,
    step: &Step,
    origin: &Origin,
) -> Result<(), StoreError> {
    let change = step.change();
    let project_id = project_of(transaction, &change)?;
    transaction.apply(&may(principal, change.action(), project_id), &change, origin)
}

/// Makes a change in a transaction of its own.
pub async fn make(
    store: &dyn Store,
    by: &Authorized,
    step: &Step,
    origin: &Origin,
) -> Result<(), StoreError> {
    let (by, step, origin) = (by.clone(), step.clone(), origin.clone());
    store::write(store, move |transaction| transaction.apply(&by, &step.change(), &origin)).await
}

/// The project that a change acts in, if it is about one that is there.
pub fn project_of(
    transaction: &mut dyn Transaction,
    change: &Change<'_>,
) -> Result<Option<Uuid>, StoreError> {
    Ok(match change.owner() {
        Owner::Scope(scope) => scope.project_id,
        Owner::Project(id) => Some(id),
        Owner::Namespace(id) => transaction.namespace(id)?.map(|it| it.project_id),
    })
}

/// What somebody may do who may do everything.
fn may(principal: &Principal, action: Action, project_id: Option<Uuid>) -> Authorized {
    let scope = Scope { organization_id: principal.organization_id(), project_id };
    decide(&asking(principal, &Rights::All), action, scope).unwrap()
}

fn asking<'a>(principal: &'a Principal, rights: &'a Rights) -> Asking<'a> {
    Asking { principal, rights, facts: Facts { address: None, user_agent: "", time: NOW } }
}

fn by(rules: &[Rule]) -> Rights {
    let rule = |rule: &Rule| PolicyRule { policy_id: Uuid::nil(), rule: rule.clone() };
    Rights::By(rules.iter().map(rule).collect())
}
