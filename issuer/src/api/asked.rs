//! What an operation asks of a request, for the description of the API: the code that reads a
//! request is run once without one, and notes what it would have read.

use serde_json::{Map, Value, json};

/// A member of a body, or a parameter of a query.
pub struct Asked {
    /// Its name.
    pub name: String,
    /// What it may be, as JSON Schema 2020-12.
    pub schema: Value,
    /// Whether it has to be there.
    pub is_required: bool,
}

impl Asked {
    /// What may be left out.
    pub fn optional(name: &str, schema: Value) -> Self {
        Self { name: name.to_owned(), schema, is_required: false }
    }
}

/// An object with these members. What may be left out may be `null` too.
pub fn object(members: Vec<Asked>, is_closed: bool) -> Value {
    let required: Vec<_> =
        members.iter().filter(|it| it.is_required).map(|it| it.name.clone()).collect();
    let properties: Map<_, _> = members
        .into_iter()
        .map(|it| (it.name, if it.is_required { it.schema } else { or_null(it.schema) }))
        .collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        set(&mut schema, "required", json!(required));
    }
    if is_closed {
        set(&mut schema, "additionalProperties", json!(false));
    }
    schema
}

fn or_null(mut schema: Value) -> Value {
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
    let Some(one) = schema.get("type").filter(|it| it.is_string()).cloned() else {
        return json!({"anyOf": [schema, {"type": "null"}]});
    };
    set(&mut schema, "type", json!([one, "null"]));
    schema
}

fn set(schema: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = schema {
        members.insert(name.to_owned(), value);
    }
}

/// An id.
pub fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

/// A time in RFC 3339.
pub fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

/// One of a few words.
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"type": "string", "enum": words.into_iter().collect::<Vec<_>>()})
}
