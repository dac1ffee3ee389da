//! `/logs`: who changed what.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Answered, Json, List, Listed, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::audit::{AuditRecord, LogFilter, Verb};
use crate::model::page::PageRequest;

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::Log)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<LogView>> {
    Ok(Json(LogView::of(call.api.authority.log_entry(&call.caller, id).await?)))
}

type Asked = (LogFilter, bool, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let verbs = Verb::ALL.map(|verb| (verb.name(), verb));
    let resource_type = query.text("resource_type");
    let filter = LogFilter {
        organization_id: query.id("organization_id"),
        created_after: query.time("created_after"),
        created_before: query.time("created_before"),
        verb: query.choice("action", "unknown_action", &verbs),
        resource_type: resource_type.filter(|it| it != "unknown_resource_type"),
        search: query.text("search"),
    };
    (filter, query.newest_first(), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, newest_first, page): Asked,
) -> Answered<Json<List<LogView>>> {
    let found = call.api.authority.log_entries(&call.caller, filter, newest_first, page).await?;
    Ok(List::of(found, LogView::of))
}

/// An entry of the log, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.Log")]
pub struct LogView {
    action: &'static str,
    /// Nobody, where the operator did it.
    bearer_id: Option<Uuid>,
    created_at: Time,
    id: Uuid,
    ip: String,
    organization_id: Uuid,
    resource_id: String,
    resource_type: String,
    user_agent: String,
}

impl LogView {
    fn of(it: AuditRecord) -> Self {
        Self {
            action: it.verb.name(),
            bearer_id: it.bearer_id,
            created_at: Time::micros(it.created_at),
            id: it.id,
            ip: it.address.map(|address| address.to_string()).unwrap_or_default(),
            organization_id: it.organization_id,
            resource_id: it.resource_id,
            resource_type: it.resource_type,
            user_agent: it.user_agent,
        }
    }
}

impl Listed for LogView {
    const NAME: &'static str = "logs";
}
