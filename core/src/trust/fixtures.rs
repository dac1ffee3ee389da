//! An issuer for the tests: keys that sign, and a feed that changes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, Seed};

use crate::time::UnixTime;
use crate::trust::checkpoint::{self, Checkpoint, MAX_RECENT, TrustKeys};
use crate::trust::index::{Contents, Objects};
use crate::trust::log::{LogHash, TokenHash};
use crate::trust::name::{Id, Scope};
use crate::trust::shards::{Application, Namespace, Privacy};

/// The key pair of that number.
pub fn pair(n: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([n; 32]))
}

/// Its public key in PEM (RFC 8410 §4).
pub fn pem(n: u8) -> String {
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", pair(n).pk.as_ref()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

/// A gateway's keys.
pub fn keys(numbers: &[u8]) -> TrustKeys {
    let pems: Vec<_> = numbers.iter().map(|n| pem(*n)).collect();
    TrustKeys::from_pem(pems.iter().map(String::as_str)).unwrap()
}

/// A payload signed by these keys.
pub fn sign_payload(payload: &str, numbers: &[u8]) -> Vec<u8> {
    let signed = checkpoint::signed_bytes(payload.as_bytes());
    let sign = |n: &u8| (*pair(*n).pk, *pair(*n).sk.sign(&signed, None));
    let signatures: Vec<_> = numbers.iter().map(sign).collect();
    checkpoint::envelope(payload, &signatures).unwrap().into_bytes()
}

/// A checkpoint signed by these keys.
pub fn sign(checkpoint: &Checkpoint, numbers: &[u8]) -> Vec<u8> {
    sign_payload(&checkpoint.payload(), numbers)
}

/// An id that is easy to tell from others.
pub fn id(n: u8) -> Id {
    Id::new([n; 16])
}

/// What an issuer says of one scope, signed by the key 1.
#[derive(Clone)]
pub struct Feed {
    pub issuer: Id,
    pub scope: Scope,
    pub sequence: u64,
    pub epoch: u64,
    pub contents: Contents,
    pub records: Vec<TokenHash>,
}

impl Feed {
    /// The namespace 2, with the application 3, and so many revoked tokens.
    pub fn new(revoked: usize) -> Self {
        let namespace =
            Namespace { id: id(2), not_before: None, keys: vec![], revoked_keys: vec![] };
        let application = Application {
            id: id(3),
            namespace: id(2),
            privacy: Privacy::Private,
            not_before: None,
        };
        let contents = Contents {
            namespaces: vec![namespace],
            applications: vec![application],
            bearers: vec![],
        };
        let records = (0..revoked).map(|n| TokenHash::of(&n.to_string())).collect();
        let scope = Scope::Namespace(id(2));
        Self { issuer: id(1), scope, sequence: 10, epoch: 1, contents, records }
    }

    /// Revokes a token, as one change.
    pub fn revoke(&mut self, token_id: &str) {
        self.records.push(TokenHash::of(token_id));
        self.sequence += 1;
    }

    /// Sets the application's privacy, as one change.
    pub fn set(&mut self, privacy: Privacy) {
        self.contents.applications[0].privacy = privacy;
        self.sequence += 1;
    }

    pub fn checkpoint(&self, issued: UnixTime) -> Checkpoint {
        let mut log = LogHash::default();
        self.records.iter().for_each(|record| log.push(*record));
        let recent = self.records.iter().rev().take(MAX_RECENT).rev().copied().collect();
        Checkpoint {
            issuer: self.issuer,
            scope: self.scope,
            sequence: self.sequence,
            issued,
            epoch: self.epoch,
            log_length: log.length(),
            log_hash: log.digest(),
            index: self.objects().index,
            recent,
        }
    }

    pub fn signed(&self, issued: UnixTime) -> Vec<u8> {
        sign(&self.checkpoint(issued), &[1])
    }

    pub fn objects(&self) -> Objects {
        self.contents.write(Scope::All).unwrap()
    }

    pub fn log(&self) -> Vec<u8> {
        self.records.iter().flat_map(|record| record.bytes()).collect()
    }
}
