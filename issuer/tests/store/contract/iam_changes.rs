//! Changes of who may do what, for the tables of all changes, and what gateways see of them.

use std::sync::Arc;

use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::policy::PolicyPrincipal;
use namespace_jwt_issuer::model::quota::{Limit, Quota};
use namespace_jwt_issuer::model::trust::TrustScope;
use namespace_jwt_issuer::model::user::PasswordHash;
use namespace_jwt_issuer::store::Store;
use uuid::Uuid;

use super::feed::{sequences, state};
use super::{Database, founded};
use crate::sample::{IamStep, Organization, Step, later, rule_in};

/// One change of each kind, in an order in which they can be made.
pub fn iam_steps(organization: Organization) -> Vec<IamStep> {
    let hash = || Arc::new(PasswordHash("$argon2id$".to_owned()));
    let user = organization.user("every");
    let application = organization.iam_application("every");
    let bearers = [Bearer::User(user.id), Bearer::Application(application.id)];
    let group = organization.group("every");
    let mut members = group.clone();
    bearers.iter().for_each(|it| members.add(*it));
    let policy = organization.policy("every", Some(PolicyPrincipal::Group(group.id)));
    let rules = [organization.rule(&["IAMManager"]), rule_in(&["FunctionsReadOnly"], &[])];
    let [(user_key, user_secret), (key, secret)] = bearers.map(|it| organization.api_key_of(it));
    let ssh_key = organization.ssh_key("every");
    vec![
        IamStep::CreateUser(user.clone(), Some(hash())),
        IamStep::UpdateUser(user.clone()),
        IamStep::SetPassword(user.clone(), hash()),
        IamStep::CreateApplication(application.clone()),
        IamStep::UpdateApplication(application.clone()),
        IamStep::CreateGroup(group.clone()),
        IamStep::UpdateGroup(group.clone()),
        IamStep::SetMembers(members),
        IamStep::CreatePolicy(policy.clone(), rules[..1].to_vec()),
        IamStep::UpdatePolicy(policy.clone()),
        IamStep::SetRules(policy.clone(), rules[1..].to_vec()),
        IamStep::CreateApiKey(user_key.clone(), user_secret),
        IamStep::UpdateApiKey(user_key.clone()),
        IamStep::DeleteApiKey(user_key),
        IamStep::CreateApiKey(key.clone(), secret),
        IamStep::UpdateApiKey(key.clone()),
        IamStep::DeleteApiKey(key),
        IamStep::CreateSshKey(ssh_key.clone()),
        IamStep::UpdateSshKey(ssh_key.clone()),
        IamStep::DeleteSshKey(ssh_key),
        IamStep::SetQuota(organization.0, Quota::Users, Limit::AtMost(9)),
        IamStep::DeletePolicy(policy),
        IamStep::DeleteGroup(group),
        IamStep::DeleteApplication(application),
        IamStep::DeleteUser(user),
    ]
}

pub async fn a_scope_counts_the_marks_of_bearers_and_nothing_else_of_iam(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let (here, _) = organization.new_namespace(&*store, "here").await;
    let (there, _) = other.new_namespace(&*store, "there").await;
    let mut steps: Vec<_> =
        iam_steps(organization).into_iter().map(|it| (Step::Iam(it), false)).collect();
    let user = organization.new_user(&*store, "marked").await;
    let application = organization.new_iam_application(&*store, "marked").await;
    for bearer in [Bearer::User(user.id), Bearer::Application(application.id)] {
        steps.push((Step::MarkBearer(bearer, organization.0, later(1)), true));
    }
    // A mark that is gone is another content, which needs another number.
    steps.push((Step::Iam(IamStep::UpdateUser(user.clone())), false));
    steps.push((Step::Iam(IamStep::DeleteUser(user)), true));
    steps.push((Step::Iam(IamStep::DeleteApplication(application)), true));
    for (number, (step, shows)) in steps.into_iter().enumerate() {
        let scope = TrustScope::Namespace(here.id);
        let before = sequences(&store, [here.id, there.id]).await;
        let told = state(&store, scope).await;
        organization.make(&*store, &step).await.unwrap();
        let after = sequences(&store, [here.id, there.id]).await;
        let rose: Vec<_> = before.iter().zip(after).map(|(it, after)| after > *it).collect();
        assert_eq!(rose, [shows, shows, false], "step {number}: {before:?} {after:?}");
        let is_other = state(&store, scope).await.bearers != told.bearers;
        assert_eq!(is_other, shows, "step {number}");
    }
}

