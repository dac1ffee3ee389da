//! A namespace: applications that one key pair protects.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::Product;
use super::region::Region;
use super::variables::{Variables, VariablesChange};

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its id.
    pub id: Uuid,
    /// Which product's.
    pub product: Product,
    /// Where it was made.
    pub region: Region,
    /// Whose it is.
    pub organization_id: Uuid,
    /// In which project.
    pub project_id: Uuid,
    /// Its name, of which a project has one in each product and region.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// The environment variables of all that is in it.
    pub variables: Variables,
    /// Labels.
    pub tags: Vec<String>,
    /// As it was asked for. It has no effect.
    pub vpc_integration: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// A namespace that is asked for.
pub struct NewNamespace {
    /// Its name.
    pub name: String,
    /// The project, if the caller names one.
    pub project_id: Option<Uuid>,
    /// Whether the deprecated member asks for it.
    pub vpc_integration: bool,
    /// Everything else.
    pub change: NamespaceChange,
}

/// What a request makes of a namespace. What is `None` stays as it is.
#[derive(Default)]
pub struct NamespaceChange {
    /// The description.
    pub description: Option<String>,
    /// The environment variables.
    pub variables: VariablesChange,
    /// The labels, in place of all that are there.
    pub tags: Option<Vec<String>>,
}

/// Which namespaces a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceFilter {
    /// Of this product.
    pub product: Product,
    /// Of this region.
    pub region: Region,
    /// Of this name exactly.
    pub name: Option<String>,
    /// Of this project.
    pub project_id: Option<Uuid>,
    /// Of this organization.
    pub organization_id: Option<Uuid>,
}
