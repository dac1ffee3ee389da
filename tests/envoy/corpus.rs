//! The corpus of hostile tokens in real Envoy: the shipped module, both protocols, both
//! back ends for signatures, one expected result.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::Value;
use testkit::corpus::wire::{Fate, Wire};
use testkit::corpus::{self, Bench, Carried, Case};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::http::{PROTOCOLS, Protocol, Request};
use testkit::upstream::Upstream;

/// Who checks signatures. Where the proxy can't check all of a configuration's algorithms,
/// `host` would be refused, and `auto` takes the proxy for those that it can.
const BACK_ENDS: [&str; 2] = ["guest", "host"];
const BEYOND_THE_PROXY: [&str; 3] = ["ed25519", "mixed", "every-rsa"];

fn back_end(configuration: &str, wanted: &'static str) -> &'static str {
    match wanted {
        "host" if BEYOND_THE_PROXY.contains(&configuration) => "auto",
        wanted => wanted,
    }
}

fn start(upstream: &Upstream, bench: &Bench) -> Envoy {
    let mut plan = Plan::new(upstream);
    for (name, configuration) in corpus::configurations(bench) {
        for wanted in BACK_ENDS {
            let mut configuration = configuration.clone();
            configuration["signature_verification"] = back_end(name, wanted).into();
            let listener = format!("{name} {wanted}");
            plan = plan.listener(&listener, Filter::new(&configuration)).adjust(&listener, |it| {
                // How long Envoy waits before it closes on a client that sent rubbish.
                it["delayed_close_timeout"] = "0.01s".into();
            });
        }
    }
    plan.start()
}

/// One case over one protocol to one listener.
struct Sent<'a> {
    id: String,
    case: &'a Case,
    protocol: Protocol,
    fate: Fate,
}

impl Sent<'_> {
    /// The decision, if the filter is to see the request at all.
    fn expected(&self) -> Option<&'static str> {
        let carried = match self.protocol {
            Protocol::Http1 => self.case.http1,
            Protocol::Http2 => self.case.http2,
        };
        match carried {
            Carried::Whole => Some(self.case.expected),
            Carried::Altered(code) => Some(code),
            Carried::Refused => None,
        }
    }

    /// What is wrong with what happened.
    fn surprise(&self, logged: Option<&Value>) -> Option<String> {
        let decision = logged.and_then(|line| line["decision"].as_str());
        let status = logged.and_then(|line| line["status"].as_u64());
        let expected = self.expected();
        let expected_status = match expected {
            Some("allowed" | "public" | "preflight") => Some(200),
            Some("trust_unavailable") => Some(503),
            Some(_) => Some(403),
            None => None,
        };
        let good = decision == expected
            && match expected {
                Some(_) => status == expected_status && self.fate == Fate::Answered,
                None => status.is_none_or(|status| status >= 400 || status == 0),
            };
        (!good).then(|| {
            format!(
                "{} ({}): expected {expected:?}, found {decision:?}, status {status:?}, {:?}",
                self.id, self.case.trick, self.fate
            )
        })
    }
}

/// Sends every case to its listeners over one protocol.
fn send_all<'a>(
    addresses: &HashMap<String, SocketAddr>,
    cases: &'a [Case],
    wanted: &str,
    protocol: Protocol,
) -> Vec<Sent<'a>> {
    let mut wires = HashMap::new();
    cases
        .iter()
        .filter(|case| !case.only_now)
        .map(|case| {
            let wire = wires.entry(case.configuration).or_insert_with(|| {
                Wire::new(protocol, addresses[&format!("{} {wanted}", case.configuration)])
            });
            let id = format!("{} {wanted} {protocol:?}", case.name);
            let mut headers = vec![("x-case".to_owned(), hex(&id))];
            headers.extend(case.headers.iter().cloned());
            Sent { fate: wire.send(case.method, &headers), id, case, protocol }
        })
        .collect()
}

#[test]
fn each_case_has_one_answer_over_both_protocols_and_with_both_back_ends() {
    let bench = Bench::new(testkit::protected::now());
    let cases = corpus::cases(&bench);
    let upstream = Upstream::start();
    let envoy = start(&upstream, &bench);
    let addresses: HashMap<_, _> = corpus::configurations(&bench)
        .iter()
        .flat_map(|(name, _)| BACK_ENDS.map(|wanted| format!("{name} {wanted}")))
        .map(|listener| (listener.clone(), envoy.address(&listener)))
        .collect();
    // Side by side, so that a busy machine spends its time on requests, not on waiting.
    let runs = BACK_ENDS.map(|wanted| PROTOCOLS.map(|protocol| (wanted, protocol)));
    let sent: Vec<_> = std::thread::scope(|scope| {
        let runs = runs.as_flattened().iter().map(|(wanted, protocol)| {
            let (addresses, cases) = (&addresses, &cases);
            scope.spawn(move || send_all(addresses, cases, wanted, *protocol))
        });
        let running: Vec<_> = runs.collect();
        running.into_iter().flat_map(|run| run.join().expect("a run")).collect()
    });
    assert!(sent.len() > 4000, "{} requests", sent.len());
    // The log is written in order, so the last line means that all of them are there.
    envoy.expect("function guest", "a good token", Request::with_token(&bench.token()), "allowed");
    let logged = by_case(&envoy);
    let surprises: Vec<_> = sent
        .iter()
        .filter_map(|sent| sent.surprise(logged.get(&String::from_utf8(hex(&sent.id)).unwrap())))
        .collect();
    assert!(
        surprises.is_empty(),
        "{} of {}:\n{}",
        surprises.len(),
        sent.len(),
        surprises.join("\n")
    );
    // Nothing but what was let in has reached the application.
    let admitted =
        |sent: &&Sent| matches!(sent.expected(), Some("allowed" | "public" | "preflight"));
    assert_eq!(upstream.requests(), sent.iter().filter(admitted).count() + 1);
    // Every VM goes on.
    for (name, _) in corpus::configurations(&bench) {
        for wanted in BACK_ENDS {
            let code = match name {
                "public" | "public-preflight" => "public",
                "route" => "unprotected_route",
                "trust" => "trust_unavailable",
                _ => "missing_token",
            };
            envoy.expect(&format!("{name} {wanted}"), "no token", Request::get(), code);
        }
    }
}

/// A case's name as a header value that no codec minds.
fn hex(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn by_case(envoy: &Envoy) -> HashMap<String, Value> {
    wait_for("a whole access log", || {
        let log = envoy.access_log();
        log.ends_with('\n').then(|| {
            log.lines()
                .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
                .filter_map(|line| Some((line["case"].as_str()?.to_owned(), line)))
                .collect()
        })
    })
}
