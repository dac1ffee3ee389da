//! Gateways that ask again and again whether anything is new: 304, and 304.

use std::fmt::Write as _;
use std::net::SocketAddr;

use testkit::measure::Series;
use testkit::measure::bars::{Bar, Panel};
use testkit::measure::process::cpu_time;

use crate::bare::Bare;
use crate::goals::{Bound, Goals};
use crate::issuer::Issuer;
use crate::wrk::{self, Request};

/// Enough that the server never waits for the next request.
const CONNECTIONS: usize = 16;

/// How often a round is tried.
const TRIES: usize = 5;

/// What one round measured of a server.
struct Round {
    /// Answers of 304 for each second.
    rate: f64,
    /// The server's time for each request, in microseconds.
    cpu: f64,
    /// How much of the round the server's processor was busy with it.
    busy: f64,
    p50: f64,
    p99: f64,
}

const ISSUER: &str = "issuer";
const QUIET: &str = "issuer, `ISSUER_LOG=warn`";
const BARE: &str = "bare route";

/// Measures, and gives this part of the report.
pub fn run(rounds: usize, goals: &mut Goals, panels: &mut Vec<Panel>) -> String {
    eprintln!("==> unchanged: three servers");
    let issuer = Issuer::start(&[]);
    let quiet = Issuer::start(&[("ISSUER_LOG", "warn")]);
    let bare = Bare::start();
    let mut measured: [Vec<Round>; 3] = Default::default();
    // In the first round everything is cold.
    for round in 0..=rounds {
        eprintln!("    unchanged: round {round} of {rounds}");
        let found = [of_issuer(&issuer), of_issuer(&quiet), of_bare(&bare)];
        if round > 0 {
            for (rounds, found) in measured.iter_mut().zip(found) {
                rounds.push(found);
            }
        }
    }
    // By its own time: others may have had the processor meanwhile.
    let rates = measured.each_ref().map(|rounds| Series::of(rounds, |round| 1e6 / round.cpu));
    let half = rates[0].paired(&rates[2], |ours, bare| ours / bare);
    goals.add(
        "304s for each second of a processor, against those of a bare route",
        Bound::AtLeast(0.5),
        "×",
        half.median(),
    );
    let names = [ISSUER, QUIET, BARE];
    let bar = |(name, rate): (&str, &Series)| Bar {
        name: name.replace('`', ""),
        value: rate.median(),
        unit: "",
        is_ours: name != BARE,
    };
    panels.push(Panel {
        title: "304s for each second of the processor".to_owned(),
        bars: names.into_iter().zip(&rates).map(bar).collect(),
    });
    report(&names, &measured, &rates)
}

/// Of so many answers one may be a whole checkpoint. Each costs more than a 304, so the figure is
/// rather too low than too high; on a slow machine wrk begins so late that a tenth is usual.
const MOST_OTHERS: f64 = 5.0;

/// A checkpoint is told of with 304 while it is less than a second old, so nearly all of a second's
/// answers are, unless the machine was busy with something else first.
fn of_issuer(issuer: &Issuer) -> Round {
    let of = |status| {
        let labels = ["/trust/v1/namespaces/", &format!("status=\"{status}\"")];
        issuer.sum("issuer_http_requests_total", &labels)
    };
    for _ in 0..TRIES {
        let etag = issuer.fresh_etag();
        let (before, others_before) = (of(304), of(200));
        let (process, address) = (issuer.service.process_id(), issuer.service.address);
        let round = measured(process, address, &issuer.path(), &etag);
        let (unchanged, others) = (of(304) - before, of(200) - others_before);
        if others < unchanged / MOST_OTHERS {
            return Round { rate: round.rate * unchanged / (unchanged + others), ..round };
        }
        eprintln!("    unchanged: {others} checkpoints beside {unchanged} 304s: once more");
    }
    panic!("expected 304s nearly alone in one of {TRIES} tries; is the machine busy?");
}

fn of_bare(bare: &Bare) -> Round {
    let etag = bare.client.get("/unchanged").header("etag").expect("it has one");
    measured(bare.process(), bare.address, "/unchanged", &etag)
}

fn measured(process: u32, address: SocketAddr, path: &str, etag: &str) -> Round {
    let before = cpu_time(process);
    let request =
        Request { address, path, headers: &[("If-None-Match", etag)], body: None, pages: None };
    // A second is the least that wrk knows.
    let seen = wrk::load(&request, CONNECTIONS, 1);
    let spent = (cpu_time(process) - before).as_secs_f64();
    Round {
        rate: seen.rate(),
        cpu: spent * 1e6 / seen.requests,
        busy: spent / seen.seconds,
        p50: seen.p50,
        p99: seen.p99,
    }
}

fn report(names: &[&str], measured: &[Vec<Round>], rates: &[Series]) -> String {
    let mut text = format!(
        "\n## Gateways that ask again\n\nAnswers of 304 to `If-None-Match`, from {CONNECTIONS} \
         connections, medians of {} rounds of a second.\n\n\
         | | for each second of its processor | against bare | for each second | server busy | p50 | \
         p99 |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        measured[0].len(),
    );
    for ((name, rounds), rate) in names.iter().zip(measured).zip(rates) {
        let of = |measure: fn(&Round) -> f64| Series::of(rounds, measure).median();
        let _ = writeln!(
            text,
            "| {name} | {:.0} | {:.2}× | {:.0} | {:.0} % | {:.0} µs | {:.0} µs |",
            rate.median(),
            rate.paired(&rates[rates.len() - 1], |this, bare| this / bare).median(),
            of(|round| round.rate),
            of(|round| round.busy) * 100.0,
            of(|round| round.p50),
            of(|round| round.p99),
        );
    }
    text
}
