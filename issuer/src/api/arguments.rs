//! The members of a request's body. Each is read once, by its name and type; what is wrong is
//! collected, so that a client hears of all of it at once.
//!
//! Unknown members are ignored, and `null` means the same as an absent one: clients are newer or
//! older than the service, and Go's send `null` for empty lists.

use std::collections::BTreeMap;
use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::authority::refusal::{ArgumentFault, FaultReason, Refusal};
use crate::calendar::{LAST, TimeError, parse_duration, parse_rfc3339};
use crate::model::id;
use crate::model::name::{EXPECTED, is_name};
use crate::model::trust::TokenId;
use crate::model::variables::{MAX_SECRETS, VariablesChange};
use crate::signing::keys::KeyType;

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 4_096;

/// The most characters of a label, of a variable's name, or of any other short text.
const MAX_TEXT: usize = 256;

/// The most bytes of all items of a list, or of all plain variables, together. A page has up to a
/// hundred objects.
const MAX_BYTES: usize = 32_768;

/// The most labels, plain variables, or words of a command.
const MAX_ITEMS: usize = 100;

/// The most characters of a variable's value.
const MAX_VALUE: usize = 8_192;

/// The longest time that a request of an application may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// The members that weren't read yet, and what was wrong with those that were.
#[derive(Default)]
pub struct Arguments {
    members: Map<String, Value>,
    faults: Vec<ArgumentFault>,
}

