//! Who may do what.

mod bounds;
mod explain;
mod gains;
mod matrix;
mod organizations;
mod quotas;
mod records;
mod rules;

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::http::Response;
use testkit::service::Service;

/// A key that nobody has the other half of.
const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy";

/// A path of IAM's API.
fn iam(rest: &str) -> String {
    format!("/iam/v1alpha1{rest}")
}

/// An organization, seen by its owner.
struct Organization {
    service: Service,
    owner: Client,
    id: String,
}

impl Organization {
    fn new() -> Self {
        let mut service = Service::new();
        service.start_with(&["--trusted-proxies", "127.0.0.1"]);
        let owner = service.client();
        let id = service.variables()["SCW_DEFAULT_ORGANIZATION_ID"].clone();
        Self { service, owner, id }
    }

    fn project(&self, name: &str) -> String {
        id(&good(self.owner.post("/account/v3/projects", &json!({"name": name})))).to_owned()
    }

    fn application(&self, name: &str) -> String {
        id(&good(self.owner.post(&iam("/applications"), &json!({"name": name})))).to_owned()
    }

    fn group(&self, name: &str) -> String {
        id(&good(self.owner.post(&iam("/groups"), &json!({"name": name})))).to_owned()
    }

    /// A member without a password.
    fn user(&self, name: &str) -> String {
        let member = json!({"email": format!("{name}@issuer.test"), "username": name});
        id(&good(self.owner.post(&iam("/users"), &json!({"member": member})))).to_owned()
    }

    /// A policy for somebody, such as `{"application_id": …}`.
    fn policy(&self, principal: &Value, rules: &Value) -> String {
        let mut body = json!({"name": "policy", "rules": rules});
        let members = body.as_object_mut().unwrap();
        members.extend(principal.as_object().unwrap().clone());
        id(&good(self.owner.post(&iam("/policies"), &body))).to_owned()
    }

    /// A rule for everything in the organization.
    fn everywhere(&self, sets: &[&str]) -> Value {
        json!({"permission_set_names": sets, "organization_id": self.id})
    }

    /// An API key of somebody, and a client that has it.
    fn key(&self, bearer: &Value) -> (String, Client) {
        let made = good(self.owner.post(&iam("/api-keys"), bearer));
        let client = self.owner.with_key(Some(member(&made, "secret_key")));
        (member(&made, "access_key").to_owned(), client)
    }

    /// An application with these rules, and a client that has one of its keys.
    fn caller(&self, name: &str, rules: &Value) -> (String, Client) {
        let application = self.application(name);
        if rules.as_array().is_some_and(|rules| !rules.is_empty()) {
            self.policy(&json!({"application_id": application}), rules);
        }
        let (_, client) = self.key(&json!({"application_id": application}));
        (application, client)
    }
}

/// What a refused request lacks.
#[track_caller]
fn denied(answer: &Response, action: &str, resource: &str) {
    assert_eq!(answer.status, 403, "{}", testkit::http::text(&answer.body));
    let body = answer.json();
    assert_eq!(body["type"], "permissions_denied", "{body}");
    assert_eq!(body["details"], json!([{"action": action, "resource": resource}]), "{body}");
}

/// Nothing but the status.
#[track_caller]
fn answers(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{}", testkit::http::text(&answer.body));
}
