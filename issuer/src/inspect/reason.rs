//! What lies behind a decision: the values that were compared.
//!
//! These sentences add to a decision that was made elsewhere, and decide nothing. They
//! quote strangers' text, and are to be shown escaped.

use std::time::Duration;

use super::display::{ascii, excerpt, grant_in_words};
use super::pasted::looks_like_token;
use crate::calendar::moment;
use uuid::Uuid;

use namespace_jwt_core::access::{Private, Protects, Target};
use namespace_jwt_core::claims::Claims;
use namespace_jwt_core::key::KeySet;
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::time::UnixTime;

/// What is wrong with the form of a token that can't be parsed.
pub(super) fn form_fault(token: &[u8], denial: Denial) -> String {
    if denial == Denial::OversizedToken {
        return format!("it has {} bytes", token.len());
    }
    let in_a_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let segments = token.split(|byte| *byte == b'.').count();
    let text = String::from_utf8_lossy(token);
    let words = text.split(|c: char| c.is_whitespace() || "\"'`,;=:<>()[]{}".contains(c));
    if is_uuid(&text) {
        "it is a UUID, as the platform's API keys (the secret key of an IAM key) are; this filter \
         takes JWTs: mint one with `issuer issue`"
            .to_owned()
    } else if token.starts_with(b"Bearer ") {
        "it begins with `Bearer `, which only the header `Authorization` has; send the token alone \
         in other headers"
            .to_owned()
    } else if words.into_iter().any(looks_like_token) {
        "it is a token with other text around it; give the token alone".to_owned()
    } else if !token.iter().all(in_a_token) {
        "it has characters other than A to Z, a to z, 0 to 9, `-`, `_` and `.`".to_owned()
    } else if segments != 3 {
        format!("expected 3 segments with a dot between them, found {segments}")
    } else {
        "a segment is empty or not unpadded base64url, or the header is not a plain JSON object \
         with `alg`"
            .to_owned()
    }
}

fn is_uuid(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}

/// What is wrong between a token and the configured keys.
pub(super) fn key_fault(
    denial: Denial,
    alg: &str,
    kid: Option<&str>,
    keys: &KeySet,
) -> Option<String> {
    match denial {
        Denial::UnsupportedAlgorithm => {
            let mut accepted: Vec<_> =
                keys.candidates(kid).flat_map(|key| key.algorithms()).map(|a| a.name()).collect();
            accepted.sort_unstable();
            accepted.dedup();
            Some(format!("its `alg` is {}; its keys accept {}", quoted(alg), accepted.join(", ")))
        }
        Denial::UnknownKey => Some(match kid {
            Some(kid) => format!("its `kid` is {}, which no configured key has", quoted(kid)),
            None => "it has no `kid`, and there is no configured key to try".to_owned(),
        }),
        Denial::BadSignature => Some(match keys.candidates(kid).count() {
            1 => "no configured key signed it; is it a token of another namespace?".to_owned(),
            count => format!("none of the {count} configured keys to try signed it"),
        }),
        _ => None,
    }
}

/// What is wrong with the claims, given what is asked of them.
pub(super) fn claim_fault(
    denial: Denial,
    claims: &Claims,
    private: &Private,
    at: UnixTime,
) -> Option<String> {
    let policy = &private.policy;
    let named = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), quoted);
    match denial {
        Denial::Expired => {
            let leeway = with_leeway(policy.expiration_leeway);
            claims.expires_at.map(|exp| format!("exp is {}{leeway}", moment(exp, at)))
        }
        Denial::NotYetValid => {
            let leeway = with_leeway(policy.not_before_leeway);
            let ahead = |time: &UnixTime| *time > at.saturating_add(policy.not_before_leeway);
            [("nbf", claims.not_before), ("iat", claims.issued_at)]
                .into_iter()
                .find_map(|(name, time)| Some((name, time.filter(ahead)?)))
                .map(|(name, time)| format!("{name} is {}{leeway}", moment(time, at)))
        }
        Denial::LifetimeTooLong => {
            let from = claims.issued_at.unwrap_or(at);
            let lifetime = claims.expires_at?.saturating_since(from);
            Some(format!(
                "its lifetime is {} seconds; at most {} are accepted",
                lifetime.as_secs(),
                policy.max_lifetime?.as_secs()
            ))
        }
        Denial::WrongIssuer => {
            Some(format!("expected iss {}, found {}", named(&policy.issuer), named(&claims.issuer)))
        }
        Denial::WrongAudience => {
            let found: Vec<_> = claims.audiences.iter().map(|audience| quoted(audience)).collect();
            Some(format!(
                "expected aud {}, found {}",
                named(&policy.audience),
                if found.is_empty() { "none".to_owned() } else { found.join(", ") }
            ))
        }
        Denial::Revoked => Some(format!("its `jti` {} is revoked", named(&claims.token_id))),
        Denial::NotGranted => {
            let granted: Vec<_> = claims.grants.iter().map(grant_in_words).collect();
            Some(format!(
                "the filter protects {}; the token grants access to {}",
                protected(&private.protects),
                if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") }
            ))
        }
        _ => None,
    }
}

/// Which grant gives access to what is protected.
pub(super) fn admission(claims: &Claims, private: &Private) -> Option<String> {
    let target = private.protects.configured()?.target();
    let grant = claims.grants.iter().find(|grant| target.is_opened_by(grant))?;
    Some(format!("it grants access to {}", grant_in_words(grant)))
}

fn protected(protects: &Protects) -> String {
    let Some(protected) = protects.configured() else { return "what the route names".to_owned() };
    let Target { namespace_id, application_id, .. } = protected.target();
    let namespace_id = ascii(namespace_id);
    match application_id {
        Some(id) => format!("application {} in namespace {namespace_id}", ascii(id)),
        None => format!("namespace {namespace_id} as a whole"),
    }
}

/// Text out of a token, or of the configuration that it is compared with.
fn quoted(text: &str) -> String {
    excerpt(&ascii(text))
}

fn with_leeway(leeway: Duration) -> String {
    match leeway {
        Duration::ZERO => String::new(),
        leeway => format!("; the leeway is {} seconds", leeway.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use namespace_jwt_core::config::{Config, Environment};

    #[test]
    fn the_time_that_lies_ahead_is_the_one_named() {
        let config = br#"{"public":false,"namespace_id":"n","not_before_leeway_seconds":5}"#;
        let key = include_str!("../../tests/issuer/keys/public.pem").to_owned();
        let environment = Environment { public_key: Some(key), ..Environment::default() };
        let config = Config::from_json(config, &environment).unwrap();
        let namespace_jwt_core::access::Access::Private(private) = &config.access else { panic!() };
        for (claims, said) in [
            (r#"{"nbf":16,"iat":10}"#, "nbf is 1970-01-01T00:00:16Z, in 6 seconds"),
            (r#"{"nbf":15,"iat":16}"#, "iat is 1970-01-01T00:00:16Z, in 6 seconds"),
            (r#"{"iat":20}"#, "iat is 1970-01-01T00:00:20Z, in 10 seconds"),
        ] {
            let claims = Claims::parse(claims.as_bytes()).unwrap();
            let at = UnixTime::from_secs(10);
            let fault = claim_fault(Denial::NotYetValid, &claims, private, at);
            assert_eq!(fault.unwrap(), format!("{said}; the leeway is 5 seconds"));
        }
    }
}
