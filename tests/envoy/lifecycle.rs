//! The filter over Envoy's life: killed and started again, configured anew, and
//! under a hundred thousand requests.

use serde_json::json;
use testkit::envoy::{Envoy, Filter, Outcome, Plan, wait_for};
use testkit::http::{Connection, PROTOCOLS, Request};
use testkit::mint::{Key, Kind};
use testkit::protected::*;
use testkit::upstream::Upstream;

fn good() -> Request {
    Request::with_token(&namespace_key().token(&claims()))
}

fn by_other_key() -> Request {
    Request::with_token(&other_key().token(&claims()))
}

fn check_private(envoy: &Envoy) {
    envoy.expect("main", "no token", Request::get(), "missing_token");
    envoy.expect("main", "a good token", good(), "allowed");
    envoy.expect("main", "another key's token", by_other_key(), "bad_signature");
}

#[test]
fn an_envoy_that_was_killed_comes_back_with_the_same_decisions() {
    let upstream = Upstream::start();
    let filter = Filter::new(&configuration());
    for _ in 0..2 {
        let mut envoy = Plan::new(&upstream).listener("main", filter.clone()).start();
        check_private(&envoy);
        envoy.kill();
    }
}

/// Whether the line for an admitted request is shown is asked for again while Envoy runs.
#[test]
fn the_log_level_may_change_while_envoy_runs() {
    let upstream = Upstream::start();
    let envoy =
        Plan::new(&upstream).quiet().listener("main", Filter::new(&configuration())).start();
    let admitted = || envoy.log().matches("namespace-jwt: allowed").count();
    envoy.expect("main", "a good token", good(), "allowed");
    assert_eq!(admitted(), 0);
    envoy.change("/logging?wasm=debug");
    wait_for("a line for an admitted request", || {
        envoy.expect("main", "a good token", good(), "allowed");
        (admitted() > 0).then_some(())
    });
}

fn update(envoy: &mut Envoy, changes: serde_json::Value, outcome: Outcome) {
    envoy.update_listener("main", &Filter::new(&configuration_with(changes)), outcome);
    envoy.read_listeners();
}

#[test]
fn an_unusable_update_is_refused_and_the_last_good_configuration_stays() {
    let upstream = Upstream::start();
    let mut envoy = Plan::new(&upstream)
        .listeners_from_file()
        .listener("main", Filter::new(&configuration()))
        .start();
    check_private(&envoy);
    let mut truncated = namespace_key().public_pem();
    truncated.truncate(200);
    let unusable = [
        ("public_key", json!({"public_key": "junk"})),
        ("public_key", json!({"public_key": truncated})),
        ("public_key", json!({"public_key": null})),
        ("mode", json!({"mode": "off"})),
    ];
    for (member, changes) in unusable {
        let logged = envoy.log().len();
        update(&mut envoy, changes, Outcome::Rejected);
        let log = envoy.log()[logged..].to_owned();
        let line = format!("namespace-jwt: configuration refused: {member}");
        assert!(log.contains(&line), "expected {line:?}, found {log}");
        check_private(&envoy);
    }
    // The next usable one is taken, and the old key is out.
    let rotated = json!({"public_key": other_key().public_pem()});
    update(&mut envoy, rotated, Outcome::Accepted);
    wait_for("the new key in force", || {
        (envoy.ask("main", by_other_key()).decision == "allowed").then_some(())
    });
    envoy.expect("main", "the old key's token", good(), "bad_signature");
}

/// A token that was verified once isn't trusted under a new configuration.
#[test]
fn a_verified_token_is_judged_anew_after_an_update() {
    let upstream = Upstream::start();
    let mut envoy = Plan::new(&upstream)
        .listeners_from_file()
        .listener("main", Filter::new(&configuration()))
        .start();
    let updates = [
        (json!({"revoked_token_ids": [TOKEN_ID]}), "revoked"),
        (json!({"namespace_id": OTHER_NAMESPACE}), "not_granted"),
        (json!({"issuer": "other"}), "wrong_issuer"),
        (json!({"public_key": other_key().public_pem()}), "bad_signature"),
        (json!({}), "allowed"),
    ];
    let token = namespace_key().token(&claims());
    for (changes, code) in updates {
        let ask = |envoy: &Envoy| envoy.ask("main", Request::with_token(&token)).decision;
        ask(&envoy);
        update(&mut envoy, changes, Outcome::Accepted);
        wait_for(code, || (ask(&envoy) == code).then_some(()));
    }
}

/// A hundred thousand mixed requests. Too long for every run: `make soak`.
#[test]
#[ignore = "takes minutes: a hundred thousand requests"]
fn a_hundred_thousand_mixed_requests_are_answered_rightly_in_steady_memory() {
    const REQUESTS: usize = 100_000;
    const WARM_UP: usize = REQUESTS / 5;
    /// Less than what one leaked token per request would come to.
    const GROWTH: u64 = 16 << 20;
    let upstream = Upstream::start();
    let key = Key::named(Kind::Rsa(4096), "namespace");
    let configuration = configuration_with(json!({
        "public_key": key.public_pem(),
        "revoked_token_ids": [OTHER_APPLICATION],
        // Small enough that tokens leave it all the time.
        "token_cache_size": 100,
    }));
    let envoy = Plan::new(&upstream).quiet().listener("main", Filter::new(&configuration)).start();
    let distinct: Vec<_> = (0..400)
        .map(|n| key.token(&claims_with(json!({"sub": n.to_string(), "exp": now() + 7200}))))
        .collect();
    let bad = by_other_key().header("x-other", b"\xff");
    let kept = [
        (Request::get(), 403),
        (Request::with_token("junk"), 403),
        (Request::with_token(&"A".repeat(8193)), 403),
        (Request::get().header("x-auth-token", b"\xff\xfe"), 403),
        (bad, 403),
        (Request::with_token(&key.token(&claims_with(json!({"exp": 1})))), 403),
        (Request::with_token(&key.token(&claims_with(json!({"jti": OTHER_APPLICATION})))), 403),
        (Request::with_token(&distinct[0]).header("scw_functions_token", &distinct[1]), 403),
        (Request::with_token(&key.token(&claims())), 200),
    ];
    let mut connections = PROTOCOLS.map(|p| (p, Connection::open(p, envoy.address("main"))));
    let mut after_warm_up = 0;
    for n in 0..REQUESTS {
        let (protocol, connection) = &mut connections[n % 2];
        let admitted;
        let (request, status) = match n / 2 % (kept.len() + 3) {
            kind if kind < kept.len() => (&kept[kind].0, kept[kind].1),
            _ => {
                admitted = Request::with_token(&distinct[n * 7 % distinct.len()]);
                (&admitted, 200)
            }
        };
        let response = connection.send(&request.clone().over(*protocol));
        assert_eq!(response.status, status, "request {n}: {request:?}");
        if n == WARM_UP {
            after_warm_up = envoy.resident_bytes();
        }
    }
    let growth = envoy.resident_bytes().saturating_sub(after_warm_up);
    println!("{after_warm_up} bytes after {WARM_UP} requests, {growth} more after {REQUESTS}");
    assert!(growth < GROWTH, "Envoy grew by {growth} bytes from {after_warm_up}");
    let counted: u64 = envoy.decisions().values().sum();
    assert_eq!(counted, REQUESTS as u64);
}
