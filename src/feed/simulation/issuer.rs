//! An issuer of the simulation: what it says, signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, MAX_RECENT};
use namespace_jwt_core::trust::index::{Contents, Objects};
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::shards::{Application, Namespace, Privacy};

pub const NAMESPACE: &str = "22222222-0000-4000-8000-000000000000";

pub struct Issuer {
    sequence: u64,
    epoch: u64,
    public: bool,
    records: Vec<TokenHash>,
}

impl Issuer {
    pub fn new() -> Self {
        Self { sequence: 1, epoch: 1, public: false, records: Vec::new() }
    }

    /// The key by which it is known, in PEM (RFC 8410 §4).
    pub fn public_pem() -> String {
        let key = pair(1).pk;
        let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], key.as_ref()].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub fn revoke(&mut self, tokens: &[TokenHash]) {
        self.records.extend(tokens);
        self.sequence += 1;
    }

    pub fn compact(&mut self, expired: usize) {
        self.records.drain(..expired);
        self.sequence += 1;
        self.epoch += 1;
    }

    pub fn set_public(&mut self, public: bool) {
        self.public = public;
        self.sequence += 1;
    }

    /// The checkpoint, signed by the key of that number.
    pub fn signed(&self, issued: UnixTime, by: u8) -> Vec<u8> {
        let mut log = LogHash::default();
        self.records.iter().for_each(|record| log.push(*record));
        let payload = Checkpoint {
            issuer: Id::new([1; 16]),
            scope: Scope::Namespace(Id::of(NAMESPACE).unwrap()),
            sequence: self.sequence,
            issued,
            epoch: self.epoch,
            log_length: log.length(),
            log_hash: log.digest(),
            index: self.objects().index,
            recent: self.records.iter().rev().take(MAX_RECENT).rev().copied().collect(),
        }
        .payload();
        let pair = pair(by);
        let signature = pair.sk.sign(checkpoint::signed_bytes(payload.as_bytes()), None);
        checkpoint::envelope(&payload, &[(*pair.pk, *signature)]).unwrap().into_bytes()
    }

    pub fn object(&self, hash: Digest) -> Option<Vec<u8>> {
        if hash == Digest::of(&self.log()) {
            return Some(self.log());
        }
        self.objects().bytes.remove(&hash)
    }

    pub fn log(&self) -> Vec<u8> {
        self.records.iter().flat_map(|record| record.bytes()).collect()
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn objects(&self) -> Objects {
        let namespace = Id::of(NAMESPACE).unwrap();
        let privacy = if self.public { Privacy::Public } else { Privacy::Private };
        let application =
            Application { id: Id::new([3; 16]), namespace, privacy, not_before: None };
        let namespaces =
            vec![Namespace { id: namespace, not_before: None, keys: vec![], revoked_keys: vec![] }];
        let contents = Contents { namespaces, applications: vec![application], bearers: vec![] };
        contents.write(Scope::Namespace(namespace)).unwrap()
    }
}

fn pair(n: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([n; 32]))
}
