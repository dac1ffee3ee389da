//! The member `jwks`: a JWK Set (RFC 7517 §5), of which the usable keys are taken.

use serde_json::Value;

use super::ConfigError;
use super::members::{Members, kind};
use super::notices::{Notice, TOLD};
use crate::key::jwk;
use crate::key::{AllowedAlgorithms, KeyError, PublicKey};

/// The keys that can be used. The others are skipped, with a notice each: a set that others
/// publish may hold keys for other purposes and of later types.
///
/// # Errors
///
/// A private or symmetric key anywhere in it, and a set without a usable key.
pub(super) fn usable_keys(
    members: &mut Members,
    allowed: &AllowedAlgorithms,
    notices: &mut Vec<Notice>,
) -> Result<Vec<PublicKey>, ConfigError> {
    let Some(set) = keys(members)? else { return Ok(Vec::new()) };
    let mut usable = Vec::new();
    let mut skipped = Vec::new();
    for (n, jwk) in set.iter().enumerate() {
        let place = format!("jwks.keys[{n}]");
        match jwk::public_key(jwk, allowed) {
            Ok(key) => usable.push(key),
            Err(error @ KeyError::Private) => {
                return Err(ConfigError::unusable_key(place, "a JWK with a", error));
            }
            Err(error) => skipped.push((place, error)),
        }
    }
    if usable.is_empty() {
        let reasons = skipped.iter().take(4).map(|(place, error)| format!("; {place}: {error}"));
        let rest = match skipped.len().saturating_sub(4) {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let found = format!("none{}{rest}", reasons.collect::<String>());
        return Err(ConfigError::unusable_key("jwks".to_owned(), "at least one JWK with a", found));
    }
    let more = skipped.len().saturating_sub(TOLD);
    for (place, error) in skipped.into_iter().take(TOLD) {
        notices.push(Notice::warning(format!("{place} is skipped: {error}")));
    }
    if more > 0 {
        notices.push(Notice::warning(format!("jwks: {more} more keys are skipped")));
    }
    Ok(usable)
}

fn keys(members: &mut Members) -> Result<Option<Vec<Value>>, ConfigError> {
    const EXPECTED: &str = "a JWK Set: an object with an array `keys`";
    let Some(set) = members.take("jwks") else { return Ok(None) };
    if jwk::is_secret(&set) {
        return Err(ConfigError::unusable_key(
            "jwks".to_owned(),
            "a JWK Set with a",
            KeyError::Private,
        ));
    }
    match set {
        Value::Object(mut set) => match set.remove("keys") {
            Some(Value::Array(keys)) => Ok(Some(keys)),
            Some(other) => Err(ConfigError::new("jwks.keys", EXPECTED, kind(&other))),
            None => Err(ConfigError::new("jwks", EXPECTED, "an object without `keys`")),
        },
        other => Err(ConfigError::new("jwks", EXPECTED, kind(&other))),
    }
}
