//! `/rules` and `/permission-sets`.

use std::collections::HashSet;

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use uuid::Uuid;

use super::page_of;
use crate::api::answer::{Answered, Json, List, Listed};
use crate::api::arguments::Arguments;
use crate::api::call::{Call, Everywhere};
use crate::api::reader::{Reader, exactly_one};
use crate::authority::refusal::FaultReason;
use crate::iam::condition;
use crate::iam::permission_set::{PermissionSet, ScopeType};
use crate::model::page::OrderBy::{CreatedAt, Name};
use crate::model::page::{Order, PageRequest};
use crate::model::policy::{NewRule, Rule, RuleScope};

/// A rule that a body asks for, unless something is wrong with it.
pub fn spec(body: &mut Arguments) -> Option<NewRule> {
    let sets = sets(body)?;
    let organization = ("organization_id", body.id("organization_id"));
    // Each once, in the order in which they were named.
    let mut named = HashSet::new();
    let mut projects = body.ids("project_ids").unwrap_or_default();
    projects.retain(|id| named.insert(*id));
    let projects = ("project_ids", Some(projects).filter(|ids| !ids.is_empty()));
    let organization = (organization.0, organization.1.map(RuleScope::Organization));
    let projects = (projects.0, projects.1.map(RuleScope::Projects));
    // What it says is checked for those alone who may make rules: that takes a while.
    let condition = body.text_of("condition", condition::MAX_BYTES).unwrap_or_default();
    let (_, scope) = body.checked(exactly_one(organization, projects))?;
    let types: Vec<_> = sets.iter().map(|set| set.scope_type()).collect();
    let is_of_organization = matches!(scope, RuleScope::Organization(_));
    if types.windows(2).any(|pair| pair.first() != pair.last()) {
        let help = "expected permission sets of one scope type in a rule; make a rule for each";
        body.fault("permission_set_names", FaultReason::Constraint, help);
    } else if types.contains(&ScopeType::Organization) && !is_of_organization {
        let help = "expected organization_id: these permission sets are about an organization as \
            a whole";
        body.fault("project_ids", FaultReason::Constraint, help);
    }
    Some(NewRule { sets, scope, condition })
}

fn sets(body: &mut Arguments) -> Option<Vec<PermissionSet>> {
    const NAME: &str = "permission_set_names";
    let names = body.texts(NAME).unwrap_or_default();
    if names.is_empty() {
        body.fault(NAME, FaultReason::Required, "give at least one permission set");
    }
    let mut sets = Vec::new();
    for name in names {
        match PermissionSet::named(&name) {
            Some(set) if !sets.contains(&set) => sets.push(set),
            Some(_) => {}
            None => {
                let help = "expected names that GET /permission-sets lists, found another one";
                body.fault(NAME, FaultReason::Constraint, help);
            }
        }
    }
    Some(sets)
}

type Asked = (Uuid, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    (query.required_id("policy_id", "give the id of a policy"), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (policy_id, page): Asked,
) -> Answered<Json<List<RuleView>>> {
    let found = call.api.authority.rules(&call.caller, policy_id, page).await?;
    Ok(List::of(found, RuleView::of))
}

type New = (Uuid, Vec<NewRule>);

pub fn new(it: &mut Reader, _: &Everywhere) -> New {
    let body = &mut it.body;
    let policy_id = body.required_id("policy_id");
    let rules = body.objects("rules", spec).unwrap_or_default();
    (policy_id, rules.into_iter().flatten().collect())
}

pub async fn set(call: Call<Everywhere>, (policy_id, rules): New) -> Answered<Json<RulesView>> {
    let rules = call.api.authority.set_rules(&call.caller, policy_id, rules).await?;
    Ok(Json(RulesView { rules: rules.into_iter().map(RuleView::of).collect() }))
}

/// A rule, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Rule")]
pub struct RuleView {
    condition: String,
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    permission_set_names: Vec<&'static str>,
    #[schemars(schema_with = "scope_types")]
    permission_sets_scope_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_ids: Option<Vec<Uuid>>,
}

fn scope_types(_: &mut SchemaGenerator) -> schemars::Schema {
    let names = ["unknown_scope_type", "projects", "organization"];
    schemars::json_schema!({"type": "string", "enum": names})
}

impl RuleView {
    fn of(it: Rule) -> Self {
        let (organization_id, project_ids) = match it.scope {
            RuleScope::Organization(id) => (Some(id), None),
            RuleScope::Projects(ids) => (None, Some(ids).filter(|ids| !ids.is_empty())),
        };
        let holds_somewhere = organization_id.is_some() || project_ids.is_some();
        let scope_type = it.sets.first().filter(|_| holds_somewhere);
        Self {
            condition: it.condition,
            id: it.id,
            organization_id,
            permission_set_names: it.sets.iter().map(|set| set.name()).collect(),
            permission_sets_scope_type: scope_type
                .map_or("unknown_scope_type", |set| set.scope_type().name()),
            project_ids,
        }
    }
}

impl Listed for RuleView {
    const NAME: &'static str = "rules";
}

/// All rules of a policy.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct RulesView {
    rules: Vec<RuleView>,
}

type AskedSets = (Option<Uuid>, Order, PageRequest);

pub fn sets_filter(it: &mut Reader, _: &Everywhere) -> AskedSets {
    let query = &mut it.query;
    (query.id("organization_id"), query.order_by(&[Name, CreatedAt]), query.page())
}

pub async fn list_sets(
    call: Call<Everywhere>,
    (organization_id, order, page): AskedSets,
) -> Answered<Json<List<PermissionSetView>>> {
    let mut sets = call.api.authority.permission_sets(&call.caller, organization_id).await?;
    // All were made at once.
    if order.is_descending {
        sets.reverse();
    }
    Ok(List::of(page_of(sets, page), PermissionSetView::of))
}

/// A permission set, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.PermissionSet")]
pub struct PermissionSetView {
    categories: Option<Vec<String>>,
    description: &'static str,
    id: Uuid,
    name: &'static str,
    scope_type: &'static str,
}

impl PermissionSetView {
    fn of(it: PermissionSet) -> Self {
        Self {
            categories: None,
            description: it.description(),
            id: it.id(),
            name: it.name(),
            scope_type: it.scope_type().name(),
        }
    }
}

impl Listed for PermissionSetView {
    const NAME: &'static str = "permission_sets";
}