impl Arguments {
    /// Reads a body. An empty one has no members.
    pub fn of_body(body: &[u8]) -> Result<Self, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { members, faults: Vec::new() }),
            _ => Err(Refusal::argument("body", FaultReason::Format, "expected a JSON object")),
        }
    }

    /// Whether all that was read was right.
    pub fn finish(self) -> Result<(), Refusal> {
        match self.faults.is_empty() {
            true => Ok(()),
            false => Err(Refusal::InvalidArguments(self.faults)),
        }
    }

    /// The same, where a member that isn't known is a fault as well: where one that is misspelled
    /// would not be without consequence.
    pub fn finish_knowing(mut self, known: &[&str]) -> Result<(), Refusal> {
        if self.members.values().any(|value| !value.is_null()) {
            let help = format!("expected no other members than {}", known.join(", "));
            self.fault("body", FaultReason::Constraint, &help);
        }
        self.finish()
    }

    /// The name of something new.
    pub fn new_name(&mut self) -> String {
        if !self.has("name") {
            self.fault("name", FaultReason::Required, "give a name");
        }
        let Some(name) = self.text("name") else { return String::new() };
        if !is_name(&name) {
            self.fault("name", FaultReason::Constraint, EXPECTED);
        }
        name
    }

    /// What something is for.
    pub fn description(&mut self) -> Option<String> {
        let text = self.take("description", "a string", as_text)?;
        self.at_most("description", text.chars().count(), MAX_DESCRIPTION, "characters");
        Some(text)
    }

    /// A short text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let text = self.take(name, "a string", as_text)?;
        self.at_most(name, text.chars().count(), MAX_TEXT, "characters");
        Some(text)
    }

    /// One of a few words. The platform's word for "not said" counts as absent.
    pub fn choice(&mut self, name: &str, unset: &str, words: &[&str]) -> Option<String> {
        let text = self.text(name).filter(|text| text != unset)?;
        if !words.contains(&text.as_str()) {
            let help = format!("expected one of {}", words.join(", "));
            self.fault(name, FaultReason::Constraint, &help);
        }
        Some(text)
    }

    /// An id.
    pub fn id(&mut self, name: &str) -> Option<Uuid> {
        self.take(name, "a UUID", |value| id::parse(value.as_str()?))
    }

    /// An id that has to be there.
    pub fn required_id(&mut self, name: &str) -> Uuid {
        if !self.has(name) {
            self.fault(name, FaultReason::Required, "give an id");
        }
        self.id(name).unwrap_or_default()
    }

    /// An id or nothing, where an empty text takes away what is there.
    pub fn id_or_empty(&mut self, name: &str) -> Option<String> {
        self.take(name, "a UUID, or an empty text", |value| {
            let text = value.as_str()?;
            let id = id::parse(text).map(|id| id.to_string());
            id.or_else(|| text.is_empty().then(String::new))
        })
    }

    /// A number from 0.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        let number = self.take(name, "a whole number", Value::as_i64)?;
        let number = u32::try_from(number).ok();
        if number.is_none() {
            let help = format!("expected a number from 0 to {}", u32::MAX);
            self.fault(name, FaultReason::Constraint, &help);
        }
        number
    }

    /// Yes or no.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name, "true or false", Value::as_bool)
    }

    /// A time in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<UnixTime> {
        let text = self.take(name, "a time in RFC 3339, as a string", as_text)?;
        read_time(name, &text).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// A length of time, such as `300s` or `300.000000000s`.
    pub fn duration(&mut self, name: &str) -> Option<Duration> {
        let expected = "a length of time in seconds, such as \"300s\"";
        let duration = self.take(name, expected, |value| parse_seconds(value.as_str()?))?;
        if duration.is_zero() || duration > MAX_TIMEOUT {
            let most = MAX_TIMEOUT.as_secs();
            let help = format!("expected more than 0 and at most {most} seconds");
            self.fault(name, FaultReason::Constraint, &help);
        }
        Some(duration)
    }

    /// A length of time such as `90s`, `24h` or `7d`, as the commands take it.
    pub fn period(&mut self, name: &str) -> Option<Duration> {
        let expected = "a length of time, such as \"30m\", \"24h\" or \"7d\"";
        self.take(name, expected, |value| parse_duration(value.as_str()?))
    }

    /// A time in RFC 3339, or `now`.
    pub fn time_or_now(&mut self, name: &str, now: UnixTime) -> Option<UnixTime> {
        match self.members.get(name).and_then(Value::as_str) {
            Some("now") => self.take(name, "now", |_| Some(now)),
            _ => self.time(name),
        }
    }

    /// The id of a token, its `jti`. It needn't be one of this service's.
    pub fn token_id(&mut self, name: &str) -> Option<TokenId> {
        let expected = "the value of a token's `jti` alone, in visible ASCII";
        self.take(name, expected, |value| TokenId::parse(value.as_str()?).ok())
    }

    /// The type of a key, by its algorithm and for RSA its size.
    pub fn key_type(&mut self) -> Option<KeyType> {
        let [rsa, ..] = KeyType::ALGORITHMS;
        let algorithm = self.choice("algorithm", "", &KeyType::ALGORITHMS);
        let bits = self.number("bits");
        let algorithm = match (algorithm, bits) {
            (None, None) => return None,
            (algorithm, _) => algorithm.unwrap_or_else(|| rsa.to_owned()),
        };
        let found = KeyType::named(&algorithm, bits);
        if found.is_none() && KeyType::ALGORITHMS.contains(&algorithm.as_str()) {
            let help = "expected 2048, 3072 or 4096 with RS256, and none with another algorithm";
            self.fault("bits", FaultReason::Constraint, help);
        }
        found
    }

    /// A list of short texts.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let texts: Vec<String> = self.take(name, "a list of strings", |value| {
            value.as_array()?.iter().map(as_text).collect()
        })?;
        self.at_most(name, texts.len(), MAX_ITEMS, "items");
        let longest = texts.iter().map(|text| text.chars().count()).max();
        self.at_most(name, longest.unwrap_or(0), MAX_TEXT, "characters in an item");
        self.at_most(name, texts.iter().map(String::len).sum(), MAX_BYTES, "bytes in all");
        Some(texts)
    }

    /// A value that has members itself.
    pub fn object(&mut self, name: &str) -> Option<Self> {
        let members = self.take(name, "an object", |value| value.as_object().cloned())?;
        Some(Self { members, faults: Vec::new() })
    }

    /// Takes over the faults of a value that has members itself, under its name.
    pub fn finish_object(&mut self, name: &str, object: Self) {
        self.faults.extend(
            object
                .faults
                .into_iter()
                .map(|fault| ArgumentFault { name: format!("{name}.{}", fault.name), ..fault }),
        );
    }

    /// The two members that environment variables stand in.
    pub fn variables(&mut self) -> VariablesChange {
        VariablesChange { plain: self.plain_variables(), secret: self.secret_variables() }
    }

    fn plain_variables(&mut self) -> Option<BTreeMap<String, String>> {
        let name = "environment_variables";
        let variables: BTreeMap<_, _> = self.take(name, "an object of strings", |value| {
            let members = value.as_object()?.iter();
            members.map(|(key, value)| Some((key.clone(), as_text(value)?))).collect()
        })?;
        self.at_most(name, variables.len(), MAX_ITEMS, "variables");
        for (key, value) in &variables {
            self.check_variable(name, key, value);
        }
        let bytes = variables.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        self.at_most(name, bytes.sum(), MAX_BYTES, "bytes in all");
        Some(variables)
    }

    fn secret_variables(&mut self) -> BTreeMap<String, Option<Zeroizing<String>>> {
        let name = "secret_environment_variables";
        let expected = "a list of objects with `key`, and `value` or null to remove it";
        let read = |value: &Value| value.as_array()?.iter().map(as_secret).collect();
        let variables: BTreeMap<_, _> = self.take(name, expected, read).unwrap_or_default();
        self.at_most(name, variables.len(), MAX_SECRETS, "variables");
        for (key, value) in &variables {
            self.check_variable(name, key, value.as_ref().map_or("", |value| value));
        }
        variables
    }

    fn check_variable(&mut self, name: &str, key: &str, value: &str) {
        if key.is_empty() || key.contains(['=', '\0']) {
            let help = "expected a name without `=` for each variable";
            self.fault(name, FaultReason::Constraint, help);
        }
        self.at_most(name, key.chars().count(), MAX_TEXT, "characters in a name");
        self.at_most(name, value.chars().count(), MAX_VALUE, "characters in a value");
    }

    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    fn take<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.fault(name, FaultReason::Format, &format!("expected {expected}"));
        }
        read
    }

    fn at_most(&mut self, name: &str, found: usize, most: usize, what: &str) {
        if found > most {
            let help = format!("expected at most {most} {what}");
            self.fault(name, FaultReason::Constraint, &help);
        }
    }

    fn fault(&mut self, name: &str, reason: FaultReason, help: &str) {
        self.faults.push(ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() });
    }
}

