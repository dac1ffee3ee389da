//! The members of a JSON object, taken out one by one, each of its type.

use std::time::Duration;

use serde_json::{Map, Value};

use super::ConfigError;
use crate::json;

/// The members that nobody has taken yet.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads an object. Nothing at all is an object without members.
    pub(super) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        if json.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        let read: Result<Map<_, _>, _> = json::object(json);
        read.map(Self).map_err(|error| {
            let expected = "a JSON object with distinct member names";
            ConfigError::new("configuration", expected, what_instead(json, &error))
        })
    }

    /// Fails if there is a member left: it is not one of the configuration's.
    pub(super) fn refuse_rest(&self) -> Result<(), ConfigError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(ConfigError::new(name, "a member of the configuration", "an unknown one"))
            }
        }
    }

    pub(super) fn take(&mut self, member: &str) -> Option<Value> {
        self.0.remove(member)
    }

    /// A string that isn't empty.
    pub(super) fn text(&mut self, member: &str) -> Result<Option<String>, ConfigError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => Err(ConfigError::new(member, "a non-empty string", kind(&other))),
        }
    }

    pub(super) fn texts(&mut self, member: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let expected = "an array of non-empty strings";
        let Some(value) = self.take(member) else { return Ok(None) };
        let Value::Array(values) = value else {
            return Err(ConfigError::new(member, expected, kind(&value)));
        };
        let text = |(n, value)| match value {
            Value::String(text) if !text.is_empty() => Ok(text),
            other => {
                Err(ConfigError::new(format!("{member}[{n}]"), "a non-empty string", kind(&other)))
            }
        };
        values.into_iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn flag(&mut self, member: &str) -> Result<Option<bool>, ConfigError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(ConfigError::new(member, "true or false", kind(&other))),
        }
    }

    /// A number of seconds, whole and not negative.
    pub(super) fn seconds(&mut self, member: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.take(member) else { return Ok(None) };
        match value.as_u64() {
            Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
            None => {
                Err(ConfigError::new(member, "a whole number of seconds, 0 or more", quote(&value)))
            }
        }
    }

    /// A number of things, whole and not negative.
    pub(super) fn count(
        &mut self,
        member: &str,
        most: usize,
    ) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.take(member) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        match count.filter(|count| *count <= most) {
            Some(count) => Ok(Some(count)),
            None => {
                let expected = format!("a whole number from 0 to {most}");
                Err(ConfigError::new(member, expected, quote(&value)))
            }
        }
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        member: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.take(member) else { return Ok(None) };
        let chosen = choices.iter().find(|(name, _)| value == *name);
        chosen.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            ConfigError::new(member, names.join(" or "), quote(&value))
        })
    }
}

/// What stands in an object's place. The parser's own words would quote it, keys and all.
fn what_instead(json: &[u8], error: &serde_json::Error) -> String {
    match serde_json::from_slice(json) {
        Ok(Value::Object(_)) => "a name that stands twice in one object".to_owned(),
        Ok(other) => kind(&other).to_owned(),
        Err(_) => {
            format!("text that is not JSON, at line {}, column {}", error.line(), error.column())
        }
    }
}

/// What a value is, without what it holds.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A short value as it is written, for members that hold no secret. A long one stands where
/// something else was meant to be, a key perhaps, and isn't repeated.
pub(super) fn quote(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::String(text) if text.len() > 32 => format!("a string of {} bytes", text.len()),
        short => short.to_string(),
    }
}
