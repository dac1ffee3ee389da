//! The configuration as the proxy hands over a Struct: no bytes are two configurations, and
//! what was written is what is read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt::structs::to_json;
use prost::Message as _;
use serde_json::{Map, Value};
use testkit::contract::json::Json;
use testkit::protobuf::structure;

fuzz_target!(|bytes: &[u8]| {
    let json = to_json(bytes);
    if let Some(json) = &json {
        assert!(Json::read(bytes).is_none(), "JSON that is a Struct too");
        assert!(Json::read_distinct_object(json).is_some(), "no object, or a member twice");
        let read: Map<_, _> = serde_json::from_slice(json).expect("an object");
        assert_comes_back(&read);
    }
    // The same bytes as JSON, which the fuzzer has more words of.
    if let Ok(Value::Object(members)) = serde_json::from_slice(bytes) {
        assert_comes_back(&members);
    }
});

fn assert_comes_back(members: &Map<String, Value>) {
    let Some(json) = to_json(&structure(members).encode_to_vec()) else {
        // Protobuf's parsers go less deep than JSON's.
        let deep = depth(&Value::Object(members.clone())) > 100;
        return assert!(deep || members.is_empty(), "a Struct that is not read");
    };
    let again = serde_json::from_slice::<Map<_, _>>(&json).expect("an object");
    assert!(same(&Value::Object(again), &Value::Object(members.clone())), "it changed on its way");
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

/// Whether two values are, where every number is a double, which the reader may round.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) else { return false };
            (left - right).abs() <= 4.0 * f64::EPSILON * left.abs()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(name).is_some_and(|it| same(left, it)))
        }
        (left, right) => left == right,
    }
}
