//! Whether a request may pass: what is protected, what is asked of a token, and the decision.

use std::collections::HashSet;
use std::time::Duration;

use crate::claims::{Claims, Grant};
use crate::denial::Denial;
use crate::key::KeySet;
use crate::request::Presented;
use crate::signature::Backend;
use crate::time::UnixTime;
use crate::verify::{Verified, verify};

/// Who may pass.
#[expect(clippy::large_enum_variant, reason = "there is one of these, not many")]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever holds a token that one of the keys signed and that the policy accepts.
    Private {
        /// The keys.
        keys: KeySet,
        /// What is asked of a token besides.
        policy: Policy,
    },
}

impl Access {
    /// Decides about one request.
    ///
    /// # Errors
    ///
    /// Why the request is refused: the first fault, in the order in which
    /// [`Presented`], [`verify`] and [`Policy::judge`] find them.
    pub fn decide(
        &self,
        presented: Presented<'_>,
        backend: &impl Backend,
        now: UnixTime,
    ) -> Result<Admitted, Denial> {
        match self {
            Self::Public => Ok(Admitted(Cause::Public)),
            Self::Private { keys, policy } => match presented {
                Presented::Nothing => Err(Denial::MissingToken),
                Presented::Several => Err(Denial::MultipleTokens),
                Presented::Token(token) => policy.judge(&verify(token, keys, backend)?, now),
            },
        }
    }
}

/// What the filter stands in front of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The namespace's id; not empty.
    pub namespace_id: String,
    /// The function's or container's id; not empty. Without one, the filter stands for
    /// the whole namespace.
    pub application_id: Option<String>,
}

impl Protected {
    /// Whether the grant opens this: every id that it names is this one's, byte for byte.
    pub fn is_opened_by(&self, grant: &Grant) -> bool {
        let application = |id: &String| self.application_id.as_ref() == Some(id);
        match grant {
            Grant::Namespace(id) => *id == self.namespace_id,
            Grant::Application(id) => application(id),
            Grant::ApplicationIn { namespace_id, application_id } => {
                *namespace_id == self.namespace_id && application(application_id)
            }
        }
    }
}

/// What is asked of a verified token.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What it must open.
    pub protected: Protected,
    /// What `iss` must equal, if anything.
    pub issuer: Option<String>,
    /// What `aud` must contain, if anything.
    pub audience: Option<String>,
    /// Whether `exp` must be there.
    pub require_expiration: bool,
    /// The most time that may lie between `iat` and `exp`.
    pub max_lifetime: Option<Duration>,
    /// How long after `exp` a token still counts.
    pub expiration_leeway: Duration,
    /// How far ahead `nbf` and `iat` may lie.
    pub not_before_leeway: Duration,
    /// The `jti`s that are refused.
    pub revoked_token_ids: HashSet<String>,
}

/// Leave to let a request through. Only this module makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted(Cause);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Public,
    Granted,
}

impl Admitted {
    /// Every code of [`Admitted::code`].
    pub const CODES: [&'static str; 2] = ["allowed", "public"];

    /// The code in the log, the metrics and the access log.
    pub const fn code(self) -> &'static str {
        match self.0 {
            Cause::Granted => "allowed",
            Cause::Public => "public",
        }
    }
}

impl Policy {
    /// Judges a verified token at `now`.
    ///
    /// # Errors
    ///
    /// The first fault: [`Denial::Expired`], [`Denial::NotYetValid`],
    /// [`Denial::MissingExpiration`], [`Denial::LifetimeTooLong`],
    /// [`Denial::WrongIssuer`], [`Denial::WrongAudience`], [`Denial::Revoked`], and
    /// [`Denial::NotGranted`] last, since it speaks of a token that is good.
    pub fn judge(&self, token: &Verified, now: UnixTime) -> Result<Admitted, Denial> {
        let claims = token.claims();
        self.judge_time(claims, now)?;
        if self.issuer.is_some() && claims.issuer != self.issuer {
            return Err(Denial::WrongIssuer);
        }
        if self.audience.as_ref().is_some_and(|audience| !claims.audiences.contains(audience)) {
            return Err(Denial::WrongAudience);
        }
        if claims.token_id.as_ref().is_some_and(|id| self.revoked_token_ids.contains(id)) {
            return Err(Denial::Revoked);
        }
        if !claims.grants.iter().any(|grant| self.protected.is_opened_by(grant)) {
            return Err(Denial::NotGranted);
        }
        Ok(Admitted(Cause::Granted))
    }

    fn judge_time(&self, claims: &Claims, now: UnixTime) -> Result<(), Denial> {
        let expired = |at: UnixTime| now >= at.saturating_add(self.expiration_leeway);
        if claims.expires_at.is_some_and(expired) {
            return Err(Denial::Expired);
        }
        let ahead = |at: &UnixTime| *at > now.saturating_add(self.not_before_leeway);
        if [claims.not_before, claims.issued_at].iter().flatten().any(ahead) {
            return Err(Denial::NotYetValid);
        }
        let Some(expires_at) = claims.expires_at else {
            // A token that never expires lives longer than any limit.
            let expiration_needed = self.require_expiration || self.max_lifetime.is_some();
            return if expiration_needed { Err(Denial::MissingExpiration) } else { Ok(()) };
        };
        let lifetime = expires_at.saturating_since(claims.issued_at.unwrap_or(now));
        if self.max_lifetime.is_some_and(|most| lifetime > most) {
            return Err(Denial::LifetimeTooLong);
        }
        Ok(())
    }
}
