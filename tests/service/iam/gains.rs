//! Nobody gains rights by the API.

use std::thread;

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::http::Response;

use super::{Organization, answers, denied, iam};

/// A right that isn't in any set for IAM.
const STRONG: &str = "FunctionsFullAccess";

/// Somebody strong, somebody weak, and what each of them is in.
struct Scene {
    organization: Organization,
    owner_id: String,
    strong_application: String,
    strong_user: String,
    strong_group: String,
    strong_policy: String,
    weak_application: String,
    weak_user: String,
}

impl Scene {
    fn new() -> Self {
        let organization = Organization::new();
        let owner = &organization.owner;
        let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
        let own = good(owner.get(&iam(&format!("/api-keys/{access_key}"))));
        let owner_id = member(&own, "user_id").to_owned();
        let strong = json!([organization.everywhere(&[STRONG])]);
        let strong_application = organization.application("strong");
        organization.policy(&json!({"application_id": strong_application}), &strong);
        let strong_user = organization.user("strong");
        organization.policy(&json!({"user_id": strong_user}), &strong);
        let strong_group = organization.group("strong");
        organization.policy(&json!({"group_id": strong_group}), &strong);
        let strong_policy = organization.policy(&json!({"no_principal": true}), &strong);
        let weak_application = organization.application("weak");
        let weak_user = organization.user("weak");
        Self {
            owner_id,
            strong_application,
            strong_user,
            strong_group,
            strong_policy,
            weak_application,
            weak_user,
            organization,
        }
    }

    fn caller(&self, sets: &[&str]) -> Client {
        let rules: Vec<_> = sets.iter().map(|set| self.organization.everywhere(&[set])).collect();
        self.organization.caller("caller", &json!(rules)).1
    }

    fn strong_rules(&self) -> Value {
        json!([self.organization.everywhere(&[STRONG])])
    }
}

#[track_caller]
fn would_gain(answer: &Response, action: &str, resource: &str) {
    denied(answer, action, resource);
    let body = answer.json();
    assert!(
        member(&body, "help_message").contains("the owner or an IAMManager can do it"),
        "{body}"
    );
}

#[test]
fn a_key_is_made_for_nobody_who_is_stronger() {
    let scene = Scene::new();
    let keys = iam("/api-keys");
    let manager = scene.caller(&["IAMApplicationManager"]);
    let strong = json!({"application_id": scene.strong_application});
    would_gain(&manager.post(&keys, &strong), "create", "api_key");
    good(manager.post(&keys, &json!({"application_id": scene.weak_application})));
    // Through a group, too.
    let member = json!({"application_id": scene.weak_application});
    let path = iam(&format!("/groups/{}/add-member", scene.strong_group));
    good(scene.organization.owner.post(&path, &member));
    would_gain(&manager.post(&keys, &member), "create", "api_key");
    // With the same right, or all of IAM, it is.
    good(scene.caller(&["IAMApplicationManager", STRONG]).post(&keys, &strong));
    good(scene.caller(&["IAMManager"]).post(&keys, &strong));
    // The sets for users only list their keys.
    let users = scene.caller(&["IAMUserManager"]);
    denied(&users.post(&keys, &json!({"user_id": scene.weak_user})), "create", "api_key");
    // A condition that holds now may not later.
    let mut rule = scene.organization.everywhere(&[STRONG]);
    rule["condition"] = json!("1 == 1");
    let rules = json!([rule, scene.organization.everywhere(&["IAMApplicationManager"])]);
    let (_, conditional) = scene.organization.caller("conditional", &rules);
    would_gain(&conditional.post(&keys, &strong), "create", "api_key");
}

#[test]
fn a_key_that_is_about_to_end_isn_t_prolonged_for_somebody_stronger() {
    let scene = Scene::new();
    let body = json!({"application_id": scene.strong_application,
        "expires_at": "2100-01-01T00:00:00Z"});
    let made = good(scene.organization.owner.post(&iam("/api-keys"), &body));
    let path = iam(&format!("/api-keys/{}", member(&made, "access_key")));
    let manager = scene.caller(&["IAMApplicationManager"]);
    let later = json!({"expires_at": "2101-01-01T00:00:00Z"});
    would_gain(&manager.patch(&path, &later), "edit", "api_key");
    good(manager.patch(&path, &json!({"expires_at": "2099-01-01T00:00:00Z"})));
    good(manager.patch(&path, &json!({"description": "soon over"})));
}

#[test]
fn nobody_puts_themselves_or_others_into_a_stronger_group() {
    let scene = Scene::new();
    let manager = scene.caller(&["IAMGroupManager"]);
    let group = &scene.strong_group;
    let weak = json!({"application_id": scene.weak_application});
    let several = json!({"application_ids": [scene.weak_application], "user_ids": []});
    for (method, path, body) in [
        ("POST", "add-member", &weak),
        ("POST", "add-members", &several),
        ("PUT", "members", &several),
    ] {
        let path = iam(&format!("/groups/{group}/{path}"));
        let body = body.to_string();
        would_gain(&manager.send(method, &path, Some(body.as_bytes())), "edit", "group");
    }
    let empty = scene.organization.group("empty");
    good(manager.post(&iam(&format!("/groups/{empty}/add-member")), &weak));
    // And to be taken out gives nothing.
    good(scene.organization.owner.post(&iam(&format!("/groups/{group}/add-member")), &weak));
    good(manager.post(&iam(&format!("/groups/{group}/remove-member")), &weak));
    // What the group gets later is the business of whoever attaches it.
    let policies = scene.caller(&["IAMPolicyManager"]);
    let body = json!({"name": "p", "group_id": empty, "rules": scene.strong_rules()});
    would_gain(&policies.post(&iam("/policies"), &body), "create", "policy");
}

