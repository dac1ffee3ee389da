//! A policy: what somebody may do, as rules.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::bearer::Bearer;
use crate::iam::permission_set::PermissionSet;

/// A policy, without its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Whom it is for, if anybody.
    pub principal: Option<PolicyPrincipal>,
    /// How much is in its rules.
    pub counts: RuleCounts,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// Whom a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyPrincipal {
    /// A user or an application.
    Bearer(Bearer),
    /// All members of a group.
    Group(Uuid),
}

impl PolicyPrincipal {
    /// The user, if it is one.
    pub fn user_id(self) -> Option<Uuid> {
        match self {
            Self::Bearer(bearer) => bearer.user_id(),
            Self::Group(_) => None,
        }
    }

    /// The application, if it is one.
    pub fn application_id(self) -> Option<Uuid> {
        match self {
            Self::Bearer(bearer) => bearer.application_id(),
            Self::Group(_) => None,
        }
    }

    /// The group, if it is one.
    pub fn group_id(self) -> Option<Uuid> {
        match self {
            Self::Bearer(_) => None,
            Self::Group(id) => Some(id),
        }
    }
}

/// How much is in the rules of a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// The rules.
    pub rules: u64,
    /// The organizations and projects in them.
    pub scopes: u64,
    /// The permission sets in them.
    pub permission_sets: u64,
}

/// One rule of a policy: what may be done, where, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: Uuid,
    /// What may be done.
    pub sets: Vec<PermissionSet>,
    /// Where.
    pub scope: RuleScope,
    /// In CEL, when. Empty is always.
    pub condition: String,
}

/// Where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleScope {
    /// In an organization and all its projects.
    Organization(Uuid),
    /// In these projects. None are left where all were deleted.
    Projects(Vec<Uuid>),
}

/// A rule, and the policy that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    /// The policy.
    pub policy_id: Uuid,
    /// The rule.
    pub rule: Rule,
}

/// A rule that is asked for.
#[derive(Clone, Debug)]
pub struct NewRule {
    /// What is to be allowed.
    pub sets: Vec<PermissionSet>,
    /// Where.
    pub scope: RuleScope,
    /// When.
    pub condition: String,
}

impl NewRule {
    /// The rule, with an id.
    pub fn with_id(self) -> Rule {
        let Self { sets, scope, condition } = self;
        Rule { id: Uuid::new_v4(), sets, scope, condition }
    }
}

/// What a request makes of a policy. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The labels, in place of all that are there.
    pub tags: Option<Vec<String>>,
    /// Whom it is for: somebody, or nobody.
    pub principal: Option<Option<PolicyPrincipal>>,
}

/// Which policies a list has.
#[derive(Clone, Debug, Default)]
pub struct PolicyFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// With this label.
    pub tag: Option<String>,
    /// Those of these, unless there are none.
    pub ids: Vec<Uuid>,
    /// For one of these users, unless there are none.
    pub user_ids: Vec<Uuid>,
    /// For one of these groups, unless there are none.
    pub group_ids: Vec<Uuid>,
    /// For one of these applications, unless there are none.
    pub application_ids: Vec<Uuid>,
    /// Whether they are for nobody.
    pub has_no_principal: Option<bool>,
    /// Whether they can be changed, as all can here.
    pub is_editable: Option<bool>,
}
