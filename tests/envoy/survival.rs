//! Whatever a client sends, the next request is served; and where a module does trap,
//! requests are refused until it is back, never let through.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::corpus::trapping::{FATAL_HEADERS, with_trap};
use testkit::corpus::wire::{Fate, Wire};
use testkit::corpus::{self, Bench};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::http::{PROTOCOLS, Request, send};
use testkit::protected::*;
use testkit::random::Random;
use testkit::upstream::Upstream;

/// A copy of the shipped module that traps, and an Envoy that runs it.
fn trapping(upstream: &Upstream, failure_policy: &str) -> Envoy {
    let shipped = testkit::root("dist/namespace-jwt.wasm");
    let folder = testkit::scratch();
    let copy = folder.join(format!("trapping-{failure_policy}-{}.wasm", std::process::id()));
    fs::write(&copy, with_trap(&fs::read(shipped).expect("make wasm first"))).unwrap();
    let envoy = Plan::new(upstream)
        .listener("main", Filter::new(&configuration()))
        .adjust("main", |manager| {
            let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
            plugin["vm_config"]["code"]["local"]["filename"] = json!(copy);
            plugin["failure_policy"] = json!(failure_policy);
        })
        .start();
    // Envoy has read it.
    fs::remove_file(&copy).unwrap();
    envoy
}

fn good() -> Request {
    Request::with_token(&namespace_key().token(&claims()))
}

/// A good request, but for the headers that make the module trap.
fn fatal() -> Request {
    (0..FATAL_HEADERS).fold(good(), |request, n| request.header(&format!("x-{n}"), "x"))
}

/// The policy of every configuration that is shipped.
#[test]
fn a_module_that_traps_refuses_until_it_is_back_and_then_serves() {
    let upstream = Upstream::start();
    let envoy = trapping(&upstream, "FAIL_RELOAD");
    let status = |request: &Request| send(envoy.address("main"), request).status;
    envoy.expect("main", "before", good(), "allowed");
    let mut served = upstream.requests();
    let mut refused_while_down = 0;
    for round in 0..3 {
        for protocol in PROTOCOLS {
            // The request on which it traps isn't let through, though its token is good.
            assert_eq!(status(&fatal().over(protocol)), 503, "round {round}");
            assert_eq!(upstream.requests(), served, "round {round}");
            let down = Instant::now();
            // Until it is back every request is refused, then every one is judged.
            wait_for("the module back in service", || {
                let (good_status, before) = (status(&good()), upstream.requests());
                match good_status {
                    200 => Some(()),
                    503 => {
                        assert_eq!(before, served, "a refused request reached the application");
                        refused_while_down += 1;
                        // Reloading waits for a while: don't use it up with requests.
                        std::thread::sleep(Duration::from_millis(20));
                        None
                    }
                    other => panic!("expected 200 or 503, found {other}"),
                }
            });
            println!("round {round}, {protocol:?}: back after {:?}", down.elapsed());
            envoy.expect("main", "after", good(), "allowed");
            envoy.expect("main", "after", Request::get(), "missing_token");
            let bad = Request::with_token(&other_key().token(&claims()));
            envoy.expect("main", "after", bad, "bad_signature");
            served = upstream.requests();
        }
    }
    assert!(refused_while_down > 0, "it was never seen down");
    // Envoy saw it happen each time.
    let panics = envoy.log().matches("Function: proxy_on_request_headers failed").count();
    assert!(panics >= 6, "{panics} traps in the log: {}", envoy.log());
}

