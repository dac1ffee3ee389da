//! Changes of who may do what.

use uuid::Uuid;

use super::Owner;
use crate::iam::action::{Access, Action};
use crate::iam::decision::Scope;
use crate::model::api_key::{ApiKey, SecretHash};
use crate::model::group::Group;
use crate::model::iam_application::IamApplication;
use crate::model::policy::{Policy, Rule};
use crate::model::quota::{Limit, Quota};
use crate::model::ssh_key::SshKey;
use crate::model::user::{PasswordHash, User};

/// A change of who may do what.
pub enum IamChange<'a> {
    /// A new user, with a password or none.
    CreateUser(&'a User, Option<&'a PasswordHash>),
    /// A user.
    UpdateUser(&'a User),
    /// A user's password.
    SetPassword(&'a User, &'a PasswordHash),
    /// A user goes, with their API keys.
    DeleteUser(&'a User),
    /// A new application of IAM.
    CreateApplication(&'a IamApplication),
    /// An application of IAM.
    UpdateApplication(&'a IamApplication),
    /// An application of IAM goes, with its API keys.
    DeleteApplication(&'a IamApplication),
    /// A new group, with nobody in it.
    CreateGroup(&'a Group),
    /// A group, other than its members.
    UpdateGroup(&'a Group),
    /// Who is in a group.
    SetMembers(&'a Group),
    /// A group goes.
    DeleteGroup(&'a Group),
    /// A new policy with its rules.
    CreatePolicy(&'a Policy, &'a [Rule]),
    /// A policy, other than its rules.
    UpdatePolicy(&'a Policy),
    /// The rules of a policy, in place of all that were there.
    SetRules(&'a Policy, &'a [Rule]),
    /// A policy goes.
    DeletePolicy(&'a Policy),
    /// A new API key.
    CreateApiKey(&'a ApiKey, &'a SecretHash),
    /// An API key.
    UpdateApiKey(&'a ApiKey),
    /// An API key goes.
    DeleteApiKey(&'a ApiKey),
    /// A new SSH key.
    CreateSshKey(&'a SshKey),
    /// An SSH key.
    UpdateSshKey(&'a SshKey),
    /// An SSH key goes.
    DeleteSshKey(&'a SshKey),
    /// How much an organization may have of something.
    SetQuota(Uuid, Quota, Limit),
}

impl IamChange<'_> {
    pub(super) fn action(&self) -> Action {
        match self {
            Self::CreateUser(..) => Action::User(Access::Create),
            Self::UpdateUser(_) | Self::SetPassword(..) => Action::User(Access::Edit),
            Self::DeleteUser(_) => Action::User(Access::Delete),
            Self::CreateApplication(_) => Action::IamApplication(Access::Create),
            Self::UpdateApplication(_) => Action::IamApplication(Access::Edit),
            Self::DeleteApplication(_) => Action::IamApplication(Access::Delete),
            Self::CreateGroup(_) => Action::Group(Access::Create),
            Self::UpdateGroup(_) | Self::SetMembers(_) => Action::Group(Access::Edit),
            Self::DeleteGroup(_) => Action::Group(Access::Delete),
            Self::CreatePolicy(..) => Action::Policy(Access::Create),
            Self::UpdatePolicy(_) | Self::SetRules(..) => Action::Policy(Access::Edit),
            Self::DeletePolicy(_) => Action::Policy(Access::Delete),
            Self::CreateApiKey(it, _) => Action::ApiKey(it.bearer.kind(), Access::Create),
            Self::UpdateApiKey(it) => Action::ApiKey(it.bearer.kind(), Access::Edit),
            Self::DeleteApiKey(it) => Action::ApiKey(it.bearer.kind(), Access::Delete),
            Self::CreateSshKey(_) => Action::SshKey(Access::Create),
            Self::UpdateSshKey(_) => Action::SshKey(Access::Edit),
            Self::DeleteSshKey(_) => Action::SshKey(Access::Delete),
            Self::SetQuota(..) => Action::Quota(Access::Edit),
        }
    }

    /// Whose it is, and which of theirs.
    pub(super) fn resource(&self) -> (Owner, String) {
        let (organization_id, project_id, resource_id) = match self {
            Self::CreateUser(it, _)
            | Self::UpdateUser(it)
            | Self::SetPassword(it, _)
            | Self::DeleteUser(it) => (it.organization_id, None, it.id.to_string()),
            Self::CreateApplication(it)
            | Self::UpdateApplication(it)
            | Self::DeleteApplication(it) => (it.organization_id, None, it.id.to_string()),
            Self::CreateGroup(it)
            | Self::UpdateGroup(it)
            | Self::SetMembers(it)
            | Self::DeleteGroup(it) => (it.organization_id, None, it.id.to_string()),
            Self::CreatePolicy(it, _)
            | Self::UpdatePolicy(it)
            | Self::SetRules(it, _)
            | Self::DeletePolicy(it) => (it.organization_id, None, it.id.to_string()),
            Self::CreateApiKey(it, _) | Self::UpdateApiKey(it) | Self::DeleteApiKey(it) => {
                (it.organization_id, None, it.access_key.clone())
            }
            Self::CreateSshKey(it) | Self::UpdateSshKey(it) | Self::DeleteSshKey(it) => {
                (it.organization_id, Some(it.project_id), it.id.to_string())
            }
            Self::SetQuota(organization_id, quota, _) => {
                (*organization_id, None, quota.name().to_owned())
            }
        };
        (Owner::Scope(Scope { organization_id, project_id }), resource_id)
    }

    /// What there is more of afterwards: how many, and of what or whom.
    pub(super) fn counted(&self) -> Vec<(Quota, Uuid, u64)> {
        let rules = |policy: &Policy, rules: &[Rule]| {
            let more = u64::try_from(rules.len()).unwrap_or(u64::MAX);
            (Quota::RulesPerPolicy, policy.id, more)
        };
        match self {
            Self::CreateUser(it, _) => vec![(Quota::Users, it.organization_id, 1)],
            Self::CreateApplication(it) => vec![(Quota::Applications, it.organization_id, 1)],
            Self::CreateGroup(it) => vec![(Quota::Groups, it.organization_id, 1)],
            Self::CreatePolicy(it, of) => {
                vec![(Quota::Policies, it.organization_id, 1), rules(it, of)]
            }
            Self::SetRules(it, of) => vec![rules(it, of)],
            Self::CreateApiKey(it, _) => vec![(Quota::ApiKeysPerBearer, it.bearer.id(), 1)],
            Self::CreateSshKey(it) => vec![(Quota::SshKeys, it.organization_id, 1)],
            Self::UpdateUser(_)
            | Self::SetPassword(..)
            | Self::DeleteUser(_)
            | Self::UpdateApplication(_)
            | Self::DeleteApplication(_)
            | Self::UpdateGroup(_)
            | Self::SetMembers(_)
            | Self::DeleteGroup(_)
            | Self::UpdatePolicy(_)
            | Self::DeletePolicy(_)
            | Self::UpdateApiKey(_)
            | Self::DeleteApiKey(_)
            | Self::UpdateSshKey(_)
            | Self::DeleteSshKey(_)
            | Self::SetQuota(..) => Vec::new(),
        }
    }
}
