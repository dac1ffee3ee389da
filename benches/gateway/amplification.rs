//! What a stranger's requests cost: tokens that nobody signed, the same one again and again,
//! and each a new one.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::comparison::NO_FILTER;
use crate::gateway::{self, namespace_jwt, other_build};
use crate::load::{CONNECTIONS, Tokens};
use crate::mint::Mint;
use testkit::envoy::Envoy;
use testkit::measure::Series;
use testkit::measure::process::{cpu_time, pin};
use testkit::mint::{Key, Kind, base64url};
use testkit::protected::{NAMESPACE, claims, merged};

/// More than the filter remembers, so that none is found when it comes again.
const DISTINCT: usize = 5000;

/// What a request takes over HTTP/2 whose token stands in the header table, in bytes.
const INDEXED: usize = 14;

/// The largest prime exponents that this filter takes, and that any library under it does.
const LARGEST_HERE: u64 = (1 << 24) - 3;
const LARGEST: u64 = (1 << 33) - 9;

struct Scenario {
    what: &'static str,
    algorithm: &'static str,
    signature_bytes: usize,
    configuration: Value,
    /// The other build's, where it is another one.
    other_configuration: Option<Value>,
}

fn scenarios() -> Vec<Scenario> {
    let configuration = |changes: Value| merged(json!({"namespace_id": NAMESPACE}), changes);
    let rsa = Key::named(Kind::Rsa(4096), "bench").public_pem();
    let p384: Vec<_> =
        (0..16).map(|n| Key::named(Kind::P384, &format!("bench-{n}")).jwk()).collect();
    let sixteen =
        |who| configuration(json!({"jwks": {"keys": p384}, "signature_verification": who}));
    let largest = |e: u64| {
        let modulus = base64url(&[0xe5; 1024]);
        let e: Vec<_> = e.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let jwk = json!({"kty": "RSA", "n": modulus, "e": base64url(&e)});
        configuration(json!({"jwks": {"keys": [jwk]}, "algorithms": ["PS256"]}))
    };
    let scenario = |what, algorithm, signature_bytes, configuration| Scenario {
        what,
        algorithm,
        signature_bytes,
        configuration,
        other_configuration: None,
    };
    let with_rsa = |who| configuration(json!({"public_key": rsa, "signature_verification": who}));
    vec![
        scenario("RS256, 4096 bits, host", "RS256", 512, with_rsa("host")),
        scenario("RS256, 4096 bits, guest", "RS256", 512, with_rsa("guest")),
        scenario(
            "PS256, 4096 bits",
            "PS256",
            512,
            configuration(json!({"public_key": rsa, "algorithms": ["PS256"]})),
        ),
        scenario("16 keys of ES384 without `kid`, host", "ES384", 96, sixteen("host")),
        scenario("16 keys of ES384 without `kid`, guest", "ES384", 96, sixteen("guest")),
        Scenario {
            other_configuration: Some(largest(LARGEST)),
            ..scenario(
                "PS256, 8192 bits, the largest exponent",
                "PS256",
                1024,
                largest(LARGEST_HERE),
            )
        },
    ]
}

/// What is measured: a listener, and what is sent to it.
struct Point {
    listener: String,
    tokens: Tokens,
    judged: bool,
}

impl Point {
    /// The CPU of one request in microseconds. A slow one may go on after wrk has given up on
    /// it, so the filter's counters say how many there were.
    fn cost(&mut self, envoy: &Envoy) -> f64 {
        let decided = || envoy.decisions().values().sum::<u64>();
        let decided_before = decided();
        wait_until_idle(envoy);
        let before = cpu_time(envoy.process());
        let seen = self.tokens.load(envoy.address(&self.listener), CONNECTIONS);
        wait_until_idle(envoy);
        let spent = cpu_time(envoy.process()) - before;
        let requests =
            if self.judged { (decided() - decided_before) as f64 } else { seen.requests };
        spent.as_secs_f64() * 1e6 / requests
    }
}

