//! What gateways are told, as bytes: of each scope that somebody asks for, its signed checkpoint,
//! its log and its objects, until something changes.

pub mod copy;
mod log;
mod published;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use namespace_jwt_core::trust::name::Digest;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

pub use log::Log;
pub use published::Checkpoint;

use crate::authority::Authority;
use crate::authority::refusal::Refusal;
use crate::model::trust::{ChangedScopes, TrustScope};
use log::WeakLog;
use published::Published;

/// How often the database is asked for changes, those of other processes on it among them. While
/// nothing changes that is the reading of one row.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The scopes that gateways ask for.
pub struct Feed {
    authority: Arc<Authority>,
    scopes: Mutex<HashMap<TrustScope, Arc<Scope>>>,
    /// The logs of epochs that are over, as long as an answer has them: also where many ask, each
    /// is there once.
    ended: tokio::sync::Mutex<HashMap<(TrustScope, u64), WeakLog>>,
}

struct Scope {
    /// The newest sequence number that is known of.
    news: watch::Sender<u64>,
    published: tokio::sync::Mutex<Published>,
}

impl Feed {
    /// Nobody has asked for anything yet.
    pub fn new(authority: Arc<Authority>) -> Self {
        Self { authority, scopes: Mutex::default(), ended: Default::default() }
    }

    /// The checkpoint of a scope, signed at most a second ago and after every change that is known
    /// of; `None` if there is no such scope.
    ///
    /// # Errors
    ///
    /// That the database can't be read, or that nothing can be signed.
    pub async fn checkpoint(&self, scope: TrustScope) -> Result<Option<Checkpoint>, Refusal> {
        let entry = self.entry(scope);
        let checkpoint = self.publish(scope, &entry).await;
        // What strangers ask for isn't remembered. Where the database fails, those who wait are
        // still to be told.
        if matches!(checkpoint, Ok(None)) {
            self.lock().remove(&scope);
        }
        checkpoint
    }

    /// Waits until a scope's sequence number is higher than another, but no longer than `patience`.
    pub async fn wait(&self, scope: TrustScope, above: u64, patience: Duration) {
        let mut news = self.entry(scope).news.subscribe();
        let _ = timeout(patience, news.wait_for(|sequence| *sequence > above)).await;
    }

    /// The log of a scope and an epoch, if it can still be read.
    ///
    /// # Errors
    ///
    /// That the database can't be read, or that nothing can be signed.
    pub async fn log(&self, scope: TrustScope, epoch: u64) -> Result<Option<Log>, Refusal> {
        // So that what is told of the scope is known: its log is read once then, and not for each
        // who asks.
        let is_there = self.checkpoint(scope).await?.is_some();
        let Some(known) = self.known(scope).filter(|_| is_there) else { return Ok(None) };
        let has_ended = {
            let published = known.published.lock().await;
            if let Some(log) = published.log(epoch) {
                return Ok(Some(log));
            }
            published.has_ended(epoch)
        };
        // An epoch that began since then, if it is one at all. Its log grows, so it isn't kept.
        if !has_ended {
            return self.read_log(scope, epoch).await;
        }
        let mut ended = self.ended.lock().await;
        if let Some(log) = ended.get(&(scope, epoch)).and_then(WeakLog::upgrade) {
            return Ok(Some(log));
        }
        let read = self.read_log(scope, epoch).await?;
        ended.retain(|_, log| !log.is_gone());
        if let Some(log) = &read {
            ended.insert((scope, epoch), log.downgrade());
        }
        Ok(read)
    }

    async fn read_log(&self, scope: TrustScope, epoch: u64) -> Result<Option<Log>, Refusal> {
        let records = self.authority.log_of_epoch(scope, epoch).await?;
        Ok(records.map(|records| Log::default().and(&records)))
    }

    /// An object that a checkpoint of the last ten minutes led to.
    pub async fn object(&self, name: Digest) -> Option<Bytes> {
        let scopes: Vec<_> = self.lock().values().cloned().collect();
        for scope in scopes {
            let found = scope.published.lock().await.object(name);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    async fn publish(
        &self,
        scope: TrustScope,
        entry: &Scope,
    ) -> Result<Option<Checkpoint>, Refusal> {
        let mut published = entry.published.lock().await;
        let newest = *entry.news.borrow();
        let checkpoint = published.current(&self.authority, scope, newest).await?;
        if let Some(checkpoint) = &checkpoint {
            entry.tell(checkpoint.sequence);
        }
        Ok(checkpoint)
    }

    fn entry(&self, scope: TrustScope) -> Arc<Scope> {
        let mut scopes = self.lock();
        let entry = scopes.entry(scope).or_insert_with(|| {
            Arc::new(Scope { news: watch::Sender::new(0), published: Default::default() })
        });
        Arc::clone(entry)
    }

    fn known(&self, scope: TrustScope) -> Option<Arc<Scope>> {
        self.lock().get(&scope).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TrustScope, Arc<Scope>>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, scope: TrustScope, sequence: u64) {
        if let Some(entry) = self.known(scope) {
            entry.tell(sequence);
        }
    }
}

impl Scope {
    fn tell(&self, sequence: u64) {
        self.news.send_if_modified(|newest| {
            let is_news = sequence > *newest;
            *newest = sequence.max(*newest);
            is_news
        });
    }
}

/// Changes of the database as they are noticed, by this process or another.
pub struct Changes {
    ticks: Interval,
    since: u64,
}

impl Changes {
    /// Those after a sequence number of [`TrustScope::All`]: after 0 each scope is one.
    pub fn since(sequence: u64) -> Self {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, since: sequence }
    }

    /// What has changed since the last time, mostly nothing, once it is time to look again.
    ///
    /// # Errors
    ///
    /// That the database can't be read.
    pub async fn next(&mut self, authority: &Authority) -> Result<ChangedScopes, Refusal> {
        self.ticks.tick().await;
        let changed = authority.changed_scopes(self.since).await?;
        self.since = changed.sequence;
        Ok(changed)
    }
}

/// Tells those who wait of changes, until it is dropped.
pub struct Watcher(JoinHandle<()>);

impl Watcher {
    /// Begins now.
    pub fn start(feed: Arc<Feed>) -> Self {
        Self(tokio::spawn(async move {
            // What changed before anybody asked is read when somebody does.
            let mut changes = Changes::since(u64::MAX);
            loop {
                // A database that is gone is told of by whoever needs it.
                let Ok(changed) = changes.next(&feed.authority).await else { continue };
                feed.tell(TrustScope::All, changed.sequence);
                for (id, sequence) in changed.namespaces {
                    feed.tell(TrustScope::Namespace(id), sequence);
                }
            }
        }))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}
