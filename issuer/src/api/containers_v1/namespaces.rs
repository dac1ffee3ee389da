//! Namespaces, as containers v1 has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Listed, Status, Time};
use crate::api::arguments::Arguments;
use crate::api::namespaces::View;
use crate::model::namespace::Namespace;
use crate::model::variables::VariablesChange;

/// A namespace, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1.Namespace")]
pub struct NamespaceView {
    created_at: Time,
    description: String,
    environment_variables: BTreeMap<String, String>,
    id: Uuid,
    name: String,
    organization_id: Uuid,
    project_id: Uuid,
    region: String,
    secret_environment_variables: BTreeMap<String, String>,
    status: Status,
    tags: Vec<String>,
    updated_at: Time,
}

impl View for NamespaceView {
    fn of(it: Namespace, status: Status) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            description: it.description,
            environment_variables: it.variables.plain,
            id: it.id,
            name: it.name,
            organization_id: it.organization_id,
            project_id: it.project_id,
            region: it.region.to_string(),
            secret_environment_variables: it.variables.secret,
            status,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
        }
    }

    fn variables(body: &mut Arguments) -> VariablesChange {
        body.mapped_variables()
    }
}

impl Listed for NamespaceView {
    const NAME: &'static str = "namespaces";
}
