//! Policies decide: from the request after they were changed.

use serde_json::{Value, json};
use testkit::api::{good, id};

use super::{Organization, answers, denied, iam};
use crate::{Scene, make_token};

#[test]
fn an_application_reads_mints_by_new_rules_and_loses_all_with_its_policy() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let Scene { function, .. } = Scene::make(owner, "shop");
    make_token(owner, &function);
    let application = organization.application("reader");
    let principal = json!({"application_id": application});
    let read_only = json!([organization.everywhere(&["FunctionsReadOnly"])]);
    let policy = organization.policy(&principal, &read_only);
    let (_, client) = organization.key(&principal);

    let tokens = client.functions("/tokens");
    let new = json!({"function_id": function});
    assert_eq!(good(client.get(&tokens))["total_count"], 1);
    denied(&client.post(&tokens, &new), "create", "function_token");

    let more = json!([organization.everywhere(&["FunctionsFullAccess"])]);
    let body = json!({"policy_id": policy, "rules": more});
    let set = good(owner.put(&iam("/rules"), &body));
    assert_eq!(set["rules"].as_array().map(Vec::len), Some(1), "{set}");
    assert_eq!(set.get("total_count"), None);
    let made = good(client.post(&tokens, &new));
    assert!(made["token"].is_string());

    answers(&owner.delete(&iam(&format!("/policies/{policy}"))), 204);
    denied(&client.post(&tokens, &new), "create", "function_token");
    denied(&client.get(&tokens), "list", "function_token");
}

#[test]
fn rules_that_can_t_be_are_refused_and_change_nothing() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let own = &organization.id;
    let application = organization.application("some");
    let rules = json!([organization.everywhere(&["FunctionsReadOnly", "ContainersReadOnly"])]);
    let policy = organization.policy(&json!({"application_id": application}), &rules);
    let of_policy = iam(&format!("/rules?policy_id={policy}"));
    let before = good(owner.get(&of_policy));
    let condition = |text: &str| {
        let mut rule = organization.everywhere(&["FunctionsReadOnly"]);
        rule["condition"] = json!(text);
        rule
    };
    for (what, rule, argument) in [
        (
            "an unknown set",
            organization.everywhere(&["FunctionsReadOnly", "ServerlessFunctionsFullAccess"]),
            "rules[0].permission_set_names",
        ),
        ("no set", organization.everywhere(&[]), "rules[0].permission_set_names"),
        (
            "no scope",
            json!({"permission_set_names": ["FunctionsReadOnly"]}),
            "rules[0].organization_id",
        ),
        (
            "two scopes",
            json!({"permission_set_names": ["FunctionsReadOnly"], "organization_id": own,
                "project_ids": [own]}),
            "rules[0].organization_id",
        ),
        (
            "sets of two scope types",
            organization.everywhere(&["FunctionsReadOnly", "IAMReadOnly"]),
            "rules[0].permission_set_names",
        ),
        (
            "a set of the organization in a project",
            json!({"permission_set_names": ["IAMReadOnly"], "project_ids": [own]}),
            "rules[0].project_ids",
        ),
        ("a condition that is none", condition("1 +"), "rules[0].condition"),
        ("a loop", condition("[1].all(x, x == 1)"), "rules[0].condition"),
        ("a long one", condition(&format!("1 == {}", "1".repeat(1000))), "rules[0].condition"),
        (
            "a deep one",
            condition(&format!("{}1{} == 1", "-(".repeat(40), ")".repeat(40))),
            "rules[0].condition",
        ),
        ("another name", condition("request.method == 'GET'"), "rules[0].condition"),
    ] {
        let body = json!({"policy_id": policy, "rules": [rule]});
        let answer = owner.put(&iam("/rules"), &body);
        answers(&answer, 400);
        let found = answer.json();
        assert_eq!(found["type"], "invalid_arguments", "{what}: {found}");
        assert_eq!(found["details"][0]["argument_name"], argument, "{what}: {found}");
        assert_eq!(good(owner.get(&of_policy)), before, "{what}");
    }
    let elsewhere = json!({"permission_set_names": ["FunctionsReadOnly"],
        "project_ids": [crate::UNKNOWN]});
    answers(&owner.put(&iam("/rules"), &json!({"policy_id": policy, "rules": [elsewhere]})), 404);
    assert_eq!(good(owner.get(&of_policy)), before);

    let none = good(owner.put(&iam("/rules"), &json!({"policy_id": policy, "rules": []})));
    assert_eq!(none, json!({"rules": []}));
    assert_eq!(good(owner.get(&of_policy)), json!({"rules": [], "total_count": 0}));
}

