//! Identifiers as an operator writes them: ids of namespaces and applications, and the `jti`
//! of a token to revoke.
//!
//! These are compared byte for byte with what a token says, so one that came with a line
//! break, quotes or a prefix matches nothing, and nobody is told. Here it is refused.

use std::fmt;
use std::ops::{Range, RangeInclusive};

/// What is wrong with an identifier. Its text continues "found …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifierError {
    /// There is nothing.
    Empty,
    /// A line break.
    LineBreak(Place),
    /// A space or tab, or other white space.
    WhiteSpace(Place),
    /// A quotation mark, straight or curved.
    Quote(Place),
    /// A quotation mark at each end.
    Quotes,
    /// A character that can't be seen.
    Invisible(char, Place),
    /// A `/`: there is more than the id, such as the region before it.
    Slash,
    /// A variable that nobody replaced by its value: `$NAME`, `%NAME%`.
    Variable,
    /// Another character that no id has: one that separates several, a bracket, a wildcard, a
    /// backslash, or one that isn't ASCII.
    Character(char, Place),
    /// The claim's name before its value: `jti:`.
    ClaimName,
    /// A token, or the beginning of one.
    Token,
}

/// Where in the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the first character.
    Start,
    /// It is neither the first nor the last.
    Middle,
    /// It is the last character.
    End,
}

/// Checks the id of a namespace, a function or a container: the id alone, without the
/// region that consoles and command lines put before it.
///
/// # Errors
///
/// What makes it one that no token has.
pub fn check_id(text: &str) -> Result<(), IdentifierError> {
    check(text)?;
    if text.contains('/') { Err(IdentifierError::Slash) } else { Ok(()) }
}

/// Checks the id of a token, its `jti`.
///
/// # Errors
///
/// What makes it one that no token has.
pub fn check_token_id(text: &str) -> Result<(), IdentifierError> {
    let trimmed = text.trim_matches(|it: char| it.is_whitespace() || is_quote(it));
    // A JSON object in base64url begins so: a token's header.
    if trimmed.starts_with("eyJ") && trimmed.contains('.') {
        return Err(IdentifierError::Token);
    }
    let name = trimmed.split_at_checked(3).filter(|(name, _)| name.eq_ignore_ascii_case("jti"));
    let value = name.map(|(_, value)| value.trim_start_matches(|it: char| !is_separator(it)));
    if value.is_some_and(|value| value.starts_with(is_separator)) {
        return Err(IdentifierError::ClaimName);
    }
    check(text)
}

fn check(text: &str) -> Result<(), IdentifierError> {
    if text.is_empty() {
        return Err(IdentifierError::Empty);
    }
    if text.starts_with('$') || text.starts_with('%') && text.ends_with('%') {
        return Err(IdentifierError::Variable);
    }
    if text.len() > 1 && text.starts_with(is_quote) && text.ends_with(is_quote) {
        return Err(IdentifierError::Quotes);
    }
    // An end first: what is there came with copying, and is the easiest to overlook.
    let end = text.char_indices().next_back();
    let mut characters = end.into_iter().chain(text.char_indices());
    let fault = characters.find_map(|(at, character)| {
        let place = match at {
            _ if Some((at, character)) == end => Place::End,
            0 => Place::Start,
            _ => Place::Middle,
        };
        match character {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                Some(IdentifierError::LineBreak(place))
            }
            it if it.is_whitespace() => Some(IdentifierError::WhiteSpace(place)),
            it if is_invisible(it) => Some(IdentifierError::Invisible(it, place)),
            it if is_quote(it) => Some(IdentifierError::Quote(place)),
            '\\' | ',' | ';' | '|' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '*' | '#'
            | '^' => Some(IdentifierError::Character(character, place)),
            it if !it.is_ascii() => Some(IdentifierError::Character(it, place)),
            _ => None,
        }
    });
    fault.map_or(Ok(()), Err)
}

fn is_separator(character: char) -> bool {
    matches!(character, ':' | '=')
}

fn is_quote(character: char) -> bool {
    matches!(
        character,
        '"' | '\'' | '`' | '«' | '»' | '\u{2018}'..='\u{201f}' | '\u{ff02}' | '\u{ff07}'
    )
}

/// Control characters, and those that have no width or no ink.
pub fn is_invisible(character: char) -> bool {
    character.is_control() || BLANK.iter().any(|blank| blank.contains(&character))
}

