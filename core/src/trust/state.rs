//! What a gateway knows of its issuer: what came goes in, and what to ask for next comes out.
//!
//! A state is complete or it isn't there. Until everything that a new checkpoint names has come
//! and has its hash, the one before stays as it is, but for this: what a verified checkpoint
//! itself revokes is revoked at once.

mod arriving;
mod pending;

use std::time::Duration;

use pending::{Complete, Held, Pending};

use crate::time::UnixTime;
use crate::trust::checkpoint::{self, Checkpoint, TrustKeys, Verified};
use crate::trust::index::Index;
use crate::trust::log::LogHash;
use crate::trust::name::{Digest, Id, Scope, object_path};
use crate::trust::refusal::Refusal;
use crate::trust::view::View;

/// How far ahead of the clock a checkpoint may be issued.
pub const MOST_AHEAD: Duration = Duration::from_secs(60);

/// What a gateway is configured with.
#[derive(Clone)]
pub struct Settings {
    /// What it asks for.
    pub scope: Scope,
    /// Whose checkpoints it takes; without one, those of the issuer of the first.
    pub issuer: Option<Id>,
    /// The keys by which it knows the issuer.
    pub keys: TrustKeys,
    /// The age to which a state counts.
    pub max_staleness: Duration,
    /// What counts then.
    pub when_stale: WhenStale,
    /// Whether there are static keys beside the feed's.
    pub static_keys: bool,
}

/// What counts when the state is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenStale {
    /// Nothing: requests are refused.
    Deny,
    /// The last good state.
    Keep,
}

/// A time, by two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The clock on the wall, which may be wrong and may be set.
    pub clock: UnixTime,
    /// The time since any start, which only goes on.
    pub monotonic: Duration,
}

/// Something to ask the issuer or its mirror for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// The checkpoint, with [`State::etag`].
    Checkpoint,
    /// The object with this hash.
    Object(Digest),
    /// These bytes of the log.
    Log {
        /// The log's epoch.
        epoch: u64,
        /// The hash of all of it, up to `until`.
        hash: Digest,
        /// The first byte.
        from: u64,
        /// The byte after the last.
        until: u64,
        /// Whether it will stand in the place of another epoch's and revokes nothing that isn't
        /// known, so that gateways had better not ask at the same time: see
        /// [`Pace::change_over`](crate::trust::pace::Pace::change_over).
        change_over: bool,
    },
}

impl Want {
    /// Its path, after `trust.path`.
    pub fn path(self, scope: Scope) -> String {
        match self {
            Self::Checkpoint => scope.path(),
            Self::Object(object) => object_path(object),
            Self::Log { epoch, .. } => scope.log_path(epoch),
        }
    }
}

impl Want {
    /// Where it is on a server of plain files, which can't have a folder for a scope's logs beside
    /// the file with its checkpoint: there the whole log is an object.
    pub fn path_of_file(self, scope: Scope) -> String {
        match self {
            Self::Log { hash, .. } => object_path(hash),
            other => other.path(scope),
        }
    }
}

/// What an object is of a state: where whoever keeps objects for others may put it, so that it
/// stands in the place of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The index.
    Index,
    /// A shard.
    Shard {
        /// The name of its family.
        family: &'static str,
        /// Its first place in the index.
        number: usize,
    },
}

/// A part of a log, as it came.
#[derive(Clone, Copy, Debug)]
pub struct LogPart<'a> {
    /// The log's epoch, as it was asked for.
    pub epoch: u64,
    /// Where in the log its first byte stands: 0 where a server sent the whole.
    pub from: u64,
    /// Its bytes, from anywhere to anywhere. What is known already, or beyond the length that was
    /// signed, is skipped.
    pub bytes: &'a [u8],
    /// Whether nothing more comes in this answer.
    pub last: bool,
}

/// What became of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A new state is complete, and in use.
    Complete,
    /// It is good, and more is needed: [`State::wants`] says what.
    Incomplete,
    /// It says that the state is what it was, at a later time.
    Renewed,
    /// It says what was known. It renews nothing.
    Unchanged,
    /// It isn't needed any more.
    Unneeded,
}

/// What counts for a request.
pub enum Standing<'a> {
    /// What this says.
    Known(&'a View),
    /// Static keys alone, since nothing of the feed is known yet.
    StaticKeys,
    /// Nothing: the request is refused, `trust_unavailable`.
    Unavailable,
}

/// What is known of one scope.
pub struct State {
    settings: Settings,
    started: Duration,
    /// For how long something was asked for before.
    waited: Duration,
    issuer: Option<Id>,
    /// The newest that was verified, complete or not: nothing older counts any more.
    newest: Option<(Checkpoint, String)>,
    current: Option<Current>,
    pending: Option<Pending>,
    generation: u64,
    /// Whether a checkpoint is to be asked for before what the pending one lacks.
    checkpoint_first: bool,
    ahead: Option<Duration>,
}

