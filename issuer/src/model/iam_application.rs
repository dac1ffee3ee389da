//! A program that calls the API as itself: an application of IAM, and none that requests are for.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

/// A program that can hold API keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamApplication {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
    /// How many API keys it has.
    pub api_keys: u64,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// What is asked for of something that has a name, a description and labels.
pub struct Titled {
    /// The organization, if the caller names one.
    pub organization_id: Option<Uuid>,
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// Labels.
    pub tags: Vec<String>,
}

/// What a request makes of such a thing. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TitledChange {
    /// The name.
    pub name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The labels, in place of all that are there.
    pub tags: Option<Vec<String>>,
}

/// Which applications of IAM a list has.
#[derive(Clone, Debug, Default)]
pub struct IamApplicationFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// With this label.
    pub tag: Option<String>,
    /// Those of these, unless there are none.
    pub ids: Vec<Uuid>,
    /// Whether they can be changed, as all can here.
    pub is_editable: Option<bool>,
}
