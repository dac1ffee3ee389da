//! `issuer trust publish`: database, folder and signals put together.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{TrustKeyError, TrustKeys};
use namespace_jwt_core::trust::name::{Id, Scope};
use tokio::time::{Instant, sleep};

use crate::authority::keys::Keys;
use crate::authority::{Authority, Caller};
use crate::feed::Changes;
use crate::feed::copy::{Copy, CopyError, Folder, FolderError, Round};
use crate::installation::{Installation, InstallationError};
use crate::serve::{forbid_core_files, now, signals};

/// How long after a failure the database is opened again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How often changes are told of on the way.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What an operator says about a copy of the trust feed.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The files of the service.
    pub installation: Installation,
    /// The folder that a web server serves.
    pub folder: PathBuf,
    /// Whether the scope of all namespaces is in it.
    pub with_all: bool,
}

/// What an operator is told on the way.
#[derive(Debug)]
pub enum Event {
    /// So many scopes were published that are new or have changed.
    Published(u64),
    /// A checkpoint was removed that was there from before and isn't told of.
    Removed(Scope),
    /// Something can't be done now, and is tried again.
    Trouble(String),
    /// All is well after trouble.
    Recovered,
}

/// Publishes once. It gives the number of scopes, and the time when the first of them was signed.
///
/// # Errors
///
/// [`PublishError`].
pub async fn once(
    configuration: &Configuration,
    mut tell: impl FnMut(Event),
) -> Result<(u64, UnixTime), PublishError> {
    let (authority, _, mut folder) = open(configuration).await?;
    let signed_at = now();
    let round = Copy::new(authority, &mut folder, configuration.with_all).once().await?;
    round.gone.into_iter().for_each(|scope| tell(Event::Removed(scope)));
    Ok((round.changed, signed_at))
}

/// Publishes each change as soon as it is noticed, and everything afresh after a while, until it is
/// told to end.
///
/// # Errors
///
/// [`PublishError`], before anything is published. Later it goes on and tells.
pub async fn keep(
    configuration: &Configuration,
    every: Duration,
    tell: impl FnMut(Event),
) -> Result<(), PublishError> {
    let end = signals::termination().map_err(PublishError::Signals)?;
    let _outlived = signals::outlive_file_limits().map_err(PublishError::Signals)?;
    forbid_core_files();
    let (authority, issuer, mut folder) = open(configuration).await?;
    let work = async {
        let mut told = Telling { tell, changed: 0, told_at: None, trouble: None };
        let mut authority = Some(authority);
        loop {
            if let Some(authority) = authority.take() {
                let mut copy = Copy::new(authority, &mut folder, configuration.with_all);
                let mut changes = Changes::since(0);
                let failed = loop {
                    match copy.round(&mut changes, every).await {
                        Ok(round) => told.round(round),
                        Err(error) => break error,
                    }
                };
                told.trouble(failed.to_string());
            }
            // It may have been replaced by another, as a restored backup does.
            sleep(TRY_AGAIN).await;
            match opened(&configuration.installation).await {
                Ok((opened, it)) if it == issuer => authority = Some(opened),
                Ok(_) => {
                    let folder = configuration.folder.clone();
                    told.trouble(FolderError::OtherIssuer(folder).to_string());
                }
                Err(error) => told.trouble(error.to_string()),
            }
        }
    };
    tokio::select! {
        () = end => Ok(()),
        never = work => never,
    }
}

async fn open(configuration: &Configuration) -> Result<(Authority, Id, Folder), PublishError> {
    let (authority, issuer) = opened(&configuration.installation).await?;
    let keys = authority.trust_keys(&Caller::operator()).await.map_err(CopyError::from)?;
    let keys = TrustKeys::from_pem(keys.iter().map(|key| key.public_pem.as_str()))?;
    let folder = Folder::open(&configuration.folder, issuer, &keys)?;
    Ok((authority, issuer, folder))
}

/// The operations on the database, and who it is for gateways.
async fn opened(installation: &Installation) -> Result<(Authority, Id), InstallationError> {
    let opened = installation.open().await?;
    let issuer = Id::new(opened.founding.organization_id.into_bytes());
    // Nothing is made here that has a host name.
    let authority = Authority::new(opened.store, Keys::new(opened.secrets), now, String::new());
    Ok((authority, issuer))
}

/// What was told, so that nothing is told again and again.
struct Telling<T> {
    tell: T,
    changed: u64,
    told_at: Option<Instant>,
    trouble: Option<String>,
}

impl<T: FnMut(Event)> Telling<T> {
    fn round(&mut self, round: Round) {
        round.gone.into_iter().for_each(|scope| (self.tell)(Event::Removed(scope)));
        self.changed = self.changed.saturating_add(round.changed);
        let is_time = self.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY);
        if self.changed > 0 && is_time {
            (self.tell)(Event::Published(self.changed));
            (self.changed, self.told_at) = (0, Some(Instant::now()));
        }
        match round.trouble {
            Some(error) => self.trouble(error.to_string()),
            None if self.trouble.take().is_some() => (self.tell)(Event::Recovered),
            None => {}
        }
    }

    fn trouble(&mut self, text: String) {
        if self.trouble.as_ref() != Some(&text) {
            (self.tell)(Event::Trouble(text.clone()));
            self.trouble = Some(text);
        }
    }
}

/// Why nothing is published.
#[derive(Debug)]
pub enum PublishError {
    /// The service's files can't be used.
    Installation(InstallationError),
    /// The feed can't be read, or its copy not be written.
    Copy(CopyError),
    /// The trust keys can't be used.
    Keys(TrustKeyError),
    /// The system doesn't tell when to end.
    Signals(io::Error),
}

impl From<InstallationError> for PublishError {
    fn from(error: InstallationError) -> Self {
        Self::Installation(error)
    }
}

impl From<CopyError> for PublishError {
    fn from(error: CopyError) -> Self {
        Self::Copy(error)
    }
}

impl From<FolderError> for PublishError {
    fn from(error: FolderError) -> Self {
        Self::Copy(error.into())
    }
}

impl From<TrustKeyError> for PublishError {
    fn from(error: TrustKeyError) -> Self {
        Self::Keys(error)
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation(error) => error.fmt(f),
            Self::Copy(error) => error.fmt(f),
            Self::Keys(TrustKeyError::Count(0)) => {
                f.write_str("there is no trust key yet; start `issuer serve` once, which makes it")
            }
            Self::Keys(error) => write!(f, "expected trust keys, found {error}"),
            Self::Signals(error) => write!(f, "the system sends no signals: {error}"),
        }
    }
}

impl std::error::Error for PublishError {}
