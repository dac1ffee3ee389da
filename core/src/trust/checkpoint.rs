//! The checkpoint: the one signed object, which everything else hangs on.
//!
//! Nothing in a payload is read before a signature by a pinned key is good: success is a
//! [`Verified`], which only [`verify`] makes.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_compact::{PublicKey, Signature};
use serde::{Deserialize, Serialize};

use crate::json::{self, Object};
use crate::key::{KeyError, Material, pem};
use crate::time::UnixTime;
use crate::trust::VERSION;
use crate::trust::log::{LogHash, MAX_RECORDS, TokenHash};
use crate::trust::name::{Digest, Id, Scope};
use crate::trust::refusal::Refusal;
use crate::trust::text::{as_text, from_hex, write_hex};

/// The most bytes of a checkpoint with its signatures.
pub const MAX_BYTES: usize = 4096;

/// The most revocations that stand in the checkpoint itself.
pub const MAX_RECENT: usize = 64;

/// The most signatures of a checkpoint.
pub const MAX_SIGNATURES: usize = 8;

/// What is signed begins with this, so that no other signature by the same key is one.
pub const CONTEXT: &[u8] = b"namespace-jwt checkpoint v1\n";

/// The state of one scope at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose it is.
    pub issuer: Id,
    /// What it is about.
    pub scope: Scope,
    /// It rises with each change.
    pub sequence: u64,
    /// When it was signed, in whole microseconds.
    pub issued: UnixTime,
    /// Which log of revocations counts. A number never stands for two logs of which one isn't
    /// the beginning of the other.
    pub epoch: u64,
    /// How many records that log has: at most [`MAX_RECORDS`].
    pub log_length: u32,
    /// The hash of so many records of it.
    pub log_hash: Digest,
    /// The hash of the index.
    pub index: Digest,
    /// The last records of the log, in its order: at most [`MAX_RECENT`].
    pub recent: Vec<TokenHash>,
}

impl Checkpoint {
    /// Whether the two say the same, whenever they were signed.
    pub fn has_the_content_of(&self, other: &Self) -> bool {
        let issued = self.issued;
        *self == Self { issued, ..other.clone() }
    }

    /// The payload, as it is signed. The same content has the same bytes.
    pub fn payload(&self) -> String {
        let payload = Payload {
            version: VERSION,
            issuer: self.issuer,
            scope: self.scope,
            sequence: self.sequence,
            issued: u64::try_from(self.issued.since_epoch().as_micros()).unwrap_or(u64::MAX),
            epoch: self.epoch,
            log_length: u64::from(self.log_length),
            log_hash: self.log_hash,
            index: self.index,
            recent: self.recent.clone(),
        };
        // What is written is texts and numbers, which can't fail.
        serde_json::to_string(&payload).unwrap_or_default()
    }

    fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let Version { version } = json::object(payload).map_err(|_| Refusal::Malformed)?;
        if version != VERSION {
            return Err(Refusal::UnknownVersion);
        }
        let read: Payload = json::object(payload).map_err(|_| Refusal::Malformed)?;
        let log_length = u32::try_from(read.log_length).map_err(|_| Refusal::Oversized)?;
        if log_length > MAX_RECORDS {
            return Err(Refusal::Oversized);
        }
        let most = MAX_RECENT.min(usize::try_from(log_length).unwrap_or(usize::MAX));
        if read.recent.len() > most {
            return Err(Refusal::Malformed);
        }
        // Where the whole log is there, its hash has to be.
        if read.recent.len() == usize::try_from(log_length).unwrap_or(usize::MAX) {
            let mut log = LogHash::default();
            read.recent.iter().for_each(|record| log.push(*record));
            if log.digest() != read.log_hash {
                return Err(Refusal::Malformed);
            }
        }
        Ok(Self {
            issuer: read.issuer,
            scope: read.scope,
            sequence: read.sequence,
            issued: UnixTime::new(Duration::from_micros(read.issued)),
            epoch: read.epoch,
            log_length,
            log_hash: read.log_hash,
            index: read.index,
            recent: read.recent,
        })
    }
}

/// The bytes that are signed for a payload.
pub fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    [CONTEXT, payload].concat()
}

/// The strong `ETag` of a checkpoint: `"<sequence>-<hash>"`, with its quotes.
pub fn etag(sequence: u64, payload: &[u8]) -> String {
    let hash = KeyId(first_bytes(Digest::of(payload)));
    format!("\"{sequence}-{hash}\"")
}

/// The sequence number in such an `ETag`, if it is one.
pub fn sequence_of_etag(etag: &str) -> Option<u64> {
    let (sequence, hash) = etag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?;
    let digits = !sequence.is_empty() && sequence.bytes().all(|byte| byte.is_ascii_digit());
    let hash = hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit());
    if digits && hash { sequence.parse().ok() } else { None }
}

/// Writes the checkpoint as it is sent: the payload and signatures over its
/// [`signed_bytes`], each with the 32 bytes of the public key.
///
/// # Errors
///
/// [`Refusal::Oversized`] when no reader would take it for its size or the number of signatures.
pub fn envelope(payload: &str, signatures: &[([u8; 32], [u8; 64])]) -> Result<String, Refusal> {
    let written = |(key, signature): &([u8; 32], [u8; 64])| WrittenSignature {
        key: KeyId::of(key),
        signature: BASE64URL.encode(signature),
    };
    let signatures: Vec<_> = signatures.iter().map(written).collect();
    let few = (1..=MAX_SIGNATURES).contains(&signatures.len());
    let written = WrittenEnvelope { payload: BASE64URL.encode(payload), signatures };
    let written = serde_json::to_string(&written).unwrap_or_default();
    if few && written.len() <= MAX_BYTES { Ok(written) } else { Err(Refusal::Oversized) }
}

