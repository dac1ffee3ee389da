//! `exp`, `nbf` and `iat`: every JSON type, odd numbers, and both sides of each boundary.

use serde_json::{Value, json};

use super::{Bench, Case};
use crate::protected::*;

pub fn cases(bench: &Bench) -> Vec<Case> {
    [types(bench), boundaries(bench), order(bench)].concat()
}

fn types(bench: &Bench) -> Vec<Case> {
    let late = bench.now + 3600;
    let past = bench.now - 100;
    // The value, what it makes of `exp`, and what of `nbf` and `iat`.
    let values = [
        ("null", "null".to_owned(), "malformed_claims", "malformed_claims"),
        ("string", format!("\"{past}\""), "malformed_claims", "malformed_claims"),
        ("late-string", format!("\"{late}\""), "malformed_claims", "malformed_claims"),
        ("empty-string", r#""""#.to_owned(), "malformed_claims", "malformed_claims"),
        ("date-string", r#""2999-01-01T00:00:00Z""#.to_owned(), "malformed_claims", "malformed_claims"),
        ("true", "true".to_owned(), "malformed_claims", "malformed_claims"),
        ("false", "false".to_owned(), "malformed_claims", "malformed_claims"),
        ("array", format!("[{late}]"), "malformed_claims", "malformed_claims"),
        ("empty-array", "[]".to_owned(), "malformed_claims", "malformed_claims"),
        ("object", format!("{{\"$date\":{late}}}"), "malformed_claims", "malformed_claims"),
        ("minus-1", "-1".to_owned(), "malformed_claims", "malformed_claims"),
        ("minus-late", format!("-{late}"), "malformed_claims", "malformed_claims"),
        ("minus-fraction", "-0.5".to_owned(), "malformed_claims", "malformed_claims"),
        ("minus-tiny", "-1e-300".to_owned(), "malformed_claims", "malformed_claims"),
        ("minus-2-to-63", "-9223372036854775808".to_owned(), "malformed_claims", "malformed_claims"),
        ("minus-2-to-64", "-18446744073709551616".to_owned(), "malformed_claims", "malformed_claims"),
        ("1e400", "1e400".to_owned(), "malformed_claims", "malformed_claims"),
        ("minus-1e400", "-1e400".to_owned(), "malformed_claims", "malformed_claims"),
        ("400-digits", "9".repeat(400), "malformed_claims", "malformed_claims"),
        ("nan", "NaN".to_owned(), "malformed_claims", "malformed_claims"),
        ("infinity", "Infinity".to_owned(), "malformed_claims", "malformed_claims"),
        ("hexadecimal", "0xffffffff".to_owned(), "malformed_claims", "malformed_claims"),
        ("leading-zero", format!("0{late}"), "malformed_claims", "malformed_claims"),
        ("0", "0".to_owned(), "expired", "allowed"),
        ("minus-0", "-0".to_owned(), "expired", "allowed"),
        ("0.0", "0.0".to_owned(), "expired", "allowed"),
        ("0e9", "0e9".to_owned(), "expired", "allowed"),
        ("1", "1".to_owned(), "expired", "allowed"),
        ("tiny", "1e-300".to_owned(), "expired", "allowed"),
        ("fraction-past", format!("{past}.5"), "expired", "allowed"),
        ("fraction-late", format!("{late}.5"), "allowed", "not_yet_valid"),
        ("long-fraction-late", format!("{late}.{}", "3".repeat(100)), "allowed", "not_yet_valid"),
        ("exponent-past", "1.7e9".to_owned(), "expired", "allowed"),
        ("exponent-late", "1E+10".to_owned(), "allowed", "not_yet_valid"),
        ("milliseconds", format!("{past}000"), "allowed", "not_yet_valid"),
        ("2-to-31", "2147483648".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-32", "4294967296".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-32-plus-past", format!("{}", (1_u64 << 32) + past), "allowed", "not_yet_valid"),
        ("2-to-53-minus-1", "9007199254740991".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-53", "9007199254740992".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-53-plus-1", "9007199254740993".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-63-minus-1", "9223372036854775807".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-63", "9223372036854775808".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-64-minus-1", "18446744073709551615".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-64", "18446744073709551616".to_owned(), "allowed", "not_yet_valid"),
        ("2-to-64-plus-past", format!("{}", (1_u128 << 64) + u128::from(past)), "allowed", "not_yet_valid"),
        ("1e300", "1e300".to_owned(), "allowed", "not_yet_valid"),
        ("300-digits", "9".repeat(300), "allowed", "not_yet_valid"),
    ];
    let mut cases = Vec::new();
    for (claim, is_expiry) in [("exp", true), ("nbf", false), ("iat", false)] {
        for (name, value, for_expiry, for_start) in &values {
            cases.push(Case::token(
                &format!("time/{claim}-{name}"),
                "a time of another type, or far from anybody's clock: a finite non-negative number, or malformed",
                bench.with_payload(bench.payload_with(claim, value)),
                if is_expiry { for_expiry } else { for_start },
            ));
        }
        cases.push(Case::token(
            &format!("time/{claim}-absent"),
            "left out: a token may live forever, and since ever",
            bench.token_with(json!({claim: null})),
            "allowed",
        ));
    }
    cases.push(Case::token(
        "time/all-absent",
        "no time at all",
        bench.token_with(json!({"exp": null, "nbf": null, "iat": null})),
        "allowed",
    ));
    cases
}

fn boundaries(bench: &Bench) -> Vec<Case> {
    let now = bench.now;
    let half = |seconds: u64| json!(seconds as f64 + 0.5);
    let none = Value::Null;
    let mut cases = Vec::new();
    // Whether the outcome holds at this very second only.
    for (name, configuration, claims, expected, only_now) in [
        ("exp-long-ago", "function", json!({"exp": now - 30}), "expired", false),
        ("exp-a-second-ago", "function", json!({"exp": now - 1}), "expired", false),
        ("exp-half-a-second-ago", "function", json!({"exp": half(now - 1)}), "expired", false),
        ("exp-now", "function", json!({"exp": now}), "expired", false),
        ("exp-in-half-a-second", "function", json!({"exp": half(now)}), "allowed", true),
        ("exp-in-a-second", "function", json!({"exp": now + 1}), "allowed", true),
        ("exp-leeway-over", "leeway", json!({"exp": now - 1001}), "expired", false),
        ("exp-leeway-just-over", "leeway", json!({"exp": now - 1000}), "expired", false),
        ("exp-leeway-almost-over", "leeway", json!({"exp": now - 999}), "allowed", true),
        ("exp-in-the-leeway", "leeway", json!({"exp": now - 1}), "allowed", true),
        ("exp-no-leeway-now", "no-leeway", json!({"exp": now}), "expired", false),
        ("nbf-at-the-leeway", "function", json!({"nbf": now + 60}), "allowed", false),
        ("nbf-in-the-leeway", "function", json!({"nbf": now + 59}), "allowed", false),
        ("nbf-past-the-leeway", "function", json!({"nbf": now + 61}), "not_yet_valid", true),
        ("nbf-half-a-second-past", "function", json!({"nbf": half(now + 60)}), "not_yet_valid", true),
        ("nbf-far-past-the-leeway", "function", json!({"nbf": now + 3500}), "not_yet_valid", false),
        ("iat-at-the-leeway", "function", json!({"iat": now + 60}), "allowed", false),
        ("iat-past-the-leeway", "function", json!({"iat": now + 61}), "not_yet_valid", true),
        ("iat-far-past-the-leeway", "function", json!({"iat": now + 3500}), "not_yet_valid", false),
        ("nbf-no-leeway-now", "no-leeway", json!({"nbf": now}), "allowed", false),
        ("nbf-no-leeway-in-a-second", "no-leeway", json!({"nbf": now + 1}), "not_yet_valid", true),
        ("iat-no-leeway-now", "no-leeway", json!({"iat": now}), "allowed", false),
        ("iat-no-leeway-in-a-second", "no-leeway", json!({"iat": now + 1}), "not_yet_valid", true),
        ("nbf-ignores-the-other-leeway", "leeway", json!({"nbf": now + 61}), "not_yet_valid", true),
        ("lifetime-at-the-limit", "lifetime", json!({"iat": now - 60, "exp": now + 3540}), "allowed", false),
        ("lifetime-past-the-limit", "lifetime", json!({"iat": now - 60, "exp": now + 3541}), "lifetime_too_long", false),
        ("lifetime-from-now-at-the-limit", "lifetime", json!({"iat": none, "exp": now + 3600}), "allowed", false),
        ("lifetime-from-now-past-the-limit", "lifetime", json!({"iat": none, "exp": now + 3601}), "lifetime_too_long", true),
        ("lifetime-from-now-far-past-the-limit", "lifetime", json!({"iat": none, "exp": now + 7200}), "lifetime_too_long", false),
        ("lifetime-from-zero", "lifetime", json!({"iat": 0, "exp": now + 10}), "lifetime_too_long", true),
        ("lifetime-for-ever", "lifetime", json!({"exp": none}), "missing_expiration", false),
        ("lifetime-saturates", "lifetime", json!({"exp": 1e300}), "lifetime_too_long", false),
        ("expiration-asked", "expiration", json!({"exp": none}), "missing_expiration", false),
        ("expiration-asked-and-there", "expiration", json!({}), "allowed", false),
        ("expiration-asked-zero", "expiration", json!({"exp": 0}), "expired", false),
    ] {
        let mut case = Case::token(
            &format!("time/{name}"),
            "one side of a boundary",
            bench.token_with(claims),
            expected,
        )
        .under(configuration);
        case.only_now = only_now;
        cases.push(case);
    }
    cases
}

/// Several faults on one token: the contract has the signature before any claim; among
/// the claims a token's own validity comes before what it opens.
fn order(bench: &Bench) -> Vec<Case> {
    let elsewhere = json!([grant(OTHER_NAMESPACE, "")]);
    let stranger = |changes: Value| bench.stranger.token(&bench.claims_with(changes));
    [
        ("stranger-and-expired", stranger(json!({"exp": 1})), "bad_signature"),
        ("stranger-and-malformed", bench.stranger.sign("RS256", super::HEADER.as_bytes(), b"[]"), "bad_signature"),
        ("stranger-and-granted", stranger(json!({})), "bad_signature"),
        ("stranger-and-ahead", stranger(json!({"nbf": 1e300})), "bad_signature"),
        ("expired-and-elsewhere", bench.token_with(json!({"exp": 1, "application_claim": elsewhere})), "expired"),
        ("ahead-and-elsewhere", bench.token_with(json!({"nbf": 1e300, "application_claim": elsewhere})), "not_yet_valid"),
        ("malformed-and-expired", bench.token_with(json!({"exp": 1, "application_claim": 1})), "malformed_claims"),
        ("exp-before-nbf", bench.token_with(json!({"nbf": bench.now + 50, "exp": bench.now + 40})), "allowed"),
        ("exp-before-iat-both-past", bench.token_with(json!({"iat": 100, "exp": 50})), "expired"),
    ]
    .into_iter()
    .map(|(name, token, expected)| {
        let mut case = Case::token(&format!("time/order-{name}"), "several faults, or times in an odd order", token, expected);
        case.only_now = name == "exp-before-nbf";
        case
    })
    .collect()
}
