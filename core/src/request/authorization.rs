//! The `authorization` header: `Bearer <token>`, and what an application may take for it.
//!
//! A proxy may have joined several lines of this header with commas (RFC 9110 §5.3), and Envoy
//! does. Applications split the value at white space or commas, take its last word, or search
//! it for `Bearer`.

const BEARER: &[u8] = b"Bearer";

/// A value, taken apart where its first token begins.
pub(super) struct Credentials<'a> {
    value: &'a [u8],
    /// Where the first `Bearer` stands that counts: all after it is tokens.
    bearer: usize,
}

/// Takes a value apart. Without another token on the request, only a value that begins with
/// `Bearer` holds tokens; beside another one, every value does in which an application may
/// find that word.
pub(super) fn split(value: &[u8], beside_another: bool) -> Credentials<'_> {
    let bearer = if is_bearer(value) {
        Some(0)
    } else if beside_another {
        hidden_bearer(value)
    } else {
        None
    };
    Credentials { value, bearer: bearer.unwrap_or(value.len()) }
}

/// Whether a value begins with the scheme `Bearer`.
pub(super) fn is_bearer(value: &[u8]) -> bool {
    bearer_token(value).is_some()
}

impl<'a> Credentials<'a> {
    /// The tokens; empty ones are none. Only where each line joined with a comma begins with
    /// `Bearer` are they several: no token has a comma in it, so any other value with one is a
    /// single credential, and no good one.
    pub(super) fn each_token(&self, mut each: impl FnMut(&'a [u8])) {
        let tokens = self.value.get(self.bearer..).unwrap_or_default();
        let lines = || tokens.split(|byte| *byte == b',');
        // Most values have no comma, which is found out more quickly than they are split.
        if tokens.contains(&b',') && lines().all(is_bearer) {
            lines().filter_map(bearer_token).for_each(each);
        } else if let Some(token) = bearer_token(tokens).or_else(|| tokens.get(BEARER.len()..)) {
            each(token);
        }
    }

    /// The credentials of other schemes before the tokens: whole lines. One with an open
    /// quotation mark was no whole line.
    pub(super) fn others(&self) -> &'a [u8] {
        let before = self.value.get(..self.bearer).unwrap_or_default();
        let end = before.iter().rposition(|byte| *byte == b',').unwrap_or(0);
        let lines = before.get(..end).unwrap_or_default();
        let end = lines.iter().rposition(|byte| !b" \t,".contains(byte));
        let lines = end.and_then(|last| lines.get(..=last)).unwrap_or_default();
        let quotation_marks = lines.iter().filter(|byte| **byte == b'"').count();
        if quotation_marks % 2 == 0 { lines } else { b"" }
    }
}

/// What follows the scheme `Bearer`, in any case (RFC 9110 §11.1): one or more spaces and the
/// token (RFC 6750 §2.1). Whatever else an application might take for white space, such as a
/// tab or the no-break spaces of any encoding, ends the scheme as well, but stays in the
/// token and makes it a malformed one.
fn bearer_token(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = credentials.trim_ascii_start().split_at_checked(BEARER.len())?;
    let ends = token.first().is_some_and(|byte| !byte.is_ascii_graphic());
    if !ends || !scheme.eq_ignore_ascii_case(BEARER) {
        return None;
    }
    let spaces = token.iter().take_while(|byte| **byte == b' ').count();
    token.get(spaces..)
}

/// Where `Bearer` first stands as an application may find it: at the start of a word, behind
/// a comma or quotation mark for instance, or at the end of one, before white space.
fn hidden_bearer(value: &[u8]) -> Option<usize> {
    // What another scheme's credentials may be one word of (`token68`, RFC 9110 §11.2).
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let mut words = value.windows(BEARER.len()).enumerate();
    let found = words.find(|(at, word)| {
        let before = at.checked_sub(1).and_then(|at| value.get(at));
        let after = at.checked_add(BEARER.len()).and_then(|at| value.get(at));
        word.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'b'))
            && word.eq_ignore_ascii_case(BEARER)
            && (!before.is_some_and(is_inner) || after.is_some_and(|byte| !byte.is_ascii_graphic()))
    });
    found.map(|(at, _)| at)
}
