//! The key that signs what gateways are told is replaced: those that pin either of the two go on,
//! until the old one is dropped.

use serde_json::json;
use testkit::envoy::{Filter, wait_for};
use testkit::http::Request;
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers};
use crate::issuer::Issuer;

#[test]
fn a_gateway_goes_on_as_long_as_a_key_that_it_pins_signs() {
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let old = issuer.service.run(&["trust", "key"]);
    let both = issuer.service.run(&["trust", "rotate"]);
    let new = both.strip_prefix(&old).expect("the old key first").to_owned();
    let pinned = [("old", vec![&old]), ("new", vec![&new]), ("both", vec![&old, &new])];
    let plan = testkit::envoy::Plan::new(&upstream).workers(WORKERS).quiet();
    let plan = plan.cluster("feed", &[issuer.service.address]);
    let plan = pinned.iter().fold(plan, |plan, (name, keys)| {
        let trust = json!({"public_keys": keys, "wait_seconds": 5, "refresh_seconds": 1});
        let mut configuration = issuer.configuration(trust);
        configuration["metrics_name"] = json!(name);
        gateway::listener(plan, name, Filter::new(&configuration))
    });
    let envoy = plan.start();
    let mut all = pinned.each_ref().map(|(name, _)| Workers::of(&envoy, name));
    let [first, second] = [(); 2].map(|()| issuer.make_token());
    let request = |token: &crate::issuer::Made| Request::with_token(&token.token);
    for workers in &mut all {
        workers.wait_for(&request(&first), "allowed");
    }
    issuer.delete(&first);
    for workers in &mut all {
        workers.wait_for(&request(&first), "revoked");
    }

    issuer.service.run(&["trust", "rotate", "--drop-old"]);
    issuer.delete(&second);
    let [alone, rest @ ..] = &mut all;
    for workers in rest {
        workers.wait_for(&request(&second), "revoked");
    }
    let counter = "wasmcustom.namespace_jwt.old.trust.refused.bad_signature";
    wait_for(counter, || (envoy.counter(counter) > 0).then_some(()));
    // It has its last good state, until that is too old.
    assert_eq!(alone.decisions(&request(&second)), ["allowed"]);
    assert_eq!(alone.decisions(&request(&first)), ["revoked"]);
}
