//! Each operation of the API, asked for by each kind of caller.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::http::{Response, text};

use super::{Organization, SSH_KEY, iam};
use crate::{make_function, make_namespace, make_token};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    OtherOrganization,
    NoPolicy,
    ReadOnly,
    OtherProject,
    FalseCondition,
    Expired,
    Locked,
    InGroup,
    Owner,
}

const CALLERS: [Who; 10] = [
    Who::Nobody,
    Who::OtherOrganization,
    Who::NoPolicy,
    Who::ReadOnly,
    Who::OtherProject,
    Who::FalseCondition,
    Who::Expired,
    Who::Locked,
    Who::InGroup,
    Who::Owner,
];

/// Of what an operation is, and so how somebody who has other rights is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
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
struct Operation {
    name: &'static str,
    of: Of,
    /// What it is asked of, in place of the name in its path.
    target: Option<Kind>,
    query: fn(&Scene) -> String,
    body: fn(&Scene) -> Value,
}

/// A kind of thing, one of which is made for each operation that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    FunctionNamespace,
    ContainerNamespace,
    Function,
    Container,
    FunctionToken,
    ContainerToken,
    Project,
    SshKey,
    User,
    Application,
    Group,
    GroupWithUser,
    Policy,
    ApiKey,
    Log,
    Quota,
    TrustKey,
}

/// What there is, made by the owner.
struct Scene {
    organization: Organization,
    function_namespace: String,
    container_namespace: String,
    function: String,
    container: String,
    other_project: String,
    user: String,
    application: String,
    policy: String,
    owner_id: String,
    number: Cell<u32>,
}

impl Scene {
    fn new() -> Self {
        let organization = Organization::new();
        let client = &organization.owner;
        let path = client.functions("/namespaces");
        let function_namespace = make_namespace(client, &path, "functions");
        let path = client.containers("/namespaces");
        let container_namespace = make_namespace(client, &path, "containers");
        let function = make_function(client, &function_namespace, "first");
        let container = make_container(client, &container_namespace, "first");
        let other_project = organization.project("other");
        let (user, application) = (organization.user("somebody"), organization.application("some"));
        let policy = organization.policy(&json!({"application_id": application}), &json!([]));
        let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
        let own = good(client.get(&iam(&format!("/api-keys/{access_key}"))));
        let owner_id = member(&own, "user_id").to_owned();
        let number = Cell::new(0);
        Self {
            function_namespace,
            container_namespace,
            function,
            container,
            other_project,
            user,
            application,
            policy,
            owner_id,
            number,
            organization,
        }
    }

    fn name(&self, kind: &str) -> String {
        self.number.set(self.number.get() + 1);
        format!("{kind}-{}", self.number.get())
    }

    fn oldest_trust_key(&self) -> String {
        let keys = good(self.organization.owner.get("/issuer/v1/trust-keys"));
        id(&keys["trust_keys"][0]).to_owned()
    }

    /// How many changes there were.
    fn changes(&self) -> u64 {
        let logs = good(self.organization.owner.get(&iam("/logs?page_size=1")));
        logs["total_count"].as_u64().expect("a number")
    }

    /// Something new to ask for, by what stands for it in a path.
    fn make(&self, kind: Kind) -> String {
        let (organization, client) = (&self.organization, &self.organization.owner);
        let made = |path: &str, body: Value| good(client.post(path, &body));
        match kind {
            Kind::FunctionNamespace => {
                make_namespace(client, &client.functions("/namespaces"), &self.name("namespace"))
            }
            Kind::ContainerNamespace => {
                make_namespace(client, &client.containers("/namespaces"), &self.name("namespace"))
            }
            Kind::Function => make_function(client, &self.function_namespace, &self.name("f")),
            Kind::Container => make_container(client, &self.container_namespace, &self.name("c")),
            Kind::FunctionToken => id(&make_token(client, &self.function)).to_owned(),
            Kind::ContainerToken => {
                let body = json!({"container_id": self.container});
                id(&made(&client.containers("/tokens"), body)).to_owned()
            }
            Kind::Project => organization.project(&self.name("project")),
            Kind::SshKey => {
                let body = json!({"name": self.name("ssh"), "public_key": SSH_KEY});
                id(&made(&iam("/ssh-keys"), body)).to_owned()
            }
            Kind::User => organization.user(&self.name("user")),
            Kind::Application => organization.application(&self.name("application")),
            Kind::Group => organization.group(&self.name("group")),
            Kind::GroupWithUser => {
                let group = organization.group(&self.name("group"));
                let path = iam(&format!("/groups/{group}/add-member"));
                made(&path, json!({"user_id": self.user}));
                group
            }
            Kind::Policy => {
                let principal = json!({"application_id": self.application});
                organization.policy(&principal, &json!([]))
            }
            Kind::ApiKey => organization.key(&json!({"user_id": self.user})).0,
            Kind::Log => {
                let logs = good(client.get(&iam("/logs?page_size=1")));
                id(&logs["logs"][0]).to_owned()
            }
            Kind::Quota => "users".to_owned(),
            Kind::TrustKey => {
                made("/issuer/v1/trust-keys", json!({}));
                self.oldest_trust_key()
            }
        }
    }
}

