//! Where a request's token stands.

/// One header that may hold a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// In lower case, as HTTP/2 has it and proxies keep it.
    name: String,
    bearer: bool,
}

impl TokenHeader {
    /// The header of that name, in any case; none if it can't be a header's name
    /// (RFC 9110 §5.1). `authorization` holds `Bearer <token>`, any other the token alone.
    pub fn new(name: &str) -> Option<Self> {
        let is_tchar =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_tchar) {
            return None;
        }
        let name = name.to_ascii_lowercase();
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

/// What a request's headers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// No token. A header that is empty holds none, nor does an `authorization` of
    /// another scheme.
    Nothing,
    /// One token, or the same one several times: its bytes, whatever they are.
    Token(&'a [u8]),
    /// Tokens that differ.
    Several,
}

impl<'a> Presented<'a> {
    /// Looks for tokens in a request's headers: names and values, as they came.
    pub fn find(
        token_headers: &[TokenHeader],
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Self {
        let mut presented = Self::Nothing;
        for (name, value) in headers {
            let Some(header) = token_headers.iter().find(|header| header.is(name)) else {
                continue;
            };
            if header.bearer {
                for token in bearer_tokens(value) {
                    presented = presented.and(token);
                }
            } else {
                presented = presented.and(value);
            }
        }
        presented
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

/// The tokens of one `authorization` value. A proxy may have joined several lines of this
/// header with commas (RFC 9110 §5.3), and Envoy does; any other value with a comma is one
/// credential, and no token has a comma in it.
fn bearer_tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let joined = value.split(|byte| *byte == b',').all(|line| bearer_token(line).is_some());
    let lines = value.split(move |byte| joined && *byte == b',');
    lines.filter_map(bearer_token)
}

/// The token of `Bearer <token>`: the scheme in any case (RFC 9110 §11.1), then at least
/// one space (RFC 6750 §2.1).
fn bearer_token(credentials: &[u8]) -> Option<&[u8]> {
    let credentials = credentials.trim_ascii_start();
    let (scheme, token) = credentials.split_at_checked(b"Bearer".len())?;
    let spaces = token.iter().take_while(|byte| **byte == b' ').count();
    if spaces == 0 || !scheme.eq_ignore_ascii_case(b"Bearer") {
        return None;
    }
    token.get(spaces..)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn find<'a>(names: &[&str], headers: &[(&'a str, &'a str)]) -> Presented<'a> {
        let names: Vec<_> = names.iter().map(|name| TokenHeader::new(name).unwrap()).collect();
        Presented::find(
            &names,
            headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        )
    }

    const NAMES: [&str; 3] = ["x-auth-token", "SCW-Functions-Token", "authorization"];

    #[test]
    fn a_token_is_found_in_any_of_the_headers() {
        let token = Presented::Token(b"T");
        for (headers, expected) in [
            (vec![], Presented::Nothing),
            (vec![("x-other", "T")], Presented::Nothing),
            (vec![("x-auth-token", "T")], token),
            (vec![("X-Auth-Token", "T")], token),
            (vec![("scw-functions-token", "T")], token),
            (vec![("authorization", "Bearer T")], token),
            (vec![("x-auth-token", "")], Presented::Nothing),
            (vec![("x-auth-token", ""), ("scw-functions-token", "T")], token),
            (vec![("x-auth-token", "T"), ("scw-functions-token", "")], token),
            (vec![("x-auth-token", "T"), ("x-auth-token", "T")], token),
            (vec![("x-auth-token", "T"), ("authorization", "Bearer T")], token),
            (vec![("x-auth-token", "T"), ("x-auth-token", "U")], Presented::Several),
            (
                vec![("x-auth-token", "U"), ("x-other", ""), ("x-auth-token", "T")],
                Presented::Several,
            ),
            (vec![("x-auth-token", "T"), ("scw-functions-token", "U")], Presented::Several),
            (
                vec![("x-auth-token", "T"), ("x-auth-token", "U"), ("x-auth-token", "T")],
                Presented::Several,
            ),
            (vec![("x-auth-token", "T,T")], Presented::Token(b"T,T")),
            (vec![("x-auth-token", "Bearer T")], Presented::Token(b"Bearer T")),
        ] {
            assert_eq!(find(&NAMES, &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn authorization_holds_a_bearer_token() {
        let token = Presented::Token(b"T");
        for (value, expected) in [
            ("bearer T", token),
            ("BEARER T", token),
            ("Bearer   T", token),
            ("Bearer", Presented::Nothing),
            ("Bearer ", Presented::Nothing),
            ("BearerT", Presented::Nothing),
            ("Bearer\tT", Presented::Nothing),
            ("T", Presented::Nothing),
            ("Basic T", Presented::Nothing),
            ("Digest a=\"b\", c=\"d\"", Presented::Nothing),
            ("Basic x,Bearer T", Presented::Nothing),
            ("Bearer T ", Presented::Token(b"T ")),
            ("Bearer T,", Presented::Token(b"T,")),
            ("Bearer T,U", Presented::Token(b"T,U")),
            ("Bearer Bearer T", Presented::Token(b"Bearer T")),
            ("Bearer T,Bearer T", token),
            ("Bearer T, bearer T", token),
            ("Bearer T,Bearer U", Presented::Several),
        ] {
            assert_eq!(find(&NAMES, &[("authorization", value)]), expected, "{value:?}");
        }
        assert_eq!(find(&["x-auth-token"], &[("authorization", "Bearer T")]), Presented::Nothing);
    }

    #[test]
    fn a_header_name_is_a_token_of_rfc_9110() {
        assert_eq!(TokenHeader::new("X-Auth-Token").unwrap().name(), "x-auth-token");
        for name in ["", ":path", "x auth", "x-auth:", "x-äuth", "x\n"] {
            assert_eq!(TokenHeader::new(name), None, "{name:?}");
        }
    }
}
