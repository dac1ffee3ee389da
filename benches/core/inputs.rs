//! What the benchmarks are fed: for each algorithm a configuration with its key, and tokens.
//!
//! Keys and signatures are made natively, and written down for the run in WebAssembly.

use std::fs;

use serde_json::Value;

/// Where both runs find it.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench-core.json");

pub struct Inputs {
    /// When the tokens are good, in seconds since 1970.
    pub now: u64,
    pub signers: Vec<Signer>,
}

/// A key, and what it signed.
pub struct Signer {
    /// The algorithm, or for RS256 the size of the key: `ES256`, `RSA-4096`.
    pub name: String,
    /// The plugin configuration.
    pub configuration: String,
    /// Two tokens that are alike but for their ids, so that each can push the other out of
    /// a cache for one.
    pub tokens: [String; 2],
}

impl Inputs {
    #[cfg(not(target_family = "wasm"))]
    pub fn get() -> Self {
        let minted = minted();
        fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/target"))
            .and_then(|()| fs::write(FILE, minted.to_string()))
            .unwrap_or_else(|error| panic!("expected to write {FILE}, found: {error}"));
        Self::from_json(&minted)
    }

    #[cfg(target_family = "wasm")]
    pub fn get() -> Self {
        let json = fs::read_to_string(FILE).unwrap_or_else(|error| {
            panic!(
                "expected tokens in {FILE}, found: {error}: run `cargo bench --bench core` first"
            )
        });
        Self::from_json(&serde_json::from_str(&json).expect("what the native run wrote"))
    }

    fn from_json(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let signer = |signer: &Value| Signer {
            name: text(&signer["name"]),
            configuration: signer["configuration"].to_string(),
            tokens: [text(&signer["tokens"][0]), text(&signer["tokens"][1])],
        };
        Self {
            now: json["now"].as_u64().expect("seconds"),
            signers: json["signers"].as_array().expect("an array").iter().map(signer).collect(),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn minted() -> Value {
    use serde_json::json;
    use testkit::mint::{Key, Kind};
    use testkit::protected::{NAMESPACE, claims, claims_with, now};

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
