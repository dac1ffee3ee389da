//! Who may do what: values to keep, and the steps that keep them.

use std::sync::Arc;

use namespace_jwt_issuer::iam::permission_set::PermissionSet;
use namespace_jwt_issuer::model::api_key::{ApiKey, SecretHash, new_access_key};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::group::Group;
use namespace_jwt_issuer::model::iam_application::IamApplication;
use namespace_jwt_issuer::model::policy::{Policy, PolicyPrincipal, Rule, RuleCounts, RuleScope};
use namespace_jwt_issuer::model::quota::{Limit, Quota};
use namespace_jwt_issuer::model::ssh_key::SshKey;
use namespace_jwt_issuer::model::user::{PasswordHash, Profile, User, UserKind};
use namespace_jwt_issuer::store::Store;
use namespace_jwt_issuer::store::change::iam::IamChange;
use uuid::Uuid;

use super::{NOW, Organization, Step, later};

/// A change of who may do what that owns its values.
#[derive(Clone)]
pub enum IamStep {
    CreateUser(User, Option<Arc<PasswordHash>>),
    UpdateUser(User),
    SetPassword(User, Arc<PasswordHash>),
    DeleteUser(User),
    CreateApplication(IamApplication),
    UpdateApplication(IamApplication),
    DeleteApplication(IamApplication),
    CreateGroup(Group),
    UpdateGroup(Group),
    SetMembers(Group),
    DeleteGroup(Group),
    CreatePolicy(Policy, Vec<Rule>),
    UpdatePolicy(Policy),
    SetRules(Policy, Vec<Rule>),
    DeletePolicy(Policy),
    CreateApiKey(ApiKey, SecretHash),
    UpdateApiKey(ApiKey),
    DeleteApiKey(ApiKey),
    CreateSshKey(SshKey),
    UpdateSshKey(SshKey),
    DeleteSshKey(SshKey),
    SetQuota(Uuid, Quota, Limit),
}

impl IamStep {
    pub fn change(&self) -> IamChange<'_> {
        match self {
            Self::CreateUser(it, password) => IamChange::CreateUser(it, password.as_deref()),
            Self::UpdateUser(it) => IamChange::UpdateUser(it),
            Self::SetPassword(it, password) => IamChange::SetPassword(it, password),
            Self::DeleteUser(it) => IamChange::DeleteUser(it),
            Self::CreateApplication(it) => IamChange::CreateApplication(it),
            Self::UpdateApplication(it) => IamChange::UpdateApplication(it),
            Self::DeleteApplication(it) => IamChange::DeleteApplication(it),
            Self::CreateGroup(it) => IamChange::CreateGroup(it),
            Self::UpdateGroup(it) => IamChange::UpdateGroup(it),
            Self::SetMembers(it) => IamChange::SetMembers(it),
            Self::DeleteGroup(it) => IamChange::DeleteGroup(it),
            Self::CreatePolicy(it, rules) => IamChange::CreatePolicy(it, rules),
            Self::UpdatePolicy(it) => IamChange::UpdatePolicy(it),
            Self::SetRules(it, rules) => IamChange::SetRules(it, rules),
            Self::DeletePolicy(it) => IamChange::DeletePolicy(it),
            Self::CreateApiKey(it, secret) => IamChange::CreateApiKey(it, secret),
            Self::UpdateApiKey(it) => IamChange::UpdateApiKey(it),
            Self::DeleteApiKey(it) => IamChange::DeleteApiKey(it),
            Self::CreateSshKey(it) => IamChange::CreateSshKey(it),
            Self::UpdateSshKey(it) => IamChange::UpdateSshKey(it),
            Self::DeleteSshKey(it) => IamChange::DeleteSshKey(it),
            Self::SetQuota(of, quota, limit) => IamChange::SetQuota(*of, *quota, *limit),
        }
    }
}

impl Organization {
    /// Makes a change of who may do what, which has to go well.
    pub async fn does(self, store: &dyn Store, step: IamStep) {
        self.make(store, &Step::Iam(step)).await.unwrap();
    }

    pub fn user(self, username: &str) -> User {
        User {
            id: Uuid::new_v4(),
            organization_id: self.0,
            kind: UserKind::Member,
            email: format!("{username}@example.com"),
            username: username.to_owned(),
            profile: Profile {
                first_name: "'; --".to_owned(),
                last_name: "Lövelace \"🦀\"".to_owned(),
                phone_number: "+331".to_owned(),
                locale: "fr_FR".to_owned(),
            },
            tags: labels(),
            is_locked: false,
            created_at: NOW,
            updated_at: later(1),
            last_login_at: None,
        }
    }