/// A checkpoint that a pinned key signed.
#[derive(Clone, Debug)]
pub struct Verified {
    checkpoint: Checkpoint,
    etag: String,
}

impl Verified {
    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What names it in `If-None-Match`.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    pub(crate) fn into_parts(self) -> (Checkpoint, String) {
        (self.checkpoint, self.etag)
    }
}

/// Checks a checkpoint as it came: its size and form, a signature, and only then what it says.
///
/// # Errors
///
/// The first of [`Refusal::Oversized`], [`Refusal::Truncated`], [`Refusal::Malformed`],
/// [`Refusal::BadSignature`], then about the payload [`Refusal::Malformed`],
/// [`Refusal::UnknownVersion`] and [`Refusal::Oversized`].
pub fn verify(bytes: &[u8], keys: &TrustKeys) -> Result<Verified, Refusal> {
    if bytes.len() > MAX_BYTES {
        return Err(Refusal::Oversized);
    }
    let envelope: Envelope = json::object(bytes)
        .map_err(|error| if error.is_eof() { Refusal::Truncated } else { Refusal::Malformed })?;
    if envelope.signatures.len() > MAX_SIGNATURES {
        return Err(Refusal::Oversized);
    }
    let payload = BASE64URL.decode(envelope.payload).map_err(|_| Refusal::Malformed)?;
    let signed = signed_bytes(&payload);
    let good = |Object(it): &Object<WrittenSignature>| keys.verify(it, &signed);
    if !envelope.signatures.iter().any(good) {
        return Err(Refusal::BadSignature);
    }
    let checkpoint = Checkpoint::read(&payload)?;
    let etag = etag(checkpoint.sequence, &payload);
    Ok(Verified { checkpoint, etag })
}

/// The keys that a gateway is configured with, by which it knows its issuer.
#[derive(Clone)]
pub struct TrustKeys(Vec<(KeyId, PublicKey)>);

/// The most of them.
pub const MAX_TRUST_KEYS: usize = MAX_SIGNATURES;

/// Why keys can't be a gateway's [`TrustKeys`]. Its text continues "found …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustKeyError {
    /// There is none, or there are more than [`MAX_TRUST_KEYS`].
    Count(usize),
    /// One isn't a public key.
    Key(KeyError),
    /// One is of another type than Ed25519: what it is.
    Type(String),
}

impl TrustKeys {
    /// These public keys in PEM.
    ///
    /// # Errors
    ///
    /// When there is none or too many, or one isn't an Ed25519 key.
    pub fn from_pem<'a>(pems: impl IntoIterator<Item = &'a str>) -> Result<Self, TrustKeyError> {
        let materials = pems.into_iter().map(pem::public_key);
        let keys: Result<Vec<_>, _> = materials
            .map(|material| match material.map_err(TrustKeyError::Key)? {
                Material::Ed25519(key) => Ok((KeyId::of(&key), key)),
                other => Err(TrustKeyError::Type(other.describe())),
            })
            .collect();
        let keys = keys?;
        match keys.len() {
            1..=MAX_TRUST_KEYS => Ok(Self(keys)),
            count => Err(TrustKeyError::Count(count)),
        }
    }

    /// The names of the keys.
    pub fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().map(|(id, _)| *id)
    }

    fn verify(&self, written: &WrittenSignature, signed: &[u8]) -> bool {
        let Ok(signature) = BASE64URL.decode(&written.signature) else { return false };
        let Ok(signature) = Signature::from_slice(&signature) else { return false };
        let mut named = self.0.iter().filter(|(id, _)| *id == written.key);
        named.any(|(_, key)| key.verify(signed, &signature).is_ok())
    }
}

/// What names a trust key beside its signature: the first 8 bytes of the SHA-256 of its 32 bytes.
/// It chooses among the pinned keys and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The name that has these bytes.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The name of the key that has these 32 bytes (RFC 8032 §5.1.5).
    pub fn of(key: &[u8; 32]) -> Self {
        Self(first_bytes(Digest::of(key)))
    }
}

fn first_bytes(digest: Digest) -> [u8; 8] {
    digest.bytes().first_chunk().copied().unwrap_or_default()
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

as_text! {
    KeyId, "16 hexadecimal digits in lower case", |text: &str| from_hex(text).map(KeyId::new);
}

impl fmt::Display for TrustKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count} keys"),
            Self::Key(error) => error.fmt(f),
            Self::Type(name) => write!(f, "a key of type {name}, which is not Ed25519"),
        }
    }
}

impl std::error::Error for TrustKeyError {}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// The order of its members is that in which they are written.
#[derive(Deserialize, Serialize)]
struct Payload {
    version: u64,
    issuer: Id,
    scope: Scope,
    sequence: u64,
    issued: u64,
    epoch: u64,
    log_length: u64,
    log_hash: Digest,
    index: Digest,
    recent: Vec<TokenHash>,
}

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    signatures: Vec<Object<WrittenSignature>>,
}

#[derive(Serialize)]
struct WrittenEnvelope {
    payload: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Deserialize, Serialize)]
struct WrittenSignature {
    key: KeyId,
    signature: String,
}

#[cfg(test)]
mod tests;
