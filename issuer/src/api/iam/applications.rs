//! `/applications`: programs that call as themselves.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::titled_change;
use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::iam_application::{IamApplication, IamApplicationFilter, Titled, TitledChange};
use crate::model::page::OrderBy::{CreatedAt, Name, UpdatedAt};
use crate::model::page::{Order, PageRequest};

pub async fn create(call: Call<Everywhere>, new: Titled) -> Answered<Json<ApplicationView>> {
    let made = call.api.authority.create_iam_application(&call.caller, new).await?;
    Ok(Json(ApplicationView::of(made)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::IamApplication)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<ApplicationView>> {
    Ok(Json(ApplicationView::of(call.api.authority.iam_application(&call.caller, id).await?)))
}

type Asked = (IamApplicationFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let filter = IamApplicationFilter {
        organization_id: query.id("organization_id"),
        name: query.text("name"),
        tag: query.text("tag"),
        ids: query.ids("application_ids"),
        is_editable: query.boolean("editable"),
    };
    (filter, query.order_by(&[CreatedAt, UpdatedAt, Name]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<ApplicationView>>> {
    let found = call.api.authority.iam_applications(&call.caller, filter, order, page).await?;
    Ok(List::of(found, ApplicationView::of))
}

pub fn change(it: &mut Reader, _: &Everywhere) -> (Uuid, TitledChange) {
    titled_change(it, Resource::IamApplication)
}

pub async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, TitledChange),
) -> Answered<Json<ApplicationView>> {
    let changed = call.api.authority.update_iam_application(&call.caller, id, change).await?;
    Ok(Json(ApplicationView::of(changed)))
}

pub async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_iam_application(&call.caller, id).await?;
    Ok(NoContent)
}

/// An application, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Application")]
pub struct ApplicationView {
    created_at: Time,
    deletable: bool,
    description: String,
    editable: bool,
    id: Uuid,
    managed: bool,
    name: String,
    nb_api_keys: u64,
    organization_id: Uuid,
    tags: Vec<String>,
    updated_at: Time,
}

impl ApplicationView {
    fn of(it: IamApplication) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            deletable: true,
            description: it.description,
            editable: true,
            id: it.id,
            managed: false,
            name: it.name,
            nb_api_keys: it.api_keys,
            organization_id: it.organization_id,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
        }
    }
}

impl Listed for ApplicationView {
    const NAME: &'static str = "applications";
}
