//! `/groups`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::titled_change;
use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::arguments::Arguments;
use crate::api::call::{Call, Everywhere};
use crate::api::reader::{Reader, exactly_one};
use crate::authority::refusal::Resource;
use crate::model::bearer::Bearer;
use crate::model::group::{Group, GroupFilter, MembersChange};
use crate::model::iam_application::{Titled, TitledChange};
use crate::model::page::OrderBy::{CreatedAt, Name, UpdatedAt};
use crate::model::page::{Order, PageRequest};

pub async fn create(call: Call<Everywhere>, new: Titled) -> Answered<Json<GroupView>> {
    Ok(Json(GroupView::of(call.api.authority.create_group(&call.caller, new).await?)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::Group)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<GroupView>> {
    Ok(Json(GroupView::of(call.api.authority.group(&call.caller, id).await?)))
}

type Asked = (GroupFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let filter = GroupFilter {
        organization_id: query.id("organization_id"),
        name: query.text("name"),
        tag: query.text("tag"),
        ids: query.ids("group_ids"),
        user_ids: query.ids("user_ids"),
        application_ids: query.ids("application_ids"),
    };
    (filter, query.order_by(&[CreatedAt, UpdatedAt, Name]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<GroupView>>> {
    let found = call.api.authority.groups(&call.caller, filter, order, page).await?;
    Ok(List::of(found, GroupView::of))
}

pub fn change(it: &mut Reader, _: &Everywhere) -> (Uuid, TitledChange) {
    titled_change(it, Resource::Group)
}

pub async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, TitledChange),
) -> Answered<Json<GroupView>> {
    let changed = call.api.authority.update_group(&call.caller, id, change).await?;
    Ok(Json(GroupView::of(changed)))
}

pub fn members(it: &mut Reader, place: &Everywhere) -> (Uuid, MembersChange) {
    (id(it, place), MembersChange::Replace(several(&mut it.body)))
}

pub fn all_added(it: &mut Reader, place: &Everywhere) -> (Uuid, MembersChange) {
    (id(it, place), MembersChange::Add(several(&mut it.body)))
}

pub fn added(it: &mut Reader, place: &Everywhere) -> (Uuid, MembersChange) {
    (id(it, place), MembersChange::Add(vec![one(&mut it.body)]))
}

pub fn removed(it: &mut Reader, place: &Everywhere) -> (Uuid, MembersChange) {
    (id(it, place), MembersChange::Remove(one(&mut it.body)))
}

/// A user or an application, exactly one of which a body names.
pub fn one(body: &mut Arguments) -> Bearer {
    let user = ("user_id", body.id("user_id"));
    let application = ("application_id", body.id("application_id"));
    match body.checked(exactly_one(user, application)) {
        Some((true, id)) => Bearer::User(id),
        Some((false, id)) => Bearer::Application(id),
        None => Bearer::User(Uuid::nil()),
    }
}

fn several(body: &mut Arguments) -> Vec<Bearer> {
    let users = body.ids("user_ids").unwrap_or_default().into_iter().map(Bearer::User);
    let applications = body.ids("application_ids").unwrap_or_default();
    users.chain(applications.into_iter().map(Bearer::Application)).collect()
}

pub async fn change_members(
    call: Call<Everywhere>,
    (id, change): (Uuid, MembersChange),
) -> Answered<Json<GroupView>> {
    let changed = call.api.authority.change_members(&call.caller, id, change).await?;
    Ok(Json(GroupView::of(changed)))
}

pub async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_group(&call.caller, id).await?;
    Ok(NoContent)
}

/// A group, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Group")]
pub struct GroupView {
    application_ids: Vec<Uuid>,
    created_at: Time,
    deletable: bool,
    description: String,
    editable: bool,
    id: Uuid,
    managed: bool,
    name: String,
    organization_id: Uuid,
    tags: Vec<String>,
    updated_at: Time,
    user_ids: Vec<Uuid>,
}

impl GroupView {
    fn of(it: Group) -> Self {
        Self {
            application_ids: it.application_ids,
            created_at: Time::micros(it.created_at),
            deletable: true,
            description: it.description,
            editable: true,
            id: it.id,
            managed: false,
            name: it.name,
            organization_id: it.organization_id,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
            user_ids: it.user_ids,
        }
    }
}

impl Listed for GroupView {
    const NAME: &'static str = "groups";
}
