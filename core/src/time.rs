//! Points in time, as arguments.
//!
//! The core never reads a clock: whoever calls it says what time it is. That is
//! what lets a test stand one second on each side of every boundary.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A point in time: how long after the Unix epoch, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(Duration);

impl UnixTime {
    /// The point `since_epoch` after 1970-01-01T00:00:00Z.
    pub const fn new(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// The point `seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// How long after the Unix epoch.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// `later` after this point; as late as can be told where that overflows.
    pub const fn saturating_add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// How long after `earlier` this point is; nothing if it is before.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A `NumericDate` (RFC 7519 §2): a finite, non-negative JSON number of seconds,
/// with or without a fraction. Anything else is an error, never "absent".
///
/// A number past what [`Duration`] can hold (585 billion years) is taken as that.
impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumericDate;

        impl Visitor<'_> for NumericDate {
            type Value = UnixTime;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a finite non-negative number of seconds")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<UnixTime, E> {
                Ok(UnixTime::from_secs(seconds))
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<UnixTime, E> {
                if !seconds.is_finite() || seconds < 0.0 {
                    return Err(E::custom("not a finite non-negative number"));
                }
                let since_epoch = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                Ok(UnixTime(since_epoch))
            }
        }

        deserializer.deserialize_any(NumericDate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_numeric_date_is_a_finite_non_negative_number() {
        let date = |json| serde_json::from_str::<UnixTime>(json).ok();
        let just = |seconds| Some(UnixTime::from_secs(seconds));
        for (json, expected) in [
            ("0", just(0)),
            ("-0.0", just(0)),
            ("1700000000", just(1_700_000_000)),
            ("1.7e9", just(1_700_000_000)),
            ("1.5", Some(UnixTime::new(Duration::from_millis(1500)))),
            ("9007199254740993", just(9_007_199_254_740_993)),
            ("18446744073709551615", just(u64::MAX)),
            ("18446744073709551616", Some(UnixTime::new(Duration::MAX))),
            ("1e300", Some(UnixTime::new(Duration::MAX))),
            ("1e400", None),
            ("-1", None),
            ("-0.5", None),
            ("null", None),
            ("true", None),
            ("\"1700000000\"", None),
            ("[1700000000]", None),
            ("{}", None),
        ] {
            assert_eq!(date(json), expected, "{json}");
        }
    }
}
