//! The database's file: opened, locked, watched, copied and replaced.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema::{self, SchemaError};
use super::{LOCK_PATIENCE, Opening, beside};
use crate::store::StoreError;

/// Opens the connection that writes.
pub fn open(path: &Path, opening: Opening) -> Result<Connection, OpenError> {
    let size = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    let journal = beside(path, JOURNAL);
    let was_cut_off = size(&journal) > 0;
    // SQLite would throw away the journal, with the last commits, for an empty database.
    if was_cut_off && size(path) == 0 {
        return Err(OpenError::StrayJournal(journal));
    }
    match opening {
        // Made here and not by SQLite, which would let others read it.
        Opening::CreateOrMigrate => match create_private(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(OpenError::Io(path.to_owned(), error));
            }
            _ => {}
        },
        Opening::Existing => {
            fs::metadata(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => OpenError::Missing(path.to_owned()),
                _ => OpenError::Io(path.to_owned(), error),
            })?;
        }
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is already there isn't turned into a database of ours before it is known to be one.
    schema::is_newest(&connection).map_err(in_file(path))?;
    if connection.is_readonly("main").map_err(in_file(path))? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    // A journal that belongs to another copy of the database is applied to this one all the same.
    if was_cut_off && opening == Opening::CreateOrMigrate {
        check_integrity(path)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(in_file(path))?;
    // A commit is on disk when it returns. NORMAL would lose the last ones at a power failure.
    connection.pragma_update(None, "synchronous", "FULL").map_err(in_file(path))?;
    Ok(connection)
}

/// A connection with what every one of ours has.
pub fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let absolute = never_a_uri(path)?;
    let open = || {
        let connection = Connection::open_with_flags(absolute, flags)?;
        connection.busy_timeout(LOCK_PATIENCE)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.set_prepared_statement_cache_capacity(128);
        // Otherwise a plan depends on the values that a statement has, and it is made anew for
        // each of them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok::<_, rusqlite::Error>(connection)
    };
    open().map_err(in_file(path))
}

/// A path that SQLite takes for nothing else. It is built to see a URI in a name that begins with
/// `file:`, whatever the flags; an absolute path never does.
fn never_a_uri(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|error| OpenError::Io(path.to_owned(), error))
}

/// Creates an empty file that only its owner reads and writes.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The right to serve from a file, which one process has at a time. It ends with the process,
/// however that ends.
pub struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// [`OpenError::Served`] if another process has it.
    pub fn take(database: &Path) -> Result<Self, OpenError> {
        // The file behind a link has one lock, whatever the link's name.
        let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
        let path = beside(&database, ".lock");
        let file = match create_private(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&path)
            }
            other => other,
        };
        let file = file.map_err(|error| OpenError::Io(path.clone(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Served(database)),
            Err(TryLockError::Error(error)) => Err(OpenError::Io(path, error)),
        }
    }
}

/// Where the open file is, with its journal and what processes share of that. If one of them was
/// moved, removed or replaced there are no more writes: what is written would be gone after a
/// restart.
#[derive(Clone, Debug)]
pub struct Place {
    files: Vec<(PathBuf, Identity)>,
}

impl Place {
    /// The place of a database that a connection has read from, so that its journal is there. As
    /// long as that connection is open, SQLite neither removes nor replaces the journal.
    pub fn of(path: &Path) -> Result<Self, OpenError> {
        let at_path = |error| OpenError::Io(path.to_owned(), error);
        // SQLite keeps the journal beside the file itself, not beside a link to it.
        let real = path.canonicalize().map_err(at_path)?;
        let paths = [path.to_owned(), beside(&real, JOURNAL), beside(&real, "-shm")];
        let files = paths.into_iter().map(|path| {
            let identity = Identity::of(&path)?;
            Ok((path, identity))
        });
        Ok(Self { files: files.collect::<io::Result<_>>().map_err(at_path)? })
    }

    /// Whether the files that were opened are still where they were.
    pub fn check(&self) -> Result<(), StoreError> {
        self.files.iter().try_for_each(|(path, known)| {
            let problem = match Identity::of(path) {
                Ok(identity) if identity == *known => return Ok(()),
                Ok(_) => "another file stands in its place; put it back, or start the service anew",
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "its file or its journal is gone; put it back"
                }
                Err(_) => "its file can't be looked at",
            };
            Err(StoreError::Unavailable(problem.to_owned()))
        })
    }
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt as _;
            Self { device: metadata.dev(), inode: metadata.ino() }
        };
        #[cfg(not(unix))]
        let identity = Self {};
        let _ = metadata;
        Ok(identity)
    }
}

