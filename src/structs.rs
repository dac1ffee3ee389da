//! A plugin configuration that is a `google.protobuf.Struct`. Envoy says that it hands it
//! over as JSON; it hands over the message as it is on the wire (1.40).

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use namespace_jwt_core::config::ConfigError;
use namespace_jwt_core::json::whole_or_double;

use crate::protobuf::{Field, field};

/// How deep protobuf's own parsers go.
const MAX_DEPTH: u8 = 100;

/// The configuration as JSON text, however the proxy handed it over.
///
/// # Errors
///
/// The bytes are a message of another type.
pub fn read(given: Vec<u8>) -> Result<Vec<u8>, ConfigError> {
    if let Some(json) = to_json(&given) {
        return Ok(json);
    }
    match other_message(&given) {
        None => Ok(given),
        Some(found) => Err(ConfigError::Unusable {
            member: "configuration".to_owned(),
            expected: "JSON text in a google.protobuf.StringValue, or a google.protobuf.Struct"
                .to_owned(),
            found: found.to_owned(),
        }),
    }
}

/// What message the bytes are, if they are one, and no Struct and no text.
fn other_message(bytes: &[u8]) -> Option<&'static str> {
    let is_text = |text: &str| !text.contains(|it: char| it.is_control() && !it.is_whitespace());
    let is_json = serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
    if is_json || std::str::from_utf8(bytes).is_ok_and(is_text) {
        return None;
    }
    let mut fields = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        fields.push(field(&mut rest)?);
    }
    Some(match fields.as_slice() {
        // TypedStruct { string type_url = 1; Struct value = 2 }, and Any, whose value is bytes.
        [(1, Field::Bytes(url)), (2, Field::Bytes(held))] if url.contains(&b'/') => {
            match object(held, MAX_DEPTH) {
                Some(_) => {
                    "a TypedStruct; write google.protobuf.Struct, with the members under `value`"
                }
                None => "an Any inside of the Any; write google.protobuf.Struct",
            }
        }
        [(1, Field::Bytes(url))]
            if url.contains(&b'/') && text(url).is_some_and(|it| is_text(&it)) =>
        {
            "a TypedStruct without a value; write google.protobuf.Struct, with the members under `value`"
        }
        _ if value(bytes, MAX_DEPTH).is_some() => {
            "a google.protobuf.Value; write google.protobuf.Struct"
        }
        _ if list(bytes, MAX_DEPTH).is_some() => {
            "a google.protobuf.ListValue; write google.protobuf.Struct"
        }
        _ => "a protobuf message of another type",
    })
}

/// The object that a Struct on the wire stands for, as JSON text.
///
/// None where the bytes are no Struct, such as JSON text: every member of a Struct has a
/// byte 0x12 before its value, and no JSON has one (RFC 8259 §7).
pub fn to_json(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.is_empty() {
        return None;
    }
    serde_json::to_vec(&object(bytes, MAX_DEPTH)?).ok()
}

/// `Struct { map<string, Value> fields = 1; }`
fn object(mut message: &[u8], depth: u8) -> Option<Value> {
    let mut members = Map::new();
    while !message.is_empty() {
        let (1, Field::Bytes(entry)) = field(&mut message)? else { return None };
        let (name, value) = member(entry, depth)?;
        if members.insert(name, value).is_some() {
            return None;
        }
    }
    Some(Value::Object(members))
}

/// An entry of that map: `{ string key = 1; Value value = 2; }`
fn member(mut entry: &[u8], depth: u8) -> Option<(String, Value)> {
    let (1, Field::Bytes(name)) = field(&mut entry)? else { return None };
    let (2, Field::Bytes(of)) = field(&mut entry)? else { return None };
    entry.is_empty().then_some((text(name)?, value(of, depth)?))
}

/// `Value`, a choice of six kinds.
fn value(mut message: &[u8], depth: u8) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let value = match field(&mut message)? {
        (1, Field::Varint(_)) => Value::Null,
        (2, Field::Double(number)) => Value::Number(whole_or_double(number)?),
        (3, Field::Bytes(bytes)) => Value::String(text(bytes)?),
        (4, Field::Varint(flag)) => Value::Bool(flag != 0),
        (5, Field::Bytes(bytes)) => object(bytes, depth)?,
        (6, Field::Bytes(bytes)) => list(bytes, depth)?,
        _ => return None,
    };
    message.is_empty().then_some(value)
}

