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
