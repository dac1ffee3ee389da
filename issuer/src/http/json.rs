//! How much there is in a text of JSON, before it is read.
//!
//! Two bytes of text can become a value of six hundred in memory, so the length of a body is no
//! measure of what reading it takes.

/// Whether a text of JSON may have more than `most` values. It has no more than that plus one if
/// this is false, and what isn't JSON says nothing.
///
/// Each value but the first comes behind a comma, or is the first in a list or an object.
pub fn may_have_more_values(text: &[u8], most: usize) -> bool {
    if text.len() <= most {
        return false;
    }
    let (mut in_string, mut escaped, mut values) = (false, false, 0_usize);
    for part in text.chunks(PART) {
        // Most of a long text is within strings, and passes many bytes at a time.
        if in_string && !escaped && !part.iter().fold(false, |found, byte| found | ends(*byte)) {
            continue;
        }
        for &byte in part {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = byte == b'\\' && !escaped;
                continue;
            }
            in_string = byte == b'"';
            values = values.saturating_add(usize::from(matches!(byte, b',' | b'[' | b'{')));
        }
        if values > most {
            return true;
        }
    }
    false
}

/// How many bytes are looked at together.
const PART: usize = 64;

/// Whether a byte may end a string, or keep the next one from it.
fn ends(byte: u8) -> bool {
    byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_are_counted_and_what_is_in_strings_is_not() {
        let cases = [
            ("", 0, false),
            ("12345", 0, false),
            (r#"{"a": 1}"#, 0, true),
            (r#"{"a": 1}"#, 1, false),
            (r#"{"a": 1, "b": [[], {}]}"#, 4, true),
            (r#"{"a": 1, "b": [[], {}]}"#, 6, false),
            (r#"["[[[[,,,,{{{{", ""]"#, 2, false),
            (r#"["\"[[[[[", "\\", "\\\"[["]"#, 3, false),
            (r#"["\\",[[[["#, 3, true),
            ("[[[[[[[[[[[[", 5, true),
        ];
        for (text, most, expected) in cases {
            assert_eq!(may_have_more_values(text.as_bytes(), most), expected, "{text} {most}");
        }
    }

    #[test]
    fn a_long_string_is_passed_over_and_what_follows_is_counted() {
        for length in 0..300 {
            let text = format!("[\"{}\\\"[[[\",[[", "[".repeat(length));
            assert!(may_have_more_values(text.as_bytes(), 3), "{length}");
            assert!(!may_have_more_values(text.as_bytes(), 4), "{length}");
        }
    }

    #[test]
    fn what_passes_has_no_more_values() {
        fn count(value: &Value) -> usize {
            1 + match value {
                Value::Array(values) => values.iter().map(count).sum::<usize>(),
                Value::Object(members) => members.values().map(count).sum(),
                _ => 0,
            }
        }
        for text in [r#"[]"#, r#"[{"":0},{"":0},[[[]]],"a,b"]"#, r#"{"a":{"b":[1,2,3],"c":{}}}"#] {
            let values = count(&serde_json::from_str(text).unwrap());
            for most in 0..values - 1 {
                assert!(may_have_more_values(text.as_bytes(), most), "{text} {most}");
            }
        }
    }
}
