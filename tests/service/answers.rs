//! What holds for every answer: JSON by its exact name, a request id, errors in the form of their
//! product, pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::api::{exchange, good, id};
use testkit::envoy::wait_for;
use testkit::http::text;
use testkit::service::Service;

use crate::{Scene, UNKNOWN, make_token, members};

const JSON: &str = "application/json";

#[test]
fn every_answer_is_json_by_its_exact_name_and_has_a_request_id() {
    let service = Service::started();
    let client = service.client();
    let stranger = client.with_key(Some(UNKNOWN));
    let namespaces = client.functions("/namespaces");
    let huge = vec![b' '; 2 << 20];
    let mut requests = BTreeSet::new();
    for (client, method, path, body, status) in [
        (&client, "POST", namespaces.clone(), Some(br#"{"name":"a"}"#.as_slice()), 200),
        (&client, "GET", namespaces.clone(), None, 200),
        (&client, "GET", client.functions("/tokens?page=7"), None, 200),
        (&client, "GET", client.functions(&format!("/tokens/{UNKNOWN}")), None, 404),
        (&client, "POST", namespaces.clone(), Some(b"{".as_slice()), 400),
        (&client, "POST", namespaces.clone(), Some(huge.as_slice()), 413),
        (&client, "GET", "/".to_owned(), None, 404),
        (&client, "GET", "/functions/v1beta1".to_owned(), None, 404),
        (&client, "GET", client.functions("/nothing/of/the/kind"), None, 404),
        (&client, "GET", "/console".to_owned(), None, 404),
        (&client, "PUT", client.functions("/tokens"), Some(b"{}".as_slice()), 405),
        (&client, "DELETE", namespaces.clone(), None, 405),
        (&client, "POST", client.functions(&format!("/tokens/{UNKNOWN}")), Some(b"{}"), 405),
        (&stranger, "GET", namespaces.clone(), None, 401),
        (&stranger, "POST", namespaces.clone(), Some(b"{}".as_slice()), 401),
    ] {
        let answer = client.send(method, &path, body);
        let what = format!("{method} {path}: {} {}", answer.status, text(&answer.body));
        assert_eq!(answer.status, status, "{what}");
        assert_eq!(answer.header("content-type").as_deref(), Some(JSON), "{what}");
        // Python's SDK replaces the number in the body by this header's text.
        assert_eq!(answer.header("x-total-count"), None, "{what}");
        let request = answer.header("x-request-id").unwrap_or_else(|| panic!("no id: {what}"));
        assert_eq!(request.len(), 36, "{what}");
        assert!(requests.insert(request), "an id twice: {what}");
        let body = answer.json();
        assert!(body.is_object(), "{what}");
        if status >= 400 {
            assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
            assert_ne!(body["message"], "Validation Error", "{what}");
        }
    }
}

#[test]
fn the_body_that_python_sends_with_everything_changes_nothing() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "python");
    let token = make_token(&client, &scene.function);
    let path = client.functions(&format!("/tokens/{}", id(&token)));
    for (method, path) in [
        ("GET", client.functions("/namespaces")),
        ("GET", client.functions(&format!("/functions?namespace_id={}", scene.namespace))),
        ("GET", path.clone()),
        ("DELETE", path),
    ] {
        // Without a Content-Type.
        let key = &service.variables()["SCW_SECRET_KEY"];
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: issuer.test\r\nx-auth-token: {key}\r\n\
             content-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        good(exchange(service.address, request.as_bytes()).unwrap());
    }
}

#[test]
fn an_id_that_nothing_has_is_404_with_a_message_alone() {
    let service = Service::started();
    let client = service.client();
    for unknown in [UNKNOWN, "nope", "00000000", "%20", "11111111222243338444555555555555"] {
        for (path, what) in [
            (client.functions("/namespaces/"), "Namespace"),
            (client.functions("/functions/"), "Function"),
            (client.functions("/tokens/"), "Token"),
            (client.containers("/namespaces/"), "Namespace"),
            (client.containers("/containers/"), "Container"),
            (client.containers("/tokens/"), "Token"),
        ] {
            let path = format!("{path}{unknown}");
            let mut answers = vec![client.get(&path), client.delete(&path)];
            if what != "Token" {
                answers.push(client.patch(&path, &json!({"description": "x"})));
            }
            for answer in answers {
                assert_eq!(answer.status, 404, "{path}");
                let expected = json!({"message": format!("{what} was not found")});
                assert_eq!(answer.json(), expected, "{path}");
            }
        }
    }
}

#[test]
fn pages_neither_overlap_nor_leave_anything_out() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "pages");
    let made: Vec<String> =
        (0..5).map(|_| id(&make_token(&client, &scene.function)).to_owned()).collect();
    let page = |query: &str| -> (Vec<String>, Value) {
        let path = client.functions(&format!("/tokens?function_id={}{query}", scene.function));
        let list = good(client.get(&path));
        assert_eq!(members(&list), ["tokens", "total_count"]);
        let tokens = list["tokens"].as_array().expect("a list").clone();
        let ids = tokens.iter().map(|token| id(token).to_owned()).collect();
        (ids, list["total_count"].clone())
    };
    let backwards: Vec<String> = made.iter().rev().cloned().collect();
    for (query, expected) in [
        ("", &made[..]),
        ("&page=1", &made[..]),
        ("&page=2", &[]),
        ("&page=1&page_size=2", &made[..2]),
        ("&page=2&page_size=2", &made[2..4]),
        ("&page=3&page_size=2", &made[4..]),
        ("&page=4&page_size=2", &[]),
        ("&page=1000000&page_size=100", &[]),
        ("&page_size=100&order_by=created_at_asc", &made[..]),
        ("&order_by=created_at_desc", &backwards[..]),
        ("&order_by=created_at_desc&page=2&page_size=3", &backwards[3..]),
        ("&from_the_future=True", &made[..]),
    ] {
        // The count is over all pages, and a number.
        assert_eq!(page(query), (expected.to_vec(), json!(5)), "{query}");
    }
}

#[test]
fn health_readiness_and_metrics_need_no_key() {
    let service = Service::started();
    let anyone = service.client().with_key(None);
    assert_eq!(anyone.get("/health").status, 200);
    wait_for("the service to be ready", || {
        let answer = anyone.get("/ready");
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then_some(())
    });
    let metrics = anyone.get("/metrics");
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let page = text(&metrics.body);
    assert!(page.ends_with("\n# EOF\n"), "{page}");
    assert!(!page.contains(&service.variables()["SCW_SECRET_KEY"]));
}
