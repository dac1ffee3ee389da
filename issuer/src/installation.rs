//! The files of an installation: the database, the secrets key, and what the first start tells.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use namespace_jwt_core::time::UnixTime;
use zeroize::Zeroizing;

use crate::authority::founding::{self, NewOrganization};
use crate::authority::refusal::Refusal;
use crate::authority::trust_keys;
use crate::model::api_key::{ApiKey, SecretKey};
use crate::model::region::Region;
use crate::sealing::{SECRETS_KEY_BYTES, SealingError, SecretsKey};
use crate::store::change::Founding;
use crate::store::sqlite::{
    FileTrouble, OpenError, Opening, ServeLock, Sqlite, create_private, sync_folder,
};

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The SQLite file.
    pub database: PathBuf,
    /// The key that encrypts private keys.
    pub secrets_key_file: PathBuf,
    /// What the first start writes for the owner.
    pub init_file: PathBuf,
}

/// An installation that is in use.
pub struct Opened {
    /// The database.
    pub store: Arc<Sqlite>,
    /// The key that encrypts private keys: it was proven to be this database's.
    pub secrets: Arc<SecretsKey>,
    /// What the first start made.
    pub founding: Founding,
    /// The owner's first API key was written to the init file just now.
    pub is_new: bool,
}

impl Installation {
    /// The files beside a database, where none are named.
    pub fn beside(
        database: PathBuf,
        secrets_key_file: Option<PathBuf>,
        init_file: Option<PathBuf>,
    ) -> Self {
        let secrets_key_file =
            secrets_key_file.unwrap_or_else(|| database.with_file_name("issuer.key"));
        let init_file = init_file.unwrap_or_else(|| database.with_file_name("issuer.env"));
        Self { database, secrets_key_file, init_file }
    }

    /// Takes the right to serve, which lasts as long as the value.
    ///
    /// # Errors
    ///
    /// [`InstallationError`], if another process has it.
    pub fn lock(&self) -> Result<ServeLock, InstallationError> {
        Ok(ServeLock::take(&self.database)?)
    }

    /// Opens what is there.
    ///
    /// # Errors
    ///
    /// [`InstallationError`].
    pub async fn open(&self) -> Result<Opened, InstallationError> {
        let store = Sqlite::open(&self.database, Opening::Existing)?;
        let founding = founding::find(&store).await?;
        let founding = founding.ok_or_else(|| OpenError::Missing(self.database.clone()))?;
        let secrets = self.proven_key(&founding)?;
        Ok(Opened { store: Arc::new(store), secrets: Arc::new(secrets), founding, is_new: false })
    }

    /// Opens what is there, and makes what isn't: the first start. The owner's API key is on disk
    /// before the database has anything in it, so that no organization is without one.
    ///
    /// # Errors
    ///
    /// [`InstallationError`].
    pub async fn open_or_make(
        &self,
        api_url: &str,
        now: UnixTime,
    ) -> Result<Opened, InstallationError> {
        // Refused before there is an empty database that would be in the way afterwards.
        let is_there = self.database.metadata().is_ok_and(|metadata| metadata.len() > 0);
        if !is_there {
            self.check_first_start()?;
        }
        let store = Sqlite::open(&self.database, Opening::CreateOrMigrate)?;
        if let Some(founding) = founding::find(&store).await? {
            let secrets = Arc::new(self.proven_key(&founding)?);
            if founding.api_url != api_url {
                founding::note_api_url(&store, api_url).await?;
            }
            trust_keys::make_first(&store, &secrets, &founding, now).await?;
            return Ok(Opened { store: Arc::new(store), secrets, founding, is_new: false });
        }
        self.check_first_start()?;
        let secrets = self.key_or_new()?;
        let new = NewOrganization::new(&secrets, api_url, now)?;
        write_credentials(&self.init_file, &new.key, &new.secret, api_url)?;
        if let Err(refusal) = new.commit(&store).await {
            // A key of nobody, which would keep the next start from making another.
            let _ = fs::remove_file(&self.init_file);
            return Err(refusal.into());
        }
        trust_keys::make_first(&store, &secrets, &new.founding, now).await?;
        let (store, secrets) = (Arc::new(store), Arc::new(secrets));
        Ok(Opened { store, secrets, founding: new.founding, is_new: true })
    }

    /// Whether nothing stands in the way of a first start.
    fn check_first_start(&self) -> Result<(), InstallationError> {
        if self.init_file.symlink_metadata().is_ok() {
            return Err(InstallationError::StaleInitFile(self.clone()));
        }
        read_secrets_key(&self.secrets_key_file)?;
        Ok(())
    }

