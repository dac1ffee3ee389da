//! Who changed what.

use std::net::IpAddr;

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

/// What was done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was deleted.
    Deleted,
}

impl Verb {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    /// The verb of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// Its name, in the database and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// One entry of the audit log, written in the transaction of the change that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub created_at: UnixTime,
    /// Whose resource it is.
    pub organization_id: Uuid,
    /// Who: a user, or nobody where the operator of this machine did it.
    pub bearer_id: Option<Uuid>,
    /// With which API key.
    pub access_key: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: String,
    /// The request, as the answer and the log name it.
    pub request_id: Option<Uuid>,
    /// What was done.
    pub verb: Verb,
    /// What kind of thing it was done to, such as `function_token`.
    pub resource_type: &'static str,
    /// The id of the thing.
    pub resource_id: String,
}

/// An entry of the audit log as it is read: with its number, and of a kind of thing that this
/// version may not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the log, from 1 on.
    pub number: u64,
    /// Its id.
    pub id: Uuid,
    /// When, in whole microseconds.
    pub created_at: UnixTime,
    /// Whose resource it is.
    pub organization_id: Uuid,
    /// Who: a user, or nobody where the operator of this machine did it.
    pub bearer_id: Option<Uuid>,
    /// With which API key.
    pub access_key: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: String,
    /// The request, as the answer and the log name it.
    pub request_id: Option<Uuid>,
    /// What was done.
    pub verb: Verb,
    /// What kind of thing it was done to, such as `function_token`.
    pub resource_type: String,
    /// The id of the thing.
    pub resource_id: String,
}

/// Which entries of the audit log a list has.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// At this time or later.
    pub created_after: Option<UnixTime>,
    /// Before this time.
    pub created_before: Option<UnixTime>,
    /// With this done.
    pub verb: Option<Verb>,
    /// To things of this kind.
    pub resource_type: Option<String>,
    /// By this bearer or to this thing.
    pub search: Option<String>,
}
