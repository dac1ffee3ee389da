//! The corpus of hostile tokens through the core, natively.

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

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use namespace_jwt_core::access::{Memory, Request};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::reason::Outcome;
use namespace_jwt_core::request::{Preflight, Presented};
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use serde_json::json;
use testkit::corpus::{self, Bench, Case};

/// Made once: it holds hundreds of signatures.
static CORPUS: LazyLock<(Bench, Vec<Case>)> = LazyLock::new(|| {
    let bench = Bench::new(testkit::protected::now());
    let cases = corpus::cases(&bench);
    (bench, cases)
});

/// What the configurations decide, with a cache that lives from one case to the next.
struct Core(HashMap<&'static str, (Config, Memory)>);

impl Core {
    fn new(bench: &Bench, cached: usize) -> Self {
        let config = |configuration: &serde_json::Value| {
            Config::from_json(configuration.to_string().as_bytes(), &Environment::default())
                .unwrap_or_else(|error| panic!("{error}"))
        };
        Self(
            corpus::configurations(bench)
                .iter()
                .map(|(name, json)| (*name, (config(json), Memory::new(cached))))
                .collect(),
        )
    }

    fn decide(&mut self, case: &Case, now: UnixTime) -> &'static str {
        let (config, memory) = self.0.get_mut(case.configuration).expect("a configuration");
        let headers = case.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let headers = [(&b":method"[..], case.method.as_bytes())].into_iter().chain(headers);
        let presented =
            Presented::find(&config.token_headers, &config.token_cookies, headers.clone());
        let preflight = Preflight::find(config.allow_cors_preflight, headers);
        let request = Request { preflight, ..presented.into() };
        Outcome::from(config.access.decide(request, None, &Guest, memory, now)).code()
    }
}

#[test]
fn each_case_is_decided_as_the_contract_has_it() {
    let (bench, cases) = &*CORPUS;
    let now = UnixTime::from_secs(bench.now);
    let mut surprises = Vec::new();
    // Without a cache, then with one: the second time around some tokens are in it.
    let mut uncached = Core::new(bench, 0);
    let mut cached = Core::new(bench, 10_000);
    for (round, core) in [&mut uncached, &mut cached].into_iter().enumerate() {
        for again in 0..=round {
            for case in cases {
                let found = core.decide(case, now);
                if found != case.expected {
                    surprises.push(format!(
                        "{} ({}), cache {round}, time {again}: expected {}, found {found}",
                        case.name, case.trick, case.expected
                    ));
                }
            }
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// For every outcome that isn't said to hold at one second alone.
#[test]
fn outcomes_hold_for_half_an_hour_unless_a_case_says_otherwise() {
    let (bench, cases) = &*CORPUS;
    let mut core = Core::new(bench, 0);
    let later = UnixTime::from_secs(bench.now).saturating_add(Duration::from_secs(1799));
    for case in cases {
        if !case.only_now {
            assert_eq!(core.decide(case, later), case.expected, "{}", case.name);
        }
    }
}

/// Every reason code that a request can meet is in the corpus.
#[test]
fn no_reason_is_left_out() {
    let (_, cases) = &*CORPUS;
    for code in Outcome::ALL.map(Outcome::code) {
        assert!(cases.iter().any(|case| case.expected == code), "no case expects {code}");
    }
}

/// With e = 3, any block that begins rightly has a cube root nearby: such a key is never
/// taken, so nothing that it would have to refuse matters. A long exponent makes every check
/// dearer, for whoever sends something to check.
#[test]
fn a_key_with_an_unusual_exponent_is_refused() {
    let pem = include_str!("keys/rsa-e3.pem");
    let modulus = corpus_modulus();
    let jwk_of = |e| json!({"jwks": {"keys": [{"kty": "RSA", "n": modulus, "e": e}]}});
    let config = |member: &serde_json::Value| {
        let mut configuration = member.clone();
        configuration["namespace_id"] = json!("n");
        Config::from_json(configuration.to_string().as_bytes(), &Environment::default())
    };
    // 65537, the same with zeros before it, and 2^24 - 1.
    for e in ["AQAB", "AAAAAAEAAQ", "____"] {
        assert!(config(&jwk_of(e)).is_ok(), "{e}");
    }
    for member in [
        json!({"public_key": pem}),
        json!({"public_keys": [pem]}),
        jwk_of("Aw"),
        jwk_of("AAAD"),
        jwk_of("AQ"),
        jwk_of("__8"),
        jwk_of("AQAA"),
        jwk_of("___-"),
        jwk_of("AQAAAA"),
        jwk_of("AQAAAQ"),
        jwk_of("Af____c"),
        jwk_of("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"),
    ] {
        let error =
            config(&member).err().unwrap_or_else(|| panic!("{member} is taken")).to_string();
        assert!(error.contains("whose exponent is"), "{error}");
    }
}

fn corpus_modulus() -> serde_json::Value {
    testkit::protected::namespace_key().jwk()["n"].clone()
}
