//! Points and lengths of time, as people write and read them.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, SpanRelativeTo};

use namespace_jwt_core::time::UnixTime;

/// 1970-01-01T00:00:00, in UTC.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The last time that RFC 3339 can write, in UTC: the end of the year 9999.
pub const LAST: UnixTime = UnixTime::from_secs(253_402_300_799);

/// A time as RFC 3339 in UTC, or in words past the year 9999, where that form ends.
pub fn rfc3339(time: UnixTime) -> String {
    in_calendar(time).unwrap_or_else(|| "after the year 9999".to_owned())
}

/// A time as RFC 3339 in UTC with six digits after the second.
pub fn rfc3339_micros(time: UnixTime) -> String {
    let since_epoch = SignedDuration::try_from(time.since_epoch()).unwrap_or(SignedDuration::MAX);
    match EPOCH.checked_add(since_epoch) {
        Ok(time) => format!("{time:.6}Z"),
        Err(_) => rfc3339(time),
    }
}

/// A time, and how far it lies from another: `2030-01-31T12:00:00Z, in 59 minutes`.
pub fn moment(time: UnixTime, now: UnixTime) -> String {
    match in_calendar(time) {
        Some(calendar) => format!("{calendar}, {}", relative(time, now)),
        None => rfc3339(time),
    }
}

/// Why a text isn't a point in time that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// It has a date and a time of day, and doesn't say where that is so.
    NoOffset,
    /// It has a date alone.
    NoTimeOfDay,
    /// It is before 1970, where the claims of tokens begin.
    Before1970,
    /// It has the form, and the calendar has no such day or the day no such time.
    NotInCalendar,
    /// It has another form.
    NotRfc3339,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOffset => {
                "it has no offset from UTC; put `Z` (for UTC) or an offset such as `+02:00` after it"
            }
            Self::NoTimeOfDay => "it has no time of day; put one after it, such as `T00:00:00Z`",
            Self::Before1970 => "it is before 1970; tokens can't hold such a time",
            Self::NotInCalendar => "there is no such day or time; check the numbers",
            Self::NotRfc3339 => {
                "it is not a time in RFC 3339; write it as in 2030-01-31T12:00:00Z"
            }
        })
    }
}

impl std::error::Error for TimeError {}

/// Reads a time in RFC 3339, from 1970 to the end of the year 9999. `t` and `z`, and a space
/// for the `T`, are taken too; the second 60 of a leap second counts as the one before it.
///
/// # Errors
///
/// [`TimeError`].
pub fn parse_rfc3339(text: &str) -> Result<UnixTime, TimeError> {
    let pieces = Pieces::parse(text).map_err(|_| match has_form(text) {
        true => TimeError::NotInCalendar,
        false => TimeError::NotRfc3339,
    })?;
    let time = pieces.time().ok_or(TimeError::NoTimeOfDay)?;
    let offset = pieces.to_numeric_offset().ok_or(TimeError::NoOffset)?;
    // The library reads more: years of six digits, times without minutes, names of zones.
    if !is_rfc3339(text) {
        return Err(TimeError::NotRfc3339);
    }
    // A timestamp of the library's ends a day before the year does, to leave room for offsets.
    let since_epoch = pieces.date().to_datetime(time).duration_since(EPOCH);
    let since_epoch =
        since_epoch.saturating_sub(SignedDuration::from_secs(offset.seconds().into()));
    Duration::try_from(since_epoch).map(UnixTime::new).map_err(|_| TimeError::Before1970)
}

/// Whether a text has the form of RFC 3339 §5.6, with up to nine digits after the second.
fn is_rfc3339(text: &str) -> bool {
    let Some((start, end)) = text.split_at_checked(19) else { return false };
    let fraction = end.strip_prefix('.').map(|end| {
        let digits = end.bytes().take_while(u8::is_ascii_digit).count();
        ((1..=9).contains(&digits), end.get(digits..).unwrap_or_default())
    });
    let (has_digits, offset) = fraction.unwrap_or((true, end));
    let is_offset = match offset.strip_prefix(['+', '-']) {
        Some(offset) => {
            let (hours, minutes) = offset.split_once(':').unwrap_or_default();
            let below = |part: &str, end: u8| {
                part.len() == 2 && part.parse::<u8>().is_ok_and(|number| number < end)
            };
            below(hours, 24) && below(minutes, 60)
        }
        None => ["Z", "z"].contains(&offset),
    };
    has_form(&format!("{start}Z")) && has_digits && is_offset
}

