//! A state that isn't complete yet: a verified checkpoint, and what has come of what it names.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::arriving::{Arrival, Arriving};
use super::{Current, LogPart, Now, Place, Stamp, Want};
use crate::trust::MAX_OBJECT_BYTES;
use crate::trust::checkpoint::Checkpoint;
use crate::trust::index::Index;
use crate::trust::log::{LogHash, RECORD_BYTES, TokenHash};
use crate::trust::name::{Digest, Scope};
use crate::trust::refusal::Refusal;
use crate::trust::shards::{self, Application, Bearer, Entry, Namespace, Shards};
use crate::trust::view::Tables;

pub(super) struct Pending {
    checkpoint: Checkpoint,
    stamp: Stamp,
    index: Option<Index>,
    held: Held,
    /// The shards that the index names and that haven't come.
    missing: BTreeSet<Digest>,
    log: Arriving,
    /// Whether a new epoch's log revokes nothing that isn't known.
    may_wait: bool,
}

/// All parts of a complete state.
pub(super) struct Complete {
    pub checkpoint: Checkpoint,
    pub stamp: Stamp,
    pub index: Index,
    pub held: Held,
    /// None where those that are in use stay.
    pub tables: Option<Tables>,
    /// Whether the records come on top of those that are in use.
    pub goes_on: bool,
    pub log: LogHash,
    pub records: Vec<TokenHash>,
}

impl Pending {
    /// What is still needed of `earlier`, and what is in use, need not come again.
    pub(super) fn new(
        checkpoint: Checkpoint,
        stamp: Stamp,
        earlier: Option<Self>,
        current: Option<&Current>,
        may_wait: bool,
    ) -> Self {
        let mut held = current.map(|it| it.held.clone()).unwrap_or_default();
        let known = current.filter(|it| it.checkpoint.index == checkpoint.index);
        let mut index = known.map(|it| it.index.clone());
        let mut arriving = None;
        if let Some(earlier) = earlier {
            if earlier.checkpoint.index == checkpoint.index {
                index = index.or(earlier.index);
            }
            held.merge(earlier.held);
            if earlier.checkpoint.epoch == checkpoint.epoch {
                arriving = Some(earlier.log).filter(|log| log.fits(checkpoint.log_length));
            }
        }
        let in_use = current.filter(|it| it.checkpoint.epoch == checkpoint.epoch);
        let goes_on = in_use.map(|it| Arriving::after(&it.log));
        let goes_on = goes_on.filter(|log| log.fits(checkpoint.log_length));
        // What came of a log, then what is in use: whichever the signed log begins with.
        let tried = arriving.into_iter().chain(goes_on).find_map(|mut log| {
            log.take_recent(&checkpoint);
            (log.compare(&checkpoint) != Arrival::Another).then_some(log)
        });
        let log = tried.unwrap_or_else(|| {
            let mut log = Arriving::from_the_start(checkpoint.log_length);
            log.take_recent(&checkpoint);
            log
        });
        let missing = index.as_ref().map(|index| held.keep(index)).unwrap_or_default();
        Self { checkpoint, stamp, index, held, missing, log, may_wait }
    }

    pub(super) fn may_wait(&self) -> bool {
        self.may_wait
    }

    pub(super) fn age(&self, now: Now) -> Duration {
        self.stamp.age(now)
    }

    /// What is missing, where the log of this epoch is in use.
    pub(super) fn wants(&self, in_use: Option<u64>) -> Vec<Want> {
        let mut wants = Vec::new();
        if self.index.is_none() {
            wants.push(Want::Object(self.checkpoint.index));
        }
        if self.log.compare(&self.checkpoint) != Arrival::Whole {
            wants.push(Want::Log {
                epoch: self.checkpoint.epoch,
                hash: self.checkpoint.log_hash,
                from: self.log.position(),
                until: u64::from(self.checkpoint.log_length).saturating_mul(RECORD_BYTES),
                change_over: self.may_wait
                    && in_use.is_some_and(|epoch| epoch != self.checkpoint.epoch),
            });
        }
        wants.extend(self.missing.iter().copied().map(Want::Object));
        wants
    }

    pub(super) fn is_whole(&self) -> bool {
        let objects = self.index.is_some() && self.missing.is_empty();
        objects && self.log.compare(&self.checkpoint) == Arrival::Whole
    }

    pub(super) fn lacks(&self, object: Digest) -> bool {
        match &self.index {
            None => object == self.checkpoint.index,
            Some(_) => self.missing.contains(&object),
        }
    }

    pub(super) fn place(&self, object: Digest) -> Option<Place> {
        match &self.index {
            None => (object == self.checkpoint.index).then_some(Place::Index),
            Some(index) => {
                let (family, number) = index.place(object)?;
                Some(Place::Shard { family, number })
            }
        }
    }

