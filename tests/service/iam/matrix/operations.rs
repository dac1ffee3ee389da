//! The operations that the API has.

use serde_json::{Value, json};

use super::scene::{Kind, Scene};
use crate::iam::SSH_KEY;

/// Of what an operation is, and so how somebody who has other rights is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Of a thing that has an id, in a project.
    Project,
    /// Of a thing that has an id, in the organization as a whole.
    Organization,
    /// Of a list of what is in projects.
    ListInProjects,
    /// Of a list of what is in the organization.
    ListInOrganization,
    /// Of something new, in what another organization's caller has too.
    New,
}

/// One operation, with what it takes to be done.
pub struct Operation {
    pub name: &'static str,
    pub of: Of,
    /// What it is asked of, in place of the name in its path.
    pub target: Option<Kind>,
    pub query: fn(&Scene) -> String,
    pub body: fn(&Scene) -> Value,
}

fn no_query(_: &Scene) -> String {
    String::new()
}

fn no_body(_: &Scene) -> Value {
    json!({})
}

/// The table: what each operation is of, what it is asked of, and what it is given.
#[rustfmt::skip]
pub fn operations() -> Vec<Operation> {
    use Kind::*;
    use Of::{ListInOrganization, ListInProjects, New, Organization, Project};
    let op = |name, of, target, query, body| Operation { name, of, target, query, body };
    vec![
        op("Functions.v1beta1.ListNamespaces", ListInProjects, None, no_query, no_body),
        op("Functions.v1beta1.CreateNamespace", New, None, no_query, |s| json!({"name": s.name("namespace")})),
        op("Functions.v1beta1.GetNamespace", Project, Some(FunctionNamespace), no_query, no_body),
        op("Functions.v1beta1.UpdateNamespace", Project, Some(FunctionNamespace), no_query, no_body),
        op("Functions.v1beta1.DeleteNamespace", Project, Some(FunctionNamespace), no_query, no_body),
        op("Functions.v1beta1.ListFunctions", ListInProjects, None, |s| format!("namespace_id={}", s.function_namespace), no_body),
        op("Functions.v1beta1.CreateFunction", Project, None, no_query, |s| json!({"name": s.name("f"), "namespace_id": s.function_namespace})),
        op("Functions.v1beta1.GetFunction", Project, Some(Function), no_query, no_body),
        op("Functions.v1beta1.UpdateFunction", Project, Some(Function), no_query, no_body),
        op("Functions.v1beta1.DeleteFunction", Project, Some(Function), no_query, no_body),
        op("Functions.v1beta1.DeployFunction", Project, Some(Function), no_query, no_body),
        op("Functions.v1beta1.ListTokens", ListInProjects, None, no_query, no_body),
        op("Functions.v1beta1.CreateToken", Project, None, no_query, |s| json!({"function_id": s.function})),
        op("Functions.v1beta1.GetToken", Project, Some(FunctionToken), no_query, no_body),
        op("Functions.v1beta1.DeleteToken", Project, Some(FunctionToken), no_query, no_body),
        op("Functions.v1beta1.IssueJWT", Project, None, |s| format!("function_id={}", s.function), no_body),
        op("Containers.v1beta1.ListNamespaces", ListInProjects, None, no_query, no_body),
        op("Containers.v1beta1.CreateNamespace", New, None, no_query, |s| json!({"name": s.name("namespace")})),
        op("Containers.v1beta1.GetNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1beta1.UpdateNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1beta1.DeleteNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1beta1.ListContainers", ListInProjects, None, |s| format!("namespace_id={}", s.container_namespace), no_body),
        op("Containers.v1beta1.CreateContainer", Project, None, no_query, |s| json!({"name": s.name("c"), "namespace_id": s.container_namespace})),
        op("Containers.v1beta1.GetContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1beta1.UpdateContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1beta1.DeleteContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1beta1.DeployContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1beta1.ListTokens", ListInProjects, None, no_query, no_body),
        op("Containers.v1beta1.CreateToken", Project, None, no_query, |s| json!({"container_id": s.container})),
        op("Containers.v1beta1.GetToken", Project, Some(ContainerToken), no_query, no_body),
        op("Containers.v1beta1.DeleteToken", Project, Some(ContainerToken), no_query, no_body),
        op("Containers.v1beta1.IssueJWT", Project, None, |s| format!("container_id={}", s.container), no_body),
        op("Containers.v1.ListNamespaces", ListInProjects, None, no_query, no_body),
        op("Containers.v1.CreateNamespace", New, None, no_query, |s| json!({"name": s.name("namespace")})),
        op("Containers.v1.GetNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1.UpdateNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1.DeleteNamespace", Project, Some(ContainerNamespace), no_query, no_body),
        op("Containers.v1.ListContainers", ListInProjects, None, no_query, no_body),
        op("Containers.v1.CreateContainer", Project, None, no_query, |s| json!({"name": s.name("c"), "namespace_id": s.container_namespace, "image": "registry.test/image:1"})),
        op("Containers.v1.GetContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1.UpdateContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1.DeleteContainer", Project, Some(Container), no_query, no_body),
        op("Containers.v1.RedeployContainer", Project, Some(Container), no_query, no_body),
        op("Account.v3.ListProjects", ListInOrganization, None, no_query, no_body),
        op("Account.v3.CreateProject", New, None, no_query, |s| json!({"name": s.name("project")})),
        op("Account.v3.GetProject", Organization, Some(Kind::Project), no_query, no_body),
        op("Account.v3.UpdateProject", Organization, Some(Kind::Project), no_query, no_body),
        op("Account.v3.DeleteProject", Organization, Some(Kind::Project), no_query, no_body),
        op("IAM.v1alpha1.ListSSHKeys", ListInProjects, None, no_query, no_body),
        op("IAM.v1alpha1.CreateSSHKey", New, None, no_query, |s| json!({"name": s.name("ssh"), "public_key": SSH_KEY})),
        op("IAM.v1alpha1.GetSSHKey", Project, Some(SshKey), no_query, no_body),
        op("IAM.v1alpha1.UpdateSSHKey", Project, Some(SshKey), no_query, no_body),
        op("IAM.v1alpha1.DeleteSSHKey", Project, Some(SshKey), no_query, no_body),
        op("IAM.v1alpha1.ListUsers", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.CreateUser", New, None, no_query, |s| json!({"email": format!("{}@issuer.test", s.name("guest"))})),
        op("IAM.v1alpha1.GetUser", Organization, Some(User), no_query, no_body),
        op("IAM.v1alpha1.UpdateUser", Organization, Some(User), no_query, no_body),
        op("IAM.v1alpha1.DeleteUser", Organization, Some(User), no_query, no_body),
        op("IAM.v1alpha1.LockUser", Organization, Some(User), no_query, no_body),
        op("IAM.v1alpha1.UnlockUser", Organization, Some(User), no_query, no_body),
        op("IAM.v1alpha1.UpdateUserUsername", Organization, Some(User), no_query, |s| json!({"username": s.name("renamed")})),
        op("IAM.v1alpha1.UpdateUserPassword", Organization, Some(User), no_query, |_| json!({"password": "correct horse"})),
        op("IAM.v1alpha1.ListGracePeriods", Organization, None, |s| format!("user_id={}", s.user), no_body),
        op("IAM.v1alpha1.ListApplications", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.CreateApplication", New, None, no_query, |s| json!({"name": s.name("application")})),
        op("IAM.v1alpha1.GetApplication", Organization, Some(Application), no_query, no_body),
        op("IAM.v1alpha1.UpdateApplication", Organization, Some(Application), no_query, no_body),
        op("IAM.v1alpha1.DeleteApplication", Organization, Some(Application), no_query, no_body),
        op("IAM.v1alpha1.ListGroups", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.CreateGroup", New, None, no_query, |s| json!({"name": s.name("group")})),
        op("IAM.v1alpha1.GetGroup", Organization, Some(Group), no_query, no_body),
        op("IAM.v1alpha1.UpdateGroup", Organization, Some(Group), no_query, no_body),
        op("IAM.v1alpha1.DeleteGroup", Organization, Some(Group), no_query, no_body),
        op("IAM.v1alpha1.SetGroupMembers", Organization, Some(Group), no_query, |s| json!({"user_ids": [s.user]})),
        op("IAM.v1alpha1.AddGroupMember", Organization, Some(Group), no_query, |s| json!({"user_id": s.user})),
        op("IAM.v1alpha1.AddGroupMembers", Organization, Some(Group), no_query, |s| json!({"user_ids": [s.user]})),
        op("IAM.v1alpha1.RemoveGroupMember", Organization, Some(GroupWithUser), no_query, |s| json!({"user_id": s.user})),
        op("IAM.v1alpha1.ListPolicies", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.CreatePolicy", Organization, None, no_query, |s| json!({"name": s.name("policy"), "rules": [s.organization.everywhere(&["FunctionsReadOnly"])]})),
        op("IAM.v1alpha1.GetPolicy", Organization, Some(Policy), no_query, no_body),
        op("IAM.v1alpha1.UpdatePolicy", Organization, Some(Policy), no_query, no_body),
        op("IAM.v1alpha1.DeletePolicy", Organization, Some(Policy), no_query, no_body),
        op("IAM.v1alpha1.ClonePolicy", Organization, Some(Policy), no_query, no_body),
        op("IAM.v1alpha1.ListRules", Organization, None, |s| format!("policy_id={}", s.policy), no_body),
        op("IAM.v1alpha1.SetRules", Organization, None, no_query, |s| json!({"policy_id": s.policy, "rules": [s.organization.everywhere(&["FunctionsReadOnly"])]})),
        op("IAM.v1alpha1.ListPermissionSets", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.ListAPIKeys", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.CreateAPIKey", Organization, None, no_query, |s| json!({"user_id": s.user})),
        op("IAM.v1alpha1.GetAPIKey", Organization, Some(ApiKey), no_query, no_body),
        op("IAM.v1alpha1.UpdateAPIKey", Organization, Some(ApiKey), no_query, no_body),
        op("IAM.v1alpha1.DeleteAPIKey", Organization, Some(ApiKey), no_query, no_body),
        op("IAM.v1alpha1.ListQuota", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.GetQuotum", ListInOrganization, Some(Quota), no_query, no_body),
        op("IAM.v1alpha1.ListJWTs", ListInProjects, None, |s| format!("audience_id={}", s.owner_id), no_body),
        op("IAM.v1alpha1.GetJWT", Project, Some(FunctionToken), no_query, no_body),
        op("IAM.v1alpha1.DeleteJWT", Project, Some(FunctionToken), no_query, no_body),
        op("IAM.v1alpha1.ListLogs", ListInOrganization, None, no_query, no_body),
        op("IAM.v1alpha1.GetLog", Organization, Some(Log), no_query, no_body),
        op("Issuer.v1.RotateKey", Project, Some(FunctionNamespace), no_query, no_body),
        op("Issuer.v1.Revoke", Project, None, no_query, |s| json!({"jti": s.name("jti"), "namespace_id": s.function_namespace})),
        op("Issuer.v1.ListTrustKeys", Organization, None, no_query, no_body),
        op("Issuer.v1.RotateTrustKey", Organization, None, no_query, no_body),
        op("Issuer.v1.DropTrustKey", Organization, Some(TrustKey), no_query, no_body),
    ]
}