/// Without that policy Envoy refuses as well, and goes on refusing: what the shipped
/// configurations are spared.
#[test]
fn without_reloading_a_module_that_trapped_refuses_for_good() {
    let upstream = Upstream::start();
    let envoy = trapping(&upstream, "FAIL_CLOSED");
    envoy.expect("main", "before", good(), "allowed");
    assert_eq!(send(envoy.address("main"), &fatal()).status, 503);
    for _ in 0..20 {
        assert_eq!(send(envoy.address("main"), &good()).status, 503);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(upstream.requests(), 1);
}

type Headers = Vec<(String, Vec<u8>)>;

/// A header value that the codecs let through for the most part, and otherwise anything.
fn hostile_value(random: &mut Random, token: &str) -> Vec<u8> {
    let length = match random.below(10) {
        0 => 0,
        1..=6 => random.below(200),
        7 | 8 => random.below(3000),
        _ => random.below(20_000),
    };
    let mut value = match random.below(8) {
        // A good token with a few bytes changed, cut, or repeated.
        0..=2 => {
            let mut value = token.as_bytes().to_vec();
            for _ in 0..=random.below(4) {
                let at = random.below(value.len());
                match random.below(4) {
                    0 => value[at] = random.number() as u8,
                    1 => value[at] ^= 1 << random.below(8),
                    2 => value.truncate(at.max(1)),
                    _ => value.extend_from_within(at..),
                }
            }
            value
        }
        // Letters of base64url and dots.
        3 | 4 => (0..length).map(|_| b"ABCDabcd0189-_..=="[random.below(18)]).collect(),
        _ => random.bytes(length),
    };
    // Control characters end the request in the codec; mostly it is to get through.
    if random.below(50) > 0 {
        value
            .iter_mut()
            .filter(|byte| **byte < 0x20 || **byte == 0x7f)
            .for_each(|byte| *byte |= 0x80);
    }
    value
}

fn hostile_headers(random: &mut Random, token: &str) -> Headers {
    const NAMES: [&str; 8] = [
        "x-auth-token",
        "x-auth-token",
        "X-Auth-Token",
        "scw-functions-token",
        "scw_functions_token",
        "authorization",
        "cookie",
        "x-other",
    ];
    (0..=random.below(4))
        .map(|_| (NAMES[random.below(NAMES.len())].to_owned(), hostile_value(random, token)))
        .collect()
}

struct Client {
    wire: Wire,
    random: Random,
    /// How many requests the codec ended.
    ended: usize,
}

impl Client {
    /// One of the corpus's requests, or a random one.
    fn send_hostile(&mut self, corpus: &[Headers], token: &str) {
        let headers = match self.random.below(3) {
            0 => corpus[self.random.below(corpus.len())].clone(),
            _ => hostile_headers(&mut self.random, token),
        };
        self.ended += usize::from(self.wire.send("GET", &headers) == Fate::Ended);
    }
}

/// At least 200,000 requests into one Envoy: the corpus over and over, and random bytes.
/// Too long for every run: `make soak`.
#[test]
#[ignore = "takes minutes: 200,000 hostile requests"]
fn two_hundred_thousand_hostile_requests_leave_envoy_serving_in_steady_memory() {
    const REQUESTS: usize = 200_000;
    const CLIENTS: usize = 16;
    const BATCH: usize = 2_000;
    /// What heaps may still settle by: 30 bytes a request.
    const GROWTH: u64 = 4 << 20;
    let bench = Bench::new(testkit::protected::now());
    let corpus: Vec<_> = corpus::cases(&bench)
        .into_iter()
        .filter(|case| case.configuration == "function")
        .map(|case| case.headers)
        .collect();
    let upstream = Upstream::start();
    let (_, configuration) =
        corpus::configurations(&bench).into_iter().find(|(name, _)| *name == "function").unwrap();
    let back_end = |name: &str| {
        let mut configuration = configuration.clone();
        configuration["signature_verification"] = name.into();
        // Small enough that tokens leave it all the time.
        configuration["token_cache_size"] = 50.into();
        Filter::new(&configuration)
    };
    let listeners = ["guest", "host"];
    let envoy = listeners
        .into_iter()
        .fold(Plan::new(&upstream).quiet(), |plan, name| {
            plan.listener(name, back_end(name)).adjust(name, |manager| {
                // How long Envoy waits before it closes on a client that sent rubbish.
                manager["delayed_close_timeout"] = "0.01s".into();
            })
        })
        .start();
    // Side by side, so that a busy machine spends its time on requests, not on waiting.
    let mut clients: Vec<_> = listeners
        .into_iter()
        .flat_map(|name| PROTOCOLS.map(|protocol| (name, protocol)))
        .cycle()
        .take(CLIENTS)
        .zip(1..)
        .map(|((name, protocol), n)| Client {
            wire: Wire::new(protocol, envoy.address(name)),
            random: Random(0x6a77_7421 * n),
            ended: 0,
        })
        .collect();
    let token = bench.token_with(json!({"exp": bench.now + 86_400}));
    let good: Headers = vec![("x-auth-token".to_owned(), token.clone().into_bytes())];
    let (mut sent, mut settled) = (0, 0);
    while sent < REQUESTS {
        std::thread::scope(|scope| {
            for client in &mut clients {
                let (corpus, token) = (&corpus, &token);
                scope.spawn(move || {
                    for _ in 0..BATCH / CLIENTS {
                        client.send_hostile(corpus, token);
                    }
                });
            }
        });
        sent += BATCH;
        for (n, client) in clients.iter_mut().enumerate() {
            let before = upstream.requests();
            let fate = client.wire.send("GET", &good);
            assert_eq!(fate, Fate::Answered, "after {sent} requests, client {n}");
            assert_eq!(upstream.requests(), before + 1, "after {sent} requests, client {n}");
        }
        let resident = envoy.resident_bytes();
        if sent % (REQUESTS / 10) == 0 {
            let ended: usize = clients.iter().map(|client| client.ended).sum();
            println!("{sent} requests, {ended} ended by the codec, {} MiB", resident >> 20);
        }
        if sent == REQUESTS * 3 / 10 {
            settled = resident;
        }
    }
    let growth = envoy.resident_bytes().saturating_sub(settled);
    println!(
        "{} MiB after {} requests, {} KiB more after {sent}",
        settled >> 20,
        REQUESTS * 3 / 10,
        growth >> 10
    );
    assert!(growth < GROWTH, "Envoy grew by {growth} bytes from {settled}");
    for name in listeners {
        envoy.expect(name, "no token, after it all", Request::get(), "missing_token");
    }
    // What got past the codec was judged, each and every one.
    let judged: u64 = envoy.decisions().values().sum();
    println!("{:?}", envoy.decisions());
    assert!(judged as usize > sent * 9 / 10, "{judged} of {sent} were judged");
    assert!(!envoy.log().contains("proxy_on"), "a VM failed: {}", envoy.log());
}
