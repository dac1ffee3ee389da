//! What the filter costs before the first request: bytes, time to start, memory.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::comparison::{DO_NOTHING, NO_FILTER};
use crate::gateway::{namespace_jwt, other_module, start};
use crate::load::Tokens;
use crate::mint::Mint;
use testkit::measure::Series;
use testkit::mint::{Key, Kind};
use testkit::protected::NAMESPACE;

/// Workers of the second Envoy, whose memory over that of the first one is what more workers
/// take.
const WORKERS: usize = 5;

/// Good tokens that differ, for the memory of a cache that forgets most of them.
const DISTINCT: usize = 50_000;

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize) -> String {
    eprintln!("==> start and memory");
    let key = Key::named(Kind::Rsa(4096), "bench");
    let configuration = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()});
    let filters = [
        (NO_FILTER, None),
        (DO_NOTHING, Some(other_module("do_nothing.wasm", "", "do nothing"))),
        ("namespace-jwt", Some(namespace_jwt(&configuration, "namespace-jwt"))),
    ];
    let mut measured: Vec<[Series; 3]> = filters.iter().map(|_| Default::default()).collect();
    for round in 1..=rounds {
        eprintln!("    start: round {round} of {rounds}");
        for ((_, filter), series) in filters.iter().zip(&mut measured) {
            let (time, one) = started(1, filter.as_ref());
            let (_, more) = started(WORKERS, filter.as_ref());
            series[0].push(time);
            series[1].push(one);
            series[2].push((more - one) / (WORKERS - 1) as f64);
        }
    }
    let mut text = String::from(
        "| | until Envoy is ready | memory, one worker | each worker more |\n\
         | --- | ---: | ---: | ---: |\n",
    );
    for ((name, _), [time, one, more]) in filters.iter().zip(&measured) {
        let _ = writeln!(
            text,
            "| {name} | {:.0} ms | {:.1} MiB | {:.1} MiB |",
            time.median(),
            one.median(),
            more.median(),
        );
    }
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/namespace-jwt.wasm");
    let size = std::fs::metadata(module).expect("dist/namespace-jwt.wasm").len() as f64;
    let _ = writeln!(text, "\nThe module has {:.0} KiB.", size / 1024.0);
    text + &distinct_tokens(mint)
}

fn started(workers: usize, filter: Option<&Value>) -> (f64, f64) {
    let begun = Instant::now();
    let envoy = start(workers, [("one".to_owned(), filter.cloned())].into_iter());
    let milliseconds = begun.elapsed().as_secs_f64() * 1e3;
    (milliseconds, envoy.resident_bytes() as f64 / MEBIBYTE)
}

/// Sends more good tokens than the cache holds, again and again.
fn distinct_tokens(mint: &Mint) -> String {
    eprintln!("    memory under {DISTINCT} distinct tokens");
    let key = Key::named(Kind::P256, "bench");
    let configuration = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()});
    let mut tokens: Tokens = mint.tokens(DISTINCT, &key, None, &json!({}));
    let filter = Some(namespace_jwt(&configuration, "distinct"));
    let envoy = start(1, [("distinct".to_owned(), filter)].into_iter());
    let mut sent = |times: usize| {
        let before = tokens.sent();
        while tokens.sent() < before + times * DISTINCT {
            tokens.send(envoy.process(), None, envoy.address("distinct"), 8);
        }
        envoy.resident_bytes() as f64 / MEBIBYTE
    };
    let (one, five) = (sent(1), sent(4));
    format!(
        "\n{DISTINCT} good tokens in turn, with a cache of 10,000: {one:.1} MiB after all of them \
         once, {five:.1} MiB after five times.\n"
    )
}