    pub(super) fn lacks_log(&self, epoch: u64) -> bool {
        epoch == self.checkpoint.epoch && self.log.compare(&self.checkpoint) != Arrival::Whole
    }

    pub(super) fn take_object(&mut self, asked: Digest, bytes: &[u8]) -> Result<(), Refusal> {
        if bytes.len() > MAX_OBJECT_BYTES {
            return Err(Refusal::Oversized);
        }
        if Digest::of(bytes) != asked {
            return Err(Refusal::BadHash);
        }
        match &self.index {
            None => {
                let index = Index::read(bytes)?;
                self.missing = self.held.keep(&index);
                self.index = Some(index);
            }
            Some(index) => {
                self.held.take(index, asked, bytes)?;
                self.missing.remove(&asked);
            }
        }
        Ok(())
    }

    pub(super) fn take_log(&mut self, part: LogPart<'_>) -> Result<(), Refusal> {
        if !self.log.append(part.from, part.bytes, self.checkpoint.log_length) {
            return Err(Refusal::Truncated);
        }
        match self.log.compare(&self.checkpoint) {
            Arrival::Whole => Ok(()),
            Arrival::Unfinished if part.last => Err(Refusal::Truncated),
            Arrival::Unfinished => Ok(()),
            // Either what came is wrong, or the log doesn't go on from the one in use.
            Arrival::Another => {
                self.log = Arriving::from_the_start(self.checkpoint.log_length);
                Err(Refusal::BadHash)
            }
        }
    }

    pub(super) fn into_complete(self, current: Option<&Current>) -> Result<Complete, Refusal> {
        let Self { checkpoint, stamp, index, held, log, .. } = self;
        let index = index.ok_or(Refusal::Truncated)?;
        let same = current.is_some_and(|it| it.checkpoint.index == checkpoint.index);
        let tables = if same { None } else { Some(tables(checkpoint.scope, &index, &held)?) };
        let goes_on = log.goes_on();
        let (log, records) = log.into_parts();
        Ok(Complete { checkpoint, stamp, index, held, tables, goes_on, log, records })
    }
}

fn tables(scope: Scope, index: &Index, held: &Held) -> Result<Tables, Refusal> {
    let namespaces = in_order(&index.namespaces, &held.namespaces)?;
    let applications = in_order(&index.applications, &held.applications)?;
    let bearers = in_order(&index.bearers, &held.bearers)?;
    Tables::new(scope, namespaces, applications, bearers)
}

fn in_order<T: Entry>(
    order: &[Digest],
    held: &HashMap<Digest, Arc<[T]>>,
) -> Result<Shards<T>, Refusal> {
    let shards: Option<_> = order.iter().map(|digest| held.get(digest).cloned()).collect();
    Shards::new(shards.ok_or(Refusal::Truncated)?)
}

/// The shards that came, by their hashes.
#[derive(Clone, Default)]
pub(super) struct Held {
    namespaces: HashMap<Digest, Arc<[Namespace]>>,
    applications: HashMap<Digest, Arc<[Application]>>,
    bearers: HashMap<Digest, Arc<[Bearer]>>,
}

impl Held {
    fn merge(&mut self, other: Self) {
        self.namespaces.extend(other.namespaces);
        self.applications.extend(other.applications);
        self.bearers.extend(other.bearers);
    }

    /// Gives up what the index doesn't name, and gives what it names and isn't there.
    fn keep(&mut self, index: &Index) -> BTreeSet<Digest> {
        let named = index.shards();
        self.namespaces.retain(|digest, _| named.contains(digest));
        self.applications.retain(|digest, _| named.contains(digest));
        self.bearers.retain(|digest, _| named.contains(digest));
        let namespaces = index.namespaces.iter().filter(|it| !self.namespaces.contains_key(it));
        let applications =
            index.applications.iter().filter(|it| !self.applications.contains_key(it));
        let bearers = index.bearers.iter().filter(|it| !self.bearers.contains_key(it));
        namespaces.chain(applications).chain(bearers).copied().collect()
    }

    /// An object that is named in two families is of one of them, so it is refused.
    fn take(&mut self, index: &Index, digest: Digest, bytes: &[u8]) -> Result<(), Refusal> {
        if index.namespaces.contains(&digest) {
            self.namespaces.insert(digest, shards::read(bytes)?);
        }
        if index.applications.contains(&digest) {
            self.applications.insert(digest, shards::read(bytes)?);
        }
        if index.bearers.contains(&digest) {
            self.bearers.insert(digest, shards::read(bytes)?);
        }
        Ok(())
    }
}
