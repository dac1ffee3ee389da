//! The contract on a token, read again from its sentences: slow, and plain to see through.
//!
//! Nothing here calls the product. What both say the same about has been said twice.

pub mod headers;
pub mod json;

use json::{Json, Number};

/// The value of each base64url character is its place (RFC 4648 §5).
pub const BASE64URL: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A token's header, payload and signature, where its form is good.
pub type Parts = [Vec<u8>; 3];

/// "At most 8192 bytes in all."
pub const MAX_TOKEN_BYTES: usize = 8192;

/// "Exactly three non-empty segments; unpadded canonical base64url; header and claims are JSON
/// objects with no duplicate member names at any level; a `crit` member, `b64`, a compressed or
/// encrypted token: refused."
///
/// None where a number in the header lets nobody tell.
pub fn token(bytes: &[u8]) -> Option<Result<Parts, &'static str>> {
    if bytes.len() > MAX_TOKEN_BYTES {
        return Some(Err("oversized_token"));
    }
    let segments: Vec<_> = bytes.split(|byte| *byte == b'.').map(base64url).collect();
    let Ok([Some(header), Some(payload), Some(signature)]) = <[_; 3]>::try_from(segments) else {
        return Some(Err("malformed_token"));
    };
    let read = Json::read_distinct_object(&header);
    if read.as_ref().is_some_and(Json::is_at_the_end) {
        return None;
    }
    let good = read.is_some_and(|header| {
        let refused = ["crit", "b64", "zip", "enc"].iter().any(|name| header.get(name).is_some());
        let text = |name| header.get(name).map(Json::as_str);
        !refused && matches!(text("alg"), Some(Some(_))) && !matches!(text("kid"), Some(None))
    });
    Some(if good { Ok([header, payload, signature]) } else { Err("malformed_token") })
}

/// What a non-empty segment holds, in the only way of writing it.
fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for character in text {
        let value = BASE64URL.iter().position(|other| other == character)?;
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // A sixth of a character more than whole bytes is a character too many.
    (held < 6 && bits == 0 && !bytes.is_empty()).then_some(bytes)
}

/// What a filter asks for, in the configuration's words.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub namespace_id: &'static str,
    pub application_id: Option<&'static str>,
    pub issuer: Option<&'static str>,
    pub audience: Option<&'static str>,
    pub require_expiration: bool,
    pub max_lifetime_seconds: Option<u64>,
    pub expiration_leeway_seconds: u64,
    pub not_before_leeway_seconds: u64,
    pub revoked_token_id: Option<&'static str>,
}

/// A point in time or a span, in nanoseconds: at least and at most, since a number with a
/// fraction is rounded on its way.
#[derive(Clone, Copy, Debug)]
pub struct Nanoseconds(u128, u128);

impl Nanoseconds {
    fn seconds(seconds: u64) -> Self {
        let nanoseconds = u128::from(seconds) * 1_000_000_000;
        Self(nanoseconds, nanoseconds)
    }

    /// None where the number is no time.
    fn read(number: &Number) -> Option<Self> {
        // Past this, in 30,000 times the age of the universe, all times are one.
        const END: u128 = 1 << 94;
        if let Some(seconds) = number.whole {
            let nanoseconds = seconds.saturating_mul(1_000_000_000).min(END);
            return Some(Self(nanoseconds, nanoseconds));
        }
        if number.value < 0.0 {
            return None;
        }
        let nanoseconds = ((number.value * 1e9) as u128).min(END);
        let slack = nanoseconds / 1_000_000_000_000_000 + 2;
        Some(Self(nanoseconds.saturating_sub(slack), nanoseconds + slack))
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1)
    }

    /// None where the rounding decides.
    fn is_after(self, other: Self) -> Option<bool> {
        if self.0 > other.1 {
            Some(true)
        } else if self.1 <= other.0 {
            Some(false)
        } else {
            None
        }
    }
}

