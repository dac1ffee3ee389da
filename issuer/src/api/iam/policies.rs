//! `/policies`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{rules, titled, titled_change};
use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::arguments::Arguments;
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::{FaultReason, Resource};
use crate::model::bearer::Bearer;
use crate::model::iam_application::Titled;
use crate::model::page::OrderBy::{CreatedAt, PolicyName};
use crate::model::page::{Order, PageRequest};
use crate::model::policy::{
    NewRule, Policy, PolicyChange, PolicyFilter, PolicyPrincipal, RuleCounts,
};

type New = (Titled, Option<PolicyPrincipal>, Vec<NewRule>);

pub fn new(it: &mut Reader, place: &Everywhere) -> New {
    let titled = titled(it, place);
    let rules = it.body.objects("rules", rules::spec).unwrap_or_default();
    (titled, principal(&mut it.body).flatten(), rules.into_iter().flatten().collect())
}

/// Whom a policy is to be for: somebody, nobody, or not said.
fn principal(body: &mut Arguments) -> Option<Option<PolicyPrincipal>> {
    let user = body.id("user_id").map(|id| PolicyPrincipal::Bearer(Bearer::User(id)));
    let group = body.id("group_id").map(PolicyPrincipal::Group);
    let application =
        body.id("application_id").map(|id| PolicyPrincipal::Bearer(Bearer::Application(id)));
    let nobody = body.boolean("no_principal").filter(|it| *it).map(|_| None);
    let said = [user.map(Some), group.map(Some), application.map(Some), nobody];
    let mut said = said.into_iter().flatten();
    let first = said.next();
    if said.next().is_some() {
        let help = "expected one of user_id, group_id, application_id and no_principal";
        body.fault("no_principal", FaultReason::Constraint, help);
    }
    first
}

pub async fn create(
    call: Call<Everywhere>,
    (new, principal, rules): New,
) -> Answered<Json<PolicyView>> {
    let made = call.api.authority.create_policy(&call.caller, new, principal, rules).await?;
    Ok(Json(PolicyView::of(made)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::Policy)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<PolicyView>> {
    Ok(Json(PolicyView::of(call.api.authority.policy(&call.caller, id).await?)))
}

pub async fn copy(call: Call<Everywhere>, id: Uuid) -> Answered<Json<PolicyView>> {
    Ok(Json(PolicyView::of(call.api.authority.clone_policy(&call.caller, id).await?)))
}

type Asked = (PolicyFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let filter = PolicyFilter {
        organization_id: query.id("organization_id"),
        name: query.text("policy_name"),
        tag: query.text("tag"),
        ids: query.ids("policy_ids"),
        user_ids: query.ids("user_ids"),
        group_ids: query.ids("group_ids"),
        application_ids: query.ids("application_ids"),
        has_no_principal: query.boolean("no_principal"),
        is_editable: query.boolean("editable"),
    };
    (filter, query.order_by(&[PolicyName, CreatedAt]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<PolicyView>>> {
    let found = call.api.authority.policies(&call.caller, filter, order, page).await?;
    Ok(List::of(found, PolicyView::of))
}

pub fn change(it: &mut Reader, _: &Everywhere) -> (Uuid, PolicyChange) {
    let (id, change) = titled_change(it, Resource::Policy);
    let principal = principal(&mut it.body);
    let change = PolicyChange {
        name: change.name,
        description: change.description,
        tags: change.tags,
        principal,
    };
    (id, change)
}

pub async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, PolicyChange),
) -> Answered<Json<PolicyView>> {
    let changed = call.api.authority.update_policy(&call.caller, id, change).await?;
    Ok(Json(PolicyView::of(changed)))
}

pub async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_policy(&call.caller, id).await?;
    Ok(NoContent)
}

/// A policy, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Policy")]
pub struct PolicyView {
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<Uuid>,
    created_at: Time,
    deletable: bool,
    description: String,
    editable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<Uuid>,
    id: Uuid,
    managed: bool,
    name: String,
    nb_permission_sets: u64,
    nb_rules: u64,
    nb_scopes: u64,
    /// Never false, as on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_principal: Option<bool>,
    organization_id: Uuid,
    tags: Vec<String>,
    updated_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Uuid>,
}

impl PolicyView {
    fn of(it: Policy) -> Self {
        let RuleCounts { rules, scopes, permission_sets } = it.counts;
        Self {
            application_id: it.principal.and_then(PolicyPrincipal::application_id),
            created_at: Time::micros(it.created_at),
            deletable: true,
            description: it.description,
            editable: true,
            group_id: it.principal.and_then(PolicyPrincipal::group_id),
            id: it.id,
            managed: false,
            name: it.name,
            nb_permission_sets: permission_sets,
            nb_rules: rules,
            nb_scopes: scopes,
            no_principal: it.principal.is_none().then_some(true),
            organization_id: it.organization_id,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
            user_id: it.principal.and_then(PolicyPrincipal::user_id),
        }
    }
}

impl Listed for PolicyView {
    const NAME: &'static str = "policies";
}
