//! Where the service keeps what it knows: a trait, which each database implements once.
//!
//! An operation is a function over a [`Transaction`]. It sees one state of the database and either
//! all it changed is kept or nothing. A store may run it more than once (a database that refuses a
//! transaction because of another asks for that), so it changes nothing but the transaction.
//!
//! [`read`] and [`write()`] answer only once the outcome is certain: after a change has been
//! committed and is on disk.

pub mod audit;
pub mod change;
pub mod feed;
pub mod iam;
pub mod sqlite;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::iam::decision::Authorized;
use crate::model::application::{Application, ApplicationFilter};
use crate::model::namespace::{Namespace, NamespaceFilter};
use crate::model::namespace_key::NamespaceKey;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::project::{Project, ProjectFilter};
use crate::model::token::{Token, TokenFilter};
use crate::model::trust::MAX_RECORDS;
use audit::AuditLog;
use change::{Change, Founding, Origin};
use feed::Feed;
use iam::Iam;

/// A database.
pub trait Store: Send + Sync {
    /// Runs something that changes nothing.
    fn submit_read(&self, unit: Box<dyn Unit>);

    /// Runs something that may change the database, and finishes it after the commit.
    fn submit_write(&self, unit: Box<dyn Unit>);
}

/// A piece of work in one transaction.
pub trait Unit: Send {
    /// Does the work. What was changed is kept if this is true, and undone otherwise.
    fn run(&mut self, transaction: &mut dyn Transaction) -> bool;

    /// Says how it ended: what [`Unit::run`] kept is on disk, or the reason why nothing is.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// One state of the database, and what is changed in it.
pub trait Transaction: AuditLog + Feed + Iam {
    /// What the first start made, once there was one.
    fn founding(&mut self) -> Result<Option<Founding>, StoreError>;

    /// Fills an empty database with what the first start makes, but for the owner's key. One that
    /// isn't empty has [`StoreError::AlreadyExists`].
    fn establish(&mut self, founding: &Founding) -> Result<(), StoreError>;

    /// Notes how clients reach the service from now on.
    fn note_api_url(&mut self, url: &str) -> Result<(), StoreError>;

    /// The organization of a project.
    fn organization_of_project(&mut self, project_id: Uuid) -> Result<Option<Uuid>, StoreError>;

    /// A project.
    fn project(&mut self, id: Uuid) -> Result<Option<Project>, StoreError>;

