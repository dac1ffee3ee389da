//! A request that was read as far as all have it in common: who asks, where, and for what.

use std::time::Instant;

use axum::body::Bytes;
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
use crate::http::body::{self, BodyError, BodyLimits};
use crate::http::failures::Verdict;
use crate::http::request;
use crate::model::Product;
use crate::model::id;
use crate::model::region::Region;
use crate::request_context::RequestContext;

/// A request of a caller who was authenticated, for what the platform's API has too.
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

/// A request of a caller who was authenticated, for what this service alone has. It names no
/// product and no region: an id is of one thing in all of them.
pub struct OwnCall {
    /// Who asks.
    pub caller: Caller,
    /// The members of the body.
    pub arguments: Arguments,
    id: Option<String>,
}

impl Call {
    /// The id in the path. One that isn't a UUID is nobody's.
    pub fn id(&self, resource: Resource) -> Result<Uuid, Refusal> {
        read_id(self.id.as_deref(), resource)
    }

    /// The kind of application that this API is about.
    pub fn application(&self) -> Resource {
        Resource::Application(self.product)
    }
}

impl OwnCall {
    /// The id in the path. One that isn't a UUID is nobody's.
    pub fn id(&self, resource: Resource) -> Result<Uuid, Refusal> {
        read_id(self.id.as_deref(), resource)
    }
}

fn read_id(id: Option<&str>, resource: Resource) -> Result<Uuid, Refusal> {
    id.and_then(id::parse).ok_or(Refusal::NotFound(resource))
}

impl FromRequest<Api> for Call {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (mut parts, caller, content) = read(request, api).await?;
        let (product, region, id) = place(&mut parts).await.ok_or(Failure::UnknownPath)?;
        let arguments = arguments(content)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        Ok(Self { caller, product, region, query, arguments, id })
    }
}

impl FromRequest<Api> for OwnCall {
    type Rejection = Failure;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Failure> {
        let (mut parts, caller, content) = read(request, api).await?;
        let names = names(&mut parts).await.ok_or(Failure::UnknownPath)?;
        let arguments = arguments(content)?;
        Ok(Self { caller, arguments, id: value(&names, "id") })
    }
}

/// What came of a body, if the method has one.
type Content = Option<Result<Bytes, BodyError>>;

/// Authenticates a request, and reads its body.
async fn read(request: Request, api: &Api) -> Result<(Parts, Caller, Content), Failure> {
    let (parts, content) = request.into_parts();
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
    Ok((parts, caller, content))
}

fn arguments(content: Content) -> Result<Arguments, Failure> {
    match content {
        Some(content) => Ok(Arguments::of_body(&content.map_err(Failure::Body)?)?),
        None => Ok(Arguments::default()),
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
    let names = names(parts).await?;
    Some((product, Region::parse(&value(&names, "region")?)?, value(&names, "id")))
}

/// The names in a route's pattern, and what stands for them in the path.
async fn names(parts: &mut Parts) -> Option<Vec<(String, String)>> {
    Some(Path::<Vec<(String, String)>>::from_request_parts(parts, &()).await.ok()?.0)
}

fn value(names: &[(String, String)], name: &str) -> Option<String> {
    names.iter().find(|(it, _)| it == name).map(|(_, value)| value.clone())
}
