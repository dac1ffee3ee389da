//! A good client beside those who abuse the service: how long it waits, and what they take.
//!
//! They are a process of their own, this program with [`ARGUMENT`], which has the clients'
//! processor when nobody else wants it: what they do there isn't part of the good client's wait.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use testkit::attack::{Attack, Attackers, Seen};
use testkit::envoy::wait_for;
use testkit::measure::Series;
use testkit::measure::paced::{self, Answered};
use testkit::measure::process::{cpu_time, go_first, on_processor, resident_bytes};

use crate::CLIENT;
use crate::goals::{Bound, Goals};
use crate::issuer::Issuer;

/// What makes this program those who attack.
pub const ARGUMENT: &str = "--attack";

/// When they end, whatever becomes of who started them.
const LONGEST: Duration = Duration::from_secs(60);

/// What the good client does in a round.
const REQUESTS: u32 = 2000;
const GAP: Duration = Duration::from_millis(2);

/// More than the service accepts.
const CONNECTIONS: usize = 12_000;

/// How many they open in a second for others that were closed: what makes up for those whose
/// headers take longer than is permitted.
const AGAIN: u32 = 1200;

/// One kind of abuse.
struct Abuse {
    attack: Attack,
    /// What the goal and the table say of it.
    name: &'static str,
    goal: &'static str,
    connections: usize,
    addresses: u8,
    each_second: u32,
}

const ABUSES: [Abuse; 7] = [
    Abuse {
        attack: Attack::Silent,
        name: "12,000 silent connections from one address",
        goal: "a good client's p99 beside 12,000 silent connections, against its own",
        connections: CONNECTIONS,
        addresses: 1,
        each_second: AGAIN,
    },
    Abuse {
        attack: Attack::Idle,
        name: "12,000 idle connections, after a request, from 200 addresses",
        goal: "… beside 12,000 idle ones from 200 addresses",
        connections: CONNECTIONS,
        addresses: 200,
        each_second: AGAIN,
    },
    Abuse {
        attack: Attack::SlowHeaders,
        name: "12,000 connections with slow headers, 30 KB each",
        goal: "… beside 12,000 slow headers",
        connections: CONNECTIONS,
        addresses: 200,
        each_second: AGAIN,
    },
    Abuse {
        attack: Attack::SlowBodies,
        name: "12,000 connections with slow bodies, and a good key",
        goal: "… beside 12,000 slow bodies",
        connections: CONNECTIONS,
        addresses: 200,
        // They may take twice as long.
        each_second: AGAIN / 2,
    },
    Abuse {
        attack: Attack::HugeJson,
        name: "bodies of 1 MiB, 20 a second, with a good key",
        goal: "… beside 20 bodies of 1 MiB a second",
        connections: 20,
        addresses: 1,
        each_second: 20,
    },
    Abuse {
        attack: Attack::DeepJson,
        name: "JSON of 209,715 levels in 1 MiB, 20 a second, with a good key",
        goal: "… beside 20 bodies of deep JSON a second",
        connections: 20,
        addresses: 1,
        each_second: 20,
    },
    Abuse {
        attack: Attack::WrongKeys,
        name: "wrong keys, 2,000 a second",
        goal: "… beside 2,000 wrong keys a second",
        connections: 50,
        addresses: 1,
        each_second: 2000,
    },
];

/// What one round measured.
struct Round {
    answered: Answered,
    /// Of the server's processor.
    busy: f64,
    connections: f64,
    /// Closed early, for each second.
    closed: f64,
    resident: f64,
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize, goals: &mut Goals) -> String {
    eprintln!("==> abuse: a good client beside {} kinds", ABUSES.len());
    let issuer = Issuer::start(&[]);
    let goes_first = go_first();
    let mut alone = Vec::new();
    let mut beside: [Vec<Round>; ABUSES.len()] = Default::default();
    // In the first round everything is cold.
    for round in 0..=rounds {
        eprintln!("    abuse: round {round} of {rounds}");
        let found = measure(&issuer);
        if round == 0 {
            continue;
        }
        alone.push(found);
        for (abuse, rounds) in ABUSES.iter().zip(&mut beside) {
            rounds.push(under(&issuer, abuse));
        }
    }
    for (abuse, rounds) in ABUSES.iter().zip(&beside) {
        let worse = ratio(rounds, &alone, |it| &it.new).max(ratio(rounds, &alone, |it| &it.kept));
        goals.add(abuse.goal, Bound::AtMost(2.0), "×", worse);
    }
    let resident = beside.iter().flatten().map(|round| round.resident).fold(0.0, f64::max);
    // 64 KiB for each connection, for which the service buffers 32 KiB of headers.
    goals.add("memory beside all of them", Bound::AtMost(640.0), " MiB", resident);
    report(goes_first, &alone, &beside)
}

/// The good client, and what the service takes meanwhile.
fn measure(issuer: &Issuer) -> Round {
    let process = issuer.service.process_id();
    let key = &issuer.service.variables()["SCW_SECRET_KEY"];
    let path = issuer.client.functions(&format!("/namespaces/{}", issuer.namespace));
    let closed = || issuer.figure("issuer_http_connections_closed_early_total");
    let (begun, cpu, closed_before) = (Instant::now(), cpu_time(process), closed());
    let answered = paced::ask(&issuer.client, key, &path, REQUESTS, GAP);
    let seconds = begun.elapsed().as_secs_f64();
    Round {
        answered,
        busy: (cpu_time(process) - cpu).as_secs_f64() / seconds,
        connections: issuer.figure("issuer_http_connections"),
        closed: (closed() - closed_before) / seconds,
        resident: resident_bytes(process) as f64 / 1024.0 / 1024.0,
    }
}

