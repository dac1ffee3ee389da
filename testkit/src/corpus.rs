//! Hostile tokens and requests, each with the reason code that the filter must give.
//!
//! One generator for every place where the corpus runs: the core natively, the core in
//! V8, the shipped module in Envoy, and Envoy's own `jwt_authn`. Keys are made at test
//! time. The expected codes are written by hand, from the contract; where it is silent,
//! from the RFC that the trick names. Nothing here uses the product's own code.

// The tables have one case a line.
#[rustfmt::skip]
mod encoding;
#[rustfmt::skip]
mod grants;
#[rustfmt::skip]
mod header;
#[rustfmt::skip]
mod json;
#[rustfmt::skip]
mod requests;
#[rustfmt::skip]
mod signature;
#[rustfmt::skip]
mod time;

pub mod trapping;
pub mod wire;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::mint::{Key, Kind, base64url};
use crate::protected::*;

/// The `kid`s of the configuration `kids`.
pub const FIRST: &str = "first";
pub const SECOND: &str = "second";

/// The header that the platform mints.
pub const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

/// One request, as far as the decision depends on it.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// What it tries, and where the contract is silent, what decides.
    pub trick: String,
    /// A name out of [`configurations`].
    pub configuration: &'static str,
    pub method: &'static str,
    pub headers: Vec<(String, Vec<u8>)>,
    /// The reason code.
    pub expected: &'static str,
    /// Whether the outcome holds only at the corpus's very `now`. Otherwise it holds for
    /// the half hour after it too.
    pub only_now: bool,
    pub http1: Carried,
    pub http2: Carried,
}

/// What the HTTP codec in front of the filter makes of a case's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The filter sees these bytes.
    Whole,
    /// The filter sees other bytes, and has this reason code for them.
    Altered(&'static str),
    /// The request doesn't get as far as the filter.
    Refused,
}

impl Case {
    pub fn new(
        name: &str,
        trick: &str,
        headers: Vec<(&str, Vec<u8>)>,
        expected: &'static str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            trick: trick.to_owned(),
            configuration: "function",
            method: "GET",
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            expected,
            only_now: false,
            http1: Carried::Whole,
            http2: Carried::Whole,
        }
    }

    /// A token in the platform's header.
    pub fn token(name: &str, trick: &str, token: impl AsRef<[u8]>, expected: &'static str) -> Self {
        Self::new(name, trick, vec![("x-auth-token", token.as_ref().to_vec())], expected)
    }

    pub fn under(mut self, configuration: &'static str) -> Self {
        self.configuration = configuration;
        self
    }

    pub fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub fn only_now(mut self) -> Self {
        self.only_now = true;
        self
    }

    pub fn over_http1(mut self, carried: Carried) -> Self {
        self.http1 = carried;
        self
    }

    pub fn over_http2(mut self, carried: Carried) -> Self {
        self.http2 = carried;
        self
    }

    pub fn over_http(self, carried: Carried) -> Self {
        self.over_http1(carried).over_http2(carried)
    }
}

/// The keys, and the time at which every token is judged.
pub struct Bench {
    /// Seconds since 1970.
    pub now: u64,
    /// The protected namespace's key, RSA-2048.
    pub key: Key,
    /// RSA-2048 keys that no configuration has.
    pub stranger: Key,
    pub rsa4096: Key,
    /// RSA of a size that fills no byte, with a large exponent.
    pub odd_rsa: Key,
    pub p256: Key,
    pub p384: Key,
    pub ed25519: Key,
}

impl Bench {
    pub fn new(now: u64) -> Self {
        Self {
            now,
            key: namespace_key(),
            stranger: other_key(),
            rsa4096: Key::named(Kind::Rsa(4096), "namespace"),
            odd_rsa: Key::named(Kind::OddRsa, "namespace"),
            p256: Key::named(Kind::P256, "namespace"),
            p384: Key::named(Kind::P384, "namespace"),
            ed25519: Key::named(Kind::Ed25519, "namespace"),
        }
    }

    /// What the platform puts into a token for the whole namespace.
    pub fn claims(&self) -> Value {
        claims_at(self.now)
    }

    /// `claims()` with some members set, and those set to null left out.
    pub fn claims_with(&self, changes: Value) -> Value {
        merged(self.claims(), changes)
    }