    /// The projects that the caller may see and the filter lets through.
    fn projects(
        &mut self,
        by: &Authorized,
        filter: &ProjectFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError>;

    /// Whether there is a namespace in a project.
    fn project_is_used(&mut self, id: Uuid) -> Result<bool, StoreError>;

    /// A namespace.
    fn namespace(&mut self, id: Uuid) -> Result<Option<Namespace>, StoreError>;

    /// The namespaces that the caller may see and the filter lets through.
    fn namespaces(
        &mut self,
        by: &Authorized,
        filter: &NamespaceFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Namespace>, StoreError>;

    /// The keys of a namespace, the newest first.
    fn namespace_keys(&mut self, namespace_id: Uuid) -> Result<Vec<NamespaceKey>, StoreError>;

    /// The newest key of any namespace: one that has to be usable.
    fn newest_key(&mut self) -> Result<Option<NamespaceKey>, StoreError>;

    /// Writes what means nothing, to see whether the database takes it.
    fn touch(&mut self) -> Result<(), StoreError>;

    /// A function or container.
    fn application(&mut self, id: Uuid) -> Result<Option<Application>, StoreError>;

    /// The applications that the caller may see and the filter lets through.
    fn applications(
        &mut self,
        by: &Authorized,
        filter: &ApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Application>, StoreError>;

    /// A token.
    fn token(&mut self, id: Uuid) -> Result<Option<Token>, StoreError>;

    /// The tokens that the filter lets through, of those products for which there is a permission.
    fn tokens(
        &mut self,
        by: &[Authorized],
        filter: &TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, StoreError>;

    /// Makes a change and writes the entry of the audit log that tells of it.
    fn apply(
        &mut self,
        by: &Authorized,
        change: &Change<'_>,
        origin: &Origin,
    ) -> Result<(), StoreError>;
}

/// Why the database does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Something that must be one of its kind is there already.
    AlreadyExists,
    /// What a change is about, or belongs to, isn't there.
    Missing,
    /// The database can't be read or written now: why, for the operator.
    Unavailable(String),
    /// There is more to do than the database gets done.
    Busy,
    /// The database holds what no version of this program writes: what, for the operator.
    Corrupt(String),
    /// There is no room for what is to be revoked.
    LogFull {
        /// How many revoked tokens there are.
        records: u64,
    },
    /// The permission is for something else than the change: a fault of this program.
    NotPermitted,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists => f.write_str("it exists already"),
            Self::Missing => f.write_str("what it is about is not there"),
            Self::Unavailable(reason) => write!(f, "the database is not available: {reason}"),
            Self::Busy => f.write_str("the database has too much to do; try again"),
            Self::Corrupt(what) => {
                write!(f, "the database holds {what}, which is unknown here; restore a backup")
            }
            Self::LogFull { records } => write!(
                f,
                "expected at most {MAX_RECORDS} revoked tokens to remember, found {records} and more \
                 to come; revoke all that was issued for a namespace before some time with `issuer \
                 revoke --issued-before`, or replace its keys with `issuer namespace rotate \
                 --compromised`: within the hour that lets go of its tokens that have no expiry, as \
                 a day after their expiry the others go"
            ),
            Self::NotPermitted => f.write_str("the permission is for another change"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Runs an operation that changes nothing.
///
/// # Errors
///
/// The operation's own, or [`StoreError`].
pub async fn read<T, E>(store: &dyn Store, operation: impl Operation<T, E>) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (unit, answer) = unit(operation);
    store.submit_read(unit);
    answer.await.unwrap_or_else(|_| Err(stopped().into()))
}

/// Runs an operation that changes the database, and waits until that is on disk.
///
/// # Errors
///
/// The operation's own, and nothing was changed. Or [`StoreError`]: then nothing was changed as
/// long as the program goes on, but what a disk failed to confirm may be there after a restart, and
/// what went to a file that was moved away meanwhile is in that file.
pub async fn write<T, E>(store: &dyn Store, operation: impl Operation<T, E>) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (unit, answer) = unit(operation);
    store.submit_write(unit);
    answer.await.unwrap_or_else(|_| Err(stopped().into()))
}

/// A function over a transaction.
pub trait Operation<T, E>: FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static {}

impl<F, T, E> Operation<T, E> for F where
    F: FnMut(&mut dyn Transaction) -> Result<T, E> + Send + 'static
{
}

fn stopped() -> StoreError {
    StoreError::Unavailable("it is being closed".to_owned())
}

type Answer<T, E> = oneshot::Receiver<Result<T, E>>;

fn unit<T, E>(operation: impl Operation<T, E>) -> (Box<dyn Unit>, Answer<T, E>)
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    (Box::new(Call { operation, result: None, sender }), receiver)
}

struct Call<F, T, E> {
    operation: F,
    result: Option<Result<T, E>>,
    sender: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Unit for Call<F, T, E>
where
    F: Operation<T, E>,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, transaction: &mut dyn Transaction) -> bool {
        // Whoever has gone was told that it isn't done, or will ask again.
        if self.sender.is_closed() {
            return false;
        }
        // One that panics is undone like one that refuses, and takes no thread of the store along:
        // with the one that writes, the service would be at its end. What it leaves of its own
        // state is seen by nobody, since it isn't run again.
        self.result = catch_unwind(AssertUnwindSafe(|| (self.operation)(transaction))).ok();
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (self.result, outcome) {
            // A refusal stands, whatever became of a transaction in which it changed nothing.
            (Some(Err(refused)), _) => Err(refused),
            (_, Err(error)) => Err(error.into()),
            (Some(done), Ok(())) => done,
            (None, Ok(())) => {
                let reason = "this program failed at what was asked for".to_owned();
                Err(StoreError::Unavailable(reason).into())
            }
        };
        // Whoever asked may have gone.
        let _ = self.sender.send(result);
    }
}
