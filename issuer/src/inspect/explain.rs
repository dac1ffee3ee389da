//! What a token says, and what the filter would decide.
//!
//! The decision is the filter's own: [`Access::decide`](namespace_jwt_core::access::Access::decide)
//! with the crypto compiled in. What is said beside it only reports.
//! The token itself is never part of an explanation: its signature is left out.

use std::fmt;

use serde_json::{Map, Value, json};

use super::display::{Escaped, ascii, compact_json, grant_in_words};
use super::feed::Followed;
use super::reason::{admission, claim_fault, form_fault, key_fault};
use crate::calendar::{moment, rfc3339};
use namespace_jwt_core::access::{Access, Admitted, Memory, Private};
use namespace_jwt_core::claims::{Claims, Grant};
use namespace_jwt_core::config::{Config, Mode};
use namespace_jwt_core::json::object;
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::token::Token;
use namespace_jwt_core::trust::state::Standing;

/// The order in which a header's members are shown; others follow by name.
const HEADER_ORDER: [&str; 3] = ["alg", "typ", "kid"];

/// The order in which claims are shown; others follow by name.
const CLAIM_ORDER: [&str; 9] =
    ["application_claim", "version", "aud", "iss", "sub", "jti", "iat", "nbf", "exp"];

/// The claims that are times.
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// What can be said of one token at one time.
pub struct Explanation {
    at: UnixTime,
    size: usize,
    content: Result<Content, Unreadable>,
    decision: Option<Decision>,
    /// What of the configuration could not be judged by, and why.
    unjudged: Option<&'static str>,
}

/// The outcome for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No configuration was given, and the token's form is good.
    Readable,
    /// No configuration was given, and there is nothing to read.
    Unreadable,
    /// The filter would let it in.
    Admitted,
    /// The filter would refuse it.
    Refused,
    /// It can't be told: see [`Explanation::unjudged`].
    Unjudged,
}

struct Content {
    header: Map<String, Value>,
    payload: Payload,
}

enum Payload {
    /// Claims of the form that the filter asks for.
    Claims { members: Map<String, Value>, claims: Claims },
    /// Anything else, as text.
    Other(String),
}

struct Unreadable {
    denial: Denial,
    detail: String,
}

struct Decision {
    outcome: Result<Admitted, Denial>,
    detail: Option<String>,
    signature: Signature,
    mode: Mode,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Signature {
    Unchecked,
    Bad,
    Good,
}

impl Explanation {
    /// Explains a token as of `at`, as a request would carry it: `config` is the filter's.
    /// `unread` says why that configuration doesn't look for a token where this one stands, and
    /// `feed` is what its trust feed says, where it follows one and that was asked for.
    pub fn new(
        token: &[u8],
        config: Option<&Config>,
        feed: Option<&Followed>,
        unread: Option<String>,
        at: UnixTime,
    ) -> Self {
        let parsed = Token::parse(token);
        let content = parsed
            .as_ref()
            .map(Content::new)
            .map_err(|denial| Unreadable { denial: *denial, detail: form_fault(token, *denial) });
        let (config, unjudged) = match config.map(|config| judged(config, feed)).transpose() {
            Ok(judged) => judged.unzip(),
            Err(why) => (None, Some(Some(why))),
        };
        let decision =
            config.map(|config| Decision::new(token, &content, config, feed, unread, at));
        Self { at, size: token.len(), content, decision, unjudged: unjudged.flatten() }
    }

    /// What could not be judged, and what to do, if that is so.
    pub fn unjudged(&self) -> Option<&'static str> {
        self.unjudged
    }

    /// The outcome in a word.
    pub fn verdict(&self) -> Verdict {
        match (&self.decision, &self.content) {
            (Some(decision), _) if decision.outcome.is_ok() => Verdict::Admitted,
            (Some(_), _) => Verdict::Refused,
            (None, Ok(_)) if self.unjudged.is_some() => Verdict::Unjudged,
            (None, Ok(_)) => Verdict::Readable,
            (None, Err(_)) => Verdict::Unreadable,
        }
    }

    /// Why the token can't be read, if it can't: to be shown escaped.
    pub fn unreadable(&self) -> Option<String> {
        let Unreadable { denial, detail } = self.content.as_ref().err()?;
        Some(format!("{} ({}): {detail}", denial.message(), denial.code()))
    }

    /// The explanation for programs.
    pub fn to_json(&self) -> Value {
        let mut members = match &self.content {
            Ok(content) => content.to_json(),
            Err(Unreadable { denial, detail }) => Map::from_iter([(
                "error".to_owned(),
                json!({"code": denial.code(), "message": denial.message(), "detail": detail}),
            )]),
        };
        members.insert("size_bytes".to_owned(), self.size.into());
        let decision = self.decision.as_ref().map(|decision| decision.to_json(self.at));
        members.insert("decision".to_owned(), decision.into());
        members.insert("unjudged".to_owned(), self.unjudged.into());
        members.into()
    }
}

