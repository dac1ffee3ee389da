//! A gateway that starts while its issuer can't be reached.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::envoy::{Filter, Plan};
use testkit::feed::{Fault, Feed};
use testkit::http::Request;
use testkit::protected::{NAMESPACE, merged, namespace_key};
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, following, token};

/// How long static keys admit without the feed, in the tests that wait for the end of it.
const MAX_STALENESS: u64 = 6;

/// A feed that nobody can reach yet.
fn unreachable() -> Feed {
    let feed = Feed::start(NAMESPACE);
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [namespace_key().public_pem().as_str()]);
        contents.revoke("gone");
    });
    feed.misbehave(Fault::Refuse);
    feed
}

#[test]
fn static_keys_admit_until_the_issuer_should_have_been_heard_and_without_them_nobody_is() {
    let upstream = Upstream::start();
    let static_key = json!({"public_key": namespace_key().public_pem()});
    // At first, and when `max_staleness_seconds` are over.
    let cases: [(&str, &str, &Value, [&str; 2]); 4] = [
        ("deny", "deny", &json!({}), ["trust_unavailable", "trust_unavailable"]),
        ("keep", "keep", &json!({}), ["trust_unavailable", "trust_unavailable"]),
        ("static_deny", "deny", &static_key, ["allowed", "trust_unavailable"]),
        ("static_keep", "keep", &static_key, ["allowed", "allowed"]),
    ];
    let feeds = cases.each_ref().map(|_| unreachable());
    let plan = Plan::new(&upstream).workers(WORKERS).quiet();
    let plan = cases.iter().zip(&feeds).fold(plan, |plan, ((name, when, keys, _), feed)| {
        let trust = json!({"max_staleness_seconds": MAX_STALENESS, "when_stale": when});
        let configuration = merged(following(feed, name, trust), (*keys).clone());
        let plan = plan.cluster(name, &[feed.address]);
        gateway::listener(plan, name, Filter::new(&configuration))
    });
    let begin = Instant::now();
    let envoy = plan.start();
    let [good, gone] = ["good", "gone"].map(|id| Request::with_token(&token(id)));
    let mut all = cases.each_ref().map(|(name, ..)| Workers::of(&envoy, name));
    for ((name, _, _, [first, _]), workers) in cases.iter().zip(&mut all) {
        let codes = workers.decisions(&good);
        // A machine on which this took so long shows nothing.
        if begin.elapsed() < Duration::from_secs(MAX_STALENESS) {
            assert_eq!(codes, [*first], "{name}");
        }
    }
    std::thread::sleep(Duration::from_secs(MAX_STALENESS));
    for ((name, _, _, [_, then]), workers) in cases.iter().zip(&mut all) {
        workers.wait_for(&good, then);
        let answer = testkit::http::send(envoy.address(name), &good);
        assert_eq!(answer.status, if *then == "allowed" { 200 } else { 503 }, "{name}");
        assert_eq!(answer.header("retry-after").is_some(), *then != "allowed", "{name}");
    }
    for feed in &feeds {
        feed.behave();
    }
    for ((name, ..), workers) in cases.iter().zip(&mut all) {
        workers.wait_for(&good, "allowed");
        workers.wait_for(&gone, "revoked");
        let tried = envoy.counter("wasmcustom.namespace_jwt.trust.refused.no_answer")
            + envoy.counter("wasmcustom.namespace_jwt.trust.refused.error_status");
        assert!(tried > 0, "{name}: nothing was counted");
    }
}

/// What goes before what, where several settings meet.
#[test]
fn what_needs_no_token_needs_no_issuer_either() {
    let upstream = Upstream::start();
    let feed = unreachable();
    let trust = following(&feed, "feed", json!({"refresh_seconds": 1}));
    let private = merged(trust.clone(), json!({"allow_cors_preflight": true}));
    let statuses = json!({"missing_token_status": 401, "invalid_token_status": 404});
    let cases = [
        ("private", private),
        ("public", merged(trust.clone(), json!({"public": true}))),
        ("reported", merged(trust.clone(), json!({"mode": "report_only"}))),
        ("statuses", merged(trust, statuses)),
    ];
    let plan = Plan::new(&upstream).workers(WORKERS).quiet().cluster("feed", &[feed.address]);
    let plan = cases.iter().fold(plan, |plan, (name, configuration)| {
        gateway::listener(plan, name, Filter::new(configuration))
    });
    let envoy = plan.start();
    let preflight = Request::get()
        .method("OPTIONS")
        .header("origin", "https://a.test")
        .header("access-control-request-method", "GET");
    let good = Request::with_token(&token("good"));
    for (listener, request, code, status) in [
        ("private", &preflight, "preflight", 200),
        ("private", &good, "trust_unavailable", 503),
        ("public", &Request::get(), "public", 200),
        ("reported", &Request::get(), "trust_unavailable", 200),
        ("statuses", &Request::get(), "trust_unavailable", 503),
    ] {
        let answer = testkit::http::send(envoy.address(listener), request);
        assert_eq!((gateway::decision(&answer).as_str(), answer.status), (code, status));
    }
}

