//! Each operation of the API, asked for by each kind of caller.

mod operations;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::api::{Client, good, member};
use testkit::http::{Response, text};

use operations::{Of, Operation, operations};
use scene::{Kind, Scene};

use super::iam;
use super::organizations::other_owner;

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
        Who::OtherOrganization => other_owner(&scene.organization),
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
