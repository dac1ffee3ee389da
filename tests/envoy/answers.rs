//! Each decision has its answer, its counter, its log line and its code in the
//! access log, and none of them repeats what the client sent.

use std::collections::BTreeMap;
use std::time::Duration;

use namespace_jwt_core::reason::Outcome;
use serde_json::{Value, json};
use testkit::envoy::{Answer, Envoy, Filter, Plan, wait_for};
use testkit::http::{Connection, PROTOCOLS, Protocol, Request, text};
use testkit::mint::{Key, Kind, hs256};
use testkit::protected::*;
use testkit::upstream::Upstream;

/// Stands in each place of a token or header that the client fills as it likes.
const CHOSEN: &str = "chosen-by-the-client";

/// A request for each reason code: the code, the listener, the request.
fn one_request_for_each_code() -> Vec<(&'static str, &'static str, Request)> {
    let key = namespace_key();
    let with = |changes: Value| Request::with_token(&key.token(&claims_with(changes)));
    let whole = claims().to_string();
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let (header, payload) = (header.to_string(), whole.as_bytes());
    let two = Request::with_token(&key.token(&claims()))
        .header("x-auth-token", key.token(&claims_with(json!({"sub": CHOSEN}))));
    let symmetric = hs256(
        key.public_pem().as_bytes(),
        json!({"alg": "HS256", "kid": CHOSEN}).to_string().as_bytes(),
        payload,
    );
    let unknown_kid = key.token_with(&json!({"alg": "RS256", "kid": CHOSEN}), &claims());
    let duplicate = whole.replacen('{', &format!("{{\"sub\":\"{CHOSEN}\","), 1);
    let malformed_claims = key.sign("RS256", header.as_bytes(), duplicate.as_bytes());
    let oversized = format!("{CHOSEN}.{}.AA", "A".repeat(8193 - CHOSEN.len() - 4));
    assert_eq!(oversized.len(), 8193);
    vec![
        ("allowed", "strict", with(json!({"sub": CHOSEN}))),
        ("unprotected_route", "route", with(json!({"sub": CHOSEN}))),
        ("trust_unavailable", "trust", with(json!({"sub": CHOSEN}))),
        ("public", "public", Request::with_token(CHOSEN)),
        ("missing_token", "strict", Request::get()),
        ("multiple_tokens", "strict", two),
        ("malformed_token", "strict", Request::with_token(CHOSEN)),
        ("oversized_token", "strict", Request::with_token(&oversized)),
        ("unsupported_algorithm", "strict", Request::with_token(&symmetric)),
        ("unknown_key", "with-kid", Request::with_token(&unknown_kid)),
        (
            "bad_signature",
            "strict",
            Request::with_token(&other_key().token(&claims_with(json!({"sub": CHOSEN})))),
        ),
        ("malformed_claims", "strict", Request::with_token(&malformed_claims)),
        ("expired", "strict", with(json!({"exp": now(), "sub": CHOSEN}))),
        ("not_yet_valid", "strict", with(json!({"nbf": now() + 600, "sub": CHOSEN}))),
        ("missing_expiration", "strict", with(json!({"exp": null, "sub": CHOSEN}))),
        ("lifetime_too_long", "strict", with(json!({"exp": now() + 100_000, "sub": CHOSEN}))),
        ("wrong_issuer", "strict", with(json!({"iss": CHOSEN}))),
        ("wrong_audience", "strict", with(json!({"aud": CHOSEN}))),
        ("not_granted", "strict", with(json!({"application_claim": [grant(CHOSEN, "")]}))),
        ("revoked", "strict", with(json!({"jti": OTHER_APPLICATION, "sub": CHOSEN}))),
    ]
}

#[test]
fn there_is_a_request_for_each_code() {
    let mut codes: Vec<_> = one_request_for_each_code().into_iter().map(|it| it.0).collect();
    // A preflight is let in before anybody asks for a token: see `tests/envoy/configuration.rs`.
    codes.push("preflight");
    codes.sort_unstable();
    let mut own = Outcome::ALL.map(Outcome::code);
    own.sort_unstable();
    assert_eq!(codes, own);
}

/// The lines about requests that the filter writes in a second are few: after as many it takes
/// another second until each has its own again.
fn wait_for_a_line_each(requests: usize) {
    if requests % 5 == 4 {
        std::thread::sleep(Duration::from_millis(1010));
    }
}

