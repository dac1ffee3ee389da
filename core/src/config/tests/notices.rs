//! What an operator is told about a configuration that is taken.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn what_is_probably_not_meant_is_noted() {
    const ID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
    let notices = |members: Value| {
        let line = |notice: Notice| format!("{:?} {}", notice.level, notice.text);
        with(members).ok().unwrap().notices.into_iter().map(line).collect::<Vec<_>>()
    };
    for quiet in [
        json!({}),
        json!({
            "namespace_id": ID, "application_id": "a", "issuer": "SCALEWAY", "audience": "functions",
            "max_lifetime_seconds": 31_536_000, "expiration_leeway_seconds": 86_400,
            "not_before_leeway_seconds": 86_400, "revoked_token_ids": [ID.to_uppercase()],
            "algorithms": ["RS256"], "token_headers": ["authorization", "x-token"],
        }),
    ] {
        assert_eq!(notices(quiet), [""; 0]);
    }
    let capitals = "a UUID with capital letters; the platform writes small ones, and ids are compared byte for byte";
    for (members, expected) in [
        (json!({"public": true}), "Warning public: every request is let in, with or without a token".to_owned()),
        (
            json!({"mode": "report_only"}),
            "Warning mode: report_only: no request is refused, whatever token it carries".into(),
        ),
        (json!({"namespace_id": ID.to_uppercase()}), format!("Warning namespace_id: {capitals}")),
        (json!({"application_id": ID.to_uppercase()}), format!("Warning application_id: {capitals}")),
        (
            json!({"application_id": ID.trim_start_matches('3')}),
            "Warning application_id: it looks like a UUID, but has 35 characters in place of 36, or its hyphens elsewhere".into(),
        ),
        (
            json!({"namespace_id": ID.replace('-', "")}),
            "Warning namespace_id: it looks like a UUID, but has 32 characters in place of 36, or its hyphens elsewhere".into(),
        ),
        (json!({"application_id": "n"}), "Warning application_id: it is the same as namespace_id".into()),
        (
            json!({"expiration_leeway_seconds": 864_000}),
            "Warning expiration_leeway_seconds: tokens are let in for 10 days after they expire".into(),
        ),
        (
            json!({"not_before_leeway_seconds": 864_000}),
            "Warning not_before_leeway_seconds: tokens are let in 10 days before they become valid".into(),
        ),
        (
            json!({"max_lifetime_seconds": 3_600_000_000_u64}),
            "Warning max_lifetime_seconds: more than a hundred years; is it in seconds?".into(),
        ),
        (
            json!({"issuer": "Scaleway"}),
            "Warning issuer: the platform writes \"SCALEWAY\", and the case of letters counts".into(),
        ),
        (
            json!({"audience": "a,b"}),
            "Warning audience: it is one value, not a list: a token has to have this text as a whole".into(),
        ),
        (
            json!({"revoked_token_ids": [ID.trim_end_matches('5')]}),
            "Warning revoked_token_ids[0]: it looks like a UUID that lost or gained characters".into(),
        ),
        (
            json!({"revoked_token_ids": ["n"]}),
            "Warning revoked_token_ids[0]: it is the id of what is protected, not a token's".into(),
        ),
        (
            json!({"token_headers": ["x-auth-token", "User-Agent"]}),
            "Warning token_headers[1]: user-agent: clients and proxies send this header with other values, which count as tokens here".into(),
        ),
        (json!({"algorithms": ["RS256", "ES256", "ES256"]}), "Info algorithms: no key is used with ES256".into()),
    ] {
        assert_eq!(notices(members.clone()), [expected], "{members}");
    }
    // Only so many entries of one list are named.
    let many = notices(json!({"revoked_token_ids": vec![ID.trim_end_matches('5'); 1000]}));
    assert_eq!(many.len(), 17);
    assert_eq!(many[16], "Warning revoked_token_ids: 984 more entries like these");
}

#[test]
fn the_summary_is_one_line_that_names_what_is_protected_and_by_which_keys() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k\n\u{202e}",
                     "x": "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8"});
    let both = json!({"application_id": "a".repeat(50), "jwks": {"keys": [jwk]}});
    let keys = "keys: RSA-2048 (no kid)";
    for (members, by_guest, expected) in [
        (
            json!({}),
            &[][..],
            format!("mode enforce, namespace n, no application, {keys}, signatures by the proxy"),
        ),
        (
            json!({"metrics_name": "m", "mode": "report_only"}),
            &[Algorithm::Rs256],
            format!(
                "mode report_only, namespace n, no application, {keys}, signatures by the built-in verification, metrics name m"
            ),
        ),
        (
            both,
            &[Algorithm::EdDsa],
            format!(
                "mode enforce, namespace n, application {}…, {keys}, Ed25519 (kid \"k\\n\\u{{202e}}\"), \
                 signatures by the proxy, but EdDSA by the built-in verification",
                "a".repeat(40)
            ),
        ),
        (json!({"public": true}), &[], "public, mode enforce".into()),
    ] {
        let config = with(members).ok().unwrap();
        assert_eq!(config.summary(by_guest), format!("configured: {expected}"));
    }
}