/// Writes a consistent copy of a database, which may be in use, to a file that isn't there yet.
///
/// # Errors
///
/// [`OpenError`]; nothing is left of the copy then.
pub fn copy_to(database: &Path, copy: &Path) -> Result<(), OpenError> {
    let source = open(database, Opening::Existing)?;
    let at_copy = |error| OpenError::Io(copy.to_owned(), error);
    let name = never_a_uri(copy)?;
    // SQLite would write to another file, which everyone may read.
    let name = name.to_str().ok_or_else(|| at_copy(io::ErrorKind::InvalidFilename.into()))?;
    let file = create_private(copy).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => OpenError::Exists(copy.to_owned()),
        _ => at_copy(error),
    })?;
    let result = (|| {
        // Into an empty file, which keeps its permissions. The name is a value, not SQL.
        source.execute("VACUUM INTO ?", [name]).map_err(in_file(database))?;
        file.sync_all().map_err(at_copy)?;
        sync_folder(copy).map_err(at_copy)
    })();
    if result.is_err() {
        let _ = fs::remove_file(copy);
    }
    result
}

/// Puts a copy in a database's place, after `verify` has found nothing wrong with it. What was
/// there before is kept beside it under the name that is returned.
///
/// # Errors
///
/// [`OpenError`], or what `verify` says; the database is as it was then.
pub fn restore_from<E: From<OpenError>>(
    copy: &Path,
    database: &Path,
    verify: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<Option<PathBuf>, E> {
    // The file and its journal are replaced where they are, and a link to them stays.
    let database = &database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let _lock = ServeLock::take(database)?;
    let fresh = beside(database, ".restoring");
    let remove = || FILES.map(|suffix| drop(fs::remove_file(beside(&fresh, suffix))));
    remove();
    let result = (|| {
        copy_private(copy, &fresh)?;
        // One that was put aside while it was open has its last commits in its journal.
        let journal = beside(copy, JOURNAL);
        if journal.exists() {
            copy_private(&journal, &beside(&fresh, JOURNAL))?;
        }
        check_integrity(&fresh).map_err(|error| about_copy(copy, error))?;
        verify(&fresh)?;
        // What opened it has put its journal into it, and removed that.
        if beside(&fresh, JOURNAL).exists() {
            return Err(OpenError::Damaged(copy.to_owned()).into());
        }
        hand_over(&fresh, database)?;
        Ok(replace(&fresh, database)?)
    })();
    if result.is_err() {
        remove();
    }
    result
}

/// Gives a file that root made to whom the database belongs, or its folder while there is none:
/// otherwise the service, which isn't root, couldn't open it.
#[cfg(unix)]
fn hand_over(file: &Path, database: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let give = || {
        if fs::metadata(file)?.uid() != 0 {
            return Ok(());
        }
        let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let owner = fs::metadata(database).or_else(|_| fs::metadata(folder))?;
        chown(file, Some(owner.uid()), Some(owner.gid()))
    };
    give().map_err(|error| OpenError::Io(file.to_owned(), error))
}

/// Elsewhere files have no owner of this kind.
#[cfg(not(unix))]
fn hand_over(_: &Path, _: &Path) -> Result<(), OpenError> {
    Ok(())
}

/// What SQLite puts behind a database's name for the file with its last commits.
const JOURNAL: &str = "-wal";

/// What stands behind a database's name in each file that it has.
const FILES: [&str; 3] = ["", JOURNAL, "-shm"];

fn copy_private(from: &Path, to: &Path) -> Result<(), OpenError> {
    let at_source = |error| OpenError::Io(from.to_owned(), error);
    let mut source = File::open(from).map_err(at_source)?;
    if !source.metadata().map_err(at_source)?.is_file() {
        return Err(at_source(io::ErrorKind::InvalidInput.into()));
    }
    let at_target = |error| OpenError::Io(to.to_owned(), error);
    let mut target = create_private(to).map_err(at_target)?;
    io::copy(&mut source, &mut target).map_err(at_target)?;
    target.sync_all().map_err(at_target)
}

fn check_integrity(path: &Path) -> Result<(), OpenError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    schema::is_newest(&connection).map_err(in_file(path))?;
    let found = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match found.map_err(in_file(path))? {
        Value::Text(found) if found == "ok" => Ok(()),
        _ => Err(OpenError::Damaged(path.to_owned())),
    }
}

