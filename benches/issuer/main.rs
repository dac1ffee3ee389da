//! `make bench-issuer`: what the service does and what it takes, beside a bare server that does
//! the same thing with nothing behind it.
//!
//!     cargo bench --bench issuer [-- PART ...]
//!
//! PART is one of `PARTS`; all of them without one, and only then is docs/ISSUER_PERFORMANCE.md
//! written. `ROUNDS=9` is how many rounds there are.

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

mod abuse;
mod bare;
mod goals;
mod issuer;
mod listing;
mod minting;
mod namespaces;
mod peer;
mod signing;
mod unchanged;
mod waiting;
mod wrk;

use std::env;
use std::process::{Command, Stdio, exit};

use goals::Goals;
use testkit::measure::bars::{self, Panel};
use testkit::measure::page::{self, date_and_machine};
use testkit::measure::process;

/// The server is alone on this processor, and whoever asks it on the other.
const SERVER: usize = 0;
const CLIENT: usize = 1;

const PARTS: [&str; 6] = ["waiting", "unchanged", "minting", "namespaces", "listing", "abuse"];

fn main() {
    // cargo says `--bench` to every benchmark.
    let arguments: Vec<String> = env::args().skip(1).filter(|it| it != "--bench").collect();
    if arguments.first().is_some_and(|it| it == bare::ARGUMENT) {
        return bare::serve();
    }
    if arguments.first().is_some_and(|it| it == signing::ARGUMENT) {
        return signing::sign(&arguments[1]);
    }
    if arguments.first().is_some_and(|it| it == abuse::ARGUMENT) {
        return abuse::attack(&arguments[1..]);
    }
    let parts = arguments;
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        fail(2, &format!("expected one of {}, found {unknown}", PARTS.join(", ")));
    }
    let rounds = match env::var("ROUNDS").map(|text| text.parse::<usize>()) {
        Ok(Ok(rounds @ 1..)) => rounds,
        Ok(_) => fail(2, "ROUNDS: expected a number from 1, such as ROUNDS=9"),
        Err(_) => 9,
    };
    for program in ["wrk", "taskset", "chrt"] {
        let found =
            Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            let advice = "install it, or run `make bench-issuer`, which gets what it can";
            fail(1, &format!("no {program}: {advice}"));
        }
    }
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        fail(1, "expected two processors, one for the server and one for its clients, found one");
    }
    if let Err(message) = waiting::raise_open_files_limit() {
        fail(1, &message);
    }
    let (date, machine) = date_and_machine();
    process::pin(std::process::id(), CLIENT);

    let chosen = |part: &str| parts.is_empty() || parts.iter().any(|it| it == part);
    let mut goals = Goals::default();
    let mut measured = String::new();
    let mut panels: Vec<Panel> = Vec::new();
    if chosen("waiting") {
        measured += &waiting::run(rounds.min(5), &mut goals);
    }
    if chosen("unchanged") {
        measured += &unchanged::run(rounds, &mut goals, &mut panels);
    }
    if chosen("minting") {
        measured += &minting::run(rounds.min(5), &mut goals, &mut panels);
    }
    if chosen("namespaces") {
        measured += &namespaces::run(rounds.min(5));
    }
    if chosen("listing") {
        measured += &listing::run(rounds.min(5), &mut goals);
    }
    if chosen("abuse") {
        measured += &abuse::run(rounds.min(5), &mut goals);
    }
    let text =
        format!("Measured on {date}, on {machine}.\n\n## Goals\n\n{}{measured}", goals.report());
    println!("{text}");
    if parts.is_empty() {
        let heading = "The issuer on one processor";
        let picture = bars::draw(heading, "What the issuer does in a second", &panels);
        let picture = ("docs/issuer-performance.svg", picture.as_str());
        page::write("make bench-issuer", "docs/ISSUER_PERFORMANCE.md", &text, picture);
    }
}

fn fail(status: i32, message: &str) -> ! {
    eprintln!("error: {message}");
    exit(status)
}