    /// `claims()` with a member of these very bytes, or without it.
    pub fn payload_with(&self, name: &str, value: &str) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        with_member(&claims.to_string(), &format!("{}:{value}", json!(name)))
    }

    /// A good token.
    pub fn token(&self) -> String {
        self.key.token(&self.claims())
    }

    /// A token with these claims that the namespace's key signed.
    pub fn token_with(&self, changes: Value) -> String {
        self.key.token(&self.claims_with(changes))
    }

    /// A good signature around any header.
    pub fn with_header(&self, header: impl AsRef<[u8]>) -> String {
        self.key.sign("RS256", header.as_ref(), self.claims().to_string().as_bytes())
    }

    /// A good signature around any payload.
    pub fn with_payload(&self, payload: impl AsRef<[u8]>) -> String {
        self.key.sign("RS256", HEADER.as_bytes(), payload.as_ref())
    }

    /// A token of exactly so many bytes that is good in every other way.
    pub fn token_of_length(&self, length: usize) -> String {
        // A segment can't be 1 over a multiple of 4 long, so the header helps out.
        (0..3)
            .find_map(|filler| {
                let header = json!({"alg": "RS256", "typ": "J".repeat(filler)}).to_string();
                let without = self.claims_with(json!({"filler": ""})).to_string().len();
                let signature = base64url(&self.key.rsa_modulus()).len();
                let rest = length - base64url(header.as_bytes()).len() - signature - 2;
                let filler = (rest * 3 / 4).checked_sub(without)?;
                let claims = self.claims_with(json!({"filler": "x".repeat(filler)})).to_string();
                let token = self.key.sign("RS256", header.as_bytes(), claims.as_bytes());
                (token.len() == length).then_some(token)
            })
            .expect("a token of that length")
    }
}

/// A JSON object's text with a member before the others.
pub fn with_member(object: &str, member: &str) -> String {
    object.replacen('{', &format!("{{{member},"), 1)
}

/// The plugin configurations, by name. `function` is the one that most cases use.
pub fn configurations(bench: &Bench) -> Vec<(&'static str, Value)> {
    let function = json!({
        "namespace_id": NAMESPACE,
        "application_id": APPLICATION,
        "public_key": bench.key.public_pem(),
    });
    let with = |changes: Value| merged(function.clone(), changes);
    let every_rsa = json!(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
    let kids = json!({"keys": [bench.key.jwk_with_kid(FIRST), bench.p256.jwk_with_kid(SECOND)]});
    vec![
        ("function", function.clone()),
        ("namespace", with(json!({"application_id": null}))),
        ("public", json!({"public": true})),
        ("rsa-4096", with(json!({"public_key": bench.rsa4096.public_pem()}))),
        ("rsa-odd", with(json!({"public_key": bench.odd_rsa.public_pem()}))),
        ("p256", with(json!({"public_key": bench.p256.public_pem()}))),
        ("p384", with(json!({"public_key": bench.p384.public_pem()}))),
        ("ed25519", with(json!({"public_key": bench.ed25519.public_pem()}))),
        ("every-rsa", with(json!({"algorithms": every_rsa}))),
        (
            "mixed",
            with(json!({"public_keys": [bench.p256.public_pem(), bench.ed25519.public_pem()]})),
        ),
        ("kids", with(json!({"public_key": null, "jwks": kids}))),
        ("kids-and-plain", with(json!({"public_key": bench.stranger.public_pem(), "jwks": kids}))),
        (
            "no-leeway",
            with(json!({"not_before_leeway_seconds": 0, "expiration_leeway_seconds": 0})),
        ),
        ("leeway", with(json!({"expiration_leeway_seconds": 1000}))),
        ("lifetime", with(json!({"max_lifetime_seconds": 3600}))),
        ("expiration", with(json!({"require_expiration": true}))),
        (
            "identity",
            with(json!({
                "issuer": "SCALEWAY",
                "audience": "functions",
                "revoked_token_ids": [OTHER_APPLICATION],
            })),
        ),
        ("authorization", with(json!({"token_headers": ["authorization"]}))),
        ("both-headers", with(json!({"token_headers": ["x-auth-token", "authorization"]}))),
        (
            "cookies",
            with(json!({
                "token_headers": ["x-auth-token", "authorization"],
                "token_cookies": ["session", "x-auth-token"],
            })),
        ),
        ("preflight", with(json!({"allow_cors_preflight": true}))),
        ("public-preflight", json!({"public": true, "allow_cors_preflight": true})),
        ("route", with(json!({"protect": "route", "application_id": null}))),
        // Nobody is there to tell it anything.
        (
            "trust",
            with(json!({
                "public_key": null,
                "trust": {"cluster": "nowhere", "public_keys": [bench.ed25519.public_pem()]},
            })),
        ),
    ]
}

/// The whole corpus.
pub fn cases(bench: &Bench) -> Vec<Case> {
    let parts: [fn(&Bench) -> Vec<Case>; 7] = [
        header::cases,
        encoding::cases,
        signature::cases,
        json::cases,
        time::cases,
        grants::cases,
        requests::cases,
    ];
    let cases: Vec<_> = parts.into_iter().flat_map(|part| part(bench)).collect();
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    // As SECURITY.md says.
    assert!(cases.len() > 1000, "{} cases", cases.len());
    cases
}

/// The corpus as a file, for places that can't make keys.
pub fn to_json(bench: &Bench, cases: &[Case]) -> Value {
    let cases: Vec<_> = cases
        .iter()
        .map(|case| {
            let headers: Vec<_> =
                case.headers.iter().map(|(name, value)| json!([name, base64url(value)])).collect();
            json!({
                "name": case.name,
                "configuration": case.configuration,
                "method": case.method,
                "headers": headers,
                "expected": case.expected,
            })
        })
        .collect();
    let configurations: serde_json::Map<_, _> =
        configurations(bench).into_iter().map(|(name, it)| (name.to_owned(), it)).collect();
    json!({"now": bench.now, "configurations": configurations, "cases": cases})
}
