//! The comparison: all contenders, with each kind of key.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::gateway::{self, Point, jwt_authn, namespace_jwt, other_module};
use crate::load::{Round, paired};
use crate::mint::Mint;
use testkit::measure::Series;
use testkit::mint::{Key, Kind};
use testkit::protected::{NAMESPACE, merged};

/// Different tokens that come one after the other where each is to be a new one: far more
/// than the cache of [`COLD_CACHE`] holds, so that none is found when it comes again.
const DISTINCT: usize = 2000;
/// So a new token costs what filling the cache costs as well.
const COLD_CACHE: usize = 100;
/// Tokens that come again and again: fewer than any contender's cache holds.
const REPEATED: usize = 16;

pub const NO_FILTER: &str = "no filter";
pub const DO_NOTHING: &str = "do-nothing filter on the SDK";
pub const JWT_AUTHN: &str = "jwt_authn";
pub const JWT_AUTHN_CACHED: &str = "jwt_authn with its cache";
pub const HOST: &str = "namespace-jwt, host";
pub const GUEST: &str = "namespace-jwt, guest";
pub const WARM: &str = "namespace-jwt, cached";
pub const WARM_FORWARDING: &str = "namespace-jwt, cached, forward_token";
pub const JWT_SIMPLE: &str = "jwt-simple in the VM";

/// One kind of key.
pub struct Suite {
    pub name: &'static str,
    kind: Kind,
}

pub const SUITES: [Suite; 5] = [
    Suite { name: "RSA-4096", kind: Kind::Rsa(4096) },
    Suite { name: "RSA-2048", kind: Kind::Rsa(2048) },
    Suite { name: "ES256", kind: Kind::P256 },
    Suite { name: "ES384", kind: Kind::P384 },
    Suite { name: "Ed25519", kind: Kind::Ed25519 },
];

struct Contender {
    name: &'static str,
    new_tokens: bool,
    filter: Option<Value>,
}

fn contenders(suite: &Suite, key: &Key) -> Vec<Contender> {
    let ours = |name, new_tokens, changes: Value| {
        let configuration = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()});
        let configuration = merged(configuration, changes);
        let vm = format!("{} {name}", suite.name);
        Contender { name, new_tokens, filter: Some(namespace_jwt(&configuration, &vm)) }
    };
    let cold = |name, who| {
        let changes = json!({"signature_verification": who, "token_cache_size": COLD_CACHE});
        ours(name, true, changes)
    };
    let vm = format!("{} other", suite.name);
    let jwt_simple = format!("{}\n{}", key.algorithm(), key.spki_pem());
    let do_nothing = Some(other_module("do_nothing.wasm", "", &vm));
    let mut contenders = vec![
        Contender { name: NO_FILTER, new_tokens: false, filter: None },
        Contender { name: DO_NOTHING, new_tokens: false, filter: do_nothing },
        Contender {
            name: JWT_AUTHN_CACHED,
            new_tokens: false,
            filter: Some(jwt_authn(&key.jwk(), Some(COLD_CACHE))),
        },
        ours(WARM, false, json!({})),
        ours(WARM_FORWARDING, false, json!({"forward_token": true})),
        Contender { name: JWT_AUTHN, new_tokens: true, filter: Some(jwt_authn(&key.jwk(), None)) },
    ];
    // Envoy's function has no Ed25519.
    if suite.kind != Kind::Ed25519 {
        contenders.push(cold(HOST, "host"));
    }
    contenders.push(cold(GUEST, "guest"));
    contenders.push(Contender {
        name: JWT_SIMPLE,
        new_tokens: true,
        filter: Some(other_module("jwt_simple.wasm", &jwt_simple, &vm)),
    });
    contenders
}

/// What was measured with one kind of key.
pub struct Results {
    pub suite: &'static str,
    contenders: Vec<(&'static str, bool, Vec<Round>)>,
}

impl Results {
    /// The rounds of a contender, if it took part.
    pub fn of(&self, name: &str) -> Option<&[Round]> {
        let found = self.contenders.iter().find(|(other, ..)| *other == name);
        found.map(|(_, _, rounds)| &rounds[..])
    }

    pub fn median(&self, name: &str) -> Option<f64> {
        self.of(name).map(|rounds| Series::of(rounds, |round| round.cpu).median())
    }
}

/// Measures all contenders with one kind of key.
pub fn run(mint: &Mint, suite: &Suite, rounds: usize) -> Results {
    eprintln!("==> {}: minting {DISTINCT} tokens", suite.name);
    let key = Key::named(suite.kind, "bench");
    let new = mint.tokens(DISTINCT, &key, None, &json!({}));
    let repeated = mint.tokens(REPEATED, &key, None, &json!({}));
    let contenders = contenders(suite, &key);
    let point = |it: &Contender| {
        let tokens = if it.new_tokens { &new } else { &repeated };
        Point::new(it.name.to_owned(), it.filter.clone(), tokens.clone())
    };
    let mut points: Vec<Point> = contenders.iter().map(point).collect();
    let measured = gateway::measure(suite.name, &mut points, rounds);
    let named = contenders.iter().map(|contender| (contender.name, contender.new_tokens));
    let contenders = named.zip(measured).map(|((name, new), rounds)| (name, new, rounds)).collect();
    Results { suite: suite.name, contenders }
}

/// The comparison's part of the report.
pub fn report(results: &[Results]) -> String {
    let mut text = String::new();
    for Results { suite, contenders } in results {
        let _ = write!(
            text,
            "### {suite}\n\n\
             | | CPU: least | median | spread | over no filter | latency: p50 | p99 |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        );
        let nothing = &contenders[0].2;
        for (tokens, new) in [("tokens seen before", false), ("every token a new one", true)] {
            let _ = writeln!(text, "| *{tokens}* | | | | | | |");
            for (name, _, rounds) in contenders.iter().filter(|it| it.1 == new) {
                let cpu = Series::of(rounds, |round| round.cpu);
                let over = paired(rounds, nothing, |one, other| one - other);
                let _ = writeln!(
                    text,
                    "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
                    cpu.least(),
                    cpu.median(),
                    cpu.spread(),
                    over.median(),
                    Series::of(rounds, |round| round.p50).median(),
                    Series::of(rounds, |round| round.p99).median(),
                );
            }
        }
        text.push('\n');
    }
    text
}
