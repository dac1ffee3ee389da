//! A project: what an organization's namespaces are sorted into.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id. That of the default project is its organization's, as on the platform.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// Its name, of which an organization may have several.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

impl Project {
    /// Whether it is the one that an organization begins with.
    pub fn is_default(&self) -> bool {
        self.id == self.organization_id
    }
}

/// A project that is asked for.
pub struct NewProject {
    /// The organization, if the caller names one.
    pub organization_id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// What a request makes of a project. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProjectChange {
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
}

/// Which projects a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// Those of these, unless there are none.
    pub ids: Vec<Uuid>,
}
