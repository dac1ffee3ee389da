//! An issuer: what it says of a namespace, signed, as gateways get it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, MAX_RECENT, TrustKeys};
use namespace_jwt_core::trust::index::{Contents, Objects};
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Id, Scope};
use namespace_jwt_core::trust::shards::{Application, Namespace, Privacy};
use namespace_jwt_core::trust::state::{LogPart, News, Now, Settings, State, Want, WhenStale};

/// How much of a log the filter takes from the proxy at a time, in bytes.
const SLICE: usize = 64 * 1024;

/// The namespace that everything is about.
pub const NAMESPACE: &str = "3a8b3cd5-b340-46f9-a763-a37fa7a6f635";

/// What an issuer says of a namespace, its functions, and its revoked tokens.
#[derive(Clone)]
pub struct Feed {
    pair: KeyPair,
    objects: Objects,
    sequence: u64,
    log: Vec<u8>,
    hash: LogHash,
    recent: Vec<TokenHash>,
    signed: Vec<u8>,
}

impl Feed {
    /// With so many revoked tokens and functions. The ids are those of [`token_id`] and
    /// [`application_id`].
    pub fn new(revoked: usize, applications: usize) -> Self {
        let id = namespace();
        let namespaces =
            vec![Namespace { id, not_before: None, keys: vec![], revoked_keys: vec![] }];
        let application = |n| Application {
            id: Id::of(&application_id(n)).expect("a UUID"),
            namespace: id,
            privacy: Privacy::Private,
            not_before: None,
        };
        let applications = (0..applications).map(application).collect();
        let contents = Contents { namespaces, applications, bearers: vec![] };
        let mut feed = Self {
            pair: KeyPair::from_seed(Seed::new([7; 32])),
            objects: contents.write(scope()).expect("no entry too many"),
            sequence: 0,
            // What is freed of a vector that grew would hide what loading takes.
            log: Vec::with_capacity(revoked * 8),
            hash: LogHash::default(),
            recent: vec![],
            signed: vec![],
        };
        (0..revoked).for_each(|n| feed.append(TokenHash::of(&token_id(n))));
        feed.sign();
        feed
    }

    fn append(&mut self, record: TokenHash) {
        self.log.extend(record.bytes());
        self.hash.push(record);
        if self.recent.len() == MAX_RECENT {
            self.recent.remove(0);
        }
        self.recent.push(record);
    }

    fn sign(&mut self) {
        self.sequence += 1;
        let checkpoint = Checkpoint {
            issuer: Id::new([1; 16]),
            scope: scope(),
            sequence: self.sequence,
            issued: now().clock,
            epoch: 1,
            log_length: self.hash.length(),
            log_hash: self.hash.digest(),
            index: self.objects.index,
            recent: self.recent.clone(),
        };
        let payload = checkpoint.payload();
        let signature = self.pair.sk.sign(checkpoint::signed_bytes(payload.as_bytes()), None);
        let envelope = checkpoint::envelope(&payload, &[(*self.pair.pk, *signature)]);
        self.signed = envelope.expect("a small one").into_bytes();
    }

    /// Its checkpoint, as it is sent.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// Revokes a token, and gives the checkpoint that says so.
    pub fn revoke_one_more(&mut self) -> Vec<u8> {
        self.append(TokenHash::of(&token_id(self.log.len() / 8)));
        self.sign();
        self.signed.clone()
    }

    /// Its trust key.
    pub fn pem(&self) -> String {
        // RFC 8410 §4.
        let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &self.pair.pk[..]].concat();
        let text = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    /// What a gateway pins.
    pub fn keys(&self) -> TrustKeys {
        TrustKeys::from_pem([self.pem().as_str()]).expect("a key")
    }

    /// The state of a gateway that has heard nothing yet.
    pub fn nothing(&self) -> State {
        let settings = Settings {
            scope: scope(),
            issuer: None,
            keys: self.keys(),
            max_staleness: Duration::from_secs(300),
            when_stale: WhenStale::Deny,
            static_keys: false,
        };
        State::new(settings, now())
    }

    /// Brings all of it to a gateway: the checkpoint, the objects, and the log as the filter takes
    /// it from the proxy.
    pub fn load(&self, state: &mut State) {
        let mut news = state.checkpoint(&self.signed, now()).expect("a good one");
        // The index first: it says what else is needed.
        for _ in ["index", "shards"] {
            for want in state.wants() {
                if let Want::Object(name) = want {
                    news =
                        state.object(name, &self.objects.bytes[&name], now()).expect("a good one");
                }
            }
        }
        for (number, slice) in self.log.chunks(SLICE).enumerate() {
            let slice = slice.to_vec();
            let from = number * SLICE;
            let last = from + SLICE >= self.log.len();
            let part = LogPart { epoch: 1, from: from as u64, bytes: &slice, last };
            news = state.log(part, now()).expect("a good log");
        }
        assert_eq!(news, News::Complete);
    }

    /// The state of a gateway that has heard everything.
    pub fn loaded(&self) -> State {
        let mut state = self.nothing();
        self.load(&mut state);
        state
    }
}

/// A token's id.
pub fn token_id(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A function's id, from anywhere among all ids.
pub fn application_id(n: usize) -> String {
    let first = (n as u32).wrapping_mul(0x9e37_79b9);
    format!("{first:08x}-0000-4000-8000-{n:012}")
}

/// The namespace in the feed.
pub fn namespace() -> Id {
    Id::of(NAMESPACE).expect("a UUID")
}

fn scope() -> Scope {
    Scope::Namespace(namespace())
}

/// What time it is for gateways and the issuer.
pub fn now() -> Now {
    Now { clock: UnixTime::from_secs(1_700_000_000), monotonic: Duration::ZERO }
}
