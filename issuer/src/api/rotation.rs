//! `/issuer/v1/namespaces/{id}/rotate-key`: what `issuer namespace rotate` does.

use axum::extract::State;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, Answered};
use super::call::OwnCall;
use super::render;
use crate::authority::refusal::{FaultReason, Refusal, Resource};
use crate::authority::rotation::{DEFAULT_AHEAD, DEFAULT_GRACE, Rotation, RotationPlan};
use crate::calendar::rfc3339;

/// A `dry_run` that is misspelled isn't ignored.
const MEMBERS: [&str; 6] = ["ahead", "algorithm", "bits", "compromised", "dry_run", "grace"];

pub async fn rotate(State(api): State<Api>, mut call: OwnCall) -> Answered {
    let id = call.id(Resource::Namespace)?;
    let arguments = &mut call.arguments;
    let (ahead, grace) = (arguments.period("ahead"), arguments.period("grace"));
    let compromised = arguments.boolean("compromised").unwrap_or(false);
    let is_trial = arguments.boolean("dry_run").unwrap_or(false);
    let key_type = arguments.key_type();
    call.arguments.finish_knowing(&MEMBERS)?;
    let rotation = match compromised {
        false => Rotation::Graceful {
            ahead: ahead.unwrap_or(DEFAULT_AHEAD),
            grace: grace.unwrap_or(DEFAULT_GRACE),
        },
        true if ahead.or(grace).is_none() => Rotation::Compromised,
        true => {
            let help = "a compromised key is replaced at once and has no grace; leave out \
                        `ahead` and `grace`, or `compromised`";
            return Err(Refusal::argument("compromised", FaultReason::Constraint, help).into());
        }
    };
    let plan = api.authority.rotate_key(&call.caller, id, rotation, key_type, is_trial).await?;
    Ok(Answer(rendered(&plan, is_trial)))
}

fn rendered(plan: &RotationPlan, is_trial: bool) -> Value {
    let key = plan.key.as_ref().map(|key| {
        json!({
            "algorithm": key.algorithm,
            "id": key.id,
            "public_key": key.public_pem,
            "state": key.state.name(),
        })
    });
    json!({
        "dry_run": is_trial,
        "ends_at": rfc3339(plan.ends_at),
        "key": key,
        "namespace_id": plan.namespace.id,
        "signs_at": rfc3339(plan.signs_at),
        "tokens": render::token_count(&plan.tokens),
    })
}
