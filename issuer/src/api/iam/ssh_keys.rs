//! `/ssh-keys`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::{FaultReason, Resource};
use crate::model::page::OrderBy::{CreatedAt, Name, UpdatedAt};
use crate::model::page::{Order, PageRequest};
use crate::model::ssh_key::{NewSshKey, SshKey, SshKeyChange, SshKeyFilter};
use crate::model::ssh_public_key::{MAX_BYTES, SshPublicKey};

/// The most characters of a name.
const MAX_NAME: usize = 1000;

pub fn new(it: &mut Reader, _: &Everywhere) -> NewSshKey {
    let body = &mut it.body;
    let name = body.text_of("name", MAX_NAME).unwrap_or_default();
    let text = body.required_text("public_key", MAX_BYTES);
    let parsed = (!text.is_empty()).then(|| SshPublicKey::parse(&text));
    let key = match parsed {
        Some(Ok(key)) => Some(key),
        Some(Err(fault)) => {
            body.fault("public_key", FaultReason::Format, &fault.to_string());
            None
        }
        None => None,
    };
    NewSshKey {
        name,
        public_key: key.as_ref().map(SshPublicKey::text).unwrap_or_default(),
        fingerprint: key.as_ref().map(SshPublicKey::fingerprint).unwrap_or_default(),
        project_id: body.id("project_id"),
    }
}

pub async fn create(call: Call<Everywhere>, new: NewSshKey) -> Answered<Json<SshKeyView>> {
    Ok(Json(SshKeyView::of(call.api.authority.create_ssh_key(&call.caller, new).await?)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::SshKey)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<SshKeyView>> {
    Ok(Json(SshKeyView::of(call.api.authority.ssh_key(&call.caller, id).await?)))
}

type Asked = (SshKeyFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let filter = SshKeyFilter {
        organization_id: query.id("organization_id"),
        project_id: query.id("project_id"),
        name: query.text("name"),
        is_disabled: query.boolean("disabled"),
    };
    (filter, query.order_by(&[CreatedAt, UpdatedAt, Name]), query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<SshKeyView>>> {
    let found = call.api.authority.ssh_keys(&call.caller, filter, order, page).await?;
    Ok(List::of(found, SshKeyView::of))
}

pub fn change(it: &mut Reader, place: &Everywhere) -> (Uuid, SshKeyChange) {
    let id = id(it, place);
    let body = &mut it.body;
    let name = body.text_of("name", MAX_NAME);
    (id, SshKeyChange { name, is_disabled: body.boolean("disabled") })
}

pub async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, SshKeyChange),
) -> Answered<Json<SshKeyView>> {
    let changed = call.api.authority.update_ssh_key(&call.caller, id, change).await?;
    Ok(Json(SshKeyView::of(changed)))
}

pub async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_ssh_key(&call.caller, id).await?;
    Ok(NoContent)
}

/// An SSH key, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.SSHKey")]
pub struct SshKeyView {
    created_at: Time,
    disabled: bool,
    fingerprint: String,
    id: Uuid,
    name: String,
    organization_id: Uuid,
    project_id: Uuid,
    public_key: String,
    updated_at: Time,
}

impl SshKeyView {
    fn of(it: SshKey) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            disabled: it.is_disabled,
            fingerprint: it.fingerprint,
            id: it.id,
            name: it.name,
            organization_id: it.organization_id,
            project_id: it.project_id,
            public_key: it.public_key,
            updated_at: Time::micros(it.updated_at),
        }
    }
}

impl Listed for SshKeyView {
    const NAME: &'static str = "ssh_keys";
}
