//! Who asks, where, and for what: what all operations have in common.

use std::time::Instant;

use axum::http::request::Parts;

use super::Api;
use super::error::Failure;
use crate::authority::Caller;
use crate::authority::refusal::Refusal;
use crate::http::failures::Verdict;
use crate::model::Product;
use crate::model::region::Region;
use crate::request_context::RequestContext;

/// A request of a caller who was authenticated.
pub struct Call<P> {
    /// What the service has.
    pub api: Api,
    /// Who asks.
    pub caller: Caller,
    /// Where.
    pub place: P,
}

/// Where in the API an operation is, beside its path's ids.
pub trait Place: Clone + Send + Sync + 'static {
    /// The place of a request whose path has these names and values.
    fn of(&self, names: &Names) -> Option<Self>;
}

/// A product in a region.
#[derive(Clone)]
pub struct Regional {
    /// The product.
    pub product: Product,
    /// The region.
    pub region: Region,
}

impl Place for Regional {
    fn of(&self, names: &Names) -> Option<Self> {
        let region = Region::parse(names.value("region")?)?;
        Some(Self { product: self.product, region })
    }
}

/// The one place of what has no region.
#[derive(Clone)]
pub struct Everywhere;

impl Place for Everywhere {
    fn of(&self, _: &Names) -> Option<Self> {
        Some(Self)
    }
}

/// The names in a route's pattern, and what stands for them in the path.
#[derive(Default)]
pub struct Names(pub Vec<(String, String)>);

impl Names {
    /// What stands for a name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// Who sends a request. Failures from one address are limited; a good key isn't.
pub async fn authenticate(parts: &Parts, api: &Api) -> Result<Caller, Failure> {
    let context = parts.extensions.get::<RequestContext>();
    let context = context.cloned().ok_or(Refusal::Internal("a request has no context"))?;
    let address = context.address;
    let mut secrets = parts.headers.get_all("x-auth-token").iter();
    let secret = secrets.next().filter(|_| secrets.next().is_none());
    let secret = secret.and_then(|secret| secret.to_str().ok());
    let outcome = api.authority.authenticate(secret, context).await;
    if let Err(Refusal::NotAuthenticated(_)) = &outcome {
        api.metrics.failed_authentications.inc();
        if let Verdict::TooMany { wait_seconds } = api.failures.record(address, Instant::now()) {
            return Err(Failure::TooManyFailures { wait_seconds });
        }
    }
    Ok(outcome?)
}