/// Envoy with what those requests need; `statuses` goes into every listener.
fn start(upstream: &Upstream, statuses: &Value) -> Envoy {
    let strict = configuration_with(json!({
        "issuer": "SCALEWAY",
        "audience": "functions",
        "require_expiration": true,
        "max_lifetime_seconds": 7200,
        "revoked_token_ids": [OTHER_APPLICATION],
    }));
    let with_kid = configuration_with(json!({
        "public_key": null,
        "jwks": {"keys": [namespace_key().jwk_with_kid("first")]},
    }));
    let filter = |mut configuration: Value| {
        for (name, value) in statuses.as_object().unwrap() {
            configuration[name] = value.clone();
        }
        Filter::new(&configuration)
    };
    let key = Key::named(Kind::Ed25519, "trust").public_pem();
    let trust = json!({"cluster": "nowhere", "public_keys": [key]});
    let trust = configuration_with(json!({"public_key": null, "trust": trust}));
    let envoy = Plan::new(upstream)
        .listener("strict", filter(strict))
        .listener("with-kid", filter(with_kid))
        .listener("public", filter(json!({"public": true})))
        .listener("route", filter(configuration_with(json!({"protect": "route"}))))
        .listener("trust", filter(trust))
        .start();
    // Whoever counts lines is not to count this one.
    let line = "trust: there is no cluster nowhere, or not yet; it is tried again";
    wait_for(line, || envoy.log().contains(line).then_some(()));
    envoy
}

/// The status of a refusal, where the configuration has this one for tokens.
fn status(code: &str, of_tokens: u16) -> u16 {
    match code {
        "unprotected_route" => 403,
        "trust_unavailable" => 503,
        _ => of_tokens,
    }
}

/// The body that the contract has for a code, message aside.
fn body(code: &str) -> Value {
    let reason = match code {
        "not_granted" | "unprotected_route" => {
            return json!({"type": "permissions_denied", "details": []});
        }
        "trust_unavailable" => return json!({"type": "unavailable"}),
        "missing_token" => "not_found",
        "expired" => "expired",
        _ => "invalid_argument",
    };
    json!({"type": "denied_authentication", "method": "jwt", "reason": reason})
}

fn is_admitting(code: &str) -> bool {
    matches!(code, "allowed" | "public")
}

#[track_caller]
fn check_denial(code: &str, answer: &Answer) {
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"), "{code}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{code}");
    let mut found = answer.json();
    let message = found.as_object_mut().unwrap().remove("message");
    assert!(
        message.as_ref().and_then(Value::as_str).is_some_and(|m| !m.is_empty()),
        "{code}: expected a message, found {message:?}"
    );
    assert_eq!(found, body(code), "{code}");
}

#[test]
fn each_decision_has_its_answer_counter_log_line_and_access_log_code() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &json!({}));
    let mut requests = 0;
    for (code, listener, request) in one_request_for_each_code() {
        for protocol in PROTOCOLS {
            wait_for_a_line_each(requests);
            requests += 1;
            let (counted, logged) = (envoy.decisions(), envoy.log().len());
            let forwarded = upstream.requests();
            let answer = envoy.expect(listener, code, request.clone().over(protocol), code);

            let forwards = usize::from(is_admitting(code));
            assert_eq!(upstream.requests() - forwarded, forwards, "{code}");
            let line = if is_admitting(code) {
                assert_eq!(answer.status, 200, "{code}");
                format!("namespace-jwt: {code}\n")
            } else {
                assert_eq!(answer.status, status(code, 403), "{code}");
                let retry = answer.header("retry-after").is_some();
                assert_eq!(retry, code == "trust_unavailable", "{code}");
                assert_eq!(answer.header("www-authenticate"), None, "{code}");
                check_denial(code, &answer);
                format!("namespace-jwt: denied: {code}\n")
            };
            let lines = wait_for("the decision's log line", || {
                let lines = envoy.log()[logged..].to_owned();
                lines.contains(&line).then_some(lines)
            });
            assert_eq!(lines.matches("wasm log").count(), 1, "{code}: {lines}");
            assert_eq!(increments(&counted, &envoy.decisions()), [(code.to_owned(), 1)], "{code}");
        }
    }
    upstream_is_not_told(&envoy);
}

