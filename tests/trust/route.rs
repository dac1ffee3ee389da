//! `protect: "route"`: what a request is for stands in the metadata of its route, and one without
//! goes nowhere.

use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::feed::{Feed, Part};
use testkit::http::{Request, send};
use testkit::mint::{Key, Kind};
use testkit::protected::*;
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, decision, trust};

const ACCESS_KEY: &str = "5f0f6a55-2c4c-4c5c-8f68-5d2f0a1b7c11";

/// The key of the other namespace.
fn other_namespaces_key() -> Key {
    Key::named(Kind::Rsa(2048), "other-namespace")
}

/// Two namespaces, each with a key and an application.
fn feed() -> Feed {
    let feed = Feed::start("all");
    feed.require(ACCESS_KEY);
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [namespace_key().public_pem().as_str()]);
        contents.set_keys(OTHER_NAMESPACE, [other_namespaces_key().public_pem().as_str()]);
        contents.set_privacy(NAMESPACE, APPLICATION, "private");
        contents.set_privacy(OTHER_NAMESPACE, OTHER_APPLICATION, "private");
    });
    feed
}

/// A route for this path, with this as the filter's metadata.
pub fn route(path: &str, metadata: Option<Value>) -> Value {
    let mut route = json!({"match": {"path": path}, "direct_response": {"status": 200}});
    if let Some(metadata) = metadata {
        route["metadata"] = json!({"filter_metadata": {"namespace_jwt": metadata}});
    }
    route
}

/// Adds a listener with these routes.
pub fn listener(plan: Plan, name: &str, configuration: &Value, routes: &[Value]) -> Plan {
    let plan = gateway::listener(plan, name, Filter::new(configuration));
    plan.adjust(name, |manager| {
        manager["route_config"]["virtual_hosts"][0]["routes"] = json!(routes);
    })
}

fn plan(upstream: &Upstream) -> Plan {
    Plan::new(upstream).workers(WORKERS).quiet()
}

fn start(upstream: &Upstream, feed: &Feed, configuration: &Value, routes: &[Value]) -> Envoy {
    let plan = plan(upstream).cluster("feed", &[feed.address]);
    listener(plan, "main", configuration, routes).start()
}

fn configuration(feed: &Feed, changes: Value) -> Value {
    let access_key = json!({"access_key": ACCESS_KEY, "refresh_seconds": 1});
    json!({"protect": "route", "trust": trust(feed, "feed", merged(access_key, changes))})
}

fn to(path: &str, token: Option<&str>) -> Request {
    let request = token.map_or_else(Request::get, Request::with_token);
    Request { path: path.to_owned(), ..request }
}

fn token(key: &Key, namespace: &str, application: &str) -> String {
    key.token(&claims_with(json!({"application_claim": [grant(namespace, application)]})))
}

