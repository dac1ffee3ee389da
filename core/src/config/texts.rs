//! Free texts: those that could match nothing, or everything, are refused with what to write.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ConfigError;
use super::members::{Members, quote};
use super::notices::{Notice, TOLD};
use crate::access::RevokedTokens;
use crate::identifier::{self, IdentifierError};
use crate::request::{TokenCookie, TokenHeader};

/// The id of a namespace or an application, from its member or else its variable.
pub(super) fn id(
    members: &mut Members,
    member: &str,
    (variable, value): (&str, Option<String>),
) -> Result<Option<String>, ConfigError> {
    let (name, id) = match members.text(member)? {
        Some(id) => (member, Some(id)),
        None => (variable, value),
    };
    if let Some(Err(error)) = id.as_deref().map(identifier::check_id) {
        let expected = match error {
            IdentifierError::Slash => "the id alone, without a region such as `fr-par/` before it",
            _ => "the id alone, in visible ASCII",
        };
        return Err(ConfigError::new(name, expected, error.to_string()));
    }
    Ok(id)
}

pub(super) fn revoked_token_ids(
    members: &mut Members,
    ids: [Option<&str>; 2],
    notices: &mut Vec<Notice>,
) -> Result<RevokedTokens, ConfigError> {
    const MEMBER: &str = "revoked_token_ids";
    let revoked = members.texts(MEMBER)?.unwrap_or_default();
    let mut noted: usize = 0;
    for (n, id) in revoked.iter().enumerate() {
        if let Err(error) = identifier::check_token_id(id) {
            let expected = match error {
                IdentifierError::Token => "its `jti`, which `issuer inspect` shows",
                IdentifierError::ClaimName => "the value of `jti` alone, without `jti` before it",
                _ => "the value of a token's `jti` alone, in visible ASCII",
            };
            return Err(ConfigError::new(format!("{MEMBER}[{n}]"), expected, error.to_string()));
        }
        let note = if identifier::is_damaged_uuid(id) {
            "it looks like a UUID that lost or gained characters"
        } else if ids.contains(&Some(id)) {
            "it is the id of what is protected, not a token's"
        } else if identifier::holds_uuid_and_more(id)
            && identifier::uuid_in_other_form(id).is_none()
        {
            "it holds a UUID and more, and only a token whose `jti` is all of it is refused"
        } else {
            continue;
        };
        noted = noted.saturating_add(1);
        if noted <= TOLD {
            notices.push(Notice::warning(format!("{MEMBER}[{n}]: {note}")));
        }
    }
    let more = noted.saturating_sub(TOLD);
    if more > 0 {
        notices.push(Notice::warning(format!("{MEMBER}: {more} more entries like these")));
    }
    Ok(RevokedTokens::from_iter(revoked))
}

/// What `iss` or `aud` is compared with. Any text may be one, but not with what copying
/// leaves around it.
pub(super) fn compared(members: &mut Members, member: &str) -> Result<Option<String>, ConfigError> {
    let Some(text) = members.text(member)? else { return Ok(None) };
    let is_quote = |it: char| matches!(it, '"' | '\'' | '`' | '\u{201c}' | '\u{201d}');
    let found = if text.trim() != text {
        "white space around it"
    } else if text.starts_with(is_quote) && text.ends_with(is_quote) {
        "quotes around it"
    } else if text.contains(identifier::is_invisible) {
        "an invisible character in it"
    } else if text.starts_with('$') {
        "a variable that was not replaced by its value"
    } else {
        return Ok(Some(text));
    };
    let expected = "the text that a token has, and nothing around it";
    Err(ConfigError::new(member, expected, found))
}

