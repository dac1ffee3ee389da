//! `/namespaces`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{SecretView, secrets};
use crate::api::answer::{Answered, Json, List, Listed, Status, Time};
use crate::api::arguments::Arguments;
use crate::api::call::{Call, Regional};
use crate::api::reader::Reader;
use crate::authority::keys::DEFAULT_KEY_TYPE;
use crate::authority::refusal::Resource;
use crate::model::namespace::{Namespace, NamespaceChange, NamespaceFilter, NewNamespace};
use crate::model::page::{Order, PageRequest};

pub fn new(it: &mut Reader, _: &Regional) -> NewNamespace {
    let body = &mut it.body;
    NewNamespace {
        name: body.new_name(),
        project_id: body.id("project_id"),
        vpc_integration: body.boolean("activate_vpc_integration").unwrap_or(false),
        change: changed(body),
    }
}

pub async fn create(call: Call<Regional>, new: NewNamespace) -> Answered<Json<NamespaceView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let key_type = DEFAULT_KEY_TYPE;
    let made = api.authority.create_namespace(&caller, product, &region, new, key_type).await?;
    Ok(Json(NamespaceView::of(made, Status::Ready)))
}

pub fn id(it: &mut Reader, _: &Regional) -> Uuid {
    it.id(Resource::Namespace)
}

pub async fn read(call: Call<Regional>, id: Uuid) -> Answered<Json<NamespaceView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let found = api.authority.namespace(&caller, product, &region, id).await?;
    Ok(Json(NamespaceView::of(found, Status::Ready)))
}

pub type Asked = (NamespaceFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, Regional { product, region }: &Regional) -> Asked {
    let query = &mut it.query;
    let filter = NamespaceFilter {
        product: *product,
        region: region.clone(),
        name: query.text("name"),
        project_id: query.id("project_id"),
        organization_id: query.id("organization_id"),
    };
    (filter, query.order(), query.page())
}

pub async fn list(
    call: Call<Regional>,
    (filter, order, page): Asked,
) -> Answered<Json<List<NamespaceView>>> {
    let found = call.api.authority.namespaces(&call.caller, filter, order, page).await?;
    Ok(List::of(found, |it| NamespaceView::of(it, Status::Ready)))
}

pub fn change(it: &mut Reader, place: &Regional) -> (Uuid, NamespaceChange) {
    (id(it, place), changed(&mut it.body))
}

pub async fn update(
    call: Call<Regional>,
    (id, change): (Uuid, NamespaceChange),
) -> Answered<Json<NamespaceView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let changed = api.authority.update_namespace(&caller, product, &region, id, change).await?;
    Ok(Json(NamespaceView::of(changed, Status::Ready)))
}

pub async fn delete(call: Call<Regional>, id: Uuid) -> Answered<Json<NamespaceView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let gone = api.authority.delete_namespace(&caller, product, &region, id).await?;
    Ok(Json(NamespaceView::of(gone, Status::Deleting)))
}

fn changed(body: &mut Arguments) -> NamespaceChange {
    NamespaceChange {
        description: body.description_text(),
        variables: body.listed_variables(),
        tags: body.texts("tags"),
    }
}

/// A namespace, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1beta1.Namespace")]
pub struct NamespaceView {
    created_at: Time,
    description: String,
    environment_variables: BTreeMap<String, String>,
    error_message: Option<String>,
    id: Uuid,
    name: String,
    organization_id: Uuid,
    project_id: Uuid,
    region: String,
    registry_endpoint: &'static str,
    registry_namespace_id: &'static str,
    secret_environment_variables: Vec<SecretView>,
    status: Status,
    tags: Vec<String>,
    updated_at: Time,
    vpc_integration_activated: bool,
}

impl NamespaceView {
    fn of(mut it: Namespace, status: Status) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            description: it.description,
            secret_environment_variables: secrets(&mut it.variables),
            environment_variables: it.variables.plain,
            error_message: None,
            id: it.id,
            name: it.name,
            organization_id: it.organization_id,
            project_id: it.project_id,
            region: it.region.to_string(),
            registry_endpoint: "",
            registry_namespace_id: "",
            status,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
            vpc_integration_activated: it.vpc_integration,
        }
    }
}

impl Listed for NamespaceView {
    const NAME: &'static str = "namespaces";
}