#[test]
fn nobody_attaches_or_fills_a_policy_beyond_their_own_rights() {
    let scene = Scene::new();
    let manager = scene.caller(&["IAMPolicyManager"]);
    let weak = json!({"application_id": scene.weak_application});
    let mut body = json!({"name": "p", "rules": scene.strong_rules()});
    body["application_id"] = weak["application_id"].clone();
    would_gain(&manager.post(&iam("/policies"), &body), "create", "policy");
    let path = iam(&format!("/policies/{}", scene.strong_policy));
    would_gain(&manager.patch(&path, &weak), "edit", "policy");
    let rules = |policy: &str, rules: Value| json!({"policy_id": policy, "rules": rules});
    let attached = scene.organization.policy(&weak, &json!([]));
    let strong = rules(&attached, scene.strong_rules());
    would_gain(&manager.put(&iam("/rules"), &strong), "edit", "policy");
    let iam_manager = rules(&attached, json!([scene.organization.everywhere(&["IAMManager"])]));
    would_gain(&manager.put(&iam("/rules"), &iam_manager), "edit", "policy");
    // A copy is for whoever the original is for.
    let original = json!({"application_id": scene.strong_application});
    let original = scene.organization.policy(&original, &scene.strong_rules());
    would_gain(
        &manager.post(&iam(&format!("/policies/{original}/clone")), &json!({})),
        "create",
        "policy",
    );
    // What they have themselves they hand out; less is always fine.
    let own = json!([scene.organization.everywhere(&["IAMPolicyReadOnly"])]);
    good(manager.put(&iam("/rules"), &rules(&attached, own)));
    good(manager.put(&iam("/rules"), &rules(&attached, json!([]))));
    good(manager.put(&iam("/rules"), &rules(&original, json!([]))));
    good(scene.caller(&["IAMPolicyManager", STRONG]).put(&iam("/rules"), &strong));
    good(scene.caller(&["IAMManager"]).put(&iam("/rules"), &strong));
}

/// Everything that IAMManager's operations are is in OrganizationManager, and what comes of the former
/// isn't.
#[test]
fn nobody_who_manages_less_comes_to_manage_iam() {
    let scene = Scene::new();
    let organization = &scene.organization;
    let manager = scene.caller(&["OrganizationManager"]);
    let iam_manager = json!([organization.everywhere(&["IAMManager"])]);
    let (other, _) = organization.caller("iam", &iam_manager);
    let mut body = json!({"name": "p", "rules": iam_manager});
    body["application_id"] = json!(scene.weak_application);
    would_gain(&manager.post(&iam("/policies"), &body), "create", "policy");
    let key = json!({"application_id": other});
    would_gain(&manager.post(&iam("/api-keys"), &key), "create", "api_key");
    let group = organization.group("managers");
    organization.policy(&json!({"group_id": group}), &iam_manager);
    let path = iam(&format!("/groups/{group}/add-member"));
    let weak = json!({"application_id": scene.weak_application});
    would_gain(&manager.post(&path, &weak), "edit", "group");
    // Nor by taking a condition away.
    let mut rule = organization.everywhere(&["IAMManager"]);
    rule["condition"] = json!("1 == 2");
    let attached = organization.policy(&weak, &json!([rule]));
    let body = json!({"policy_id": attached, "rules": iam_manager});
    would_gain(&manager.put(&iam("/rules"), &body), "edit", "policy");
}

/// What somebody makes next would be where the caller may do more.
#[test]
fn nobody_moves_the_default_project_of_a_stronger_key() {
    let scene = Scene::new();
    let organization = &scene.organization;
    let project = organization.project("theirs");
    let (key, _) = organization.key(&json!({"application_id": scene.strong_application}));
    let manager = scene.caller(&["IAMApplicationManager"]);
    let path = iam(&format!("/api-keys/{key}"));
    let moved = json!({"default_project_id": project});
    would_gain(&manager.patch(&path, &moved), "edit", "api_key");
    good(organization.owner.patch(&path, &moved));
}

/// A condition of one's own holds now, and may not later.
#[test]
fn nobody_keeps_rights_that_a_condition_ends() {
    let scene = Scene::new();
    let organization = &scene.organization;
    let mut rule = organization.everywhere(&["IAMApplicationManager"]);
    rule["condition"] = json!("request.time < timestamp('2100-01-01T00:00:00Z')");
    let (application, client) = organization.caller("for a while", &json!([rule]));
    let own = json!({"application_id": application});
    would_gain(&client.post(&iam("/api-keys"), &own), "create", "api_key");
}