/// A complete state.
struct Current {
    checkpoint: Checkpoint,
    stamp: Stamp,
    log: LogHash,
    index: Index,
    held: Held,
    view: View,
}

impl Current {
    fn place(&self, object: Digest) -> Option<Place> {
        if object == self.checkpoint.index {
            return Some(Place::Index);
        }
        let (family, number) = self.index.place(object)?;
        Some(Place::Shard { family, number })
    }
}

/// From when on a state ages.
#[derive(Clone, Copy)]
struct Stamp {
    issued: UnixTime,
    verified: Duration,
}

impl Stamp {
    fn age(self, now: Now) -> Duration {
        let since = now.monotonic.saturating_sub(self.verified);
        now.clock.saturating_since(self.issued).max(since)
    }
}

impl State {
    /// A state that knows nothing yet.
    pub fn new(settings: Settings, now: Now) -> Self {
        Self::after(settings, now, Duration::ZERO)
    }

    /// One that knows nothing either, where others have waited for the first checkpoint for so
    /// long.
    pub fn after(settings: Settings, now: Now, waited: Duration) -> Self {
        Self {
            issuer: settings.issuer,
            settings,
            started: now.monotonic,
            waited,
            newest: None,
            current: None,
            pending: None,
            generation: 0,
            checkpoint_first: false,
            ahead: None,
        }
    }