#[test]
fn each_route_is_judged_by_its_own_metadata_and_the_keys_of_its_own_namespace() {
    let upstream = Upstream::start();
    let feed = feed();
    let ids = |namespace: &str, application: &str| {
        Some(json!({"namespace_id": namespace, "application_id": application}))
    };
    let routes = [
        route("/one", ids(NAMESPACE, APPLICATION)),
        route("/other", ids(OTHER_NAMESPACE, OTHER_APPLICATION)),
        route("/whole", Some(json!({"namespace_id": NAMESPACE}))),
        route("/crossed", ids(OTHER_NAMESPACE, APPLICATION)),
        route("/public", Some(json!({"public": true}))),
        route("/private", Some(json!({"public": false, "namespace_id": NAMESPACE}))),
        route("/unknown", Some(json!({"namespace_id": "11111111-2222-4333-8444-555555555555"}))),
    ];
    let envoy = start(&upstream, &feed, &configuration(&feed, json!({})), &routes);
    let mut workers = Workers::of(&envoy, "main");
    let (own, others) = (namespace_key(), other_namespaces_key());
    let whole = token(&own, NAMESPACE, "");
    let one = token(&own, "", APPLICATION);
    let other = token(&others, OTHER_NAMESPACE, "");
    // Signed by a key that vouches for another namespace than the token says.
    let forged = token(&own, OTHER_NAMESPACE, OTHER_APPLICATION);
    workers.wait_for(&to("/one", Some(&whole)), "allowed");
    // Twice, so that what was found for one route is no hit for another.
    for _ in 0..2 {
        for (path, token, expected) in [
            ("/one", Some(&whole), "allowed"),
            ("/one", Some(&one), "allowed"),
            ("/one", Some(&other), "bad_signature"),
            ("/one", Some(&forged), "not_granted"),
            ("/one", None, "missing_token"),
            ("/other", Some(&whole), "bad_signature"),
            ("/other", Some(&one), "bad_signature"),
            ("/other", Some(&forged), "bad_signature"),
            ("/other", Some(&other), "allowed"),
            ("/whole", Some(&whole), "allowed"),
            ("/whole", Some(&one), "not_granted"),
            ("/crossed", Some(&one), "bad_signature"),
            ("/crossed", Some(&other), "allowed"),
            ("/public", None, "public"),
            ("/public", Some(&forged), "public"),
            ("/private", None, "missing_token"),
            ("/private", Some(&whole), "allowed"),
        ] {
            let found = workers.decisions(&to(path, token.map(String::as_str)));
            assert_eq!(found, [expected], "{path}");
        }
    }
    // A namespace without a key.
    for code in workers.decisions(&to("/unknown", Some(&whole))) {
        assert!(!["allowed", "public"].contains(&code.as_str()), "{code}");
    }

    // What the feed says of an application counts on its routes, and in its namespace.
    feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "public"));
    workers.wait_for(&to("/one", None), "public");
    assert_eq!(workers.decisions(&to("/whole", None)), ["missing_token"]);
    assert_eq!(workers.decisions(&to("/crossed", None)), ["missing_token"]);
    feed.revoke(TOKEN_ID);
    workers.wait_for(&to("/whole", Some(&whole)), "revoked");
    assert_eq!(workers.decisions(&to("/other", Some(&other))), ["revoked"]);

    let seen = feed.seen();
    assert!(seen.iter().any(|seen| seen.path == "/trust/v1/all"), "{seen:?}");
    assert!(seen.iter().all(|seen| seen.access_key.as_deref() == Some(ACCESS_KEY)));
    assert!(!envoy.log().contains(ACCESS_KEY), "the access key is in the log");
}

#[test]
fn a_route_without_usable_metadata_lets_nobody_through() {
    let upstream = Upstream::start();
    let feed = feed();
    let cases = [
        ("none", None),
        ("empty", Some(json!({}))),
        ("a number", Some(json!({"namespace_id": 7}))),
        ("null", Some(json!({"namespace_id": null}))),
        ("a list", Some(json!({"namespace_id": [NAMESPACE]}))),
        ("an object", Some(json!({"namespace_id": {"id": NAMESPACE}}))),
        ("a boolean", Some(json!({"namespace_id": true}))),
        ("no text", Some(json!({"namespace_id": ""}))),
        ("white space", Some(json!({"namespace_id": format!(" {NAMESPACE}")}))),
        ("an application alone", Some(json!({"application_id": APPLICATION}))),
        (
            "an application that is no text",
            Some(json!({"namespace_id": NAMESPACE, "application_id": 7})),
        ),
        (
            "a member that is not known",
            Some(json!({"namespace_id": NAMESPACE, "applicationid": APPLICATION})),
        ),
        ("public as a text", Some(json!({"public": "true"}))),
        ("public as a number", Some(json!({"public": 1}))),
        ("public null", Some(json!({"public": null, "namespace_id": NAMESPACE}))),
        ("not public, and no more", Some(json!({"public": false}))),
        ("public, and a misspelled member", Some(json!({"public": true, "namespaceid": "x"}))),
    ];
    let path = |n: usize| format!("/{n}");
    let numbered = cases.iter().enumerate();
    let mut routes: Vec<_> =
        numbered.map(|(n, (_, metadata))| route(&path(n), metadata.clone())).collect();
    let mut anothers = route("/another-filters", None);
    anothers["metadata"] = json!({"filter_metadata": {"another": {"namespace_id": NAMESPACE}}});
    routes.push(anothers);
    routes.push(route("/good", Some(json!({"namespace_id": NAMESPACE}))));

    // The configured statuses are a token's.
    let changes = json!({
        "missing_token_status": 401, "invalid_token_status": 404, "allow_cors_preflight": true,
    });
    let enforced = merged(configuration(&feed, json!({})), changes);
    let reported = merged(configuration(&feed, json!({})), json!({"mode": "report_only"}));
    let plan = plan(&upstream).cluster("feed", &[feed.address]);
    let plan = listener(plan, "enforced", &enforced, &routes);
    let envoy = listener(plan, "reported", &reported, &routes).start();
    let token = token(&namespace_key(), NAMESPACE, "");
    for name in ["enforced", "reported"] {
        Workers::of(&envoy, name).wait_for(&to("/good", Some(&token)), "allowed");
    }
    let paths = cases.iter().enumerate().map(|(n, (name, _))| (path(n), *name));
    let no_route = "no route";
    for (path, name) in paths.chain([
        ("/another-filters".to_owned(), "another filter's"),
        ("/nowhere".to_owned(), no_route),
    ]) {
        let preflight = to(&path, None).method("OPTIONS").header("origin", "https://a.test");
        let preflight = preflight.header("access-control-request-method", "GET");
        for request in [to(&path, None), to(&path, Some(&token)), preflight] {
            let answer = send(envoy.address("enforced"), &request);
            assert_eq!(decision(&answer), "unprotected_route", "{name}");
            assert_eq!(answer.status, 403, "{name}");
            assert_eq!(answer.json()["type"], "permissions_denied", "{name}");
            let answer = send(envoy.address("reported"), &request);
            assert_eq!(decision(&answer), "unprotected_route", "{name}");
            assert_eq!(answer.status, if name == no_route { 404 } else { 200 }, "{name}");
        }
    }
}

