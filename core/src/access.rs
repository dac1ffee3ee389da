//! Whether a request may pass: what is protected, what is asked of a token, and the decision.

use std::collections::HashSet;
use std::time::Duration;

use crate::cache::TokenCache;
use crate::claims::{Claims, Grant};
use crate::identifier;
use crate::key::KeySet;
use crate::reason::{Admission, Denial, Outcome};
use crate::request::{Preflight, Presented};
use crate::time::UnixTime;
use crate::verify::{Backend, Verified, verify};

/// Who may pass.
#[allow(clippy::large_enum_variant, reason = "there is one of these, not many")]
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
    /// Decides about one request. A token whose signature was checked before need not be
    /// again, whatever was found.
    ///
    /// # Errors
    ///
    /// Why the request is refused: the first fault, in the order in which
    /// [`Presented`], [`verify`] and [`Policy::judge`] find them.
    pub fn decide(
        &self,
        presented: Presented<'_>,
        backend: &impl Backend,
        cache: &mut TokenCache,
        now: UnixTime,
    ) -> Result<Admitted, Denial> {
        match self {
            Self::Public => Ok(Admitted(Admission::Public)),
            Self::Private { keys, policy } => match presented {
                Presented::Nothing => Err(Denial::MissingToken),
                Presented::Several => Err(Denial::MultipleTokens),
                Presented::Token(token) => decide_about(token, keys, policy, backend, cache, now),
            },
        }
    }

    /// Lets a preflight in: no token is looked at.
    pub const fn admit(&self, _: Preflight) -> Admitted {
        match self {
            Self::Public => Admitted(Admission::Public),
            Self::Private { .. } => Admitted(Admission::Preflight),
        }
    }
}

fn decide_about(
    token: &[u8],
    keys: &KeySet,
    policy: &Policy,
    backend: &impl Backend,
    cache: &mut TokenCache,
    now: UnixTime,
) -> Result<Admitted, Denial> {
    if let Some(verified) = cache.get(token) {
        let decision = policy.judge(verified, now);
        if decision.is_err() {
            cache.demote(token);
        }
        return decision;
    }
    if let Some(found) = cache.refused(token) {
        let decision = found.as_ref().map_err(|denial| *denial);
        let decision = decision.and_then(|verified| policy.judge(verified, now));
        if decision.is_ok() {
            cache.promote(token);
        }
        return decision;
    }
    let verified = verify(token, keys, backend).map_err(|unverified| {
        if unverified.lasts {
            cache.refuse(token, Err(unverified.denial));
        }
        unverified.denial
    })?;
    let decision = policy.judge(&verified, now);
    match decision {
        Ok(_) => cache.insert(token, verified),
        Err(_) => cache.refuse(token, Ok(verified)),
    }
    decision
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

/// Permission to let a request through. Only this module makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted(Admission);

impl Admitted {
    /// Why the request may pass.
    pub const fn reason(self) -> Admission {
        self.0
    }

    /// The code in the log, the metrics and the access log.
    pub const fn code(self) -> &'static str {
        self.0.code()
    }

    /// The line for the log, ready made.
    pub const fn log_line(self) -> &'static str {
        self.0.log_line()
    }
}

