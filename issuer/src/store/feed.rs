//! What gateways are told, as a store reads and keeps it.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::StoreError;
use crate::model::namespace_key::NamespaceKey;
use crate::model::trust::{
    ChangedScopes, Compaction, LogPosition, Mark, Record, ScopeState, TokenId, TrustKey, TrustScope,
};

/// The part of a transaction that is about what gateways are told.
pub trait Feed {
    /// All that the gateways of a scope are told, if there is such a scope. Of its log only what
    /// comes after a place that the caller has read to, as long as that is of the same epoch.
    fn scope_state(
        &mut self,
        scope: TrustScope,
        read_to: Option<LogPosition>,
    ) -> Result<Option<ScopeState>, StoreError>;

    /// What changed since a sequence number of [`TrustScope::All`]. Without a change it costs the
    /// reading of one row.
    fn changed_scopes(&mut self, since: u64) -> Result<ChangedScopes, StoreError>;

    /// The log of a scope and an epoch: of this one or of one that ended a short while ago.
    fn log_of_epoch(
        &mut self,
        scope: TrustScope,
        epoch: u64,
        now: UnixTime,
    ) -> Result<Option<Vec<Record>>, StoreError>;

    /// Drops the revocations that no gateway needs any longer, and begins a new epoch in each scope
    /// that had one of them.
    fn compact_logs(&mut self, now: UnixTime) -> Result<Compaction, StoreError>;

    /// Moves every scope past all numbers that gateways may have seen before the database was put
    /// back to an earlier state, and begins its log anew.
    fn continue_after_restore(&mut self, now: UnixTime) -> Result<(), StoreError>;

    /// In which logs an id stands.
    fn logs_of(&mut self, id: &TokenId) -> Result<Vec<LogOfId>, StoreError>;

    /// How many tokens there are of some kind.
    fn count_tokens(&mut self, set: TokenSet) -> Result<TokenCount, StoreError>;

    /// The latest mark that a token has to be made after, of a namespace, an application and whoever
    /// makes it.
    fn latest_mark(
        &mut self,
        namespace_id: Uuid,
        application_id: Option<Uuid>,
        bearer_id: Option<Uuid>,
    ) -> Result<Option<UnixTime>, StoreError>;

    /// The ids of all namespaces.
    fn namespace_ids(&mut self) -> Result<Vec<Uuid>, StoreError>;

    /// The keys that are to sign, or to end, at some time.
    fn scheduled_keys(&mut self) -> Result<Vec<NamespaceKey>, StoreError>;

    /// Whether a key signed a token that is good at some time.
    fn has_tokens_after(&mut self, key_id: Uuid, time: UnixTime) -> Result<bool, StoreError>;

    /// The keys that sign what gateways are told, the oldest first.
    fn trust_keys(&mut self) -> Result<Vec<TrustKey>, StoreError>;
}

/// A log, or all of them, in which a revoked id stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOfId {
    /// Of which namespace, or of every one.
    pub namespace_id: Option<Uuid>,
    /// Whether it was the id of a token of this service, which is for no other namespace.
    pub is_of_token: bool,
}

/// Which tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSet {
    /// Those that a mark hits.
    Before(Mark),
    /// All of a namespace.
    OfNamespace(Uuid),
    /// Those that a key signed.
    OfKey(Uuid),
}

/// How many tokens, and when the last of them expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// How many.
    pub all: u64,
    /// How many of them never expire.
    pub endless: u64,
    /// When the last of the others expires, if there are others.
    pub last_expiry: Option<UnixTime>,
}
