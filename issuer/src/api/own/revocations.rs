//! `/issuer/v1/revocations`: what `issuer revoke` does.

use namespace_jwt_core::time::UnixTime;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::TokenCount;
use crate::api::answer::{Answered, Json, Time};
use crate::api::arguments::{Arguments, Moment};
use crate::api::call::{Call, Everywhere};
use crate::api::reader::{Reader, exactly_one};
use crate::authority::refusal::{FaultReason, Refusal};
use crate::authority::revocations::{IdRevocation, Marking};
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

/// A revocation that is asked for.
pub struct Asked {
    /// Something, if the request isn't refused.
    what: Option<What>,
    is_trial: bool,
}

/// What is to be revoked.
enum What {
    Id { id: TokenId, namespace_id: Option<Uuid>, expires_at: Option<UnixTime> },
    Before(Marked, Moment),
}

pub fn new(it: &mut Reader, _: &Everywhere) -> Asked {
    enum Named {
        Id(TokenId),
        Before(Moment),
    }
    let body = &mut it.body;
    let is_trial = body.boolean("dry_run").unwrap_or(false);
    let jti = ("jti", body.token_id("jti").map(Named::Id));
    let before = ("issued_before", body.time_or_now("issued_before").map(Named::Before));
    let expires_at = body.time("expires_at");
    let of = SUBJECTS.map(|name| body.id(name));
    body.knows(&MEMBERS);
    let what = match body.checked(exactly_one(jti, before)) {
        None => None,
        Some((_, Named::Id(id))) => {
            for (name, there) in SUBJECTS.iter().zip(of).skip(1) {
                unwanted(body, name, there.is_some(), "jti");
            }
            Some(What::Id { id, namespace_id: of[0], expires_at })
        }
        Some((_, Named::Before(time))) => {
            unwanted(body, "expires_at", expires_at.is_some(), "issued_before");
            one_subject(body, of).map(|of| What::Before(of, time))
        }
    };
    Asked { what, is_trial }
}

/// The one thing whose tokens are meant.
fn one_subject(body: &mut Arguments, of: [Option<Uuid>; 3]) -> Option<Marked> {
    let (reason, help) = match of {
        [Some(id), None, None] => return Some(Marked::Namespace(id)),
        [None, Some(id), None] => return Some(Marked::Application(id)),
        [None, None, Some(id)] => return Some(Marked::Bearer(id)),
        [None, None, None] => (FaultReason::Required, "expected one of the three, found none"),
        _ => (FaultReason::Constraint, "expected one of the three, found several"),
    };
    for name in SUBJECTS {
        body.fault(name, reason, help);
    }
    None
}

fn unwanted(body: &mut Arguments, name: &str, is_there: bool, beside: &str) {
    if is_there {
        let help = format!("expected none beside `{beside}`; leave it out");
        body.fault(name, FaultReason::Constraint, &help);
    }
}

pub async fn revoke(call: Call<Everywhere>, asked: Asked) -> Answered<Json<RevocationView>> {
    let Asked { what, is_trial } = asked;
    let (authority, caller) = (&call.api.authority, &call.caller);
    Ok(Json(match what.ok_or(Refusal::Internal("a faulty request wasn't refused"))? {
        What::Id { id, namespace_id, expires_at } => {
            let jti = id.as_str().to_owned();
            let done = authority.revoke_id(caller, id, namespace_id, expires_at, is_trial).await?;
            RevocationView::of_id(jti, namespace_id, &done, is_trial)
        }
        What::Before(of, moment) => {
            let time = moment.at(authority.now());
            let done = authority.revoke_issued_before(caller, of, time, is_trial).await?;
            RevocationView::of_mark(&done, is_trial)
        }
    }))
}

/// What was revoked, or would be.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "issuer.Revocation")]
pub enum RevocationView {
    /// A token by its id.
    Id(IdView),
    /// Everything before some time.
    Mark(MarkView),
}

/// A token by its id.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct IdView {
    dry_run: bool,
    jti: String,
    namespace_id: Option<Uuid>,
    outcome: IdOutcome,
    tokens: Count,
}

/// What became of an id.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum IdOutcome {
    Deleted,
    Remembered,
    AlreadyRevoked,
}

/// How many tokens the service knew.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Count {
    count: u64,
}

/// Everything before some time.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct MarkView {
    dry_run: bool,
    not_before: Time,
    outcome: MarkOutcome,
    tokens: TokenCount,
}

/// What became of a mark.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum MarkOutcome {
    Marked,
    AlreadyRevoked,
}

impl RevocationView {
    fn of_id(jti: String, namespace_id: Option<Uuid>, done: &IdRevocation, is_trial: bool) -> Self {
        let (outcome, namespace_id, count) = match done {
            IdRevocation::Deleted(token) => (IdOutcome::Deleted, Some(token.namespace_id), 1),
            IdRevocation::Remembered => (IdOutcome::Remembered, namespace_id, 0),
            IdRevocation::Already => (IdOutcome::AlreadyRevoked, namespace_id, 0),
        };
        let tokens = Count { count };
        Self::Id(IdView { dry_run: is_trial, jti, namespace_id, outcome, tokens })
    }

    fn of_mark(done: &Marking, is_trial: bool) -> Self {
        let outcome = if done.is_moved { MarkOutcome::Marked } else { MarkOutcome::AlreadyRevoked };
        Self::Mark(MarkView {
            dry_run: is_trial,
            not_before: Time::plain(done.not_before),
            outcome,
            tokens: TokenCount::of(&done.tokens),
        })
    }
}
