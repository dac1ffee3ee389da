//! What somebody may do, as their policies and those of their groups say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use uuid::Uuid;

use super::action::Action;
use super::decision::Scope;
use super::permission_set::{PermissionSet, ScopeType};
use crate::model::policy::{PolicyRule, Rule, RuleScope};

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything in their organization.
    All,
    /// What one of these rules allows.
    By(Vec<PolicyRule>),
}

impl Rights {
    /// Whether whoever has these may hand out others, or take over who has them: since they may do
    /// all of it themselves at any time and from anywhere, or everything that has to do with
    /// rights.
    pub fn cover(&self, others: &Self) -> bool {
        self.lack_of(others).is_none()
    }

    /// The first that is missing for that, if anything is.
    pub fn lack_of(&self, others: &Self) -> Option<Lack> {
        let Self::By(own) = self else { return None };
        let own = reach(own.iter().filter(|it| it.rule.condition.is_empty()));
        if own.values().any(|held| held.is_everywhere && held.set.manages_iam()) {
            return None;
        }
        let Self::By(others) = others else { return Some(Lack::Ownership) };
        // A condition of the others may hold at some time, so it makes nothing less.
        let others = reach(others);
        // Whoever manages IAM can come to have everything, whatever their other rights are.
        if others.values().any(|held| held.is_everywhere && held.set.manages_iam()) {
            return Some(Lack::Iam);
        }
        others.values().find_map(|needed| {
            let mut actions = Action::all().filter(|action| needed.set.allows(*action));
            actions.find_map(|action| {
                let held: Vec<_> = own.values().filter(|held| held.set.allows(action)).collect();
                if held.iter().any(|held| held.is_everywhere) {
                    return None;
                }
                if needed.is_everywhere {
                    return Some(Lack::Right(action, None));
                }
                let mut projects = needed.projects.iter();
                let missing = projects.find(|id| !held.iter().any(|it| it.projects.contains(id)));
                missing.map(|id| Lack::Right(action, Some(*id)))
            })
        })
    }
}

/// What somebody would have to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// To be the owner.
    Ownership,
    /// To manage all of IAM.
    Iam,
    /// To be allowed this, in a project or everywhere.
    Right(Action, Option<Uuid>),
    /// To be allowed this in some project.
    Somewhere(Action),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ownership => f.write_str("do everything, as the owner may"),
            Self::Iam => f.write_str("manage all of IAM"),
            Self::Somewhere(action) => {
                write!(f, "{} {} in some project", action.name(), action.resource())
            }
            Self::Right(action, project) => {
                write!(f, "{} {}", action.name(), action.resource())?;
                match project {
                    Some(id) => write!(f, " in project {id}"),
                    None => f.write_str(" in all of the organization"),
                }
            }
        }
    }
}

/// Where a permission set holds by some rules together.
struct Held {
    set: PermissionSet,
    is_everywhere: bool,
    projects: BTreeSet<Uuid>,
}

fn reach<'r>(rules: impl IntoIterator<Item = &'r PolicyRule>) -> BTreeMap<&'static str, Held> {
    let mut reach = BTreeMap::new();
    for PolicyRule { rule, .. } in rules {
        for set in rule.sets.iter().copied() {
            let held = reach.entry(set.name());
            let none = Held { set, is_everywhere: false, projects: BTreeSet::new() };
            let held = held.or_insert(none);
            match &rule.scope {
                RuleScope::Organization(_) => held.is_everywhere = true,
                RuleScope::Projects(ids) if set.scope_type() == ScopeType::Projects => {
                    held.projects.extend(ids);
                }
                RuleScope::Projects(_) => {}
            }
        }
    }
    reach
}

/// Whether a rule allows an action somewhere, whatever its condition.
pub fn allows(rule: &Rule, action: Action, scope: Scope) -> bool {
    let mut sets = rule.sets.iter().filter(|set| set.allows(action));
    match &rule.scope {
        RuleScope::Organization(_) => sets.next().is_some(),
        RuleScope::Projects(ids) => {
            scope.project_id.is_some_and(|id| ids.contains(&id))
                && sets.any(|set| set.scope_type() == ScopeType::Projects)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::policy::Rule;

    const HERE: RuleScope = RuleScope::Organization(Uuid::from_u128(1));

    fn projects(ids: &[u128]) -> RuleScope {
        RuleScope::Projects(ids.iter().copied().map(Uuid::from_u128).collect())
    }

    fn rights(rules: &[(&str, RuleScope, &str)]) -> Rights {
        let rules = rules.iter().map(|(names, scope, condition)| PolicyRule {
            policy_id: Uuid::nil(),
            rule: Rule {
                id: Uuid::nil(),
                sets: names.split(' ').map(|it| PermissionSet::named(it).unwrap()).collect(),
                scope: scope.clone(),
                condition: (*condition).to_owned(),
            },
        });
        Rights::By(rules.collect())
    }

    #[test]
    fn nobody_hands_out_more_than_they_have_without_condition() {
        let none = || rights(&[]);
        let one = |names, scope| rights(&[(names, scope, "")]);
        let if_true = |names| rights(&[(names, HERE, "1 == 1")]);
        let functions = "FunctionsFullAccess";
        let half = rights(&[(functions, projects(&[2]), ""), (functions, projects(&[3]), "")]);
        for (own, others, is_covered) in [
            (Rights::All, Rights::All, true),
            (Rights::All, one("OrganizationManager", HERE), true),
            (none(), none(), true),
            (none(), one("VPCReadOnly", HERE), true),
            (none(), one("FunctionsReadOnly", HERE), false),
            (one("IAMManager", HERE), Rights::All, true),
            (one("IAMManager", HERE), one("OrganizationManager", HERE), true),
            (if_true("IAMManager"), one("FunctionsReadOnly", HERE), false),
            (one("OrganizationManager", HERE), Rights::All, false),
            (one("OrganizationManager", HERE), one("IAMManager", HERE), false),
            (one("OrganizationManager", HERE), if_true("IAMManager"), false),
            (one("OrganizationManager", HERE), one("OrganizationManager", HERE), true),
            (one("IAMManager", HERE), one("IAMManager", HERE), true),
            (one("OrganizationManager", HERE), one("FunctionsReadOnly", HERE), false),
            (one(functions, HERE), one("FunctionsReadOnly", HERE), true),
            (one(functions, HERE), one("FunctionsReadOnly", projects(&[2])), true),
            (one(functions, HERE), if_true("FunctionsReadOnly"), true),
            (one(functions, HERE), one("FunctionsPrivateAccess", projects(&[2])), false),
            (one("FunctionsReadOnly", HERE), one(functions, HERE), false),
            (if_true(functions), one("FunctionsReadOnly", projects(&[2])), false),
            (one(functions, projects(&[2])), one(functions, projects(&[2])), true),
            (one(functions, projects(&[2])), one(functions, projects(&[2, 3])), false),
            (one(functions, projects(&[2])), one(functions, HERE), false),
            (half, one(functions, projects(&[2, 3])), true),
            (
                rights(&[(functions, HERE, ""), ("ContainersFullAccess", HERE, "")]),
                one("AllProductsReadOnly", HERE),
                true,
            ),
            // A set for an organization has no effect in projects.
            (none(), one("IAMManager", projects(&[2])), true),
            (one("IAMManager", projects(&[2])), one("FunctionsReadOnly", HERE), false),
        ] {
            assert_eq!(own.cover(&others), is_covered, "{own:?} {others:?}");
        }
    }
}