/// The code of the decision about claims that the namespace's key signed.
///
/// None where a number at the end of what can be told lets nobody tell.
pub fn judge(payload: &[u8], asked: &Asked, now: u64) -> Option<&'static str> {
    let read = Json::read_distinct_object(payload);
    if read.as_ref().is_some_and(Json::is_at_the_end) {
        return None;
    }
    let Some(claims) = read else { return Some("malformed_claims") };
    if !is_well_formed(&claims) {
        return Some("malformed_claims");
    }

    let now = Nanoseconds::seconds(now);
    let time = |name| match claims.get(name) {
        Some(Json::Number(number)) => Nanoseconds::read(number),
        _ => None,
    };
    let (exp, iat, nbf) = (time("exp"), time("iat"), time("nbf"));
    // "at `now >= exp` the token is expired (`expiration_leeway_seconds`)"
    if let Some(exp) = exp
        && !exp.plus(Nanoseconds::seconds(asked.expiration_leeway_seconds)).is_after(now)?
    {
        return Some("expired");
    }
    // "`nbf` and `iat` may lie up to `not_before_leeway_seconds` ahead"
    let latest = now.plus(Nanoseconds::seconds(asked.not_before_leeway_seconds));
    for start in [nbf, iat].into_iter().flatten() {
        if start.is_after(latest)? {
            return Some("not_yet_valid");
        }
    }
    // "refuse tokens with more than this between `iat` (else now) and `exp`, or without `exp`"
    match (exp, asked.max_lifetime_seconds) {
        (None, limit) if asked.require_expiration || limit.is_some() => {
            return Some("missing_expiration");
        }
        (Some(exp), Some(limit)) => {
            let last = iat.unwrap_or(now).plus(Nanoseconds::seconds(limit));
            if exp.is_after(last)? {
                return Some("lifetime_too_long");
            }
        }
        _ => {}
    }
    let text = |name| claims.get(name).and_then(Json::as_str);
    if asked.issuer.is_some_and(|issuer| text("iss") != Some(issuer)) {
        return Some("wrong_issuer");
    }
    if let Some(audience) = asked.audience {
        let meant = match claims.get("aud") {
            Some(Json::Array(several)) => several.iter().any(|it| it.as_str() == Some(audience)),
            Some(one) => one.as_str() == Some(audience),
            None => false,
        };
        if !meant {
            return Some("wrong_audience");
        }
    }
    if asked.revoked_token_id.is_some_and(|id| text("jti") == Some(id)) {
        return Some("revoked");
    }
    let grants = claims.get("application_claim").and_then(Json::as_array).unwrap_or_default();
    Some(if grants.iter().any(|grant| admits(grant, asked)) { "allowed" } else { "not_granted" })
}

fn is_well_formed(claims: &Json) -> bool {
    let is_text = |value: &Json| value.as_str().is_some();
    let is_time =
        |value: &Json| matches!(value, Json::Number(it) if Nanoseconds::read(it).is_some());
    let are_texts = |value: &Json| value.as_array().is_some_and(|it| it.iter().all(is_text));
    let is_id = |value: Option<&Json>| matches!(value, None | Some(Json::Null | Json::String(_)));
    let is_grant = |value: &Json| {
        matches!(value, Json::Object(_)) && IDS.iter().all(|name| is_id(value.get(name)))
    };
    let all = |names: &[&str], good: &dyn Fn(&Json) -> bool| {
        names.iter().all(|name| claims.get(name).is_none_or(good))
    };
    all(&["exp", "nbf", "iat"], &is_time)
        && all(&["iss", "jti"], &is_text)
        && all(&["aud"], &|value| is_text(value) || are_texts(value))
        && all(&["application_claim"], &|value| {
            value.as_array().is_some_and(|entries| entries.iter().all(is_grant))
        })
}

const IDS: [&str; 4] = ["namespace_id", "application_id", "function_id", "container_id"];

/// "A grant admits a request when at least one of its two ids is non-empty and every non-empty
/// id equals the protected one's. `function_id` and `container_id` are older names of
/// `application_id`; an entry that has several of the three with different values grants
/// nothing." Absent, `null` and `""` are the same.
fn admits(grant: &Json, asked: &Asked) -> bool {
    let [namespace, applications @ ..] =
        IDS.map(|name| grant.get(name).and_then(Json::as_str).filter(|id| !id.is_empty()));
    let given: Vec<_> = applications.into_iter().flatten().collect();
    (namespace.is_some() || !given.is_empty())
        && namespace.is_none_or(|id| id == asked.namespace_id)
        && given.iter().all(|id| Some(*id) == asked.application_id)
}
