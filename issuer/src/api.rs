//! The platform's HTTP API: requests are read, operations called, answers written.

mod answer;
mod applications;
mod arguments;
mod call;
mod error;
mod health;
mod namespaces;
mod query;
mod render;
mod revocations;
mod rotation;
mod tokens;
mod trust;
mod trust_keys;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::ALLOW;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};
use tokio::sync::watch;

pub use health::ApiMetrics;

use crate::authority::Authority;
use crate::feed::Feed;
use crate::http::failures::FailureLimit;
use crate::model::Product;
use crate::model::trust::TrustScope;

/// What every request needs.
#[derive(Clone)]
pub struct Api {
    /// The operations.
    pub authority: Arc<Authority>,
    /// How often each address has failed to say who it is.
    pub failures: Arc<FailureLimit>,
    /// What is counted.
    pub metrics: ApiMetrics,
    /// What gateways are told.
    pub feed: Arc<Feed>,
    /// Whether the service is to end: who is held is answered then.
    pub ending: watch::Receiver<bool>,
}

impl Api {
    /// Waits until a scope has news, the patience is over, or the service is to end.
    async fn wait_for_news(&self, scope: TrustScope, above: u64, patience: Duration) {
        let mut ending = self.ending.clone();
        tokio::select! {
            () = self.feed.wait(scope, above, patience) => {}
            _ = ending.wait_for(|is_ending| *is_ending) => {}
        }
    }
}

/// Every route that the API has.
pub fn router(api: Api) -> Router {
    let mut router = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/trust/v1/all", get(trust::all))
        .route("/trust/v1/all/log/{epoch}", get(trust::log_of_all))
        .route("/trust/v1/namespaces/{id}", get(trust::of_namespace))
        .route("/trust/v1/namespaces/{id}/log/{epoch}", get(trust::log_of_namespace))
        .route("/trust/v1/objects/{name}", get(trust::object))
        // What the platform doesn't have is under a name that it will not give to anything.
        .route("/issuer/v1/namespaces/{id}/rotate-key", post(rotation::rotate))
        .route("/issuer/v1/revocations", post(revocations::revoke))
        .route("/issuer/v1/trust-keys", get(trust_keys::list).post(trust_keys::rotate))
        .route("/issuer/v1/trust-keys/{id}", delete(trust_keys::drop_old));
    for product in Product::ALL {
        // Each product's applications have its own name: `/functions/…/functions`.
        let name = product.name();
        let at = |path: &str| format!("/{name}/v1beta1/regions/{{region}}/{path}");
        router = router
            .route(&at("namespaces"), get(namespaces::list).post(namespaces::create))
            .route(
                &at("namespaces/{id}"),
                get(namespaces::read).patch(namespaces::update).delete(namespaces::delete),
            )
            .route(&at(name), get(applications::list).post(applications::create))
            .route(
                &at(&format!("{name}/{{id}}")),
                get(applications::read).patch(applications::update).delete(applications::delete),
            )
            .route(&at(&format!("{name}/{{id}}/deploy")), post(applications::deploy))
            .route(&at("tokens"), get(tokens::list).post(tokens::create))
            .route(&at("tokens/{id}"), get(tokens::read).delete(tokens::delete))
            // It makes a token, which the answer to HEAD, made of GET elsewhere, would not hold.
            .route(&at("issue-jwt"), get(tokens::issue_jwt).head(only_get));
    }
    router.with_state(api)
}

async fn only_get() -> impl IntoResponse {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET")])
}