#[test]
fn nobody_takes_over_a_stronger_user_or_the_owner() {
    let scene = Scene::new();
    let owner = &scene.organization.owner;
    let manager = scene.caller(&["IAMUserManager"]);
    for (user, is_weaker) in
        [(&scene.owner_id, false), (&scene.strong_user, false), (&scene.weak_user, true)]
    {
        let at = |rest: &str| iam(&format!("/users/{user}{rest}"));
        let answers = [
            manager.post(&at("/update-password"), &json!({"password": "correct horse"})),
            manager.post(&at("/update-username"), &json!({"username": format!("x{user}")})),
            manager.patch(&at(""), &json!({"email": format!("{user}@issuer.test")})),
        ];
        for answer in answers {
            match is_weaker {
                true => drop(good(answer)),
                false => would_gain(&answer, "edit", "user"),
            }
        }
        // Nobody signs in by a name that isn't the user's.
        good(manager.patch(&at(""), &json!({"first_name": "Ada", "tags": ["t"]})));
        if user != &scene.owner_id {
            good(manager.post(&at("/lock"), &json!({})));
            let answer = manager.post(&at("/unlock"), &json!({}));
            match is_weaker {
                true => drop(good(answer)),
                false => would_gain(&answer, "edit", "user"),
            }
        }
    }
    good(scene.caller(&["IAMManager"]).post(
        &iam(&format!("/users/{}/update-password", scene.owner_id)),
        &json!({"password": "correct horse"}),
    ));
    good(owner.get(&iam("/users")));
}

#[test]
fn the_owner_stays() {
    let scene = Scene::new();
    let manager = scene.caller(&["IAMManager"]);
    let user = format!("/users/{}", scene.owner_id);
    for client in [&manager, &scene.organization.owner] {
        for answer in
            [client.delete(&iam(&user)), client.post(&iam(&format!("{user}/lock")), &json!({}))]
        {
            answers(&answer, 412);
            assert_eq!(answer.json()["type"], "precondition_failed");
        }
    }
    let shown = good(manager.get(&iam(&user)));
    assert_eq!(
        (&shown["deletable"], &shown["locked"], &shown["type"]),
        (&json!(false), &json!(false), &json!("owner"))
    );
    // Policies take nothing from the owner, and give nothing.
    let policy = scene.organization.policy(&json!({"user_id": scene.owner_id}), &json!([]));
    good(scene.organization.owner.get(&iam(&format!("/policies/{policy}"))));
}

/// While one request makes a group strong, another one puts somebody weak into it; neither alone may
/// do both, so never are both done.
#[test]
fn two_requests_at_once_do_not_slip_past_each_other() {
    let scene = Scene::new();
    let organization = &scene.organization;
    let owner = &organization.owner;
    let groups = scene.caller(&["IAMGroupManager"]);
    let policies = scene.caller(&["IAMPolicyManager", STRONG]);
    for round in 0..20 {
        let group = organization.group(&format!("race-{round}"));
        let policy = organization.policy(&json!({"group_id": group}), &json!([]));
        let body = json!({"policy_id": policy, "rules": scene.strong_rules()});
        let path = iam(&format!("/groups/{group}/add-member"));
        let member = json!({"application_id": scene.weak_application});
        let (added, filled) = thread::scope(|scope| {
            let added = scope.spawn(|| groups.post(&path, &member));
            let filled = scope.spawn(|| policies.put(&iam("/rules"), &body));
            (added.join().unwrap(), filled.join().unwrap())
        });
        // Whoever fills the policy has the right, so it is done whenever it comes; whoever adds the
        // member hasn't it, so it is done only before.
        answers(&filled, 200);
        let logs = good(owner.get(&iam("/logs?page_size=10&order_by=created_at_desc")));
        let order: Vec<_> = logs["logs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| [&group, &policy].contains(&&member_of(it, "resource_id")))
            .filter(|it| it["action"] == "updated")
            .map(|it| member_of(it, "resource_id"))
            .collect();
        match added.status {
            200 => assert_eq!(order, [policy, group], "added before"),
            403 => assert_eq!(order, [policy], "not added after"),
            other => panic!("{other}"),
        }
    }
}

fn member_of(object: &Value, name: &str) -> String {
    member(object, name).to_owned()
}

/// The last place of a quota is given once, however many ask at once.
#[test]
fn many_requests_at_once_do_not_slip_past_a_quota() {
    let organization = Organization::new();
    let service = &organization.service;
    service.run(&["quota", "set", "groups", "5"]);
    let statuses: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = (0..20)
            .map(|number| {
                let client = organization.owner.clone();
                let body = json!({"name": format!("group-{number}")});
                scope.spawn(move || client.post(&iam("/groups"), &body).status)
            })
            .collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(200), count(403)), (5, 15), "{statuses:?}");
    let found = good(organization.owner.get(&iam("/groups?page_size=100")));
    assert_eq!(found["total_count"], 5);
    let ids: Vec<_> = found["groups"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids.len(), 5);
}
