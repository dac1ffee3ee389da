//! Strangers' text, made fit for a terminal.

use std::fmt::{self, Write};

use serde::Serialize;

use namespace_jwt_core::claims::Grant;
use namespace_jwt_core::excerpt::CHARACTERS;
use namespace_jwt_core::identifier::is_invisible;

/// Text of unknown origin on one line. What could steer a terminal, or hide or reorder
/// what is read (control characters, line breaks, bidirectional and invisible marks), is
/// shown as an escape.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                _ if is_plain(character) => f.write_char(character)?,
                '\0' | '\t' | '\n' | '\r' => write!(f, "{}", character.escape_debug())?,
                _ => write!(f, "{}", character.escape_unicode())?,
            }
        }
        Ok(())
    }
}

/// Text out of a token, or an id that is compared with one. Whatever isn't visible ASCII or a
/// space is shown as an escape, letters too: a Cyrillic `а` looks like a Latin `a`, and what
/// looks the same must be the same.
pub(super) fn ascii(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' => shown.push(character),
            '\t' | '\n' | '\r' => shown.extend(character.escape_debug()),
            _ => shown.extend(character.escape_unicode()),
        }
    }
    shown
}

/// The beginning of a text of unknown origin, in backquotes, for a message that is to be
/// shown [`Escaped`].
pub fn excerpt(text: &str) -> String {
    let end = text.char_indices().nth(CHARACTERS).map(|(end, _)| end);
    match end.into_iter().chain(text.find('\n')).min() {
        Some(end) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// JSON over several lines, in ASCII: a stranger's text in it can be shown on a terminal, and
/// what looks the same there is the same.
pub fn pretty_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(escape_json)
}

/// JSON on one line, in ASCII as [`pretty_json`] has it.
pub fn compact_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape_json)
}

/// Whether a character shows as itself and does nothing else.
fn is_plain(character: char) -> bool {
    // The standard library's escapes cover characters that control, format or separate, that
    // are unassigned or private, and that join onto the one before them.
    let printable = matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1;
    printable && !is_invisible(character)
}

/// Outside of strings JSON is ASCII, and strings hold no line breaks.
fn escape_json(json: String) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~' | '\n') {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string doesn't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// What a grant gives access to, in words.
pub(super) fn grant_in_words(grant: &Grant) -> String {
    match grant {
        Grant::Namespace(id) => format!("everything in namespace {}", ascii(id)),
        Grant::Application(id) => format!("application {}", ascii(id)),
        Grant::ApplicationIn { namespace_id, application_id } => {
            format!("application {} in namespace {}", ascii(application_id), ascii(namespace_id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        for (text, shown) in [
            ("plain é 日 \"'\\", "plain é 日 \"'\\"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{1b}[31m\u{7}\u{7f}", "\\u{1b}[31m\\u{7}\\u{7f}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}abc\u{2066}\u{200b}\u{feff}", "\\u{202e}abc\\u{2066}\\u{200b}\\u{feff}"),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
            ("a\u{301}", "a\\u{301}"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn what_looks_like_nothing_is_escaped() {
        for range in [
            // Format characters, Default_Ignorable_Code_Point and variation selectors.
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff0..=0xfffc,
            0x1bca0..=0x1bca3,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
            // Space separators other than the space.
            0xa0..=0xa0,
            0x1680..=0x1680,
            0x2000..=0x200a,
            0x202f..=0x202f,
            0x205f..=0x205f,
            0x3000..=0x3000,
            // Blank by design.
            0x2800..=0x2800,
            0x13441..=0x13442,
            0x16fe4..=0x16fe4,
            0x1d159..=0x1d159,
        ] {
            for character in range.filter_map(char::from_u32) {
                let escape = character.escape_unicode().to_string();
                assert_eq!(Escaped(&character.to_string()).to_string(), escape);
                assert_eq!(ascii(&character.to_string()), escape);
            }
        }
    }

    #[test]
    fn text_out_of_a_token_is_shown_in_ascii() {
        assert_eq!(ascii("plain \"~\" \\"), "plain \"~\" \\");
        assert_eq!(ascii("\u{430}dmin é 日\r\n"), "\\u{430}dmin \\u{e9} \\u{65e5}\\r\\n");
    }

    #[test]
    fn json_is_escaped_and_says_the_same() {
        let text = "\u{1b}[31m\u{9b}\u{7f}\u{202e}\u{e0001}é\n\"\\";
        for json in [compact_json(&[text]).unwrap(), pretty_json(&[text]).unwrap()] {
            assert!(json.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{json:?}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [text]);
        }
    }

    #[test]
    fn an_excerpt_is_short_and_of_one_line() {
        assert_eq!(excerpt("short"), "`short`");
        assert_eq!(excerpt(&"é".repeat(40)), format!("`{}`", "é".repeat(40)));
        assert_eq!(excerpt(&"é".repeat(41)), format!("`{}…`", "é".repeat(40)));
        assert_eq!(excerpt("-----BEGIN\nsecret"), "`-----BEGIN…`");
    }
}
