//! What `benches/core` is fed: for each algorithm a configuration with its key, and tokens.

use serde_json::{Value, json};

use crate::mint::{Key, Kind};
use crate::protected::{NAMESPACE, claims, claims_with, now};

/// `now`, and for each of `signers` its `name`, `configuration` and two `tokens` that are alike
/// but for their ids, so that each can push the other out of a cache for one.
pub fn tokens() -> Value {
    let signers = [
        ("RSA-2048", Kind::Rsa(2048)),
        ("RSA-4096", Kind::Rsa(4096)),
        ("ES256", Kind::P256),
        ("ES384", Kind::P384),
        ("Ed25519", Kind::Ed25519),
    ]
    .map(|(name, kind)| {
        let key = Key::named(kind, "bench");
        let other_claims = claims_with(json!({"jti": "0d1d3e0c-6ea4-4f6b-8f0c-1f5b7a3f9c52"}));
        json!({
            "name": name,
            "configuration": {"namespace_id": NAMESPACE, "public_key": key.public_pem()},
            "tokens": [key.token(&claims()), key.token(&other_claims)],
        })
    });
    json!({"now": now(), "signers": signers})
}
