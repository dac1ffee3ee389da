//! The keys of every member.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn keys_come_from_every_member_and_are_at_most_16() {
    let ec = include_str!("../../../tests/keys/ec-p256.pem");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k",
                     "x": "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8"});
    let config =
        with(json!({"public_keys": [ec], "jwks": {"keys": [&jwk], "other": 1}})).ok().unwrap();
    let Private { keys, .. } = private(config);
    let described: Vec<_> =
        keys.keys().iter().map(|key| (key.material().describe(), key.id())).collect();
    let expected = [("RSA-2048", None), ("EC P-256", None), ("Ed25519", Some("k"))];
    assert_eq!(described, expected.map(|(name, id)| (name.to_owned(), id)));
    assert!(with(json!({"public_keys": vec![ec; 15]})).is_ok());
    let expected = "public_keys: expected at most 16 keys in all, found 17 of them";
    assert_eq!(fault(json!({"public_keys": vec![ec; 16]})), expected);
    let expected = "jwks: expected at most 16 keys in all, found 17 of them";
    assert_eq!(fault(json!({"jwks": {"keys": vec![jwk; 16]}})), expected);
    // The environment's key is replaced by `public_key`, not by the others.
    let environment = Environment { public_key: Some(RSA.into()), ..Environment::default() };
    let json = json!({"namespace_id": "n", "public_keys": [ec]}).to_string();
    let Private { keys, .. } =
        private(Config::from_json(json.as_bytes(), &environment).ok().unwrap());
    assert_eq!(keys.keys().len(), 2);
}

#[test]
fn keys_of_a_jwk_set_that_cannot_be_used_are_skipped_and_named() {
    let ed25519 = "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8";
    let good = json!({"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": ed25519});
    let odd = |members: Value| {
        let mut jwk = good.clone();
        jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        jwk
    };
    let cases = [
        (odd(json!({"use": "enc"})), "a key that is not for verifying signatures"),
        (odd(json!({"key_ops": ["sign"]})), "a key that is not for verifying signatures"),
        (json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}), "a key of type \"AKP\""),
        (odd(json!({"crv": "Ed448"})), "a key of type \"OKP Ed448\""),
        (odd(json!({"crv": "X25519"})), "a key of type \"OKP X25519\""),
        (odd(json!({"kty": "EC", "crv": "P-521"})), "a key of type \"EC P-521\""),
        (
            odd(json!({"alg": "ES512"})),
            "a key for \"ES512\", where its type allows EdDSA and `algorithms` lists others",
        ),
        (
            json!({"kty": "RSA", "x5c": ["MIIB"]}),
            "a certificate (`x5c`) alone, without the members of its key",
        ),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "an RSA key of 17 bits"),
        (odd(json!({"x": 1})), "a `x` that is missing or malformed"),
        (json!("k"), "something that is not an object"),
    ];
    for (jwk, why) in &cases {
        let config = with(json!({"public_key": RSA, "jwks": {"keys": [jwk, good]}})).ok().unwrap();
        let text = format!("jwks.keys[0] is skipped: {why}");
        assert_eq!(config.notices, [Notice::warning(text)], "{jwk}");
        let Private { keys, .. } = private(config);
        assert_eq!(keys.keys().len(), 2, "{jwk}");
        let alone = fault(json!({"jwks": {"keys": [jwk]}}));
        assert!(
            alone.starts_with("jwks: expected at least one JWK with a public key: RSA"),
            "{alone}"
        );
        assert!(alone.ends_with(&format!("found none; jwks.keys[0]: {why}")), "{alone}");
    }
    assert!(fault(json!({"jwks": {"keys": []}})).ends_with("found none"));
    assert!(fault(json!({"jwks": {"keys": vec!["k"; 9]}})).ends_with("; and 5 more"));
    for secret in [
        odd(json!({"d": 1, "kty": null, "use": 1})),
        json!({"kty": "oct", "k": "AA"}),
        json!("-----BEGIN PRIVATE KEY-----"),
    ] {
        let found = fault(json!({"jwks": {"keys": [good, secret]}}));
        assert!(
            found.starts_with("jwks.keys[1]: ") && found.contains("found a private"),
            "{found}"
        );
    }
    assert!(fault(json!({"jwks": {"keys": [good], "d": "AA"}})).contains("found a private"));
    // Only keys that can be used count as keys, and only so many are named.
    let many: Vec<_> = std::iter::repeat_n(json!("k"), 20).chain(vec![good.clone(); 15]).collect();
    let config = with(json!({"jwks": {"keys": many}})).ok().unwrap();
    assert_eq!(config.notices.len(), 17);
    assert_eq!(config.notices[16].text, "jwks: 4 more keys are skipped");
}

#[test]
fn an_unusable_key_is_refused_by_place_and_never_quoted() {
    let pem = |found: &str| {
        format!(
            "expected a PEM public key: RSA (2048 to 8192 bits), EC P-256, EC P-384 or Ed25519, found {found}"
        )
    };
    let bad_der = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZI\n-----END PUBLIC KEY-----";
    let private = "-----BEGIN PRIVATE KEY-----\nMFkwEwYHKoZI\n-----END PRIVATE KEY-----";
    for (key, found) in [
        ("secret", "text without `-----BEGIN`"),
        (&format!("{RSA}{RSA}"), "several PEM blocks; give each key its place in `public_keys`"),
        (
            private,
            "a private or secret key; never configure it in the filter; use public.pem, and rotate this key: it counts as disclosed",
        ),
        (bad_der, "a PEM block that lost or gained a part"),
        (include_str!("../../../tests/keys/rsa-1024.pem"), "an RSA key of 1024 bits"),
        (include_str!("../../../tests/keys/ec-p521.pem"), "a key of type \"EC 1.3.132.0.35\""),
    ] {
        assert_eq!(fault(json!({"public_key": key})), format!("public_key: {}", pem(found)));
        assert_eq!(
            fault(json!({"public_keys": [RSA, key]})),
            format!("public_keys[1]: {}", pem(found))
        );
    }
    assert_eq!(
        fault(json!({"algorithms": ["ES256"]})),
        format!(
            "public_key: {}",
            pem(
                "a key for RS256, RS384, RS512, PS256, PS384, PS512, none of which `algorithms` lists"
            )
        ),
    );
}
