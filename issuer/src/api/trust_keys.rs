//! `/issuer/v1/trust-keys`: what `issuer trust key` and `issuer trust rotate` do.

use axum::extract::State;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, Answered};
use super::call::OwnCall;
use crate::authority::refusal::Resource;
use crate::calendar::rfc3339;
use crate::model::trust::TrustKey;

pub async fn list(State(api): State<Api>, call: OwnCall) -> Answered {
    call.arguments.finish_knowing(&[])?;
    let keys = api.authority.trust_keys(&call.caller).await?;
    let count = keys.len();
    Ok(Answer(json!({
        "total_count": count,
        "trust_keys": keys.iter().map(rendered).collect::<Vec<_>>(),
    })))
}

pub async fn rotate(State(api): State<Api>, call: OwnCall) -> Answered {
    call.arguments.finish_knowing(&[])?;
    Ok(Answer(rendered(&api.authority.add_trust_key(&call.caller).await?)))
}

/// The older of two goes. No other can: gateways may not have the newer one yet.
pub async fn drop_old(State(api): State<Api>, call: OwnCall) -> Answered {
    let id = call.id(Resource::TrustKey)?;
    call.arguments.finish_knowing(&[])?;
    Ok(Answer(rendered(&api.authority.drop_old_trust_key(&call.caller, Some(id)).await?)))
}

fn rendered(key: &TrustKey) -> Value {
    json!({
        "created_at": rfc3339(key.created_at),
        "id": key.id,
        "public_key": key.public_pem,
    })
}
