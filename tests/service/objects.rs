//! Namespaces, functions and containers: their members, and what a change leaves as it was.

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::envoy::wait_for;
use testkit::http::text;
use testkit::service::Service;

use crate::{Scene, UNKNOWN, make_container, make_function, members};

const NAMESPACE: [&str; 16] = [
    "created_at",
    "description",
    "environment_variables",
    "error_message",
    "id",
    "name",
    "organization_id",
    "project_id",
    "region",
    "registry_endpoint",
    "registry_namespace_id",
    "secret_environment_variables",
    "status",
    "tags",
    "updated_at",
    "vpc_integration_activated",
];

/// The members of a function that have a value by themselves.
fn function_defaults() -> Value {
    json!({
        "build_message": null,
        "cpu_limit": 140,
        "description": "",
        "environment_variables": {},
        "http_option": "enabled",
        "max_scale": 20,
        "memory_limit": 256,
        "min_scale": 0,
        "privacy": "private",
        "private_network_id": null,
        "runtime": "python312",
        "runtime_message": "",
        "sandbox": "v2",
        "secret_environment_variables": [],
        "tags": [],
        "timeout": "300s",
    })
}

fn container_defaults() -> Value {
    json!({
        "args": [],
        "command": [],
        "cpu_limit": 1000,
        "description": "",
        "environment_variables": {},
        "health_check": {"failure_threshold": 30, "interval": "10s", "tcp": {}},
        "http_option": "enabled",
        "local_storage_limit": 1000,
        "max_concurrency": 50,
        "max_scale": 5,
        "memory_limit": 2048,
        "min_scale": 0,
        "port": 8080,
        "privacy": "private",
        "private_network_id": null,
        "protocol": "http1",
        "registry_image": "registry.test/image:1",
        "sandbox": "v2",
        "scaling_option": {"concurrent_requests_threshold": 50},
        "secret_environment_variables": [],
        "tags": [],
        "timeout": "300s",
    })
}

/// The members of an application that differ from one to the next.
const OWN: [&str; 10] = [
    "created_at",
    "domain_name",
    "error_message",
    "id",
    "name",
    "namespace_id",
    "ready_at",
    "region",
    "status",
    "updated_at",
];

/// What doesn't change by itself.
fn settled(object: &Value) -> Value {
    let mut object = object.clone();
    for passing in ["status", "updated_at", "created_at", "ready_at", "error_message"] {
        object.as_object_mut().unwrap().remove(passing);
    }
    object
}

#[track_caller]
fn assert_utc(object: &Value) {
    for name in ["created_at", "updated_at"] {
        let time = member(object, name);
        assert!(time.contains('T') && time.ends_with('Z'), "{name}: {time}");
    }
}

#[track_caller]
fn assert_gone(client: &Client, path: &str, message: &str) {
    for answer in [client.delete(path), client.get(path)] {
        assert_eq!((answer.status, answer.json()), (404, json!({"message": message})), "{path}");
    }
}

#[test]
fn a_namespace_has_the_platform_s_members_and_its_project_by_itself() {
    let service = Service::started();
    let (client, variables) = (service.client(), service.variables());
    for path in [client.functions("/namespaces"), client.containers("/namespaces")] {
        // Null is the same as nothing, and a newer client may send more.
        let name = format!("named-{}", &path[1..4]);
        let body = json!({
            "name": name, "project_id": null, "description": null, "tags": null,
            "secret_environment_variables": null, "activate_vpc_integration": true,
            "from_the_future": {"a": [1, 2]},
        });
        let made = good(client.post(&path, &body));
        assert_eq!(members(&made), NAMESPACE);
        assert_utc(&made);
        for (name, expected) in [
            ("name", json!(name)),
            ("project_id", json!(variables["SCW_DEFAULT_PROJECT_ID"])),
            ("organization_id", json!(variables["SCW_DEFAULT_ORGANIZATION_ID"])),
            ("region", json!(variables["SCW_DEFAULT_REGION"])),
            ("description", json!("")),
            ("environment_variables", json!({})),
            ("secret_environment_variables", json!([])),
            ("tags", json!([])),
        ] {
            assert_eq!(made[name], expected, "{name}");
        }
        // The default project is the one with the organization's id.
        assert_eq!(made["project_id"], made["organization_id"]);
        let own = format!("{path}/{}", id(&made));
        let ready = wait_for("the namespace to be ready", || {
            let read = good(client.get(&own));
            (read["status"] == "ready").then_some(read)
        });
        assert_eq!(members(&ready), NAMESPACE);
        let answer = client.post(&path, &json!({"name": name}));
        assert_eq!(answer.status, 409);
        assert_eq!(answer.json(), json!({"message": "Namespace already exist"}));
        let listed = good(client.get(&format!("{path}?name={name}")));
        assert_eq!(listed["total_count"], 1);
        assert_eq!(settled(&listed["namespaces"][0]), settled(&ready));
        assert_eq!(good(client.get(&format!("{path}?name=nam")))["total_count"], 0);

        let gone = good(client.delete(&own));
        assert_eq!(members(&gone), NAMESPACE);
        assert_eq!((id(&gone), &gone["status"]), (id(&made), &json!("deleting")));
        wait_for("the namespace to be gone", || (client.get(&own).status == 404).then_some(()));
        assert_gone(&client, &own, "Namespace was not found");
    }
}