/// The explanation for a person, over several lines.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = self.decision.as_ref();
        match &self.content {
            Ok(content) => {
                content.write(f, self.at, decision.map(|decision| decision.signature))?
            }
            Err(Unreadable { denial, detail }) => {
                writeln!(f, "Unreadable ({}): {}", denial.code(), denial.message())?;
                writeln!(f, "  {}", Escaped(detail))?;
            }
        }
        if let Some(decision) = decision {
            decision.write(f, self.at)?;
        }
        match self.unjudged {
            Some(unjudged) => writeln!(f, "\nNot judged\n  {unjudged}"),
            None => Ok(()),
        }
    }
}

/// What a token can be judged by, with what can't be judged all the same.
///
/// # Errors
///
/// Why it can't be judged at all.
fn judged<'a>(
    config: &'a Config,
    feed: Option<&Followed>,
) -> Result<(&'a Config, Option<&'static str>), &'static str> {
    let Access::Private(private) = &config.access else { return Ok((config, None)) };
    let Private { protects, keys, follows_feed, .. } = &**private;
    if protects.configured().is_none() {
        return Err(
            "what is protected is named by each route (`protect`); give a configuration with \
                    `namespace_id` and `application_id` in its place",
        );
    }
    if feed.is_some() || !follows_feed {
        return Ok((config, None));
    }
    if keys.keys().is_empty() {
        return Err("its keys come with the trust feed; give that with --trust URL or FOLDER");
    }
    let unjudged = "whether the trust feed revokes the token or its key, has more keys, or makes the \
                    application public; give the feed with --trust URL or FOLDER";
    Ok((config, Some(unjudged)))
}

impl Content {
    fn new(token: &Token<'_>) -> Self {
        let payload = token.payload();
        let payload = match (object(payload), Claims::parse(payload)) {
            (Ok(members), Ok(claims)) => Payload::Claims { members, claims },
            _ => Payload::Other(String::from_utf8_lossy(payload).into_owned()),
        };
        // The token's parser has read the same bytes as an object before.
        Self { header: object(token.header()).unwrap_or_default(), payload }
    }

    fn claims(&self) -> Option<&Claims> {
        match &self.payload {
            Payload::Claims { claims, .. } => Some(claims),
            Payload::Other(_) => None,
        }
    }

    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        at: UnixTime,
        signature: Option<Signature>,
    ) -> fmt::Result {
        let trust = match signature {
            Some(Signature::Good) => "signed by a key of the configuration",
            Some(Signature::Bad) => "NOT signed by a key of the configuration: don't trust them",
            Some(Signature::Unchecked) => "signature not checked",
            None => "signature not checked: that needs --config",
        };
        writeln!(f, "Header")?;
        write_members(f, &self.header, &HEADER_ORDER, |_| None)?;
        writeln!(f, "\nClaims, {trust}")?;
        match &self.payload {
            Payload::Claims { members, claims } => {
                write_members(f, members, &CLAIM_ORDER, |name| {
                    time(claims, name).map(|time| moment(time, at))
                })?;
                if claims.expires_at.is_none() {
                    writeln!(f, "  never expires: there is no exp")?;
                }
                let genuine = signature == Some(Signature::Good);
                let access = match genuine {
                    true => "Grants access to",
                    false => "Claims access to (unverified)",
                };
                writeln!(f, "\n{access}")?;
                if claims.grants.is_empty() {
                    writeln!(f, "  nothing: no entry of application_claim is a grant")?;
                }
                for grant in &claims.grants {
                    writeln!(f, "  {}", Escaped(&grant_in_words(grant)))?;
                }
                Ok(())
            }
            Payload::Other(text) => {
                writeln!(
                    f,
                    "  malformed: not a JSON object, a member twice, or a claim of the wrong type"
                )?;
                writeln!(f, "  {}", ascii(text))
            }
        }
    }

    fn to_json(&self) -> Map<String, Value> {
        let mut json = Map::new();
        json.insert("header".to_owned(), self.header.clone().into());
        match &self.payload {
            Payload::Claims { members, claims } => {
                let times = TIMES.into_iter().filter_map(|name| {
                    Some((name.to_owned(), Value::from(rfc3339(time(claims, name)?))))
                });
                json.insert("claims".to_owned(), members.clone().into());
                json.insert("times".to_owned(), Value::Object(times.collect()));
                let grants: Vec<_> = claims.grants.iter().map(grant_json).collect();
                json.insert("grants".to_owned(), grants.into());
            }
            Payload::Other(text) => {
                json.insert("malformed_claims".to_owned(), text.as_str().into());
            }
        }
        json
    }
}

