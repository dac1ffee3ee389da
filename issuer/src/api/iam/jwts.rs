//! `/jwts`: issued tokens, by whoever made them. The platform shows sessions of its console here.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::page::OrderBy::{CreatedAt, UpdatedAt};
use crate::model::page::{Order, PageRequest};
use crate::model::token::{TokenRecord, TokenRecordFilter};

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id_named("jti", Resource::Jwt)
}

pub async fn read(call: Call<Everywhere>, jti: Uuid) -> Answered<Json<JwtView>> {
    Ok(Json(JwtView::of(call.api.authority.jwt(&call.caller, jti).await?)))
}

type Asked = (TokenRecordFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let help = "give the id of the user or application whose tokens they are";
    let filter = TokenRecordFilter {
        bearer_id: query.required_id("audience_id", help),
        is_expired: query.boolean("expired"),
    };
    (filter, query.order_by(&[CreatedAt, UpdatedAt]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<JwtView>>> {
    let found = call.api.authority.jwts(&call.caller, filter, order, page).await?;
    Ok(List::of(found, JwtView::of))
}

pub async fn delete(call: Call<Everywhere>, jti: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_jwt(&call.caller, jti).await?;
    Ok(NoContent)
}

/// An issued token, as clients read it. Whoever made it is its issuer and its audience; of those
/// that the operator made it is nobody.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.JWT")]
pub struct JwtView {
    audience_id: Option<Uuid>,
    created_at: Time,
    expires_at: Option<Time>,
    ip: String,
    issuer_id: Option<Uuid>,
    jti: Uuid,
    updated_at: Time,
    user_agent: String,
}

impl JwtView {
    fn of(TokenRecord { token, address, user_agent }: TokenRecord) -> Self {
        Self {
            audience_id: token.bearer_id,
            created_at: Time::micros(token.created_at),
            expires_at: token.expires_at.map(Time::plain),
            ip: address.unwrap_or_default(),
            issuer_id: token.bearer_id,
            jti: token.id,
            updated_at: Time::micros(token.created_at),
            user_agent: user_agent.unwrap_or_default(),
        }
    }
}

impl Listed for JwtView {
    const NAME: &'static str = "jwts";
}
