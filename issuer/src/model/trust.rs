//! What gateways are told: keys, privacy, marks and revoked tokens, by scope.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use namespace_jwt_core::identifier::{self, IdentifierError};
use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::application::Privacy;
use super::namespace_key::KeyState;

/// The most revoked ids that the log of a scope has: what gateways take, who refuse a longer one.
pub const MAX_RECORDS: u64 = 1_000_000;
const _: () = assert!(MAX_RECORDS == namespace_jwt_core::trust::log::MAX_RECORDS as u64);

/// How long after its expiry a token's revocation is remembered: for gateways whose clocks or
/// settings let it live longer.
pub const REMEMBERED: Duration = Duration::from_secs(86_400);

/// How long the log of an epoch that has ended can still be read.
pub const ENDED_LOG_KEPT: Duration = Duration::from_secs(600);

/// Whom something is told: the gateways of one namespace, or those of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrustScope {
    /// All namespaces.
    All,
    /// The namespace with this id.
    Namespace(Uuid),
}

/// One revoked token, as a log holds it: the first bytes of the SHA-256 of its id.
pub type Record = [u8; 8];

/// The id of a token, its `jti`, as the token holds it; of a UUID the form in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// Reads an id as a person writes it. A UUID may have capitals.
    ///
    /// # Errors
    ///
    /// What makes it one that no token has.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        identifier::check_token_id(text)?;
        Ok(match identifier::uuid(text) {
            Some(bytes) => Uuid::from_bytes(bytes).into(),
            None => Self(text.to_owned()),
        })
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, if it is a UUID, as those of this service's tokens are.
    pub fn uuid(&self) -> Option<Uuid> {
        identifier::uuid(&self.0).map(Uuid::from_bytes)
    }

    /// What the log of revocations has of it.
    pub fn record(&self) -> Record {
        let hash = digest(&SHA256, self.0.as_bytes());
        // It has four times as many bytes.
        hash.as_ref().first_chunk().copied().unwrap_or_default()
    }
}

impl From<Uuid> for TokenId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

/// All that the gateways of a scope are told, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeState {
    /// The organization that this service was made with: its name towards gateways.
    pub issuer_id: Uuid,
    /// Whom it is told.
    pub scope: TrustScope,
    /// It rises with each change of anything below. A number is never used twice.
    pub sequence: u64,
    /// The number of the log, which is the sequence number with which it was begun.
    pub epoch: u64,
    /// The revoked tokens.
    pub log: LogPart,
    /// The namespaces by id, with those deleted ones that have keys which are revoked.
    pub namespaces: Vec<NamespaceTrust>,
    /// The functions and containers by id.
    pub applications: Vec<ApplicationTrust>,
    /// The users by id of whom something is revoked.
    pub bearers: Vec<BearerTrust>,
}

/// A log of revoked tokens from some place on, to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPart {
    /// How many records stand before these: none, unless whoever asked has them.
    pub held: u64,
    /// The records, in the order in which they were appended.
    pub records: Vec<Record>,
    /// Its end, to read on from there another time.
    pub end: LogPosition,
}

/// A place in a scope's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// The number of the log.
    pub epoch: u64,
    /// How many records stand before the place.
    pub records: u64,
    /// The store's number of the last one before it.
    pub number: u64,
}

/// What gateways are told of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceTrust {
    /// Its id.
    pub id: Uuid,
    /// What was issued for it before that second is revoked.
    pub not_before: Option<UnixTime>,
    /// The keys whose tokens are good, or will be, the oldest first.
    pub keys: Vec<PublicKey>,
    /// The keys that vouch for nothing any more, the oldest first.
    pub revoked_keys: Vec<PublicKey>,
}

/// The public half of a namespace's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id.
    pub id: Uuid,
    /// What it is used for.
    pub state: KeyState,
    /// The algorithm that it signs with, by its name in a token's header.
    pub algorithm: String,
    /// The key in PEM.
    pub public_pem: String,
}

/// What gateways are told of a function or container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationTrust {
    /// Its id.
    pub id: Uuid,
    /// Its namespace.
    pub namespace_id: Uuid,
    /// Who may call it.
    pub privacy: Privacy,
    /// What was issued for it before that second is revoked.
    pub not_before: Option<UnixTime>,
}

/// What gateways are told of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BearerTrust {
    /// The user's id.
    pub id: Uuid,
    /// API keys of theirs that were made before that second are revoked.
    pub not_before: UnixTime,
}

/// What has changed since some sequence number of [`TrustScope::All`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedScopes {
    /// The sequence number of [`TrustScope::All`] now, to ask with the next time.
    pub sequence: u64,
    /// The namespaces' scopes that changed since, with their sequence numbers.
    pub namespaces: Vec<(Uuid, u64)>,
}

/// What a compaction of the logs did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// How many revocations were dropped.
    pub dropped: u64,
    /// How many are left: the length of the longest log.
    pub records: u64,
}

/// A second before which everything that was issued for something is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it was issued for.
    pub of: Marked,
    /// That second.
    pub not_before: UnixTime,
}

/// What can have a mark, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// A namespace: its tokens.
    Namespace(Uuid),
    /// A function or container: its tokens.
    Application(Uuid),
    /// A user: their API keys, and by their ids the tokens that they made.
    Bearer(Uuid),
}

/// A key pair that signs what gateways are told. The private key is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustKey {
    /// Its id.
    pub id: Uuid,
    /// The public key in PEM.
    pub public_pem: String,
    /// The private key in PKCS#8, encrypted under the secrets key.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub created_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes are those of `printf %s ID | sha256sum`.
    #[test]
    fn a_record_is_of_the_id_as_the_token_holds_it() {
        for (text, id, record) in [
            (
                "F2B0D840-043B-4D2F-A3C2-3C0454F1B1DB",
                "f2b0d840-043b-4d2f-a3c2-3c0454f1b1db",
                RECORD_OF_UUID,
            ),
            ("A-b.1", "A-b.1", RECORD_OF_TEXT),
        ] {
            let parsed = TokenId::parse(text).unwrap();
            assert_eq!((parsed.as_str(), parsed.record()), (id, record));
        }
        assert_eq!(TokenId::parse("a b").err(), identifier::check_token_id("a b").err());
        assert!(TokenId::parse("").is_err());
    }

    const RECORD_OF_UUID: Record = 0x3ead37b9e34433da_u64.to_be_bytes();
    const RECORD_OF_TEXT: Record = 0x4b54ca71e7a28a70_u64.to_be_bytes();
}
