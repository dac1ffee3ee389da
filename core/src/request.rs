//! What counts as a token on a request, and what is left of the request without its tokens.

mod authorization;
mod cookies;

use std::borrow::Cow;

/// One header that may hold a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// In lower case, as HTTP/2 has it and proxies keep it.
    name: String,
    bearer: bool,
}

impl TokenHeader {
    /// The header of that name, in any case; none if it can't be a header's name
    /// (RFC 9110 §5.1), or is `cookie`, which holds [`TokenCookie`]s. `authorization` holds
    /// `Bearer <token>`, any other the token alone.
    pub fn new(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || name == COOKIE {
            return None;
        }
        let bearer = name == "authorization";
        Some(Self { name, bearer })
    }

    /// The header's name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether that is this header's name, in any case.
    pub fn is(&self, name: &[u8]) -> bool {
        name.eq_ignore_ascii_case(self.name.as_bytes())
    }
}

/// One cookie that may hold a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCookie(String);

impl TokenCookie {
    /// The cookie of exactly that name; none if it can't be a cookie's name
    /// (RFC 6265 §4.1.1).
    pub fn new(name: &str) -> Option<Self> {
        is_token(name).then(|| Self(name.to_owned()))
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The one header that holds cookies.
const COOKIE: &str = "cookie";

/// Whether that is a `token` of RFC 9110 §5.6.2, as names of headers and cookies are.
fn is_token(name: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_tchar)
}

/// What a request's headers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No token. A header or cookie that is empty holds none, nor does an `authorization`
    /// of another scheme.
    Nothing,
    /// One token, or the same one several times: its bytes, whatever they are.
    Token(&'a [u8]),
    /// Tokens that differ.
    Several,
}

impl<'a> Presented<'a> {
    /// Looks for tokens in a request's headers: names and values, as they came.
    ///
    /// An `authorization` holds tokens where it begins with `Bearer`, and a cookie where it
    /// begins with its name. Beside any other token both are read as a lenient application
    /// might, so that none rides along with a good token.
    pub fn find(
        token_headers: &[TokenHeader],
        token_cookies: &[TokenCookie],
        request: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Self {
        let mut presented = Self::Nothing;
        let mut may_hide_more = false;
        for (name, value) in request.clone() {
            let Some(place) = Place::of(name, token_headers, token_cookies) else { continue };
            may_hide_more |= place.may_hide_tokens(value);
            place.each_token(value, |token| presented = presented.and(token));
        }
        if may_hide_more && presented != Self::Nothing {
            for (name, value) in request {
                let Some(place) = Place::of(name, token_headers, token_cookies) else { continue };
                place.each_hidden_token(value, |token| presented = presented.and(token));
            }
        }
        presented
    }

    /// What has to change so that nothing in the request counts as a token any more: every
    /// value that [`find`](Self::find) counted goes, and nothing else, except that what is hidden
    /// in other credentials and hasn't a token's form stays. `self` is what it found in this
    /// very request.
    pub fn removals<'b, H>(
        self,
        token_headers: &'b [TokenHeader],
        token_cookies: &'b [TokenCookie],
        request: H,
    ) -> impl Iterator<Item = Removal<'a, 'b>>
    where
        H: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let same = match self {
            Self::Token(token) => Some(token),
            Self::Nothing | Self::Several => None,
        };
        let headers = token_headers.iter().map(|header| (header.name(), Place::in_header(header)));
        let cookies =
            (!token_cookies.is_empty()).then_some((COOKIE, Place::Cookies(token_cookies)));
        let places = headers.chain(cookies).filter(move |_| self != Self::Nothing);
        places.filter_map(move |(name, place)| {
            let is_there = |(other, _): &(&[u8], _)| other.eq_ignore_ascii_case(name.as_bytes());
            // The usual case, and all of it goes: there is nothing to take apart.
            if matches!(place, Place::Whole) {
                let counts = request.clone().any(|it| is_there(&it) && !it.1.is_empty());
                return counts.then_some(Removal { name, left: Vec::new() });
            }
            let mut counted = false;
            let mut left = Vec::new();
            for (_, value) in request.clone().filter(is_there) {
                let rest = place.without_tokens(value, same);
                counted |= rest.len() < value.len();
                if !rest.is_empty() {
                    left.push(rest);
                }
            }
            counted.then_some(Removal { name, left })
        })
    }