#[test]
fn of_secret_variables_only_hashes_come_back_and_null_removes_one() {
    let service = Service::started();
    let client = service.client();
    let pairs = json!([
        {"key": "A", "value": "first hidden"},
        {"key": "B", "value": "second hidden"},
    ]);
    let body = json!({"name": "secrets", "secret_environment_variables": pairs});
    let made = client.post(&client.functions("/namespaces"), &body);
    assert!(!text(&made.body).contains("hidden"));
    let made = good(made);
    let own = client.functions(&format!("/namespaces/{}", id(&made)));
    let hashes = |object: &Value| -> Vec<(String, String)> {
        let list = object["secret_environment_variables"].as_array().expect("a list");
        let mut pairs: Vec<_> = list
            .iter()
            .map(|pair| {
                assert_eq!(members(pair), ["hashed_value", "key"]);
                let hash = member(pair, "hashed_value");
                assert!(hash.starts_with("$argon2id$v=19$m="), "{hash}");
                (member(pair, "key").to_owned(), hash.to_owned())
            })
            .collect();
        pairs.sort();
        pairs
    };
    let before = hashes(&made);
    assert_eq!(before.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    assert_ne!(before[0].1, before[1].1);

    good(client.patch(&own, &json!({"secret_environment_variables": null})));
    assert_eq!(hashes(&good(client.get(&own))), before, "null changes nothing");
    let change = json!([{"key": "A", "value": null}, {"key": "C", "value": "third hidden"}]);
    good(client.patch(&own, &json!({"secret_environment_variables": change})));
    let after = hashes(&good(client.get(&own)));
    assert_eq!(after.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["B", "C"]);
    assert_eq!(after[0], before[1], "a secret that isn't named stays");
    // Nor are they in the files.
    for entry in std::fs::read_dir(&service.folder).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes.windows(12).any(|part| part == b"third hidden");
        assert!(!found, "a secret in {}", file.display());
    }
}

#[test]
fn what_a_change_of_a_namespace_does_not_name_stays() {
    let service = Service::started();
    let client = service.client();
    let body = json!({
        "name": "patched", "description": "as made", "tags": ["a", "b"],
        "environment_variables": {"X": "1"},
    });
    let made = good(client.post(&client.functions("/namespaces"), &body));
    let own = client.functions(&format!("/namespaces/{}", id(&made)));
    for (change, member, expected) in [
        (json!({}), "", json!(null)),
        (
            json!({"description": null, "tags": null, "environment_variables": null}),
            "",
            json!(null),
        ),
        (json!({"description": "other"}), "description", json!("other")),
        (json!({"description": ""}), "description", json!("")),
        (json!({"tags": ["c"]}), "tags", json!(["c"])),
        (json!({"tags": []}), "tags", json!([])),
        (json!({"from_the_future": 1}), "", json!(null)),
    ] {
        let before = settled(&good(client.get(&own)));
        let answer = good(client.patch(&own, &change));
        assert_eq!(members(&answer), NAMESPACE, "{change}");
        let mut wanted = before;
        if !member.is_empty() {
            wanted[member] = expected;
        }
        assert_eq!(settled(&answer), wanted, "{change}");
        assert_eq!(settled(&good(client.get(&own))), wanted, "{change}");
    }
}

/// One of the two kinds of applications.
struct Kind {
    list: String,
    plural: &'static str,
    id: String,
    namespace: String,
    defaults: Value,
    not_found: &'static str,
}

