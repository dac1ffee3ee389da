//! Policies and their rules.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Bound, Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::iam::permission_set::PermissionSet;
use crate::iam::rights::Rights;
use crate::model::iam_application::Titled;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::policy::{
    NewRule, Policy, PolicyChange, PolicyFilter, PolicyPrincipal, PolicyRule, Rule, RuleCounts,
    RuleScope,
};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Makes a policy with its rules.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_policy(
        &self,
        caller: &Caller,
        new: Titled,
        principal: Option<PolicyPrincipal>,
        rules: Vec<NewRule>,
    ) -> Result<Policy, Refusal> {
        let id = Uuid::new_v4();
        let rules: Vec<_> = rules.into_iter().map(NewRule::with_id).collect();
        let action = Action::Policy(Access::Create);
        let asked = new.organization_id;
        let wanted = rules.clone();
        self.look(caller, move |work| {
            let (organization_id, _) = work.permit_new(action, asked)?;
            work.check_bounds(organization_id, id, &wanted)
        })
        .await?;
        self.checking.check_conditions(&rules).await?;
        self.change(caller, move |work| {
            let (organization_id, by) = work.permit_new(action, new.organization_id)?;
            let policy = Policy {
                id,
                organization_id,
                name: new.name.clone(),
                description: new.description.clone(),
                tags: new.tags.clone(),
                principal,
                counts: RuleCounts::default(),
                created_at: work.origin.at,
                updated_at: work.origin.at,
            };
            work.make_policy(&by, &policy, &rules)
        })
        .await
    }

    /// Makes a policy like another one.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn clone_policy(&self, caller: &Caller, id: Uuid) -> Result<Policy, Refusal> {
        let new_id = Uuid::new_v4();
        self.change(caller, move |work| {
            let (original, by) = work.permitted_policy(id, Access::Create)?;
            work.permitted_policy(id, Access::Read)?;
            let rules = work.transaction.rules_of_policy(id)?;
            let rules: Vec<_> =
                rules.into_iter().map(|rule| Rule { id: Uuid::new_v4(), ..rule }).collect();
            let at = work.origin.at;
            let policy = Policy { id: new_id, created_at: at, updated_at: at, ..original };
            work.make_policy(&by, &policy, &rules)
        })
        .await
    }

    /// Reads a policy, without its rules.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn policy(&self, caller: &Caller, id: Uuid) -> Result<Policy, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_policy(id, Access::Read)?.0)).await
    }

    /// Lists policies.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn policies(
        &self,
        caller: &Caller,
        filter: PolicyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Policy>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::Policy(Access::List))?;
            Ok(work.transaction.policies(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes a policy, other than its rules.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_policy(
        &self,
        caller: &Caller,
        id: Uuid,
        change: PolicyChange,
    ) -> Result<Policy, Refusal> {
        self.change(caller, move |work| {
            let (before, by) = work.permitted_policy(id, Access::Edit)?;
            let PolicyChange { name, description, tags, principal } = change.clone();
            let policy = Policy {
                name: name.unwrap_or_else(|| before.name.clone()),
                description: description.unwrap_or_else(|| before.description.clone()),
                tags: tags.unwrap_or_else(|| before.tags.clone()),
                principal: principal.unwrap_or(before.principal),
                ..before
            };
            if policy.principal != before.principal {
                let rules = work.transaction.rules_of_policy(id)?;
                work.check_attachment(&policy, &rules, by.action())?;
            }
            work.apply(&by, &Change::Iam(IamChange::UpdatePolicy(&policy)))?;
            Ok(policy)
        })
        .await
    }

    /// Deletes a policy with its rules.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_policy(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (policy, by) = work.permitted_policy(id, Access::Delete)?;
            work.apply(&by, &Change::Iam(IamChange::DeletePolicy(&policy)))
        })
        .await
    }

    /// Lists the rules of a policy.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn rules(
        &self,
        caller: &Caller,
        policy_id: Uuid,
        page: PageRequest,
    ) -> Result<Page<Rule>, Refusal> {
        self.look(caller, move |work| {
            work.permitted_policy(policy_id, Access::Read)?;
            Ok(work.transaction.rules(policy_id, page)?)
        })
        .await
    }

    /// Puts rules into a policy in place of all that are there.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn set_rules(
        &self,
        caller: &Caller,
        policy_id: Uuid,
        rules: Vec<NewRule>,
    ) -> Result<Vec<Rule>, Refusal> {
        let rules: Vec<_> = rules.into_iter().map(NewRule::with_id).collect();
        let wanted = rules.clone();
        self.look(caller, move |work| {
            let (policy, _) = work.permitted_policy(policy_id, Access::Edit)?;
            work.check_bounds(policy.organization_id, policy_id, &wanted)
        })
        .await?;
        self.checking.check_conditions(&rules).await?;
        self.change(caller, move |work| {
            let (policy, by) = work.permitted_policy(policy_id, Access::Edit)?;
            work.check_scopes(&policy, &rules)?;
            work.check_bounds(policy.organization_id, policy_id, &rules)?;
            work.check_cover(&rights(&policy, &rules), by.action())?;
            work.apply(&by, &Change::Iam(IamChange::SetRules(&policy, &rules)))?;
            Ok(rules.clone())
        })
        .await
    }

    /// Lists what rules can allow, by name.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn permission_sets(
        &self,
        caller: &Caller,
        organization_id: Option<Uuid>,
    ) -> Result<Vec<PermissionSet>, Refusal> {
        self.look(caller, move |work| {
            let own = work.permit_own(Action::PermissionSet)?.scope().organization_id;
            let is_own = organization_id.is_none_or(|id| id == own);
            Ok(PermissionSet::all().filter(|_| is_own).collect())
        })
        .await
    }
}

