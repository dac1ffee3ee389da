//! The decision: who, what and where in; allowed, or what is missing, out.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::action::Action;
use super::condition::{Facts, holds};
use super::principal::Principal;
use super::rights::{Rights, allows};
use crate::model::policy::{PolicyRule, RuleScope};

/// Where an operation acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The organization.
    pub organization_id: Uuid,
    /// The project, where it is about one.
    pub project_id: Option<Uuid>,
}

/// Who asks, what they may do, and what is known of the request.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// What they may do.
    pub rights: &'a Rights,
    /// What conditions are about.
    pub facts: Facts<'a>,
}

/// The permission for one action, which only [`decide`] and [`decide_list`] make. Without it the
/// store changes and lists nothing.
#[derive(Clone, Debug)]
pub struct Authorized {
    principal: Principal,
    action: Action,
    scope: Scope,
    extent: Extent,
    reason: Reason,
}

/// How far a permission to list reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that the organization has.
    Organization,
    /// What is in these projects.
    Projects(BTreeSet<Uuid>),
}

/// Why an action is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Whoever asks may do everything.
    Everything,
    /// By a rule of a policy.
    Rule {
        /// The policy.
        policy_id: Uuid,
        /// The rule.
        rule_id: Uuid,
    },
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

    /// What they may see of a list.
    pub fn extent(&self) -> &Extent {
        &self.extent
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

/// Why an action isn't allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// It is about another organization, which the caller may not even know to exist.
    OtherOrganization,
    /// No rule of theirs allows it there, now, from where they ask.
    NoRule,
}

/// Decides whether somebody may do something.
///
/// # Errors
///
/// [`Denied`].
pub fn decide(asking: &Asking<'_>, action: Action, scope: Scope) -> Result<Authorized, Denied> {
    let reason = reason(asking, action, scope)?;
    let extent = match scope.project_id {
        Some(id) => Extent::Projects(BTreeSet::from([id])),
        None => Extent::Organization,
    };
    let principal = asking.principal.clone();
    Ok(Authorized { principal, action, scope, extent, reason })
}

/// Decides what somebody may see of a list of their organization's.
///
/// # Errors
///
/// [`Denied`] if that is nothing, whatever there is.
pub fn decide_list(asking: &Asking<'_>, action: Action) -> Result<Authorized, Denied> {
    let organization_id = asking.principal.organization_id();
    let scope = Scope { organization_id, project_id: None };
    match decide(asking, action, scope) {
        Err(Denied::NoRule) => {}
        other => return other,
    }
    let Rights::By(rules) = asking.rights else { return Err(Denied::NoRule) };
    let (mut projects, mut reason) = (BTreeSet::new(), None);
    let mut conditions = Conditions::about(&asking.facts);
    for it in rules {
        let RuleScope::Projects(ids) = &it.rule.scope else { continue };
        let visible = ids.iter().copied().filter(|id| {
            let scope = Scope { organization_id, project_id: Some(*id) };
            allows(&it.rule, action, scope)
        });
        let visible: Vec<_> = visible.collect();
        if !visible.is_empty() && conditions.hold(&it.rule.condition) {
            projects.extend(visible);
            reason = reason.or(Some(because(it)));
        }
    }
    let reason = reason.ok_or(Denied::NoRule)?;
    let (principal, extent) = (asking.principal.clone(), Extent::Projects(projects));
    Ok(Authorized { principal, action, scope, extent, reason })
}

fn reason(asking: &Asking<'_>, action: Action, scope: Scope) -> Result<Reason, Denied> {
    if scope.organization_id != asking.principal.organization_id() {
        return Err(Denied::OtherOrganization);
    }
    let Rights::By(rules) = asking.rights else { return Ok(Reason::Everything) };
    let mut conditions = Conditions::about(&asking.facts);
    let allowing = rules.iter().find(|it| {
        let is_here = match &it.rule.scope {
            RuleScope::Organization(id) => *id == scope.organization_id,
            RuleScope::Projects(_) => true,
        };
        is_here && allows(&it.rule, action, scope) && conditions.hold(&it.rule.condition)
    });
    allowing.map(because).ok_or(Denied::NoRule)
}

/// What conditions are worth in one decision: each is evaluated once, in however many rules it stands.
struct Conditions<'a> {
    facts: &'a Facts<'a>,
    known: HashMap<&'a str, bool>,
}

impl<'a> Conditions<'a> {
    fn about(facts: &'a Facts<'a>) -> Self {
        Self { facts, known: HashMap::new() }
    }

    fn hold(&mut self, condition: &'a str) -> bool {
        let facts = self.facts;
        condition.is_empty()
            || *self.known.entry(condition).or_insert_with(|| holds(condition, facts))
    }
}

fn because(it: &PolicyRule) -> Reason {
    Reason::Rule { policy_id: it.policy_id, rule_id: it.rule.id }
}

#[cfg(test)]
mod tests;
