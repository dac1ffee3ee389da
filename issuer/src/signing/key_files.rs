//! The two files that hold a namespace's key pair.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys::{SigningKey, SigningKeyError};

/// One byte more than the largest file that is read. Any key that can be used is far
/// smaller.
const KEY_FILE_LIMIT: usize = 64 * 1024;

/// Where the two halves of a key pair stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// The folder.
    pub folder: PathBuf,
    /// The private key, readable by its owner alone.
    pub private: PathBuf,
    /// The public key.
    pub public: PathBuf,
}

impl KeyFiles {
    /// `private.pem` and `public.pem` in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            private: folder.join("private.pem"),
            public: folder.join("public.pem"),
        }
    }

    /// Whether both names are free: to be asked before a slow key is generated.
    /// [`KeyFiles::write`] never overwrites, whatever happens in between.
    pub fn check_absent(&self) -> Result<(), KeyFileError> {
        for path in [&self.private, &self.public] {
            // Unlike `exists`, this sees a dangling link too.
            if path.symlink_metadata().is_ok() {
                return Err(KeyFileError::Exists(path.clone()));
            }
        }
        Ok(())
    }

    /// What lets others at the key once it is there, if anything does.
    pub fn exposure(&self) -> Option<Exposure> {
        folder_exposure(&self.folder)
    }

    /// Writes both files, making the folder if need be. When it fails, nothing
    /// that it made is left, but for parents of the folder.
    pub fn write(&self, key: &SigningKey) -> Result<(), KeyFileError> {
        self.check_absent()?;
        let private = key.private_pem()?;
        let public = key.public_pem()?;
        let made_folder = !self.folder.exists();
        let mut made = Vec::new();
        let result = create_folder(&self.folder)
            .map_err(|error| KeyFileError::io(&self.folder, error))
            .and_then(|()| create(&self.private, private.as_bytes(), 0o600, &mut made))
            .and_then(|()| create(&self.public, public.as_bytes(), 0o644, &mut made));
        if result.is_err() {
            for path in made {
                let _ = fs::remove_file(path);
            }
            if made_folder {
                let _ = fs::remove_dir(&self.folder);
            }
        }
        result
    }
}

/// A private key that was read from a file.
pub struct KeyFromFile {
    /// The key.
    pub key: SigningKey,
    /// What lets others than the owner at it.
    pub exposures: Vec<Exposure>,
}

/// What lets others than its owner at a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// They can read or change the file, as its permission bits say.
    File(PathBuf, u32),
    /// They can replace files in its folder, as the folder's permission bits say.
    Folder(PathBuf, u32),
}

/// The exposure, and what to do.
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, mode) => {
                let what = match (mode & 0o044 != 0, mode & 0o022 != 0) {
                    (true, true) => "read and change",
                    (false, true) => "change",
                    _ => "read",
                };
                let path = path.display();
                write!(f, "others can {what} {path} (mode {mode:04o}); run `chmod 600` on it")
            }
            Self::Folder(path, mode) => write!(
                f,
                "others can replace the key, since they can write to its folder {} (mode \
                 {mode:04o}); run `chmod go-w` on the folder, or keep the key in another",
                path.display()
            ),
        }
    }
}

/// What lets others at a secret in a file that is there, if anything does.
pub fn exposures(path: &Path) -> Vec<Exposure> {
    let mode = path.metadata().ok().and_then(|metadata| mode(&metadata, fs::Metadata::is_file));
    exposures_of(path, mode)
}

/// A file that only its owner can read is as safe as its folder, and a pipe has none.
fn exposures_of(path: &Path, mode: Option<u32>) -> Vec<Exposure> {
    let Some(mode) = mode else { return Vec::new() };
    let file = (mode & 0o066 != 0).then(|| Exposure::File(path.to_owned(), mode));
    let folder = folder_exposure(path.parent().unwrap_or(Path::new("")));
    file.into_iter().chain(folder).collect()
}

