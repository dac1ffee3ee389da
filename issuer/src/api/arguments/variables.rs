//! Environment variables, as the versions of the API have them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Arguments, MAX_BYTES, MAX_ITEMS, MAX_TEXT, as_text};
use crate::authority::refusal::FaultReason;
use crate::model::variables::{MAX_SECRETS, SecretChange, VariablesChange};

const PLAIN: &str = "environment_variables";
const SECRET: &str = "secret_environment_variables";

/// The most characters of a variable's value.
const MAX_VALUE: usize = 8_192;

impl Arguments {
    /// The two members that environment variables stand in, where those that are secret are a list
    /// of keys and values: what isn't named stays, and `null` removes.
    pub fn listed_variables(&mut self) -> VariablesChange {
        let expected = "a list of objects with `key`, and `value` or null to remove it";
        let schema = || {
            let members = json!({"key": key_schema(), "value": or_null(value_schema())});
            let item = json!({"type": "object", "properties": members, "required": ["key"]});
            json!({"type": "array", "maxItems": MAX_SECRETS, "items": item})
        };
        let plain = self.plain_variables();
        let read = |value: &Value| value.as_array()?.iter().map(as_secret).collect();
        let secret: BTreeMap<_, _> = self.take(SECRET, expected, schema, read).unwrap_or_default();
        self.check_secrets(&secret);
        VariablesChange { plain, secret, removes_other_secrets: false }
    }

    /// The same where those that are secret are a map, in place of all that are there. An empty
    /// value keeps the one that is there, as clients don't know it.
    pub fn mapped_variables(&mut self) -> VariablesChange {
        let expected = "an object of strings";
        let schema = || map_schema(or_null(value_schema()), MAX_SECRETS);
        let plain = self.plain_variables();
        let read = |value: &Value| {
            let members = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
            members
                .map(|(key, value)| {
                    let value = Zeroizing::new(as_text(value)?);
                    let is_known = value.is_empty();
                    let change = if is_known { SecretChange::Keep } else { SecretChange::Set };
                    Some((key.clone(), change(value)))
                })
                .collect()
        };
        let secret: Option<BTreeMap<_, _>> = self.take(SECRET, expected, schema, read);
        let removes_other_secrets = secret.is_some();
        let secret = secret.unwrap_or_default();
        self.check_secrets(&secret);
        VariablesChange { plain, secret, removes_other_secrets }
    }

    fn plain_variables(&mut self) -> Option<BTreeMap<String, String>> {
        let schema = || map_schema(value_schema(), MAX_ITEMS);
        let variables: BTreeMap<_, _> =
            self.take(PLAIN, "an object of strings", schema, |value| {
                let members = value.as_object()?.iter();
                members.map(|(key, value)| Some((key.clone(), as_text(value)?))).collect()
            })?;
        self.at_most(PLAIN, variables.len(), MAX_ITEMS, "variables");
        for (key, value) in &variables {
            self.check_variable(PLAIN, key, value);
        }
        let bytes = variables.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        self.at_most(PLAIN, bytes.sum(), MAX_BYTES, "bytes in all");
        Some(variables)
    }

    fn check_secrets(&mut self, variables: &BTreeMap<String, SecretChange<Zeroizing<String>>>) {
        self.at_most(SECRET, variables.len(), MAX_SECRETS, "variables");
        for (key, change) in variables {
            let value = match change {
                SecretChange::Set(value) | SecretChange::Keep(value) => value.as_str(),
                SecretChange::Remove => "",
            };
            self.check_variable(SECRET, key, value);
        }
    }

    fn check_variable(&mut self, name: &str, key: &str, value: &str) {
        if key.is_empty() || key.contains(['=', '\0']) {
            let help = "expected a name without `=` for each variable";
            self.fault(name, FaultReason::Constraint, help);
        }
        self.at_most(name, key.chars().count(), MAX_TEXT, "characters in a name");
        self.at_most(name, value.chars().count(), MAX_VALUE, "characters in a value");
    }
}

fn as_secret(value: &Value) -> Option<(String, SecretChange<Zeroizing<String>>)> {
    let key = as_text(value.get("key")?)?;
    let change = match value.get("value") {
        None | Some(Value::Null) => SecretChange::Remove,
        Some(value) => SecretChange::Set(Zeroizing::new(as_text(value)?)),
    };
    Some((key, change))
}

fn map_schema(value: Value, most: usize) -> Value {
    json!({
        "type": "object",
        "maxProperties": most,
        "propertyNames": key_schema(),
        "additionalProperties": value,
    })
}

fn key_schema() -> Value {
    json!({"type": "string", "maxLength": MAX_TEXT, "pattern": "^[^=\\u0000]+$"})
}

fn value_schema() -> Value {
    json!({"type": "string", "maxLength": MAX_VALUE})
}

fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}
