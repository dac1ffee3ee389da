//! SQLite, in one file.
//!
//! One thread writes. It commits together what has queued up while the commit before was under
//! way, since what a commit costs is the wait for the disk. Each piece of work stands in a
//! savepoint of its own, so that one that fails takes no other along. A few threads read beside
//! it, each with a connection of its own.

mod audit;
mod changing;
mod feed;
mod file;
mod iam;
mod revoking;
mod rows;
mod schema;
mod tokens;
mod transaction;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::{Store, StoreError, Unit};
pub use file::{
    FileTrouble, OpenError, ServeLock, copy_to, create_private, restore_from, sync_folder,
};
use transaction::SqliteTransaction;

/// The most pieces of work that one commit has.
const BATCH: usize = 256;

/// How many pieces of work may wait for each kind of thread. More are refused.
const QUEUE: usize = 4096;

/// How many threads read.
const READERS: usize = 4;

/// How often a thread that reads looks whether its file is still there.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How long to wait for a lock that another program holds.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// A SQLite file that is open.
pub struct Sqlite {
    writes: Option<SyncSender<Box<dyn Unit>>>,
    reads: Option<SyncSender<Box<dyn Unit>>>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
}

/// What may be done to the file when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is made if it isn't there, and brought to the newest version.
    CreateOrMigrate,
    /// It has to be there, in the newest version.
    Existing,
}

impl Sqlite {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(path: &Path, opening: Opening) -> Result<Self, OpenError> {
        let mut writer = file::open(path, opening)?;
        match opening {
            Opening::CreateOrMigrate => {
                schema::migrate(&mut writer).map_err(file::in_file(path))?
            }
            Opening::Existing if schema::is_newest(&writer).map_err(file::in_file(path))? => {}
            Opening::Existing => return Err(OpenError::Older(path.to_owned())),
        }
        let place = file::Place::of(path)?;
        let mut readers = Vec::new();

        let (writes, queue) = mpsc::sync_channel(QUEUE);
        let at = place.clone();
        let writer = Some(thread::spawn(move || write_all(&writer, &at, &queue)));

        let (reads, queue) = mpsc::sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..READERS {
            let reader = file::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            reader.pragma_update(None, "query_only", true).map_err(file::in_file(path))?;
            let (at, queue) = (place.clone(), Arc::clone(&queue));
            readers.push(thread::spawn(move || read_all(&reader, &at, &queue)));
        }
        Ok(Self { writes: Some(writes), reads: Some(reads), writer, readers })
    }
}

impl Store for Sqlite {
    fn submit_read(&self, unit: Box<dyn Unit>) {
        submit(self.reads.as_ref(), unit);
    }

    fn submit_write(&self, unit: Box<dyn Unit>) {
        submit(self.writes.as_ref(), unit);
    }
}

impl Drop for Sqlite {
    /// Waits until what was submitted is done.
    fn drop(&mut self) {
        self.reads = None;
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        // Last and alone: of two connections that close at once, neither would put the journal
        // into the database.
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn submit(queue: Option<&SyncSender<Box<dyn Unit>>>, unit: Box<dyn Unit>) {
    match queue.map(|queue| queue.try_send(unit)) {
        Some(Err(TrySendError::Full(unit))) => unit.finish(Err(StoreError::Busy)),
        Some(Err(TrySendError::Disconnected(unit))) => {
            unit.finish(Err(StoreError::Unavailable("its thread has ended".to_owned())));
        }
        // Without a queue this is being dropped, and nobody can be asking.
        Some(Ok(())) | None => {}
    }
}

/// The thread that writes.
fn write_all(connection: &Connection, place: &file::Place, queue: &Receiver<Box<dyn Unit>>) {
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(BATCH.saturating_sub(1)));
        write_batch(connection, place, batch);
    }
}

/// Runs each piece of work, commits, and only then tells how they ended.
fn write_batch(connection: &Connection, place: &file::Place, mut batch: Vec<Box<dyn Unit>>) {
    let outcome = try_batch(connection, place, &mut batch);
    if let Err(error) = &outcome {
        tracing::error!(%error, "nothing was written");
    }
    for unit in batch {
        unit.finish(outcome.clone());
    }
}

fn try_batch(
    connection: &Connection,
    place: &file::Place,
    batch: &mut [Box<dyn Unit>],
) -> Result<(), StoreError> {
    place.check()?;
    let outcome = say(connection, "BEGIN IMMEDIATE")
        .and_then(|()| batch.iter_mut().try_for_each(|unit| try_unit(connection, &mut **unit)))
        .and_then(|()| say(connection, "COMMIT"));
    roll_back(connection);
    outcome?;
    // Written to a file that nobody would find again, if it was removed meanwhile.
    place.check()
}

fn try_unit(connection: &Connection, unit: &mut dyn Unit) -> Result<(), StoreError> {
    say(connection, "SAVEPOINT unit")?;
    let is_kept = unit.run(&mut SqliteTransaction(connection));
    // A full disk ends the whole transaction, with what the units before this one did in it.
    if connection.is_autocommit() {
        return Err(StoreError::Unavailable("the disk is full or fails".to_owned()));
    }
    if !is_kept {
        say(connection, "ROLLBACK TO unit")?;
    }
    say(connection, "RELEASE unit")
}

/// Ends a transaction that hasn't ended, and keeps nothing of it.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(error) = say(connection, "ROLLBACK")
    {
        tracing::error!(%error, "a transaction can't be ended");
    }
}

/// What has no values, and is said so often that reading it each time would show.
fn say(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    statement.execute([]).map(drop).map_err(store_error)
}

/// A thread that reads.
fn read_all(connection: &Connection, place: &file::Place, queue: &Mutex<Receiver<Box<dyn Unit>>>) {
    let mut looked_at: Option<Instant> = None;
    loop {
        // A thread that panics elsewhere leaves the queue as it was.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut unit) = next else { return };
        let is_known = looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        let outcome = if is_known { Ok(()) } else { place.check() };
        if !is_known {
            looked_at = outcome.is_ok().then(Instant::now);
        }
        let outcome = outcome.and_then(|()| say(connection, "BEGIN")).and_then(|()| {
            unit.run(&mut SqliteTransaction(connection));
            say(connection, "COMMIT")
        });
        roll_back(connection);
        unit.finish(outcome);
    }
}

/// What an error of SQLite means. Its text names tables and columns, and no values.
fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => {
            match error.sqlite_error().map(|it| it.extended_code) {
                Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                    StoreError::AlreadyExists
                }
                Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Missing,
                _ => StoreError::Unavailable(error.to_string()),
            }
        }
        Some(ErrorCode::DiskFull) => StoreError::Unavailable("the disk is full".to_owned()),
        Some(ErrorCode::ReadOnly) => StoreError::Unavailable("its file is read-only".to_owned()),
        Some(ErrorCode::DatabaseBusy) => {
            StoreError::Unavailable("another program has it locked".to_owned())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt("bytes".to_owned())
        }
        Some(_) => StoreError::Unavailable(error.to_string()),
        None => StoreError::Corrupt(error.to_string()),
    }
}

/// What a path on the command line leads to, beside the file itself.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
