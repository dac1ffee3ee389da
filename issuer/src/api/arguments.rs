//! The members of a request's body. Each is read once, by its name and type; what is wrong is
//! collected, so that a client hears of all of it at once.
//!
//! Unknown members are ignored, and `null` means the same as an absent one: clients are newer or
//! older than the service, and Go's send `null` for empty lists.

mod texts;
mod variables;

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::asked::{self, Asked};
use crate::authority::refusal::{ArgumentFault, FaultReason, Refusal};
use crate::calendar::{LAST, TimeError, parse_duration, parse_rfc3339};
use crate::http::json::may_have_more_values;
use crate::model::id;
use crate::model::trust::TokenId;
use crate::signing::keys::KeyType;

/// The most characters of a label, of a variable's name, or of any other short text.
const MAX_TEXT: usize = 256;

/// The most bytes of all items of a list, or of all plain variables, together. A page has up to a
/// hundred objects.
const MAX_BYTES: usize = 32_768;

/// The most labels, plain variables, or words of a command.
const MAX_ITEMS: usize = 100;

/// The most members and items that a body may have, at any depth. What a client may say has a
/// few hundred.
const MAX_VALUES: usize = 10_000;

/// The longest time that a request of an application may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(86_400);

/// The members that weren't read yet, and what was wrong with those that were.
#[derive(Default)]
pub struct Arguments {
    members: Map<String, Value>,
    faults: Vec<ArgumentFault>,
    /// What was asked for, where there is no request.
    asked: Option<Vec<Asked>>,
    is_closed: bool,
}

