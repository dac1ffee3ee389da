//! One scope's bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use namespace_jwt_core::key::pem;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, MAX_RECENT};
use namespace_jwt_core::trust::index::Contents;
use namespace_jwt_core::trust::log::{LogHash, MAX_RECORDS, TokenHash};
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::shards::{
    Application, Bearer, KeyState, Namespace, NamespaceKey, Privacy, fingerprint,
};
use uuid::Uuid;

use super::log::Log;
use crate::authority::Authority;
use crate::authority::refusal::Refusal;
use crate::model::application;
use crate::model::namespace_key;
use crate::model::trust::{
    ENDED_LOG_KEPT, LogPosition, NamespaceTrust, PublicKey, Record, ScopeState, TrustScope,
};

/// How long a checkpoint is told without being signed again.
const FRESH: Duration = Duration::from_secs(1);

/// A signed checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The sequence number in it.
    pub sequence: u64,
    /// Its `ETag`, with its quotation marks.
    pub etag: String,
    /// It, as it is sent.
    pub body: Arc<str>,
}

/// What was last published of a scope, or nothing yet.
#[derive(Default)]
pub struct Published {
    state: Option<State>,
    /// Objects that no checkpoint leads to any more, and since when: somebody may be reading.
    older: HashMap<Digest, (Bytes, Instant)>,
}

struct State {
    sequence: u64,
    end: LogPosition,
    log: Log,
    log_hash: LogHash,
    recent: Vec<TokenHash>,
    index: Digest,
    objects: BTreeMap<Digest, Bytes>,
    issuer: Id,
    signed: Option<(Instant, Checkpoint)>,
}

impl Published {
    /// The checkpoint of the newest state, which has at least the sequence number `newest`.
    pub async fn current(
        &mut self,
        authority: &Authority,
        scope: TrustScope,
        newest: u64,
    ) -> Result<Option<Checkpoint>, Refusal> {
        let is_known = self.state.as_ref().is_some_and(|state| state.sequence >= newest);
        if !is_known {
            let read_to = self.state.as_ref().map(|state| state.end);
            let Some(found) = authority.scope_state(scope, read_to).await? else {
                return Ok(None);
            };
            self.take(found)?;
        }
        let Some(state) = &mut self.state else { return Ok(None) };
        if let Some((at, checkpoint)) = &state.signed
            && at.elapsed() < FRESH
        {
            return Ok(Some(checkpoint.clone()));
        }
        let checkpoint = state.sign(authority, scope).await?;
        state.signed = Some((Instant::now(), checkpoint.clone()));
        Ok(Some(checkpoint))
    }

    /// The log of an epoch, if it is this one.
    pub fn log(&self, epoch: u64) -> Option<Log> {
        let state = self.state.as_ref().filter(|state| state.end.epoch == epoch)?;
        Some(state.log.clone())
    }

    /// Whether an epoch is over, so that its log changes no more.
    pub fn has_ended(&self, epoch: u64) -> bool {
        self.state.as_ref().is_some_and(|state| state.end.epoch > epoch)
    }

    /// An object by its hash.
    pub fn object(&self, name: Digest) -> Option<Bytes> {
        let current = self.state.as_ref().and_then(|state| state.objects.get(&name));
        let found = current.or_else(|| self.older.get(&name).map(|(bytes, _)| bytes));
        found.cloned()
    }

    /// All that the last checkpoint leads to, by its hash: the objects, and last the log of the
    /// length that was signed.
    pub fn parts(&self) -> impl Iterator<Item = (Digest, Bytes)> {
        self.state.iter().flat_map(|state| {
            let objects = state.objects.iter().map(|(name, bytes)| (*name, bytes.clone()));
            objects.chain([(state.log_hash.digest(), state.log.whole())])
        })
    }

    /// Takes a state that was read, with what is new of its log.
    fn take(&mut self, found: ScopeState) -> Result<(), Refusal> {
        let objects = contents(&found)?.write(core_scope(found.scope)).map_err(|error| {
            tracing::error!(?error, "a scope can't be written");
            Refusal::Internal("what gateways are told can't be written")
        })?;
        let before = self.state.take();
        let (mut log, mut log_hash, mut recent) = (Log::default(), LogHash::default(), Vec::new());
        if let Some(before) = before {
            let now = Instant::now();
            self.older.retain(|_, (_, since)| since.elapsed() < ENDED_LOG_KEPT);
            let gone = before.objects.into_iter().filter(|(it, _)| !objects.bytes.contains_key(it));
            self.older.extend(gone.map(|(name, bytes)| (name, (bytes, now))));
            // Else this is all of the log.
            if found.log.held > 0 {
                (log, log_hash, recent) = (before.log, before.log_hash, before.recent);
            }
        }
        for record in &found.log.records {
            append(record, &mut log_hash, &mut recent);
        }
        let log = log.and(&found.log.records);
        self.state = Some(State {
            sequence: found.sequence,
            end: found.log.end,
            log,
            log_hash,
            recent,
            index: objects.index,
            objects: objects.bytes.into_iter().map(|(name, it)| (name, it.into())).collect(),
            issuer: core_id(found.issuer_id),
            signed: None,
        });
        Ok(())
    }
}

