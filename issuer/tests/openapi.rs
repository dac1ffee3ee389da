//! The description of the API: the file that people read is what the code says.

#![cfg(not(target_family = "wasm"))]
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

use std::collections::BTreeSet;

use namespace_jwt_issuer::api::description;
use serde_json::Value;

#[test]
fn the_file_is_what_the_code_says() {
    let text = serde_json::to_string_pretty(&description()).unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let found = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        found == text,
        "issuer/openapi.json is older than the code: look at what \
         `UPDATE_OPENAPI=1 cargo test -p namespace-jwt-issuer --test openapi` changes in it"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_and_all_that_it_refers_to_is_there() {
    let description = description();
    let mut names = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is another's");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let in_path: BTreeSet<_> = parameters
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()))
                .collect();
            let expected =
                path.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
            assert_eq!(in_path, expected, "{name}");
        }
    }
    assert!(names.len() > 40, "{} operations", names.len());
    let mut references = Vec::new();
    collect(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => references.push(reference.to_owned()),
                    None => collect(value, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
