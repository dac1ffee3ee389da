//! What the end-to-end tests stand on is itself tested: tokens against
//! jwt-simple, Envoy without the filter.

use jwt_simple::prelude::*;
use serde_json::json;
use testkit::envoy::Plan;
use testkit::http::{PROTOCOLS, Request, send};
use testkit::mint::{Key, Kind, from_base64url, hs256};
use testkit::protected::{NAMESPACE, claims};
use testkit::upstream::Upstream;

/// What jwt-simple must find in each token.
fn check<T: serde::Serialize>(what: &str, verified: Result<JWTClaims<T>, jwt_simple::Error>) {
    let verified = verified.unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(verified.issuer.as_deref(), Some("SCALEWAY"), "{what}");
    let custom = serde_json::to_value(&verified.custom).unwrap();
    assert_eq!(custom["application_claim"][0]["namespace_id"], NAMESPACE);
}

#[test]
fn jwt_simple_verifies_what_the_tests_mint() {
    type Claims = serde_json::Value;
    let rsa = Key::named(Kind::Rsa(2048), "namespace");
    let p256 = Key::named(Kind::P256, "namespace");
    let p384 = Key::named(Kind::P384, "namespace");
    let ed25519 = Key::named(Kind::Ed25519, "namespace");
    let signed = |key: &Key, algorithm: &str| {
        key.token_with(&json!({"alg": algorithm, "typ": "JWT"}), &claims())
    };

    let spki = rsa.spki_pem();
    macro_rules! rsa {
        ($($name:literal $public:ident),*) => {$(
            check($name, $public::from_pem(&spki).unwrap().verify_token::<Claims>(&signed(&rsa, $name), None));
        )*};
    }
    rsa!("RS256" RS256PublicKey, "RS384" RS384PublicKey, "RS512" RS512PublicKey);
    rsa!("PS256" PS256PublicKey, "PS384" PS384PublicKey, "PS512" PS512PublicKey);
    // From the JWK too, which is how it is known to be right.
    let part = |name: &str| from_base64url(rsa.jwk()[name].as_str().unwrap());
    let from_jwk = RS256PublicKey::from_components(&part("n"), &part("e")).unwrap();
    check("RSA JWK", from_jwk.verify_token::<Claims>(&rsa.token(&claims()), None));

    let key = ES256PublicKey::from_pem(&p256.spki_pem()).unwrap();
    check("ES256", key.verify_token::<Claims>(&signed(&p256, "ES256"), None));
    let key = ES384PublicKey::from_pem(&p384.spki_pem()).unwrap();
    check("ES384", key.verify_token::<Claims>(&signed(&p384, "ES384"), None));
    let key = Ed25519PublicKey::from_pem(&ed25519.spki_pem()).unwrap();
    check("EdDSA", key.verify_token::<Claims>(&signed(&ed25519, "EdDSA"), None));
    for (key, public) in [
        (
            &p256,
            ES256PublicKey::from_pem(&p256.spki_pem())
                .unwrap()
                .public_key()
                .to_bytes_uncompressed(),
        ),
        (
            &p384,
            ES384PublicKey::from_pem(&p384.spki_pem())
                .unwrap()
                .public_key()
                .to_bytes_uncompressed(),
        ),
    ] {
        let part = |name: &str| from_base64url(key.jwk()[name].as_str().unwrap());
        assert_eq!(public[1..], [part("x"), part("y")].concat(), "EC JWK");
    }

    let token = hs256(&[7; 32], br#"{"alg":"HS256","typ":"JWT"}"#, claims().to_string().as_bytes());
    check("HS256", HS256Key::from_bytes(&[7; 32]).verify_token::<Claims>(&token, None));
}

#[test]
fn a_key_asked_for_by_name_is_the_same_everywhere() {
    let first = Key::named(Kind::Rsa(2048), "namespace");
    let second = Key::named(Kind::Rsa(2048), "namespace");
    let other = Key::named(Kind::Rsa(2048), "other");
    assert_eq!(first.public_pem(), second.public_pem());
    assert_ne!(first.public_pem(), other.public_pem());
    assert!(first.public_pem().starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    assert!(first.spki_pem().starts_with("-----BEGIN PUBLIC KEY-----\n"));
}

#[test]
fn without_the_filter_envoy_carries_any_header_to_the_upstream() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener_without_filter("plain").start();
    for protocol in PROTOCOLS {
        let request = Request::get()
            .header("X-Auth-Token", "one")
            .header("x-auth-token", b"\xff\xfe")
            .header("scw_functions_token", "underscores")
            .over(protocol);
        let before = upstream.requests();
        let answer = envoy.ask("plain", request);
        assert_eq!(answer.status, 200, "{protocol:?}");
        assert_eq!(answer.decision, "-", "{protocol:?}");
        assert!(answer.is_from_upstream(), "{protocol:?}");
        assert_eq!(
            answer.seen_by_upstream("x-auth-token"),
            ["one", "\u{fffd}\u{fffd}"],
            "{protocol:?}"
        );
        assert_eq!(answer.seen_by_upstream("scw_functions_token"), ["underscores"]);
        assert_eq!(upstream.requests(), before + 1);
        let head = send(envoy.address("plain"), &Request::get().method("HEAD").over(protocol));
        assert_eq!((head.status, head.body.len()), (200, 0), "{protocol:?}");
    }
}
