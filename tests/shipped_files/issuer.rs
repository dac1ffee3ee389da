//! A running `issuer serve` with two namespaces, as different tenants have them.

use serde_json::{Value, json};
use testkit::api::{Client, good, member};
use testkit::service::Service;

/// The service, and what was made there.
pub struct Issuer {
    pub service: Service,
    pub client: Client,
    /// A private function in each namespace.
    pub functions: [Function; 2],
    /// What proves its feed, in PEM.
    pub trust_key: String,
    /// What reads the feed of all namespaces.
    pub access_key: String,
}

/// A private function, with a token for it.
pub struct Function {
    pub namespace_id: String,
    pub id: String,
    pub token: String,
    pub token_id: String,
    /// Its namespace's key, in PEM.
    pub public_key: String,
}

impl Issuer {
    pub fn start() -> Self {
        let service = Service::started();
        let client = service.client();
        let functions = ["shop", "office"].map(|name| Function::make(&service, &client, name));
        let trust_key = service.run(&["trust", "key"]);
        let access_key = service.variables()["SCW_SECRET_KEY"].clone();
        Self { service, client, functions, trust_key, access_key }
    }

    /// The address of its cluster, as Envoy's files write it.
    pub fn address(&self) -> String {
        format!("address: 127.0.0.1, port_value: {}", self.service.address.port())
    }

    pub fn delete_token(&self, token_id: &str) {
        good(self.client.delete(&self.client.functions(&format!("/tokens/{token_id}"))));
    }

    pub fn set_privacy(&self, function: &Function, privacy: &str) {
        let path = self.client.functions(&format!("/functions/{}", function.id));
        good(self.client.patch(&path, &json!({"privacy": privacy})));
    }
}

impl Function {
    fn make(service: &Service, client: &Client, name: &str) -> Self {
        // Of a kind that is made in no time.
        let made = service.run(&["namespace", "create", name, "--algorithm", "ES256", "--json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let namespace_id = member(&made, "id").to_owned();
        let function = json!({
            "name": "first",
            "namespace_id": namespace_id,
            "runtime": "node22",
            "privacy": "private",
        });
        let function = good(client.post(&client.functions("/functions"), &function));
        let id = member(&function, "id").to_owned();
        let token = json!({"function_id": id, "expires_at": "2099-01-01T00:00:00Z"});
        let token = good(client.post(&client.functions("/tokens"), &token));
        let text = |name| member(&token, name).to_owned();
        Self {
            namespace_id,
            id,
            token: text("token"),
            token_id: text("id"),
            public_key: text("public_key"),
        }
    }
}