    /// The secrets key, if it is the database's.
    ///
    /// # Errors
    ///
    /// [`InstallationError`].
    pub fn proven_key(&self, founding: &Founding) -> Result<SecretsKey, InstallationError> {
        let path = &self.secrets_key_file;
        let key = read_secrets_key(path)?;
        let key = key.ok_or_else(|| InstallationError::NoSecretsKey(path.clone()))?;
        match founding::is_its_key(founding, &key) {
            true => Ok(key),
            false => Err(InstallationError::OtherSecretsKey(path.clone())),
        }
    }

    fn key_or_new(&self) -> Result<SecretsKey, InstallationError> {
        let path = &self.secrets_key_file;
        if let Some(key) = read_secrets_key(path)? {
            return Ok(key);
        }
        let bytes = SecretsKey::new_bytes()?;
        write_private(path, bytes.as_slice())?;
        Ok(SecretsKey::new(bytes.as_slice())?)
    }
}

/// Writes an API key to a new file that only its owner reads, as lines that the platform's clients
/// read from their environment.
///
/// # Errors
///
/// [`InstallationError`], if the file is there already.
pub fn write_credentials(
    path: &Path,
    key: &ApiKey,
    secret: &SecretKey,
    api_url: &str,
) -> Result<(), InstallationError> {
    let text = Zeroizing::new(format!(
        "SCW_ACCESS_KEY={}\nSCW_SECRET_KEY={}\nSCW_DEFAULT_ORGANIZATION_ID={}\n\
         SCW_DEFAULT_PROJECT_ID={}\nSCW_DEFAULT_REGION={}\nSCW_API_URL={api_url}\n",
        key.access_key,
        *secret.reveal(),
        key.organization_id,
        key.default_project_id,
        Region::default_region(),
    ));
    write_private(path, text.as_bytes())
}

/// Reads a secrets key, if its file is there.
fn read_secrets_key(path: &Path) -> Result<Option<SecretsKey>, InstallationError> {
    let at_path = |error| InstallationError::Io(path.to_owned(), error);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(at_path)?,
    };
    // One byte more than a key has, to see one that is too long.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRETS_KEY_BYTES.saturating_add(1)));
    let most = u64::try_from(SECRETS_KEY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(at_path)?;
    let key = SecretsKey::new(&bytes);
    Ok(Some(key.map_err(|_| InstallationError::NotASecretsKey(path.to_owned()))?))
}

/// Writes a file that isn't there yet and that only its owner reads, and waits for the disk.
fn write_private(path: &Path, content: &[u8]) -> Result<(), InstallationError> {
    let at_path = |error| InstallationError::Io(path.to_owned(), error);
    let mut file = create_private(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => InstallationError::Exists(path.to_owned()),
        _ => at_path(error),
    })?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.and_then(|()| sync_folder(path)).map_err(|error| {
        let _ = fs::remove_file(path);
        at_path(error)
    })
}

/// Why an installation isn't used.
#[derive(Debug)]
pub enum InstallationError {
    /// The database isn't opened.
    Database(OpenError),
    /// The database is open, and can't be read or written.
    Refused(Refusal),
    /// There is no secrets key.
    NoSecretsKey(PathBuf),
    /// The file has another size than a secrets key.
    NotASecretsKey(PathBuf),
    /// The secrets key is another database's.
    OtherSecretsKey(PathBuf),
    /// There is an init file, and nothing in the database.
    StaleInitFile(Installation),
    /// A file that would be made is there already.
    Exists(PathBuf),
    /// The system refuses.
    Io(PathBuf, io::Error),
    /// The system has no randomness.
    NoRandomness,
}

impl From<OpenError> for InstallationError {
    fn from(error: OpenError) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for InstallationError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SealingError> for InstallationError {
    fn from(_: SealingError) -> Self {
        Self::NoRandomness
    }
}

impl fmt::Display for InstallationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NoSecretsKey(path) => write!(
                f,
                "there is no secrets key {}, without which the database's private keys can't be \
                 read; put it back, or name it with --secrets-key-file",
                path.display()
            ),
            Self::NotASecretsKey(path) => write!(
                f,
                "{}: expected a secrets key of {SECRETS_KEY_BYTES} bytes, found another size; name \
                 the right file with --secrets-key-file",
                path.display()
            ),
            Self::OtherSecretsKey(path) => write!(
                f,
                "{} is not the secrets key of this database; name the right one with \
                 --secrets-key-file",
                path.display()
            ),
            Self::StaleInitFile(it) => write!(
                f,
                "the database {} is empty, but {} of an earlier first start is there; bring back \
                 the database, or move that file away to start anew",
                it.database.display(),
                it.init_file.display()
            ),
            Self::Exists(path) => write!(
                f,
                "{} exists and is left as it is; name another file, or move it away",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "{}", FileTrouble(path, error)),
            Self::NoRandomness => f.write_str("the system has no randomness; try again"),
        }
    }
}

impl std::error::Error for InstallationError {}
