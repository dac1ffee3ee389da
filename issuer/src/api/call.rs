//! A request that was read as far as all have it in common: who asks, where, and for what.

use std::time::Instant;

use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use axum::http::Method;
use axum::http::request::Parts;
use uuid::Uuid;

use super::Api;
use super::arguments::Arguments;
use super::error::Failure;
use super::query::Query;
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::http::body::{self, BodyLimits};
use crate::http::failures::Verdict;
use crate::http::request;
use crate::model::Product;
use crate::model::id;
use crate::model::region::Region;
use crate::request_context::RequestContext;

/// A request of a caller who was authenticated.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// Through the API of which product.
    pub product: Product,
    /// Where.
    pub region: Region,
    /// What follows the `?`.
    pub query: Query,
    /// The members of the body, if the method has one.
    pub arguments: Arguments,
    id: Option<String>,
}

impl Call {
    /// The id in the path. One that isn't a UUID is nobody's.
    pub fn id(&self, resource: Resource) -> Result<Uuid, Refusal> {
        let id = self.id.as_deref().and_then(id::parse);
        id.ok_or(Refusal::NotFound(resource))
    }

    /// The kind of application that this API is about.
    pub fn application(&self) -> Resource {
        Resource::Application(self.product)
    }
}

impl FromRequest<Api> for Call {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (mut parts, content) = request.into_parts();
        let has_body = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
        let caller = match authenticate(&parts, api).await {
            Ok(caller) => caller,
            Err(failure) => {
                // A client that is still sending wouldn't see the answer.
                if has_body {
                    body::drop_all(content).await;
                }
                return Err(failure);
            }
        };
        // Python's sends `{}` with GET and DELETE, where it means nothing.
        let content = match has_body {
            true => Some(body::read(content, &BodyLimits::default()).await),
            false => None,
        };
        if let (Some(note), Some(key)) =
            (parts.extensions.get::<request::Caller>(), caller.access_key())
        {
            note.note(key);
        }
        let (product, region, id) = place(&mut parts).await.ok_or(Failure::UnknownPath)?;
        let arguments = match content {
            Some(content) => Arguments::of_body(&content.map_err(Failure::Body)?)?,
            None => Arguments::default(),
        };
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        Ok(Self { caller, product, region, query, arguments, id })
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

/// What the path says: the product, the region, and an id where the route has one.
async fn place(parts: &mut Parts) -> Option<(Product, Region, Option<String>)> {
    let product = Product::from_name(parts.uri.path().split('/').nth(1)?)?;
    let names = Path::<Vec<(String, String)>>::from_request_parts(parts, &()).await.ok()?.0;
    let value = |name| names.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone());
    Some((product, Region::parse(&value("region")?)?, value("id")))
}
