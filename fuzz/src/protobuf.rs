//! Protobuf's wire format, as far as the proxy and the filter talk in it.

use serde_json::Value;

/// The fields of a message that has only strings, bytes and messages.
pub fn fields(mut message: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut fields = Vec::new();
    while let Some((tag, mut rest)) = message.split_first() {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let (byte, after) = rest.split_first()?;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            rest = after;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (bytes, after) = rest.split_at_checked(length)?;
        (tag & 7 == 2).then(|| fields.push((tag >> 3, bytes)))?;
        message = after;
    }
    Some(fields)
}

/// A JSON object as a `google.protobuf.Struct`.
pub fn structure(members: &serde_json::Map<String, Value>) -> Vec<u8> {
    let entry = |(name, held): (&String, &Value)| {
        field(1, &[field(1, name.as_bytes()), field(2, &value(held))].concat())
    };
    members.iter().flat_map(entry).collect()
}

fn value(of: &Value) -> Vec<u8> {
    match of {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            let number = number.as_f64().expect("every number is one").to_le_bytes();
            [&[2 << 3 | 1], &number[..]].concat()
        }
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(flag) => vec![4 << 3, u8::from(*flag)],
        Value::Object(members) => field(5, &structure(members)),
        Value::Array(values) => {
            field(6, &values.iter().flat_map(|it| field(1, &value(it))).collect::<Vec<_>>())
        }
    }
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut message = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(bytes);
    message
}
