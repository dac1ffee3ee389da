//! What the service mints, the filter in Envoy admits, and nothing beyond it.

use serde_json::{Value, json};
use testkit::api::{good, id, member};
use testkit::envoy::{Filter, Plan};
use testkit::http::Request;
use testkit::service::Service;
use testkit::upstream::Upstream;

use crate::python_sdk::with_sdk;
use crate::{Scene, make_container, make_function, make_token};

fn protects(namespace: &str, application: &str, token: &Value) -> Filter {
    Filter::new(&json!({
        "namespace_id": namespace,
        "application_id": application,
        "public_key": member(token, "public_key"),
    }))
}

fn with(token: &Value) -> Request {
    Request::with_token(member(token, "token"))
}

#[test]
fn tokens_of_the_api_are_admitted_where_they_are_for_and_refused_elsewhere() {
    let service = Service::started();
    let client = service.client();
    let Scene { namespace, function } = Scene::make(&client, "gateway");
    let other = make_function(&client, &namespace, "other");
    let (apart, container) = make_container(&client, "container");
    let stranger = Scene::make(&client, "stranger");

    let post =
        |product: String, body: Value| good(client.post(&format!("{product}/tokens"), &body));
    let for_function = make_token(&client, &function);
    let for_other = make_token(&client, &other);
    let for_container =
        post(client.containers(""), json!({"container_id": container, "expires_at": null}));
    let for_namespace = post(client.functions(""), json!({"namespace_id": namespace}));
    let issued = good(client.get(&client.functions(&format!("/issue-jwt?function_id={function}"))));
    let path = format!("/issue-jwt?namespace_id={apart}&expires_at=2099-01-01T00:00:00Z");
    let issued_for_all = good(client.get(&client.containers(&path)));
    let of_stranger = make_token(&client, &stranger.function);
    let body = json!({"namespace_id": stranger.namespace});
    let of_stranger_for_all = post(client.functions(""), body);

    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .listener("function", protects(&namespace, &function, &for_function))
        .listener("other", protects(&namespace, &other, &for_function))
        .listener("container", protects(&apart, &container, &for_container))
        .start();
    for (what, token, codes) in [
        ("a function's", &for_function, ["allowed", "not_granted", "bad_signature"]),
        ("another function's", &for_other, ["not_granted", "allowed", "bad_signature"]),
        ("a container's", &for_container, ["bad_signature", "bad_signature", "allowed"]),
        ("the namespace's", &for_namespace, ["allowed", "allowed", "bad_signature"]),
        ("one by issue-jwt", &issued, ["allowed", "not_granted", "bad_signature"]),
        (
            "the container's namespace's",
            &issued_for_all,
            ["bad_signature", "bad_signature", "allowed"],
        ),
        ("a strange namespace's function's", &of_stranger, ["bad_signature"; 3]),
        ("a strange namespace's", &of_stranger_for_all, ["bad_signature"; 3]),
    ] {
        for (listener, code) in ["function", "other", "container"].into_iter().zip(codes) {
            envoy.expect(listener, what, with(token), code);
        }
    }
    envoy.expect("function", "none", Request::get(), "missing_token");

    // What the API shows of them afterwards can't be used.
    for (token, query) in [
        (&for_function, format!("function_id={function}")),
        (&for_namespace, format!("namespace_id={namespace}")),
    ] {
        let list = client.get(&client.functions(&format!("/tokens?{query}")));
        let text = member(token, "token");
        assert!(!testkit::http::text(&list.body).contains(text), "a token's text in a list");
        let list = good(list);
        let shown = list["tokens"].as_array().unwrap().iter().find(|t| t["id"] == token["id"]);
        assert_eq!(shown.unwrap_or_else(|| panic!("not in {list}"))["token"], "<hidden>");
        let own = client.functions(&format!("/tokens/{}", id(token)));
        assert_eq!(good(client.delete(&own))["status"], "deleting");
        assert_eq!(client.get(&own).status, 404);
    }
}

#[test]
fn a_token_of_the_official_sdk_is_admitted_and_its_end_is_known_to_the_api() {
    let service = Service::started();
    let script = "tests/service/python_token.py";
    let token: Value = serde_json::from_str(&with_sdk(script, &["make"], &service)).unwrap();
    let upstream = Upstream::start();
    let filter = protects(member(&token, "namespace_id"), member(&token, "function_id"), &token);
    let envoy = Plan::new(&upstream).listener("function", filter).start();
    envoy.expect("function", "the SDK's", with(&token), "allowed");
    envoy.expect("function", "none", Request::get(), "missing_token");
    assert_eq!(with_sdk(script, &["end", id(&token)], &service), "ended\n");
}
