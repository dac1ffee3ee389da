//! What is kept of who did what: tokens by whoever made them, and the log of changes.

use serde_json::{Value, json};
use testkit::api::{good, id, member};

use super::{Organization, answers, denied, iam};
use crate::{Scene, make_container, make_token};

#[test]
fn tokens_are_listed_shown_and_revoked_by_whoever_made_them() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let Scene { function, .. } = Scene::make(owner, "shop");
    let (_, container) = make_container(owner, "box");
    let rules = json!([organization.everywhere(&["FunctionsFullAccess", "ContainersFullAccess"])]);
    let (application, client) = organization.caller("minter", &rules);
    let client = client.forwarded_for([192, 0, 2, 1].into());
    make_token(owner, &function);
    let made = good(client.post(
        &client.functions("/tokens"),
        &json!({"function_id": function, "expires_at": "2100-01-01T00:00:00Z"}),
    ));
    let boxed = json!({"container_id": container});
    let boxed = good(client.post(&client.containers("/tokens"), &boxed));

    let list = iam(&format!("/jwts?audience_id={application}"));
    let found = good(owner.get(&list));
    assert_eq!(found["total_count"], 2);
    let shown = &found["jwts"][0];
    assert_eq!(
        *shown,
        json!({
            "jti": id(&made),
            "issuer_id": application,
            "audience_id": application,
            "created_at": shown["created_at"],
            "updated_at": shown["created_at"],
            "expires_at": "2100-01-01T00:00:00Z",
            "ip": "192.0.2.1",
            "user_agent": "",
        })
    );
    let path = |jti: &str| iam(&format!("/jwts/{jti}"));
    assert_eq!(good(owner.get(&path(id(&made)))), *shown);
    assert_eq!(good(owner.get(&format!("{list}&expired=true")))["total_count"], 0);
    assert_eq!(good(owner.get(&format!("{list}&expired=false")))["total_count"], 2);
    assert_eq!(owner.get(&iam("/jwts")).status, 400, "audience_id is required");

    // What one may see and revoke is what one may see and revoke elsewhere.
    let functions = json!([organization.everywhere(&["FunctionsReadOnly"])]);
    let (_, reader) = organization.caller("reader", &functions);
    let found = good(reader.get(&list));
    assert_eq!((&found["total_count"], &found["jwts"][0]["jti"]), (&json!(1), &made["id"]));
    denied(&reader.get(&path(id(&boxed))), "read", "container_token");
    denied(&reader.delete(&path(id(&made))), "delete", "function_token");
    answers(&owner.delete(&path(id(&made))), 204);
    let gone = owner.get(&path(id(&made)));
    answers(&gone, 404);
    assert_eq!(gone.json()["resource"], "jwt");
    answers(&owner.get(&owner.functions(&format!("/tokens/{}", id(&made)))), 404);
    assert_eq!(good(owner.get(&list))["total_count"], 1);
}

/// Whether a token is good, revoked or unknown is no business of whoever may revoke none.
#[test]
fn revocations_tell_nothing_to_those_who_may_revoke_nothing() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let Scene { function, .. } = Scene::make(owner, "shop");
    let [live, revoked] = [(); 2].map(|()| make_token(owner, &function));
    good(owner.delete(&owner.functions(&format!("/tokens/{}", id(&revoked)))));
    let (_, nobody) = organization.caller("nobody", &json!([]));
    let elsewhere = organization.project("elsewhere");
    let rule = json!({"permission_set_names": ["FunctionsFullAccess"], "project_ids": [elsewhere]});
    let (_, other) = organization.caller("elsewhere", &json!([rule]));
    let path = "/issuer/v1/revocations";
    for dry_run in [true, false] {
        for jti in [id(&live), id(&revoked), crate::UNKNOWN] {
            let body = json!({"jti": jti, "dry_run": dry_run});
            denied(&nobody.post(path, &body), "create", "revocation");
        }
        let unknown = other.post(path, &json!({"jti": crate::UNKNOWN, "dry_run": dry_run}));
        let gone = other.post(path, &json!({"jti": id(&revoked), "dry_run": dry_run}));
        assert_eq!((unknown.status, &unknown.body), (gone.status, &gone.body));
    }
}