/// The same beside those who attack.
fn under(issuer: &Issuer, abuse: &Abuse) -> Round {
    let attackers = Running::start(issuer, abuse);
    let round = measure(issuer);
    drop(attackers);
    wait_for("the attackers' connections to end", || {
        (issuer.figure("issuer_http_connections") < 10.0).then_some(())
    });
    round
}

/// Their process.
struct Running(Child);

impl Running {
    /// Starts it, and waits until the attack has reached its strength.
    fn start(issuer: &Issuer, abuse: &Abuse) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = on_processor(CLIENT, "chrt")
            .args(["--idle", "0", program.to_str().expect("UTF-8"), ARGUMENT, abuse.attack.name()])
            .args([issuer.service.address.to_string(), abuse.connections.to_string()])
            .args([abuse.addresses.to_string(), abuse.each_second.to_string()])
            .args([issuer.client.functions("/tokens")])
            .arg(&issuer.service.variables()["SCW_SECRET_KEY"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let output = process.stdout.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self(process)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // That its input ends tells it to end.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Attacks, as the arguments say, until the input ends.
pub fn attack(arguments: &[String]) {
    let [attack, target, connections, addresses, each_second, path, key] = arguments else {
        panic!("expected seven arguments, found {}", arguments.len());
    };
    let attackers = Attackers {
        attack: attack.parse().expect("an attack"),
        target: target.parse().expect("an address"),
        connections: connections.parse().expect("a number"),
        addresses: addresses.parse().expect("a number"),
        each_second: each_second.parse().expect("a number"),
        path: path.clone(),
        key: key.clone(),
    };
    rlimit::increase_nofile_limit(u64::MAX).expect("Linux");
    let enough = if attackers.attack.holds() { attackers.connections } else { 1 };
    let seen = Arc::new(Seen::default());
    let (end, ended) = tokio::sync::oneshot::channel();
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    let shown = Arc::clone(&seen);
    thread::spawn(move || {
        while shown.opened.load(Ordering::Relaxed) < enough {
            thread::sleep(Duration::from_millis(10));
        }
        // Until what came of the last ones is over, too.
        thread::sleep(Duration::from_secs(2));
        println!("ready");
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        tokio::select! {
            () = attackers.run(seen) => {}
            _ = ended => {}
            () = tokio::time::sleep(LONGEST) => {}
        }
    });
}

/// The p99 beside an attack against that alone, the median of the rounds.
fn ratio(rounds: &[Round], alone: &[Round], of: fn(&Answered) -> &Series) -> f64 {
    p99(rounds, of).paired(&p99(alone, of), |beside, alone| beside / alone).median()
}

fn p99(rounds: &[Round], of: fn(&Answered) -> &Series) -> Series {
    Series::of(rounds, |round| of(&round.answered).quantile(0.99))
}

fn report(goes_first: bool, alone: &[Round], beside: &[Vec<Round>]) -> String {
    let turn = match goes_first {
        true => "goes before everything else on its processor",
        false => {
            "waits for its turn on its processor as well, since only root could have it go first"
        }
    };
    let mut text = format!(
        "\n## Beside abuse\n\nA good client asks for a namespace every {} ms, on a new connection \
         and on one that stays in turn, {REQUESTS} times in each of {} rounds; medians. It {turn}. The \
         attackers get what it doesn't want of that. They open up to {AGAIN} connections a second for \
         those that are closed, {} of those with slow bodies. Memory that was taken once stays with \
         the process.\n\n\
         | | p99, new connection | against alone | p99, kept connection | against alone | p50 of \
         both | server busy | open connections | closed early a second | memory |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        GAP.as_millis(),
        alone.len(),
        AGAIN / 2,
    );
    let rows = ABUSES.iter().map(|abuse| abuse.name).zip(beside);
    for (name, rounds) in [("alone", alone)].into_iter().chain(rows.map(|(a, b)| (a, &b[..]))) {
        let of = |measure: fn(&Round) -> f64| Series::of(rounds, measure).median();
        let _ = writeln!(
            text,
            "| {name} | {:.2} ms | {:.2}× | {:.2} ms | {:.2}× | {:.2} / {:.2} ms | {:.0} % | {:.0} | \
             {:.0} | {:.0} MiB |",
            p99(rounds, |it| &it.new).median(),
            ratio(rounds, alone, |it| &it.new),
            p99(rounds, |it| &it.kept).median(),
            ratio(rounds, alone, |it| &it.kept),
            of(|it| it.answered.new.median()),
            of(|it| it.answered.kept.median()),
            of(|it| it.busy) * 100.0,
            of(|it| it.connections),
            of(|it| it.closed),
            of(|it| it.resident),
        );
    }
    let own = p99(alone, |it| &it.new);
    let _ = write!(
        text,
        "\nAlone, its p99 on a new connection was {:.2} to {:.2} ms in the rounds. Where these are far \
         apart, the machine had something else to do, and the figures above say little.\n",
        own.least(),
        own.most(),
    );
    text
}
