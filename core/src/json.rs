//! JSON, more strictly than the parser underneath takes it.
//!
//! RFC 8259 §4 leaves open what an object with two members of one name means, and
//! two readers that answer differently are how a token says one thing to a gateway
//! and another to the application behind it. Here such an object is an error, at any
//! depth and in any member, known or not (RFC 7515 §4, RFC 7519 §4 allow it).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// Reads an object: valid UTF-8, one object and nothing after it, no member twice.
pub fn object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, serde_json::Error> {
    let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    serde_json::from_str::<Distinct>(text)?;
    serde_json::from_str::<Object<T>>(text).map(|Object(value)| value)
}

/// A `T` written as an object. What serde derives for a struct also reads an array,
/// member by member in their order; a claims set or a grant is never that.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMap<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMap<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_any(OnlyMap(PhantomData))
    }
}

/// For a member that may be absent but, when it is there, must be a `T`: without it
/// `null` would count as absent. Use with `#[serde(default)]`.
pub fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Any JSON value whose objects, at every depth, have distinct member names. Strings
/// are decoded, so that `"exp"` and `"\u0065xp"` are the same name and a lone
/// surrogate is found in whatever member it stands.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DistinctVisitor)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Distinct;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Distinct, E> {
        Ok(Distinct)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Distinct, A::Error> {
        while array.next_element::<Distinct>()?.is_some() {}
        Ok(Distinct)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Distinct, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(Name(name)) = object.next_key()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member name appears twice"));
            }
            object.next_value::<Distinct>()?;
        }
        Ok(Distinct)
    }
}

/// A member name, borrowed from the text where it holds no escape.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The JSON number that a double is: a whole number is written as one where every whole number
/// is a double, up to 2^53. None where it isn't finite.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked")]
pub fn whole_or_double(number: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[derive(serde::Deserialize)]
    struct Example {
        #[serde(default, deserialize_with = "present")]
        #[allow(dead_code)]
        a: Option<u64>,
    }

    #[test]
    fn only_an_object_with_distinct_names_is_read() {
        let deep = |levels: usize| {
            format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes()
        };
        let cases: [(&[u8], bool); 20] = [
            (b"{}", true),
            (br#" {"a":1} "#, true),
            (br#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}"#, true),
            (br#"{"a":1,"A":1}"#, true),
            (br#"{"a":1,"a":1}"#, false),
            (br#"{"a":1,"\u0061":1}"#, false),
            (br#"{"b":1,"b":2}"#, false),
            (br#"{"b":{"c":1,"c":1}}"#, false),
            (br#"{"b":[[{"c":1,"c":1}]]}"#, false),
            (br#"{"a":null}"#, false),
            (br#"{"b":"\ud800"}"#, false),
            (b"{\"b\":\"\xff\"}", false),
            (b"\xef\xbb\xbf{}", false),
            (br#"{"b":1e400}"#, false),
            (b"[1]", false),
            (b"1", false),
            (b"", false),
            (b"{}{}", false),
            (&deep(100), true),
            (&deep(5000), false),
        ];
        for (json, read) in cases {
            let text = String::from_utf8_lossy(json);
            let text = text.get(..60).unwrap_or(&text);
            assert_eq!(object::<Example>(json).is_ok(), read, "{text}");
        }
    }
}