impl From<Result<Admitted, Denial>> for Outcome {
    fn from(decision: Result<Admitted, Denial>) -> Self {
        match decision {
            Ok(admitted) => Self::Admitted(admitted.reason()),
            Err(denial) => Self::Denied(denial),
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
        if self.revoked.contain(claims) {
            return Err(Denial::Revoked);
        }
        if !claims.grants.iter().any(|grant| self.protected.is_opened_by(grant)) {
            return Err(Denial::NotGranted);
        }
        Ok(Admitted(Admission::Granted))
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
    use std::cell::Cell;

    use super::*;
    use crate::key::{AllowedAlgorithms, PublicKey};
    use crate::signature::Algorithm;
    use crate::verify::{Checked, Message};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: u64 = 1_700_000_000;

    /// A policy that asks for nothing but a grant for the namespace `n`.
    fn policy() -> Policy {
        Policy {
            protected: Protected { namespace_id: "n".into(), application_id: Some("a".into()) },
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
        policy.judge(&token, now).map_or_else(Denial::code, Admitted::code)
    }

    #[test]
    fn a_grant_admits_when_every_id_that_it_names_is_the_protected_ones() {
        let namespace = |id: &str| Grant::Namespace(id.into());
        let application = |id: &str| Grant::Application(id.into());
        let both = |namespace_id: &str, application_id: &str| Grant::ApplicationIn {
            namespace_id: namespace_id.into(),
            application_id: application_id.into(),
        };
        for (grant, in_application, in_namespace) in [
            (namespace("n"), true, true),
            (namespace("m"), false, false),
            (namespace("N"), false, false),
            (namespace("n "), false, false),
            (namespace("a"), false, false),
            (application("a"), true, false),
            (application("b"), false, false),
            (application("n"), false, false),
            (both("n", "a"), true, false),
            (both("n", "b"), false, false),
            (both("m", "a"), false, false),
            (both("a", "n"), false, false),
        ] {
            let protected = policy().protected;
            assert_eq!(protected.is_opened_by(&grant), in_application, "{grant:?}");
            let namespace = Protected { application_id: None, ..protected };
            assert_eq!(namespace.is_opened_by(&grant), in_namespace, "{grant:?}");
        }
    }

    #[test]
    fn any_one_grant_is_enough_and_none_is_not() {
        let judge = |grants: &str| {
            let token = Verified::unsigned(&format!(r#"{{"application_claim":{grants}}}"#));
            policy().judge(&token, UnixTime::from_secs(NOW)).map_err(Denial::code)
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

    /// A back end that says the same of every signature, and counts what it is asked.
    struct Says {
        answer: Checked,
        asked: Cell<usize>,
    }

    impl Backend for Says {
        fn verify(&self, _: &PublicKey, _: Algorithm, _: &Message<'_>, _: &[u8]) -> Checked {
            self.asked.set(self.asked.get() + 1);
            self.answer
        }
    }

    #[test]
    fn what_was_found_of_a_token_is_not_asked_again_unless_nobody_answered() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
        let pem = include_str!("../tests/keys/ed25519.pem");
        let material = crate::key::pem::public_key(pem).ok().unwrap();
        let key = PublicKey::bind(material, None, None, &AllowedAlgorithms::default()).unwrap();
        let access = Access::Private { keys: KeySet::new(vec![key]), policy: policy() };
        let token = |claims: &str| {
            let parts = [br#"{"alg":"EdDSA"}"#, claims.as_bytes(), &[7; 64]];
            parts.map(|part| BASE64URL.encode(part)).join(".")
        };
        let granting = token(r#"{"application_claim":[{"namespace_id":"n"}],"nbf":1700000100}"#);
        let malformed = token("1");
        let (early, late) = (NOW, NOW + 100);
        // Each of these is about the same two tokens, in this order, with one cache.
        for entries in [0, 10] {
            let mut cache = TokenCache::new(entries);
            let mut step = |token: &str, answer, now, expected, asked| {
                let backend = Says { answer, asked: Cell::new(0) };
                let presented = Presented::Token(token.as_bytes());
                let now = UnixTime::from_secs(now);
                let code = access.decide(presented, &backend, &mut cache, now);
                let code = code.map_or_else(Denial::code, Admitted::code);
                assert_eq!((code, backend.asked.get()), (expected, asked), "{entries}, {token}");
            };
            step(&granting, Checked::Unanswered, early, "bad_signature", 1);
            step(&granting, Checked::Good, early, "not_yet_valid", 1);
            step(&granting, Checked::Unanswered, early, "not_yet_valid", 0);
            step(&granting, Checked::Unanswered, late, "allowed", 0);
            if entries > 0 {
                step(&granting, Checked::Unanswered, late, "allowed", 0);
                step(&granting, Checked::Unanswered, early, "not_yet_valid", 0);
                step(&granting, Checked::Unanswered, late, "allowed", 0);
            }
            step(&malformed, Checked::Good, late, "malformed_claims", 1);
            step(&malformed, Checked::Good, late, "malformed_claims", 0);
            let mut other = malformed.clone();
            other.replace_range(other.len() - 40..other.len() - 39, "A");
            step(&other, Checked::Bad, late, "bad_signature", 1);
            step(&other, Checked::Good, late, "bad_signature", 0);
        }
    }
}
