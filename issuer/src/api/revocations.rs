//! `/issuer/v1/revocations`: what `issuer revoke` does.

use axum::extract::State;
use namespace_jwt_core::time::UnixTime;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Api;
use super::answer::{Answer, Answered};
use super::call::OwnCall;
use super::query::exactly_one;
use super::render;
use crate::authority::refusal::{ArgumentFault, FaultReason, Refusal};
use crate::authority::revocations::{IdRevocation, Marking};
use crate::calendar::rfc3339;
use crate::model::trust::{Marked, TokenId};

/// A `dry_run` that is misspelled isn't ignored.
const MEMBERS: [&str; 7] = [
    "application_id",
    "bearer_id",
    "dry_run",
    "expires_at",
    "issued_before",
    "jti",
    "namespace_id",
];

/// What tokens can be issued for, and by.
const SUBJECTS: [&str; 3] = ["namespace_id", "application_id", "bearer_id"];

/// What is to be revoked.
enum Asked {
    Id(TokenId),
    Before(UnixTime),
}

pub async fn revoke(State(api): State<Api>, mut call: OwnCall) -> Answered {
    let arguments = &mut call.arguments;
    let is_trial = arguments.boolean("dry_run").unwrap_or(false);
    let jti = arguments.token_id("jti");
    let issued_before = arguments.time_or_now("issued_before", api.authority.now());
    let expires_at = arguments.time("expires_at");
    let of = SUBJECTS.map(|name| arguments.id(name));
    call.arguments.finish_knowing(&MEMBERS)?;
    let jti = ("jti", jti.map(Asked::Id));
    let (_, asked) = exactly_one(jti, ("issued_before", issued_before.map(Asked::Before)))?;
    let (authority, caller) = (&api.authority, &call.caller);
    Ok(Answer(match asked {
        Asked::Id(id) => {
            let namespace_id = namespace_alone(of)?;
            let jti = id.as_str().to_owned();
            let done = authority.revoke_id(caller, id, namespace_id, expires_at, is_trial).await?;
            of_id(&jti, namespace_id, &done, is_trial)
        }
        Asked::Before(time) => {
            if expires_at.is_some() {
                return Err(unwanted("expires_at", "issued_before").into());
            }
            let of = one_subject(of)?;
            let done = authority.revoke_issued_before(caller, of, time, is_trial).await?;
            of_mark(&done, is_trial)
        }
    }))
}

/// The namespace of a token that the service may not know.
fn namespace_alone(
    [namespace_id, application_id, bearer_id]: [Option<Uuid>; 3],
) -> Result<Option<Uuid>, Refusal> {
    match (application_id, bearer_id) {
        (None, None) => Ok(namespace_id),
        (Some(_), _) => Err(unwanted("application_id", "jti")),
        (None, Some(_)) => Err(unwanted("bearer_id", "jti")),
    }
}

/// The one thing whose tokens are meant.
fn one_subject(of: [Option<Uuid>; 3]) -> Result<Marked, Refusal> {
    let (reason, help) = match of {
        [Some(id), None, None] => return Ok(Marked::Namespace(id)),
        [None, Some(id), None] => return Ok(Marked::Application(id)),
        [None, None, Some(id)] => return Ok(Marked::Bearer(id)),
        [None, None, None] => (FaultReason::Required, "expected one of the three, found none"),
        _ => (FaultReason::Constraint, "expected one of the three, found several"),
    };
    let fault = |name: &str| ArgumentFault { name: name.to_owned(), reason, help: help.to_owned() };
    Err(Refusal::InvalidArguments(SUBJECTS.map(fault).into()))
}

fn unwanted(name: &str, beside: &str) -> Refusal {
    let help = format!("expected none beside `{beside}`; leave it out");
    Refusal::argument(name, FaultReason::Constraint, help)
}

fn of_id(jti: &str, namespace_id: Option<Uuid>, done: &IdRevocation, is_trial: bool) -> Value {
    let (outcome, namespace_id, tokens) = match done {
        IdRevocation::Deleted(token) => ("deleted", Some(token.namespace_id), 1),
        IdRevocation::Remembered => ("remembered", namespace_id, 0),
        IdRevocation::Already => ("already_revoked", namespace_id, 0),
    };
    json!({
        "dry_run": is_trial,
        "jti": jti,
        "namespace_id": namespace_id,
        "outcome": outcome,
        "tokens": {"count": tokens},
    })
}

fn of_mark(done: &Marking, is_trial: bool) -> Value {
    json!({
        "dry_run": is_trial,
        "not_before": rfc3339(done.not_before),
        "outcome": if done.is_moved { "marked" } else { "already_revoked" },
        "tokens": render::token_count(&done.tokens),
    })
}