#[test]
fn a_condition_is_about_the_request_at_hand() {
    let organization = Organization::new();
    let rule = |condition: &str| {
        let mut rule = organization.everywhere(&["FunctionsReadOnly"]);
        rule["condition"] = json!(condition);
        json!([rule])
    };
    let at = [192, 0, 2, 7];
    for (condition, here, there) in [
        ("request.ip == '192.0.2.7'", 200, 403),
        ("request.ip.startsWith('192.0.2.')", 200, 403),
        ("request.ip != '192.0.2.7'", 403, 200),
        ("request.user_agent == ''", 200, 200),
        ("request.user_agent == 'terraform-test'", 403, 403),
        ("request.time > timestamp('2026-01-01T00:00:00Z')", 200, 200),
        ("request.time < timestamp('2026-01-01T00:00:00Z')", 403, 403),
        ("1 / 0 == 1", 403, 403),
        ("request.ip", 403, 403),
    ] {
        let (_, client) = organization.caller("conditional", &rule(condition));
        let path = client.functions("/namespaces");
        let found = [at, [198, 51, 100, 1]]
            .map(|address| client.forwarded_for(address.into()).get(&path).status);
        assert_eq!(found, [here, there], "{condition}");
    }
}

#[test]
fn a_member_of_a_group_has_its_rights_as_long_as_it_is_one() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let (application, client) = organization.caller("member", &json!([]));
    let group = organization.group("readers");
    let rules = json!([organization.everywhere(&["FunctionsReadOnly"])]);
    let policy = organization.policy(&json!({"group_id": group}), &rules);
    let path = client.functions("/namespaces");
    let change = |what: &str| {
        let path = iam(&format!("/groups/{group}/{what}"));
        good(owner.post(&path, &json!({"application_id": application})))
    };
    let may = |status: u16| answers(&client.get(&path), status);
    may(403);
    change("add-member");
    may(200);
    change("remove-member");
    may(403);
    change("add-member");
    may(200);
    // The policy is for nobody then, and for the application alone afterwards.
    answers(&owner.delete(&iam(&format!("/groups/{group}"))), 204);
    may(403);
    let policy = iam(&format!("/policies/{policy}"));
    assert_eq!(good(owner.get(&policy))["no_principal"], true);
    let body = json!({"application_id": application});
    let changed = good(owner.patch(&policy, &body));
    assert_eq!(
        (changed.get("no_principal"), &changed["application_id"]),
        (None, &body["application_id"])
    );
    may(200);
    answers(&owner.delete(&iam(&format!("/applications/{application}"))), 204);
    may(401);
    assert_eq!(good(owner.get(&policy))["no_principal"], true);
}

#[test]
fn lists_and_their_counts_have_what_the_caller_may_see() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let [one, two] = ["one", "two"].map(|name| organization.project(name));
    let mut tokens = Vec::new();
    for project in [&one, &two] {
        for product in ["functions", "containers"] {
            let made = |path: &str, body: Value| {
                let path = format!("/{product}/v1beta1/regions/{}{path}", owner.region);
                id(&good(owner.post(&path, &body))).to_owned()
            };
            let namespace = made("/namespaces", json!({"name": "n", "project_id": project}));
            let body = json!({"name": "a", "namespace_id": namespace,
                "registry_image": "registry.test/image:1"});
            let application = made(&format!("/{product}"), body);
            let of = if product == "functions" { "function_id" } else { "container_id" };
            tokens.push(made("/tokens", json!({of: application})));
        }
    }
    let in_project = |sets: &[&str], project: &str| json!({"permission_set_names": sets, "project_ids": [project]});
    let rules = json!([
        in_project(&["FunctionsReadOnly"], &one),
        in_project(&["ContainersReadOnly"], &two),
    ]);
    let (_, client) = organization.caller("half", &rules);
    let list = |path: &str, of: &str| {
        let found = good(client.get(path));
        let items = found[of].as_array().unwrap();
        assert_eq!(found["total_count"], items.len(), "{path}");
        items.clone()
    };
    for (path, of, project) in [
        (client.functions("/namespaces"), "namespaces", &one),
        (client.containers("/namespaces"), "namespaces", &two),
    ] {
        let found = list(&path, of);
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!(found[0]["project_id"], json!(project), "{path}");
        let elsewhere = format!("{path}?project_id={}", if project == &one { &two } else { &one });
        assert_eq!(list(&elsewhere, of).len(), 0);
    }
    // Both products have one store of tokens; each is seen by its own right.
    for path in [client.functions("/tokens"), client.containers("/tokens")] {
        let found = list(&path, "tokens");
        let ids: Vec<_> = found.iter().map(id).collect();
        assert_eq!(ids, [tokens[0].as_str(), tokens[3].as_str()], "{path}");
    }
    denied(
        &client.get(&client.functions(&format!("/tokens/{}", tokens[2]))),
        "read",
        "function_token",
    );
    denied(
        &client.delete(&client.functions(&format!("/tokens/{}", tokens[1]))),
        "delete",
        "container_token",
    );
    answers(&client.get(&client.containers(&format!("/tokens/{}", tokens[0]))), 200);
}

