//! `/tokens`, and `/issue-jwt`, by which older clients ask for the same.

use axum::extract::State;
use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::Api;
use super::answer::{Answer, Answered};
use super::call::Call;
use super::query::exactly_one;
use super::render::{self, TokenText};
use crate::authority::refusal::{Refusal, Resource};
use crate::model::Product;
use crate::model::token::{NewToken, TokenFilter, TokenSubject};

pub async fn create(State(api): State<Api>, mut call: Call) -> Answered {
    let arguments = &mut call.arguments;
    let ids = (arguments.id(call.product.application_id()), arguments.id("namespace_id"));
    let description = arguments.description().unwrap_or_default();
    let expires_at = arguments.time("expires_at");
    std::mem::take(arguments).finish()?;
    let subject = subject(call.product, ids)?;
    issue(&api, &call, NewToken { subject, description, expires_at }).await
}

pub async fn issue_jwt(State(api): State<Api>, call: Call) -> Answered {
    let ids = (call.query.id(call.product.application_id())?, call.query.id("namespace_id")?);
    let subject = subject(call.product, ids)?;
    let expires_at = call.query.time("expires_at")?;
    issue(&api, &call, NewToken { subject, description: String::new(), expires_at }).await
}

async fn issue(api: &Api, call: &Call, new: NewToken) -> Answered {
    // A token's times are whole seconds.
    let whole = |time: UnixTime| UnixTime::from_secs(time.since_epoch().as_secs());
    let new = NewToken { expires_at: new.expires_at.map(whole), ..new };
    let issued = api.authority.create_token(&call.caller, call.product, &call.region, new).await?;
    api.metrics.minted_tokens.inc();
    let shown = TokenText::Shown(&issued.text, &issued.public_pem);
    Ok(Answer(render::token(&issued.token, call.product, &shown)))
}

pub async fn read(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(Resource::Token)?;
    let found = api.authority.token(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::token(&found, call.product, &TokenText::Hidden)))
}

pub async fn list(State(api): State<Api>, call: Call) -> Answered {
    let filter = TokenFilter {
        namespace_id: call.query.id("namespace_id")?,
        application_id: call.query.id(call.product.application_id())?,
        region: call.region,
        newest_first: call.query.newest_first()?,
    };
    let page = call.query.page()?;
    let found = api.authority.tokens(&call.caller, call.product, filter, page).await?;
    let item = |it: &_| render::token(it, call.product, &TokenText::Hidden);
    Ok(Answer(render::page("tokens", &found, item)))
}

pub async fn delete(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(Resource::Token)?;
    let gone = api.authority.delete_token(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::token(&gone, call.product, &TokenText::Gone)))
}

fn subject(
    product: Product,
    (application_id, namespace_id): (Option<Uuid>, Option<Uuid>),
) -> Result<TokenSubject, Refusal> {
    let application_id = (product.application_id(), application_id);
    Ok(match exactly_one(application_id, ("namespace_id", namespace_id))? {
        (true, id) => TokenSubject::Application(id),
        (false, id) => TokenSubject::Namespace(id),
    })
}
