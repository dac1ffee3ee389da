//! Why a request is let in or refused: every reason, its stable code, and what the client is
//! told.
//!
//! Each reason is declared once, in the one table below. The enums, their lists and whatever
//! else goes by reason are made from it, so none of them can leave one out.

/// Makes everything in this module that goes by reason.
macro_rules! reasons {
    (
        admitted { $($(#[$admission_doc:meta])+ $admission:ident = $admission_code:literal;)+ }
        denied {
            $($(#[$doc:meta])+ $denial:ident = $code:literal, $fault:ident, $message:literal;)+
        }
    ) => {
        /// A reason to let a request in.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Admission { $($(#[$admission_doc])+ $admission,)+ }

        impl Admission {
            /// Every reason.
            pub const ALL: [Self; [$(Self::$admission),+].len()] = [$(Self::$admission),+];

            /// The code in the log, the metrics and the access log.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$admission => $admission_code,)+ }
            }

            /// The line for the log, ready made: this is what most requests come to.
            pub const fn log_line(self) -> &'static str {
                match self { $(Self::$admission => concat!("namespace-jwt: ", $admission_code),)+ }
            }
        }

        /// A reason to refuse a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Denial { $($(#[$doc])+ $denial,)+ }

        impl Denial {
            /// Every reason, in the order in which a request meets them.
            ///
            /// [`UnsupportedAlgorithm`](Self::UnsupportedAlgorithm) comes where the header is
            /// looked at, with an `alg` that no key could have. One that the token's own keys
            /// alone don't have is only found when they are known, after
            /// [`UnknownKey`](Self::UnknownKey).
            pub const ALL: [Self; [$(Self::$denial),+].len()] = [$(Self::$denial),+];

            /// The code in the log, the metrics and the access log.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$denial => $code,)+ }
            }

            /// What the client is told.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$denial => Fault::$fault,)+ }
            }

            /// One sentence for a person. It holds nothing that the client sent.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$denial => $message,)+ }
            }
        }

        impl Outcome {
            /// Every outcome: the reasons to let a request in, then those to refuse it.
            pub const ALL: [Self; Admission::ALL.len() + Denial::ALL.len()] = [
                $(Self::Admitted(Admission::$admission),)+
                $(Self::Denied(Denial::$denial),)+
            ];
        }

        /// One `T` for each outcome, a counter for instance. No outcome is without one.
        #[allow(non_snake_case, reason = "each field has the name of its reason")]
        #[derive(Clone, Debug)]
        pub struct PerOutcome<T> { $($admission: T,)+ $($denial: T,)+ }

        impl<T> PerOutcome<T> {
            /// Makes the one of each outcome, in the order of [`Outcome::ALL`].
            ///
            /// # Errors
            ///
            /// The first of `make`; it isn't called again then.
            pub fn try_new<E>(mut make: impl FnMut(Outcome) -> Result<T, E>) -> Result<Self, E> {
                Ok(Self {
                    $($admission: make(Outcome::Admitted(Admission::$admission))?,)+
                    $($denial: make(Outcome::Denied(Denial::$denial))?,)+
                })
            }

            /// The one of this outcome.
            pub const fn get(&self, outcome: Outcome) -> &T {
                match outcome {
                    $(Outcome::Admitted(Admission::$admission) => &self.$admission,)+
                    $(Outcome::Denied(Denial::$denial) => &self.$denial,)+
                }
            }
        }
    };
}

