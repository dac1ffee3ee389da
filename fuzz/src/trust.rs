//! An issuer that signs whatever it is told, and a gateway that knows its key.

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, TrustKeys};
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::state::{Now, Settings, State, WhenStale};

use crate::keys::Signer;

/// The clock's seconds when a gateway starts.
pub const START: u64 = 1_700_000_000;

/// The gateway's keys.
pub fn keys(signer: &Signer) -> TrustKeys {
    TrustKeys::from_pem([signer.public_pem().as_str()]).expect("an Ed25519 key")
}

/// A gateway that follows all namespaces.
pub fn state(signer: &Signer) -> State {
    let settings = Settings {
        scope: Scope::All,
        issuer: None,
        keys: keys(signer),
        max_staleness: Duration::from_secs(300),
        when_stale: WhenStale::Deny,
        static_keys: false,
    };
    State::new(settings, at(0))
}

/// So many seconds after the start.
pub fn at(seconds: u64) -> Now {
    let clock = UnixTime::from_secs(START + seconds);
    Now { clock, monotonic: Duration::from_secs(seconds) }
}

/// A checkpoint of that log and that index, issued at the start.
pub fn checkpoint(sequence: u64, epoch: u64, log: &[TokenHash], index: Digest) -> Checkpoint {
    let mut hash = LogHash::default();
    log.iter().for_each(|record| hash.push(*record));
    Checkpoint {
        issuer: Id::new([1; 16]),
        scope: Scope::All,
        sequence,
        issued: at(0).clock,
        epoch,
        log_length: hash.length(),
        log_hash: hash.digest(),
        index,
        recent: vec![],
    }
}

/// Signs a payload, whatever it is; none where it is too long.
pub fn sign(signer: &Signer, payload: &str) -> Option<Vec<u8>> {
    let signature = signer.sign(&checkpoint::signed_bytes(payload.as_bytes()));
    let key = *signer.public().first_chunk().expect("32 bytes");
    checkpoint::envelope(payload, &[(key, signature)]).ok().map(String::into_bytes)
}