fn make_container(client: &Client, namespace: &str, name: &str) -> String {
    let body = json!({
        "name": name, "namespace_id": namespace, "registry_image": "registry.test/image:1",
    });
    id(&good(client.post(&client.containers("/containers"), &body))).to_owned()
}

fn no_query(_: &Scene) -> String {
    String::new()
}

fn no_body(_: &Scene) -> Value {
    json!({})
}

/// The table: what each operation is of, what it is asked of, and what it is given.
#[rustfmt::skip]
fn operations() -> Vec<Operation> {
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

/// What the status has to be.
fn expected(who: Who, of: Of, is_reading: bool, done: u16) -> u16 {
    match (who, of) {
        (Who::Nobody | Who::Expired | Who::Locked, _) => 401,
        (Who::InGroup | Who::Owner, _) => done,
        (Who::NoPolicy | Who::FalseCondition, _) => 403,
        (Who::ReadOnly, _) if is_reading => done,
        (Who::ReadOnly, _) => 403,
        // An empty list.
        (Who::OtherProject, Of::ListInProjects) => 200,
        (Who::OtherProject, _) => 403,
        (Who::OtherOrganization, Of::ListInProjects | Of::ListInOrganization | Of::New) => done,
        (Who::OtherOrganization, Of::Project | Of::Organization) => 404,
    }
}

/// All that there are rules for.
fn everything(scene: &Scene, condition: &str) -> Value {
    let rule = |sets: &[&str]| {
        let mut rule = scene.organization.everywhere(sets);
        rule["condition"] = json!(condition);
        rule
    };
    json!([
        rule(&["AllProductsFullAccess", "SSHKeysFullAccess"]),
        rule(&["IAMManager", "OrganizationManager"]),
    ])
}

fn caller(scene: &Scene, who: Who) -> Client {
    let organization = &scene.organization;
    let owner = &organization.owner;
    let false_condition = "request.user_agent == 'nobody has this'";
    match who {
        Who::Nobody => owner.with_key(None),
        Who::Owner => owner.clone(),
        Who::OtherOrganization => other_owner(scene),
        Who::NoPolicy => organization.caller("no policy", &json!([])).1,
        Who::ReadOnly => {
            let rules = json!([
                organization.everywhere(&["AllProductsReadOnly", "SSHKeysReadOnly"]),
                organization.everywhere(&[
                    "IAMReadOnly",
                    "ProjectReadOnly",
                    "OrganizationReadOnly"
                ]),
            ]);
            organization.caller("read only", &rules).1
        }
        Who::OtherProject => {
            let rule = json!({
                "permission_set_names": ["AllProductsFullAccess", "SSHKeysFullAccess"],
                "project_ids": [scene.other_project],
            });
            organization.caller("other project", &json!([rule])).1
        }
        Who::FalseCondition => {
            organization.caller("false condition", &everything(scene, false_condition)).1
        }
        Who::Expired => {
            let application = organization.application("expired");
            organization.policy(&json!({"application_id": application}), &everything(scene, ""));
            let (key, client) = organization.key(&json!({"application_id": application}));
            let path = iam(&format!("/api-keys/{key}"));
            good(owner.patch(&path, &json!({"expires_at": "2020-01-01T00:00:00Z"})));
            client
        }
        Who::Locked => {
            let user = organization.user("locked");
            organization.policy(&json!({"user_id": user}), &everything(scene, ""));
            let (_, client) = organization.key(&json!({"user_id": user}));
            good(owner.post(&iam(&format!("/users/{user}/lock")), &json!({})));
            client
        }
        Who::InGroup => {
            let (application, client) = organization.caller("in group", &json!([]));
            let group = organization.group("everything");
            let path = iam(&format!("/groups/{group}/add-member"));
            good(owner.post(&path, &json!({"application_id": application})));
            organization.policy(&json!({"group_id": group}), &everything(scene, ""));
            client
        }
    }
}

/// The owner of another organization in the same database, where no operation makes one.
fn other_owner(scene: &Scene) -> Client {
    const MAKE: &str = "
import hashlib, sqlite3, sys, uuid
secret = uuid.uuid4()
hashed = hashlib.sha256(b'namespace-jwt api key v1\\0' + secret.bytes).digest()
# After the first one in every order.
organization, owner = b'\\xff' * 16, uuid.uuid4().bytes
with sqlite3.connect(sys.argv[1]) as database:
    database.execute('PRAGMA foreign_keys = ON')
    database.execute('INSERT INTO organizations VALUES (?, ?, 0, ?, ?)', (organization, owner, '', b''))
    database.execute('INSERT INTO projects VALUES (?, ?, ?, ?, 0, 0)', (organization, organization, '', ''))
    database.execute(
        'INSERT INTO users (id, organization_id, type, email, username, first_name, last_name,'
        ' phone_number, locale, tags, locked, created_at, updated_at)'
        ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)',
        (owner, organization, 'owner', '', 'owner', '', '', '', '', '[]'))
    database.execute(
        'INSERT INTO api_keys (access_key, secret_hash, user_id, organization_id,'
        ' default_project_id, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, 0, 0)',
        ('SCWOTHERORGANIZATION', hashed, owner, organization, organization, ''))
print(secret)
";
    let service = &scene.organization.service;
    let output = std::process::Command::new("python3")
        .args(["-c", MAKE])
        .arg(service.database())
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", testkit::processes::text_of(&output));
    scene.organization.owner.with_key(Some(text(&output.stdout).trim()))
}

