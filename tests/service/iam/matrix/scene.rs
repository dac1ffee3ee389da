//! What there is for the operations to be asked of.

use std::cell::Cell;

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};

use crate::iam::{Organization, SSH_KEY, iam};
use crate::{make_function, make_namespace, make_token};

/// A kind of thing, one of which is made for each operation that succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    FunctionNamespace,
    ContainerNamespace,
    Function,
    Container,
    FunctionToken,
    ContainerToken,
    Project,
    SshKey,
    User,
    Application,
    Group,
    GroupWithUser,
    Policy,
    ApiKey,
    Log,
    Quota,
    TrustKey,
}

/// What there is, made by the owner.
pub struct Scene {
    pub organization: Organization,
    pub function_namespace: String,
    pub container_namespace: String,
    pub function: String,
    pub container: String,
    pub other_project: String,
    pub user: String,
    pub application: String,
    pub policy: String,
    pub owner_id: String,
    number: Cell<u32>,
}

impl Scene {
    pub fn new() -> Self {
        let organization = Organization::new();
        let client = &organization.owner;
        let path = client.functions("/namespaces");
        let function_namespace = make_namespace(client, &path, "functions");
        let path = client.containers("/namespaces");
        let container_namespace = make_namespace(client, &path, "containers");
        let function = make_function(client, &function_namespace, "first");
        let container = make_container(client, &container_namespace, "first");
        let other_project = organization.project("other");
        let (user, application) = (organization.user("somebody"), organization.application("some"));
        let policy = organization.policy(&json!({"application_id": application}), &json!([]));
        let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
        let own = good(client.get(&iam(&format!("/api-keys/{access_key}"))));
        let owner_id = member(&own, "user_id").to_owned();
        let number = Cell::new(0);
        Self {
            function_namespace,
            container_namespace,
            function,
            container,
            other_project,
            user,
            application,
            policy,
            owner_id,
            number,
            organization,
        }
    }

    pub fn name(&self, kind: &str) -> String {
        self.number.set(self.number.get() + 1);
        format!("{kind}-{}", self.number.get())
    }

    pub fn oldest_trust_key(&self) -> String {
        let keys = good(self.organization.owner.get("/issuer/v1/trust-keys"));
        id(&keys["trust_keys"][0]).to_owned()
    }

    /// How many changes there were.
    pub fn changes(&self) -> u64 {
        let logs = good(self.organization.owner.get(&iam("/logs?page_size=1")));
        logs["total_count"].as_u64().expect("a number")
    }

    /// Something new to ask for, by what stands for it in a path.
    pub fn make(&self, kind: Kind) -> String {
        let (organization, client) = (&self.organization, &self.organization.owner);
        let made = |path: &str, body: Value| good(client.post(path, &body));
        match kind {
            Kind::FunctionNamespace => {
                make_namespace(client, &client.functions("/namespaces"), &self.name("namespace"))
            }
            Kind::ContainerNamespace => {
                make_namespace(client, &client.containers("/namespaces"), &self.name("namespace"))
            }
            Kind::Function => make_function(client, &self.function_namespace, &self.name("f")),
            Kind::Container => make_container(client, &self.container_namespace, &self.name("c")),
            Kind::FunctionToken => id(&make_token(client, &self.function)).to_owned(),
            Kind::ContainerToken => {
                let body = json!({"container_id": self.container});
                id(&made(&client.containers("/tokens"), body)).to_owned()
            }
            Kind::Project => organization.project(&self.name("project")),
            Kind::SshKey => {
                let body = json!({"name": self.name("ssh"), "public_key": SSH_KEY});
                id(&made(&iam("/ssh-keys"), body)).to_owned()
            }
            Kind::User => organization.user(&self.name("user")),
            Kind::Application => organization.application(&self.name("application")),
            Kind::Group => organization.group(&self.name("group")),
            Kind::GroupWithUser => {
                let group = organization.group(&self.name("group"));
                let path = iam(&format!("/groups/{group}/add-member"));
                made(&path, json!({"user_id": self.user}));
                group
            }
            Kind::Policy => {
                let principal = json!({"application_id": self.application});
                organization.policy(&principal, &json!([]))
            }
            Kind::ApiKey => organization.key(&json!({"user_id": self.user})).0,
            Kind::Log => {
                let logs = good(client.get(&iam("/logs?page_size=1")));
                id(&logs["logs"][0]).to_owned()
            }
            Kind::Quota => "users".to_owned(),
            Kind::TrustKey => {
                made("/issuer/v1/trust-keys", json!({}));
                self.oldest_trust_key()
            }
        }
    }
}

fn make_container(client: &Client, namespace: &str, name: &str) -> String {
    let body = json!({
        "name": name, "namespace_id": namespace, "registry_image": "registry.test/image:1",
    });
    id(&good(client.post(&client.containers("/containers"), &body))).to_owned()
}