/// What the audit log says of a change: what was done, to what kind of thing, and to which.
pub fn iam_entry(step: &IamStep) -> (&'static str, &'static str, String) {
    match step {
        IamStep::CreateUser(it, _) => ("created", "user", it.id.to_string()),
        IamStep::UpdateUser(it) => ("updated", "user", it.id.to_string()),
        IamStep::SetPassword(it, _) => ("updated", "user", it.id.to_string()),
        IamStep::DeleteUser(it) => ("deleted", "user", it.id.to_string()),
        IamStep::CreateApplication(it) => ("created", "application", it.id.to_string()),
        IamStep::UpdateApplication(it) => ("updated", "application", it.id.to_string()),
        IamStep::DeleteApplication(it) => ("deleted", "application", it.id.to_string()),
        IamStep::CreateGroup(it) => ("created", "group", it.id.to_string()),
        IamStep::UpdateGroup(it) => ("updated", "group", it.id.to_string()),
        IamStep::SetMembers(it) => ("updated", "group", it.id.to_string()),
        IamStep::DeleteGroup(it) => ("deleted", "group", it.id.to_string()),
        IamStep::CreatePolicy(it, _) => ("created", "policy", it.id.to_string()),
        IamStep::UpdatePolicy(it) => ("updated", "policy", it.id.to_string()),
        IamStep::SetRules(it, _) => ("updated", "policy", it.id.to_string()),
        IamStep::DeletePolicy(it) => ("deleted", "policy", it.id.to_string()),
        IamStep::CreateApiKey(it, _) => ("created", "api_key", it.access_key.clone()),
        IamStep::UpdateApiKey(it) => ("updated", "api_key", it.access_key.clone()),
        IamStep::DeleteApiKey(it) => ("deleted", "api_key", it.access_key.clone()),
        IamStep::CreateSshKey(it) => ("created", "ssh_key", it.id.to_string()),
        IamStep::UpdateSshKey(it) => ("updated", "ssh_key", it.id.to_string()),
        IamStep::DeleteSshKey(it) => ("deleted", "ssh_key", it.id.to_string()),
        IamStep::SetQuota(_, quota, _) => ("updated", "quota", quota.name().to_owned()),
    }
}

/// Changes of what isn't there, or that need what isn't there.
pub async fn absent_iam_steps(store: &dyn Store, organization: Organization) -> Vec<Step> {
    let hash = Arc::new(PasswordHash("$argon2id$".to_owned()));
    let user = organization.user("absent");
    let application = organization.iam_application("absent");
    let group = organization.group("absent");
    let policy = organization.policy("absent", None);
    let nobody = Uuid::new_v4();
    let bearers = [Bearer::User(nobody), Bearer::Application(nobody)];
    let [(of_user, first), (of_application, second)] =
        bearers.map(|it| organization.api_key_of(it));
    let (mut elsewhere, third) = organization.api_key();
    elsewhere.default_project_id = nobody;
    let mut ssh_key = organization.ssh_key("absent");

    let (mut moved, _) = organization.new_api_key(store, organization.bearer()).await;
    moved.default_project_id = nobody;
    let empty = organization.new_group(store, "empty", &[]).await;
    let bare = organization.new_policy(store, None, &[]).await;
    let mut steps = vec![
        IamStep::UpdateUser(user.clone()),
        IamStep::SetPassword(user.clone(), hash),
        IamStep::DeleteUser(user),
        IamStep::UpdateApplication(application.clone()),
        IamStep::DeleteApplication(application),
        IamStep::UpdateGroup(group.clone()),
        IamStep::SetMembers(group.clone()),
        IamStep::DeleteGroup(group),
        IamStep::UpdatePolicy(policy.clone()),
        IamStep::SetRules(policy.clone(), vec![]),
        IamStep::SetRules(policy.clone(), vec![organization.rule(&["IAMManager"])]),
        IamStep::SetRules(bare.clone(), vec![Organization(nobody).rule(&["IAMManager"])]),
        IamStep::DeletePolicy(policy.clone()),
        IamStep::UpdateApiKey(of_user.clone()),
        IamStep::DeleteApiKey(of_user.clone()),
        IamStep::CreateApiKey(of_user, first),
        IamStep::CreateApiKey(of_application, second),
        IamStep::CreateApiKey(elsewhere, third),
        IamStep::UpdateApiKey(moved),
        IamStep::UpdateSshKey(ssh_key.clone()),
        IamStep::DeleteSshKey(ssh_key.clone()),
    ];
    ssh_key.project_id = nobody;
    steps.push(IamStep::CreateSshKey(ssh_key));
    for bearer in bearers {
        let mut group = empty.clone();
        group.add(bearer);
        steps.push(IamStep::SetMembers(group));
    }
    let bearers = bearers.map(PolicyPrincipal::Bearer);
    for principal in bearers.into_iter().chain([PolicyPrincipal::Group(nobody)]).map(Some) {
        let mut changed = bare.clone();
        changed.principal = principal;
        steps.push(IamStep::UpdatePolicy(changed));
        let policy = organization.policy("new", principal);
        steps.push(IamStep::CreatePolicy(policy, vec![]));
    }
    steps.into_iter().map(Step::Iam).collect()
}
