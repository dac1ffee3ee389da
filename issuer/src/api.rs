//! The platform's HTTP API: requests are read, operations called, answers written.

mod account;
mod answer;
mod applications;
mod arguments;
mod asked;
mod call;
mod containers_v1;
mod error;
mod health;
mod iam;
mod namespaces;
mod openapi;
mod own;
mod query;
mod reader;
mod routes;
mod settings;
mod trust;
mod v1beta1;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use tokio::sync::watch;

pub use health::ApiMetrics;
use routes::Routes;
use v1beta1::applications::{ContainerView, FunctionView};

use crate::authority::Authority;
use crate::feed::Feed;
use crate::http::failures::FailureLimit;
use crate::model::Product;
use crate::model::trust::TrustScope;

/// Where the API describes itself.
const DESCRIPTION_PATH: &str = "/openapi.json";

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
    let router = all(Routes::new()).router();
    router.route(DESCRIPTION_PATH, get(async || answer::described(text()))).with_state(api)
}

/// What `GET /openapi.json` answers: the description of all of this, in OpenAPI 3.1.
pub fn description() -> Value {
    all(Routes::described()).description()
}

/// That description. To make it takes some megabytes, which a service that nobody asks for it doesn't
/// need.
fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| description().to_string())
}

fn all(mut routes: Routes) -> Routes {
    v1beta1::add_to::<FunctionView>(&mut routes, Product::Functions, "Functions v1beta1");
    v1beta1::add_to::<ContainerView>(&mut routes, Product::Containers, "Containers v1beta1");
    containers_v1::add_to(&mut routes);
    account::add_to(&mut routes);
    iam::add_to(&mut routes);
    own::add_to(&mut routes);
    trust::add_to(&mut routes);
    health::add_to(&mut routes);
    routes.describe(DESCRIPTION_PATH, openapi::of_itself());
    routes
}
