//! Connections: accepted, limited, served over HTTP/1.1, and brought to an end.
//!
//! `axum::serve` sets no limits, so this drives hyper itself. Everything that a client may draw
//! out has an end: the headers of a request, the pause between two requests, an answer that isn't
//! read, and here or in [`request`](crate::http::request) and [`body`](crate::http::body)
//! everything else. It ends earlier where others come and few connections are left.

mod open;
mod progress;
mod transport;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Service;
use tracing::{debug, error, warn};

use crate::http::metrics::HttpMetrics;
use open::{AT_LEAST, Open};
use progress::{HeadTimer, Progress, Watched};
use transport::Transport;

/// Files that the service needs besides its connections: the database, the log, what is to come.
const OTHER_FILES: u64 = 100;

/// How long nothing is accepted after the operating system refused to.
const PAUSE: Duration = Duration::from_secs(1);

/// What clients may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open at once.
    ///
    /// When few are left, those are closed whose clients have kept the service waiting the longest.
    /// While there are none of these, further ones wait in the kernel's queue. They aren't closed,
    /// as the platform's SDKs repeat nothing: to wait a moment is better than an error. So that it is
    /// a moment, answers close their connections as long as the limit is reached.
    pub connections: usize,
    /// How long the headers of a request may take, from the connection's start or from the
    /// request's first byte.
    pub head: Duration,
    /// How many bytes the headers of a request may have. More than 100 lines, hyper's own limit,
    /// are too many at any length.
    pub head_bytes: usize,
    /// How long a connection may be idle between two requests. A client that keeps connections
    /// should rather be the one who closes them: a request that meets a closing is lost. Proxies
    /// in front of a service do so after 60 s.
    pub idle: Duration,
    /// How long a client may leave an answer unread.
    pub unread: Duration,
    /// How long a connection is kept that is closed before all of a request was read, so that the
    /// client sees the answer and not a reset.
    pub linger: Duration,
    /// How much of such a request is read and dropped, in bytes.
    pub linger_bytes: u64,
    /// How long what is under way may take once the service is to end.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Duration::from_secs(10),
            head_bytes: 32 << 10,
            idle: Duration::from_secs(75),
            unread: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            linger_bytes: 8 << 20,
            shutdown: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// These limits with no more connections than a process may have that may have so many files
    /// open, as [`raise_open_files_limit`] says.
    pub fn within(self, open_files: u64) -> Self {
        let room = open_files.saturating_sub(OTHER_FILES).max(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        Self { connections: self.connections.min(room), ..self }
    }
}

/// Raises the number of files that this process may have open to what its hard limit permits, and
/// says that number.
///
/// # Errors
///
/// If the operating system refuses it.
pub fn raise_open_files_limit() -> io::Result<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
}

/// Serves `router` on `listener` until `shutdown` ends and what was under way then is answered.
///
/// Handlers find the peer's address in the extension [`ConnectInfo`] of [`SocketAddr`]. Says how
/// many connections were cut off, because they took longer to end than is permitted.
pub async fn run(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: HttpMetrics,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut open = Open::new(Arc::clone(&slots));
    let ending = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            // Also ends a pause: what has ended has given back its file.
            Some(ended) = connections.join_next_with_id() => {
                open.end(ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            Some((stream, peer, slot)) = accept(&listener, &slots) => {
                metrics.connections_closed_early(open.make_room(Instant::now()));
                let progress = Arc::new(Progress::new());
                let connection = Connection {
                    router: router.clone(),
                    peer,
                    slots: Arc::clone(&slots),
                    progress: Arc::clone(&progress),
                };
                let served = serve(stream, connection, limits, ending.watcher());
                let counted = metrics.connection();
                let task = connections.spawn(async move {
                    served.await;
                    drop((counted, slot));
                });
                open.begin(task.id(), progress);
            }
            // Whether somebody waits to be accepted isn't known.
            () = sleep(AT_LEAST), if slots.available_permits() == 0 => {
                metrics.connections_closed_early(open.make_room_after_all(Instant::now()));
            }
        }
    }
    // The port is free from here on: who comes now is told so at once.
    drop(listener);
    let ended = async {
        ending.shutdown().await;
        while connections.join_next().await.is_some() {}
    };
    let in_time = timeout(limits.shutdown, ended).await.is_ok();
    let cut_off = if in_time { 0 } else { connections.len() };
    if cut_off > 0 {
        warn!(connections = cut_off, "connections were cut off, as they didn't end in time");
    }
    connections.shutdown().await;
    cut_off
}

/// The next connection, once there is a slot for it. There is always one, sooner or later: None
/// doesn't happen.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Nothing else takes slots, so this one is still there when somebody comes.
    drop(slots.acquire().await.ok()?);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                return Some((stream, peer, Arc::clone(slots).try_acquire_owned().ok()?));
            }
            // The client took its connection back.
            Err(error) if is_the_clients(&error) => {}
            // Too many open files, above all. It would be the same at once again.
            Err(error) => {
                error!(%error, "no connection can be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What the requests of one connection have in common.
#[derive(Clone)]
struct Connection {
    router: Router,
    peer: SocketAddr,
    slots: Arc<Semaphore>,
    progress: Arc<Progress>,
}

async fn serve(
    stream: TcpStream,
    connection: Connection,
    limits: Limits,
    ending: hyper_util::server::graceful::Watcher,
) {
    // Answers are short and written whole: to hold back the last packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "a connection's packets may be delayed");
    }
    let progress = Arc::clone(&connection.progress);
    let transport = Transport::new(stream, Arc::clone(&progress), limits);
    let timer = HeadTimer::new(Arc::clone(&progress), limits.head, limits.idle);
    let service = service_fn(move |request: Request<Incoming>| answer(connection.clone(), request));
    let served = http1::Builder::new()
        .timer(timer)
        // It is there to have hyper ask the timer, which knows better: see there.
        .header_read_timeout(limits.idle)
        .max_header_size(limits.head_bytes)
        // What a connection buffers of a body: hyper's own is 400 KiB, for each stranger.
        .max_buf_size(limits.head_bytes)
        .serve_connection(TokioIo::new(transport), service);
    // Clients leave, are too slow, or speak something else than HTTP. None of it is a fault here,
    // and hyper has answered what can be answered.
    let mut served = pin!(ending.watch(served));
    let outcome = tokio::select! {
        biased;
        outcome = &mut served => outcome,
        // What waits for the client finds that it waits no longer.
        () = progress.told() => served.await,
    };
    if let Err(error) = outcome {
        debug!(%error, "a connection has ended");
    }
}

async fn answer(
    Connection { mut router, peer, slots, progress }: Connection,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    progress.head_is_read();
    let body_progress = Arc::clone(&progress);
    let mut request = request.map(|body| Body::new(Watched::new(body, body_progress)));
    request.extensions_mut().insert(ConnectInfo(peer));
    // A router is ready at all times.
    let mut answer = Service::<Request<Body>>::call(&mut router, request).await?;
    if slots.available_permits() == 0 || progress.is_wanted() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_connections_than_files() {
        let limits = Limits::default();
        for (files, connections) in
            [(u64::MAX, 10_000), (10_100, 10_000), (10_099, 9_999), (1024, 924), (100, 1), (0, 1)]
        {
            assert_eq!(limits.within(files).connections, connections, "{files}");
        }
    }

    #[test]
    fn the_limit_of_open_files_is_raised_to_the_hard_one() {
        let raised = raise_open_files_limit().unwrap();
        assert_eq!(rlimit::Resource::NOFILE.get().unwrap(), (raised, raised));
    }
}
