//! The members of a JSON object, taken out one by one, each of its type.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{ConfigError, MEMBERS};
use crate::excerpt;
use crate::json;

/// The members of an object that nobody has taken yet.
pub(super) struct Members {
    left: Map<String, Value>,
    /// What stands before their names in messages: `trust.`.
    prefix: &'static str,
    /// The name of every member that there may be.
    known: &'static [&'static str],
}

impl Members {
    /// Reads an object. Nothing at all is an object without members.
    pub(super) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let all = |left| Self { left, prefix: "", known: &MEMBERS };
        if json.trim_ascii().is_empty() {
            return Ok(all(Map::new()));
        }
        let read: Result<Map<_, _>, _> = json::object(json);
        read.map(all).map_err(|error| {
            let expected = "a JSON object with distinct member names";
            ConfigError::new("configuration", expected, what_instead(json, &error))
        })
    }

    /// Fails if there is a member left: it is not one of the configuration's.
    pub(super) fn refuse_rest(&self) -> Result<(), ConfigError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(name) => {
                let meant = most_like(name, self.known);
                Err(ConfigError::Unknown { name: self.name(&excerpt(name)), meant })
            }
        }
    }

    /// Whether there is this one: `trust.public_keys` is one of an object's.
    pub(super) fn has(&self, member: &str) -> bool {
        match member.split_once('.') {
            None => self.left.contains_key(member),
            Some((object, member)) => {
                self.left.get(object).is_some_and(|object| object.get(member).is_some())
            }
        }
    }

    /// A member's name in messages.
    pub(super) fn name(&self, member: &str) -> String {
        format!("{}{member}", self.prefix)
    }

    /// The value of a member that is on the list. Any other stays, and is refused.
    pub(super) fn take(&mut self, member: &str) -> Option<Value> {
        self.known.contains(&member).then(|| self.left.remove(member))?
    }

    /// The members of a member that is an object: there may be those that are `known`, and in
    /// messages `prefix` stands before them.
    pub(super) fn object(
        &mut self,
        member: &str,
        prefix: &'static str,
        known: &'static [&'static str],
    ) -> Result<Option<Self>, ConfigError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::Object(left)) => Ok(Some(Self { left, prefix, known })),
            Some(other) => Err(ConfigError::new(self.name(member), "an object", kind(&other))),
        }
    }

    /// A string that isn't empty.
    pub(super) fn text(&mut self, member: &str) -> Result<Option<String>, ConfigError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => {
                Err(ConfigError::new(self.name(member), "a non-empty string", kind(&other)))
            }
        }
    }

    pub(super) fn texts(&mut self, member: &str) -> Result<Option<Vec<String>>, ConfigError> {
        let expected = "an array of non-empty strings";
        let Some(value) = self.take(member) else { return Ok(None) };
        let Value::Array(values) = value else {
            return Err(ConfigError::new(self.name(member), expected, kind(&value)));
        };
        let text = |(n, value)| match value {
            Value::String(text) if !text.is_empty() => Ok(text),
            other => {
                let name = format!("{}[{n}]", self.name(member));
                Err(ConfigError::new(name, "a non-empty string", kind(&other)))
            }
        };
        values.into_iter().enumerate().map(text).collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn flag(&mut self, member: &str) -> Result<Option<bool>, ConfigError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(ConfigError::new(self.name(member), "true or false", kind(&other))),
        }
    }

    /// A number of seconds, whole and not negative.
    pub(super) fn seconds(&mut self, member: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.take(member) else { return Ok(None) };
        match value.as_u64() {
            Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
            None => {
                let expected = "a whole number of seconds, 0 or more";
                Err(ConfigError::new(self.name(member), expected, quote(&value)))
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
                Err(ConfigError::new(self.name(member), expected, quote(&value)))
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
            ConfigError::new(self.name(member), names.join(" or "), quote(&value))
        })
    }
}

/// The member whose name is most like this one, if one is like it at all.
fn most_like(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let distance = |member: &&str| strsim::osa_distance(&name, member);
    let nearest = known.iter().copied().min_by_key(distance)?;
    (distance(&nearest) <= nearest.len() / 3).then_some(nearest)
}

/// What is there instead of an object. The parser's own words would quote it, keys and all.
fn what_instead(json: &[u8], error: &serde_json::Error) -> String {
    let Ok(text) = std::str::from_utf8(json) else { return "bytes that are not UTF-8".to_owned() };
    match serde_json::from_str(text) {
        Ok(Value::Object(_)) => match doubled(text) {
            Some(path) => format!("that `{}` appears twice", excerpt(&path)),
            None => "that a member appears twice".to_owned(),
        },
        Ok(other) => kind(&other).to_owned(),
        Err(_) => {
            format!("text that is not JSON, at line {}, column {}", error.line(), error.column())
        }
    }
}

/// The first member that appears twice in its object, with the way to it:
/// `jwks.keys[0].kid`. JSON's usual reader keeps the last of the two and says nothing.
fn doubled(json: &str) -> Option<String> {
    serde_json::from_str::<Tree>(json).ok()?.doubled("")
}

/// JSON of which every member is kept.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tree {
    Object(Pairs),
    Array(Vec<Tree>),
    Other(IgnoredAny),
}

struct Pairs(Vec<(String, Tree)>);

impl Tree {
    fn doubled(&self, path: &str) -> Option<String> {
        match self {
            Self::Other(_) => None,
            Self::Array(values) => values
                .iter()
                .enumerate()
                .find_map(|(n, value)| value.doubled(&format!("{path}[{n}]"))),
            Self::Object(Pairs(pairs)) => {
                let mut names = BTreeSet::new();
                pairs.iter().find_map(|(name, value)| {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{name}");
                    if names.insert(name) { value.doubled(&path) } else { Some(path) }
                })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllOf;

        impl<'de> Visitor<'de> for AllOf {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(AllOf)
    }
}

/// The beginning of an operator's text.
pub(super) fn excerpt(text: &str) -> String {
    excerpt::excerpt(text, excerpt::CHARACTERS)
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
