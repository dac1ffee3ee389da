//! Arguments that can't be meant: which one, and what is wrong with it.

use serde_json::{Value, json};
use testkit::api::{Client, good, member};
use testkit::http::{Response, text};
use testkit::service::Service;

use crate::{Scene, UNKNOWN, members};

/// What is wrong with an argument, of which the service may say one.
const REASONS: [&str; 4] = ["unknown", "required", "format", "constraint"];

/// Checks the shape of an answer with status 400, and gives its details by name.
#[track_caller]
fn details(what: &str, answer: &Response) -> Vec<(String, String)> {
    assert_eq!(answer.status, 400, "{what}: {}", text(&answer.body));
    let body = answer.json();
    assert_eq!(members(&body), ["details", "message", "type"], "{what}");
    assert_eq!(body["message"], "invalid argument(s)", "{what}");
    assert_eq!(body["type"], "invalid_arguments", "{what}");
    let details = body["details"].as_array().expect("a list of details");
    assert!(!details.is_empty(), "{what}: no details");
    details
        .iter()
        .map(|detail| {
            assert_eq!(members(detail), ["argument_name", "help_message", "reason"], "{what}");
            let reason = member(detail, "reason").to_owned();
            assert!(REASONS.contains(&reason.as_str()), "{what}: {reason}");
            (member(detail, "argument_name").to_owned(), reason)
        })
        .collect()
}

/// One detail about this argument, with one of these reasons.
#[track_caller]
fn expect(what: &str, answer: &Response, argument: &str, reasons: &[&str]) {
    let details = details(what, answer);
    let [(name, reason)] = details.as_slice() else { panic!("{what}: {details:?}") };
    assert_eq!(name, argument, "{what}");
    assert!(reasons.contains(&reason.as_str()), "{what}: {reason}, expected {reasons:?}");
}

#[test]
fn members_that_are_missing_or_of_another_type_are_named() {
    let service = Service::started();
    let client = service.client();
    let Scene { namespace, .. } = Scene::make(&client, "arguments");
    let functions = client.functions("/functions");
    let namespaces = client.functions("/namespaces");
    let containers = client.containers("/containers");
    let function = |changes: Value| {
        let base = json!({"name": "f", "namespace_id": namespace, "runtime": "go126"});
        testkit::protected::merged(base, changes)
    };
    for (path, body, argument, reasons) in [
        (&namespaces, json!({}), "name", &["required"][..]),
        (&namespaces, json!({"name": null}), "name", &["required"]),
        (&namespaces, json!({"name": ""}), "name", &["required", "constraint"]),
        (&namespaces, json!({"name": 7}), "name", &["format"]),
        (&namespaces, json!({"name": "n", "tags": "one"}), "tags", &["format"]),
        (&namespaces, json!({"name": "n", "project_id": "x"}), "project_id", &["format"]),
        (&functions, json!({"name": "f", "runtime": "go126"}), "namespace_id", &["required"]),
        (&functions, function(json!({"name": null})), "name", &["required"]),
        (&functions, function(json!({"privacy": "secret"})), "privacy", &["format", "constraint"]),
        (&functions, function(json!({"privacy": true})), "privacy", &["format"]),
        (&functions, function(json!({"timeout": "soon"})), "timeout", &["format"]),
        (&functions, function(json!({"memory_limit": "256"})), "memory_limit", &["format"]),
        (&containers, json!({"name": "c"}), "namespace_id", &["required"]),
    ] {
        expect(&format!("{path} {body}"), &client.post(path, &body), argument, reasons);
    }
    let many: Vec<_> = (0..101).map(|n| json!({"key": format!("K{n}"), "value": "v"})).collect();
    let body = json!({"name": "n", "secret_environment_variables": many});
    let answer = client.post(&namespaces, &body);
    expect("101 secrets", &answer, "secret_environment_variables", &["constraint"]);
    // Nothing of all that was made.
    assert_eq!(good(client.get(&namespaces))["total_count"], 1);
}

#[test]
fn a_body_that_is_no_json_object_is_400() {
    let service = Service::started();
    let client = service.client();
    let path = client.functions("/namespaces");
    for body in [b"{".as_slice(), b"[]", b"\"name\"", b"name=x", b"\xff\xfe", b"null", b"{} {}"] {
        details(&text(body), &client.send("POST", &path, Some(body)));
    }
    details("an empty body", &client.send("POST", &path, Some(b"")));
    details("no body", &client.send("POST", &path, None));
}

#[test]
fn pages_and_orders_that_there_are_not_are_400() {
    let service = Service::started();
    let client = service.client();
    let constraint = &["constraint"][..];
    let format = &["format", "constraint"][..];
    for list in [
        client.functions("/tokens?"),
        client.containers("/tokens?"),
        client.functions("/namespaces?"),
        client.functions(&format!("/functions?namespace_id={UNKNOWN}&")),
        client.containers(&format!("/containers?namespace_id={UNKNOWN}&")),
    ] {
        for (query, argument, reasons) in [
            ("page=0", "page", constraint),
            ("page=-1", "page", format),
            ("page=one", "page", format),
            ("page_size=0", "page_size", constraint),
            ("page_size=101", "page_size", constraint),
            ("page_size=99999999999999999999", "page_size", format),
            ("order_by=size_asc", "order_by", format),
        ] {
            let path = format!("{list}{query}");
            expect(&path, &client.get(&path), argument, reasons);
        }
    }
    for path in [client.functions("/functions"), client.containers("/containers")] {
        expect(&path, &client.get(&path), "namespace_id", &["required"]);
    }
}

#[test]
fn a_token_is_for_exactly_one_and_ends_in_the_future() {
    let service = Service::started();
    let client = service.client();
    let Scene { namespace, function } = Scene::make(&client, "token-arguments");
    let function = function.as_str();
    let post = |client: &Client, body: &Value| client.post(&client.functions("/tokens"), body);
    for body in [
        json!({}),
        json!({"function_id": null, "namespace_id": null}),
        json!({"description": "for nothing"}),
        json!({"function_id": function, "namespace_id": namespace}),
    ] {
        details(&body.to_string(), &post(&client, &body));
    }
    for (time, reasons) in [
        ("2020-01-01T00:00:00Z", &["constraint"][..]),
        ("2020-01-01T00:00:00+02:00", &["constraint"]),
        // Python's naive datetime: whose time it is can't be told.
        ("2099-01-01T00:00:00", &["format"]),
        ("2099-01-01", &["format"]),
        ("2099-13-01T00:00:00Z", &["format"]),
        ("tomorrow", &["format"]),
        ("", &["format"]),
    ] {
        let body = json!({"function_id": function, "expires_at": time});
        expect(time, &post(&client, &body), "expires_at", reasons);
        for product in [client.functions(""), client.containers("")] {
            let time = time.replace('+', "%2B");
            let path = format!("{product}/issue-jwt?namespace_id={namespace}&expires_at={time}");
            // An empty value in a query is none.
            if !time.is_empty() {
                expect(&path, &client.get(&path), "expires_at", reasons);
            }
        }
    }
    let body = json!({"function_id": function, "expires_at": 1_900_000_000});
    expect("a number", &post(&client, &body), "expires_at", &["format"]);
    let path = client.functions(&format!("/tokens?function_id={function}"));
    assert_eq!(good(client.get(&path))["total_count"], 0);
}
