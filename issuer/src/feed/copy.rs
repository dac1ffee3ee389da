//! A copy of the feed as files, for any server of static files.
//!
//! A checkpoint is a file under its own path, so a log can't be: its path begins with the
//! checkpoint's. The log of the signed length stands among the objects, under its own hash.

mod folder;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use namespace_jwt_core::trust::name::{Digest, Scope};
use tokio::time::Instant;

pub use folder::{Folder, FolderError};

use super::Changes;
use super::published::{Published, core_scope};
use crate::authority::Authority;
use crate::authority::refusal::Refusal;
use crate::model::trust::{ChangedScopes, TrustScope};

/// How often objects are looked for that nothing names any more.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How long after a failure a scope is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How many scopes are signed afresh before changes are looked for again.
const AT_ONCE: usize = 256;

/// A log of more bytes is written once a second at most: all of it is, for each change.
const LARGE_LOG: usize = 1 << 20;

/// The bytes of logs that no checkpoint names any more, in all. Beyond them the oldest go at once.
const OLD_LOGS: usize = 1 << 28;

/// The copy, as this process has written it.
pub struct Copy<'f> {
    authority: Authority,
    folder: &'f mut Folder,
    with_all: bool,
    scopes: BTreeMap<TrustScope, Told>,
    /// How many scopes name each object or log.
    named: HashMap<Digest, usize>,
    old_logs: OldLogs,
    next_sweep: Instant,
}

/// What is told of a scope.
struct Told {
    published: Published,
    /// The newest sequence number that is known of.
    newest: u64,
    /// What the checkpoint in the folder leads to.
    names: BTreeSet<Digest>,
    log: Option<(Digest, usize)>,
    /// When it is to be published or signed afresh.
    due: Instant,
    has_changed: bool,
    /// Until when it isn't published again, whatever happens.
    rests_until: Instant,
}

/// What a round of publishing did.
#[derive(Debug, Default)]
pub struct Round {
    /// How many scopes were published that are new or have changed.
    pub changed: u64,
    /// The scopes whose checkpoints were there and aren't told of, so that they were removed.
    pub gone: Vec<Scope>,
    /// What went wrong with one of the others, which is tried again.
    pub trouble: Option<CopyError>,
}

impl<'f> Copy<'f> {
    /// A copy of which nothing is known yet: of every namespace, and if that is asked for, of the
    /// scope of all of them.
    pub fn new(authority: Authority, folder: &'f mut Folder, with_all: bool) -> Self {
        Self {
            authority,
            folder,
            with_all,
            scopes: BTreeMap::new(),
            named: HashMap::new(),
            old_logs: OldLogs::default(),
            next_sweep: Instant::now(),
        }
    }

    /// Publishes everything once.
    ///
    /// # Errors
    ///
    /// [`CopyError`].
    pub async fn once(&mut self) -> Result<Round, CopyError> {
        let changed = Changes::since(0).next(&self.authority).await?;
        self.note(changed);
        let scopes: Vec<_> = self.scopes.keys().copied().collect();
        for scope in &scopes {
            self.publish(*scope).await?;
        }
        let changed = u64::try_from(scopes.len()).unwrap_or(u64::MAX);
        Ok(Round { changed, gone: self.tidy()?, trouble: None })
    }

    /// Publishes what has changed, and signs afresh what was signed that long ago.
    ///
    /// # Errors
    ///
    /// That the database can't be read: nothing is known of any scope then.
    pub async fn round(
        &mut self,
        changes: &mut Changes,
        every: Duration,
    ) -> Result<Round, CopyError> {
        let is_first = self.scopes.is_empty();
        let changed = changes.next(&self.authority).await?;
        self.note(changed);
        let mut round = Round::default();
        for scope in self.due() {
            let has_changed = self.scopes.get(&scope).is_some_and(|told| told.has_changed);
            let pause = match self.publish(scope).await {
                Ok(()) => {
                    round.changed = round.changed.saturating_add(u64::from(has_changed));
                    every
                }
                Err(error) if error.is_of_the_database() => return Err(error),
                Err(error) => {
                    round.trouble = Some(error);
                    TRY_AGAIN
                }
            };
            if let Some(told) = self.scopes.get_mut(&scope) {
                told.due = later(Instant::now(), pause);
            }
        }
        if is_first || Instant::now() >= self.next_sweep {
            self.next_sweep = later(Instant::now(), SWEEP_EVERY);
            match self.tidy() {
                Ok(gone) => round.gone = gone,
                Err(error) => round.trouble = Some(error),
            }
        }
        Ok(round)
    }

    /// Notes which scopes are to be published, the new ones among them.
    fn note(&mut self, changed: ChangedScopes) {
        let now = Instant::now();
        let namespaces = changed.namespaces.into_iter();
        let namespaces = namespaces.map(|(id, sequence)| (TrustScope::Namespace(id), sequence));
        let all = self.with_all.then_some((TrustScope::All, changed.sequence));
        for (scope, sequence) in namespaces.chain(all) {
            let told = self.scopes.entry(scope).or_insert_with(|| Told::new(now));
            if sequence > told.newest {
                told.newest = sequence;
                told.has_changed = true;
                told.due = now;
            }
        }
    }

