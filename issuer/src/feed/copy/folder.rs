//! The folder that a copy of the feed stands in: what is ours there, and how it is written.
//!
//! Others may keep files there too, such as a web server's settings. Only names of the feed's own
//! forms, in the feed's own places, are ever overwritten or removed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, TrustKeys};
use namespace_jwt_core::trust::name::{Digest, Id, Scope, object_path};
use serde::{Deserialize, Serialize};

use crate::model::trust::ENDED_LOG_KEPT;
use crate::store::sqlite::FileTrouble;

/// The file that marks a folder as one of ours. It is locked by whoever writes there.
const NOTES: &str = ".issuer-trust-publish";

/// What a file is called until it is whole.
const UNFINISHED: &str = ".new";

/// The folder of namespaces' checkpoints, and that of objects.
const FOLDERS: [&str; 2] = ["namespaces", "objects"];

/// A folder that this process alone publishes to, as long as the value lives.
pub struct Folder {
    root: PathBuf,
    file: File,
    notes: Notes,
}

/// What is remembered from one publication to the next.
#[derive(Deserialize, Serialize)]
struct Notes {
    /// Whose feed it is.
    issuer: Id,
    /// The objects that nothing names any more, and since which second.
    unnamed: BTreeMap<Digest, u64>,
}

impl Folder {
    /// Takes a folder for the feed of an issuer, which these keys know. It is made if missing.
    ///
    /// # Errors
    ///
    /// [`FolderError`]: it can't be written, is in use, or holds what isn't of this feed.
    pub fn open(root: &Path, issuer: Id, keys: &TrustKeys) -> Result<Self, FolderError> {
        let is_new = !root.exists();
        if is_new {
            fs::create_dir(root).map_err(at(root))?;
            let_others_read_folder(root).map_err(at(root))?;
        }
        let marker = root.join(NOTES);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let is_marked = marker.exists();
        if !is_marked {
            check_strange(root, keys)?;
        }
        let mut file = options.create(true).open(&marker).map_err(at(&marker))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&marker)(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(at(&marker))?;
        let notes = match serde_json::from_slice::<Notes>(&text) {
            Ok(notes) => notes,
            // Cut off, or somebody else's. Every object that nothing names counts as given up now.
            Err(_) => {
                if is_marked {
                    check_strange(root, keys)?;
                }
                Notes { issuer, unnamed: BTreeMap::new() }
            }
        };
        if notes.issuer != issuer {
            return Err(FolderError::OtherIssuer(root.to_owned()));
        }
        for name in FOLDERS {
            let path = root.join(name);
            if !path.exists() {
                fs::create_dir(&path).map_err(at(&path))?;
                let_others_read_folder(&path).map_err(at(&path))?;
            }
        }
        let mut folder = Self { root: root.to_owned(), file, notes };
        folder.write_notes()?;
        Ok(folder)
    }

    /// Writes an object, unless it is there.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn put_object(&self, name: Digest, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.place(&object_path(name));
        let length = u64::try_from(bytes.len()).ok();
        if path.metadata().is_ok_and(|it| it.is_file() && Some(it.len()) == length) {
            return Ok(());
        }
        replace(&path, bytes)
    }

    /// Removes an object, if it is there.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn remove_object(&self, name: Digest) -> Result<(), FolderError> {
        remove(&self.place(&object_path(name)))
    }

    /// Writes the checkpoint of a scope.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn put_checkpoint(&self, scope: Scope, checkpoint: &str) -> Result<(), FolderError> {
        replace(&self.place(&scope.path()), checkpoint.as_bytes())
    }

    /// Removes the checkpoints of scopes that aren't told of. It gives their scopes.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn remove_checkpoints(
        &self,
        is_told: impl Fn(Scope) -> bool,
    ) -> Result<Vec<Scope>, FolderError> {
        let mut gone = checkpoints(&self.root)?;
        gone.retain(|scope| !is_told(*scope));
        for scope in &gone {
            remove(&self.place(&scope.path()))?;
        }
        Ok(gone)
    }

    /// Removes the objects that nothing has named for ten minutes: until then somebody may be on
    /// the way from an older checkpoint to them.
    ///
    /// # Errors
    ///
    /// [`FolderError::Io`].
    pub fn sweep(
        &mut self,
        is_named: impl Fn(Digest) -> bool,
        now: UnixTime,
    ) -> Result<(), FolderError> {
        let now = now.since_epoch().as_secs();
        let mut unnamed = BTreeMap::new();
        for name in objects(&self.root)? {
            if is_named(name) {
                continue;
            }
            // A clock that was set back would keep it for as long as it had been ahead.
            let since = self.notes.unnamed.get(&name).copied().filter(|since| *since <= now);
            let since = since.unwrap_or(now);
            if now.saturating_sub(since) >= ENDED_LOG_KEPT.as_secs() {
                self.remove_object(name)?;
            } else {
                unnamed.insert(name, since);
            }
        }
        if unnamed != self.notes.unnamed {
            self.notes.unnamed = unnamed;
            self.write_notes()?;
        }
        Ok(())
    }

    fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// In place, since the file is locked. One that was cut off is read as none.
    fn write_notes(&mut self) -> Result<(), FolderError> {
        let text = serde_json::to_string(&self.notes).unwrap_or_default();
        let written = self.file.set_len(0).and_then(|()| self.file.rewind());
        let written = written.and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(at(&self.root.join(NOTES)))
    }
}

