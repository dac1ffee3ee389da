//! What the service keeps: namespaces, applications, tokens, keys, who calls, and what they may do.

pub mod api_key;
pub mod application;
pub mod audit;
pub mod bearer;
pub mod group;
pub mod iam_application;
pub mod id;
pub mod name;
pub mod namespace;
pub mod namespace_key;
pub mod page;
pub mod policy;
pub mod project;
pub mod quota;
pub mod region;
pub mod ssh_key;
pub mod ssh_public_key;
pub mod token;
pub mod trust;
pub mod user;
pub mod variables;

use serde::{Deserialize, Serialize};

/// One of the platform's two products. Their namespaces and applications are apart; their tokens
/// have one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Functions.
    Functions,
    /// Containers.
    Containers,
}

impl Product {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Functions, Self::Containers];

    /// The name in a path of the API and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Containers => "containers",
        }
    }

    /// What one of its applications is called.
    pub fn application(self) -> &'static str {
        match self {
            Self::Functions => "function",
            Self::Containers => "container",
        }
    }

    /// What an id of one of its applications is called.
    pub fn application_id(self) -> &'static str {
        match self {
            Self::Functions => "function_id",
            Self::Containers => "container_id",
        }
    }

    /// The product of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.name() == name)
    }
}
