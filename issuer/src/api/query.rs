//! What follows the `?` in a request.

use namespace_jwt_core::time::UnixTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::arguments::read_time;
use super::asked::{self, Asked};
use crate::authority::refusal::{ArgumentFault, FaultReason};
use crate::model::id;
use crate::model::page::{MAX_PAGE_SIZE, Order, OrderBy, PageRequest};

/// How many items a page has that doesn't say.
const PAGE_SIZE: u32 = 20;

/// Names and values. What nobody asks for is ignored: clients are newer or older than the service.
#[derive(Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<ArgumentFault>,
    asked: Option<Vec<Asked>>,
}

impl Query {
    /// Reads them, with `+` for a space.
    pub fn parse(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes());
        let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self { pairs, ..Self::default() }
    }

    /// Without a request, to note what is asked for.
    pub fn describing() -> Self {
        Self { asked: Some(Vec::new()), ..Self::default() }
    }

    /// What was asked for.
    pub fn description(self) -> Vec<Asked> {
        self.asked.unwrap_or_default()
    }

    /// What was wrong.
    pub fn faults(self) -> Vec<ArgumentFault> {
        self.faults
    }

    /// A value that isn't empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.take(name, || json!({"type": "string"}))
    }

    /// An id.
    pub fn id(&mut self, name: &str) -> Option<Uuid> {
        let text = self.take(name, asked::uuid)?;
        let found = id::parse(&text);
        if found.is_none() {
            self.fault(name, FaultReason::Format, "value must be a valid UUID");
        }
        found
    }

    /// An id that has to be there: of what, for the error.
    pub fn required_id(&mut self, name: &str, help: &str) -> Uuid {
        let is_there = self.peek(name).is_some();
        let found = self.id(name);
        if let Some(asked) = self.asked.as_mut().and_then(|asked| asked.last_mut()) {
            asked.is_required = true;
        } else if !is_there {
            self.fault(name, FaultReason::Required, help);
        }
        found.unwrap_or_default()
    }

    /// Ids, each under the same name.
    pub fn ids(&mut self, name: &str) -> Vec<Uuid> {
        self.note(name, || json!({"type": "array", "items": asked::uuid()}));
        let texts = self.pairs.iter().filter(|(it, value)| it == name && !value.is_empty());
        let ids: Option<Vec<_>> = texts.map(|(_, text)| id::parse(text)).collect();
        if ids.is_none() {
            self.fault(name, FaultReason::Format, "each value must be a valid UUID");
        }
        ids.unwrap_or_default()
    }

    /// A time.
    pub fn time(&mut self, name: &str) -> Option<UnixTime> {
        let text = self.take(name, asked::time)?;
        read_time(name, &text).map_err(|fault| self.faults.push(fault)).ok()
    }

    /// Which page of a list is asked for.
    pub fn page(&mut self) -> PageRequest {
        PageRequest {
            page: self.number("page", u32::MAX).unwrap_or(1),
            size: self.number("page_size", MAX_PAGE_SIZE).unwrap_or(PAGE_SIZE),
        }
    }

    /// A number from 1.
    fn number(&mut self, name: &str, most: u32) -> Option<u32> {
        let text = self.take(name, || json!({"type": "integer", "minimum": 1, "maximum": most}))?;
        match text.parse::<i64>().map(u32::try_from) {
            Ok(Ok(number)) if (1..=most).contains(&number) => return Some(number),
            Ok(_) => {
                let help = format!("expected a number from 1 to {most}");
                self.fault(name, FaultReason::Constraint, &help);
            }
            Err(_) => self.fault(name, FaultReason::Format, "expected a whole number"),
        }
        None
    }

    /// The order of a list of things that have names.
    pub fn order(&mut self) -> Order {
        self.order_by(&[OrderBy::CreatedAt, OrderBy::Name])
    }

    /// Whether a list of things that have no names is to have the newest first.
    pub fn newest_first(&mut self) -> bool {
        self.order_by(&[OrderBy::CreatedAt]).is_descending
    }

    /// The order of a list that can be ordered by these: by the first one where nothing is said.
    pub fn order_by(&mut self, columns: &[OrderBy]) -> Order {
        let both =
            |by: &OrderBy| [false, true].map(|is_descending| Order { by: *by, is_descending });
        let orders: Vec<_> = columns.iter().flat_map(both).collect();
        let names: Vec<_> = orders.iter().map(|order| order.name()).collect();
        let default = orders.first().copied().unwrap_or_default();
        let schema = || asked::one_of(names.iter().map(String::as_str));
        let Some(text) = self.take("order_by", schema) else { return default };
        let found = orders.iter().zip(&names).find(|(_, name)| **name == text);
        if found.is_none() {
            let help = format!("expected one of {}", names.join(", "));
            self.fault("order_by", FaultReason::Constraint, &help);
        }
        found.map_or(default, |(order, _)| *order)
    }

    /// Yes or no.
    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        // Python's clients begin with a capital.
        let schema = || asked::one_of(["true", "false", "True", "False"]);
        match self.take(name, schema)?.as_str() {
            "true" | "True" => return Some(true),
            "false" | "False" => return Some(false),
            _ => self.fault(name, FaultReason::Format, "expected true or false"),
        }
        None
    }

    /// One of a few words. The platform's word for "any" counts as absent.
    pub fn choice<T: Copy>(&mut self, name: &str, any: &str, words: &[(&str, T)]) -> Option<T> {
        let names = || words.iter().map(|(word, _)| *word).chain(Some(any));
        let text = self.take(name, || asked::one_of(names()))?;
        let text = Some(text).filter(|text| text != any)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let help = format!("expected one of {}", names().collect::<Vec<_>>().join(", "));
            self.fault(name, FaultReason::Constraint, &help);
        }
        found
    }

    /// Texts, each under the same name.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        self.note(name, || json!({"type": "array", "items": {"type": "string"}}));
        let texts = self.pairs.iter().filter(|(it, value)| it == name && !value.is_empty());
        texts.map(|(_, text)| text.clone()).collect()
    }

    /// What came of reading several together, or nothing: then it is a fault, unless one of them alone
    /// was one already.
    pub fn checked<T, const N: usize>(&mut self, read: Result<T, [ArgumentFault; N]>) -> Option<T> {
        if let (Err(faults), true) = (&read, self.faults.is_empty()) {
            self.faults.extend(faults.iter().cloned());
        }
        read.ok()
    }

    fn take(&mut self, name: &str, schema: impl FnOnce() -> Value) -> Option<String> {
        self.note(name, schema);
        self.peek(name).map(str::to_owned)
    }

    fn peek(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(it, value)| it == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    fn note(&mut self, name: &str, schema: impl FnOnce() -> Value) {
        if let Some(asked) = &mut self.asked {
            asked.push(Asked::optional(name, schema()));
        }
    }

    fn fault(&mut self, name: &str, reason: FaultReason, help: &str) {
        self.faults.push(ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() });
    }
}
