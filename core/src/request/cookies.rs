//! The `cookie` header: pairs with semicolons between them (RFC 6265 §4.2.1).

use super::TokenCookie;

/// What the cookies of those names hold, even where it is empty.
pub(super) fn tokens<'a>(value: &'a [u8], names: &[TokenCookie]) -> impl Iterator<Item = &'a [u8]> {
    value.split(|byte| *byte == b';').filter_map(|pair| token(pair, names))
}

/// What the cookie of a pair holds, if it may be a token.
///
/// Applications take more than spaces from around a name, and the quotation marks from
/// around a value. What isn't space or tab around a value stays, and no good token has it.
fn token<'a>(pair: &'a [u8], names: &[TokenCookie]) -> Option<&'a [u8]> {
    let mut sides = pair.splitn(2, |byte| *byte == b'=');
    let (name, value) = (sides.next()?, sides.next()?);
    let name = trimmed(name, |byte| !byte.is_ascii_graphic());
    if !names.iter().any(|cookie| cookie.name().as_bytes() == name) {
        return None;
    }
    let value = trimmed(value, |byte| matches!(byte, b' ' | b'\t'));
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

/// What an application may find besides, if it also splits at white space, commas or quotation
/// marks: in the pairs of other cookies.
pub(super) fn hidden<'a>(value: &'a [u8], names: &[TokenCookie]) -> impl Iterator<Item = &'a [u8]> {
    value.split(|byte| *byte == b';').filter_map(|pair| hidden_in(pair, names))
}

/// The first of a pair, and all that follows it there.
fn hidden_in<'a>(pair: &'a [u8], names: &[TokenCookie]) -> Option<&'a [u8]> {
    if token(pair, names).is_some() {
        return None;
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let starts =
        (1..pair.len()).filter(|at| pair.get(at.wrapping_sub(1)).is_some_and(|it| !is_name(it)));
    starts.filter_map(|at| pair.get(at..)).find_map(|rest| token(rest, names))
}

/// The value without the pairs that hold a token, or in a hidden place one that `goes`; empty
/// if no other is there.
pub(super) fn others(value: &[u8], names: &[TokenCookie], goes: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let pairs = value.split(|byte| *byte == b';');
    let stays = |pair: &&[u8]| {
        token(pair, names).is_none_or(<[u8]>::is_empty)
            && !hidden_in(pair, names).is_some_and(&goes)
    };
    let others = pairs.filter(stays).collect::<Vec<_>>().join(&b';');
    let is_blank = others.iter().all(|byte| matches!(byte, b' ' | b'\t' | b';'));
    if is_blank { Vec::new() } else { others.trim_ascii_start().to_vec() }
}

fn trimmed(mut text: &[u8], goes: impl Fn(&u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = text
        && goes(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && goes(last)
    {
        text = rest;
    }
    text
}
