//! The core in WebAssembly: 32-bit `usize`, and V8 as in Envoy.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]
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

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use namespace_jwt_core::access::Admitted;
use namespace_jwt_core::cache::TokenCache;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::request::{Preflight, Presented};
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::wasm_bindgen_test;

/// What `testkit corpus` wrote down: keys and signatures are made natively.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/corpus.json");

#[wasm_bindgen(module = "fs")]
extern "C" {
    #[wasm_bindgen(js_name = existsSync)]
    fn exists(path: &str) -> bool;
    #[wasm_bindgen(js_name = readFileSync)]
    fn read(path: &str, encoding: &str) -> String;
}

#[wasm_bindgen_test]
fn pointers_have_the_width_that_the_filter_has() {
    assert_eq!(usize::BITS, 32);
}

/// The corpus of hostile tokens, with the reason codes that it has natively.
#[wasm_bindgen_test]
fn each_case_of_the_corpus_is_decided_as_the_contract_has_it() {
    assert!(exists(CORPUS), "no {CORPUS}: run `make wasm-tests`");
    let corpus: Value = serde_json::from_str(&read(CORPUS, "utf8")).unwrap();
    let now = UnixTime::from_secs(corpus["now"].as_u64().unwrap());
    let mut configurations: HashMap<_, _> = corpus["configurations"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, json)| {
            let config =
                Config::from_json(json.to_string().as_bytes(), &Environment::default()).unwrap();
            (name.as_str(), (config, TokenCache::new(10_000)))
        })
        .collect();
    let cases = corpus["cases"].as_array().unwrap();
    assert!(cases.len() > 1000, "{} cases", cases.len());
    let mut surprises = Vec::new();
    for case in cases {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers: Vec<(String, Vec<u8>)> = case["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| (text(&header[0]), URL_SAFE_NO_PAD.decode(text(&header[1])).unwrap()))
            .collect();
        let (config, cache) =
            configurations.get_mut(case["configuration"].as_str().unwrap()).unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let method = case["method"].as_str().unwrap().as_bytes();
        let headers = [(&b":method"[..], method)].into_iter().chain(headers);
        let presented =
            Presented::find(&config.token_headers, &config.token_cookies, headers.clone());
        let decision = match Preflight::find(config.allow_cors_preflight, headers) {
            Some(preflight) => Ok(config.access.admit(preflight)),
            None => config.access.decide(presented, &Guest, cache, now),
        };
        let found = decision.map_or_else(Denial::code, Admitted::code);
        if case["expected"] != found {
            surprises
                .push(format!("{}: expected {}, found {found}", case["name"], case["expected"]));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