/// The part of the counters' names that an operator chooses: what every store of metrics
/// takes as it is, and nothing with a dot, which would make a name of another plugin's.
pub(super) fn metrics_name(members: &mut Members) -> Result<Option<String>, ConfigError> {
    const MEMBER: &str = "metrics_name";
    let Some(name) = members.text(MEMBER)? else { return Ok(None) };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() > 64 || !name.bytes().all(plain) {
        let expected = "1 to 64 of the characters a-z, 0-9 and _";
        return Err(ConfigError::new(MEMBER, expected, quote(&Value::from(name))));
    }
    Ok(Some(name))
}

pub(super) fn token_headers(
    members: &mut Members,
    notices: &mut Vec<Notice>,
) -> Result<Vec<TokenHeader>, ConfigError> {
    const MEMBER: &str = "token_headers";
    const EXPECTED: &str = "names of request headers, at least one";
    let names = members.texts(MEMBER)?.unwrap_or_else(|| {
        ["x-auth-token", "scw-functions-token", "scw_functions_token"].map(str::to_owned).to_vec()
    });
    if names.is_empty() {
        return Err(ConfigError::new(MEMBER, EXPECTED, "an empty array"));
    }
    let mut headers: Vec<TokenHeader> = Vec::new();
    let mut noted = BTreeSet::new();
    for (n, name) in names.iter().enumerate() {
        let refused = |expected: &str| {
            let found = quote(&Value::from(name.as_str()));
            Err(ConfigError::new(format!("{MEMBER}[{n}]"), expected, found))
        };
        let carries = carries(&name.to_ascii_lowercase());
        if matches!(carries, Carries::Cookies) {
            return refused("the header of a token; for a cookie's name there is `token_cookies`");
        }
        let Some(header) = TokenHeader::new(name) else {
            return match TokenHeader::new(name.trim_end_matches([':', ' '])) {
                Some(_) => refused("the header's name alone, without `:` after it"),
                None => refused(EXPECTED),
            };
        };
        match carries {
            Carries::Tokens | Carries::Cookies => {}
            Carries::Connection => {
                return refused("a header that proxies pass on and that can carry a token");
            }
            Carries::SomethingElse if noted.insert(header.name().to_owned()) => {
                notices.push(Notice::warning(format!(
                    "{MEMBER}[{n}]: {}: clients and proxies send this header with other values, \
                     which count as tokens here",
                    header.name()
                )));
            }
            Carries::SomethingElse => {}
        }
        headers.push(header);
    }
    Ok(headers)
}

pub(super) fn token_cookies(members: &mut Members) -> Result<Vec<TokenCookie>, ConfigError> {
    const MEMBER: &str = "token_cookies";
    let cookie = |(n, name): (usize, &String)| {
        let found = || quote(&Value::from(name.as_str()));
        TokenCookie::new(name).ok_or_else(|| {
            ConfigError::new(format!("{MEMBER}[{n}]"), "the name of a cookie", found())
        })
    };
    members.texts(MEMBER)?.unwrap_or_default().iter().enumerate().map(cookie).collect()
}

/// What a header is there for.
enum Carries {
    Tokens,
    /// Cookies, of which a token may be one.
    Cookies,
    /// What concerns one connection, or the request's own form: no filter sees it as it was
    /// sent (RFC 9110 §7.6.1).
    Connection,
    /// Something that ordinary requests have.
    SomethingElse,
}

fn carries(header: &str) -> Carries {
    match header {
        "cookie" | "set-cookie" => Carries::Cookies,
        "host" | "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer"
        | "transfer-encoding" | "upgrade" | "content-length" | "expect" | "http2-settings" => {
            Carries::Connection
        }
        "accept" | "accept-encoding" | "accept-language" | "cache-control" | "content-type"
        | "date" | "origin" | "range" | "referer" | "user-agent" | "via" | "forwarded"
        | "x-request-id" | "x-real-ip" | "traceparent" | "tracestate" | "baggage" => {
            Carries::SomethingElse
        }
        it if ["x-forwarded-", "x-envoy-", "x-b3-", "sec-"].iter().any(|of| it.starts_with(of)) => {
            Carries::SomethingElse
        }
        _ => Carries::Tokens,
    }
}