#[test]
fn the_key_of_the_gateway_is_needed_for_all_namespaces_and_never_told() {
    let upstream = Upstream::start();
    let feed = feed();
    let wrong = "11111111-2222-4333-8444-555555555555";
    let configuration = configuration(&feed, json!({"access_key": wrong}));
    let routes = [route("/", Some(json!({"namespace_id": NAMESPACE})))];
    let envoy = start(&upstream, &feed, &configuration, &routes);
    let counter = "wasmcustom.namespace_jwt.trust.refused.error_status";
    wait_for(counter, || (envoy.counter(counter) > 0).then_some(()));
    let token = token(&namespace_key(), NAMESPACE, "");
    let mut workers = Workers::of(&envoy, "main");
    assert_eq!(workers.decisions(&to("/", Some(&token))), ["trust_unavailable"]);
    assert!(envoy.log().contains("answers with 401"), "{}", envoy.log());
    assert!(!envoy.log().contains(wrong), "the access key is in the log");
    feed.require(wrong);
    workers.wait_for(&to("/", Some(&token)), "allowed");
}

#[test]
fn static_keys_count_for_the_configured_namespace_alone() {
    let upstream = Upstream::start();
    let configuration = configuration_with(json!({"protect": "route"}));
    let routes = [
        route("/own", Some(json!({"namespace_id": NAMESPACE, "application_id": APPLICATION}))),
        route("/other", Some(json!({"namespace_id": OTHER_NAMESPACE}))),
        route("/public", Some(json!({"public": true}))),
    ];
    let envoy = listener(plan(&upstream), "main", &configuration, &routes).start();
    let mut workers = Workers::of(&envoy, "main");
    let own = token(&namespace_key(), "", APPLICATION);
    let other = token(&namespace_key(), OTHER_NAMESPACE, "");
    for (path, token, expected) in [
        ("/own", Some(&own), "allowed"),
        ("/own", None, "missing_token"),
        ("/other", Some(&other), "unprotected_route"),
        ("/public", None, "public"),
    ] {
        let found = workers.decisions(&to(path, token.map(String::as_str)));
        assert_eq!(found, [expected], "{path}");
    }
}

#[test]
fn one_change_among_ten_thousand_applications_costs_its_piece_alone() {
    let upstream = Upstream::start();
    let feed = feed();
    let id = |n: u64| format!("{:08x}-0000-4000-8000-{n:012}", n * 429_496);
    feed.change(|contents| {
        (0..10_000).for_each(|n| contents.set_privacy(NAMESPACE, &id(n), "private"));
    });
    let routes = [0, 4999, 9999].map(|n| {
        let metadata = json!({"namespace_id": NAMESPACE, "application_id": id(n)});
        route(&format!("/{n}"), Some(metadata))
    });
    let envoy = start(&upstream, &feed, &configuration(&feed, json!({})), &routes);
    let mut workers = Workers::of(&envoy, "main");
    let caller = token(&namespace_key(), NAMESPACE, "");
    workers.wait_for(&to("/4999", Some(&caller)), "allowed");
    let before = feed.seen().len();
    feed.change(|contents| contents.set_privacy(NAMESPACE, &id(4999), "public"));
    workers.wait_for(&to("/4999", None), "public");
    for path in ["/0", "/9999"] {
        assert_eq!(workers.decisions(&to(path, None)), ["missing_token"]);
    }
    let asked = feed.seen().split_off(before);
    let objects: Vec<_> = asked.iter().filter(|seen| seen.part == Part::Object).collect();
    assert_eq!(objects.len(), 2, "the index and one shard: {objects:?}");
}
