//! The token in what somebody pasted: often a header with it, or a program's output.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use super::display::excerpt;
use namespace_jwt_core::json;

/// What was pasted, taken apart.
pub struct Pasted<'a> {
    /// What a request would carry as its token, whatever it is.
    pub token: Cow<'a, str>,
    /// What stood around it, if anything.
    pub place: Option<Place<'a>>,
}

/// Where in a pasted text the token stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In quotation marks.
    Quotes,
    /// After `Bearer`.
    Bearer,
    /// In a header of this name.
    Header(&'a str),
    /// In a cookie of this name.
    Cookie(&'a str),
    /// In a member of this name of a JSON object.
    Member(String),
}

/// Where it stood, in words to be shown escaped.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quotes => f.write_str("what is in the quotation marks"),
            Self::Bearer => f.write_str("what follows `Bearer`"),
            Self::Header(name) => write!(f, "the header {}", excerpt(name)),
            Self::Cookie(name) => write!(f, "the cookie {}", excerpt(name)),
            Self::Member(name) => write!(f, "the JSON member {}", excerpt(name)),
        }
    }
}

/// Why a pasted text isn't one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastedError {
    /// There is more than one in it.
    Several,
    /// The token follows `Authorization:` at once. Envoy's filters read `Bearer` there first.
    NoBearer,
}

impl fmt::Display for PastedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Several => "there is more than one token; give one at a time",
            Self::NoBearer => {
                "the Authorization header holds no `Bearer <token>`, so the filter finds no token \
                 in it; put `Bearer` before the token"
            }
        })
    }
}

impl std::error::Error for PastedError {}

/// Takes a text apart that may be a token, a header with one (with its name or without, several
/// lines, or a `curl` command with `-H`), a cookie, or a JSON object with one, in quotation
/// marks or not. What is none of these is taken as the token as it is.
///
/// # Errors
///
/// [`PastedError`].
pub fn find(text: &str) -> Result<Pasted<'_>, PastedError> {
    let text = text.trim();
    if text.starts_with('{') {
        return member(text);
    }
    if let Some(inner) = unquoted(text) {
        let Pasted { token, place } = find(inner)?;
        return Ok(Pasted { token, place: place.or(Some(Place::Quotes)) });
    }
    if let Some(token) = bearer(text) {
        return Ok(Pasted::new(token, Place::Bearer));
    }
    let command = ["curl ", "-H", "--header"].iter().any(|start| text.starts_with(start));
    if !command && !text.contains('\n') {
        return header(text).or_else(|| cookie(text)).unwrap_or(Ok(Pasted::alone(text)));
    }
    // Of the headers of a command or of a whole request, the one with a token.
    let mut found = Pasted::alone(text);
    for part in text.split(['\'', '"', '\n']).filter_map(|part| header(part.trim())) {
        let part = part?;
        match &found.place {
            _ if !looks_like_token(&part.token) => {}
            None => found = part,
            Some(_) if found.token == part.token => {}
            Some(_) => return Err(PastedError::Several),
        }
    }
    Ok(found)
}

impl<'a> Pasted<'a> {
    fn alone(text: &'a str) -> Self {
        Self { token: Cow::Borrowed(text), place: None }
    }

    fn new(token: &'a str, place: Place<'a>) -> Self {
        Self { token: Cow::Borrowed(token), place: Some(place) }
    }
}

/// The token among the members of a JSON object, as `issuer issue --json` prints it.
fn member(text: &str) -> Result<Pasted<'_>, PastedError> {
    let members: Map<String, Value> = json::object(text.as_bytes()).unwrap_or_default();
    let mut tokens = members.into_iter().filter_map(|(name, value)| match value {
        Value::String(token) if looks_like_token(&token) => Some((name, token)),
        _ => None,
    });
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(Pasted::alone(text)),
        (Some((name, token)), None) => {
            Ok(Pasted { token: Cow::Owned(token), place: Some(Place::Member(name)) })
        }
        _ => Err(PastedError::Several),
    }
}

/// What is between a pair of quotation marks.
fn unquoted(text: &str) -> Option<&str> {
    ['"', '\'', '`'].iter().find_map(|mark| text.strip_prefix(*mark)?.strip_suffix(*mark))
}

