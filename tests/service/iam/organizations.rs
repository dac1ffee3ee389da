//! Two organizations in one database.

use serde_json::json;
use testkit::api::{Client, good, id};
use testkit::http::text;
use testkit::processes::text_of;

use super::{Organization, iam};
use crate::{make_function, make_namespace};

/// The owner of another organization in the same database, where no operation makes one.
pub fn other_owner(organization: &Organization) -> Client {
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
    let output = std::process::Command::new("python3")
        .args(["-c", MAKE])
        .arg(organization.service.database())
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", text_of(&output));
    organization.owner.with_key(Some(text(&output.stdout).trim()))
}

/// Paths are in the matrix; these are ids in bodies.
#[test]
fn a_body_can_t_name_what_another_organization_has() {
    let organization = Organization::new();
    let (own, other) = (&organization.owner, other_owner(&organization));
    let made = |path: &str, body| id(&good(other.post(path, &body))).to_owned();
    let project = made("/account/v3/projects", json!({"name": "theirs"}));
    let application = made(&iam("/applications"), json!({"name": "theirs"}));
    let user = made(&iam("/users"), json!({"email": "theirs@issuer.test"}));
    let group = made(&iam("/groups"), json!({"name": "theirs"}));
    let principal = json!({"name": "theirs", "application_id": application, "rules": []});
    let policy = made(&iam("/policies"), principal);
    let namespace = make_namespace(&other, &other.functions("/namespaces"), "theirs");
    let function = make_function(&other, &namespace, "theirs");

    let own_application = organization.application("own");
    let (own_key, _) = organization.key(&json!({"application_id": own_application}));
    let own_group = organization.group("own");
    let own_principal = json!({"application_id": own_application});
    let own_policy = organization.policy(&own_principal, &json!([]));
    let rules = json!([{"permission_set_names": ["FunctionsReadOnly"], "project_ids": [project]}]);
    let changes = || good(own.get(&iam("/logs?page_size=1")))["total_count"].clone();
    let before = changes();
    for (method, path, body) in [
        ("POST", own.functions("/namespaces"), json!({"name": "n", "project_id": project})),
        ("POST", own.containers("/namespaces"), json!({"name": "n", "project_id": project})),
        ("POST", own.functions("/functions"), json!({"name": "f", "namespace_id": namespace})),
        ("POST", own.functions("/tokens"), json!({"namespace_id": namespace})),
        ("POST", own.functions("/tokens"), json!({"function_id": function})),
        ("POST", iam("/ssh-keys"), json!({"public_key": super::SSH_KEY, "project_id": project})),
        ("POST", iam("/api-keys"), json!({"application_id": application})),
        ("POST", iam("/api-keys"), json!({"user_id": user})),
        (
            "POST",
            iam("/api-keys"),
            json!({"application_id": own_application, "default_project_id": project}),
        ),
        ("PATCH", iam(&format!("/api-keys/{own_key}")), json!({"default_project_id": project})),
        ("POST", iam("/policies"), json!({"name": "p", "application_id": application})),
        ("POST", iam("/policies"), json!({"name": "p", "user_id": user})),
        ("POST", iam("/policies"), json!({"name": "p", "group_id": group})),
        ("POST", iam("/policies"), json!({"name": "p", "no_principal": true, "rules": rules})),
        ("PATCH", iam(&format!("/policies/{own_policy}")), json!({"application_id": application})),
        ("PATCH", iam(&format!("/policies/{own_policy}")), json!({"user_id": user})),
        ("PATCH", iam(&format!("/policies/{own_policy}")), json!({"group_id": group})),
        ("PUT", iam("/rules"), json!({"policy_id": own_policy, "rules": rules})),
        ("PUT", iam("/rules"), json!({"policy_id": policy, "rules": []})),
        ("PUT", iam(&format!("/groups/{own_group}/members")), json!({"user_ids": [user]})),
        (
            "POST",
            iam(&format!("/groups/{own_group}/add-member")),
            json!({"application_id": application}),
        ),
        ("POST", iam(&format!("/groups/{own_group}/add-members")), json!({"user_ids": [user]})),
        ("POST", "/issuer/v1/revoke".to_owned(), json!({"jti": "a", "namespace_id": namespace})),
    ] {
        let answer = own.send(method, &path, Some(body.to_string().as_bytes()));
        let context = format!("{method} {path} {body}: {}", text(&answer.body));
        assert_eq!(answer.status, 404, "{context}");
        assert_eq!(changes(), before, "{context}");
    }
}