/// Whether a text has digits where RFC 3339 has them.
fn has_form(text: &str) -> bool {
    let form = "0000-00-00T00:00:00";
    let same = |(found, form): (char, char)| match form {
        '0' => found.is_ascii_digit(),
        'T' => ['T', 't', ' '].contains(&found),
        other => found == other,
    };
    text.len() > form.len() && text.chars().zip(form.chars()).all(same)
}

/// Reads a length of time such as `90s`, `1h`, `1h30m`, `7d` or `2w`. A day has 24 hours;
/// months and years, whose lengths differ, are refused.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

fn in_calendar(time: UnixTime) -> Option<String> {
    let since_epoch = SignedDuration::try_from(time.since_epoch()).ok()?;
    EPOCH.checked_add(since_epoch).ok().map(|time| format!("{time}Z"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_shown() {
        for (text, seconds, shown) in [
            ("2025-01-22T13:42:26Z", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("2025-01-22T15:42:26+02:00", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", 253_402_300_799, "9999-12-31T23:59:59Z"),
            ("9999-12-30T22:00:01-01:59", 253_402_214_341, "9999-12-30T23:59:01Z"),
            ("2025-01-22t13:42:26z", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("2025-01-22 13:42:26Z", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("2025-01-22T13:42:26-00:00", 1_737_553_346, "2025-01-22T13:42:26Z"),
            ("2016-12-31T23:59:60Z", 1_483_228_799, "2016-12-31T23:59:59Z"),
        ] {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(parse_rfc3339(text), Ok(time), "{text}");
            assert_eq!(rfc3339(time), shown);
        }
        let time = UnixTime::new(Duration::from_nanos(1_737_553_346_040_756_999));
        assert_eq!(rfc3339_micros(time), "2025-01-22T13:42:26.040756Z");
        assert_eq!(rfc3339_micros(UnixTime::from_secs(0)), "1970-01-01T00:00:00.000000Z");
        let time = UnixTime::new(Duration::from_millis(253_402_300_799_500));
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59.5Z"), Ok(time));
        assert_eq!(rfc3339(time), "9999-12-31T23:59:59.5Z");
        // A day past the calendar's end in UTC, and not where it is said.
        let time = UnixTime::from_secs(253_402_300_800);
        assert_eq!(parse_rfc3339("9999-12-31T22:00:00-02:00"), Ok(time));
        assert_eq!(rfc3339(time), "after the year 9999");
        for (text, error) in [
            ("1969-12-31T23:59:59Z", TimeError::Before1970),
            ("1970-01-01T00:00:00+00:01", TimeError::Before1970),
            ("0000-01-01T00:00:00Z", TimeError::Before1970),
            ("2025-01-22", TimeError::NoTimeOfDay),
            ("2025-01-22T13:42:26", TimeError::NoOffset),
            ("2025-01-22T13:42:26[Europe/Paris]", TimeError::NoOffset),
            ("2025-02-29T13:42:26Z", TimeError::NotInCalendar),
            ("2025-01-22T24:00:00Z", TimeError::NotInCalendar),
            ("2025-01-22T13:42:61Z", TimeError::NotInCalendar),
            ("10000-01-01T00:00:00Z", TimeError::NotRfc3339),
            ("+002030-01-01T00:00:00Z", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00Z[Europe/Paris]", TimeError::NotRfc3339),
            ("2030-01-01T00Z", TimeError::NotRfc3339),
            ("20300101T000000Z", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00,5Z", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00+02", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00+0200", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00+25:59", TimeError::NotRfc3339),
            ("2030-01-01T00:00:00+02:00:30", TimeError::NotRfc3339),
            ("1737553346", TimeError::NotRfc3339),
            ("tomorrow", TimeError::NotRfc3339),
            ("", TimeError::NotRfc3339),
        ] {
            assert_eq!(parse_rfc3339(text), Err(error), "{text}");
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
