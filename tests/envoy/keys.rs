//! Which key and which algorithm a token is checked with.

use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::http::{PROTOCOLS, Request};
use testkit::mint::{Key, Kind, hs256};
use testkit::protected::*;
use testkit::upstream::Upstream;

const KINDS: [Kind; 5] = [Kind::Rsa(4096), Kind::Rsa(2048), Kind::P256, Kind::P384, Kind::Ed25519];

fn keyless(members: Value) -> Filter {
    let mut configuration = members;
    configuration["namespace_id"] = json!(NAMESPACE);
    Filter::new(&configuration)
}

fn with_kid(key: &Key, kid: &str) -> Request {
    let header = json!({"alg": key.algorithm(), "typ": "JWT", "kid": kid});
    Request::with_token(&key.token_with(&header, &claims()))
}

fn without_kid(key: &Key) -> Request {
    Request::with_token(&key.token(&claims()))
}

#[test]
fn each_kind_of_key_admits_its_tokens_and_no_others() {
    let upstream = Upstream::start();
    for kind in KINDS {
        let key = Key::named(kind, "namespace");
        let other = Key::named(kind, "other");
        let doubled = key.public_pem().replace('\n', "\\n");
        let windows = key.public_pem().replace('\n', "\r\n");
        let envoy = Plan::new(&upstream)
            .listener("platform-pem", keyless(json!({"public_key": key.public_pem()})))
            .listener("spki-pem", keyless(json!({"public_key": key.spki_pem()})))
            .listener("literal-line-breaks", keyless(json!({"public_key": doubled})))
            .listener("windows-line-breaks", keyless(json!({"public_key": windows})))
            .listener("jwks", keyless(json!({"jwks": {"keys": [key.jwk()]}})))
            .start();
        for listener in
            ["platform-pem", "spki-pem", "literal-line-breaks", "windows-line-breaks", "jwks"]
        {
            let what = format!("{kind:?}");
            envoy.expect(listener, &what, without_kid(&key), "allowed");
            envoy.expect(listener, &what, without_kid(&other), "bad_signature");
        }
        for protocol in PROTOCOLS {
            envoy.expect("jwks", "each protocol", without_kid(&key).over(protocol), "allowed");
        }
    }
}

/// `header` names the algorithm that the token claims, `signed` the one that it
/// is really signed with.
fn rsa_token(header: &str, signed: &str) -> Request {
    let header = json!({"alg": header, "typ": "JWT"}).to_string();
    Request::with_token(&namespace_key().sign(
        signed,
        header.as_bytes(),
        claims().to_string().as_bytes(),
    ))
}

