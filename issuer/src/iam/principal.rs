//! Who asks.

use uuid::Uuid;

use crate::model::api_key::ApiKey;
use crate::model::bearer::Bearer;

/// Who asks for an operation. One that exists has been authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A user or an application, by one of their API keys.
    Bearer(ApiKey),
    /// Whoever runs a command of this program on the machine of the database, and has its files.
    Operator {
        /// The organization of this service.
        organization_id: Uuid,
    },
}

impl Principal {
    /// The organization in which they act.
    pub fn organization_id(&self) -> Uuid {
        match self {
            Self::Bearer(key) => key.organization_id,
            Self::Operator { organization_id } => *organization_id,
        }
    }

    /// The project in which they make what names none.
    pub fn default_project_id(&self) -> Uuid {
        match self {
            Self::Bearer(key) => key.default_project_id,
            // The default project has the organization's id, as on the platform.
            Self::Operator { organization_id } => *organization_id,
        }
    }

    /// The user or application, if it is one.
    pub fn bearer(&self) -> Option<Bearer> {
        match self {
            Self::Bearer(key) => Some(key.bearer),
            Self::Operator { .. } => None,
        }
    }

    /// The id of the user or application, if it is one.
    pub fn bearer_id(&self) -> Option<Uuid> {
        self.bearer().map(Bearer::id)
    }

    /// The access key that they came with.
    pub fn access_key(&self) -> Option<&str> {
        match self {
            Self::Bearer(key) => Some(&key.access_key),
            Self::Operator { .. } => None,
        }
    }
}