    pub fn iam_application(self, name: &str) -> IamApplication {
        IamApplication {
            id: Uuid::new_v4(),
            organization_id: self.0,
            name: name.to_owned(),
            description: "'; --".to_owned(),
            tags: labels(),
            api_keys: 0,
            created_at: NOW,
            updated_at: later(1),
        }
    }

    /// A group with nobody in it.
    pub fn group(self, name: &str) -> Group {
        Group {
            id: Uuid::new_v4(),
            organization_id: self.0,
            name: name.to_owned(),
            description: "'; --".to_owned(),
            tags: labels(),
            user_ids: vec![],
            application_ids: vec![],
            created_at: NOW,
            updated_at: later(1),
        }
    }

    /// A policy, as it is before it has rules.
    pub fn policy(self, name: &str, principal: Option<PolicyPrincipal>) -> Policy {
        Policy {
            id: Uuid::new_v4(),
            organization_id: self.0,
            name: name.to_owned(),
            description: "'; --".to_owned(),
            tags: labels(),
            principal,
            counts: RuleCounts::default(),
            created_at: NOW,
            updated_at: later(1),
        }
    }

    /// An API key of the owner's.
    pub fn api_key(self) -> (ApiKey, SecretHash) {
        self.api_key_of(self.bearer())
    }

    pub fn api_key_of(self, bearer: Bearer) -> (ApiKey, SecretHash) {
        let key = ApiKey {
            access_key: new_access_key(),
            bearer,
            organization_id: self.0,
            default_project_id: self.0,
            description: "a key".to_owned(),
            expires_at: Some(later(60)),
            creation_ip: Some("::1".to_owned()),
            created_at: NOW,
            updated_at: later(1),
        };
        (key, SecretHash(Uuid::new_v4().into_bytes().repeat(2)))
    }

    /// An SSH key of the default project.
    pub fn ssh_key(self, name: &str) -> SshKey {
        SshKey {
            id: Uuid::new_v4(),
            organization_id: self.0,
            project_id: self.0,
            name: name.to_owned(),
            public_key: "ssh-ed25519 AAAA".to_owned(),
            fingerprint: "256 MD5:00 (ssh-ed25519)".to_owned(),
            is_disabled: false,
            created_at: NOW,
            updated_at: later(1),
        }
    }

    /// Makes a user.
    pub async fn new_user(self, store: &dyn Store, username: &str) -> User {
        let user = self.user(username);
        self.does(store, IamStep::CreateUser(user.clone(), None)).await;
        user
    }

    /// Makes an application of IAM.
    pub async fn new_iam_application(self, store: &dyn Store, name: &str) -> IamApplication {
        let application = self.iam_application(name);
        self.does(store, IamStep::CreateApplication(application.clone())).await;
        application
    }

    /// Makes a group with members.
    pub async fn new_group(self, store: &dyn Store, name: &str, members: &[Bearer]) -> Group {
        let mut group = self.group(name);
        self.does(store, IamStep::CreateGroup(group.clone())).await;
        members.iter().for_each(|member| group.add(*member));
        self.does(store, IamStep::SetMembers(group.clone())).await;
        group
    }

    /// Makes a policy with rules.
    pub async fn new_policy(
        self,
        store: &dyn Store,
        principal: Option<PolicyPrincipal>,
        rules: &[Rule],
    ) -> Policy {
        let policy = self.policy("one", principal);
        self.does(store, IamStep::CreatePolicy(policy.clone(), rules.to_vec())).await;
        policy
    }

    /// Makes an API key.
    pub async fn new_api_key(self, store: &dyn Store, bearer: Bearer) -> (ApiKey, SecretHash) {
        let (key, secret) = self.api_key_of(bearer);
        self.does(store, IamStep::CreateApiKey(key.clone(), secret.clone())).await;
        (key, secret)
    }

    /// A rule for all that it has.
    pub fn rule(self, sets: &[&str]) -> Rule {
        rule(sets, RuleScope::Organization(self.0))
    }
}

/// A rule for some projects.
pub fn rule_in(sets: &[&str], projects: &[Uuid]) -> Rule {
    rule(sets, RuleScope::Projects(projects.to_vec()))
}

fn rule(sets: &[&str], scope: RuleScope) -> Rule {
    let sets = sets.iter().map(|name| PermissionSet::named(name).unwrap()).collect();
    Rule { id: Uuid::new_v4(), sets, scope, condition: String::new() }
}

fn labels() -> Vec<String> {
    ["z", "", "ü"].map(str::to_owned).to_vec()
}
