//! What it costs to follow an issuer: loading its revocations, one more of them, and what is
//! asked of it for each request.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use namespace_jwt_core::access::{Admitted, Memory, Request, Route, Target};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint;
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::Id;
use namespace_jwt_core::trust::state::{News, Standing, State};
use serde_json::{Value, json};

use crate::feed::{Feed, NAMESPACE, application_id, namespace, now, token_id};
use crate::headers;
use crate::inputs::Signer;

/// How many tokens are revoked.
const REVOKED: usize = 100_000;

/// How many functions a plugin stands in front of that asks routes.
const APPLICATIONS: usize = 10_000;

/// The first time that revocations come, as it is in a proxy's worker: V8 hasn't found out yet
/// what to optimize. And by how much WebAssembly's memory, which never shrinks, grows; natively
/// that would be the system's allocator's: `core/tests/trust_memory.rs` counts there.
///
/// To be called before anything else, whose memory it would find free.
pub fn first_time() {
    let feed = Feed::new(REVOKED, 1);
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

pub fn run(criterion: &mut Criterion, usual: &Signer, clock: UnixTime) {
    let feed = Feed::new(REVOKED, 1);
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
        bencher.iter(|| checkpoint::verify(black_box(feed.signed()), &keys).expect("a good one"));
    });
    looking_up(criterion, &feed);
    decision(criterion, &feed, usual, clock);
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
    let (namespace, application) = (namespace(), Id::of(&application_id(0)));
    let issued_at = Some(now().clock);
    let mut look = |name: &str, first: usize, expected: bool| {
        let tokens: Vec<_> = (first..first + 1000).map(|n| TokenHash::of(&token_id(n))).collect();
        let mut turn = tokens.iter().cycle();
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let token = *black_box(turn.next().expect("a cycle"));
                let place = view.place(namespace, application);
                assert_eq!(view.lists(token) || place.revokes(issued_at), expected);
            });
        });
    };
    look("trust/revoked/hit", REVOKED / 2, true);
    look("trust/revoked/miss", REVOKED, false);
    let id = token_id(0);
    criterion.bench_function("trust/token_hash", |bencher| {
        bencher.iter(|| TokenHash::of(black_box(&id)));
    });
}

/// A request with a token that was seen before, with and without the feed.
fn decision(criterion: &mut Criterion, feed: &Feed, usual: &Signer, clock: UnixTime) {
    let trust = json!({"cluster": "issuer", "public_keys": [feed.pem()]});
    let one = json!({"application_id": application_id(0)});
    let following = json!({"application_id": application_id(0), "trust": trust});
    let by_route = json!({"protect": "route", "trust": trust});
    for (name, changes, applications) in [
        ("decision/warm/without_trust", &one, 1),
        ("decision/warm/trust", &following, 1),
        ("decision/warm/route_of_1", &by_route, 1),
        ("decision/warm/route_of_10_000", &by_route, APPLICATIONS),
    ] {
        let mut worker = Worker::new(usual, changes, applications, clock);
        let requests = headers(&usual.tokens[0]);
        let ids: Vec<_> = (0..applications).map(application_id).collect();
        let mut turn = ids.iter().cycle();
        worker.admit(&requests, &ids[0]);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| worker.admit(black_box(&requests), turn.next().expect("a cycle")));
        });
    }
}

/// What one worker of the proxy has that follows the feed.
struct Worker {
    config: Config,
    memory: Memory,
    state: State,
    by_route: bool,
    clock: UnixTime,
}

impl Worker {
    fn new(signer: &Signer, changes: &Value, applications: usize, clock: UnixTime) -> Self {
        let mut configuration: Value = serde_json::from_str(&signer.configuration).expect("JSON");
        let members = changes.as_object().expect("members").clone();
        configuration.as_object_mut().expect("members").extend(members);
        let config =
            Config::from_json(configuration.to_string().as_bytes(), &Environment::default())
                .unwrap_or_else(|error| panic!("{error}"));
        let state = Feed::new(REVOKED, applications).loaded();
        let by_route = changes.get("protect").is_some();
        Self { config, memory: Memory::new(1000), state, by_route, clock }
    }

    fn decide(&mut self, headers: &[(&str, &str)], application: &str) -> Result<Admitted, Denial> {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let presented =
            Presented::find(&self.config.token_headers, &self.config.token_cookies, headers);
        // Elsewhere the proxy isn't asked for it.
        let route = match self.by_route {
            true => Route::Private(Target::new(NAMESPACE, Some(application))),
            false => Route::Unusable,
        };
        let request = Request { presented, preflight: None, route };
        // As old as it is, so that it counts at any time.
        let standing = self.config.trust.is_some().then(|| self.state.standing(now()));
        self.config.access.decide(request, standing, &Guest, &mut self.memory, self.clock)
    }

    fn admit(&mut self, headers: &[(&str, &str)], application: &str) {
        let decision = self.decide(headers, application);
        assert_eq!(decision.map_err(Denial::code).map(Admitted::code), Ok("allowed"));
    }
}
