//! What revocations take in each worker, and how long a new Envoy goes without them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::measure::Series;
use testkit::protected::{APPLICATION, NAMESPACE};

use super::{FOLLOWING, REVOKED, Scene};
use crate::authorizer::Authorizer;
use crate::gateway::{Listener, namespace_jwt};

/// Workers of the second Envoy, whose memory over that of the first one is what more workers
/// take.
const WORKERS: usize = 5;

/// Each worker looks for what is new ten times a second. By then all of them have it.
const SETTLED: Duration = Duration::from_secs(1);

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// What one round measured: milliseconds, and mebibytes.
#[derive(Default)]
struct Measured {
    ready: Series,
    known: Series,
    one: Series,
    more: Series,
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize) -> String {
    let scenes = [0, REVOKED].map(|revoked| Scene::new(revoked, 0));
    let mut measured: [Measured; 2] = Default::default();
    for round in 1..=rounds {
        eprintln!("    memory of revocations: round {round} of {rounds}");
        for (scene, measured) in scenes.iter().zip(&mut measured) {
            let (ready, known, one) = started(scene, 1);
            let (_, _, all) = started(scene, WORKERS);
            measured.ready.push(ready);
            measured.known.push(known);
            measured.one.push(one);
            measured.more.push((all - one) / (WORKERS - 1) as f64);
        }
    }
    let mut text = String::from(
        "\n### Before the first request\n\nWith `trust` and no key of its own, so that nothing is \
         admitted before the feed is known.\n\n\
         | revoked | until Envoy is ready | then until they are known | memory, one worker | each \
         worker more |\n| ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (count, Measured { ready, known, one, more }) in [0, REVOKED].iter().zip(&measured) {
        let _ = writeln!(
            text,
            "| {count} | {:.0} ms | {:.0} ms | {:.1} MiB | {:.2} MiB |",
            ready.median(),
            known.median(),
            one.median(),
            more.median(),
        );
    }
    let over = |of: fn(&Measured) -> &Series| {
        of(&measured[1]).paired(of(&measured[0]), |with, without| with - without).median()
    };
    let _ = writeln!(
        text,
        "\nSo {REVOKED} revocations take {:.2} MiB with one worker, and {:.2} MiB with each one more.",
        over(|it| &it.one),
        over(|it| &it.more),
    );
    text
}

/// The time until Envoy is ready, from then until the feed is known, and memory in the end.
fn started(scene: &Scene, workers: usize) -> (f64, f64, f64) {
    let configuration = scene.following(json!({
        "namespace_id": NAMESPACE, "application_id": APPLICATION,
    }));
    let listener = Listener::new(FOLLOWING, Some(namespace_jwt(&configuration, "memory")));
    let authorizer = Authorizer::start(&[]);
    let begun = Instant::now();
    let envoy = scene.start(workers, &[listener], &authorizer);
    let ready = begun.elapsed();
    scene.wait_until_known(&envoy, FOLLOWING);
    let known = begun.elapsed() - ready;
    std::thread::sleep(SETTLED);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    (milliseconds(ready), milliseconds(known), envoy.resident_bytes() as f64 / MEBIBYTE)
}
