//! What nobody may take from others, or learn of them, by what they may do.

use serde_json::{Value, json};
use testkit::api::{good, id, member};

use super::{Organization, answers, denied, iam};
use crate::{Scene, make_token};

#[test]
fn the_owner_keeps_a_key_to_come_in_with() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
    let path = iam(&format!("/api-keys/{access_key}"));
    let owner_id = member(&good(owner.get(&path)), "user_id").to_owned();
    let rules = json!([organization.everywhere(&["OrganizationManager"])]);
    let (_, manager) = organization.caller("manager", &rules);
    for caller in [&manager, owner] {
        for end in ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] {
            let answer = caller.patch(&path, &json!({"expires_at": end}));
            answers(&answer, 412);
            let body = answer.json();
            assert_eq!(body["type"], "precondition_failed", "{body}");
            assert!(member(&body, "help_message").contains("has to stay"), "{body}");
        }
        answers(&caller.delete(&path), 412);
        good(caller.patch(&path, &json!({"description": "the first"})));
    }
    // A key that is to end is no way in.
    let body = json!({"user_id": owner_id, "expires_at": "2100-01-01T00:00:00Z"});
    let brief = good(owner.post(&iam("/api-keys"), &body));
    answers(&owner.delete(&path), 412);
    answers(&manager.delete(&iam(&format!("/api-keys/{}", member(&brief, "access_key")))), 204);
    let (_, other) = organization.key(&json!({"user_id": owner_id}));
    answers(&manager.delete(&path), 204);
    answers(&owner.get(&iam("/users")), 401);
    good(other.get(&iam("/users")));
}

#[test]
fn rules_have_a_bound_in_all() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let rules: Vec<_> = (0..1_250).map(|_| organization.everywhere(&["VPCReadOnly"])).collect();
    let policy = organization.policy(&json!({"no_principal": true}), &json!(rules));
    let clone = |id: &str| owner.post(&iam(&format!("/policies/{id}/clone")), &json!({}));
    for _ in 0..14 {
        good(clone(&policy));
    }
    let last = id(&good(clone(&policy))).to_owned();
    let empty = organization.policy(&json!({"no_principal": true}), &json!([]));
    let one = json!({"policy_id": empty, "rules": [organization.everywhere(&["VPCReadOnly"])]});
    let put = |body: &Value| owner.send("PUT", &iam("/rules"), Some(body.to_string().as_bytes()));
    for answer in [clone(&policy), put(&one)] {
        answers(&answer, 403);
        let body = answer.json();
        assert_eq!(body["type"], "quotas_exceeded", "{body}");
        let details = json!([{"current": 20_000, "quota": 20_000, "resource": "rules"}]);
        assert_eq!(body["details"], details, "{body}");
    }
    good(put(&json!({"policy_id": last, "rules": []})));
    good(put(&one));
}

#[test]
fn who_deletes_a_project_chooses_no_other_for_somebody_else_s_keys() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let project = organization.project("empty");
    let program = organization.application("ci");
    let key = json!({"application_id": program, "default_project_id": project});
    let (access_key, _) = organization.key(&key);
    let rules = json!([
        organization.everywhere(&["ProjectManager"]),
        organization.everywhere(&["FunctionsFullAccess"]),
    ]);
    let (_, manager) = organization.caller("manager", &rules);
    let path = format!("/account/v3/projects/{project}");
    let answer = manager.delete(&path);
    answers(&answer, 412);
    assert!(member(&answer.json(), "help_message").contains("default project"), "{answer:?}");
    good(owner.patch(
        &iam(&format!("/api-keys/{access_key}")),
        &json!({"default_project_id": organization.id}),
    ));
    answers(&manager.delete(&path), 204);
    // The owner may choose for others.
    let project = organization.project("another");
    organization.key(&json!({"application_id": program, "default_project_id": project}));
    answers(&owner.delete(&format!("/account/v3/projects/{project}")), 204);
}

#[test]
fn errors_tell_nothing_of_what_others_have() {
    let organization = Organization::new();
    let owner = &organization.owner;
    Scene::make(owner, "shop");
    good(owner.post(&owner.functions("/namespaces"), &json!({"name": "more"})));
    organization.service.run(&["quota", "set", "namespaces", "1"]);
    let project = organization.project("one");
    let rules =
        json!([{"permission_set_names": ["AllProductsFullAccess"], "project_ids": [project]}]);
    let (strong, here) = organization.caller("here", &rules);
    let more = json!({"name": "third", "project_id": project});
    for (caller, current) in [(&here, 1), (owner, 2)] {
        let answer = caller.post(&caller.functions("/namespaces"), &more);
        answers(&answer, 403);
        let details = json!([{"current": current, "quota": 1, "resource": "namespaces"}]);
        assert_eq!(answer.json()["details"], details);
    }

    // A right that is missing is named, a project that isn't known to the caller is not.
    let rules = json!([organization.everywhere(&["IAMApplicationManager"])]);
    let (_, keys) = organization.caller("keys", &rules);
    let rules = json!([organization.everywhere(&["IAMApplicationManager", "ProjectReadOnly"])]);
    let (_, knows) = organization.caller("knows", &rules);
    for (caller, is_named) in [(&keys, false), (&knows, true)] {
        let answer = caller.post(&iam("/api-keys"), &json!({"application_id": strong}));
        denied(&answer, "create", "api_key");
        let help = member(&answer.json(), "help_message").to_owned();
        assert_eq!(help.contains(&project), is_named, "{help}");
        assert_eq!(help.contains(" in some project; "), !is_named, "{help}");
    }
}

#[test]
fn who_manages_users_doesn_t_revoke_their_tokens() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
    let own = good(owner.get(&iam(&format!("/api-keys/{access_key}"))));
    let Scene { function, .. } = Scene::make(owner, "shop");
    make_token(owner, &function);
    let path = "/issuer/v1/revocations";
    let of = |is_trial: bool| json!({"issued_before": "now", "bearer_id": member(&own, "user_id"), "dry_run": is_trial});
    let sets = |sets: &[&str]| -> Value {
        sets.iter().map(|set| organization.everywhere(&[set])).collect()
    };
    let (_, helpdesk) = organization.caller("helpdesk", &sets(&["IAMUserManager"]));
    let half = sets(&["IAMUserManager", "FunctionsFullAccess"]);
    let (_, half) = organization.caller("half", &half);
    for is_trial in [true, false] {
        denied(&helpdesk.post(path, &of(is_trial)), "delete", "function_token");
        denied(&half.post(path, &of(is_trial)), "delete", "container_token");
    }
    let both = sets(&["IAMUserManager", "FunctionsFullAccess", "ContainersFullAccess"]);
    for (name, sets) in [("both", both), ("iam", sets(&["IAMManager"]))] {
        let (_, caller) = organization.caller(name, &sets);
        assert_eq!(good(caller.post(path, &of(true)))["tokens"]["count"], 1, "{name}");
    }
}
