//! What has to be done from time to time while the service runs.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::authority::Authority;

/// How often it is looked whether a key is to sign or to end.
const KEYS_EVERY: Duration = Duration::from_secs(1);

/// How often revocations are dropped that no gateway needs.
const LOGS_EVERY: Duration = Duration::from_secs(3600);

/// Work that goes on until it is dropped.
pub struct Upkeep(JoinHandle<()>);

impl Upkeep {
    /// Begins now.
    pub fn start(authority: Arc<Authority>) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = interval(KEYS_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let begin = Instant::now();
            let mut logs_due = begin;
            let mut fails = false;
            loop {
                let at = ticks.tick().await;
                if let Err(error) = authority.advance_keys(begin.elapsed()).await {
                    say_once(&mut fails, &error);
                    continue;
                }
                fails = false;
                if at < logs_due {
                    continue;
                }
                match authority.compact_logs().await {
                    Ok(done) => {
                        logs_due = at.checked_add(LOGS_EVERY).unwrap_or(at);
                        if done.dropped > 0 {
                            let (dropped, records) = (done.dropped, done.records);
                            info!(dropped, records, "revocations of expired tokens were dropped");
                        }
                    }
                    Err(error) => say_once(&mut fails, &error),
                }
            }
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A database that is gone would fill the log.
fn say_once(fails: &mut bool, error: &impl Display) {
    if !std::mem::replace(fails, true) {
        warn!(%error, "keys and logs can't be seen to; it is tried again");
    }
}
