//! `/issuer/v1/trust-keys`: what `issuer trust key` and `issuer trust rotate` do.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Answered, Json, List, Listed, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::page::Page;
use crate::model::trust::TrustKey;

pub async fn list(call: Call<Everywhere>, (): ()) -> Answered<Json<List<TrustKeyView>>> {
    let keys = call.api.authority.trust_keys(&call.caller).await?;
    let total = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    Ok(List::of(Page { items: keys, total }, TrustKeyView::of))
}

pub fn new(it: &mut Reader, _: &Everywhere) {
    it.body.knows(&[]);
}

pub async fn rotate(call: Call<Everywhere>, (): ()) -> Answered<Json<TrustKeyView>> {
    Ok(Json(TrustKeyView::of(call.api.authority.add_trust_key(&call.caller).await?)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::TrustKey)
}

/// The older of two goes. No other can: gateways may not have the newer one yet.
pub async fn drop_old(call: Call<Everywhere>, id: Uuid) -> Answered<Json<TrustKeyView>> {
    let gone = call.api.authority.drop_old_trust_key(&call.caller, Some(id)).await?;
    Ok(Json(TrustKeyView::of(gone)))
}

/// A key that signs what gateways are told: its public half.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "issuer.TrustKey")]
pub struct TrustKeyView {
    created_at: Time,
    id: Uuid,
    public_key: String,
}

impl TrustKeyView {
    fn of(it: TrustKey) -> Self {
        let created_at = Time::plain(it.created_at);
        Self { created_at, id: it.id, public_key: it.public_pem }
    }
}

impl Listed for TrustKeyView {
    const NAME: &'static str = "trust_keys";
}
