//! Tokens: their members and claims, that their text is told once, and how they end.

use jwt_simple::prelude::*;
use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::mint::from_base64url;
use testkit::service::Service;

use crate::{Scene, UNKNOWN, make_container, make_function, make_token, members, token_ids};

/// A part of a token as JSON: 0 is the header, 1 the claims.
fn part(token: &Value, number: usize) -> Value {
    let text = member(token, "token").split('.').nth(number).expect("three parts");
    serde_json::from_slice(&from_base64url(text)).expect("JSON")
}

/// What jwt-simple says of a token under the key that the API told with it.
#[track_caller]
fn verify(token: &Value) {
    let key = RS256PublicKey::from_pem(member(token, "public_key")).expect("an RSA key");
    let verified = key.verify_token::<Value>(member(token, "token"), None);
    verified.unwrap_or_else(|e| panic!("{e}: {token}"));
}

/// Who a token is for: the member that names it, its id, and where the API has it.
fn scopes(client: &Client, scene: &Scene) -> Vec<(&'static str, String, String)> {
    let (apart, container) = make_container(client, "container");
    let Scene { namespace, function } = scene;
    vec![
        ("function_id", function.clone(), client.functions("")),
        ("namespace_id", namespace.clone(), client.functions("")),
        ("container_id", container, client.containers("")),
        ("namespace_id", apart, client.containers("")),
    ]
}

fn token_members(scope: &str) -> Vec<&str> {
    let mut names = vec!["description", "expires_at", "id", "public_key", "status", "token", scope];
    names.sort_unstable();
    names
}

/// Checks a token that was just made, whatever made it.
#[track_caller]
fn check(token: &Value, scope: &str, target: &str, expires: Option<(&str, u64)>) {
    // The ids that it isn't for are absent, not null.
    assert_eq!(members(token), token_members(scope));
    assert_eq!(member(token, scope), target);
    assert!(matches!(member(token, "status"), "creating" | "ready"), "{token}");
    assert_eq!(part(token, 0), json!({"alg": "RS256", "typ": "JWT"}));
    let claims = part(token, 1);
    let (namespace, application) =
        if scope == "namespace_id" { (target, "") } else { ("", target) };
    let mut expected = json!({
        "application_claim": [{"namespace_id": namespace, "application_id": application}],
        "version": 2,
        "aud": "functions",
        "iss": "SCALEWAY",
        "sub": "token",
        "jti": id(token),
        "iat": claims["iat"],
        "nbf": claims["iat"],
    });
    assert!(claims["iat"].is_u64(), "{claims}");
    if let Some((time, seconds)) = expires {
        expected["exp"] = json!(seconds);
        assert_eq!(member(token, "expires_at"), time);
    } else {
        assert_eq!(token["expires_at"], json!(null));
    }
    assert_eq!(claims, expected);
    let pem = member(token, "public_key");
    assert!(pem.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"), "{pem}");
    assert!(pem.ends_with("\n-----END RSA PUBLIC KEY-----\n"), "{pem}");
    // RSA with 4096 bits, as the platform.
    assert_eq!(member(token, "token").rsplit('.').next().map(str::len), Some(683));
    verify(token);
}

#[test]
fn a_token_has_the_platform_s_members_and_claims_and_verifies_under_the_namespace_s_key() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "claims");
    let mut keys = Vec::new();
    for (scope, target, product) in scopes(&client, &scene) {
        for (given, expires) in [
            (json!(null), None),
            (json!("2099-07-04T18:49:39+02:00"), Some(("2099-07-04T16:49:39Z", 4_086_866_979))),
            (json!("2099-07-04T16:49:39Z"), Some(("2099-07-04T16:49:39Z", 4_086_866_979))),
            (json!("2099-07-04T16:49:39+00:00"), Some(("2099-07-04T16:49:39Z", 4_086_866_979))),
        ] {
            let body = json!({scope: target, "expires_at": given, "description": null});
            let token = good(client.post(&format!("{product}/tokens"), &body));
            check(&token, scope, &target, expires);
            assert_eq!(token["description"], "");
            keys.push(member(&token, "public_key").to_owned());
        }
    }
    keys.dedup();
    assert_eq!(keys.len(), 2, "one key for all tokens of a namespace, and there are two");
}

#[test]
fn issue_jwt_makes_tokens_of_the_same_form() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "issue-jwt");
    for (scope, target, product) in scopes(&client, &scene) {
        let token = good(client.get(&format!("{product}/issue-jwt?{scope}={target}")));
        check(&token, scope, &target, None);
        let path = format!("{product}/issue-jwt?{scope}={target}&expires_at=");
        // The last is how Python wrote a time in a query: a space for the T.
        for time in ["2099-07-04T16:49:39Z", "2099-07-04+16%3A49%3A39%2B00%3A00"] {
            let token = good(client.get(&format!("{path}{time}")));
            check(&token, scope, &target, Some(("2099-07-04T16:49:39Z", 4_086_866_979)));
        }
        // They are stored as the others are.
        let own = format!("{product}/tokens/{}", id(&token));
        assert_eq!(good(client.get(&own))["token"], "<hidden>");
        assert_eq!(good(client.delete(&own))["status"], "deleting");

        let both = format!(
            "{product}/issue-jwt?{scope}={target}&namespace_id={target}&function_id={target}&container_id={target}"
        );
        for path in [format!("{product}/issue-jwt"), both] {
            let answer = client.get(&path);
            assert_eq!(answer.status, 400, "{path}");
            assert_eq!(answer.json()["type"], "invalid_arguments", "{path}");
        }
    }
}