/// Reads a private key in PEM from a file or a pipe.
pub fn read_private(path: &Path) -> Result<KeyFromFile, KeyFileError> {
    let at_path = |error| KeyFileError::io(path, error);
    let file = File::open(path).map_err(at_path)?;
    let mode = mode(&file.metadata().map_err(at_path)?, fs::Metadata::is_file);
    let exposures = exposures_of(path, mode);
    // Allocated once: a growing buffer would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_FILE_LIMIT));
    file.take(KEY_FILE_LIMIT as u64).read_to_end(&mut bytes).map_err(at_path)?;
    let refused = |error| KeyFileError::Key(Some(path.to_owned()), error);
    if bytes.len() == KEY_FILE_LIMIT {
        return Err(refused(SigningKeyError::NoPrivateKey));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refused(SigningKeyError::NoPrivateKey))?;
    Ok(KeyFromFile { key: SigningKey::from_pem(text).map_err(refused)?, exposures })
}

/// Why key files can't be written or read.
#[derive(Debug)]
pub enum KeyFileError {
    /// A file of that name is there already.
    Exists(PathBuf),
    /// The system refused to read or write.
    Io(PathBuf, io::Error),
    /// The key itself, read from that file, can't be used.
    Key(Option<PathBuf>, SigningKeyError),
}

impl KeyFileError {
    fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path.to_owned()),
            _ => Self::Io(path.to_owned(), error),
        }
    }
}

impl From<SigningKeyError> for KeyFileError {
    fn from(error: SigningKeyError) -> Self {
        Self::Key(None, error)
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(
                f,
                "{} exists and is left as it is; choose another folder, or move the key away",
                path.display()
            ),
            Self::Io(path, error) => {
                let advice = match error.kind() {
                    io::ErrorKind::NotFound => "check the name",
                    io::ErrorKind::PermissionDenied => "check its permissions",
                    io::ErrorKind::StorageFull => "make room",
                    _ => "check the path",
                };
                write!(f, "{}: {error}; {advice}", path.display())
            }
            Self::Key(Some(path), error) => write!(f, "{}: {error}", path.display()),
            Self::Key(None, error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyFileError {}

/// Creates and fills a file that must not exist yet, and notes that it did.
fn create(
    path: &Path,
    content: &[u8],
    mode: u32,
    made: &mut Vec<PathBuf>,
) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| KeyFileError::io(path, error))?;
    made.push(path.to_owned());
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|error| KeyFileError::Io(path.to_owned(), error))
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Whether others can replace files in a folder. Where it has the sticky bit they can't.
fn folder_exposure(folder: &Path) -> Option<Exposure> {
    // The folder of a bare file name.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mode = mode(&folder.metadata().ok()?, fs::Metadata::is_dir)?;
    let open = mode & 0o022 != 0 && mode & 0o1000 == 0;
    open.then(|| Exposure::Folder(folder.to_owned(), mode & 0o777))
}

/// The permission bits of what is of that kind.
#[cfg(unix)]
fn mode(metadata: &fs::Metadata, is_kind: impl Fn(&fs::Metadata) -> bool) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    is_kind(metadata).then_some(mode)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata, _: impl Fn(&fs::Metadata) -> bool) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::keys::KeyType;

    /// A path that no other test uses and that nothing stands at.
    fn unused_path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("namespace-jwt-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_failure_in_the_middle_leaves_nothing() {
        let key = SigningKey::generate(KeyType::P256).unwrap();
        let folder = unused_path("failure");
        // The second file can't be created.
        let public = folder.join("missing/public.pem");
        let files = KeyFiles { public: public.clone(), ..KeyFiles::in_folder(&folder) };
        let error = files.write(&key).unwrap_err();
        assert!(matches!(&error, KeyFileError::Io(path, _) if *path == public), "{error}");
        assert!(!folder.exists());

        // A folder that was there stays, with what was in it.
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "").unwrap();
        files.write(&key).unwrap_err();
        let names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["mine"]);
    }

    #[test]
    fn writing_overwrites_nothing_even_unasked() {
        let key = SigningKey::generate(KeyType::Ed25519).unwrap();
        let folder = unused_path("overwrite");
        let files = KeyFiles::in_folder(&folder);
        files.write(&key).unwrap();
        let before = fs::read(&files.private).unwrap();
        let error = files.write(&SigningKey::generate(KeyType::Ed25519).unwrap()).unwrap_err();
        let mut made = Vec::new();
        let raced = create(&files.private, b"x", 0o600, &mut made).unwrap_err();
        let after = fs::read(&files.private).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(error, KeyFileError::Exists(_)), "{error}");
        assert!(matches!(raced, KeyFileError::Exists(_)), "{raced}");
        assert!(made.is_empty());
        assert_eq!(before, after);
    }
}