impl Work<'_> {
    fn permitted_policy(
        &mut self,
        id: Uuid,
        access: Access,
    ) -> Result<(Policy, Authorized), Refusal> {
        let missing = || Resource::Policy.not_found(id);
        let policy = self.transaction.policy(id)?.ok_or_else(missing)?;
        let action = Action::Policy(access);
        let by = self.permit_all_over(action, policy.organization_id, missing())?;
        Ok((policy, by))
    }

    fn make_policy(
        &mut self,
        by: &Authorized,
        policy: &Policy,
        rules: &[Rule],
    ) -> Result<Policy, Refusal> {
        self.check_scopes(policy, rules)?;
        self.check_bounds(policy.organization_id, policy.id, rules)?;
        self.check_attachment(policy, rules, by.action())?;
        self.apply(by, &Change::Iam(IamChange::CreatePolicy(policy, rules)))?;
        let made = self.transaction.policy(policy.id)?;
        made.ok_or(Refusal::Internal("a policy that was just made is gone"))
    }

    /// Whether a policy may be for whom it is: they are there, and the caller may do all that they
    /// may by it.
    fn check_attachment(
        &mut self,
        policy: &Policy,
        rules: &[Rule],
        action: Action,
    ) -> Result<(), Refusal> {
        match policy.principal {
            None => return Ok(()),
            Some(PolicyPrincipal::Bearer(bearer)) => {
                self.check_bearer(bearer, policy.organization_id)?;
            }
            Some(PolicyPrincipal::Group(id)) => {
                let group = self.transaction.group(id)?;
                let group = group.filter(|it| it.organization_id == policy.organization_id);
                group.ok_or_else(|| Resource::Group.not_found(id))?;
            }
        }
        self.check_cover(&rights(policy, rules), action)
    }

    /// Whether an organization has no more rules, and no more different conditions, than work.
    fn check_bounds(
        &mut self,
        organization_id: Uuid,
        policy_id: Uuid,
        rules: &[Rule],
    ) -> Result<(), Refusal> {
        let check = |bound: Bound, found: u64, more: usize| {
            let more = u64::try_from(more).unwrap_or(u64::MAX);
            match more > 0 && found.saturating_add(more) > bound.most() {
                true => Err(Refusal::TooMany(bound, found)),
                false => Ok(()),
            }
        };
        let others = self.transaction.number_of_rules(organization_id, policy_id)?;
        check(Bound::Rules, others, rules.len())?;
        let new = rules.iter().map(|rule| &rule.condition).filter(|text| !text.is_empty());
        let new: BTreeSet<_> = new.collect();
        if new.is_empty() {
            return Ok(());
        }
        let others = self.transaction.conditions(organization_id, policy_id)?;
        let more = new.into_iter().filter(|text| !others.contains(*text)).count();
        check(Bound::Conditions, u64::try_from(others.len()).unwrap_or(u64::MAX), more)
    }

    /// Whether rules are about an organization and its projects.
    fn check_scopes(&mut self, policy: &Policy, rules: &[Rule]) -> Result<(), Refusal> {
        for rule in rules {
            match &rule.scope {
                RuleScope::Organization(id) if *id == policy.organization_id => {}
                RuleScope::Organization(id) => return Err(Resource::Organization.not_found(id)),
                RuleScope::Projects(ids) => {
                    for id in ids {
                        let organization = self.transaction.organization_of_project(*id)?;
                        if organization != Some(policy.organization_id) {
                            return Err(Resource::Project.not_found(id));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn rights(policy: &Policy, rules: &[Rule]) -> Rights {
    let rule = |rule: &Rule| PolicyRule { policy_id: policy.id, rule: rule.clone() };
    Rights::By(rules.iter().map(rule).collect())
}