#[test]
fn a_token_that_nobody_would_see_is_not_made() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "head");
    let path = client.functions(&format!("/issue-jwt?function_id={}", scene.function));
    // The answer has no body, which is all that is sure of it here.
    let _ = client.try_send("HEAD", &path, None);
    assert!(token_ids(&client).is_empty());
    let answer = client.get(&path);
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
    assert_eq!(token_ids(&client), [id(&good(answer))]);
}

#[test]
fn a_token_for_something_that_there_is_not_is_404() {
    let service = Service::started();
    let client = service.client();
    for (product, scope, message) in [
        (client.functions(""), "function_id", "Function was not found"),
        (client.functions(""), "namespace_id", "Namespace was not found"),
        (client.containers(""), "container_id", "Container was not found"),
        (client.containers(""), "namespace_id", "Namespace was not found"),
    ] {
        for answer in [
            client.post(&format!("{product}/tokens"), &json!({scope: UNKNOWN})),
            client.get(&format!("{product}/issue-jwt?{scope}={UNKNOWN}")),
        ] {
            let expected = (404, json!({"message": message}));
            assert_eq!((answer.status, answer.json()), expected, "{scope}");
        }
    }
}

#[test]
fn a_token_s_text_is_told_once() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "hidden");
    for (scope, target, product) in scopes(&client, &scene) {
        let body = json!({scope: target, "description": "for a test"});
        let made = good(client.post(&format!("{product}/tokens"), &body));
        let own = format!("{product}/tokens/{}", id(&made));
        let read = good(client.get(&own));
        assert_eq!(members(&read), token_members(scope));
        for (name, expected) in [
            ("id", made["id"].clone()),
            (scope, json!(target)),
            ("token", json!("<hidden>")),
            ("public_key", json!("")),
            ("description", json!("for a test")),
            ("expires_at", json!(null)),
        ] {
            assert_eq!(read[name], expected, "{name}");
        }
        let list = good(client.get(&format!("{product}/tokens?{scope}={target}")));
        let listed = list["tokens"].as_array().unwrap().iter().find(|t| t["id"] == made["id"]);
        let listed = listed.unwrap_or_else(|| panic!("not in {list}"));
        assert_eq!(listed["token"], "<hidden>");
        assert_eq!(listed["public_key"], "");

        let gone = good(client.delete(&own));
        assert_eq!(members(&gone), token_members(scope));
        assert_eq!(gone["status"], "deleting");
        assert_eq!(gone["token"], "");
        assert_eq!(gone["public_key"], "");
        for answer in [client.delete(&own), client.get(&own)] {
            let expected = (404, json!({"message": "Token was not found"}));
            assert_eq!((answer.status, answer.json()), expected);
        }
    }
}

#[test]
fn a_function_s_token_can_be_deleted_as_a_container_s() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "shared-store");
    let token = make_token(&client, &scene.function);
    let gone = good(client.delete(&client.containers(&format!("/tokens/{}", id(&token)))));
    assert_eq!(members(&gone), token_members("container_id"));
    assert_eq!(member(&gone, "container_id"), scene.function);
    assert_eq!(gone["status"], "deleting");
    let own = client.functions(&format!("/tokens/{}", id(&token)));
    assert_eq!(client.get(&own).status, 404);
}

#[test]
fn tokens_go_with_their_function_and_their_namespace() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "going");
    let second = make_function(&client, &scene.namespace, "second");
    let first_token = make_token(&client, &scene.function);
    let second_token = make_token(&client, &second);
    let body = json!({"namespace_id": scene.namespace});
    let for_all = good(client.post(&client.functions("/tokens"), &body));
    let own = |token: &Value| client.functions(&format!("/tokens/{}", id(token)));

    let listed = |query: String| -> Vec<Value> {
        let list = good(client.get(&client.functions(&format!("/tokens?{query}"))));
        list["tokens"].as_array().unwrap().iter().map(|token| token["id"].clone()).collect()
    };
    assert_eq!(listed(format!("function_id={second}")), [second_token["id"].clone()]);
    assert!(listed(format!("namespace_id={}", scene.namespace)).contains(&for_all["id"]));
    assert!(listed(format!("function_id={UNKNOWN}")).is_empty());
    assert!(listed(format!("namespace_id={UNKNOWN}")).is_empty());
    assert_eq!(listed(String::new()).len(), 3);

    good(client.delete(&client.functions(&format!("/functions/{}", scene.function))));
    assert_eq!(client.delete(&own(&first_token)).status, 404);
    for token in [&second_token, &for_all] {
        assert_eq!(client.get(&own(token)).status, 200);
    }
    good(client.delete(&client.functions(&format!("/namespaces/{}", scene.namespace))));
    for token in [&second_token, &for_all] {
        assert_eq!(client.delete(&own(token)).status, 404);
    }
    assert!(listed(String::new()).is_empty());
}