#[test]
fn algorithms_that_must_be_listed_are_refused_until_they_are() {
    const LISTED_ONLY: [&str; 5] = ["RS384", "RS512", "PS256", "PS384", "PS512"];
    let upstream = Upstream::start();
    let mut plan = Plan::new(&upstream).listener("default", Filter::new(&configuration()));
    for algorithm in LISTED_ONLY {
        let configuration = configuration_with(json!({"algorithms": [algorithm]}));
        plan = plan.listener(algorithm, Filter::new(&configuration));
    }
    let all = configuration_with(
        json!({"algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]}),
    );
    let envoy = plan.listener("all", Filter::new(&all)).start();
    for algorithm in LISTED_ONLY {
        let request = || rsa_token(algorithm, algorithm);
        envoy.expect("default", algorithm, request(), "unsupported_algorithm");
        envoy.expect(algorithm, algorithm, request(), "allowed");
        envoy.expect("all", algorithm, request(), "allowed");
        // Listing one leaves out the default.
        envoy.expect(algorithm, "RS256", rsa_token("RS256", "RS256"), "unsupported_algorithm");
        // What the header claims isn't what it is signed with.
        envoy.expect("all", algorithm, rsa_token(algorithm, "RS256"), "bad_signature");
    }
    envoy.expect("default", "RS256", rsa_token("RS256", "RS256"), "allowed");
    envoy.expect("all", "RS256", rsa_token("RS256", "RS256"), "allowed");
}

#[test]
fn the_key_decides_the_algorithm_and_never_the_header() {
    let upstream = Upstream::start();
    let key = namespace_key();
    let elliptic = Key::named(Kind::P256, "namespace");
    let envoy = Plan::new(&upstream)
        .listener("rsa", Filter::new(&configuration()))
        .listener("p-256", keyless(json!({"public_key": elliptic.public_pem()})))
        .start();
    let payload = claims().to_string();
    let payload = payload.as_bytes();
    let unsigned = |alg: &str, signature: &str| {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        let input = [header.as_bytes(), payload].map(testkit::mint::base64url).join(".");
        format!("{input}.{signature}")
    };
    let header = br#"{"alg":"HS256","typ":"JWT"}"#;
    #[rustfmt::skip]
    let cases = [
        // The oldest trick: the public key as the secret of an HMAC.
        ("rsa", "HMAC with the PKCS#1 PEM", hs256(key.public_pem().as_bytes(), header, payload), "unsupported_algorithm"),
        ("rsa", "HMAC with the SPKI PEM", hs256(key.spki_pem().as_bytes(), header, payload), "unsupported_algorithm"),
        ("rsa", "alg none, a signature of one byte", unsigned("none", "AA"), "unsupported_algorithm"),
        ("rsa", "alg None, a signature of one byte", unsigned("None", "AA"), "unsupported_algorithm"),
        ("rsa", "alg none, no signature", unsigned("none", ""), "malformed_token"),
        ("rsa", "alg in lower case", unsigned("rs256", "AA"), "unsupported_algorithm"),
        ("rsa", "a P-256 token", elliptic.token(&claims()), "unsupported_algorithm"),
        ("p-256", "an RSA token", key.token(&claims()), "unsupported_algorithm"),
        ("p-256", "a zero signature", unsigned("ES256", &testkit::mint::base64url(&[0; 64])), "bad_signature"),
        ("p-256", "its own token", elliptic.token(&claims()), "allowed"),
    ];
    for (listener, what, token, code) in cases {
        envoy.expect(listener, what, Request::with_token(&token), code);
    }
}

fn start_with_kids(upstream: &Upstream) -> (Envoy, [Key; 4]) {
    let keys = ["first", "second", "bare", "stranger"].map(|name| Key::named(Kind::P256, name));
    let [first, second, bare, _] = &keys;
    let kids = json!([first.jwk_with_kid("first"), second.jwk_with_kid("second")]);
    let envoy = Plan::new(upstream)
        .listener("kids", keyless(json!({"jwks": {"keys": kids}})))
        .listener("kids-and-bare", keyless(json!({"jwks": {"keys": kids}, "public_key": bare.public_pem()})))
        .listener("one-kid-twice", keyless(json!({"jwks": {"keys": [first.jwk_with_kid("same"), second.jwk_with_kid("same")]}})))
        .start();
    (envoy, keys)
}

#[test]
fn a_known_kid_chooses_the_key_and_an_unknown_one_leaves_the_keys_without() {
    let upstream = Upstream::start();
    let (envoy, [first, second, bare, stranger]) = start_with_kids(&upstream);
    #[rustfmt::skip]
    let cases = [
        ("kids", "its own kid", with_kid(&first, "first"), "allowed"),
        ("kids", "its own kid too", with_kid(&second, "second"), "allowed"),
        ("kids", "the other's kid", with_kid(&first, "second"), "bad_signature"),
        ("kids", "no kid: every key", without_kid(&first), "allowed"),
        ("kids", "no kid: every key to the last", without_kid(&second), "allowed"),
        ("kids", "no kid, a stranger's key", without_kid(&stranger), "bad_signature"),
        ("kids", "an unknown kid and no key without", with_kid(&first, "third"), "unknown_key"),
        ("kids", "an empty kid is a kid, and unknown", with_kid(&first, ""), "unknown_key"),
        ("kids", "a kid in another case", with_kid(&first, "FIRST"), "unknown_key"),
        ("kids-and-bare", "an unknown kid: the keys without", with_kid(&bare, "third"), "allowed"),
        ("kids-and-bare", "an unknown kid: only the keys without", with_kid(&first, "third"), "bad_signature"),
        ("kids-and-bare", "a known kid: only its key", with_kid(&bare, "first"), "bad_signature"),
        ("kids-and-bare", "no kid: the key without", without_kid(&bare), "allowed"),
        ("kids-and-bare", "no kid: the keys with", without_kid(&second), "allowed"),
        ("one-kid-twice", "the first of two", with_kid(&first, "same"), "allowed"),
        ("one-kid-twice", "the second of two", with_kid(&second, "same"), "allowed"),
        ("one-kid-twice", "neither", with_kid(&stranger, "same"), "bad_signature"),
    ];
    for (listener, what, request, code) in cases {
        envoy.expect(listener, what, request, code);
    }
}

#[test]
fn while_keys_are_rotated_the_old_and_the_new_one_admit() {
    let upstream = Upstream::start();
    let old = namespace_key();
    let new = Key::named(Kind::Ed25519, "new");
    let newest = Key::named(Kind::Rsa(2048), "newest");
    let envoy = Plan::new(&upstream)
        .listener("before", Filter::new(&configuration()))
        .listener(
            "during",
            Filter::new(&configuration_with(
                json!({"public_keys": [new.public_pem(), newest.spki_pem()]}),
            )),
        )
        .listener("after", keyless(json!({"public_keys": [new.public_pem(), newest.public_pem()]})))
        .start();
    let cases = [
        ("before", "allowed", "unsupported_algorithm", "bad_signature"),
        ("during", "allowed", "allowed", "allowed"),
        ("after", "bad_signature", "allowed", "allowed"),
    ];
    for (listener, by_old, by_new, by_newest) in cases {
        envoy.expect(listener, "the old key", without_kid(&old), by_old);
        envoy.expect(listener, "the new key", without_kid(&new), by_new);
        envoy.expect(listener, "the newest key", without_kid(&newest), by_newest);
    }
}

#[test]
fn sixteen_keys_are_tried_to_the_last() {
    let upstream = Upstream::start();
    let keys: Vec<_> =
        (0..16).map(|n| Key::named(Kind::Ed25519, &format!("of-sixteen-{n}"))).collect();
    let pems: Vec<_> = keys.iter().map(Key::public_pem).collect();
    let envoy =
        Plan::new(&upstream).listener("main", keyless(json!({"public_keys": pems}))).start();
    for key in [&keys[0], &keys[15]] {
        envoy.expect("main", "one of sixteen", without_kid(key), "allowed");
    }
    let stranger = Key::named(Kind::Ed25519, "stranger");
    envoy.expect("main", "none of sixteen", without_kid(&stranger), "bad_signature");
}
