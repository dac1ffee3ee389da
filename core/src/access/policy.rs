//! What is asked of a verified token, and whether it is so.

use std::collections::HashSet;
use std::time::Duration;

use super::protected::Target;
use crate::claims::Claims;
use crate::identifier;
use crate::reason::Denial;
use crate::time::UnixTime;
use crate::trust::view::{Place, View};
use crate::verify::Verified;

/// What is asked of a verified token.
#[derive(Clone, Debug)]
pub struct Policy {
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
    /// The tokens that are refused by their `jti`.
    pub revoked: RevokedTokens,
}

/// A set of tokens' ids. A UUID is the same one in any case of its digits; any other id is
/// compared byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevokedTokens {
    uuids: HashSet<[u8; 16]>,
    others: HashSet<String>,
}

impl RevokedTokens {
    /// Whether the token with these claims is one of them.
    pub fn contain(&self, claims: &Claims) -> bool {
        match (&claims.token_uuid, &claims.token_id) {
            (Some(uuid), _) => self.uuids.contains(uuid),
            (None, Some(id)) => self.others.contains(id),
            (None, None) => false,
        }
    }
}

impl<T: Into<String>> FromIterator<T> for RevokedTokens {
    fn from_iter<I: IntoIterator<Item = T>>(ids: I) -> Self {
        let mut revoked = Self::default();
        for id in ids {
            let id = id.into();
            // One in another form is also what it says.
            let other_form = identifier::uuid_in_other_form(&id);
            revoked.uuids.extend(other_form);
            match identifier::uuid(&id) {
                Some(uuid) => revoked.uuids.insert(uuid),
                None => revoked.others.insert(id),
            };
        }
        revoked
    }
}

