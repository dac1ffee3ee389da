//! What the core costs, step by step: a token's form, its claims, the whole decision, the
//! cache, and following an issuer.
//!
//! `cargo bench --bench core` runs it natively, `make bench-core` also in V8, the engine that
//! Envoy runs the filter in.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

mod feed;
mod inputs;
mod trust;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode};
use inputs::{Inputs, Signer};
use namespace_jwt_core::access::{Access, Admitted, Memory};
use namespace_jwt_core::cache::TokenCache;
use namespace_jwt_core::claims::Claims;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::key::KeySetNumber;
use namespace_jwt_core::reason::Denial;
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::token::Token;
use namespace_jwt_core::verify::{Verified, verify};

/// The platform's keys are of this size.
const USUAL: &str = "RSA-4096";

/// What `cache/*` holds.
const ENTRIES: usize = 1000;

fn main() {
    trust::first_time();
    let Inputs { now, signers } = Inputs::get();
    let now = UnixTime::from_secs(now);
    let usual = signers.iter().find(|signer| signer.name == USUAL).expect("the usual key");

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
        .configure_from_args();
    form(&mut criterion, usual);
    decision(&mut criterion, usual, &signers, now);
    cache(&mut criterion, usual);
    trust::run(&mut criterion, usual, now);
    criterion.final_summary();
}

fn form(criterion: &mut Criterion, usual: &Signer) {
    let bytes = usual.tokens[0].as_bytes();
    criterion.bench_function("token/parse", |bencher| {
        bencher.iter(|| Token::parse(black_box(bytes)).expect("a well-formed token"));
    });
    let token = Token::parse(bytes).expect("a well-formed token");
    criterion.bench_function("claims/parse", |bencher| {
        bencher.iter(|| Claims::parse(black_box(token.payload())).expect("well-formed claims"));
    });
}

/// From a request's headers to the decision.
fn decision(criterion: &mut Criterion, usual: &Signer, signers: &[Signer], now: UnixTime) {
    let mut worker = Worker::new(usual, 1);
    let request = headers(&usual.tokens[0]);
    worker.admit(&request, now);
    criterion.bench_function("decision/warm", |bencher| {
        bencher.iter(|| worker.admit(black_box(&request), now));
    });

    let mut cold = criterion.benchmark_group("decision/cold");
    // In V8 the slowest takes milliseconds: samples that grow would take too long.
    cold.sampling_mode(SamplingMode::Flat);
    for signer in signers {
        let mut worker = Worker::new(signer, 1);
        let requests = signer.tokens.each_ref().map(|token| headers(token));
        let mut turn = requests.iter().cycle();
        // Each token pushes the other one out, as a new one does where the cache is full.
        cold.bench_function(&signer.name, |bencher| {
            bencher.iter(|| worker.admit(black_box(turn.next().expect("a cycle")), now));
        });
    }
    cold.finish();
}

fn cache(criterion: &mut Criterion, usual: &Signer) {
    let verified = verified(usual);
    let (held, others) = (tokens(usual, 0), tokens(usual, ENTRIES));
    let mut cache = TokenCache::new(ENTRIES);
    for token in &held {
        cache.insert(token, KeySetNumber::FIRST, verified.clone());
    }

    let mut turn = held.iter().cycle();
    criterion.bench_function("cache/hit", |bencher| {
        bencher.iter(|| {
            let token = black_box(turn.next().expect("a cycle"));
            assert!(black_box(cache.get(token, KeySetNumber::FIRST)).is_some(), "it is held");
        });
    });
    let mut turn = others.iter().cycle();
    criterion.bench_function("cache/miss", |bencher| {
        bencher.iter(|| {
            let token = black_box(turn.next().expect("a cycle"));
            assert!(black_box(cache.get(token, KeySetNumber::FIRST)).is_none(), "it is not held");
        });
    });
    // By the time that a token's turn comes again, it has been pushed out.
    let mut turn = others.iter().chain(&held).cycle();
    criterion.bench_function("cache/insert_and_evict", |bencher| {
        bencher.iter_batched(
            || (turn.next().expect("a cycle"), verified.clone()),
            |(token, verified)| cache.insert(black_box(token), KeySetNumber::FIRST, verified),
            // Few enough that what was prepared is still in the processor's own cache.
            BatchSize::NumIterations(100),
        );
    });
}

/// What one worker of the proxy has.
struct Worker {
    config: Config,
    memory: Memory,
}

impl Worker {
    fn new(signer: &Signer, cached: usize) -> Self {
        Self { config: config(signer), memory: Memory::new(cached) }
    }

    fn decide(&mut self, headers: &[(&str, &str)], now: UnixTime) -> Result<Admitted, Denial> {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let presented =
            Presented::find(&self.config.token_headers, &self.config.token_cookies, headers);
        self.config.access.decide(presented.into(), None, &Guest, &mut self.memory, now)
    }

    fn admit(&mut self, headers: &[(&str, &str)], now: UnixTime) {
        assert_eq!(
            self.decide(headers, now).map_err(Denial::code).map(Admitted::code),
            Ok("allowed")
        );
    }
}

fn config(signer: &Signer) -> Config {
    Config::from_json(signer.configuration.as_bytes(), &Environment::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The headers that `curl` sends and Envoy adds.
fn headers(token: &str) -> Vec<(&'static str, &str)> {
    vec![
        (":authority", "function.example.com"),
        (":path", "/hello?name=world"),
        (":method", "GET"),
        (":scheme", "https"),
        ("user-agent", "curl/8.14.1"),
        ("accept", "*/*"),
        ("x-auth-token", token),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "3c8710f8-0643-42b6-9275-3b0ad4bf6b75"),
    ]
}

fn verified(signer: &Signer) -> Verified {
    let config = config(signer);
    let Access::Private(private) = &config.access else { panic!("expected a private one") };
    verify(signer.tokens[0].as_bytes(), &private.keys, &Guest).expect("a good token")
}

/// As many tokens as a full cache holds. To a cache they are bytes: they end as differently as
/// signatures do, and verify under no key.
fn tokens(signer: &Signer, first: usize) -> Vec<Vec<u8>> {
    let token = |n: usize| {
        let mut hasher = DefaultHasher::new();
        n.hash(&mut hasher);
        let end = format!("{:016x}", hasher.finish());
        let mut token = signer.tokens[0].clone().into_bytes();
        token.truncate(token.len() - end.len());
        token.extend_from_slice(end.as_bytes());
        token
    };
    (first..first + ENTRIES).map(token).collect()
}
