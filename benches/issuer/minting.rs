//! Tokens: each is signed, and kept with its entry in the audit log before it is answered.

use std::fmt::Write as _;

use serde_json::json;
use testkit::measure::Series;
use testkit::measure::bars::{Bar, Panel};
use testkit::measure::process::{cpu_time, resident_bytes};

use crate::goals::{Bound, Goals};
use crate::issuer::Issuer;
use crate::peer::Peer;
use crate::signing;
use crate::wrk::{self, Request};

/// Enough that the server never waits for the next request.
const CONNECTIONS: usize = 32;

struct Kind {
    name: &'static str,
    key: &'static [&'static str],
    /// As the peer is told.
    alg: &'static [&'static str],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "RSA-4096",
        key: &["--algorithm", "RS256", "--bits", "4096"],
        alg: &["RS256", "4096"],
    },
    Kind {
        name: "RSA-2048",
        key: &["--algorithm", "RS256", "--bits", "2048"],
        alg: &["RS256", "2048"],
    },
    Kind { name: "ES256", key: &["--algorithm", "ES256"], alg: &["ES256"] },
];

/// What one round measured with one kind of key.
struct Round {
    /// Tokens for each second.
    minted: f64,
    /// Bare signatures for each second.
    signed: f64,
    /// How much of the round the server's processor was busy with it.
    busy: f64,
    p50: f64,
    p99: f64,
    /// Tokens for each second of the peer.
    peer: f64,
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize, goals: &mut Goals, panels: &mut Vec<Panel>) -> String {
    eprintln!("==> minting");
    let issuer = Issuer::start(&[]);
    let process = issuer.service.process_id();
    let before = resident_bytes(process);
    let namespaces = KINDS.map(|kind| issuer.make_namespace(&kind.name.to_lowercase(), kind.key));
    let peers = KINDS.map(|kind| Peer::start(kind.alg));
    let mut measured: [Vec<Round>; KINDS.len()] = Default::default();
    // In the first round everything is cold.
    for round in 0..=rounds {
        eprintln!("    minting: round {round} of {rounds}");
        let ours = KINDS.iter().zip(&namespaces);
        for (((kind, namespace), peer), measured) in ours.zip(&peers).zip(&mut measured) {
            let found = mint(&issuer, namespace, kind, peer.as_ref());
            if round > 0 {
                measured.push(found);
            }
        }
    }
    let minted = issuer.figure("issuer_minted_tokens_total");
    let after = resident_bytes(process);
    let of = |place: usize, measure: fn(&Round) -> f64| Series::of(&measured[place], measure);
    let part =
        of(0, |it| it.minted).paired(&of(0, |it| it.signed), |minted, signed| minted / signed);
    let what = "RSA-4096 tokens for each second, against bare signatures";
    goals.add(what, Bound::AtLeast(0.8), "×", part.median());
    let what = "ES256 tokens for each second";
    goals.add(what, Bound::AtLeast(10_000.0), "", of(2, |it| it.minted).median());
    for (place, kind) in KINDS.iter().enumerate() {
        let bar = |name: &str, is_ours, measure: fn(&Round) -> f64| {
            let value = of(place, measure).median();
            Bar { name: name.to_owned(), value, unit: "", is_ours }
        };
        panels.push(Panel {
            title: format!("{} tokens for each second", kind.name),
            bars: vec![
                bar("issuer", true, |it| it.minted),
                bar("bare signatures", false, |it| it.signed),
                bar("oidc-provider, in memory", false, |it| it.peer),
            ],
        });
    }
    let mut text = format!(
        "\n## Tokens\n\nPOST `tokens` from {CONNECTIONS} connections, {rounds} rounds of two seconds, \
         medians; each token is on disk with its entry in the audit log before it is answered. \
         *Bare* is the signature alone, on the same processor in the same round; *oidc-provider* keeps \
         nothing on disk.\n\n\
         | | tokens a second | bare signatures | part | server busy | p50 | p99 | oidc-provider |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for (place, kind) in KINDS.iter().enumerate() {
        let (minted, signed) = (of(place, |it| it.minted), of(place, |it| it.signed));
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.2} | {:.0} % | {:.1} ms | {:.1} ms | {:.0} |",
            kind.name,
            minted.median(),
            signed.median(),
            minted.paired(&signed, |minted, signed| minted / signed).median(),
            of(place, |it| it.busy).median() * 100.0,
            of(place, |it| it.p50).median() / 1e3,
            of(place, |it| it.p99).median() / 1e3,
            of(place, |it| it.peer).median(),
        );
    }
    let mebibytes = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let _ = writeln!(
        text,
        "\nResident memory: {:.1} MiB at the start, {:.1} MiB after {minted:.0} tokens.",
        mebibytes(before),
        mebibytes(after),
    );
    text
}

fn mint(issuer: &Issuer, namespace: &str, kind: &Kind, peer: Option<&Peer>) -> Round {
    let signed = signing::rate(kind.name);
    let variables = issuer.service.variables();
    let headers = [
        ("X-Auth-Token", variables["SCW_SECRET_KEY"].as_str()),
        ("Content-Type", "application/json"),
    ];
    let body = json!({"namespace_id": namespace, "description": "minted"}).to_string();
    let path = issuer.client.functions("/tokens");
    let address = issuer.service.address;
    let request =
        Request { address, path: &path, headers: &headers, body: Some(&body), pages: None };
    let process = issuer.service.process_id();
    let before = cpu_time(process);
    let seen = wrk::load(&request, CONNECTIONS, 2);
    let spent = (cpu_time(process) - before).as_secs_f64();
    let (p50, p99) = (seen.p50, seen.p99);
    let peer = peer.map_or(f64::NAN, |peer| peer.mint(CONNECTIONS, 2).rate());
    Round { minted: seen.rate(), signed, busy: spent / seen.seconds, p50, p99, peer }
}
