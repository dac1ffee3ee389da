//! SSH keys: kept and listed for whoever reads them. Nothing here lets anybody in by one.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

/// An SSH key of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organization_id: Uuid,
    /// In which project.
    pub project_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its type and the key itself in base64.
    pub public_key: String,
    /// Its size, its MD5 and its type.
    pub fingerprint: String,
    /// Whether it is not to be used.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

/// An SSH key that is asked for.
pub struct NewSshKey {
    /// Its name.
    pub name: String,
    /// Its type and the key itself in base64.
    pub public_key: String,
    /// Its size, its MD5 and its type.
    pub fingerprint: String,
    /// The project, if the caller names one.
    pub project_id: Option<Uuid>,
}

/// What a request makes of an SSH key. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct SshKeyChange {
    /// The name.
    pub name: Option<String>,
    /// Whether it is not to be used.
    pub is_disabled: Option<bool>,
}

/// Which SSH keys a list has.
#[derive(Clone, Debug, Default)]
pub struct SshKeyFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this project.
    pub project_id: Option<Uuid>,
    /// Of this name exactly.
    pub name: Option<String>,
    /// Only those that are not to be used, or only the others.
    pub is_disabled: Option<bool>,
}