// For each the code; for a denial also what the client is told, and the sentence. The denials
// stand in the order in which a request meets them: core/tests/order.rs holds them to it.
reasons! {
    admitted {
        /// A grant of the token opens what is protected.
        Granted = "allowed";
        /// Everybody may pass.
        Public = "public";
        /// It is a preflight, and those may pass without a token.
        Preflight = "preflight";
    }
    denied {
        /// What is protected is named by routes, and this request's names nothing that can be used.
        UnprotectedRoute = "unprotected_route", UnprotectedRoute,
            "nothing says what this route leads to";
        /// What the trust feed says isn't known, or too old.
        TrustUnavailable = "trust_unavailable", Unavailable,
            "what is trusted is not known at the moment";
        /// No header holds a token.
        MissingToken = "missing_token", NotFound,
            "the request carries no token in a header that is read here";
        /// The headers hold tokens that differ.
        MultipleTokens = "multiple_tokens", InvalidArgument,
            "the request carries several tokens that differ";
        /// The token is over [`MAX_TOKEN_BYTES`](crate::token::MAX_TOKEN_BYTES).
        OversizedToken = "oversized_token", InvalidArgument,
            "the token is longer than 8192 bytes";
        /// The token isn't a strict compact JWS with a plain JSON header.
        MalformedToken = "malformed_token", InvalidArgument,
            "the token is not a well-formed JWT";
        /// The header's `alg` isn't one that its keys may be used with.
        UnsupportedAlgorithm = "unsupported_algorithm", InvalidArgument,
            "the token is signed with an algorithm that is not accepted here";
        /// No configured key may be meant by the header's `kid`.
        UnknownKey = "unknown_key", InvalidArgument,
            "the token names a key that is not known here";
        /// The signature isn't that of any key that may be meant.
        BadSignature = "bad_signature", InvalidArgument,
            "the token's signature is not valid";
        /// The signature is good, but the claims aren't of the form that they must have.
        MalformedClaims = "malformed_claims", InvalidArgument,
            "the token's claims are not well-formed";
        /// It is `exp` or later.
        Expired = "expired", Expired,
            "the token has expired";
        /// `nbf` or `iat` lie ahead.
        NotYetValid = "not_yet_valid", InvalidArgument,
            "the token is not valid yet";
        /// There is no `exp`, and the configuration asks for one.
        MissingExpiration = "missing_expiration", InvalidArgument,
            "the token never expires, which is not accepted here";
        /// There is more time between `iat` and `exp` than the configuration allows.
        LifetimeTooLong = "lifetime_too_long", InvalidArgument,
            "the token is valid for longer than is accepted here";
        /// `iss` isn't the configured issuer.
        WrongIssuer = "wrong_issuer", InvalidArgument,
            "the token comes from another issuer";
        /// `aud` doesn't hold the configured audience.
        WrongAudience = "wrong_audience", InvalidArgument,
            "the token is meant for another audience";
        /// The configuration lists the token's `jti` as revoked, or the trust feed does, or what
        /// was issued when it was.
        Revoked = "revoked", InvalidArgument,
            "the token has been revoked";
        /// No grant of the token admits to this namespace or application.
        NotGranted = "not_granted", PermissionsDenied,
            "the token does not grant access to this application";
    }
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
    /// Nobody may pass, whatever token there is.
    UnprotectedRoute,
    /// It can't be told now.
    Unavailable,
}

/// What was decided about a request, for whoever counts and logs it. It lets nothing through:
/// that takes an [`Admitted`](crate::access::Admitted), which becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request may pass.
    Admitted(Admission),
    /// It may not.
    Denied(Denial),
}

impl Outcome {
    /// The code in the log, the metrics and the access log.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admitted(admission) => admission.code(),
            Self::Denied(denial) => denial.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use super::*;
    use crate::token::MAX_TOKEN_BYTES;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn each_outcome_has_a_code_of_its_own_that_can_be_part_of_a_counters_name() {
        let codes: BTreeSet<_> = Outcome::ALL.map(Outcome::code).into();
        assert_eq!(codes.len(), Outcome::ALL.len(), "a code twice");
        for code in codes {
            assert!(code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')), "{code}");
        }
    }

    #[test]
    fn what_is_kept_for_each_outcome_is_found_under_it() {
        let mut made = Vec::new();
        let Ok(kept) = PerOutcome::try_new(|outcome| {
            made.push(outcome);
            Ok::<_, Infallible>(outcome)
        });
        assert_eq!(made, Outcome::ALL);
        for outcome in Outcome::ALL {
            assert_eq!(*kept.get(outcome), outcome);
        }
        let failed = PerOutcome::<()>::try_new(|outcome| Err(outcome.code()));
        assert_eq!(failed.err(), Some("allowed"));
    }

    #[test]
    fn the_sentence_about_the_size_has_the_number_that_counts() {
        let expected = format!("the token is longer than {MAX_TOKEN_BYTES} bytes");
        assert_eq!(Denial::OversizedToken.message(), expected);
    }
}
