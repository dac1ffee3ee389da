//! `make bench`: what a request costs behind this filter, behind Envoy's own, and behind
//! others, side by side in one Envoy.
//!
//!     cargo bench --bench gateway [-- PART ...]
//!
//! PART is `comparison` (or the name of one of its keys, such as `RSA-4096`), `growth`,
//! `amplification`, `revocation`, `startup`; all of them without one, and only then is docs/PERFORMANCE.md
//! written. `ROUNDS=9` is how many rounds there are.
//!
//! `BASELINE=/path/to/other.wasm` names another build of the filter: `amplification` measures
//! it as well, and the part `baseline`, which is never among all of them, measures nothing but
//! the difference between the two.

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

mod amplification;
mod authorizer;
mod baseline;
mod comparison;
mod gateway;
mod goals;
mod growth;
mod load;
mod mint;
mod picture;
mod report;
mod revocation;
mod startup;

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use comparison::SUITES;
use mint::Mint;

fn main() {
    // cargo says `--bench` to every benchmark.
    let parts: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    if parts.first().is_some_and(|it| it == authorizer::ARGUMENT) {
        return authorizer::serve();
    }
    const PARTS: [&str; 6] =
        ["comparison", "growth", "amplification", "revocation", "startup", "baseline"];
    let known = |part: &&String| {
        PARTS.contains(&part.as_str()) || SUITES.iter().any(|suite| suite.name == *part)
    };
    if let Some(unknown) = parts.iter().find(|part| !known(part)) {
        eprintln!(
            "error: expected one of {} or a key such as RSA-4096, found {unknown}",
            PARTS.join(", ")
        );
        std::process::exit(2);
    }
    let baseline = env::var_os("BASELINE").filter(|path| !path.is_empty()).map(PathBuf::from);
    if baseline.as_ref().is_some_and(|path| !path.is_file()) {
        eprintln!("error: BASELINE: expected the path of another build of the filter");
        std::process::exit(2);
    }
    let compares = parts.iter().any(|part| part == "baseline");
    if compares && baseline.is_none() {
        eprintln!("error: expected BASELINE=/path/to/other.wasm beside the part baseline");
        std::process::exit(2);
    }
    let rounds = match env::var("ROUNDS").map(|text| text.parse::<usize>()) {
        Ok(Ok(rounds @ 1..)) => rounds,
        Ok(_) => {
            eprintln!("error: ROUNDS: expected a number from 1, such as ROUNDS=9");
            std::process::exit(2);
        }
        Err(_) => 9,
    };
    for program in ["wrk", "taskset"] {
        let found =
            Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            eprintln!(
                "error: no {program}: install it, or run `make bench`, which gets what it can"
            );
            std::process::exit(1);
        }
    }

    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        eprintln!("error: expected two processors, one for Envoy and one for the load, found one");
        std::process::exit(1);
    }

    let chosen = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let mint = Mint::open();
    let suites = SUITES.iter().filter(|suite| chosen("comparison") || chosen(suite.name));
    let results: Vec<_> = suites.map(|suite| comparison::run(&mint, suite, rounds)).collect();
    let mut text = report::heading(rounds);
    if !results.is_empty() {
        text += &format!("\n## Goals\n\n{}", goals::report(&results));
        text += &format!("\n## Comparison\n\nMicroseconds.\n\n{}", comparison::report(&results));
    }
    if chosen("growth") {
        text += &format!(
            "\n## How the cost grows\n\nMicroseconds.\n{}",
            growth::run(&mint, rounds.min(5))
        );
    }
    if chosen("amplification") {
        text += &format!(
            "\n## What a stranger's requests cost\n\n{}",
            amplification::run(&mint, rounds.min(5), baseline.as_deref())
        );
    }
    if chosen("revocation") {
        text += &format!("\n## Revocation\n\nMicroseconds.\n\n{}", revocation::run(&mint, rounds));
    }
    if let Some(baseline) = baseline.filter(|_| compares) {
        text +=
            &format!("\n## Against another build\n\n{}", baseline::run(&mint, rounds, &baseline));
    }
    if chosen("startup") {
        text += &format!("\n## Before the first request\n\n{}", startup::run(&mint, rounds.min(5)));
    }
    println!("{text}");
    if parts.is_empty() {
        report::write(&text, &picture::draw(&results));
    }
}