/// So many that none has to be parsed again at a request.
#[test]
fn an_organization_has_a_thousand_different_conditions() {
    let organization = Organization::new();
    let rule = |at: usize| {
        let mut rule = organization.everywhere(&["FunctionsReadOnly"]);
        rule["condition"] = json!(format!("{at} == 0"));
        rule
    };
    let put = |policy: &str, rules: Vec<Value>| {
        let body = json!({"policy_id": policy, "rules": rules});
        organization.owner.put(&iam("/rules"), &body)
    };
    let [one, two] = ["one", "two"].map(|name| {
        let application = organization.application(name);
        organization.policy(&json!({"application_id": application}), &json!([]))
    });
    let refused = put(&one, (0..1_001).map(rule).collect());
    answers(&refused, 403);
    let expected = json!([{"resource": "conditions", "quota": 1000, "current": 0}]);
    assert_eq!(refused.json()["details"], expected);
    good(put(&one, (0..900).map(rule).collect()));
    // The same again are no more; in place of others they are none of them.
    good(put(&two, (800..1_000).map(rule).collect()));
    answers(&put(&two, (801..1_001).map(rule).collect()), 403);
    good(put(&one, (800..900).map(rule).collect()));
    good(put(&two, (801..1_001).map(rule).collect()));
}

/// Parsing takes a while, which is for those alone who may make rules.
#[test]
fn whoever_may_not_make_rules_has_nothing_parsed() {
    let organization = Organization::new();
    let (application, client) = organization.caller("nobody", &json!([]));
    let policy = organization.policy(&json!({"application_id": application}), &json!([]));
    let mut rule = organization.everywhere(&["FunctionsReadOnly"]);
    rule["condition"] = json!("1 +");
    let body = json!({"policy_id": policy, "rules": [rule]});
    denied(&client.put(&iam("/rules"), &body), "edit", "policy");
    let body = json!({"name": "p", "rules": [rule]});
    denied(&client.post(&iam("/policies"), &body), "create", "policy");
    // And the first faults are enough.
    let body = json!({"policy_id": policy, "rules": vec![rule; 50]});
    let answer = organization.owner.put(&iam("/rules"), &body);
    answers(&answer, 400);
    assert_eq!(answer.json()["details"].as_array().map(Vec::len), Some(10));
}

#[test]
fn whoever_was_held_by_the_feed_is_asked_again() {
    let organization = Organization::new();
    let all = "/trust/v1/all";
    let rules = json!([organization.everywhere(&["AllProductsReadOnly"])]);
    let (application, client) = organization.caller("gateway", &rules);
    let etag = client.get(all).header("etag").expect("an ETag");
    let held = std::thread::spawn({
        let client = client.clone();
        move || client.with_headers(&[("If-None-Match", &etag), ("Prefer", "wait=20")]).get(all)
    });
    testkit::envoy::wait_for("a gateway that waits", || {
        let figures = organization.owner.get("/metrics");
        let waiting = testkit::http::text(&figures.body).lines().any(|line| {
            line.contains("waiting_gateways") && !line.starts_with('#') && line.ends_with(" 1")
        });
        waiting.then_some(())
    });
    answers(&organization.owner.delete(&iam(&format!("/applications/{application}"))), 204);
    crate::make_namespace(&organization.owner, &client.functions("/namespaces"), "news");
    answers(&held.join().unwrap(), 401);
}

#[test]
fn the_feed_of_all_namespaces_is_for_those_who_may_list_them_all() {
    let organization = Organization::new();
    let all = "/trust/v1/all";
    let (_, gateway) =
        organization.caller("gateway", &json!([organization.everywhere(&["AllProductsReadOnly"])]));
    answers(&gateway.get(all), 200);
    let half = json!([organization.everywhere(&["FunctionsReadOnly"])]);
    let (_, half) = organization.caller("half", &half);
    denied(&half.get(all), "list", "container_namespace");
    let (_, nobody) = organization.caller("nobody", &json!([]));
    denied(&nobody.get(all), "list", "function_namespace");
}