impl Decision {
    fn new(
        token: &[u8],
        content: &Result<Content, Unreadable>,
        config: &Config,
        feed: Option<&Followed>,
        unread: Option<String>,
        at: UnixTime,
    ) -> Self {
        let presented = match token {
            _ if unread.is_some() => Presented::Nothing,
            [] => Presented::Nothing,
            _ => Presented::Token(token),
        };
        let standing = feed.map_or(Standing::StaticKeys, Followed::standing);
        let mut memory = Memory::new(0);
        let outcome =
            config.access.decide(presented.into(), Some(standing), &Guest, &mut memory, at);
        let detail = match (&config.access, content) {
            (Access::Public, _) => {
                Some("the configuration is public: no token is looked at".to_owned())
            }
            (Access::Private(_), _) if unread.is_some() => unread,
            // It is said of the token already.
            (Access::Private(_), Err(_)) => None,
            (Access::Private(private), Ok(content)) => {
                let kid = content.header.get("kid").and_then(Value::as_str);
                let alg = content.header.get("alg").and_then(Value::as_str).unwrap_or_default();
                match outcome {
                    Ok(_) => content.claims().and_then(|claims| admission(claims, private)),
                    Err(denial) => key_fault(denial, alg, kid, &private.keys)
                        .or_else(|| claim_fault(denial, content.claims()?, private, at)),
                }
            }
        };
        let signature = match (&config.access, outcome) {
            (Access::Public, _)
            | (_, Err(Denial::MissingToken | Denial::UnsupportedAlgorithm | Denial::UnknownKey)) => {
                Signature::Unchecked
            }
            (_, Err(Denial::BadSignature)) => Signature::Bad,
            _ => Signature::Good,
        };
        Self { outcome, detail, signature, mode: config.mode }
    }

    fn code(&self) -> &'static str {
        match self.outcome {
            Ok(admitted) => admitted.code(),
            Err(denial) => denial.code(),
        }
    }

    fn message(&self) -> &'static str {
        match self.outcome {
            Ok(_) => "the request is let through",
            Err(denial) => denial.message(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, at: UnixTime) -> fmt::Result {
        let word = match self.outcome {
            Ok(_) => "admitted",
            Err(_) => "refused",
        };
        writeln!(f, "\nDecision as of {}", rfc3339(at))?;
        writeln!(f, "  {word} ({}): {}", self.code(), self.message())?;
        if let Some(detail) = &self.detail {
            writeln!(f, "  {}", Escaped(detail))?;
        }
        if self.mode == Mode::ReportOnly && self.outcome.is_err() {
            writeln!(
                f,
                "  mode is {}: the refusal is only counted and logged; the request passes",
                self.mode.name()
            )?;
        }
        Ok(())
    }

    fn to_json(&self, at: UnixTime) -> Value {
        json!({
            "at": rfc3339(at),
            "admitted": self.outcome.is_ok(),
            "code": self.code(),
            "message": self.message(),
            "detail": self.detail,
            "mode": self.mode.name(),
        })
    }
}

fn grant_json(grant: &Grant) -> Value {
    match grant {
        Grant::Namespace(id) => json!({"namespace_id": id}),
        Grant::Application(id) => json!({"application_id": id}),
        Grant::ApplicationIn { namespace_id, application_id } => {
            json!({"namespace_id": namespace_id, "application_id": application_id})
        }
    }
}

fn time(claims: &Claims, name: &str) -> Option<UnixTime> {
    match name {
        "iat" => claims.issued_at,
        "nbf" => claims.not_before,
        "exp" => claims.expires_at,
        _ => None,
    }
}

/// Writes members as JSON, one to a line, in the order given and then by name.
fn write_members(
    f: &mut fmt::Formatter<'_>,
    members: &Map<String, Value>,
    order: &[&str],
    remark: impl Fn(&str) -> Option<String>,
) -> fmt::Result {
    let first = order.iter().filter_map(|name| members.get_key_value(*name));
    let rest = members.iter().filter(|(name, _)| !order.contains(&name.as_str()));
    let lines: Vec<_> = first
        .chain(rest)
        .map(|(name, value)| {
            let value = compact_json(value).map_err(|_| fmt::Error)?;
            Ok((ascii(name), value, remark(name)))
        })
        .collect::<Result<_, fmt::Error>>()?;
    let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    for (name, value, remark) in lines {
        write!(f, "  {name:width$}  {value}")?;
        match remark {
            Some(remark) => writeln!(f, "  {remark}")?,
            None => writeln!(f)?,
        }
    }
    Ok(())
}
