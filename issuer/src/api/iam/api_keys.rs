//! `/api-keys`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{MAX_DESCRIPTION, groups};
use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::model::api_key::{ApiKey, ApiKeyChange, ApiKeyFilter, NewApiKey};
use crate::model::bearer::BearerKind;
use crate::model::page::OrderBy::{AccessKey, CreatedAt, ExpiresAt, UpdatedAt};
use crate::model::page::{Order, PageRequest};

pub fn new(it: &mut Reader, _: &Everywhere) -> NewApiKey {
    let body = &mut it.body;
    NewApiKey {
        bearer: groups::one(body),
        description: body.text_of("description", MAX_DESCRIPTION).unwrap_or_default(),
        expires_at: body.time_to_keep("expires_at"),
        default_project_id: body.id("default_project_id"),
    }
}

pub async fn create(call: Call<Everywhere>, new: NewApiKey) -> Answered<Json<ApiKeyView>> {
    let (key, secret) = call.api.authority.create_api_key(&call.caller, new).await?;
    let secret_key = Some(secret.reveal().to_string());
    Ok(Json(ApiKeyView { secret_key, ..ApiKeyView::of(key) }))
}

pub fn key(it: &mut Reader, _: &Everywhere) -> String {
    it.in_path("access_key")
}

pub async fn read(call: Call<Everywhere>, key: String) -> Answered<Json<ApiKeyView>> {
    Ok(Json(ApiKeyView::of(call.api.authority.api_key(&call.caller, key).await?)))
}

type Asked = (ApiKeyFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let kinds = [("user", BearerKind::User), ("application", BearerKind::Application)];
    let mut access_keys = query.texts("access_keys");
    access_keys.extend(query.text("access_key"));
    let filter = ApiKeyFilter {
        organization_id: query.id("organization_id"),
        user_id: query.id("user_id"),
        application_id: query.id("application_id"),
        bearer_id: query.id("bearer_id"),
        bearer_kind: query.choice("bearer_type", "unknown_bearer_type", &kinds),
        access_keys,
        description: query.text("description"),
        is_expired: query.boolean("expired"),
        is_editable: query.boolean("editable"),
    };
    (filter, query.order_by(&[CreatedAt, UpdatedAt, ExpiresAt, AccessKey]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<ApiKeyView>>> {
    let found = call.api.authority.api_keys(&call.caller, filter, order, page).await?;
    Ok(List::of(found, ApiKeyView::of))
}

pub fn change(it: &mut Reader, place: &Everywhere) -> (String, ApiKeyChange) {
    let key = key(it, place);
    let body = &mut it.body;
    let change = ApiKeyChange {
        description: body.text_of("description", MAX_DESCRIPTION),
        expires_at: body.time_to_keep("expires_at"),
        default_project_id: body.id("default_project_id"),
    };
    (key, change)
}

pub async fn update(
    call: Call<Everywhere>,
    (key, change): (String, ApiKeyChange),
) -> Answered<Json<ApiKeyView>> {
    let changed = call.api.authority.update_api_key(&call.caller, key, change).await?;
    Ok(Json(ApiKeyView::of(changed)))
}

pub async fn delete(call: Call<Everywhere>, key: String) -> Answered<NoContent> {
    call.api.authority.delete_api_key(&call.caller, key).await?;
    Ok(NoContent)
}

/// An API key, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.APIKey")]
pub struct ApiKeyView {
    access_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<Uuid>,
    created_at: Time,
    creation_ip: String,
    default_project_id: Uuid,
    deletable: bool,
    description: String,
    editable: bool,
    expires_at: Option<Time>,
    managed: bool,
    /// In the answer that made it alone.
    secret_key: Option<String>,
    updated_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
}

impl ApiKeyView {
    fn of(it: ApiKey) -> Self {
        Self {
            access_key: it.access_key,
            application_id: it.bearer.application_id(),
            created_at: Time::micros(it.created_at),
            creation_ip: it.creation_ip.unwrap_or_default(),
            default_project_id: it.default_project_id,
            deletable: true,
            description: it.description,
            editable: true,
            expires_at: it.expires_at.map(Time::plain),
            managed: false,
            secret_key: None,
            updated_at: Time::micros(it.updated_at),
            user_id: it.bearer.user_id(),
        }
    }
}

impl Listed for ApiKeyView {
    const NAME: &'static str = "api_keys";
}