/// What follows `Bearer`, in any case (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token in a line `name: value`.
fn header(line: &str) -> Option<Result<Pasted<'_>, PastedError>> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let in_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_url = value.starts_with("//");
    if name.is_empty() || !name.bytes().all(in_a_name) || value.is_empty() || is_url {
        return None;
    }
    if ["cookie", "set-cookie"].iter().any(|cookie| name.eq_ignore_ascii_case(cookie)) {
        return cookie(value);
    }
    if name.eq_ignore_ascii_case("authorization") {
        return match bearer(value) {
            Some(token) => Some(Ok(Pasted::new(token, Place::Header(name)))),
            None if looks_like_token(value) => Some(Err(PastedError::NoBearer)),
            None => None,
        };
    }
    Some(Ok(Pasted::new(unquoted(value).unwrap_or(value), Place::Header(name))))
}

/// The token among `name=value; name=value`.
fn cookie(value: &str) -> Option<Result<Pasted<'_>, PastedError>> {
    let mut tokens = value.split(';').filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let value = unquoted(value).unwrap_or(value);
        looks_like_token(value).then(|| Pasted::new(value, Place::Cookie(name)))
    });
    let first = tokens.next()?;
    Some(match tokens.all(|other| other.token == first.token) {
        true => Ok(first),
        false => Err(PastedError::Several),
    })
}

/// Whether a text has the form of a signed token: three segments, the first an object.
pub(super) fn looks_like_token(text: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    text.starts_with("ey") && text.split('.').count() == 3 && text.split('.').all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJh.eyJi.c2ln";
    const OTHER: &str = "eyJh.eyJj.c2ln";

    fn read(text: &str) -> Result<(String, String), PastedError> {
        find(text).map(|Pasted { token, place }| {
            (token.into_owned(), place.map(|place| place.to_string()).unwrap_or_default())
        })
    }

    #[test]
    fn a_token_is_found_in_what_it_is_pasted_with() {
        for (text, place) in [
            ("T", ""),
            (" \r\n T \n", ""),
            ("\"T\"", "what is in the quotation marks"),
            ("Bearer T", "what follows `Bearer`"),
            ("'bearer  T'", "what follows `Bearer`"),
            ("X-Auth-Token: T", "the header `X-Auth-Token`"),
            ("SCW_Functions_Token:T", "the header `SCW_Functions_Token`"),
            ("\"X-Auth-Token: T\"", "the header `X-Auth-Token`"),
            ("Authorization: Bearer T", "the header `Authorization`"),
            ("-H 'X-Auth-Token: T'", "the header `X-Auth-Token`"),
            ("--header \"Authorization: Bearer T\" \\", "the header `Authorization`"),
            ("curl -s -H 'Host: x' -H 'X-Auth-Token: T' http://h:1/", "the header `X-Auth-Token`"),
            ("GET / HTTP/1.1\r\nHost: x:1\r\nX-Auth-Token: T\r\n", "the header `X-Auth-Token`"),
            ("X-Auth-Token: T\nScw-Functions-Token: T", "the header `X-Auth-Token`"),
            ("Cookie: a=b; session=T", "the cookie `session`"),
            ("session=\"T\"", "the cookie `session`"),
            ("{\"token_id\": \"x\", \"token\": \"T\"}", "the JSON member `token`"),
        ] {
            let text = text.replace('T', TOKEN).replace(&format!("{TOKEN}oken"), "Token");
            assert_eq!(read(&text), Ok((TOKEN.to_owned(), place.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_the_filter_would_read_in_a_header_is_what_is_found() {
        // Only `Authorization` has a scheme.
        let text = format!("X-Auth-Token: Bearer {TOKEN}");
        assert_eq!(read(&text).unwrap().0, format!("Bearer {TOKEN}"));
        assert_eq!(read(&format!("Authorization: {TOKEN}")), Err(PastedError::NoBearer));
        for several in [
            format!("X-Auth-Token: {TOKEN}\nX-Auth-Token: {OTHER}"),
            format!("a={TOKEN}; b={OTHER}"),
            format!("{{\"a\": \"{TOKEN}\", \"b\": \"{OTHER}\"}}"),
        ] {
            assert_eq!(read(&several), Err(PastedError::Several), "{several}");
        }
        for other in ["", "words", "a: ", "{", "{}", "'", "http://h/?a=b", "a b: c", "a\nb"] {
            assert_eq!(read(other), Ok((other.trim().to_owned(), String::new())), "{other}");
        }
    }
}
