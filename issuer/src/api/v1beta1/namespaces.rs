//! Namespaces, as v1beta1 has them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{SecretView, secrets};
use crate::api::answer::{Listed, Status, Time};
use crate::api::arguments::Arguments;
use crate::api::namespaces::View;
use crate::model::namespace::Namespace;
use crate::model::variables::VariablesChange;

/// A namespace, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1beta1.Namespace")]
pub struct NamespaceView {
    created_at: Time,
    description: String,
    environment_variables: BTreeMap<String, String>,
    error_message: Option<String>,
    id: Uuid,
    name: String,
    organization_id: Uuid,
    project_id: Uuid,
    region: String,
    registry_endpoint: &'static str,
    registry_namespace_id: &'static str,
    secret_environment_variables: Vec<SecretView>,
    status: Status,
    tags: Vec<String>,
    updated_at: Time,
    vpc_integration_activated: bool,
}

impl View for NamespaceView {
    fn of(mut it: Namespace, status: Status) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            description: it.description,
            secret_environment_variables: secrets(&mut it.variables),
            environment_variables: it.variables.plain,
            error_message: None,
            id: it.id,
            name: it.name,
            organization_id: it.organization_id,
            project_id: it.project_id,
            region: it.region.to_string(),
            registry_endpoint: "",
            registry_namespace_id: "",
            status,
            tags: it.tags,
            updated_at: Time::micros(it.updated_at),
            vpc_integration_activated: it.vpc_integration,
        }
    }

    fn variables(body: &mut Arguments) -> VariablesChange {
        body.listed_variables()
    }

    fn vpc_integration(body: &mut Arguments) -> bool {
        body.boolean("activate_vpc_integration").unwrap_or(false)
    }
}

impl Listed for NamespaceView {
    const NAME: &'static str = "namespaces";
}
