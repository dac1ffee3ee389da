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
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use health::ApiMetrics;

use crate::authority::Authority;
use crate::http::failures::FailureLimit;
use crate::model::Product;

/// What every request needs.
#[derive(Clone)]
pub struct Api {
    /// The operations.
    pub authority: Arc<Authority>,
    /// How often each address has failed to say who it is.
    pub failures: Arc<FailureLimit>,
    /// What is counted.
    pub metrics: ApiMetrics,
}

/// Every route that the API has.
pub fn router(api: Api) -> Router {
    let mut router =
        Router::new().route("/health", get(health::health)).route("/ready", get(health::ready));
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
            .route(&at("issue-jwt"), get(tokens::issue_jwt).head(error::unknown_method));
    }
    router.fallback(error::unknown_path).with_state(api)
}
