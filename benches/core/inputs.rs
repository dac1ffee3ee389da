//! What the benchmarks are fed: for each algorithm a configuration with its key, and tokens.

use serde_json::Value;

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
        Self::from_json(&testkit::benchmark::tokens())
    }

    /// Keys and signatures are made natively: `testkit benchmark` wrote them down.
    #[cfg(target_family = "wasm")]
    pub fn get() -> Self {
        const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench-core.json");
        let json = std::fs::read_to_string(FILE).unwrap_or_else(|error| {
            panic!("expected tokens in {FILE}, found: {error}: run `make bench-core`")
        });
        Self::from_json(&serde_json::from_str(&json).expect("what `testkit benchmark` wrote"))
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
