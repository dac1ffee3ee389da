//! Tokens that the platform itself minted, judged by the code that the filter runs.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use namespace_jwt_core::access::Memory;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use serde_json::{Value, json};
use testkit::contract::BASE64URL;

struct Case {
    token: String,
    public_key: String,
    namespace_id: String,
    application_id: String,
    issued_at: u64,
    expires_at: Option<u64>,
}

fn cases() -> Option<Vec<Case>> {
    let tokens = testkit::vectors::platform_tokens()?;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let case = |entry: &Value| {
        let claims = &entry["claims"];
        let grant = &claims["application_claim"][0];
        Case {
            token: text(&entry["token"]),
            public_key: text(&entry["public_key"]),
            namespace_id: text(&grant["namespace_id"]),
            application_id: text(&grant["application_id"]),
            issued_at: claims["iat"].as_u64().unwrap(),
            expires_at: claims.get("exp").map(|exp| exp.as_u64().unwrap()),
        }
    };
    Some(tokens.iter().map(case).collect())
}

/// What the filter in front of that application says to that token.
fn decide(
    token: &str,
    key: &str,
    namespace_id: &str,
    application_id: &str,
    now: u64,
) -> &'static str {
    let mut json = json!({"namespace_id": namespace_id, "public_key": key});
    if !application_id.is_empty() {
        json["application_id"] = application_id.into();
    }
    let config = Config::from_json(json.to_string().as_bytes(), &Environment::default()).unwrap();
    let presented = Presented::Token(token.as_bytes());
    let mut memory = Memory::new(0);
    let decision =
        config.access.decide(presented.into(), None, &Guest, &mut memory, UnixTime::from_secs(now));
    decision.map_or_else(|denial| denial.code(), |admitted| admitted.code())
}

/// The id that was granted, or another where the token grants nothing of that kind.
fn or_other(id: &str) -> &str {
    if id.is_empty() { "11111111-2222-3333-4444-555555555555" } else { id }
}

#[test]
fn a_platform_token_opens_what_it_was_minted_for_while_it_lasts() {
    let Some(cases) = cases() else { return };
    for case in cases {
        let (namespace, application) =
            (or_other(&case.namespace_id), or_other(&case.application_id));
        let at = |now| decide(&case.token, &case.public_key, namespace, application, now);
        assert_eq!(at(case.issued_at), "allowed");
        assert_eq!(at(case.issued_at - 61), "not_yet_valid");
        match case.expires_at {
            Some(expires_at) => {
                assert_eq!(at(expires_at - 1), "allowed");
                assert_eq!(at(expires_at), "expired");
            }
            None => assert_eq!(at(u64::MAX), "allowed"),
        }
    }
}

#[test]
fn a_platform_token_opens_nothing_else() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let other = "99999999-2222-3333-4444-555555555555";
        let at = |namespace, application| {
            decide(&case.token, &case.public_key, namespace, application, case.issued_at)
        };
        assert_eq!(at(other, other), "not_granted");
        // A token for an application isn't one for the rest of the namespace.
        assert_eq!(
            at(or_other(&case.namespace_id), ""),
            if case.namespace_id.is_empty() { "not_granted" } else { "allowed" }
        );
        let foreign = cases.iter().find(|other| other.public_key != case.public_key).unwrap();
        let (namespace, application) =
            (or_other(&case.namespace_id), or_other(&case.application_id));
        let under_another_key =
            decide(&case.token, &foreign.public_key, namespace, application, case.issued_at);
        assert_eq!(under_another_key, "bad_signature");
    }
}

#[test]
fn a_platform_token_with_one_bit_changed_opens_nothing() {
    let Some(cases) = cases() else { return };
    let mut judged = 0;
    for case in cases {
        let (namespace, application) =
            (or_other(&case.namespace_id), or_other(&case.application_id));
        let dots = case.token.match_indices('.').map(|(at, _)| at);
        let ends: Vec<_> =
            dots.flat_map(|at| [at - 1, at + 1]).chain([case.token.len() - 1]).collect();
        // Every place where a segment begins or ends, and every eleventh between.
        for place in (0..case.token.len()).filter(|place| place % 11 == 0 || ends.contains(place)) {
            let mut changed = case.token.clone().into_bytes();
            let Some(value) = BASE64URL.iter().position(|byte| *byte == changed[place]) else {
                continue;
            };
            changed[place] = BASE64URL[value ^ (1 << (place % 6))];
            let changed = String::from_utf8(changed).unwrap();
            let code = decide(&changed, &case.public_key, namespace, application, case.issued_at);
            let expected = ["bad_signature", "malformed_token", "unsupported_algorithm"];
            assert!(expected.contains(&code), "{code} with a bit changed at {place}");
            judged += 1;
        }
    }
    assert_eq!(judged, 1818, "tokens with one bit changed");
}