impl Policy {
    /// Judges a verified token at `now`, for a request with this target, and with what the trust
    /// feed says, in all and of the target, where it counts.
    ///
    /// # Errors
    ///
    /// The first fault: [`Denial::Expired`], [`Denial::NotYetValid`],
    /// [`Denial::MissingExpiration`], [`Denial::LifetimeTooLong`],
    /// [`Denial::WrongIssuer`], [`Denial::WrongAudience`], [`Denial::Revoked`], and
    /// [`Denial::NotGranted`] last, since it speaks of a token that is good.
    pub fn judge(
        &self,
        token: &Verified,
        target: Target<'_>,
        fed: Option<(&View, Place)>,
        now: UnixTime,
    ) -> Result<(), Denial> {
        let claims = token.claims();
        self.judge_time(claims, now)?;
        if self.issuer.is_some() && claims.issuer != self.issuer {
            return Err(Denial::WrongIssuer);
        }
        if self.audience.as_ref().is_some_and(|audience| !claims.audiences.contains(audience)) {
            return Err(Denial::WrongAudience);
        }
        let is_revoked = |(view, place): (&View, Place)| {
            token.is_listed(view) || place.revokes(claims.issued_at)
        };
        if self.revoked.contain(claims) || fed.is_some_and(is_revoked) {
            return Err(Denial::Revoked);
        }
        if !claims.grants.iter().any(|grant| target.is_opened_by(grant)) {
            return Err(Denial::NotGranted);
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: u64 = 1_700_000_000;

    fn target() -> Target<'static> {
        Target::new("n", Some("a"))
    }

    /// A policy that asks for nothing but a grant.
    fn policy() -> Policy {
        Policy {
            issuer: None,
            audience: None,
            require_expiration: false,
            max_lifetime: None,
            expiration_leeway: Duration::ZERO,
            not_before_leeway: Duration::from_secs(60),
            revoked: RevokedTokens::default(),
        }
    }

    fn judge(policy: &Policy, claims: &str, now: UnixTime) -> &'static str {
        let claims = claims.replacen('{', r#"{"application_claim":[{"namespace_id":"n"}],"#, 1);
        let token = Verified::unsigned(&claims.replace(",}", "}"));
        policy.judge(&token, target(), None, now).map_or_else(Denial::code, |()| "allowed")
    }

    #[test]
    fn any_one_grant_is_enough_and_none_is_not() {
        let judge = |grants: &str| {
            let token = Verified::unsigned(&format!(r#"{{"application_claim":{grants}}}"#));
            policy().judge(&token, target(), None, UnixTime::from_secs(NOW)).map_err(Denial::code)
        };
        assert!(judge(r#"[{"namespace_id":"m"},{},{"application_id":"a"}]"#).is_ok());
        assert_eq!(judge(r#"[{"namespace_id":"m"},{"application_id":"b"}]"#), Err("not_granted"));
        assert_eq!(judge("[]"), Err("not_granted"));
        assert_eq!(judge(r#"[{"namespace_id":"","application_id":""}]"#), Err("not_granted"));
    }

    #[test]
    fn time_is_judged_to_the_nanosecond_on_each_side_of_every_boundary() {
        let nanosecond = Duration::from_nanos(1);
        let at = |seconds: u64| UnixTime::from_secs(seconds);
        let before = |seconds: u64| UnixTime::new(at(seconds).since_epoch() - nanosecond);
        let leeway = Policy { expiration_leeway: Duration::from_secs(5), ..policy() };
        let exact = Policy { not_before_leeway: Duration::ZERO, ..policy() };
        let default = policy();
        for (policy, claims, now, expected) in [
            (&default, r#"{"exp":1700000000}"#, before(NOW), "allowed"),
            (&default, r#"{"exp":1700000000}"#, at(NOW), "expired"),
            (&default, r#"{"exp":1700000000}"#, at(NOW + 1), "expired"),
            (&default, r#"{"exp":1700000000.5}"#, at(NOW), "allowed"),
            (&default, r#"{"exp":1700000000.5}"#, at(NOW + 1), "expired"),
            (&leeway, r#"{"exp":1700000000}"#, before(NOW + 5), "allowed"),
            (&leeway, r#"{"exp":1700000000}"#, at(NOW + 5), "expired"),
            (&default, r#"{"exp":0}"#, at(0), "expired"),
            (&default, r#"{"exp":18446744073709551616}"#, at(NOW), "allowed"),
            (&default, r#"{"nbf":1700000060}"#, at(NOW), "allowed"),
            (&default, r#"{"nbf":1700000060}"#, before(NOW), "not_yet_valid"),
            (&default, r#"{"nbf":1700000061}"#, at(NOW), "not_yet_valid"),
            (&default, r#"{"iat":1700000060}"#, at(NOW), "allowed"),
            (&default, r#"{"iat":1700000060}"#, before(NOW), "not_yet_valid"),
            (&exact, r#"{"nbf":1700000000}"#, at(NOW), "allowed"),
            (&exact, r#"{"nbf":1700000000}"#, before(NOW), "not_yet_valid"),
            (&exact, r#"{"iat":1700000000}"#, before(NOW), "not_yet_valid"),
            (&default, r#"{"nbf":18446744073709551616}"#, at(NOW), "not_yet_valid"),
            (&default, r#"{}"#, at(NOW), "allowed"),
            (&default, r#"{}"#, at(u64::MAX), "allowed"),
        ] {
            assert_eq!(judge(policy, claims, now), expected, "{claims} at {now:?}");
        }
    }

    #[test]
    fn the_lifetime_runs_from_iat_or_else_from_now() {
        let asked = Policy { require_expiration: true, ..policy() };
        let limited = Policy { max_lifetime: Some(Duration::from_secs(100)), ..policy() };
        for (policy, claims, expected) in [
            (&asked, r#"{"exp":1800000000}"#, "allowed"),
            (&asked, r#"{}"#, "missing_expiration"),
            (&limited, r#"{}"#, "missing_expiration"),
            (&limited, r#"{"iat":1699999950,"exp":1700000050}"#, "allowed"),
            (&limited, r#"{"iat":1699999950,"exp":1700000051}"#, "lifetime_too_long"),
            (&limited, r#"{"exp":1700000100}"#, "allowed"),
            (&limited, r#"{"exp":1700000101}"#, "lifetime_too_long"),
            (&limited, r#"{"exp":18446744073709551616}"#, "lifetime_too_long"),
            (&limited, r#"{"iat":1700000030,"exp":1700000010}"#, "allowed"),
        ] {
            assert_eq!(judge(policy, claims, UnixTime::from_secs(NOW)), expected, "{claims}");
        }
    }

    #[test]
    fn issuer_audience_and_revocation_are_judged_when_they_are_configured() {
        let now = UnixTime::from_secs(NOW);
        let asked = Policy {
            issuer: Some("I".into()),
            audience: Some("A".into()),
            revoked: RevokedTokens::from_iter(["J", "00000000-0000-0000-0000-00000000ABCD"]),
            ..policy()
        };
        for (claims, expected) in [
            (r#"{"iss":"I","aud":"A","jti":"j"}"#, "allowed"),
            (r#"{"iss":"I","aud":["x","A"]}"#, "allowed"),
            (r#"{"iss":"i","aud":"A"}"#, "wrong_issuer"),
            (r#"{"aud":"A"}"#, "wrong_issuer"),
            (r#"{"iss":"I","aud":"a"}"#, "wrong_audience"),
            (r#"{"iss":"I","aud":[]}"#, "wrong_audience"),
            (r#"{"iss":"I"}"#, "wrong_audience"),
            (r#"{"iss":"I","aud":"A","jti":"J"}"#, "revoked"),
            (r#"{"iss":"I","aud":"A","jti":"00000000-0000-0000-0000-00000000abcd"}"#, "revoked"),
            (r#"{"iss":"I","aud":"A","jti":"00000000-0000-0000-0000-00000000AbCd"}"#, "revoked"),
            (r#"{"iss":"I","aud":"A","jti":"00000000-0000-0000-0000-00000000abce"}"#, "allowed"),
        ] {
            assert_eq!(judge(&asked, claims, now), expected, "{claims}");
            assert_eq!(judge(&policy(), claims, now), "allowed", "{claims}");
        }
    }
}
