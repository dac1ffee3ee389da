//! A real `issuer serve` with a namespace, a function and tokens of it.

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::envoy::{Envoy, wait_for};
use testkit::protected::merged;
use testkit::service::Service;
use testkit::upstream::Upstream;

use crate::gateway;

/// The service, and what it has.
pub struct Issuer {
    pub service: Service,
    pub client: Client,
    pub namespace: String,
    pub function: String,
}

/// A token as the service made it.
pub struct Made {
    pub id: String,
    pub token: String,
    pub public_key: String,
}

impl Issuer {
    /// With a namespace whose keys sign quickly: what is measured here isn't signing.
    pub fn start() -> Self {
        let service = Service::started();
        let client = service.client();
        let made = service.run(&["namespace", "create", "proof", "--algorithm", "ES256"]);
        let namespace = made.lines().next().unwrap().to_owned();
        let mut issuer = Self { service, client, namespace, function: String::new() };
        issuer.function = issuer.make_function("first");
        issuer
    }

    /// A private function.
    pub fn make_function(&self, name: &str) -> String {
        let body = json!({
            "name": name, "namespace_id": self.namespace, "runtime": "python312",
            "privacy": "private",
        });
        id(&good(self.client.post(&self.client.functions("/functions"), &body))).to_owned()
    }

    pub fn make_token(&self) -> Made {
        self.make_token_for(json!({"function_id": self.function}))
    }

    pub fn make_token_for(&self, body: Value) -> Made {
        // As clients do that honour `Retry-After`: for a moment after a mark none is made.
        let made = wait_for("a token", || {
            let answer = self.client.post(&self.client.functions("/tokens"), &body);
            let is_busy = answer.status == 503 && answer.header("retry-after").is_some();
            (!is_busy).then_some(answer)
        });
        let made = good(made);
        let text = |name| member(&made, name).to_owned();
        Made { id: text("id"), token: text("token"), public_key: text("public_key") }
    }

    /// So many tokens for the function.
    pub fn make_tokens(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.make_token().token).collect()
    }

    pub fn delete(&self, token: &Made) {
        good(self.client.delete(&self.client.functions(&format!("/tokens/{}", token.id))));
    }

    /// Sets the function's privacy.
    pub fn set_privacy(&self, privacy: &str) {
        let path = self.client.functions(&format!("/functions/{}", self.function));
        good(self.client.patch(&path, &json!({"privacy": privacy})));
    }

    /// The configuration of a gateway that protects the function, with some members of `trust`
    /// set.
    pub fn configuration(&self, trust: Value) -> Value {
        let key = self.service.run(&["trust", "key"]);
        json!({
            "namespace_id": self.namespace,
            "application_id": self.function,
            "trust": merged(json!({"cluster": "feed", "public_keys": [key]}), trust),
        })
    }

    /// A gateway that protects the function.
    pub fn gateway(&self, upstream: &Upstream, trust: Value) -> Envoy {
        gateway::start(upstream, self.service.address, &self.configuration(trust))
    }
}