/// What is wrong with a copy, by the name that it has for whoever gave it.
fn about_copy(copy: &Path, error: OpenError) -> OpenError {
    match error {
        OpenError::Damaged(_) => OpenError::Damaged(copy.to_owned()),
        OpenError::Schema(_, error) => OpenError::Schema(copy.to_owned(), error),
        other => other,
    }
}

/// Moves what is there aside, with its journal, and the new file into its place.
fn replace(fresh: &Path, database: &Path) -> Result<Option<PathBuf>, OpenError> {
    let io = |error| OpenError::Io(database.to_owned(), error);
    let aside = (1..).map(|number: u32| beside(database, &format!(".replaced-{number}")));
    let is_free = |name: &PathBuf| FILES.iter().all(|end| !beside(name, end).exists());
    let aside = aside.into_iter().find(is_free);
    // The journal goes with its database, or without it where that is gone: it would be applied to
    // the new one. It goes last: without it the old one would be opened as if it were whole.
    let there = FILES.map(|suffix| Some(suffix).filter(|end| beside(database, end).exists()));
    let kept = aside.filter(|_| there.iter().any(Option::is_some));
    if let Some(kept) = &kept {
        for suffix in there.into_iter().flatten() {
            fs::rename(beside(database, suffix), beside(kept, suffix)).map_err(io)?;
        }
    }
    fs::rename(fresh, database).map_err(io)?;
    sync_folder(database).map_err(io)?;
    Ok(kept)
}

/// Makes a file's name as durable as its content.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Why a database isn't opened, copied or replaced.
#[derive(Debug)]
pub enum OpenError {
    /// It isn't there.
    Missing(PathBuf),
    /// There is nothing in it.
    Empty(PathBuf),
    /// Another process serves from it.
    Served(PathBuf),
    /// An older version of this program made it.
    Older(PathBuf),
    /// It is damaged.
    Damaged(PathBuf),
    /// There is a journal, and not the database that it belongs to.
    StrayJournal(PathBuf),
    /// A file that would be made is there already.
    Exists(PathBuf),
    /// The system refuses.
    Io(PathBuf, io::Error),
    /// It can be read alone.
    ReadOnly(PathBuf),
    /// Its content isn't used.
    Schema(PathBuf, SchemaError),
}

/// Puts a file's name to what SQLite says of it.
pub fn in_file<E: Into<SchemaError>>(path: &Path) -> impl Fn(E) -> OpenError {
    |error| match error.into() {
        SchemaError::Sqlite(error) if is_damage(&error) => OpenError::Damaged(path.to_owned()),
        error => OpenError::Schema(path.to_owned(), error),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(
                f,
                "there is no database {}; `issuer serve` makes one, or name another with --database",
                path.display()
            ),
            Self::Empty(path) => {
                write!(f, "there is nothing in {}; take another backup", path.display())
            }
            Self::Served(path) => write!(
                f,
                "another `issuer serve` has {} open; end it first, or name another file with \
                 --database",
                path.display()
            ),
            Self::Older(path) => write!(
                f,
                "{} was made by an older version; start `issuer serve` once, which brings it up \
                 to date",
                path.display()
            ),
            Self::Damaged(path) => write!(
                f,
                "{} is damaged, or is not a database; take a backup that is whole",
                path.display()
            ),
            Self::StrayJournal(path) => write!(
                f,
                "{} has the last changes of a database that isn't there; put the database back \
                 beside it, or move it away if you restore an older one",
                path.display()
            ),
            Self::Exists(path) => write!(
                f,
                "{} exists and is left as it is; name another file, or move it away",
                path.display()
            ),
            Self::Io(path, error) => FileTrouble(path, error).fmt(f),
            Self::ReadOnly(path) => {
                write!(f, "{} can be read, not written; check its permissions", path.display())
            }
            Self::Schema(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

/// What the system says of a file, and what to do.
pub struct FileTrouble<'a>(pub &'a Path, pub &'a io::Error);

impl fmt::Display for FileTrouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, error) = self;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let (io::ErrorKind::NotFound, Some(folder)) = (error.kind(), folder)
            && !folder.exists()
        {
            return write!(f, "there is no folder {}; make it first", folder.display());
        }
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "check the name",
            io::ErrorKind::PermissionDenied => "check who may read and write it and its folder",
            io::ErrorKind::StorageFull => "make room",
            io::ErrorKind::IsADirectory => "name a file in it",
            _ => "check the path",
        };
        write!(f, "{}: {error}; {advice}", path.display())
    }
}
