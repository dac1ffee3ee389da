//! How a value that isn't a number stands in the feed: as a text that has one form.

use std::fmt;

/// Writes a value as its text, and reads it back with a function that takes no other form.
macro_rules! as_text {
    ($($type:ty, $expected:literal, $read:expr;)+) => { $(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text: std::borrow::Cow<'_, str> = serde::Deserialize::deserialize(from)?;
                let expected = concat!("not ", $expected);
                $read(&text).ok_or_else(|| serde::de::Error::custom(expected))
            }
        }
    )+ };
}

pub(crate) use as_text;

/// Writes bytes as hexadecimal digits in lower case.
pub(crate) fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Exactly so many bytes, from hexadecimal digits in lower case.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'f' => u8::try_from(char::from(byte).to_digit(16)?).ok(),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}
