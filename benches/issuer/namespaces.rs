//! Namespaces: each has a key pair, of which a few are made ahead.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::json;
use testkit::api::good;
use testkit::envoy::wait_for;
use testkit::measure::Series;

use crate::issuer::Issuer;

/// As many as there are key pairs ready.
const READY: usize = 4;

/// How many are made after that, one after the other.
const MORE: usize = 4;

/// What a round took, in seconds: the slowest of those whose key was ready, and each of the others.
struct Round {
    ready: f64,
    made: f64,
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize) -> String {
    eprintln!("==> namespaces");
    let issuer = Issuer::start(&[]);
    let path = issuer.client.functions("/namespaces");
    let create = |name: String| {
        let begun = Instant::now();
        good(issuer.client.post(&path, &json!({"name": name})));
        begun.elapsed().as_secs_f64()
    };
    let mut measured = Vec::new();
    for round in 1..=rounds {
        eprintln!("    namespaces: round {round} of {rounds}");
        let all_ready = || (issuer.figure("issuer_ready_keys") >= READY as f64).then_some(());
        wait_for("keys made ahead", all_ready);
        let ready = (0..READY).map(|number| create(format!("ready-{round}-{number}")));
        let ready = ready.fold(0.0, f64::max);
        let begun = Instant::now();
        for number in 0..MORE {
            create(format!("made-{round}-{number}"));
        }
        measured.push(Round { ready, made: begun.elapsed().as_secs_f64() / MORE as f64 });
    }
    let of = |measure: fn(&Round) -> f64| Series::of(&measured, measure).median();
    let mut text = format!(
        "\n## Namespaces\n\nPOST `namespaces`, one after the other, {rounds} rounds, medians: each \
         gets an RSA-4096 key pair, of which {READY} are made ahead.\n\n"
    );
    let _ = writeln!(
        text,
        "The slowest of {READY} whose keys are ready takes {:.1} ms; each that waits for its key, \
         {:.2} s.",
        of(|it| it.ready) * 1e3,
        of(|it| it.made)
    );
    text
}
