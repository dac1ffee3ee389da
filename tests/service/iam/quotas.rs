//! How much there may be of something.

use serde_json::{Value, json};
use testkit::api::good;

use super::{Organization, iam};
use crate::{Scene, make_token};

#[test]
fn each_quota_binds_at_its_number_and_lets_go_above() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let service = &organization.service;
    let Scene { namespace, function } = Scene::make(owner, "shop");
    make_token(owner, &function);
    let user = organization.user("ada");
    let application = organization.application("some");
    let policy = organization.policy(&json!({"application_id": application}), &json!([]));
    organization.key(&json!({"user_id": user}));
    organization.group("group");
    let key = super::SSH_KEY;
    good(owner.post(&iam("/ssh-keys"), &json!({"name": "one", "public_key": key})));
    let container = json!({"name": "c", "namespace_id": container_namespace(&organization),
        "registry_image": "registry.test/image:1"});
    good(owner.post(&owner.containers("/containers"), &container));
    let rule = || organization.everywhere(&["FunctionsReadOnly"]);

    // Its name, how many there are, what makes one more, and what is told of it.
    let cases: [(&str, u64, &str, String, Value); 11] = [
        ("namespaces", 2, "POST", owner.functions("/namespaces"), json!({"name": "more"})),
        (
            "functions",
            1,
            "POST",
            owner.functions("/functions"),
            json!({"name": "more", "namespace_id": namespace}),
        ),
        ("containers", 1, "POST", owner.containers("/containers"), {
            let mut more = container.clone();
            more["name"] = json!("more");
            more
        }),
        (
            "tokens_per_application",
            1,
            "POST",
            owner.functions("/tokens"),
            json!({"function_id": function}),
        ),
        ("api_keys_per_bearer", 1, "POST", iam("/api-keys"), json!({"user_id": user})),
        ("applications", 1, "POST", iam("/applications"), json!({"name": "more"})),
        ("users", 2, "POST", iam("/users"), json!({"email": "grace@issuer.test"})),
        ("groups", 1, "POST", iam("/groups"), json!({"name": "more"})),
        ("policies", 1, "POST", iam("/policies"), json!({"name": "more"})),
        (
            "rules_per_policy",
            0,
            "PUT",
            iam("/rules"),
            json!({"policy_id": policy, "rules": [rule()]}),
        ),
        ("ssh_keys", 1, "POST", iam("/ssh-keys"), json!({"name": "two", "public_key": key})),
    ];
    for (name, found, method, path, body) in cases {
        let set = |limit: &str| service.run(&["quota", "set", name, limit]);
        assert_eq!(set(&found.to_string()), format!("{name}: {found}\n"));
        let ask = || owner.send(method, &path, Some(body.to_string().as_bytes()));
        let answer = ask();
        assert_eq!(answer.status, 403, "{name}");
        let body = answer.json();
        let details = json!([{"resource": name, "quota": found, "current": found}]);
        assert_eq!(
            (&body["type"], &body["details"]),
            (&json!("quotas_exceeded"), &details),
            "{body}"
        );
        let shown = good(owner.get(&iam(&format!("/quota/{name}"))));
        assert_eq!(shown["limit"], found, "{shown}");
        assert_eq!(shown["limits"], json!([{"global": true, "limit": found}]));
        set(&(found + 1).to_string());
        good(ask());
        set("unlimited");
        assert_eq!(good(owner.get(&iam(&format!("/quota/{name}"))))["unlimited"], true);
    }
    // Tokens of a namespace as a whole have none.
    service.run(&["quota", "set", "tokens_per_application", "0"]);
    good(owner.post(&owner.functions("/tokens"), &json!({"namespace_id": namespace})));
}

fn container_namespace(organization: &Organization) -> String {
    let client = &organization.owner;
    crate::make_namespace(client, &client.containers("/namespaces"), "containers")
}

#[test]
fn quotas_are_listed_by_name_and_have_defaults() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let list = good(owner.get(&iam("/quota")));
    assert_eq!(list["total_count"], 11);
    let found: Vec<_> = list["quota"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it["limit"].as_u64().unwrap()))
        .collect();
    assert!(found.is_sorted(), "{found:?}");
    for (name, limit) in found {
        let expected = if name == "tokens_per_application" { 1_000_000 } else { 10_000 };
        assert_eq!(limit, expected, "{name}");
    }
    let some =
        good(owner.get(&iam("/quota?quotum_names=users&quotum_names=groups&order_by=name_desc")));
    let names: Vec<_> = some["quota"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["users", "groups"]);
    assert_eq!(owner.get(&iam("/quota/nothing")).status, 404);
    let shown = organization.service.run(&["quota", "list"]);
    assert!(shown.contains("users                   10000\n"), "{shown}");
}