    fn and(self, token: &'a [u8]) -> Self {
        match self {
            _ if token.is_empty() => self,
            Self::Nothing => Self::Token(token),
            Self::Token(other) if other == token => self,
            Self::Token(_) | Self::Several => Self::Several,
        }
    }
}

/// A header to be taken from the request, because tokens stood in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal<'a, 'b> {
    /// The header's name, in lower case.
    pub name: &'b str,
    /// The values that the header has without them; usually none.
    pub left: Vec<Cow<'a, [u8]>>,
}

/// How a header's value is read.
#[derive(Clone, Copy)]
enum Place<'b> {
    /// It is a token.
    Whole,
    /// It holds credentials.
    Authorization,
    /// It holds cookies, and some may hold tokens.
    Cookies(&'b [TokenCookie]),
}

impl<'b> Place<'b> {
    /// How the header of that name is read; none if no token may stand there.
    fn of(
        name: &[u8],
        token_headers: &[TokenHeader],
        token_cookies: &'b [TokenCookie],
    ) -> Option<Self> {
        if let Some(header) = token_headers.iter().find(|header| header.is(name)) {
            return Some(Self::in_header(header));
        }
        let cookies = !token_cookies.is_empty() && name.eq_ignore_ascii_case(COOKIE.as_bytes());
        cookies.then_some(Self::Cookies(token_cookies))
    }

    fn in_header(header: &TokenHeader) -> Self {
        if header.bearer { Self::Authorization } else { Self::Whole }
    }

    /// Whether more may count in that value once another token is on the request.
    fn may_hide_tokens(self, value: &[u8]) -> bool {
        match self {
            Self::Whole => false,
            Self::Authorization => !authorization::is_bearer(value),
            Self::Cookies(_) => true,
        }
    }

    fn each_token<'a>(self, value: &'a [u8], mut each: impl FnMut(&'a [u8])) {
        match self {
            Self::Whole => each(value),
            Self::Authorization => authorization::split(value, false).each_token(each),
            Self::Cookies(names) => cookies::tokens(value, names).for_each(each),
        }
    }

    /// What counts beside another token alone.
    fn each_hidden_token<'a>(self, value: &'a [u8], each: impl FnMut(&'a [u8])) {
        match self {
            Self::Authorization if !authorization::is_bearer(value) => {
                authorization::split(value, true).each_token(each);
            }
            Self::Cookies(names) => cookies::hidden(value, names).for_each(each),
            Self::Whole | Self::Authorization => {}
        }
    }

    /// What stays of a value on a request whose tokens are all `same`, or differ. What is hidden
    /// in other credentials goes if it is that token or has the form of one. Anything else may
    /// be a name or a password, and such a request goes on only where nothing is enforced.
    fn without_tokens<'v>(self, value: &'v [u8], same: Option<&[u8]>) -> Cow<'v, [u8]> {
        let goes = |token: &[u8]| {
            let dots = token.iter().filter(|byte| **byte == b'.').count();
            !token.is_empty() && (same == Some(token) || dots >= 2)
        };
        let (mut counted, mut hidden) = (false, false);
        self.each_token(value, |token| counted |= !token.is_empty());
        self.each_hidden_token(value, |token| hidden |= goes(token));
        match self {
            _ if !counted && !hidden => Cow::Borrowed(value),
            Self::Whole => Cow::Borrowed(b""),
            Self::Authorization => Cow::Borrowed(authorization::split(value, hidden).others()),
            Self::Cookies(names) => Cow::Owned(cookies::others(value, names, goes)),
        }
    }
}

/// A browser's question whether it may send a request to another origin: it can't carry a
/// token (Fetch Standard §4.8).
#[derive(Clone, Copy, Debug)]
pub struct Preflight(());

impl Preflight {
    /// Recognizes one by its headers, where preflights are let through at all. An upgrade is
    /// none: what follows it may be anything.
    pub fn find<'a>(
        allowed: bool,
        request: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Option<Self> {
        let has = |wanted: &str| {
            let is = |(name, value): (&[u8], &[u8])| {
                name.eq_ignore_ascii_case(wanted.as_bytes()) && !value.is_empty()
            };
            request.clone().any(is)
        };
        let options =
            || request.clone().any(|(name, value)| name == b":method" && value == b"OPTIONS");
        let found = allowed
            && options()
            && has("origin")
            && has("access-control-request-method")
            && !has("upgrade");
        found.then_some(Self(()))
    }
}

#[cfg(test)]
mod tests;
