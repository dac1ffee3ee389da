//! What the platform doesn't have, under a name that it will not give to anything: what the commands
//! `issuer namespace rotate`, `issuer revoke` and `issuer trust` do.
//!
//! It names no product and no region: an id is of one thing in all of them.

mod revocations;
mod rotation;
mod trust_keys;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Time;
use super::call::Everywhere;
use super::error::Errors;
use super::routes::Routes;
use crate::iam::action::{Access, Action};
use crate::model::Product;
use crate::store::feed;

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let mut at = routes.group("/issuer/v1", "Issuer v1", Errors::Brief, Everywhere);
    at.post(
        "/namespaces/{id}/rotate-key",
        ("RotateKey", "Make a namespace's next key, or replace a compromised one at once"),
        Action::NamespaceKey(Product::Functions, Access::Create),
        rotation::new,
        rotation::rotate,
    );
    at.post(
        "/revocations",
        ("Revoke", "Revoke a token's id, or all that was issued before some time"),
        Action::Revocation(None),
        revocations::new,
        revocations::revoke,
    );
    let path = "/trust-keys";
    at.get(
        path,
        ("ListTrustKeys", "List the public keys that gateways pin"),
        Action::TrustKey(Access::List),
        |_, _| (),
        trust_keys::list,
    );
    at.post(
        path,
        ("RotateTrustKey", "Make the next key that signs what gateways are told"),
        Action::TrustKey(Access::Create),
        trust_keys::new,
        trust_keys::rotate,
    );
    at.delete(
        "/trust-keys/{id}",
        ("DropTrustKey", "Drop the older of two such keys"),
        Action::TrustKey(Access::Delete),
        trust_keys::id,
        trust_keys::drop_old,
    );
}

/// How many tokens something is about.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TokenCount {
    count: u64,
    endless: u64,
    last_expires_at: Option<Time>,
}

impl TokenCount {
    fn of(it: &feed::TokenCount) -> Self {
        let last_expires_at = it.last_expiry.map(Time::plain);
        Self { count: it.all, endless: it.endless, last_expires_at }
    }
}
