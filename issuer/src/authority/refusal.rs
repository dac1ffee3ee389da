//! Why an operation isn't done.

use std::fmt;

use crate::iam::action::Action;
use crate::iam::condition::MOST;
use crate::iam::rights::Lack;
use crate::model::Product;
use crate::model::quota::Quota;
use crate::model::trust::MAX_RECORDS;
use crate::sealing::SealingError;
use crate::store::StoreError;

/// Why an operation isn't done. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody knows who asks.
    NotAuthenticated(AuthenticationFault),
    /// Whoever asks may not do this.
    NotPermitted(Action),
    /// Somebody would have more rights by it than whoever asks.
    WouldGain(Action, Lack),
    /// There would be more of something than there may be.
    QuotaExceeded {
        /// Of what.
        quota: Quota,
        /// How much there may be.
        most: u64,
        /// How much there is.
        found: u64,
    },
    /// There would be more of something in an organization than works, whatever its quotas are: how
    /// many there are, beside those that would be replaced.
    TooMany(Bound, u64),
    /// It can't be done to the owner of the organization: what else can be.
    IsOwner(&'static str),
    /// There is no such thing, or none that the caller may know of: which, as the caller named it.
    NotFound(Resource, String),
    /// There is one of this name already: which.
    AlreadyExists(Resource, String),
    /// Something else still needs it: what to do first.
    StillInUse(Resource, &'static str),
    /// The request asks for what can't be.
    InvalidArguments(Vec<ArgumentFault>),
    /// There is more to do than this machine gets done. The same request may be sent again.
    Busy,
    /// The database can't be used now, or not at all.
    Store(StoreError),
    /// A log has more records than any gateway takes, so nothing is signed that names it.
    LogTooLong {
        /// How many.
        records: u32,
    },
    /// Something is wrong that no request can cause: what, for the operator.
    Internal(&'static str),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            other => Self::Store(other),
        }
    }
}

impl From<SealingError> for Refusal {
    fn from(_: SealingError) -> Self {
        Self::Internal("the secrets key does not open a private key")
    }
}

/// For whoever runs a command of this program. The API has its own words.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthenticated(_) => f.write_str("nobody knows who asks"),
            Self::NotPermitted(action) => {
                write!(f, "to {} a {} is not permitted", action.name(), action.resource())
            }
            Self::WouldGain(_, lack) => write!(
                f,
                "expected a caller who has all the rights that this gives, without a condition, \
                 found one who may not {lack}; the owner or an IAMManager can do it"
            ),
            Self::QuotaExceeded { quota, most, found } => write!(
                f,
                "expected at most {most} of `{}`, found {found} already; raise it with `issuer \
                 quota set {} NUMBER`",
                quota.name(),
                quota.name()
            ),
            Self::TooMany(bound, found) => write!(
                f,
                "expected at most {} {} in an organization, found {found} and more to come",
                bound.most(),
                match bound {
                    Bound::Conditions => "different conditions",
                    Bound::Rules => "rules",
                },
            ),
            Self::IsOwner(help) => f.write_str(help),
            Self::NotFound(resource, _) => write!(f, "{} was not found", resource.name()),
            Self::AlreadyExists(resource, _) => {
                write!(f, "{} already exist", resource.name())
            }
            Self::StillInUse(resource, help) => {
                write!(f, "{} is still in use; {help}", resource.name())
            }
            Self::InvalidArguments(faults) => {
                let faults = faults.iter().map(|fault| format!("{}: {}", fault.name, fault.help));
                f.write_str(&faults.collect::<Vec<_>>().join("; "))
            }
            Self::Busy => f.write_str("there is too much to do; try again"),
            Self::Store(error) => error.fmt(f),
            Self::LogTooLong { records } => write!(
                f,
                "expected at most {MAX_RECORDS} revoked tokens in a log, which is all that gateways \
                 take, found {records}; replace the keys of namespaces whose tokens have no expiry \
                 with `issuer namespace rotate --compromised` and restart the service, or restore a \
                 backup"
            ),
            Self::Internal(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// One argument that can't be.
    pub fn argument(name: &str, reason: FaultReason, help: impl Into<String>) -> Self {
        let fault = ArgumentFault { name: name.to_owned(), reason, help: help.into() };
        Self::InvalidArguments(vec![fault])
    }
}

/// What has a bound beside its quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The different conditions of rules: all are kept ready.
    Conditions,
    /// Rules: all that somebody has are read in each of their requests, and changes by others wait
    /// meanwhile.
    Rules,
}

impl Bound {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Conditions => "conditions",
            Self::Rules => "rules",
        }
    }

    /// How many there may be.
    pub fn most(self) -> u64 {
        match self {
            Self::Conditions => MOST,
            Self::Rules => 20_000,
        }
    }
}

/// What is wrong with the secret of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationFault {
    /// There is none, or it has another form.
    Malformed,
    /// Nobody has it.
    Unknown,
    /// Its key has expired.
    Expired,
    /// Its user is locked.
    Locked,
}

/// A kind of thing that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A namespace.
    Namespace,
    /// A function or a container.
    Application(Product),
    /// A function or a container, where whoever asks doesn't say which.
    AnyApplication,
    /// A token.
    Token,
    /// A project.
    Project,
    /// An organization.
    Organization,
    /// A user.
    User,
    /// An application of IAM.
    IamApplication,
    /// A user or an application of IAM.
    Bearer,
    /// Whatever has an id.
    Anything,
    /// A group.
    Group,
    /// A member of a group.
    Member,
    /// A policy.
    Policy,
    /// An API key.
    ApiKey,
    /// An SSH key.
    SshKey,
    /// An issued token, by the id that stands in it.
    Jwt,
    /// An entry of the audit log.
    Log,
    /// How much there may be of something.
    Quota,
    /// A key that signs what gateways are told.
    TrustKey,
}

impl Resource {
    /// That there is none of this id.
    pub fn not_found(self, id: impl fmt::Display) -> Refusal {
        Refusal::NotFound(self, id.to_string())
    }

    /// That there is one of this name already, with this id.
    pub fn already_exists(self, id: impl fmt::Display) -> Refusal {
        Refusal::AlreadyExists(self, id.to_string())
    }

    /// What it is called in a message of the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Application(Product::Functions) => "Function",
            Self::Application(Product::Containers) => "Container",
            Self::AnyApplication => "Function or container",
            Self::Token => "Token",
            Self::Project => "Project",
            Self::Organization => "Organization",
            Self::User => "User",
            Self::IamApplication => "Application",
            Self::Bearer => "User, application or API key",
            Self::Anything => "Resource",
            Self::Group => "Group",
            Self::Member => "Member of the group",
            Self::Policy => "Policy",
            Self::ApiKey => "API key",
            Self::SshKey => "SSH key",
            Self::Jwt => "JWT",
            Self::Log => "Log",
            Self::Quota => "Quota",
            Self::TrustKey => "Trust key",
        }
    }
}

/// What is wrong with one argument of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentFault {
    /// The argument.
    pub name: String,
    /// The kind of fault.
    pub reason: FaultReason,
    /// What was expected, and what to do. It never repeats the value.
    pub help: String,
}

/// The kinds of faults that the platform's API knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultReason {
    /// It is missing.
    Required,
    /// It has another type or form.
    Format,
    /// It has the form, and can't be.
    Constraint,
}

impl FaultReason {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Format => "format",
            Self::Constraint => "constraint",
        }
    }
}