/// Whether a folder that nobody marked as ours holds only what this issuer's feed consists of.
fn check_strange(root: &Path, keys: &TrustKeys) -> Result<(), FolderError> {
    for path in entries(root)? {
        let name = path.file_name().unwrap_or_default();
        let is_ours = match path.is_dir() {
            true => FOLDERS.iter().any(|it| name == *it),
            false => name == NOTES || name == UNFINISHED || scope_of("", name).is_some(),
        };
        if !is_ours {
            return Err(FolderError::Strange(path));
        }
    }
    for folder in FOLDERS {
        for path in entries(&root.join(folder))? {
            let name = path.file_name().unwrap_or_default();
            let is_object = folder == "objects" && digest_of(name).is_some();
            let is_ours = name == UNFINISHED || is_object || scope_of(folder, name).is_some();
            if path.is_dir() || !is_ours {
                return Err(FolderError::Strange(path));
            }
        }
    }
    for scope in checkpoints(root)? {
        let path = root.join(scope.path().trim_start_matches('/'));
        let bytes = fs::read(&path).map_err(at(&path))?;
        if checkpoint::verify(&bytes, keys).is_err() {
            return Err(FolderError::OtherIssuer(root.to_owned()));
        }
    }
    Ok(())
}

/// The scopes whose checkpoints are there.
fn checkpoints(root: &Path) -> Result<Vec<Scope>, FolderError> {
    let mut found = Vec::new();
    for folder in ["", "namespaces"] {
        let there = entries(&root.join(folder))?;
        found.extend(there.iter().filter_map(|path| scope_of(folder, path.file_name()?)));
    }
    Ok(found)
}

/// The objects that are there.
fn objects(root: &Path) -> Result<Vec<Digest>, FolderError> {
    let there = entries(&root.join("objects"))?;
    Ok(there.iter().filter_map(|path| digest_of(path.file_name()?)).collect())
}

/// The scope whose checkpoint has this name in this folder.
fn scope_of(folder: &str, name: &OsStr) -> Option<Scope> {
    let name = name.to_str()?;
    let scope = match folder {
        "" => Scope::All,
        _ => Scope::Namespace(Id::of(name)?),
    };
    // An id has one form in the feed.
    let path = Path::new("/").join(folder).join(name);
    (Path::new(&scope.path()) == path).then_some(scope)
}

fn digest_of(name: &OsStr) -> Option<Digest> {
    Digest::read(name.to_str()?)
}

/// What is in a folder. One that isn't there is empty.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(at(folder))?,
    };
    let paths = read.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<io::Result<_>>().map_err(at(folder))
}

/// Puts bytes in a file's place, so that whoever reads finds the one or the other, and all of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let unfinished = path.with_file_name(UNFINISHED);
    let written = (|| {
        let mut file = File::create(&unfinished)?;
        // Whoever serves the folder is another user, and this one's mask may forbid it.
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.write_all(bytes)?;
        fs::rename(&unfinished, path)
    })();
    written.map_err(|error| {
        // On a full disk it would be in the way.
        let _ = fs::remove_file(&unfinished);
        at(path)(error)
    })
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn let_others_read_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let _ = path;
    Ok(())
}

/// Why a folder isn't published to.
#[derive(Debug)]
pub enum FolderError {
    /// The system refuses.
    Io(PathBuf, io::Error),
    /// Nothing shows that it was made for a feed, and this is in it.
    Strange(PathBuf),
    /// It has the feed of another issuer.
    OtherIssuer(PathBuf),
    /// Another process publishes to it.
    InUse(PathBuf),
}

fn at(path: &Path) -> impl Fn(io::Error) -> FolderError {
    |error| FolderError::Io(path.to_owned(), error)
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => FileTrouble(path, error).fmt(f),
            Self::Strange(path) => write!(
                f,
                "expected an empty folder or one that was published to before, found {}; name \
                 another folder",
                path.display()
            ),
            Self::OtherIssuer(path) => write!(
                f,
                "{} has the feed of another service, or of trust keys that are gone; name another \
                 folder, or empty it",
                path.display()
            ),
            Self::InUse(path) => write!(
                f,
                "another `issuer trust publish` writes to {}; end it first, or name another folder",
                path.display()
            ),
        }
    }
}

impl std::error::Error for FolderError {}
