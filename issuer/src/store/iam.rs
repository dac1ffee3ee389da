//! Who may do what, as a store reads and keeps it.

use std::collections::BTreeSet;

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::StoreError;
use crate::iam::decision::Authorized;
use crate::model::api_key::{ApiKey, ApiKeyFilter, SecretHash};
use crate::model::bearer::Bearer;
use crate::model::group::{Group, GroupFilter};
use crate::model::iam_application::{IamApplication, IamApplicationFilter};
use crate::model::page::{Order, Page, PageRequest};
use crate::model::policy::{Policy, PolicyFilter, PolicyRule, Rule};
use crate::model::quota::{Limit, Quota};
use crate::model::ssh_key::{SshKey, SshKeyFilter};
use crate::model::token::{TokenRecord, TokenRecordFilter};
use crate::model::user::{User, UserFilter};

/// An API key, and what is known of its bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKey,
    /// Whether its bearer may do everything in their organization.
    pub is_owner: bool,
    /// Whether nothing that they ask for is done.
    pub is_locked: bool,
}

/// The part of a transaction that is about who may do what.
pub trait Iam {
    /// The API key with this secret.
    fn key_holder(&mut self, secret: &SecretHash) -> Result<Option<KeyHolder>, StoreError>;

    /// The rules that hold for somebody, by their own policies and by those of their groups.
    fn rules_of_bearer(&mut self, bearer: Bearer) -> Result<Vec<PolicyRule>, StoreError>;

    /// The rules that hold for the members of a group as such.
    fn rules_of_group(&mut self, group_id: Uuid) -> Result<Vec<PolicyRule>, StoreError>;

    /// All rules of a policy, in their order.
    fn rules_of_policy(&mut self, policy_id: Uuid) -> Result<Vec<Rule>, StoreError>;

    /// A page of the rules of a policy.
    fn rules(&mut self, policy_id: Uuid, page: PageRequest) -> Result<Page<Rule>, StoreError>;

    /// The user or application of IAM with this id, and its organization.
    fn bearer(&mut self, id: Uuid) -> Result<Option<(Bearer, Uuid)>, StoreError>;

    /// A user.
    fn user(&mut self, id: Uuid) -> Result<Option<User>, StoreError>;

    /// The users that the caller may see and the filter lets through.
    fn users(
        &mut self,
        by: &Authorized,
        filter: &UserFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<User>, StoreError>;

    /// Another user of the same organization who has the name or the address of a user.
    fn user_like(&mut self, user: &User) -> Result<Option<Uuid>, StoreError>;

    /// An application of IAM.
    fn iam_application(&mut self, id: Uuid) -> Result<Option<IamApplication>, StoreError>;

    /// The applications of IAM that the caller may see and the filter lets through.
    fn iam_applications(
        &mut self,
        by: &Authorized,
        filter: &IamApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<IamApplication>, StoreError>;

    /// A group, with its members.
    fn group(&mut self, id: Uuid) -> Result<Option<Group>, StoreError>;

    /// The groups that the caller may see and the filter lets through.
    fn groups(
        &mut self,
        by: &Authorized,
        filter: &GroupFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Group>, StoreError>;

    /// Another group of the same organization that has the name of a group.
    fn group_like(&mut self, group: &Group) -> Result<Option<Uuid>, StoreError>;

    /// A policy.
    fn policy(&mut self, id: Uuid) -> Result<Option<Policy>, StoreError>;

    /// The policies that the caller may see and the filter lets through.
    fn policies(
        &mut self,
        by: &Authorized,
        filter: &PolicyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Policy>, StoreError>;

    /// An API key, by its public half.
    fn api_key(&mut self, access_key: &str) -> Result<Option<ApiKey>, StoreError>;

    /// The API keys that the filter lets through at some time, of those kinds of bearers for which
    /// there is a permission.
    fn api_keys(
        &mut self,
        by: &[Authorized],
        filter: &ApiKeyFilter,
        now: UnixTime,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError>;

    /// An SSH key.
    fn ssh_key(&mut self, id: Uuid) -> Result<Option<SshKey>, StoreError>;

    /// The SSH keys that the caller may see and the filter lets through.
    fn ssh_keys(
        &mut self,
        by: &Authorized,
        filter: &SshKeyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<SshKey>, StoreError>;

    /// What is known of how a token came to be.
    fn token_record(&mut self, id: Uuid) -> Result<Option<TokenRecord>, StoreError>;

    /// The tokens that somebody made, as far as the filter lets them through at some time, of those
    /// products for which there is a permission.
    fn token_records(
        &mut self,
        by: &[Authorized],
        filter: &TokenRecordFilter,
        now: UnixTime,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<TokenRecord>, StoreError>;

    /// How many rules an organization has, but for those of one policy.
    fn number_of_rules(&mut self, organization_id: Uuid, beside: Uuid) -> Result<u64, StoreError>;

    /// Whether an API key has a project as its default one.
    fn is_a_default_project(&mut self, project_id: Uuid) -> Result<bool, StoreError>;

    /// How many API keys of a user never expire.
    fn lasting_keys(&mut self, user_id: Uuid) -> Result<u64, StoreError>;

    /// The different conditions that an organization's rules have, but for those of one policy.
    fn conditions(
        &mut self,
        organization_id: Uuid,
        beside: Uuid,
    ) -> Result<BTreeSet<String>, StoreError>;

    /// The most that there may be of something, if somebody set it.
    fn limit(&mut self, organization_id: Uuid, quota: Quota) -> Result<Option<Limit>, StoreError>;

    /// How much there is of something: of an organization, or of what a quota is for each of.
    fn usage(&mut self, quota: Quota, of: Uuid) -> Result<u64, StoreError>;
}
