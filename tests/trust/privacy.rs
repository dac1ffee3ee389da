//! What is public is said over the API, and is so at the gateway within a second.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::envoy::wait_for;
use testkit::http::Request;
use testkit::protected::{APPLICATION, NAMESPACE, merged, namespace_key};
use testkit::upstream::Upstream;

use crate::gateway::{self, Workers, following, token};
use crate::issuer::Issuer;
use crate::load::{PATIENCE, Times, tell};

/// How long until every worker decides so.
fn until(workers: &mut Workers, request: &Request, code: &str) -> Duration {
    let begin = Instant::now();
    while workers.decisions(request) != [code] {
        assert!(begin.elapsed() < PATIENCE, "not {code} on every worker");
    }
    begin.elapsed()
}

#[test]
fn a_function_is_public_or_private_at_the_gateway_when_the_api_says_so() {
    let _alone = crate::alone();
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({}));
    let mut workers = Workers::of(&envoy, "main");
    let nobody = Request::get();
    let caller = Request::with_token(&issuer.make_token().token);
    workers.wait_for(&caller, "allowed");
    workers.wait_for(&nobody, "missing_token");
    let mut times = Vec::new();
    for _ in 0..5 {
        for (privacy, code) in [("public", "public"), ("private", "missing_token")] {
            issuer.set_privacy(privacy);
            times.push(until(&mut workers, &nobody, code));
        }
    }
    assert_eq!(workers.decisions(&caller), ["allowed"]);
    let times = Times::new(times);
    tell(&format!("privacy, from the API's answer to every worker: {times}"));
    assert!(times.most() < Duration::from_secs(5), "{times}");
}

#[test]
fn what_the_feed_does_not_know_is_private() {
    let upstream = Upstream::start();
    let feed = testkit::feed::Feed::start(NAMESPACE);
    let key = namespace_key().public_pem();
    let other = "22222222-3333-4444-8555-666666666666";
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [key.as_str()]);
        contents.set_privacy(NAMESPACE, other, "public");
    });
    let configuration = following(&feed, "feed", json!({"refresh_seconds": 1}));
    let protected = merged(configuration, json!({"application_id": APPLICATION}));
    let envoy = gateway::start(&upstream, feed.address, &protected);
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&Request::with_token(&token("good")), "allowed");
    assert_eq!(workers.decisions(&Request::get()), ["missing_token"]);
    feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "a word of later"));
    let sequence = feed.contents().sequence;
    let gauge = "wasmcustom.namespace_jwt.trust.sequence";
    wait_for("the change", || (envoy.counter(gauge) == sequence).then_some(()));
    assert_eq!(workers.decisions(&Request::get()), ["missing_token"]);
    feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "public"));
    workers.wait_for(&Request::get(), "public");
}