fn wait_until_idle(envoy: &Envoy) {
    loop {
        let before = cpu_time(envoy.process());
        std::thread::sleep(Duration::from_millis(50));
        if cpu_time(envoy.process()) - before < Duration::from_millis(5) {
            return;
        }
    }
}

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize, baseline: Option<&Path>) -> String {
    eprintln!("==> what a stranger's requests cost");
    let scenarios = scenarios();
    let mut listeners = vec![(NO_FILTER.to_owned(), None)];
    let good = Key::named(Kind::P256, "bench").token(&claims());
    let mut points =
        vec![Point { listener: NO_FILTER.to_owned(), tokens: mint.file(&[good]), judged: false }];
    let mut lengths = Vec::new();
    for scenario in &scenarios {
        let Scenario { what, configuration, .. } = scenario;
        let tokens: Vec<_> = (0..DISTINCT).map(|n| forged(scenario, n)).collect();
        lengths.push(tokens[0].len());
        let (repeated, new) = (mint.file(&tokens[..1]).refused(), mint.file(&tokens).refused());
        let this = namespace_jwt(configuration, &format!("this, {what}"));
        let other = baseline.map(|build| {
            let configuration = scenario.other_configuration.as_ref().unwrap_or(configuration);
            ("other", other_build(build, configuration, &format!("other, {what}")))
        });
        for (build, filter) in [("this", this)].into_iter().chain(other) {
            let listener = format!("{build}, {what}");
            listeners.push((listener.clone(), Some(filter)));
            for tokens in [&repeated, &new] {
                let (listener, tokens) = (listener.clone(), tokens.clone());
                points.push(Point { listener, tokens, judged: true });
            }
        }
    }
    let envoy = gateway::start(1, listeners.into_iter());
    pin(envoy.process(), 0);
    let mut measured = vec![Series::default(); points.len()];
    for round in 0..=rounds {
        eprintln!("    round {round} of {rounds}");
        for (place, point) in points.iter_mut().enumerate() {
            let cost = point.cost(&envoy);
            // In the first one V8 finds out what to optimize.
            if round > 0 {
                measured[place].push(cost);
            }
        }
    }
    report(&scenarios, &lengths, &measured, baseline.is_some())
}

/// A well-formed token that no key signed.
fn forged(scenario: &Scenario, n: usize) -> String {
    let header = json!({"alg": scenario.algorithm, "typ": "JWT"}).to_string();
    let mut payload = claims();
    payload["jti"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
    let payload = payload.to_string();
    let signature = vec![0x5a; scenario.signature_bytes];
    let parts = [header.as_bytes(), payload.as_bytes(), &signature];
    parts.map(base64url).join(".")
}

fn report(
    scenarios: &[Scenario],
    lengths: &[usize],
    measured: &[Series],
    has_other: bool,
) -> String {
    let without = measured[0].median();
    let builds: &[&str] =
        if has_other { &["this build", "the other build"] } else { &["this build"] };
    let mut text = format!(
        "Tokens that nobody signed: CPU for each request in microseconds, how many times that of a \
         request without the filter ({without:.1}), and how many kilobytes a second keep a worker \
         busy: {INDEXED} bytes a request where HTTP/2 sends a token by its number, all of the token \
         where it is a new one.\n\n| | |"
    );
    for build in builds {
        let _ = write!(text, " {build}: CPU | times | KB/s |");
    }
    let _ = writeln!(text, "\n| --- | --- |{}", " ---: | ---: | ---: |".repeat(builds.len()));
    let costs = measured[1..].chunks_exact(2 * builds.len());
    for ((scenario, length), costs) in scenarios.iter().zip(lengths).zip(costs) {
        for (place, (which, bytes)) in
            [("again and again", INDEXED), ("new ones", *length)].into_iter().enumerate()
        {
            let _ = write!(text, "| {} | {which} |", scenario.what);
            for cost in costs.iter().skip(place).step_by(2) {
                let cost = cost.median();
                let kilobytes = bytes as f64 / cost * 1e3;
                let _ = write!(text, " {cost:.1} | {:.1} | {kilobytes:.1} |", cost / without);
            }
            text.push('\n');
        }
    }
    text
}
