//! Whether a request may pass: what is protected, what is asked of a token, and the decision.

mod memory;
mod policy;
mod protected;

pub use memory::Memory;
pub use policy::{Policy, RevokedTokens};
pub use protected::{Protected, Protects, Route, Target};

use crate::cache::TokenCache;
use crate::key::{AllowedAlgorithms, KeySet};
use crate::reason::{Admission, Denial, Outcome};
use crate::request::{Preflight, Presented};
use crate::time::UnixTime;
use crate::trust::state::Standing;
use crate::trust::view::View;
use crate::verify::{Backend, Verified, verify};

/// Who may pass.
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever holds a token that one of the keys signed and that the policy accepts.
    Private(Box<Private>),
}

/// What lets a token in.
pub struct Private {
    /// What is protected.
    pub protects: Protects,
    /// The configured keys, which vouch for the configured namespace alone.
    pub keys: KeySet,
    /// What keys of the trust feed may be used with.
    pub allowed: AllowedAlgorithms,
    /// Whether the trust feed counts.
    pub follows_feed: bool,
    /// What is asked of a token.
    pub policy: Policy,
}

/// What is known of a request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its tokens.
    pub presented: Presented<'a>,
    /// Whether it is a preflight that may pass without one.
    pub preflight: Option<Preflight>,
    /// What its route's metadata says, where that is asked for.
    pub route: Route<'a>,
}

/// A request with these tokens, about which nothing else matters.
impl<'a> From<Presented<'a>> for Request<'a> {
    fn from(presented: Presented<'a>) -> Self {
        Self { presented, preflight: None, route: Route::Unusable }
    }
}

impl<'a> Request<'a> {
    /// The one token.
    ///
    /// # Errors
    ///
    /// [`Denial::MissingToken`], [`Denial::MultipleTokens`].
    fn token(&self) -> Result<&'a [u8], Denial> {
        match self.presented {
            Presented::Nothing => Err(Denial::MissingToken),
            Presented::Several => Err(Denial::MultipleTokens),
            Presented::Token(token) => Ok(token),
        }
    }
}

impl Private {
    /// Keys and a policy for what the configuration names, without the trust feed.
    pub fn new(protects: Protects, keys: KeySet, policy: Policy) -> Self {
        let allowed = AllowedAlgorithms::default();
        Self { protects, keys, allowed, follows_feed: false, policy }
    }

    /// Where a request goes, if that can be told.
    fn route<'a>(&'a self, request: &Request<'a>) -> Route<'a> {
        match &self.protects {
            Protects::Configured(protected) => Route::Private(protected.target()),
            Protects::Route { namespace_id } => request.route.within(namespace_id.as_deref()),
        }
    }

    /// The view that counts, where the feed does and has one.
    ///
    /// # Errors
    ///
    /// [`Denial::TrustUnavailable`].
    fn view<'a>(&self, feed: Option<Standing<'a>>) -> Result<Option<&'a View>, Denial> {
        match feed {
            _ if !self.follows_feed => Ok(None),
            Some(Standing::Known(view)) => Ok(Some(view)),
            Some(Standing::StaticKeys) => Ok(None),
            Some(Standing::Unavailable) | None => Err(Denial::TrustUnavailable),
        }
    }
}

impl Access {
    /// Decides about one request, with what the trust feed says, where it is followed. A token
    /// whose signature was checked before need not be again, whatever was found.
    ///
    /// # Errors
    ///
    /// Why the request is refused: the first fault, in the order of [`Denial::ALL`].
    pub fn decide(
        &self,
        request: Request<'_>,
        feed: Option<Standing<'_>>,
        backend: &impl Backend,
        memory: &mut Memory,
        now: UnixTime,
    ) -> Result<Admitted, Denial> {
        let admitted = |reason| Ok(Admitted(reason));
        let Self::Private(private) = self else { return admitted(Admission::Public) };
        let target = match private.route(&request) {
            Route::Unusable => return Err(Denial::UnprotectedRoute),
            Route::Public => return admitted(Admission::Public),
            Route::Private(target) => target,
        };
        if request.preflight.is_some() {
            return admitted(Admission::Preflight);
        }
        let Some(view) = private.view(feed)? else {
            let token = request.token()?;
            let judge = |verified: &_| private.policy.judge(verified, target, None, now);
            decide_about(token, &private.keys, judge, backend, &mut memory.cache)?;
            return admitted(Admission::Granted);
        };
        let (known, cache) = memory.known(private, target.ids, view);
        if known.place.public {
            return admitted(Admission::Public);
        }
        let token = request.token()?;
        let fed = Some((view, known.place));
        let judge = |verified: &_| private.policy.judge(verified, target, fed, now);
        decide_about(token, &known.keys, judge, backend, cache)?;
        admitted(Admission::Granted)
    }
}

fn decide_about(
    token: &[u8],
    keys: &KeySet,
    judge: impl Fn(&Verified) -> Result<(), Denial>,
    backend: &impl Backend,
    cache: &mut TokenCache,
) -> Result<(), Denial> {
    let number = keys.number();
    if let Some(verified) = cache.get(token, number) {
        let decision = judge(verified);
        if decision.is_err() {
            cache.demote(token, number);
        }
        return decision;
    }
    if let Some(found) = cache.refused(token, number) {
        let decision = found.as_ref().map_err(|denial| *denial).and_then(&judge);
        if decision.is_ok() {
            cache.promote(token, number);
        }
        return decision;
    }
    let verified = verify(token, keys, backend).map_err(|unverified| {
        if unverified.lasts {
            cache.refuse(token, number, Err(unverified.denial));
        }
        unverified.denial
    })?;
    let decision = judge(&verified);
    match decision {
        Ok(()) => cache.insert(token, number, verified),
        Err(_) => cache.refuse(token, number, Ok(verified)),
    }
    decision
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

#[cfg(test)]
mod tests;
