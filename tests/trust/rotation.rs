//! A namespace's key is replaced under load.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::http::Request;
use testkit::upstream::Upstream;

use crate::gateway::Workers;
use crate::issuer::{Issuer, Made};
use crate::load::{Load, PATIENCE, tell};

/// How long gateways are told of the new key before it signs: three times as long as one that
/// polls takes to ask again.
const AHEAD: &str = "15s";

/// How long the tokens of the old key are good beside those of the new one.
const GRACE: &str = "12s";

/// Another token for the function, which is used from now on.
fn make(issuer: &Issuer, load: &Load) -> Made {
    let made = issuer.make_token();
    load.add(&made.token);
    made
}

/// It takes as long as a key is published first, and the grace.
#[test]
fn no_request_is_refused_while_the_key_is_rotated_and_the_old_ones_tokens_end_with_its_grace() {
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({}));
    let old = issuer.make_token();
    let load = Load::start(&envoy, "main", &issuer.make_tokens(100), Duration::from_millis(40));
    let rotate = ["namespace", "rotate", &issuer.namespace, "--ahead", AHEAD, "--grace", GRACE];
    let told = issuer.service.run(&rotate);
    assert!(told.contains("-----BEGIN PUBLIC KEY-----"), "{told}");
    // Each token is used as soon as there is one, also those that the new key signs first.
    let begin = Instant::now();
    let mut new = Vec::new();
    let signs = loop {
        let made = make(&issuer, &load);
        if made.public_key != old.public_key {
            new.push(made.token);
            break begin.elapsed();
        }
        assert!(begin.elapsed() < PATIENCE * 2, "the new key doesn't sign");
        std::thread::sleep(Duration::from_millis(200));
    };
    let watch = load.watch(&old.token);
    let both = Instant::now();
    while both.elapsed() < Duration::from_secs(5) {
        new.push(make(&issuer, &load).token);
        std::thread::sleep(Duration::from_millis(200));
    }
    // From here on the old one may end.
    load.replace(&new);
    let begin = Instant::now();
    while watch.reasons().len() < watch.count() {
        assert!(begin.elapsed() < PATIENCE, "the old key doesn't end");
        std::thread::sleep(Duration::from_millis(20));
    }
    for reason in watch.reasons() {
        assert!(["revoked", "bad_signature", "unknown_key"].contains(&reason.as_str()), "{reason}");
    }
    watch.assert_never_admitted_again();
    let report = load.end_with_none_refused();
    tell(&format!(
        "a rotation: the new key signed after {signs:.0?}; {} good requests admitted meanwhile, \
         the slowest in {:.0?}",
        report.admitted, report.slowest
    ));
}

#[test]
fn the_tokens_of_a_compromised_key_end_at_once() {
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({}));
    let old = issuer.make_tokens(3);
    let mut workers = Workers::of(&envoy, "main");
    for token in &old {
        workers.wait_for(&Request::with_token(token), "allowed");
    }
    issuer.service.run(&["namespace", "rotate", &issuer.namespace, "--compromised"]);
    let new = issuer.make_token();
    workers.wait_for(&Request::with_token(&new.token), "allowed");
    for token in &old {
        let reasons = workers.decisions(&Request::with_token(token));
        assert!(!reasons.contains(&"allowed".to_owned()), "{reasons:?}");
    }
}

#[test]
fn all_that_was_issued_before_a_mark_is_refused_and_what_comes_later_is_not() {
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({}));
    let before = Request::with_token(&issuer.make_token().token);
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&before, "allowed");
    // A mark is a second, and what was issued in that one counts.
    std::thread::sleep(Duration::from_millis(1_100));
    let mark = ["revoke", "--issued-before", "now", "--application-id", &issuer.function];
    issuer.service.run(&mark);
    workers.wait_for(&before, "revoked");
    let after = Request::with_token(&issuer.make_token().token);
    workers.wait_for(&after, "allowed");
    assert_eq!(workers.decisions(&before), ["revoked"]);
}