/// The operations that the service has, with their method, path, permission and good status.
fn described(client: &Client) -> BTreeMap<String, (String, String, Value, u16)> {
    let description = good(client.get("/openapi.json"));
    let mut found = BTreeMap::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, it) in methods.as_object().expect("methods") {
            let Some(permission) = it.get("x-permission") else { continue };
            let statuses = it["responses"].as_object().expect("responses").keys();
            let done = statuses.filter_map(|it| it.parse().ok()).find(|it| (200..300).contains(it));
            let name = member(it, "operationId").to_owned();
            let it = (method.to_uppercase(), path.clone(), permission.clone(), done.expect("2xx"));
            found.insert(name, it);
        }
    }
    found
}

#[test]
fn each_operation_is_done_for_those_who_may_and_refused_to_all_others() {
    let scene = Scene::new();
    let owner = &scene.organization.owner;
    let described = described(owner);
    let operations = operations();
    let names: BTreeSet<_> = operations.iter().map(|it| it.name.to_owned()).collect();
    let all: BTreeSet<_> = described.keys().cloned().collect();
    assert_eq!(names, all, "the table here, and what the service has");
    let callers = CALLERS.map(|who| (who, caller(&scene, who)));
    let mut victims: BTreeMap<Kind, String> = BTreeMap::new();
    let mut number = 0_u32;
    for Operation { name, of, target, query, body } in &operations {
        let (method, path, permission, done) = &described[*name];
        let is_reading = ["read", "list"].contains(&member(permission, "action"));
        for (who, client) in &callers {
            let expected = expected(*who, *of, is_reading, *done);
            let is_done = expected == *done;
            let target = match target {
                None => String::new(),
                Some(kind) if is_done => scene.make(*kind),
                // Whoever is refused changes nothing, so all of them may ask for the same one.
                Some(Kind::TrustKey) => scene.oldest_trust_key(),
                Some(kind) => victims.entry(*kind).or_insert_with(|| scene.make(*kind)).clone(),
            };
            let mut path = path.replace("{region}", &client.region);
            for parameter in ["{id}", "{access_key}", "{name}", "{jti}"] {
                path = path.replace(parameter, &target);
            }
            let path = format!("{path}?{}", query(&scene));
            let body = ["POST", "PUT", "PATCH"].contains(&method.as_str()).then(|| body(&scene));
            let body = body.map(|body| body.to_string());
            let before = (!is_done).then(|| scene.changes());
            number += 1;
            // Each from an address of its own: so many failures from one are too many.
            let client = client.forwarded_for([10, 0, (number >> 8) as u8, number as u8].into());
            let answer = client.send(method, &path, body.as_deref().map(str::as_bytes));
            let context = format!("{name} as {who:?}: {}", text(&answer.body));
            assert_eq!(answer.status, expected, "{context}");
            if expected == 403 {
                assert_eq!(answer.json()["details"], json!([permission]), "{context}");
            }
            if *who == Who::OtherProject && expected == 200 {
                assert_eq!(answer.json()["total_count"], 0, "{context}");
            }
            if let Some(before) = before {
                assert_eq!(scene.changes(), before, "{context}");
            }
            undo(&scene, name, &answer);
        }
    }
}

/// There are two trust keys at most.
fn undo(scene: &Scene, name: &str, answer: &Response) {
    if name == "Issuer.v1.RotateTrustKey" && answer.status == 200 {
        let path = format!("/issuer/v1/trust-keys/{}", scene.oldest_trust_key());
        good(scene.organization.owner.delete(&path));
    }
}
