//! Containers v1: the same namespaces and containers as in v1beta1, in its own words.

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::http::text;
use testkit::service::Service;

use crate::{UNKNOWN, make_namespace, members};

fn v1(client: &Client, rest: &str) -> String {
    format!("/containers/v1/regions/{}{rest}", client.region)
}

fn make_container(client: &Client, namespace: &str, more: &Value) -> Value {
    let mut body = json!({"namespace_id": namespace, "name": "app", "image": "registry.test/a:1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    good(client.post(&v1(client, "/containers"), &body))
}

#[test]
fn what_one_version_makes_the_other_has_under_the_same_id() {
    let service = Service::started();
    let client = service.client();
    let namespace = make_namespace(&client, &v1(&client, "/namespaces"), "both");
    let old = good(client.get(&client.containers(&format!("/namespaces/{namespace}"))));
    assert_eq!((id(&old), member(&old, "name")), (namespace.as_str(), "both"));

    let more = json!({
        "privacy": "private", "https_connections_only": true, "memory_limit_bytes": 512_000_000,
        "mvcpu_limit": 280, "scaling_option": {"cpu_usage_threshold": 70},
        "liveness_probe": {"failure_threshold": 3, "interval": "5.000000000s", "timeout": "2s",
            "http": {"path": "/live"}},
    });
    let made = make_container(&client, &namespace, &more);
    let path = format!("/containers/{}", id(&made));
    let old = good(client.get(&client.containers(&path)));
    for (name, expected) in [
        ("http_option", json!("redirected")),
        ("memory_limit", json!(512)),
        ("cpu_limit", json!(280)),
        ("registry_image", json!("registry.test/a:1")),
        ("scaling_option", json!({"cpu_usage_threshold": 70})),
        // It has no `timeout` there.
        (
            "health_check",
            json!({"failure_threshold": 3, "interval": "5s", "http": {"path": "/live"}}),
        ),
    ] {
        assert_eq!(old[name], expected, "{name}");
    }
    assert_eq!(
        member(&made, "public_endpoint"),
        format!("https://{}", old["domain_name"].as_str().unwrap())
    );

    // What v1beta1 doesn't know stays when it changes something else.
    let change = json!({"startup_probe": {"tcp": {}, "timeout": "9s"}});
    good(client.patch(&v1(&client, &path), &change));
    good(client.patch(&client.containers(&path), &json!({"memory_limit": 1024})));
    let found = good(client.get(&v1(&client, &path)));
    assert_eq!(found["memory_limit_bytes"], 1_024_000_000_u64);
    assert_eq!(
        found["startup_probe"],
        json!({"failure_threshold": 30, "interval": "10s", "timeout": "9s", "tcp": {}})
    );
    assert_eq!(found["liveness_probe"]["timeout"], "2s");

    // Its token is made in v1beta1, and goes with the container, whoever deletes that.
    let token =
        good(client.post(&client.containers("/tokens"), &json!({"container_id": id(&made)})));
    assert_eq!(member(&good(client.delete(&v1(&client, &path))), "status"), "deleting");
    assert_eq!(client.get(&client.containers(&path)).status, 404);
    assert_eq!(client.get(&client.containers(&format!("/tokens/{}", id(&token)))).status, 404);
    // Tokens are in v1beta1 alone.
    assert_eq!(client.get(&v1(&client, "/tokens")).status, 404);
}

#[test]
fn objects_have_the_members_of_v1_and_no_others() {
    let service = Service::started();
    let client = service.client();
    let path = v1(&client, "/namespaces");
    let namespace = make_namespace(&client, &path, "members");
    let found = good(client.get(&format!("{path}/{namespace}")));
    let expected = [
        "created_at",
        "description",
        "environment_variables",
        "id",
        "name",
        "organization_id",
        "project_id",
        "region",
        "secret_environment_variables",
        "status",
        "tags",
        "updated_at",
    ];
    assert_eq!(members(&found), expected);

    let made = make_container(&client, &namespace, &json!({}));
    let expected = json!({
        "args": [],
        "command": [],
        "description": "",
        "environment_variables": {},
        "https_connections_only": false,
        "image": "registry.test/a:1",
        "liveness_probe":
            {"failure_threshold": 30, "interval": "10s", "timeout": "1s", "tcp": {}},
        "local_storage_limit_bytes": 1_000_000_000,
        "max_scale": 5,
        "memory_limit_bytes": 2_048_000_000_u64,
        "min_scale": 0,
        "mvcpu_limit": 1000,
        "name": "app",
        "namespace_id": namespace,
        "port": 8080,
        "privacy": "public",
        "protocol": "http1",
        "region": client.region,
        "sandbox": "v2",
        "scaling_option": {"concurrent_requests_threshold": 50},
        "secret_environment_variables": {},
        "startup_probe": null,
        "status": "ready",
        "tags": [],
        "timeout": "300s",
    });
    let mut found = made.clone();
    for name in ["created_at", "id", "public_endpoint", "updated_at"] {
        assert!(found.as_object_mut().unwrap().remove(name).is_some_and(|it| it.is_string()));
    }
    // Without a private network there is no such member at all, and without an error neither is one.
    assert_eq!(found, expected);
}

#[test]
fn secret_variables_are_a_map_in_place_of_all_and_an_empty_value_keeps_one() {
    let service = Service::started();
    let client = service.client();
    let path = v1(&client, "/namespaces");
    let body = json!({"name": "secrets", "secret_environment_variables": {"A": "1", "B": "2"}});
    let made = good(client.post(&path, &body));
    let hashes = |object: &Value| object["secret_environment_variables"].clone();
    let before = hashes(&made);
    assert_eq!(members(&before), ["A", "B"]);
    assert!(member(&before, "A").starts_with("$argon2id$v=19$"), "{before}");

    let path = format!("{path}/{}", id(&made));
    let change = json!({"secret_environment_variables": {"A": "", "C": "3"}});
    let after = hashes(&good(client.patch(&path, &change)));
    assert_eq!(members(&after), ["A", "C"]);
    assert_eq!(after["A"], before["A"]);
    // What isn't named at all stays, with all of them.
    for change in [json!({}), json!({"secret_environment_variables": null})] {
        assert_eq!(hashes(&good(client.patch(&path, &change))), after);
    }
    let none = json!({"secret_environment_variables": {}});
    assert_eq!(hashes(&good(client.patch(&path, &none))), json!({}));
}

#[test]
fn one_member_has_two_spellings() {
    let service = Service::started();
    let client = service.client();
    let namespace = make_namespace(&client, &v1(&client, "/namespaces"), "spelt");
    let made = make_container(&client, &namespace, &json!({}));
    let path = v1(&client, &format!("/containers/{}", id(&made)));
    for (name, value) in [
        ("https_connection_only", true),
        ("https_connections_only", false),
        ("https_connections_only", true),
        ("https_connection_only", false),
    ] {
        let changed = good(client.patch(&path, &json!({name: value})));
        assert_eq!(changed["https_connections_only"], value, "{name}");
    }
}

#[test]
fn errors_say_what_they_are_about() {
    let service = Service::started();
    let client = service.client();
    let namespaces = v1(&client, "/namespaces");
    let namespace = make_namespace(&client, &namespaces, "errors");
    let made = make_container(&client, &namespace, &json!({}));
    let unknown = |resource: &str, id: &str| {
        json!({
            "message": "resource is not found", "resource": resource, "resource_id": id,
            "type": "not_found",
        })
    };
    for (method, path, resource) in [
        ("GET", v1(&client, &format!("/namespaces/{UNKNOWN}")), "namespace"),
        ("DELETE", v1(&client, &format!("/namespaces/{UNKNOWN}")), "namespace"),
        ("GET", v1(&client, &format!("/containers/{UNKNOWN}")), "container"),
        ("DELETE", v1(&client, &format!("/containers/{UNKNOWN}")), "container"),
    ] {
        let answer = client.send(method, &path, None);
        assert_eq!((answer.status, answer.json()), (404, unknown(resource, UNKNOWN)), "{path}");
    }
    let body = json!({"namespace_id": UNKNOWN, "name": "app"});
    let answer = client.post(&v1(&client, "/containers"), &body);
    assert_eq!((answer.status, answer.json()), (404, unknown("namespace", UNKNOWN)));

    for (path, body, resource, taken) in [
        (&namespaces, json!({"name": "errors"}), "namespace", namespace.as_str()),
        (
            &v1(&client, "/containers"),
            json!({"name": "app", "namespace_id": namespace}),
            "container",
            id(&made),
        ),
    ] {
        let answer = client.post(path, &body);
        let said = answer.json();
        assert_eq!((answer.status, member(&said, "type")), (409, "already_exists"), "{said}");
        assert_eq!((member(&said, "resource"), member(&said, "resource_id")), (resource, taken));
    }

    for (body, argument, reason) in [
        (json!({"memory_limit_bytes": 1_500_000}), "memory_limit_bytes", "constraint"),
        (
            json!({"secret_environment_variables": [{"key": "A"}]}),
            "secret_environment_variables",
            "format",
        ),
        (json!({"startup_probe": {"interval": "soon"}}), "startup_probe.interval", "format"),
        (json!({"privacy": "secret"}), "privacy", "constraint"),
    ] {
        let answer = client.patch(&v1(&client, &format!("/containers/{}", id(&made))), &body);
        assert_eq!(answer.status, 400, "{body}: {}", text(&answer.body));
        let fault = &answer.json()["details"][0];
        assert_eq!((&fault["argument_name"], &fault["reason"]), (&json!(argument), &json!(reason)));
    }
    let answer = client.get(&v1(&client, "/containers/not-an-id"));
    assert_eq!((answer.status, member(&answer.json(), "type")), (400, "invalid_arguments"));
}

#[test]
fn containers_of_all_namespaces_are_listed_without_naming_one() {
    let service = Service::started();
    let client = service.client();
    let path = v1(&client, "/containers");
    let mut made = Vec::new();
    for name in ["one", "two"] {
        let namespace = make_namespace(&client, &v1(&client, "/namespaces"), name);
        made.push(id(&make_container(&client, &namespace, &json!({}))).to_owned());
        let listed = good(client.get(&format!("{path}?namespace_id={namespace}")));
        assert_eq!(listed["total_count"], 1);
    }
    let listed = good(client.get(&format!("{path}?order_by=created_at_asc")));
    let ids: Vec<_> = listed["containers"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(
        (ids, &listed["total_count"]),
        (made.iter().map(String::as_str).collect(), &json!(2))
    );
    let project = service.variables()["SCW_DEFAULT_PROJECT_ID"].clone();
    for (query, count) in [
        (format!("project_id={project}"), 2),
        (format!("project_id={UNKNOWN}"), 0),
        (format!("organization_id={UNKNOWN}"), 0),
        ("name=app".to_owned(), 2),
        ("name=other".to_owned(), 0),
    ] {
        assert_eq!(good(client.get(&format!("{path}?{query}")))["total_count"], count, "{query}");
    }
    let other = client.containers("/containers");
    assert_eq!(client.get(&other).status, 400, "v1beta1 wants a namespace");
}
