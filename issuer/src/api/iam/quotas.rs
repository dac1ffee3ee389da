//! `/quota`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::page_of;
use crate::api::answer::{Answered, Json, List, Listed};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::page::OrderBy::Name;
use crate::model::page::{Order, PageRequest};
use crate::model::quota::{Limit, Quota};

type Asked = (Option<Uuid>, Vec<String>, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let (organization_id, names) = (query.id("organization_id"), query.texts("quotum_names"));
    (organization_id, names, query.order_by(&[Name]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (organization_id, names, order, page): Asked,
) -> Answered<Json<List<QuotumView>>> {
    let mut quotas = call.api.authority.quotas(&call.caller, organization_id).await?;
    quotas.retain(|(it, _)| names.is_empty() || names.iter().any(|name| name == it.name()));
    if order.is_descending {
        quotas.reverse();
    }
    Ok(List::of(page_of(quotas, page), |(quota, limit)| QuotumView::of(quota, limit)))
}

pub fn named(it: &mut Reader, _: &Everywhere) -> (String, Option<Uuid>) {
    (it.in_path("name"), it.query.id("organization_id"))
}

pub async fn read(
    call: Call<Everywhere>,
    (name, organization_id): (String, Option<Uuid>),
) -> Answered<Json<QuotumView>> {
    // Whether there is one of that name is no secret.
    let quota = Quota::from_name(&name).ok_or_else(|| Resource::Quota.not_found(&name))?;
    let limit = call.api.authority.quota(&call.caller, organization_id, quota).await?;
    Ok(Json(QuotumView::of(quota, limit)))
}

/// How much there may be of something, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Quotum")]
pub struct QuotumView {
    description: &'static str,
    #[serde(flatten)]
    limit: LimitView,
    limits: [LocalLimitView; 1],
    locality_type: &'static str,
    name: &'static str,
    pretty_name: &'static str,
    unit: &'static str,
}

/// A number, or that there is none.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[schemars(inline)]
struct LimitView {
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlimited: Option<bool>,
}

/// The same for a place, which is everywhere.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct LocalLimitView {
    global: bool,
    #[serde(flatten)]
    limit: LimitView,
}

impl QuotumView {
    fn of(quota: Quota, limit: Limit) -> Self {
        let limit = match limit {
            Limit::AtMost(most) => LimitView { limit: Some(most), unlimited: None },
            Limit::Unlimited => LimitView { limit: None, unlimited: Some(true) },
        };
        Self {
            description: "",
            limit,
            limits: [LocalLimitView { global: true, limit }],
            locality_type: "global",
            name: quota.name(),
            pretty_name: quota.title(),
            unit: "",
        }
    }
}

impl Listed for QuotumView {
    const NAME: &'static str = "quota";
}