impl State {
    async fn sign(&self, authority: &Authority, scope: TrustScope) -> Result<Checkpoint, Refusal> {
        let log_length = publishable(self.log_hash.length())?;
        let checkpoint = checkpoint::Checkpoint {
            issuer: self.issuer,
            scope: core_scope(scope),
            sequence: self.sequence,
            issued: authority.now(),
            epoch: self.end.epoch,
            log_length,
            log_hash: self.log_hash.digest(),
            index: self.index,
            recent: self.recent.clone(),
        };
        let payload = checkpoint.payload();
        let bytes = checkpoint::signed_bytes(payload.as_bytes());
        let mut signatures = Vec::new();
        for it in authority.sign_for_gateways(&bytes).await? {
            let key = match pem::public_key(&it.public_pem) {
                Ok(namespace_jwt_core::key::Material::Ed25519(key)) => *key,
                _ => return Err(Refusal::Internal("a trust key isn't one of Ed25519")),
            };
            let signature = it.signature.try_into();
            let signature =
                signature.map_err(|_| Refusal::Internal("a signature of 64 bytes was expected"))?;
            signatures.push((key, signature));
        }
        let body = checkpoint::envelope(&payload, &signatures)
            .map_err(|_| Refusal::Internal("a checkpoint is too large"))?;
        let etag = checkpoint::etag(self.sequence, payload.as_bytes());
        Ok(Checkpoint { sequence: self.sequence, etag, body: body.into() })
    }
}

/// The length of a log that gateways take. They refuse the checkpoint of a longer one whole, and would
/// know no news any more, so it isn't to be signed, whatever is in the database.
fn publishable(records: u32) -> Result<u32, Refusal> {
    match records <= MAX_RECORDS {
        true => Ok(records),
        false => Err(Refusal::LogTooLong { records }),
    }
}

fn append(record: &Record, log_hash: &mut LogHash, recent: &mut Vec<TokenHash>) {
    let hash = TokenHash::from_bytes(*record);
    log_hash.push(hash);
    if recent.len() >= MAX_RECENT {
        recent.remove(0);
    }
    recent.push(hash);
}

fn contents(state: &ScopeState) -> Result<Contents, Refusal> {
    let applications = state.applications.iter().map(|it| Application {
        id: core_id(it.id),
        namespace: core_id(it.namespace_id),
        privacy: match it.privacy {
            application::Privacy::Public => Privacy::Public,
            application::Privacy::Private => Privacy::Private,
        },
        not_before: it.not_before.map(seconds),
    });
    let bearers = state
        .bearers
        .iter()
        .map(|it| Bearer { id: core_id(it.id), not_before: Some(seconds(it.not_before)) });
    Ok(Contents {
        namespaces: state.namespaces.iter().map(namespace).collect::<Result<_, _>>()?,
        applications: applications.collect(),
        bearers: bearers.collect(),
    })
}

fn namespace(it: &NamespaceTrust) -> Result<Namespace, Refusal> {
    let key = |key: &PublicKey| NamespaceKey {
        id: core_id(key.id),
        state: match key.state {
            namespace_key::KeyState::Next => KeyState::Next,
            namespace_key::KeyState::Active => KeyState::Active,
            // A revoked one is in the other list.
            namespace_key::KeyState::Retired | namespace_key::KeyState::Revoked => {
                KeyState::Retired
            }
        },
        public_key: key.public_pem.clone(),
    };
    let revoked = it.revoked_keys.iter().map(|key| {
        let material = pem::public_key(&key.public_pem);
        material.map(|it| fingerprint(&it)).map_err(|_| Refusal::Internal("a key can't be read"))
    });
    Ok(Namespace {
        id: core_id(it.id),
        not_before: it.not_before.map(seconds),
        keys: it.keys.iter().map(key).collect(),
        revoked_keys: revoked.collect::<Result<_, _>>()?,
    })
}

pub fn core_id(id: Uuid) -> Id {
    Id::new(id.into_bytes())
}

pub fn core_scope(scope: TrustScope) -> Scope {
    match scope {
        TrustScope::All => Scope::All,
        TrustScope::Namespace(id) => Scope::Namespace(core_id(id)),
    }
}

fn seconds(time: UnixTime) -> u64 {
    time.since_epoch().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_published_up_to_what_gateways_take() {
        assert_eq!(publishable(MAX_RECORDS), Ok(MAX_RECORDS));
        let longer = MAX_RECORDS.saturating_add(1);
        assert_eq!(publishable(longer), Err(Refusal::LogTooLong { records: longer }));
    }
}