    /// What counts for a request now.
    pub fn standing(&self, now: Now) -> Standing<'_> {
        let keep = self.settings.when_stale == WhenStale::Keep;
        match &self.current {
            Some(current) if keep || !self.is_over(current.stamp.age(now)) => {
                Standing::Known(&current.view)
            }
            Some(_) => Standing::Unavailable,
            None if !self.settings.static_keys => Standing::Unavailable,
            None if keep || !self.is_over(self.waiting(now)) => Standing::StaticKeys,
            None => Standing::Unavailable,
        }
    }

    /// Whether what is known is stale: it was never known, or is too old.
    pub fn is_stale(&self, now: Now) -> bool {
        self.current.as_ref().is_none_or(|current| self.is_over(current.stamp.age(now)))
    }

    /// What to ask for now: the checkpoint alone, or what the last one lacks. What is asked for
    /// already need not be again.
    pub fn wants(&self) -> Vec<Want> {
        if self.checkpoint_first || !self.is_incomplete() {
            return vec![Want::Checkpoint];
        }
        self.missing()
    }

    /// What is missing of what the newest checkpoint names, for whoever may have it already.
    pub fn missing(&self) -> Vec<Want> {
        let epoch = self.current.as_ref().map(|current| current.checkpoint.epoch);
        let missing = self.pending.as_ref().map(|pending| pending.wants(epoch));
        missing.unwrap_or_default()
    }

    /// Whether something is missing of what the newest checkpoint names. Then a request for the
    /// checkpoint isn't one to wait for news with: what is missing is asked for again after it.
    pub fn is_incomplete(&self) -> bool {
        self.pending.is_some()
    }

    /// The newest verified checkpoint, whether all that it names has come or not.
    pub fn newest(&self) -> Option<&Checkpoint> {
        self.newest.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// What an object is that the newest checkpoint names, or the one in use.
    pub fn place(&self, object: Digest) -> Option<Place> {
        let newest = self.pending.as_ref().and_then(|pending| pending.place(object));
        newest.or_else(|| self.current.as_ref()?.place(object))
    }

    /// What names the newest verified checkpoint, for `If-None-Match`.
    pub fn etag(&self) -> Option<&str> {
        self.newest.as_ref().map(|(_, etag)| etag.as_str())
    }

    /// A request for something was in vain: no answer, an error, or 304. Nothing is renewed.
    pub fn in_vain(&mut self, asked: Want) {
        self.checkpoint_first = asked != Want::Checkpoint;
    }

    /// Here are the bytes of a checkpoint.
    ///
    /// # Errors
    ///
    /// Why it is ignored. [`State::ahead`] says how far ahead of the clock it was, if that is why.
    pub fn checkpoint(&mut self, bytes: &[u8], now: Now) -> Result<News, Refusal> {
        self.checkpoint_first = false;
        let verified = checkpoint::verify(bytes, &self.settings.keys)?;
        match self.compare(verified.checkpoint(), now)? {
            News::Unchanged => Ok(News::Unchanged),
            _ => self.accept(verified, now),
        }
    }

    /// Here are the bytes of an object, asked for by this hash.
    ///
    /// # Errors
    ///
    /// Why they are ignored.
    pub fn object(&mut self, asked: Digest, bytes: &[u8], now: Now) -> Result<News, Refusal> {
        let Some(pending) = &mut self.pending else { return Ok(News::Unneeded) };
        if !pending.lacks(asked) {
            return Ok(News::Unneeded);
        }
        let taken = pending.take_object(asked, bytes);
        self.checkpoint_first = taken.is_err();
        taken?;
        self.complete(now)
    }

    /// Here are bytes of a log. A long answer may come in parts.
    ///
    /// # Errors
    ///
    /// Why they are ignored, or why everything that came of this log is.
    pub fn log(&mut self, part: LogPart<'_>, now: Now) -> Result<News, Refusal> {
        let Some(pending) = &mut self.pending else { return Ok(News::Unneeded) };
        if !pending.lacks_log(part.epoch) {
            return Ok(News::Unneeded);
        }
        let taken = pending.take_log(part);
        self.checkpoint_first = taken.is_err();
        taken?;
        self.complete(now)
    }

    /// How far the last checkpoint that was too far ahead of the clock was issued ahead of it.
    pub fn ahead(&self) -> Option<Duration> {
        self.ahead
    }

    /// The checkpoint of the state that is in use, with the latest `issued`.
    pub fn current(&self) -> Option<&Checkpoint> {
        self.current.as_ref().map(|current| &current.checkpoint)
    }

    /// How many revocations are in use.
    pub fn revocations(&self) -> usize {
        self.current.as_ref().map_or(0, |current| current.view.revocations())
    }

    /// For how long there has been nothing.
    fn waiting(&self, now: Now) -> Duration {
        now.monotonic.saturating_sub(self.started).saturating_add(self.waited)
    }

    fn is_over(&self, age: Duration) -> bool {
        age > self.settings.max_staleness
    }

    /// Whether a verified checkpoint counts: the order is that of [`Refusal::ALL`].
    fn compare(&mut self, found: &Checkpoint, now: Now) -> Result<News, Refusal> {
        if self.issuer.is_some_and(|issuer| issuer != found.issuer) {
            return Err(Refusal::WrongIssuer);
        }
        if self.settings.scope != found.scope {
            return Err(Refusal::WrongScope);
        }
        let ahead = found.issued.saturating_since(now.clock);
        if ahead > MOST_AHEAD {
            self.ahead = Some(ahead);
            return Err(Refusal::FromTheFuture);
        }
        if let Some((newest, _)) = &self.newest {
            if found.sequence < newest.sequence {
                return Err(Refusal::Older);
            }
            if found.sequence == newest.sequence {
                if !found.has_the_content_of(newest) {
                    return Err(Refusal::Conflict);
                }
                if found.issued <= newest.issued {
                    return Ok(News::Unchanged);
                }
            }
        }
        let age = now.clock.saturating_since(found.issued);
        if self.current.is_none() && self.is_over(age) {
            return Err(Refusal::Stale);
        }
        Ok(News::Incomplete)
    }

    fn accept(&mut self, verified: Verified, now: Now) -> Result<News, Refusal> {
        let (checkpoint, etag) = verified.into_parts();
        let stamp = Stamp { issued: checkpoint.issued, verified: now.monotonic };
        self.issuer = Some(checkpoint.issuer);
        self.newest = Some((checkpoint.clone(), etag));
        if let Some(current) = &mut self.current
            && current.checkpoint.sequence == checkpoint.sequence
        {
            current.checkpoint = checkpoint;
            current.stamp = stamp;
            return Ok(News::Renewed);
        }
        let earlier = self.pending.take();
        // Where the newest records go on from what is known, none is missing between.
        let recent = &checkpoint.recent;
        let goes_on = |view: &View| recent.is_empty() || recent.iter().any(|it| view.lists(*it));
        let goes_on = self.current.as_ref().is_some_and(|current| goes_on(&current.view));
        // A change of anything else isn't to wait for a log that changes nothing.
        let same_index = |it: &Current| it.checkpoint.index == checkpoint.index;
        let may_wait = goes_on
            && self.current.as_ref().is_some_and(same_index)
            && earlier.as_ref().is_none_or(Pending::may_wait);
        if let Some(current) = &mut self.current {
            self.generation = self.generation.saturating_add(1);
            current.view.announce(self.generation, checkpoint.recent.clone());
        }
        let current = self.current.as_ref();
        self.pending = Some(Pending::new(checkpoint, stamp, earlier, current, may_wait));
        self.complete(now)
    }

    /// Puts what is pending in the place of what is in use, if nothing is missing.
    fn complete(&mut self, now: Now) -> Result<News, Refusal> {
        let Some(pending) = self.pending.take_if(|pending| pending.is_whole()) else {
            return Ok(News::Incomplete);
        };
        // It may have taken long to come.
        if self.current.is_none() && self.is_over(pending.age(now)) {
            return Err(Refusal::Stale);
        }
        let Complete { checkpoint, stamp, index, held, tables, goes_on, log, records } =
            pending.into_complete(self.current.as_ref())?;
        self.generation = self.generation.saturating_add(1);
        let earlier = self.current.take().map(|current| current.view);
        let view = View::after(earlier, self.generation, tables, goes_on, records);
        self.current = Some(Current { checkpoint, stamp, log, index, held, view });
        Ok(News::Complete)
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
