//! What the issuer mints, held against another library that makes and reads tokens.

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

use jwt_simple::prelude::{
    Duration, ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey,
    Ed25519PublicKey, EdDSAPublicKeyLike, JWTClaims, RS256KeyPair, RS256PublicKey, RSAKeyPairLike,
    RSAPublicKeyLike, VerificationOptions,
};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::signing::keys::{KeyType, RsaSize, SigningKey};
use namespace_jwt_issuer::signing::mint::{Resource, TokenRequest, mint};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

const NOW: u64 = 1_700_000_000;
const EXPIRES_AT: u64 = NOW + 3600;

fn request(expires_at: Option<u64>) -> TokenRequest {
    TokenRequest {
        token_id: Uuid::from_u128(7),
        issuer: "SCALEWAY \"é\"/".to_owned(),
        ..TokenRequest::new(
            Resource::Namespace("n".to_owned()),
            expires_at.map(UnixTime::from_secs),
        )
    }
}

#[test]
fn an_rs256_token_is_byte_for_byte_the_librarys() {
    #[derive(Serialize)]
    struct Claims {
        application_claim: [Entry; 1],
        version: u8,
        aud: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        exp: Option<u64>,
        jti: &'static str,
        iat: u64,
        iss: &'static str,
        nbf: u64,
        sub: &'static str,
    }
    #[derive(Serialize)]
    struct Entry {
        namespace_id: &'static str,
        application_id: &'static str,
    }
    let pem = include_str!("issuer/keys/rsa-2048-pkcs8.pem");
    let key = SigningKey::from_pem(pem).unwrap();
    let library = RS256KeyPair::from_pem(pem).unwrap();
    for exp in [Some(EXPIRES_AT), None] {
        let custom = Claims {
            application_claim: [Entry { namespace_id: "n", application_id: "" }],
            version: 2,
            aud: "functions",
            exp,
            jti: "00000000-0000-0000-0000-000000000007",
            iat: NOW,
            iss: "SCALEWAY \"é\"/",
            nbf: NOW,
            sub: "token",
        };
        let expected = library.sign(alone(custom)).unwrap();
        let token = mint(&key, &request(exp), UnixTime::from_secs(NOW)).unwrap();
        assert_eq!(token.as_str(), expected);
    }
}

/// Claims with none of the library's own members, which stand in another order.
fn alone<C>(custom: C) -> JWTClaims<C> {
    JWTClaims {
        issued_at: None,
        expires_at: None,
        invalid_before: None,
        issuer: None,
        subject: None,
        audiences: None,
        jwt_id: None,
        nonce: None,
        custom,
    }
}

#[test]
fn the_library_verifies_a_token_of_every_key_and_none_with_a_changed_byte() {
    for key_type in [
        KeyType::Rsa(RsaSize::Bits2048),
        KeyType::Rsa(RsaSize::Bits3072),
        KeyType::Rsa(RsaSize::Bits4096),
        KeyType::P256,
        KeyType::P384,
        KeyType::Ed25519,
    ] {
        let key = SigningKey::generate(key_type).unwrap();
        let token = mint(&key, &request(Some(EXPIRES_AT)), UnixTime::from_secs(NOW)).unwrap();
        let public = key.public_pem().unwrap();
        let verified = verify(key_type, &public, &token).unwrap();
        assert_eq!(verified.expires_at, Some(Duration::from_secs(EXPIRES_AT)), "{key_type:?}");
        let application_claim = json!([{"namespace_id": "n", "application_id": ""}]);
        assert_eq!(verified.custom["application_claim"], application_claim, "{key_type:?}");

        // In each of the three parts; the last character, too, where some bits mean nothing.
        for place in (0..token.len()).step_by(23).chain([token.len() - 1]) {
            let mut changed = token.as_bytes().to_vec();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(key_type, &public, &changed).is_err(), "{key_type:?}: {place}");
        }
        let other = SigningKey::generate(match key_type {
            // Found in no time.
            KeyType::Rsa(_) => KeyType::Rsa(RsaSize::Bits2048),
            other => other,
        });
        let other = other.unwrap().public_pem().unwrap();
        assert!(verify(key_type, &other, &token).is_err(), "{key_type:?}");
    }
}

fn verify(
    key_type: KeyType,
    public: &str,
    token: &str,
) -> Result<JWTClaims<Value>, jwt_simple::Error> {
    let options = Some(VerificationOptions {
        artificial_time: Some(Duration::from_secs(NOW)),
        ..VerificationOptions::default()
    });
    match key_type {
        KeyType::Rsa(_) => RS256PublicKey::from_pem(public)?.verify_token(token, options),
        KeyType::P256 => ES256PublicKey::from_pem(public)?.verify_token(token, options),
        KeyType::P384 => ES384PublicKey::from_pem(public)?.verify_token(token, options),
        KeyType::Ed25519 => Ed25519PublicKey::from_pem(public)?.verify_token(token, options),
    }
}