/// Reads a time that an answer can write too.
pub fn read_time(name: &str, text: &str) -> Result<UnixTime, ArgumentFault> {
    let fault = |reason, help| ArgumentFault { name: name.to_owned(), reason, help };
    match parse_rfc3339(text) {
        Ok(time) if time > LAST => {
            Err(fault(FaultReason::Constraint, "expected a time before the year 10000".to_owned()))
        }
        Ok(time) => Ok(time),
        Err(error @ TimeError::Before1970) => {
            Err(fault(FaultReason::Constraint, error.to_string()))
        }
        Err(error) => Err(fault(FaultReason::Format, error.to_string())),
    }
}

fn as_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn as_secret(value: &Value) -> Option<(String, Option<Zeroizing<String>>)> {
    let key = as_text(value.get("key")?)?;
    match value.get("value") {
        None | Some(Value::Null) => Some((key, None)),
        Some(value) => Some((key, Some(Zeroizing::new(as_text(value)?)))),
    }
}

/// Reads seconds, with up to nine digits after the point, and an `s`.
fn parse_seconds(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('s')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    Some(Duration::new(whole.parse().ok()?, format!("{fraction:0<9}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(body: &str) -> Arguments {
        Arguments::of_body(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_body_is_a_json_object_or_empty() {
        for body in ["", " \n", "{}", r#"{"unknown":[{"to":null}]}"#] {
            arguments(body).finish().unwrap();
        }
        for body in ["[]", "null", "7", "\"text\"", "{", "{} {}", "\u{feff}{}", "name=x"] {
            assert!(Arguments::of_body(body.as_bytes()).is_err(), "{body}");
        }
        // Deeper than a reader goes, and answered all the same.
        assert!(Arguments::of_body("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn null_means_absent() {
        let mut it = arguments(
            r#"{"description":null,"tags":null,"expires_at":null,"min_scale":null,
                "environment_variables":null,"secret_environment_variables":null}"#,
        );
        assert_eq!((it.description(), it.texts("tags")), (None, None));
        assert_eq!((it.time("expires_at"), it.number("min_scale")), (None, None));
        let variables = it.variables();
        assert!(variables.plain.is_none() && variables.secret.is_empty());
        it.finish().unwrap();
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let mut it = arguments(
            r#"{"tags":[1],"namespace_id":"x","min_scale":-1,"timeout":"soon","privacy":"secret",
                "expires_at":"2026-01-02T03:04:05"}"#,
        );
        it.new_name();
        it.required_id("namespace_id");
        it.required_id("function_id");
        it.texts("tags");
        it.number("min_scale");
        it.duration("timeout");
        it.choice("privacy", "unknown_privacy", &["public", "private"]);
        it.time("expires_at");
        let Err(Refusal::InvalidArguments(faults)) = it.finish() else { panic!() };
        let faults: Vec<_> =
            faults.iter().map(|fault| (fault.name.as_str(), fault.reason.name())).collect();
        let expected = [
            ("name", "required"),
            ("namespace_id", "format"),
            ("function_id", "required"),
            ("tags", "format"),
            ("min_scale", "constraint"),
            ("timeout", "format"),
            ("privacy", "constraint"),
            ("expires_at", "format"),
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn lengths_of_time_are_read_as_clients_write_them() {
        for (text, expected) in [
            ("300s", Some(Duration::from_secs(300))),
            ("300.000000000s", Some(Duration::from_secs(300))),
            ("1.5s", Some(Duration::from_millis(1500))),
            ("0.000000001s", Some(Duration::from_nanos(1))),
            ("300", None),
            ("s", None),
            (".5s", None),
            ("1.s", None),
            ("-1s", None),
            ("1.0000000000s", None),
            ("1m", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse_seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_is_one_that_an_answer_can_write() {
        for (text, reason) in [
            ("9999-12-31T23:59:59Z", None),
            ("9999-12-31T23:59:59-00:01", Some("constraint")),
            ("9999-12-31T23:59:59.5Z", Some("constraint")),
            ("1970-01-01T00:00:00Z", None),
            ("1969-12-31T23:59:59Z", Some("constraint")),
            ("2030-01-01", Some("format")),
        ] {
            let found = read_time("expires_at", text).err().map(|fault| fault.reason.name());
            assert_eq!(found, reason, "{text}");
        }
    }

    #[test]
    fn a_secret_is_removed_by_null() {
        let mut it = arguments(
            r#"{"secret_environment_variables":
                [{"key":"A","value":"1"},{"key":"B","value":null},{"key":"C"}]}"#,
        );
        let secret = it.variables().secret;
        it.finish().unwrap();
        assert_eq!(secret["A"].as_ref().map(|value| value.as_str()), Some("1"));
        assert!(secret["B"].is_none() && secret["C"].is_none());
    }
}