#[test]
fn every_change_is_in_the_log_and_found_by_what_it_says() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let begin = good(owner.get(&iam("/logs?order_by=created_at_desc")));
    let before = begin["total_count"].as_u64().unwrap();
    let from = owner.forwarded_for([192, 0, 2, 9].into());
    let group = id(&good(from.post(&iam("/groups"), &json!({"name": "one"})))).to_owned();
    good(from.patch(&iam(&format!("/groups/{group}")), &json!({"name": "two"})));
    answers(&from.delete(&iam(&format!("/groups/{group}"))), 204);
    // What is refused or only read leaves no entry.
    answers(&from.get(&iam(&format!("/groups/{group}"))), 404);
    answers(&from.post(&iam("/groups"), &json!({})), 400);

    let list = |rest: &str| {
        let found = good(owner.get(&iam(&format!("/logs?{rest}"))));
        let logs = found["logs"].as_array().unwrap().clone();
        (found["total_count"].as_u64().unwrap(), logs)
    };
    let search = format!("search={group}");
    let (total, logs) = list(&search);
    assert_eq!(total, 3);
    let actions: Vec<_> = logs.iter().map(|it| member(it, "action")).collect();
    assert_eq!(actions, ["created", "updated", "deleted"]);
    let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
    let owner_id = &good(owner.get(&iam(&format!("/api-keys/{access_key}"))))["user_id"];
    assert_eq!(
        logs[0],
        json!({
            "id": logs[0]["id"],
            "created_at": logs[0]["created_at"],
            "ip": "192.0.2.9",
            "user_agent": "",
            "action": "created",
            "bearer_id": owner_id,
            "organization_id": organization.id,
            "resource_type": "group",
            "resource_id": group,
        })
    );
    assert_eq!(good(owner.get(&iam(&format!("/logs/{}", id(&logs[0]))))), logs[0]);
    for (rest, expected) in [
        (format!("{search}&action=updated"), 1),
        (format!("{search}&action=unknown_action"), 3),
        (format!("{search}&resource_type=group"), 3),
        (format!("{search}&resource_type=unknown_resource_type"), 3),
        (format!("{search}&resource_type=user"), 0),
        (format!("{search}&created_before={}", time(&logs[1])), 1),
        (format!("{search}&created_after={}", time(&logs[1])), 2),
        (format!("search={}", owner_id.as_str().unwrap()), 3),
        ("search=nobody".to_owned(), 0),
        (format!("organization_id={}", crate::UNKNOWN), 0),
        (String::new(), before + 3),
    ] {
        assert_eq!(list(&rest).0, expected, "{rest}");
    }
    let (_, newest) = list("order_by=created_at_desc&page_size=1");
    assert_eq!(newest[0]["action"], "deleted");
    for rest in ["action=read", "order_by=name_asc", "created_after=yesterday"] {
        assert_eq!(owner.get(&iam(&format!("/logs?{rest}"))).status, 400, "{rest}");
    }
}

fn time(entry: &Value) -> String {
    member(entry, "created_at").replace(':', "%3A")
}

#[test]
fn who_changed_what_is_told_by_type_and_id() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let user = organization.user("ada");
    let application = organization.application("some");
    let policy = organization.policy(&json!({"application_id": application}), &json!([]));
    let (key, _) = organization.key(&json!({"user_id": user}));
    let logs = good(owner.get(&iam("/logs?page_size=100&action=created")));
    let found: Vec<_> = logs["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (member(it, "resource_type"), member(it, "resource_id")))
        .collect();
    for expected in [
        ("user", user.as_str()),
        ("application", application.as_str()),
        ("policy", policy.as_str()),
        ("api_key", key.as_str()),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
}

/// Nothing that signs anybody in is in an answer, the log of requests, or the database.
#[test]
fn passwords_are_kept_as_hashes_alone() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let password = "a very long secret 4711";
    let new = |username: &str, password: &str| {
        let member = json!({"email": format!("{username}@issuer.test"), "username": username,
            "password": password, "send_password_email": false, "send_welcome_email": false});
        owner.post(&iam("/users"), &json!({"member": member}))
    };
    let made = good(new("ada", password));
    assert_eq!(
        (&made["type"], &made["status"], &made["locale"]),
        (&json!("member"), &json!("activated"), &json!("en_US"))
    );
    assert!(!made.to_string().contains(password));
    let path = iam(&format!("/users/{}/update-password", id(&made)));
    let changed = good(owner.post(&path, &json!({"password": format!("{password}!")})));
    assert!(!changed.to_string().contains(password));
    for bad in ["short", "my-ADA-12345", &"x".repeat(129)] {
        answers(&owner.post(&path, &json!({"password": bad})), 400);
        answers(&new("my-ada", bad), 400);
    }
    // An empty one is none.
    good(new("grace", ""));
    answers(&owner.post(&path, &json!({"password": ""})), 400);
    let log = organization.service.log();
    assert!(!log.contains(password), "{log}");
    let database = std::fs::read(organization.service.database()).unwrap();
    let mut wal = organization.service.database().into_os_string();
    wal.push("-wal");
    let wal = std::fs::read(wal).unwrap_or_default();
    for bytes in [database, wal] {
        let is_there = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        assert!(!is_there(password));
    }
}