fn increments(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    after
        .iter()
        .map(|(code, count)| (code.clone(), count - before.get(code).unwrap_or(&0)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// A token that was let in is removed before the upstream.
fn upstream_is_not_told(envoy: &Envoy) {
    let token = namespace_key().token(&claims());
    let answer = envoy.expect("strict", "a good token", Request::with_token(&token), "allowed");
    assert!(!text(&answer.body).contains(&token));
}

#[test]
fn nothing_that_the_client_chose_is_repeated_anywhere() {
    let upstream = Upstream::start();
    let envoy =
        start(&upstream, &json!({"missing_token_status": 401, "invalid_token_status": 401}));
    let mut secrets = vec![CHOSEN.to_owned()];
    for (code, listener, request) in one_request_for_each_code() {
        for (_, value) in &request.headers {
            let parts = text(value);
            secrets.extend(parts.split('.').filter(|p| p.len() > 8).map(str::to_owned));
        }
        let answer = envoy.expect(listener, code, request, code);
        if !is_admitting(code) {
            // Debug prints names, values and body alike.
            let headers: Vec<_> = answer.headers.iter().map(|(n, v)| (n, text(v))).collect();
            check_silence(code, &secrets, &format!("{headers:?} {}", text(&answer.body)));
        }
    }
    check_silence("Envoy's log", &secrets, &envoy.log());
    check_silence("the access log", &secrets, &envoy.access_log());
    check_silence("the metrics", &secrets, &text(&envoy.admin_page("/stats").body));
}

fn check_silence(place: &str, secrets: &[String], found: &str) {
    for secret in secrets {
        assert!(!found.contains(secret), "{place} repeats {secret}: {found}");
    }
}

#[test]
fn status_401_says_how_to_authenticate_as_rfc_6750_has_it() {
    let upstream = Upstream::start();
    let envoy =
        start(&upstream, &json!({"missing_token_status": 401, "invalid_token_status": 401}));
    for (code, listener, request) in one_request_for_each_code() {
        if is_admitting(code) {
            continue;
        }
        for protocol in PROTOCOLS {
            let answer = envoy.expect(listener, code, request.clone().over(protocol), code);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            check_denial(code, &answer);
            match code {
                // Nothing is said of a token.
                "unprotected_route" | "trust_unavailable" => {
                    assert_eq!((answer.status, challenge.as_str()), (status(code, 401), ""));
                }
                // §3.1: no token, no error code.
                "missing_token" => {
                    assert_eq!((answer.status, challenge.as_str()), (401, "Bearer"), "{code}");
                }
                // §3.1: insufficient_scope belongs to 403.
                "not_granted" => {
                    assert_eq!(answer.status, 401, "{code}");
                    assert_eq!(challenge, r#"Bearer error="invalid_token""#, "{code}");
                }
                _ => {
                    assert_eq!(answer.status, 401, "{code}");
                    assert!(
                        challenge.starts_with(r#"Bearer error="invalid_token""#),
                        "{code}: {challenge}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_statuses_for_no_token_and_for_a_bad_one_are_set_apart() {
    let upstream = Upstream::start();
    for (missing, invalid) in [(401, 403), (404, 401), (403, 404)] {
        let statuses = json!({"missing_token_status": missing, "invalid_token_status": invalid});
        let envoy = start(&upstream, &statuses);
        let answer = envoy.expect("strict", "no token", Request::get(), "missing_token");
        assert_eq!(answer.status, missing);
        check_denial("missing_token", &answer);
        let answer = envoy.expect("strict", "junk", Request::with_token("junk"), "malformed_token");
        assert_eq!(answer.status, invalid);
        check_denial("malformed_token", &answer);
    }
}

#[test]
fn a_denied_head_request_has_no_body_and_leaves_the_connection_usable() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &json!({}));
    for protocol in PROTOCOLS {
        let mut connection = Connection::open(protocol, envoy.address("strict"));
        let head = connection.send(&Request::get().method("HEAD").over(protocol));
        assert_eq!((head.status, head.body.len()), (403, 0), "{protocol:?}");
        let get = connection.send(&Request::get().over(protocol));
        assert_eq!(get.json()["reason"], "not_found", "{protocol:?}");
    }
}

#[test]
fn every_method_is_judged_alike() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &json!({}));
    let token = namespace_key().token(&claims());
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = || Request::get().method(method);
        envoy.expect("strict", method, request(), "missing_token");
        let preflight = request().header("access-control-request-method", "GET");
        envoy.expect(
            "strict",
            method,
            preflight.header("origin", "https://a.test"),
            "missing_token",
        );
        envoy.expect("strict", method, request().header("x-auth-token", &token), "allowed");
    }
}

#[test]
fn a_grpc_client_is_answered_with_a_grpc_status() {
    let upstream = Upstream::start();
    // The statuses of the gRPC-HTTP mapping: 401 and 403.
    for (status, grpc_status) in [(401, "16"), (403, "7")] {
        let statuses = json!({"missing_token_status": status, "invalid_token_status": status});
        let envoy = start(&upstream, &statuses);
        let call = Request::get()
            .method("POST")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .over(Protocol::Http2);
        let bad = call.clone().header("x-auth-token", "junk");
        for (code, call) in [("missing_token", call), ("malformed_token", bad)] {
            let answer = envoy.expect("strict", code, call, code);
            assert_eq!(answer.status, 200, "{code}");
            assert_eq!(answer.header("content-type").as_deref(), Some("application/grpc"));
            assert_eq!(answer.header("grpc-status").as_deref(), Some(grpc_status), "{code}");
        }
    }
}

#[test]
fn report_only_admits_everything_and_still_counts_and_logs_the_code() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &json!({"mode": "report_only"}));
    for (requests, (code, listener, request)) in one_request_for_each_code().into_iter().enumerate()
    {
        wait_for_a_line_each(requests);
        let (counted, logged) = (envoy.decisions(), envoy.log().len());
        let answer = envoy.ask(listener, request);
        assert_eq!((answer.status, answer.is_from_upstream()), (200, true), "{code}");
        assert_eq!(answer.decision, code);
        assert_eq!(increments(&counted, &envoy.decisions()), [(code.to_owned(), 1)], "{code}");
        if !is_admitting(code) {
            let line = format!("namespace-jwt: would deny: {code}\n");
            wait_for("the log line", || envoy.log()[logged..].contains(&line).then_some(()));
            assert!(!envoy.log()[logged..].contains("namespace-jwt: denied"), "{code}");
        }
    }
}

#[test]
fn a_metrics_name_tells_the_counters_of_two_plugins_apart() {
    let upstream = Upstream::start();
    let named = |name: Value| Filter::new(&configuration_with(json!({"metrics_name": name})));
    let envoy = Plan::new(&upstream)
        .listener("orders", named(json!("orders")))
        .listener("bills", named(json!("bills_2")))
        .listener("neither", named(Value::Null))
        .start();
    let token = namespace_key().token(&claims());
    for (listener, good, bad) in [("orders", 1, 2), ("bills", 3, 0), ("neither", 0, 4)] {
        for _ in 0..good {
            envoy.expect(listener, "good", Request::with_token(&token), "allowed");
        }
        for _ in 0..bad {
            envoy.expect(listener, "none", Request::get(), "missing_token");
        }
    }
    let mut counted = envoy.counters("wasmcustom.namespace_jwt.");
    counted.retain(|_, count| *count > 0);
    let expected = [
        ("wasmcustom.namespace_jwt.bills_2.decision.allowed", 3),
        ("wasmcustom.namespace_jwt.decision.missing_token", 4),
        ("wasmcustom.namespace_jwt.orders.decision.allowed", 1),
        ("wasmcustom.namespace_jwt.orders.decision.missing_token", 2),
    ];
    assert_eq!(counted, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// The order of faults: the signature is judged before any claim.
#[test]
fn a_bad_signature_is_named_before_any_fault_of_the_claims() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &json!({}));
    let stranger: Key = other_key();
    let cases = [
        ("expired", json!({"exp": 1})),
        ("not yet valid", json!({"nbf": now() + 600})),
        ("revoked", json!({"jti": OTHER_APPLICATION})),
        ("not granted", json!({"application_claim": []})),
        ("wrong issuer", json!({"iss": "other"})),
    ];
    for (what, changes) in cases {
        let request = Request::with_token(&stranger.token(&claims_with(changes)));
        envoy.expect("strict", what, request, "bad_signature");
    }
    let malformed = stranger.sign("RS256", br#"{"alg":"RS256"}"#, b"[]");
    envoy.expect("strict", "no claims", Request::with_token(&malformed), "bad_signature");
}
