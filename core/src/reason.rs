//! Why a request is refused: every reason, its stable code, and what the client is told.
//!
//! [`Denial::row`] is the one table. A reason without an entry doesn't compile.

/// A reason to refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No header holds a token.
    MissingToken,
    /// The headers hold tokens that differ.
    MultipleTokens,
    /// The token is over [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES).
    OversizedToken,
    /// The token isn't a strict compact JWS with a plain JSON header.
    MalformedToken,
    /// The header's `alg` isn't one that its keys may be used with.
    UnsupportedAlgorithm,
    /// No configured key may be meant by the header's `kid`.
    UnknownKey,
    /// The signature isn't that of any key that may be meant.
    BadSignature,
    /// The signature is good, but the claims aren't of the form that they must have.
    MalformedClaims,
    /// It is `exp` or later.
    Expired,
    /// `nbf` or `iat` lie ahead.
    NotYetValid,
    /// There is no `exp`, and the configuration asks for one.
    MissingExpiration,
    /// There is more time between `iat` and `exp` than the configuration allows.
    LifetimeTooLong,
    /// `iss` isn't the configured issuer.
    WrongIssuer,
    /// `aud` doesn't hold the configured audience.
    WrongAudience,
    /// The configuration lists the token's `jti` as revoked.
    Revoked,
    /// No grant of the token admits to this namespace or application.
    NotGranted,
}

/// What the client is told, in the platform's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no token.
    NotFound,
    /// The token was good once.
    Expired,
    /// Anything else is wrong with the token.
    InvalidArgument,
    /// The token is good, but not for this application.
    PermissionsDenied,
}

/// One line of the table.
struct Row {
    code: &'static str,
    fault: Fault,
    message: &'static str,
}

impl Denial {
    /// Every reason, in the order in which a request meets them.
    ///
    /// [`UnsupportedAlgorithm`](Self::UnsupportedAlgorithm) comes where the header is looked at,
    /// with an `alg` that no key could have. One that the token's own keys alone don't have
    /// is only found when they are known, after [`UnknownKey`](Self::UnknownKey).
    pub const ALL: [Self; 16] = [
        Self::MissingToken,
        Self::MultipleTokens,
        Self::OversizedToken,
        Self::MalformedToken,
        Self::UnsupportedAlgorithm,
        Self::UnknownKey,
        Self::BadSignature,
        Self::MalformedClaims,
        Self::Expired,
        Self::NotYetValid,
        Self::MissingExpiration,
        Self::LifetimeTooLong,
        Self::WrongIssuer,
        Self::WrongAudience,
        Self::Revoked,
        Self::NotGranted,
    ];

    /// The code in the log, the metrics and the access log.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// What the client is told.
    pub const fn fault(self) -> Fault {
        self.row().fault
    }

    /// One sentence for a person. It holds nothing that the client sent.
    pub const fn message(self) -> &'static str {
        self.row().message
    }

    const fn row(self) -> Row {
        use Fault::{Expired, InvalidArgument, NotFound, PermissionsDenied};
        let (code, fault, message) = match self {
            Self::MissingToken => (
                "missing_token",
                NotFound,
                "the request carries no token in a header that is read here",
            ),
            Self::MultipleTokens => (
                "multiple_tokens",
                InvalidArgument,
                "the request carries several tokens that differ",
            ),
            Self::OversizedToken => {
                ("oversized_token", InvalidArgument, "the token is longer than 8192 bytes")
            }
            Self::MalformedToken => {
                ("malformed_token", InvalidArgument, "the token is not a well-formed JWT")
            }
            Self::UnsupportedAlgorithm => (
                "unsupported_algorithm",
                InvalidArgument,
                "the token is signed with an algorithm that is not accepted here",
            ),
            Self::UnknownKey => {
                ("unknown_key", InvalidArgument, "the token names a key that is not known here")
            }
            Self::BadSignature => {
                ("bad_signature", InvalidArgument, "the token's signature is not valid")
            }
            Self::MalformedClaims => {
                ("malformed_claims", InvalidArgument, "the token's claims are not well-formed")
            }
            Self::Expired => ("expired", Expired, "the token has expired"),
            Self::NotYetValid => ("not_yet_valid", InvalidArgument, "the token is not valid yet"),
            Self::MissingExpiration => (
                "missing_expiration",
                InvalidArgument,
                "the token never expires, which is not accepted here",
            ),
            Self::LifetimeTooLong => (
                "lifetime_too_long",
                InvalidArgument,
                "the token is valid for longer than is accepted here",
            ),
            Self::WrongIssuer => {
                ("wrong_issuer", InvalidArgument, "the token comes from another issuer")
            }
            Self::WrongAudience => {
                ("wrong_audience", InvalidArgument, "the token is meant for another audience")
            }
            Self::Revoked => ("revoked", InvalidArgument, "the token has been revoked"),
            Self::NotGranted => (
                "not_granted",
                PermissionsDenied,
                "the token does not grant access to this application",
            ),
        };
        Row { code, fault, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_list_holds_every_reason_once() {
        for (place, denial) in Denial::ALL.into_iter().enumerate() {
            assert_eq!(denial as usize, place, "{denial:?}");
        }
        assert_eq!(Denial::ALL.len(), Denial::NotGranted as usize + 1);
    }
}
