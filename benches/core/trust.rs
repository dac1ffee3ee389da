//! What it costs to follow an issuer: loading its revocations, one more of them, and what a
//! request asks of them.

use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{BatchSize, Criterion};
use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, MAX_RECENT, TrustKeys};
use namespace_jwt_core::trust::index::{Contents, Objects};
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Id, Scope};
use namespace_jwt_core::trust::shards::{Application, Namespace, Privacy};
use namespace_jwt_core::trust::state::{LogPart, News, Now, Settings, Standing, State, WhenStale};
use namespace_jwt_core::trust::view::{Revoked, Token, View};

/// How many tokens are revoked.
const REVOKED: usize = 100_000;

/// How much of a log the filter takes from the proxy at a time, in bytes.
const SLICE: usize = 64 * 1024;

const NAMESPACE: Id = Id::new([2; 16]);
const APPLICATION: Id = Id::new([3; 16]);

pub fn run(criterion: &mut Criterion) {
    let feed = Feed::new();
    criterion.bench_function("trust/load_100_000", |bencher| {
        bencher.iter_batched_ref(
            || feed.nothing(),
            |state| feed.load(black_box(state)),
            BatchSize::PerIteration,
        );
    });
    one_more(criterion, &feed);
    let keys = feed.keys();
    criterion.bench_function("trust/checkpoint_verify", |bencher| {
        bencher.iter(|| checkpoint::verify(black_box(&feed.signed), &keys).expect("a good one"));
    });
    looking_up(criterion, &feed);
}

/// The first time that revocations come, as it is in a proxy's worker: V8 hasn't found out yet
/// what to optimize. And by how much WebAssembly's memory, which never shrinks, grows; natively
/// that would be the system's allocator's: `core/tests/trust_memory.rs` counts there.
///
/// To be called before anything else, whose memory it would find free.
pub fn first_time() {
    let feed = Feed::new();
    let mut state = feed.nothing();
    let (begun, before) = (Instant::now(), pages());
    feed.load(&mut state);
    let (took, after) = (begun.elapsed(), pages());
    println!("trust/load_100_000, the first time: {took:.1?}");
    if let (Some(before), Some(after)) = (before, after) {
        println!("trust/load_100_000, memory: {} KiB at the peak", (after - before) * 64);
    }
}

/// Pages of 64 KiB.
fn pages() -> Option<usize> {
    #[cfg(target_family = "wasm")]
    return Some(core::arch::wasm32::memory_size(0));
    #[cfg(not(target_family = "wasm"))]
    None
}

/// A checkpoint with one revocation more than the one before, as it comes to a gateway that waits.
fn one_more(criterion: &mut Criterion, feed: &Feed) {
    let (mut state, mut feed) = (feed.loaded(), feed.clone());
    criterion.bench_function("trust/one_more", |bencher| {
        bencher.iter_batched(
            || feed.revoke_one_more(),
            |signed| {
                assert_eq!(state.checkpoint(black_box(&signed), now()), Ok(News::Complete));
            },
            // One follows the other.
            BatchSize::NumIterations(10),
        );
    });
}

fn looking_up(criterion: &mut Criterion, feed: &Feed) {
    let state = feed.loaded();
    let Standing::Known(view) = state.standing(now()) else { panic!("a state that counts") };
    let mut look = |name: &str, first: usize, expected: Option<Revoked>| {
        let tokens: Vec<_> = (first..first + 1000).map(|n| TokenHash::of(&jti(n))).collect();
        let mut turn = tokens.iter().cycle();
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let hash = turn.next().copied();
                assert_eq!(revoked(black_box(view), black_box(hash)), expected);
            });
        });
    };
    look("trust/revoked/hit", REVOKED / 2, Some(Revoked::Token));
    look("trust/revoked/miss", REVOKED, None);
    let id = jti(0);
    criterion.bench_function("trust/token_hash", |bencher| {
        bencher.iter(|| TokenHash::of(black_box(&id)));
    });
}

fn revoked(view: &View, hash: Option<TokenHash>) -> Option<Revoked> {
    let token = Token { hash, issued_at: Some(now().clock) };
    view.revoked(NAMESPACE, Some(APPLICATION), token)
}

fn jti(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn now() -> Now {
    Now { clock: UnixTime::from_secs(1_700_000_000), monotonic: Duration::ZERO }
}

/// What an issuer says of a namespace with one function.
#[derive(Clone)]
struct Feed {
    pair: KeyPair,
    objects: Objects,
    sequence: u64,
    log: Vec<u8>,
    hash: LogHash,
    recent: Vec<TokenHash>,
    signed: Vec<u8>,
}

impl Feed {
    fn new() -> Self {
        let namespace =
            Namespace { id: NAMESPACE, not_before: None, keys: vec![], revoked_keys: vec![] };
        let application = Application {
            id: APPLICATION,
            namespace: NAMESPACE,
            privacy: Privacy::Private,
            not_before: None,
        };
        let contents = Contents {
            namespaces: vec![namespace],
            applications: vec![application],
            bearers: vec![],
        };
        let mut feed = Self {
            pair: KeyPair::from_seed(Seed::new([7; 32])),
            objects: contents.write(scope()).expect("few entries"),
            sequence: 0,
            // What is freed of a vector that grew would hide what loading takes.
            log: Vec::with_capacity(REVOKED * 8),
            hash: LogHash::default(),
            recent: vec![],
            signed: vec![],
        };
        (0..REVOKED).for_each(|n| feed.append(TokenHash::of(&jti(n))));
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

    /// Revokes a token, and gives the checkpoint that says so.
    fn revoke_one_more(&mut self) -> Vec<u8> {
        self.append(TokenHash::of(&jti(self.log.len() / 8)));
        self.sign();
        self.signed.clone()
    }

    fn keys(&self) -> TrustKeys {
        // RFC 8410 §4.
        let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &self.pair.pk[..]].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        );
        TrustKeys::from_pem([pem.as_str()]).expect("a key")
    }

    /// The state of a gateway that has heard nothing yet.
    fn nothing(&self) -> State {
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
    fn load(&self, state: &mut State) {
        assert_eq!(state.checkpoint(&self.signed, now()), Ok(News::Incomplete));
        let index = &self.objects.bytes[&self.objects.index];
        assert_eq!(state.object(self.objects.index, index, now()), Ok(News::Incomplete));
        for (name, bytes) in self.objects.bytes.iter().filter(|it| *it.0 != self.objects.index) {
            assert_eq!(state.object(*name, bytes, now()), Ok(News::Incomplete));
        }
        let mut news = News::Incomplete;
        for (number, slice) in self.log.chunks(SLICE).enumerate() {
            let slice = slice.to_vec();
            let from = (number * SLICE) as u64;
            let last = number == (self.log.len() - 1) / SLICE;
            let part = LogPart { epoch: 1, from, bytes: &slice, last };
            news = state.log(part, now()).expect("a good log");
        }
        assert_eq!(news, News::Complete);
    }

    fn loaded(&self) -> State {
        let mut state = self.nothing();
        self.load(&mut state);
        state
    }
}

fn scope() -> Scope {
    Scope::Namespace(NAMESPACE)
}
