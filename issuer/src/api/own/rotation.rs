//! `/issuer/v1/namespaces/{id}/rotate-key`: what `issuer namespace rotate` does.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::TokenCount;
use crate::api::answer::{Answered, Json, Time};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::{FaultReason, Resource};
use crate::authority::rotation::{DEFAULT_AHEAD, DEFAULT_GRACE, Rotation, RotationPlan};
use crate::signing::keys::KeyType;

/// A `dry_run` that is misspelled isn't ignored.
const MEMBERS: [&str; 6] = ["ahead", "algorithm", "bits", "compromised", "dry_run", "grace"];

/// A rotation that is asked for.
pub struct Asked {
    id: Uuid,
    rotation: Rotation,
    key_type: Option<KeyType>,
    is_trial: bool,
}

pub fn new(it: &mut Reader, _: &Everywhere) -> Asked {
    let id = it.id(Resource::Namespace);
    let body = &mut it.body;
    let (ahead, grace) = (body.period("ahead"), body.period("grace"));
    let is_compromised = body.boolean("compromised").unwrap_or(false);
    let is_trial = body.boolean("dry_run").unwrap_or(false);
    let key_type = body.key_type();
    body.knows(&MEMBERS);
    let rotation = match is_compromised {
        true => Rotation::Compromised,
        false => Rotation::Graceful {
            ahead: ahead.unwrap_or(DEFAULT_AHEAD),
            grace: grace.unwrap_or(DEFAULT_GRACE),
        },
    };
    if is_compromised && ahead.or(grace).is_some() {
        let help = "a compromised key is replaced at once and has no grace; leave out `ahead` and \
                    `grace`, or `compromised`";
        body.fault("compromised", FaultReason::Constraint, help);
    }
    Asked { id, rotation, key_type, is_trial }
}

pub async fn rotate(call: Call<Everywhere>, asked: Asked) -> Answered<Json<PlanView>> {
    let Asked { id, rotation, key_type, is_trial } = asked;
    let plan =
        call.api.authority.rotate_key(&call.caller, id, rotation, key_type, is_trial).await?;
    Ok(Json(PlanView::of(plan, is_trial)))
}

/// What a rotation does, or would do.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "issuer.Rotation")]
pub struct PlanView {
    dry_run: bool,
    ends_at: Time,
    key: Option<KeyView>,
    namespace_id: Uuid,
    signs_at: Time,
    tokens: TokenCount,
}

/// The key that it made.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct KeyView {
    algorithm: String,
    id: Uuid,
    public_key: String,
    state: &'static str,
}

impl PlanView {
    fn of(plan: RotationPlan, is_trial: bool) -> Self {
        let key = plan.key.map(|key| KeyView {
            algorithm: key.algorithm,
            id: key.id,
            public_key: key.public_pem,
            state: key.state.name(),
        });
        Self {
            dry_run: is_trial,
            ends_at: Time::plain(plan.ends_at),
            key,
            namespace_id: plan.namespace.id,
            signs_at: Time::plain(plan.signs_at),
            tokens: TokenCount::of(&plan.tokens),
        }
    }
}