#[test]
fn the_environment_has_the_keys_and_the_configuration_where_the_feed_is() {
    let upstream = Upstream::start();
    let feed = Feed::start("all");
    let access_key = "5f0f6a55-2c4c-4c5c-8f68-5d2f0a1b7c11";
    feed.require(access_key);
    let key = namespace_key().public_pem();
    feed.change(|contents| contents.set_keys(NAMESPACE, [key.as_str()]));
    let trust = json!({
        "cluster": "outbound|80||issuer.test", "path": "/mirror/feed/", "refresh_seconds": 1,
    });
    // Another key before the one that signs.
    let keys = testkit::feed::public_pem(1) + &feed.public_pem();
    let filter = Filter::new(&json!({"protect": "route", "trust": trust}))
        .env("NAMESPACE_JWT_TRUST_KEY", &keys)
        .env("NAMESPACE_JWT_TRUST_ACCESS_KEY", access_key);
    let plan = Plan::new(&upstream).workers(WORKERS).quiet();
    let plan = plan.cluster("outbound|80||issuer.test", &[feed.address]);
    let metadata = json!({"filter_metadata": {"namespace_jwt": {"namespace_id": NAMESPACE}}});
    let plan = gateway::listener(plan, "main", filter).adjust("main", |manager| {
        manager["route_config"]["virtual_hosts"][0]["routes"][0]["metadata"] = metadata;
    });
    let envoy = plan.start();
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&Request::with_token(&token("good")), "allowed");
    for seen in feed.seen() {
        assert!(seen.path.starts_with("/mirror/feed/"), "{seen:?}");
        assert_eq!(seen.authority, "issuer.test");
        // The last one is held.
        assert!(seen.status.is_none_or(|status| status == 200), "{seen:?}");
    }
    assert!(!envoy.log().contains(access_key), "the access key is in the log");
}

#[test]
fn a_cluster_that_comes_later_is_found() {
    let upstream = Upstream::start();
    let feed = Feed::start(NAMESPACE);
    let key = namespace_key().public_pem();
    feed.change(|contents| contents.set_keys(NAMESPACE, [key.as_str()]));
    let configuration = following(&feed, "late", json!({"refresh_seconds": 1}));
    let plan = Plan::new(&upstream).workers(WORKERS).quiet().clusters_from_file();
    let envoy = gateway::listener(plan, "main", Filter::new(&configuration)).start();
    let good = Request::with_token(&token("good"));
    let mut workers = Workers::of(&envoy, "main");
    assert_eq!(workers.decisions(&good), ["trust_unavailable"]);
    let unknown = "wasmcustom.namespace_jwt.trust.refused.unknown_cluster";
    testkit::envoy::wait_for(unknown, || (envoy.counter(unknown) > 0).then_some(()));
    assert!(envoy.log().contains("no cluster late"), "{}", envoy.log());
    envoy.set_clusters(&[("late", &[feed.address])]);
    workers.wait_for(&good, "allowed");
    feed.revoke("good");
    workers.wait_for(&good, "revoked");
    // And one that goes: what is known stays.
    envoy.set_clusters(&[]);
    let other = Request::with_token(&token("other"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(workers.decisions(&good), ["revoked"]);
    assert_eq!(workers.decisions(&other), ["allowed"]);
    envoy.set_clusters(&[("late", &[feed.address])]);
    feed.revoke("other");
    workers.wait_for(&other, "revoked");
}

/// Where the issuer's name leads nowhere, or to a port where nobody is: Envoy itself starts.
#[test]
fn a_cluster_without_hosts_holds_up_no_start() {
    let upstream = Upstream::start();
    let feed = Feed::start(NAMESPACE);
    let configuration = following(&feed, "feed", json!({"refresh_seconds": 1}));
    let nobody: [SocketAddr; 0] = [];
    let plan = Plan::new(&upstream).workers(WORKERS).quiet().cluster("feed", &nobody);
    let envoy = gateway::listener(plan, "main", Filter::new(&configuration)).start();
    let mut workers = Workers::of(&envoy, "main");
    let good = Request::with_token(&token("good"));
    assert_eq!(workers.decisions(&good), ["trust_unavailable"]);
    let failed = "wasmcustom.namespace_jwt.trust.refused.no_answer";
    testkit::envoy::wait_for(failed, || (envoy.counter(failed) > 0).then_some(()));
}