impl Arguments {
    /// Reads a body. An empty one has no members.
    pub fn of_body(body: &[u8]) -> Result<Self, Refusal> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        if may_have_more_values(body, MAX_VALUES) {
            let help = format!("expected at most {MAX_VALUES} members and items");
            return Err(Refusal::argument("body", FaultReason::Constraint, &help));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self { members, ..Self::default() }),
            _ => Err(Refusal::argument("body", FaultReason::Format, "expected a JSON object")),
        }
    }

    /// Without a body, to note what is asked for.
    pub fn describing() -> Self {
        Self { asked: Some(Vec::new()), ..Self::default() }
    }

    /// What was asked for, and whether there may be nothing else.
    pub fn description(self) -> (Vec<Asked>, bool) {
        (self.asked.unwrap_or_default(), self.is_closed)
    }

    /// What was wrong.
    pub fn faults(self) -> Vec<ArgumentFault> {
        self.faults
    }

    /// After the last member was read: one that isn't known is a fault as well, where one that is
    /// misspelled would not be without consequence.
    pub fn knows(&mut self, known: &[&str]) {
        self.is_closed = true;
        if self.members.values().any(|value| !value.is_null()) {
            let help = format!("expected no other members than {}", known.join(", "));
            self.fault("body", FaultReason::Constraint, &help);
        }
    }

    /// Ids.
    pub fn ids(&mut self, name: &str) -> Option<Vec<Uuid>> {
        let schema = || json!({"type": "array", "items": asked::uuid()});
        self.take(name, "a list of UUIDs", schema, |value| {
            value.as_array()?.iter().map(|it| id::parse(it.as_str()?)).collect()
        })
    }

    /// Objects, and what `read` makes of each. Their faults are told under its name and place.
    pub fn objects<T>(
        &mut self,
        name: &str,
        mut read: impl FnMut(&mut Self) -> T,
    ) -> Option<Vec<T>> {
        if let Some(asked) = &mut self.asked {
            let mut inner = Self::describing();
            read(&mut inner);
            let items = asked::object(inner.asked.unwrap_or_default(), inner.is_closed);
            asked.push(Asked::optional(name, json!({"type": "array", "items": items})));
            return None;
        }
        let items: Vec<Map<String, Value>> =
            self.take(name, "a list of objects", Value::default, |value| {
                value.as_array()?.iter().map(|it| it.as_object().cloned()).collect()
            })?;
        let mut values = Vec::new();
        for (at, members) in items.into_iter().enumerate() {
            let mut inner = Self { members, ..Self::default() };
            values.push(read(&mut inner));
            self.adopt(&format!("{name}[{at}]"), inner.faults);
        }
        Some(values)
    }

    /// One of a few words. The platform's word for "not said" counts as absent.
    pub fn choice(&mut self, name: &str, unset: &str, words: &[&str]) -> Option<String> {
        let all = || words.iter().copied().chain(Some(unset).filter(|it| !it.is_empty()));
        let text = self.take(name, "a string", || asked::one_of(all()), as_text)?;
        let text = Some(text).filter(|text| text != unset)?;
        if !words.contains(&text.as_str()) {
            let help = format!("expected one of {}", words.join(", "));
            self.fault(name, FaultReason::Constraint, &help);
        }
        Some(text)
    }

    /// An id.
    pub fn id(&mut self, name: &str) -> Option<Uuid> {
        self.take(name, "a UUID", asked::uuid, |value| id::parse(value.as_str()?))
    }

    /// An id that has to be there.
    pub fn required_id(&mut self, name: &str) -> Uuid {
        self.require(name, "give an id");
        let id = self.id(name);
        self.asked_is_required();
        id.unwrap_or_default()
    }

    /// An id or nothing, where an empty text takes away what is there.
    pub fn id_or_empty(&mut self, name: &str) -> Option<String> {
        let schema = || json!({"anyOf": [asked::uuid(), {"type": "string", "maxLength": 0}]});
        self.take(name, "a UUID, or an empty text", schema, |value| {
            let text = value.as_str()?;
            let id = id::parse(text).map(|id| id.to_string());
            id.or_else(|| text.is_empty().then(String::new))
        })
    }

    /// A number from 0.
    pub fn number(&mut self, name: &str) -> Option<u32> {
        let schema = || json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
        let number = self.take(name, "a whole number", schema, Value::as_i64)?;
        let number = u32::try_from(number).ok();
        if number.is_none() {
            let help = format!("expected a number from 0 to {}", u32::MAX);
            self.fault(name, FaultReason::Constraint, &help);
        }
        number
    }

    /// A size in bytes, of which whole megabytes (1,000,000 bytes) are kept.
    pub fn megabytes(&mut self, name: &str) -> Option<u32> {
        const MEGABYTE: u64 = 1_000_000;
        let most = u64::from(u32::MAX).saturating_mul(MEGABYTE);
        let schema =
            || json!({"type": "integer", "minimum": 0, "maximum": most, "multipleOf": MEGABYTE});
        let bytes = self.take(name, "a whole number", schema, Value::as_i64)?;
        let bytes = u64::try_from(bytes).ok().filter(|bytes| bytes.is_multiple_of(MEGABYTE));
        let number = bytes.and_then(|bytes| u32::try_from(bytes.div_euclid(MEGABYTE)).ok());
        if number.is_none() {
            let help = "expected a number of bytes that is a multiple of 1000000";
            self.fault(name, FaultReason::Constraint, help);
        }
        number
    }

    /// Yes or no.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.take(name, "true or false", || json!({"type": "boolean"}), Value::as_bool)
    }

    /// A time in RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<UnixTime> {
        let text = self.take(name, "a time in RFC 3339, as a string", asked::time, as_text)?;
        read_time(name, &text).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// The same, as exactly as it can be kept: to the microsecond.
    pub fn time_to_keep(&mut self, name: &str) -> Option<UnixTime> {
        let micros = u64::try_from(self.time(name)?.since_epoch().as_micros()).ok()?;
        Some(UnixTime::new(Duration::from_micros(micros)))
    }

    /// A length of time, such as `300s` or `300.000000000s`.
    pub fn duration(&mut self, name: &str) -> Option<Duration> {
        let expected = "a length of time in seconds, such as \"300s\"";
        let schema = || json!({"type": "string", "pattern": r"^[0-9]{1,5}(\.[0-9]{1,9})?s$"});
        let read = |value: &Value| parse_seconds(value.as_str()?);
        let duration = self.take(name, expected, schema, read)?;
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
        let schema = || json!({"type": "string", "pattern": "^[0-9]{1,6}[smhd]$"});
        self.take(name, expected, schema, |value| parse_duration(value.as_str()?))
    }

    /// A time in RFC 3339, or `now`.
    pub fn time_or_now(&mut self, name: &str) -> Option<Moment> {
        let schema = || json!({"anyOf": [asked::time(), asked::one_of(["now"])]});
        let expected = "a time in RFC 3339, as a string, or \"now\"";
        match self.take(name, expected, schema, as_text)?.as_str() {
            "now" => Some(Moment::Now),
            text => {
                read_time(name, text).map(Moment::At).map_err(|fault| self.faults.push(fault)).ok()
            }
        }
    }

    /// The id of a token, its `jti`. It needn't be one of this service's.
    pub fn token_id(&mut self, name: &str) -> Option<TokenId> {
        let expected = "the value of a token's `jti` alone, in visible ASCII";
        let schema = || json!({"type": "string"});
        self.take(name, expected, schema, |value| TokenId::parse(value.as_str()?).ok())
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

    /// A value that has members itself, and what `read` makes of them. Their faults are told under
    /// its name.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let mut inner = match self.asked {
            Some(_) => Self::describing(),
            None => {
                let expected = "an object";
                let members =
                    self.take(name, expected, Value::default, |value| value.as_object().cloned())?;
                Self { members, ..Self::default() }
            }
        };
        let value = read(&mut inner);
        self.adopt(name, inner.faults);
        if let (Some(asked), Some(members)) = (&mut self.asked, inner.asked) {
            asked.push(Asked::optional(name, asked::object(members, inner.is_closed)));
        }
        Some(value)
    }

    /// What came of reading several members together, or nothing: then it is a fault, unless one of
    /// them alone was one already.
    pub fn checked<T, const N: usize>(&mut self, read: Result<T, [ArgumentFault; N]>) -> Option<T> {
        if let (Err(faults), true) = (&read, self.faults.is_empty()) {
            self.faults.extend(faults.iter().cloned());
        }
        read.ok()
    }

    /// Adds what is wrong with members that were read already.
    pub fn fault(&mut self, name: &str, reason: FaultReason, help: &str) {
        self.faults.push(ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() });
    }

    /// Takes over what is wrong inside of a member.
    fn adopt(&mut self, name: &str, faults: Vec<ArgumentFault>) {
        let faults = faults.into_iter();
        let renamed =
            faults.map(|fault| ArgumentFault { name: format!("{name}.{}", fault.name), ..fault });
        self.faults.extend(renamed);
    }

    fn require(&mut self, name: &str, help: &str) {
        let is_there = self.members.get(name).is_some_and(|value| !value.is_null());
        if !is_there {
            self.fault(name, FaultReason::Required, help);
        }
    }

    /// Notes of the member that was asked for last that it has to be there.
    fn asked_is_required(&mut self) {
        if let Some(asked) = self.asked.as_mut().and_then(|asked| asked.last_mut()) {
            asked.is_required = true;
        }
    }

    fn take<T>(
        &mut self,
        name: &str,
        expected: &str,
        schema: impl FnOnce() -> Value,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if let Some(asked) = &mut self.asked {
            asked.push(Asked::optional(name, schema()));
        }
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
}

/// A time, as somebody asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Whenever it is done.
    Now,
    /// This time.
    At(UnixTime),
}

impl Moment {
    /// The time that is meant at `now`.
    pub fn at(self, now: UnixTime) -> UnixTime {
        match self {
            Self::Now => now,
            Self::At(time) => time,
        }
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
mod tests;
