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
use namespace_jwt_core::access::{Admitted, Memory, Request};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::key::{AllowedAlgorithms, PublicKey, pem};
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::request::{Preflight, Presented};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_test::wasm_bindgen_test;

/// What `testkit corpus` wrote down: keys and signatures are made natively.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/corpus.json");

/// What `testkit wycheproof` did.
const WYCHEPROOF: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wycheproof.json");

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

fn json(file: &str) -> Value {
    assert!(exists(file), "no {file}: run `make wasm-tests`");
    serde_json::from_str(&read(file, "utf8")).unwrap()
}

/// The corpus of hostile tokens, with the reason codes that it has natively.
#[wasm_bindgen_test]
fn each_case_of_the_corpus_is_decided_as_the_contract_has_it() {
    let corpus = json(CORPUS);
    let now = UnixTime::from_secs(corpus["now"].as_u64().unwrap());
    let mut configurations: HashMap<_, _> = corpus["configurations"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, json)| {
            let config =
                Config::from_json(json.to_string().as_bytes(), &Environment::default()).unwrap();
            (name.as_str(), (config, Memory::new(10_000)))
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
        let (config, memory) =
            configurations.get_mut(case["configuration"].as_str().unwrap()).unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let method = case["method"].as_str().unwrap().as_bytes();
        let headers = [(&b":method"[..], method)].into_iter().chain(headers);
        let presented =
            Presented::find(&config.token_headers, &config.token_cookies, headers.clone());
        let preflight = Preflight::find(config.allow_cors_preflight, headers);
        let request = Request { preflight, ..presented.into() };
        let decision = config.access.decide(request, None, &Guest, memory, now);
        let found = decision.map_or_else(Denial::code, Admitted::code);
        if case["expected"] != found {
            surprises
                .push(format!("{}: expected {}, found {found}", case["name"], case["expected"]));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}

/// Project Wycheproof's signatures, with the verdicts that they have natively.
#[wasm_bindgen_test]
fn each_of_wycheproofs_signatures_is_judged_as_it_is_natively() {
    let sets = json(WYCHEPROOF);
    let bytes = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
    let mut surprises = Vec::new();
    for set in sets.as_array().unwrap() {
        let algorithm = Algorithm::from_name(set["algorithm"].as_str().unwrap()).unwrap();
        let allowed = AllowedAlgorithms::listed(vec![algorithm]);
        let (mut cases, mut admitted) = (0, 0);
        for group in set["groups"].as_array().unwrap() {
            let pem = pem::public_key(group["keys"][0].as_str().unwrap());
            let key = pem.and_then(|it| PublicKey::bind(it, None, None, &allowed));
            assert_eq!(key.is_err(), group["refused"].is_string(), "{}", set["name"]);
            for case in group["cases"].as_array().unwrap() {
                let (message, signature) = (bytes(&case["message"]), bytes(&case["signature"]));
                let found = key.as_ref().is_ok_and(|key| {
                    let message = Message::new(&message);
                    Guest.verify(key, algorithm, &message, &signature) == Checked::Good
                });
                cases += 1;
                admitted += u64::from(found);
                if case["admitted"] != found {
                    surprises.push(format!("{} {}: admitted: {found}", set["name"], case["id"]));
                }
            }
        }
        let counts = (cases, admitted);
        assert_eq!((&set["cases"], &set["admitted"]), (&counts.0.into(), &counts.1.into()));
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert_eq!(sets.as_array().unwrap().len(), 37, "sets of Wycheproof's");
}
