//! The service: configuration, clock, database and listener put together.

pub mod listener;
pub mod log;
pub mod signals;
mod upkeep;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use namespace_jwt_core::time::UnixTime;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::api::{self, Api, ApiMetrics};
use crate::authority::Authority;
use crate::authority::keys::Keys;
use crate::feed::{Feed, Watcher};
use crate::http::client_address::TrustedProxies;
use crate::http::failures::FailureLimit;
use crate::http::metrics::{self, HttpMetrics};
use crate::http::request::{Observation, observe};
use crate::installation::{Installation, InstallationError};
use crate::signing::key_files;
use listener::Limits;
use upkeep::Upkeep;

/// What an operator says about the service.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The files.
    pub installation: Installation,
    /// How clients reach the service, if not at the address where it listens.
    pub public_url: Option<String>,
    /// Whose word on a client's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// What the host names of functions and containers end with.
    pub domain_suffix: String,
}

/// Serves until it is told to end.
///
/// # Errors
///
/// [`ServeError`], before anything is served.
pub async fn serve(configuration: Configuration) -> Result<(), ServeError> {
    let Configuration { listen, installation, .. } = configuration;
    let end = signals::termination().map_err(ServeError::Signals)?;
    let _outlived = signals::outlive_file_limits().map_err(ServeError::Signals)?;
    forbid_core_files();
    // Before anything is written: a second service on one file changes nothing there.
    let _lock = installation.lock()?;
    let at_address = |error| ServeError::Listen(listen, error);
    let tcp = TcpListener::bind(listen).await.map_err(at_address)?;
    let address = tcp.local_addr().map_err(at_address)?;
    let url = configuration.public_url.unwrap_or_else(|| url_of(address));
    let had_key = installation.secrets_key_file.exists();
    let opened = installation.open_or_make(&url, now()).await?;
    for file in [&installation.secrets_key_file, &installation.database] {
        for exposure in key_files::exposures(file) {
            warn!("{exposure}");
        }
    }
    if opened.is_new && had_key {
        warn!("the secrets key was there before its database; if that was lost, restore it");
    }
    if opened.is_new {
        let (database, init) = (&installation.database, &installation.init_file);
        info!(database = %database.display(), api_key = %init.display(), "a new organization");
    }
    if !address.ip().is_loopback() {
        warn!(%address, "tokens and keys pass in plain text; put TLS in front of this address");
    }

    let open_files = listener::raise_open_files_limit().map_err(ServeError::OpenFiles)?;
    let limits = Limits::default().within(open_files);
    let mut registry = metrics::registry();
    let http = HttpMetrics::register(&mut registry);
    let keys = Keys::made_ahead(opened.secrets);
    let metrics = ApiMetrics::register(&mut registry, keys.ready(), limits.connections);
    let authority = Authority::new(opened.store, keys, now, configuration.domain_suffix);
    let authority = Arc::new(authority);
    let _upkeep = Upkeep::start(Arc::clone(&authority));
    let feed = Arc::new(Feed::new(Arc::clone(&authority)));
    let _watcher = Watcher::start(Arc::clone(&feed));
    let (ending, is_ending) = watch::channel(false);
    let end = async move {
        end.await;
        let _ = ending.send(true);
    };
    let failures = Arc::new(FailureLimit::new());
    let api = Api { metrics, authority, failures, feed, ending: is_ending };
    let router = api::router(api).merge(metrics::router(Arc::new(registry)));
    let observation = Observation {
        trusted_proxies: configuration.trusted_proxies,
        time: Observation::TIME,
        metrics: http.clone(),
    };
    info!(%address, connections = limits.connections, "serving");
    listener::run(tcp, observe(router, observation), limits, http, end).await;
    info!("ended");
    Ok(())
}

/// A core file would hold the keys.
pub fn forbid_core_files() {
    if let Err(error) = rlimit::Resource::CORE.set(0, 0) {
        warn!(%error, "core files can't be forbidden; one would hold private keys");
    }
}

fn url_of(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// The service's clock, to the microsecond, as the database keeps times.
pub fn now() -> UnixTime {
    // Before 1970 there is no time that a token could hold.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
    UnixTime::new(Duration::from_micros(micros))
}

/// Why the service doesn't start.
#[derive(Debug)]
pub enum ServeError {
    /// Its files can't be used.
    Installation(InstallationError),
    /// Its address can't be had.
    Listen(SocketAddr, io::Error),
    /// The system doesn't tell when to end.
    Signals(io::Error),
    /// The system doesn't tell how many files may be open.
    OpenFiles(io::Error),
}

impl From<InstallationError> for ServeError {
    fn from(error: InstallationError) -> Self {
        Self::Installation(error)
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation(error) => error.fmt(f),
            Self::Listen(address, error) => {
                write!(f, "`--listen`: {address}: {error}; choose another address")
            }
            Self::Signals(error) => write!(f, "the system sends no signals: {error}"),
            Self::OpenFiles(error) => write!(f, "the limit on open files: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}
