//! Times, and strangers' text, made fit for a terminal.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::time::Duration;

use jiff::{SpanRelativeTo, Timestamp};
use serde::Serialize;

use crate::claims::Grant;
use crate::time::UnixTime;

/// Text of unknown origin on one line. What could steer a terminal, or hide or reorder
/// what is read (control characters, line breaks, bidirectional and invisible marks), is
/// shown as an escape.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match is_plain(character) {
                true => f.write_char(character)?,
                false => write!(f, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// The beginning of a text of unknown origin, in backquotes, for a message that is to be
/// shown [`Escaped`]. No whole token fits in, and nothing of a key in PEM but its label.
pub fn excerpt(text: &str) -> String {
    const CHARACTERS: usize = 40;
    let end = text.char_indices().nth(CHARACTERS).map(|(end, _)| end);
    match end.into_iter().chain(text.find('\n')).min() {
        Some(end) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// JSON over several lines that can hold a stranger's text and still be shown on a
/// terminal.
pub fn pretty_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(escape_json)
}

/// JSON on one line that can hold a stranger's text and still be shown on a terminal.
pub fn compact_json<T: Serialize>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape_json)
}

/// A time as RFC 3339 in UTC, or in words past the year 9999, where that form ends.
pub fn rfc3339(time: UnixTime) -> String {
    in_calendar(time).unwrap_or_else(|| "after the year 9999".to_owned())
}

/// A time, and how far it lies from another: `2030-01-31T12:00:00Z, in 59 minutes`.
pub fn moment(time: UnixTime, now: UnixTime) -> String {
    match in_calendar(time) {
        Some(calendar) => format!("{calendar}, {}", relative(time, now)),
        None => rfc3339(time),
    }
}

/// Reads a time in RFC 3339, from 1970 on.
pub fn parse_rfc3339(text: &str) -> Option<UnixTime> {
    let since_epoch = text.parse::<Timestamp>().ok()?.as_duration();
    Duration::try_from(since_epoch).ok().map(UnixTime::new)
}

/// Reads a length of time such as `90s`, `1h`, `1h30m`, `7d` or `2w`. A day has 24 hours;
/// months and years, whose lengths differ, are refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

fn in_calendar(time: UnixTime) -> Option<String> {
    let since_epoch = time.since_epoch();
    let seconds = i64::try_from(since_epoch.as_secs()).ok()?;
    let nanoseconds = i32::try_from(since_epoch.subsec_nanos()).ok()?;
    Timestamp::new(seconds, nanoseconds).ok().map(|time| time.to_string())
}

/// How far a time lies from another: `in 59 minutes`, `2 years ago`.
fn relative(time: UnixTime, now: UnixTime) -> String {
    match time.cmp(&now) {
        Ordering::Less => format!("{} ago", length(now.saturating_since(time))),
        Ordering::Equal => "now".to_owned(),
        Ordering::Greater => format!("in {}", length(time.saturating_since(now))),
    }
}

/// A length of time in its largest unit, rounded down: `59 minutes`.
fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        86_400..31_536_000 => (seconds / 86_400, "day"),
        _ => (seconds / 31_536_000, "year"),
    };
    match count {
        1 => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    }
}

/// Whether a character shows as itself and does nothing else.
fn is_plain(character: char) -> bool {
    matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1
}

/// Outside of strings JSON is plain but for line breaks, and strings hold none.
fn escape_json(json: String) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_plain(character) || character == '\n' {
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

/// What a grant opens, in words.
pub(super) fn grant_in_words(grant: &Grant) -> String {
    match grant {
        Grant::Namespace(id) => format!("everything in namespace {id}"),
        Grant::Application(id) => format!("application {id}"),
        Grant::ApplicationIn { namespace_id, application_id } => {
            format!("application {application_id} in namespace {namespace_id}")
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
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
    }

    #[test]
    fn json_is_escaped_and_says_the_same() {
        let text = "\u{1b}[31m\u{9b}\u{7f}\u{202e}\u{e0001}é\n\"\\";
        for json in [compact_json(&[text]).unwrap(), pretty_json(&[text]).unwrap()] {
            assert!(json.chars().all(|c| c == '\n' || is_plain(c)), "{json:?}");
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

    #[test]
    fn times_are_read_and_shown() {
        for (text, seconds, shown) in [
            ("2025-01-22T13:42:26Z", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("2025-01-22T15:42:26+02:00", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("9999-01-01T00:00:00Z", 253_370_764_800, "9999-01-01T00:00:00Z"),
        ] {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(parse_rfc3339(text), Some(time), "{text}");
            assert_eq!(rfc3339(time), shown);
        }
        for text in [
            "1969-12-31T23:59:59Z",
            "2025-01-22",
            "2025-01-22T13:42:26",
            "1737553346",
            "tomorrow",
            "",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        for end in [UnixTime::from_secs(u64::MAX), UnixTime::new(Duration::MAX)] {
            assert_eq!(rfc3339(end), "after the year 9999");
            assert_eq!(moment(end, UnixTime::from_secs(0)), "after the year 9999");
        }
    }

    #[test]
    fn lengths_of_time_are_read_and_shown() {
        for (text, seconds, shown) in [
            ("0s", Some(0), "0 seconds"),
            ("1s", Some(1), "1 second"),
            ("90s", Some(90), "1 minute"),
            ("1h", Some(3_600), "1 hour"),
            ("1h30m", Some(5_400), "1 hour"),
            ("7d", Some(604_800), "7 days"),
            ("2w", Some(1_209_600), "14 days"),
            ("800d", Some(69_120_000), "2 years"),
            ("1mo", None, ""),
            ("1y", None, ""),
            ("-1h", None, ""),
            ("1", None, ""),
            ("", None, ""),
            ("99999999999999999999h", None, ""),
        ] {
            let duration = parse_duration(text);
            assert_eq!(duration, seconds.map(Duration::from_secs), "{text}");
            assert_eq!(duration.map(length).unwrap_or_default(), shown, "{text}");
        }
    }

    #[test]
    fn a_time_is_told_from_now() {
        let now = UnixTime::from_secs(1_000_000_000);
        for (seconds, shown) in [
            (1_000_000_000, "now"),
            (999_999_940, "1 minute ago"),
            (1_000_000_001, "in 1 second"),
            (1_000_172_800, "in 2 days"),
            (0, "31 years ago"),
        ] {
            assert_eq!(relative(UnixTime::from_secs(seconds), now), shown);
        }
    }
}