/// `ListValue { repeated Value values = 1; }`
fn list(mut message: &[u8], depth: u8) -> Option<Value> {
    let mut values = Vec::new();
    while !message.is_empty() {
        let (1, Field::Bytes(of)) = field(&mut message)? else { return None };
        values.push(value(of, depth)?);
    }
    Some(Value::Array(values))
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::append;
    use serde_json::json;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn json(bytes: &[u8]) -> Option<Value> {
        to_json(bytes).map(|json| serde_json::from_slice(&json).unwrap())
    }

    fn nested(field: u8, bytes: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        append(&mut message, field, bytes);
        message
    }

    fn entry(name: &str, value: &[u8]) -> Vec<u8> {
        nested(1, &[nested(1, name.as_bytes()), nested(2, value)].concat())
    }

    fn double(number: f64) -> Vec<u8> {
        [&[2 << 3 | 1][..], &number.to_le_bytes()].concat()
    }

    #[test]
    fn each_kind_of_value_is_what_json_has_for_it() {
        let list = [nested(1, &nested(3, b"one")), nested(1, &double(2.0))].concat();
        let whole = [
            entry("none", &[1 << 3, 0]),
            entry("whole", &double(404.0)),
            entry("below", &double(-1.0)),
            entry("part", &double(1.5)),
            entry("text", &nested(3, "é".as_bytes())),
            entry("yes", &[4 << 3, 1]),
            entry("no", &[4 << 3, 0]),
            entry("object", &nested(5, &entry("inner", &nested(3, b"")))),
            entry("list", &nested(6, &list)),
            entry("empty", &nested(6, b"")),
        ];
        let expected = json!({
            "none": null, "whole": 404, "below": -1, "part": 1.5, "text": "é", "yes": true,
            "no": false, "object": {"inner": ""}, "list": ["one", 2], "empty": [],
        });
        assert_eq!(json(&whole.concat()), Some(expected));
    }

    #[test]
    fn long_members_and_short_lengths_are_read_too() {
        let pem = "-".repeat(300);
        assert_eq!(json(&entry("k", &nested(3, pem.as_bytes()))), Some(json!({ "k": pem })));
        // As no writer has it, and a reader may: a length below 128 in two bytes.
        assert_eq!(json(b"\x0a\x88\x00\x0a\x01k\x12\x03\x1a\x01v"), Some(json!({"k": "v"})));
    }

    #[test]
    fn what_is_nested_deeper_than_protobuf_allows_is_no_struct() {
        let lists = |count: u8| {
            let value = (1..count).fold(nested(6, b""), |held, _| nested(6, &nested(1, &held)));
            json(&entry("lists", &value))
        };
        assert!(lists(MAX_DEPTH).is_some());
        assert!(lists(MAX_DEPTH + 1).is_none());
    }

    #[test]
    fn a_message_of_another_type_is_named() {
        let members = entry("text", &nested(3, b"value"));
        let url = nested(1, b"type.googleapis.com/some.Type");
        let typed = "a TypedStruct; write google.protobuf.Struct, with the members under `value`";
        let value = "a google.protobuf.Value; write google.protobuf.Struct";
        let list = "a google.protobuf.ListValue; write google.protobuf.Struct";
        for (bytes, found) in [
            ([&url[..], &nested(2, &members)].concat(), Some(typed)),
            (
                [&url[..], &nested(2, b"\x08\x96\x01")].concat(),
                Some("an Any inside of the Any; write google.protobuf.Struct"),
            ),
            (nested(5, &members), Some(value)),
            (nested(3, b"{}"), Some(value)),
            (double(1.0), Some(value)),
            (nested(1, &nested(3, b"{}")), Some(list)),
            (b"\x52\x03\x0a\x01\x00".to_vec(), Some("a protobuf message of another type")),
            (b"junk".to_vec(), None),
            (b"namespace_id: x\n".to_vec(), None),
            (b"\n{\"namespace_id\": \"x\"}".to_vec(), None),
            (b"{\"issuer\":\"\xff\"}".to_vec(), None),
            (members, None),
            (Vec::new(), None),
        ] {
            let error = read(bytes.clone()).err().map(|error| error.to_string());
            let expected = "configuration: expected JSON text in a google.protobuf.StringValue, \
                            or a google.protobuf.Struct, found ";
            let found = found.map(|found| format!("{expected}{found}"));
            assert_eq!(error, found, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_struct_is_left_as_it_is() {
        let good = entry("text", &nested(3, b"value"));
        for cut in 0..good.len() {
            assert_eq!(json(&good[..cut]), None, "cut at {cut}");
        }
        let cases: [&[u8]; 9] = [
            b"",
            b"{}",
            b"\n{}",
            b"\n{\"namespace_id\": \"x\"}",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            &nested(2, b""),
            &nested(1, &nested(1, b"name without value")),
            &entry("not UTF-8", &nested(3, b"\xff")),
            &entry("not finite", &double(f64::NAN)),
        ];
        for case in cases {
            assert_eq!(json(case), None, "{case:?}");
        }
    }
}