fn kinds(client: &Client, scene: &Scene) -> [Kind; 2] {
    let (namespace, container) = make_container(client, "second");
    [
        Kind {
            list: client.functions("/functions"),
            plural: "functions",
            id: scene.function.clone(),
            namespace: scene.namespace.clone(),
            defaults: function_defaults(),
            not_found: "Function was not found",
        },
        Kind {
            list: client.containers("/containers"),
            plural: "containers",
            id: container,
            namespace,
            defaults: container_defaults(),
            not_found: "Container was not found",
        },
    ]
}

#[test]
fn an_application_has_the_platform_s_members_and_defaults() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "applications");
    for kind in kinds(&client, &scene) {
        let own = format!("{}/{}", kind.list, kind.id);
        let read = good(client.get(&own));
        for (name, expected) in kind.defaults.as_object().unwrap() {
            assert_eq!(&read[name], expected, "{name} of {own}");
        }
        let mut expected: Vec<_> = members(&kind.defaults);
        expected.extend(OWN);
        // What it is where none is given is not known.
        expected.extend((kind.plural == "functions").then_some("handler"));
        expected.sort_unstable();
        assert_eq!(members(&read), expected);
        assert_utc(&read);
        assert_eq!(member(&read, "namespace_id"), kind.namespace);
        let host = member(&read, "domain_name");
        assert!(!host.is_empty() && !host.contains("://") && !host.contains('/'), "{host}");

        let listed = good(client.get(&format!("{}?namespace_id={}", kind.list, kind.namespace)));
        assert_eq!(members(&listed), [kind.plural, "total_count"]);
        assert_eq!(listed["total_count"], 1);
        assert_eq!(settled(&listed[kind.plural][0]), settled(&read));
        let other = good(client.get(&format!("{}?namespace_id={UNKNOWN}", kind.list)));
        assert_eq!((&other["total_count"], &other[kind.plural]), (&json!(0), &json!([])));

        let gone = good(client.delete(&own));
        assert_eq!((id(&gone), &gone["status"]), (kind.id.as_str(), &json!("deleting")));
        assert_gone(&client, &own, kind.not_found);
        let body = json!({"name": "x", "namespace_id": UNKNOWN, "runtime": "go126"});
        let answer = client.post(&kind.list, &body);
        let expected = json!({"message": "Namespace was not found"});
        assert_eq!((answer.status, answer.json()), (404, expected));
    }
}

#[test]
fn what_terraform_sends_with_every_change_leaves_an_application_as_it_was() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "terraform");
    for kind in kinds(&client, &scene) {
        let own = format!("{}/{}", kind.list, kind.id);
        let before = settled(&good(client.get(&own)));
        let unchanged = json!({
            "runtime": "unknown_runtime", "privacy": "unknown_privacy",
            "protocol": "unknown_protocol", "http_option": "unknown_http_option",
            "sandbox": "unknown_sandbox", "secret_environment_variables": null, "tags": null,
            "min_scale": null, "description": null, "timeout": null, "redeploy": false,
        });
        for change in [json!({}), unchanged] {
            assert_eq!(settled(&good(client.patch(&own, &change))), before, "{change}");
            assert_eq!(settled(&good(client.get(&own))), before, "{change}");
        }
        let change = json!({
            "privacy": "public", "timeout": "60.000000000s", "min_scale": 1, "tags": ["t"],
            "http_option": "redirected", "redeploy": true,
        });
        good(client.patch(&own, &change));
        let mut wanted = before;
        for (name, value) in [
            ("privacy", json!("public")),
            ("timeout", json!("60s")),
            ("min_scale", json!(1)),
            ("tags", json!(["t"])),
            ("http_option", json!("redirected")),
        ] {
            wanted[name] = value;
        }
        assert_eq!(settled(&good(client.get(&own))), wanted);
    }
}

#[test]
fn what_is_in_a_namespace_goes_with_it() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "whole");
    let second = make_function(&client, &scene.namespace, "second");
    let (apart, container) = make_container(&client, "third");
    good(client.delete(&client.containers(&format!("/namespaces/{apart}"))));
    good(client.delete(&client.functions(&format!("/namespaces/{}", scene.namespace))));
    for function in [&scene.function, &second] {
        let own = client.functions(&format!("/functions/{function}"));
        assert_gone(&client, &own, "Function was not found");
    }
    let own = client.containers(&format!("/containers/{container}"));
    assert_gone(&client, &own, "Container was not found");
}
