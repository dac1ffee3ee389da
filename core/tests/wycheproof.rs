//! Project Wycheproof's JWS and JWK sets through the JWS layer, both ways: what must pass
//! passes, what must fail fails, and what disagrees is listed here with its reason.

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

use namespace_jwt_core::key::jwk;
use namespace_jwt_core::key::{AllowedAlgorithms, KeySet};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::token::Token;
use namespace_jwt_core::verify::verify_signature;
use serde_json::Value;

/// Where this disagrees with Wycheproof, and why.
struct Exceptions {
    /// Called valid there, refused here.
    refused: &'static [(&'static [u64], &'static str)],
    /// Called invalid there, admitted here.
    admitted: &'static [(&'static [u64], &'static str)],
}

const SIGNATURES: Exceptions = Exceptions {
    refused: &[
        (&[259, 264, 268, 272, 320, 325], "the payload is empty, which no claims set is"),
        (&[346, 350], "the key says PS256, the token PS384: the key chooses the algorithm"),
        (&[347, 351], "the key's algorithm is spelt ES521, and P-521 is not accepted at all"),
        (&[372, 373], "a segment contains `?`, which is not base64url"),
    ],
    admitted: &[],
};

const KEYS: Exceptions = Exceptions {
    refused: &[],
    admitted: &[(&[7], "a ROCA key: weak by how it was made, which is its owner's to know")],
};

fn listed(list: &[(&[u64], &str)], id: u64) -> bool {
    list.iter().any(|(ids, _)| ids.contains(&id))
}

/// Whether the token is good under the keys: a key that can't be used verifies nothing.
fn admits(keys: &[Value], token: &str) -> bool {
    let every = AllowedAlgorithms::listed(Algorithm::ALL.to_vec());
    let Ok(keys) = keys.iter().map(|key| jwk::public_key(key, &every)).collect::<Result<_, _>>()
    else {
        return false;
    };
    let token = Token::parse(token.as_bytes());
    token.is_ok_and(|token| verify_signature(&token, &KeySet::new(keys), &Guest).is_ok())
}

/// Runs every case of a file. `keys` finds a group's keys.
fn run(name: &str, exceptions: &Exceptions, keys: impl Fn(&Value) -> Vec<Value>) -> Option<Tally> {
    let groups = testkit::vectors::read(name, "testGroups")?;
    let mut tally = Tally::default();
    for group in &groups {
        let keys = keys(group);
        let symmetric = keys.iter().any(|key| key["kty"] == "oct");
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            let admitted = admits(&keys, case["jws"].as_str().unwrap());
            let valid = case["result"] == "valid";
            tally.cases += 1;
            tally.admitted += usize::from(admitted);
            // Symmetric keys have no place here: nothing that they signed may pass.
            let expected = if symmetric || listed(exceptions.refused, id) { false } else { valid };
            let expected = expected || listed(exceptions.admitted, id);
            if admitted != expected {
                tally.surprises.push(format!("{id} ({}): admitted: {admitted}", case["comment"]));
            }
        }
    }
    Some(tally)
}

#[derive(Default)]
struct Tally {
    cases: usize,
    admitted: usize,
    surprises: Vec<String>,
}

#[test]
fn json_web_signatures() {
    let public = |group: &Value| match group.get("public") {
        Some(key) => vec![key.clone()],
        None => vec![group["private"].clone()],
    };
    let Some(tally) = run("wycheproof/json_web_signature_test.json", &SIGNATURES, public) else {
        return;
    };
    assert_eq!(tally.surprises, Vec::<String>::new());
    // Of the 46 valid ones, those without a symmetric key or an exception.
    assert_eq!((tally.cases, tally.admitted), (401, 26), "its cases, those admitted");
}

#[test]
fn json_web_keys() {
    let public = |group: &Value| {
        let set = group.get("public").unwrap_or(&group["private"]);
        set["keys"].as_array().unwrap().clone()
    };
    let Some(tally) = run("wycheproof/json_web_key_test.json", &KEYS, public) else { return };
    assert_eq!(tally.surprises, Vec::<String>::new());
    assert_eq!((tally.cases, tally.admitted), (26, 2), "its cases, those admitted");
}