/// Letters and symbols that look like nothing. The first are Default_Ignorable_Code_Point
/// (Unicode 17, DerivedCoreProperties.txt), those of its characters that join or format
/// included, so that no other version of the tables matters; the last are blank by design.
const BLANK: [RangeInclusive<char>; 22] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{202a}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
    // BRAILLE PATTERN BLANK
    '\u{2800}'..='\u{2800}',
    // EGYPTIAN HIEROGLYPH FULL BLANK, HALF BLANK
    '\u{13441}'..='\u{13442}',
    // KHITAN SMALL SCRIPT FILLER
    '\u{16fe4}'..='\u{16fe4}',
    // MUSICAL SYMBOL NULL NOTEHEAD
    '\u{1d159}'..='\u{1d159}',
    // OBJECT REPLACEMENT CHARACTER
    '\u{fffc}'..='\u{fffc}',
];

/// The 16 bytes of a UUID in its usual form: hexadecimal digits of either case, in groups of
/// 8, 4, 4, 4 and 12 (RFC 9562 §4).
pub fn uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    // For each request: a table, and no branch for each digit.
    let mut of_all = 0;
    let mut number = |places: Range<usize>| {
        text.get(places).unwrap_or_default().iter().fold(0_u64, |number, byte| {
            let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(NO_DIGIT);
            of_all |= digit;
            number << 4 | u64::from(digit)
        })
    };
    let high = number(0..8) << 32 | number(9..13) << 16 | number(14..18);
    let low = number(19..23) << 48 | number(24..36);
    let is_uuid = of_all < NO_DIGIT && [text[8], text[13], text[18], text[23]] == *b"----";
    is_uuid.then(|| (u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// The value of each byte as a hexadecimal digit.
#[allow(clippy::indexing_slicing, reason = "the compiler does this")]
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut byte = 0_u8;
    while let Some(next) = byte.checked_add(1) {
        if let Some(value) = (byte as char).to_digit(16) {
            digits[byte as usize] = value as u8;
        }
        byte = next;
    }
    digits
};

/// What no digit has as its value.
const NO_DIGIT: u8 = 0x80;

/// Whether the text is a UUID that lost or gained some characters, as copying makes it.
pub fn is_damaged_uuid(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let hyphens = text.bytes().filter(|byte| *byte == b'-').count();
    (28..=44).contains(&text.len())
        && hyphens == 4
        && text.bytes().all(is_part)
        && uuid(text).is_none()
}

/// The UUID of a text that is one in another way of writing: without hyphens, or as a URN
/// (RFC 9562 §4).
pub fn uuid_in_other_form(text: &str) -> Option<[u8; 16]> {
    match text.split_at_checked(9) {
        Some((urn, rest)) if urn.eq_ignore_ascii_case("urn:uuid:") => uuid(rest),
        _ if is_uuid_without_hyphens(text) => {
            u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
        }
        _ => None,
    }
}

/// Whether there is more in the text than the UUID that it holds.
pub fn holds_uuid_and_more(text: &str) -> bool {
    text.len() > 36
        && (0..text.len()).any(|at| text.get(at..at.saturating_add(36)).and_then(uuid).is_some())
}

/// Whether the text is a UUID but for its hyphens. Some issuers write a token's id so, but no
/// platform the id of a namespace or an application.
pub fn is_uuid_without_hyphens(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "at the start",
            Self::Middle => "in it",
            Self::End => "at the end",
        })
    }
}

impl fmt::Display for IdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty string"),
            Self::LineBreak(place) => write!(f, "a line break {place}"),
            Self::WhiteSpace(place) => write!(f, "white space {place}"),
            Self::Quote(place) => write!(f, "a quotation mark {place}"),
            Self::Quotes => f.write_str("quotes around it"),
            Self::Invisible(it, place) => {
                write!(f, "an invisible character (U+{:04X}) {place}", u32::from(*it))
            }
            Self::Slash => f.write_str("a `/`"),
            Self::Variable => f.write_str("a variable that was not replaced by its value"),
            Self::Character(it, place) if it.is_ascii() => write!(f, "a `{it}` {place}"),
            Self::Character(it, place) => {
                write!(f, "a character that is not ASCII (U+{:04X}) {place}", u32::from(*it))
            }
            Self::ClaimName => f.write_str("the claim's name before it"),
            Self::Token => f.write_str("a token"),
        }
    }
}