    /// The scopes that are due: all that have changed, and some of those to be signed afresh.
    fn due(&self) -> Vec<TrustScope> {
        let now = Instant::now();
        let due = self.scopes.iter().filter(|(_, told)| told.due.max(told.rests_until) <= now);
        let (mut due, mut old): (Vec<_>, Vec<_>) = due.partition(|(_, told)| told.has_changed);
        // In turn, also where there are more than can be signed in time.
        old.sort_by_key(|(_, told)| told.due);
        due.extend(old.into_iter().take(AT_ONCE));
        due.into_iter().map(|(scope, _)| *scope).collect()
    }

    /// Writes what a scope's newest checkpoint leads to, and then that.
    async fn publish(&mut self, scope: TrustScope) -> Result<(), CopyError> {
        let Some(told) = self.scopes.get_mut(&scope) else { return Ok(()) };
        let current = told.published.current(&self.authority, scope, told.newest).await;
        let Some(checkpoint) = current.map_err(|refusal| CopyError::Refused(scope, refusal))?
        else {
            self.scopes.remove(&scope);
            return Ok(());
        };
        let mut names = BTreeSet::new();
        let mut log = None;
        for (name, bytes) in told.published.parts() {
            self.folder.put_object(name, &bytes)?;
            names.insert(name);
            log = Some((name, bytes.len()));
        }
        self.folder.put_checkpoint(core_scope(scope), &checkpoint.body)?;
        told.newest = checkpoint.sequence.max(told.newest);
        told.has_changed = false;
        if log.is_some_and(|(_, bytes)| bytes > LARGE_LOG) {
            told.rests_until = later(Instant::now(), Duration::from_secs(1));
        }
        let old_log = std::mem::replace(&mut told.log, log);
        let before = std::mem::replace(&mut told.names, names.clone());
        self.count(before, names);
        let gone = old_log.filter(|old| Some(*old) != log).map(|old| self.old_logs.push(old));
        for name in gone.into_iter().flatten() {
            // Another scope may have the same log.
            if !self.named.contains_key(&name) {
                self.folder.remove_object(name)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, before: BTreeSet<Digest>, names: BTreeSet<Digest>) {
        for name in names {
            let count = self.named.entry(name).or_default();
            *count = count.saturating_add(1);
        }
        for name in before {
            let count = self.named.get(&name).copied().unwrap_or(0);
            match count.saturating_sub(1) {
                0 => drop(self.named.remove(&name)),
                left => drop(self.named.insert(name, left)),
            }
        }
    }

    /// Removes what nobody is told of any more.
    fn tidy(&mut self) -> Result<Vec<Scope>, CopyError> {
        let told: BTreeSet<Scope> = self.scopes.keys().map(|scope| core_scope(*scope)).collect();
        let gone = self.folder.remove_checkpoints(|scope| told.contains(&scope))?;
        let named = &self.named;
        self.folder.sweep(|name| named.contains_key(&name), self.authority.now())?;
        Ok(gone)
    }
}

/// Logs that were given up, the oldest first, each with its length in bytes. Many changes of a large
/// log would fill a disk within the ten minutes that other objects stay.
#[derive(Default)]
struct OldLogs(VecDeque<(Digest, usize)>);

impl OldLogs {
    /// Adds one, and gives those for which there is no room any more.
    fn push(&mut self, log: (Digest, usize)) -> Vec<Digest> {
        self.0.push_back(log);
        let mut bytes: usize = self.0.iter().map(|(_, bytes)| bytes).sum();
        let mut gone = Vec::new();
        while bytes > OLD_LOGS
            && let Some((name, length)) = self.0.pop_front()
        {
            bytes = bytes.saturating_sub(length);
            gone.push(name);
        }
        gone
    }
}

impl Told {
    fn new(now: Instant) -> Self {
        Self {
            published: Published::default(),
            newest: 0,
            names: BTreeSet::new(),
            log: None,
            due: now,
            has_changed: true,
            rests_until: now,
        }
    }
}

fn later(time: Instant, pause: Duration) -> Instant {
    time.checked_add(pause).unwrap_or(time)
}

/// Why something isn't published.
#[derive(Debug)]
pub enum CopyError {
    /// A scope can't be read or signed.
    Refused(TrustScope, Refusal),
    /// The database can't be read.
    Database(Refusal),
    /// The folder can't be written.
    Folder(FolderError),
}

impl CopyError {
    /// Whether every scope has it.
    fn is_of_the_database(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Refused(_, Refusal::Store(_)))
    }
}

impl From<Refusal> for CopyError {
    fn from(refusal: Refusal) -> Self {
        Self::Database(refusal)
    }
}

impl From<FolderError> for CopyError {
    fn from(error: FolderError) -> Self {
        Self::Folder(error)
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_, refusal @ Refusal::Store(_)) | Self::Database(refusal) => {
                refusal.fmt(f)
            }
            Self::Refused(scope, refusal) => write!(f, "{}: {refusal}", core_scope(*scope)),
            Self::Folder(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CopyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_up_logs_stay_as_long_as_there_is_room() {
        let name = |number: u8| Digest::new([number; 32]);
        let quarter = OLD_LOGS / 4;
        let mut logs = OldLogs::default();
        for number in 0..4 {
            assert_eq!(logs.push((name(number), quarter)), []);
        }
        assert_eq!(logs.push((name(4), quarter + 1)), [name(0), name(1)]);
        assert_eq!(logs.push((name(5), OLD_LOGS)), [name(2), name(3), name(4)]);
        assert_eq!(logs.push((name(6), 0)), []);
    }
}
