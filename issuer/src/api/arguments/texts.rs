//! Members that are texts: names, descriptions, and others.

use serde_json::json;

use super::{Arguments, MAX_BYTES, MAX_ITEMS, MAX_TEXT, as_text};
use crate::authority::refusal::FaultReason;
use crate::model::name::{EXPECTED, is_name};

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 4_096;

/// The most characters of a name that may be any text.
const MAX_TITLE: usize = 64;

impl Arguments {
    /// The name of something new.
    pub fn new_name(&mut self) -> String {
        self.require("name", "give a name");
        let schema = || json!({"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,63}$"});
        let name = self.take("name", "a string", schema, as_text);
        self.asked_is_required();
        let Some(name) = name else { return String::new() };
        if !is_name(&name) {
            self.fault("name", FaultReason::Constraint, EXPECTED);
        }
        name
    }

    /// What something is for.
    pub fn description_text(&mut self) -> Option<String> {
        self.text_of("description", MAX_DESCRIPTION)
    }

    /// A short text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.text_of(name, MAX_TEXT)
    }

    /// A name that may be any short text but an empty one.
    pub fn title(&mut self, name: &str) -> Option<String> {
        let schema = || json!({"type": "string", "minLength": 1, "maxLength": MAX_TITLE});
        let text = self.take(name, "a string", schema, as_text)?;
        if text.is_empty() || text.chars().any(char::is_control) {
            let help = "expected a text without control characters that isn't empty";
            self.fault(name, FaultReason::Constraint, help);
        }
        self.at_most(name, text.chars().count(), MAX_TITLE, "characters");
        Some(text)
    }

    /// The same, where it has to be there.
    pub fn required_title(&mut self, name: &str) -> String {
        self.require(name, "give a name");
        let text = self.title(name);
        self.asked_is_required();
        text.unwrap_or_default()
    }

    /// A text of at most so many characters.
    pub fn text_of(&mut self, name: &str, most: usize) -> Option<String> {
        let schema = || json!({"type": "string", "maxLength": most});
        let text = self.take(name, "a string", schema, as_text)?;
        self.at_most(name, text.chars().count(), most, "characters");
        Some(text)
    }

    /// The same, where it has to be there.
    pub fn required_text(&mut self, name: &str, most: usize) -> String {
        self.require(name, &format!("give a {name}"));
        let text = self.text_of(name, most);
        self.asked_is_required();
        text.unwrap_or_default()
    }

    /// A name to sign in with. What looks like another one isn't one.
    pub fn username(&mut self) -> String {
        let name = "username";
        self.require(name, "give a username");
        let schema = || json!({"type": "string", "pattern": "^[A-Za-z0-9@._-]{1,64}$"});
        let text = self.take(name, "a string", schema, as_text);
        self.asked_is_required();
        let Some(text) = text else { return String::new() };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '@' | '.' | '_' | '-');
        if !(1..=64).contains(&text.len()) || !text.chars().all(is_plain) {
            let help = "expected 1 to 64 letters, digits, `@`, `.`, `_` and `-`";
            self.fault(name, FaultReason::Constraint, help);
        }
        text
    }

    /// A list of short texts.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let schema = || {
            let item = json!({"type": "string", "maxLength": MAX_TEXT});
            json!({"type": "array", "maxItems": MAX_ITEMS, "items": item})
        };
        let texts: Vec<String> = self.take(name, "a list of strings", schema, |value| {
            value.as_array()?.iter().map(as_text).collect()
        })?;
        self.at_most(name, texts.len(), MAX_ITEMS, "items");
        let longest = texts.iter().map(|text| text.chars().count()).max();
        self.at_most(name, longest.unwrap_or(0), MAX_TEXT, "characters in an item");
        self.at_most(name, texts.iter().map(String::len).sum(), MAX_BYTES, "bytes in all");
        Some(texts)
    }
}