impl std::error::Error for IdentifierError {}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const UUID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";

    #[test]
    fn what_no_token_has_is_found_and_placed() {
        for (text, found) in [
            ("", "an empty string"),
            ("ID\n", "a line break at the end"),
            ("ID\r\n", "a line break at the end"),
            ("ID\u{2028}", "a line break at the end"),
            (" ID", "white space at the start"),
            ("ID ", "white space at the end"),
            ("ID\u{a0}", "white space at the end"),
            ("ID ID", "white space in it"),
            ("ID\tID", "white space in it"),
            ("\"ID\"", "quotes around it"),
            ("'ID'", "quotes around it"),
            ("“ID”", "quotes around it"),
            ("`ID`", "quotes around it"),
            ("ID\"", "a quotation mark at the end"),
            ("\"", "a quotation mark at the end"),
            ("\u{feff}ID", "an invisible character (U+FEFF) at the start"),
            ("ID\u{200b}", "an invisible character (U+200B) at the end"),
            ("I\u{3164}D", "an invisible character (U+3164) in it"),
            ("I\u{0}D", "an invisible character (U+0000) in it"),
            ("ID\\n", "a `\\` in it"),
            ("ID,ID", "a `,` in it"),
            ("ID;ID", "a `;` in it"),
            ("ID|ID", "a `|` in it"),
            ("ID#leaked", "a `#` in it"),
            ("*", "a `*` at the end"),
            ("%ID%", "a variable that was not replaced by its value"),
            ("^ID", "a `^` at the start"),
            ("[ID]", "a `]` at the end"),
            ("{ID}", "a `}` at the end"),
            ("<ID>", "a `>` at the end"),
            ("IDé", "a character that is not ASCII (U+00E9) at the end"),
            ("3c87\u{2013}10f8", "a character that is not ASCII (U+2013) in it"),
            ("$SCW_NAMESPACE_ID", "a variable that was not replaced by its value"),
            ("${ID}", "a variable that was not replaced by its value"),
        ] {
            for check in [check_id, check_token_id] {
                let error = check(&text.replace("ID", UUID)).unwrap_err();
                assert_eq!(error.to_string(), found, "{text:?}");
            }
        }
        for good in [UUID, "n", "j", "urn:uuid:1", "a+b=", "a.b.c", "eyJ", "jti", "x'y"] {
            let quoted = good.contains('\'');
            assert_eq!(check_token_id(good).is_err(), quoted, "{good}");
            assert_eq!(check_id(good).is_err(), quoted, "{good}");
        }
    }

    #[test]
    fn an_id_has_no_slash_and_a_tokens_no_name_and_is_no_token() {
        assert_eq!(check_id(&format!("fr-par/{UUID}")), Err(IdentifierError::Slash));
        assert_eq!(check_token_id("https://issuer.test/1"), Ok(()));
        for text in ["jti:ID", "jti: ID", "JTI=ID", "\"jti\":\"ID\"", "jti : ID"] {
            let text = text.replace("ID", UUID);
            assert_eq!(check_token_id(&text), Err(IdentifierError::ClaimName), "{text}");
        }
        for text in ["eyJh.eyJi", "eyJh.eyJi.c2ln", "eyJh.eyJi.c2ln\n", "\"eyJh.eyJi.c2ln\""] {
            assert_eq!(check_token_id(text), Err(IdentifierError::Token), "{text:?}");
        }
    }

    #[test]
    fn a_uuid_is_read_in_any_case_and_in_no_other_form() {
        assert_eq!(uuid(UUID), uuid(&UUID.to_uppercase()));
        assert_eq!(uuid(UUID).unwrap()[..4], [0x3c, 0x87, 0x10, 0xf8]);
        assert_ne!(uuid(UUID), uuid(&UUID.replace("75", "76")));
        for text in [
            "",
            "j",
            &UUID.replace('-', ""),
            &UUID.replace('8', "g"),
            &UUID.replace('8', "é"),
            UUID.trim_start_matches('3'),
            &format!("{UUID}0"),
            &format!("{{{}}}", UUID.trim_matches(['3', '5'])),
            "3c8710f-80643-42b6-9275-3b0ad4bf6b75",
        ] {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    #[test]
    fn a_uuid_that_lost_a_character_is_told_from_other_ids() {
        for (text, damaged) in [
            (UUID.to_owned(), false),
            (UUID.to_uppercase(), false),
            (UUID.trim_start_matches('3').to_owned(), true),
            (UUID.trim_end_matches('5').to_owned(), true),
            (format!("{UUID}0"), true),
            ("2026-11-25".to_owned(), false),
            ("a-b-c-d-e".to_owned(), false),
            (UUID.replace('-', ""), false),
        ] {
            assert_eq!(is_damaged_uuid(&text), damaged, "{text}");
        }
        let bare = UUID.replace('-', "");
        assert_eq!(uuid_in_other_form(&bare), uuid(UUID));
        assert_eq!(uuid_in_other_form(&format!("URN:uuid:{UUID}")), uuid(UUID));
        assert_eq!(uuid_in_other_form(UUID), None);
        assert!(holds_uuid_and_more(&format!("fr-par:{UUID}")));
        assert!(!holds_uuid_and_more(UUID) && !holds_uuid_and_more(&"é".repeat(40)));
        assert!(is_uuid_without_hyphens(&bare));
        for other in [UUID, bare.trim_start_matches('3'), &bare.replace('3', "g")] {
            assert!(!is_uuid_without_hyphens(other), "{other}");
        }
    }
}
