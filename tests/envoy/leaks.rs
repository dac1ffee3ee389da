//! Nothing leaks: no token, no part of one, no signature and no private key in what the
//! filter writes, however closely Envoy is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use testkit::corpus::{self, Bench, Carried, Case};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::http::{Connection, Protocol, Request, text};
use testkit::mint::Key;
use testkit::protected::TOKEN_HEADERS;
use testkit::upstream::Upstream;

/// What is shorter stands in many an innocent place.
const SHORTEST: usize = 16;

/// Every run of so many bytes that the client chose, by a few bytes of it.
struct Secrets(BTreeSet<Vec<u8>>);

impl Secrets {
    fn new<'a>(cases: impl Iterator<Item = &'a Case>, bench: &Bench) -> Self {
        let mut secrets = BTreeSet::new();
        for case in cases {
            for (_, value) in &case.headers {
                // Each segment, and so each signature, and what isn't a token at all.
                for segment in value.split(|byte| b". ,".contains(byte)) {
                    secrets.extend(segment.chunks_exact(SHORTEST).take(100).map(<[u8]>::to_vec));
                }
            }
        }
        for key in private_keys(bench) {
            let pem = key.private_pem();
            let lines = pem.lines().filter(|line| !line.starts_with('-'));
            secrets.extend(
                lines.map(|line| line.as_bytes().to_vec()).filter(|it| it.len() >= SHORTEST),
            );
        }
        // Runs of one letter say nothing about anybody.
        secrets.retain(|secret| secret.iter().any(|byte| *byte != secret[0]));
        Self(secrets)
    }

    #[track_caller]
    fn stay_out_of(&self, place: &str, found: &[u8]) {
        for window in found.windows(SHORTEST) {
            if let Some(secret) = self.0.get(window) {
                panic!("{place} holds {:?}, in: {}", text(secret), excerpt(found, window));
            }
        }
    }
}

fn private_keys(bench: &Bench) -> [&Key; 6] {
    [&bench.key, &bench.stranger, &bench.rsa4096, &bench.p256, &bench.p384, &bench.ed25519]
}

fn excerpt(found: &[u8], window: &[u8]) -> String {
    let at = window.as_ptr() as usize - found.as_ptr() as usize;
    text(&found[at.saturating_sub(200)..(at + 200).min(found.len())])
}

/// The lines of Envoy's own log that are about the module: what it logs itself, and every
/// call between it and Envoy. Envoy's other lines, at this level, print each request.
fn lines_about_the_module(envoy: &Envoy) -> String {
    let of_wasm = |line: &&str| line.contains("][wasm]") || line.contains("namespace-jwt");
    envoy.log().lines().filter(of_wasm).collect::<Vec<_>>().join("\n")
}

fn start(upstream: &Upstream, bench: &Bench) -> Envoy {
    let mut plan = Plan::new(upstream).verbose();
    for (name, mut configuration) in corpus::configurations(bench) {
        // Alternating, so that both back ends are watched.
        let status = if name.len() % 2 == 0 { 401 } else { 403 };
        configuration["missing_token_status"] = status.into();
        configuration["invalid_token_status"] = status.into();
        if !["ed25519", "mixed", "every-rsa"].contains(&name) {
            let back_end = if name.len() % 2 == 0 { "host" } else { "guest" };
            configuration["signature_verification"] = back_end.into();
        }
        plan = plan.listener(name, Filter::new(&configuration));
    }
    plan.start()
}

/// A few cases of every kind: each configuration with each code that it has.
fn sample(cases: &[Case]) -> Vec<&Case> {
    let mut taken: BTreeMap<_, usize> = BTreeMap::new();
    cases
        .iter()
        .filter(|case| !case.only_now && case.http1 == Carried::Whole)
        .filter(|case| {
            let count = taken.entry((case.configuration, case.expected)).or_default();
            *count += 1;
            *count <= 8
        })
        .collect()
}

#[test]
fn no_token_signature_or_private_key_is_in_log_answer_metric_or_admin_page() {
    let bench = Bench::new(testkit::protected::now());
    let cases = corpus::cases(&bench);
    let sample = sample(&cases);
    let secrets = Secrets::new(sample.iter().copied(), &bench);
    assert!(secrets.0.len() > 1000);
    let upstream = Upstream::start();
    let envoy = start(&upstream, &bench);
    let mut connections = BTreeMap::new();
    let mut denied = 0;
    for case in &sample {
        let connection = connections.entry(case.configuration).or_insert_with(|| {
            Connection::open(Protocol::Http1, envoy.address(case.configuration))
        });
        let request = Request { headers: case.headers.clone(), ..Request::get() };
        let answer = connection.send(&request);
        // What is admitted is answered by the application, which repeats what it sees.
        if answer.header(testkit::upstream::MARK).is_none() {
            denied += 1;
            for (name, value) in &answer.headers {
                secrets.stay_out_of(&format!("{}: header {name}", case.name), value);
            }
            secrets.stay_out_of(&format!("{}: body", case.name), &answer.body);
        }
        // The token doesn't go on to the application either.
        for name in TOKEN_HEADERS {
            let seen = format!("[\"{name}\",");
            let is_token_header = !matches!(case.configuration, "authorization" | "both-headers");
            assert!(!is_token_header || !text(&answer.body).contains(&seen), "{}", case.name);
        }
    }
    assert!(denied > 100, "{denied}");
    // Of all those few have a line of the filter's in the log; in another second each has one.
    std::thread::sleep(Duration::from_millis(1010));
    let expected = ["allowed", "bad_signature"];
    for code in expected {
        let case = sample.iter().find(|case| case.expected == code).expect("a case of each code");
        let request = Request { headers: case.headers.clone(), ..Request::get() };
        envoy.expect(case.configuration, &case.name, request, code);
    }
    // It is the closest look that there is, and the filter's lines are in it.
    let expected = [
        "[trace][wasm]",
        "proxy_get_header_map_pairs",
        "namespace-jwt: allowed",
        "namespace-jwt: denied: bad_signature",
        "more decisions were not logged",
    ];
    let lines = wait_for("the filter's lines", || {
        let lines = lines_about_the_module(&envoy);
        expected.iter().all(|it| lines.contains(it)).then_some(lines)
    });
    secrets.stay_out_of("the log's lines about the module", lines.as_bytes());
    secrets.stay_out_of("the access log", envoy.access_log().as_bytes());
    for page in [
        "/stats",
        "/stats/prometheus",
        "/config_dump",
        "/listeners",
        "/clusters",
        "/server_info",
        "/memory",
        "/certs",
    ] {
        let page_content = envoy.admin_page(page);
        assert_eq!(page_content.status, 200, "{page}");
        secrets.stay_out_of(page, &page_content.body);
    }
    // Every metric of the filter's is one of the contract's codes.
    let codes: BTreeSet<_> = cases.iter().map(|case| case.expected.to_owned()).collect();
    let counted: BTreeSet<_> = envoy.decisions().into_keys().collect();
    assert!(counted.is_subset(&codes), "{counted:?}");
}

/// A configuration that is refused is described, not printed: a private key in the wrong
/// place stays out of the log.
#[test]
fn a_private_key_in_the_configuration_is_refused_and_not_repeated() {
    let bench = Bench::new(testkit::protected::now());
    let upstream = Upstream::start();
    for key in private_keys(&bench) {
        let pem = key.private_pem();
        let mut jwk = key.jwk();
        let secret: String = pem.lines().nth(1).unwrap().chars().take(40).collect();
        jwk["d"] = Value::from(secret.clone());
        for member in [
            serde_json::json!({"public_key": pem}),
            serde_json::json!({"public_keys": [pem.replace('\n', "\\n")]}),
            serde_json::json!({"jwks": {"keys": [jwk]}}),
            serde_json::json!({"jwks": pem}),
            serde_json::json!({"mode": pem}),
            serde_json::json!({"algorithms": [secret]}),
            serde_json::json!({"token_headers": [pem]}),
            serde_json::json!({"missing_token_status": pem}),
            serde_json::json!({"namespace_id": [pem]}),
        ] {
            let mut configuration = member.clone();
            if configuration.get("namespace_id").is_none() {
                configuration["namespace_id"] = "n".into();
            }
            let config = namespace_jwt_core::config::Config::from_json(
                configuration.to_string().as_bytes(),
                &namespace_jwt_core::config::Environment::default(),
            );
            let error = config.err().unwrap_or_else(|| panic!("taken: {member}")).to_string();
            assert!(!error.contains(&secret[..SHORTEST]), "{error}");
        }
    }
    // And once for all, in Envoy.
    let pem = bench.p256.private_pem();
    let configuration = serde_json::json!({"namespace_id": "n", "public_key": pem});
    let log = Plan::new(&upstream).listener("main", Filter::new(&configuration)).refuses();
    assert!(log.contains("namespace-jwt: configuration refused: public_key"), "{log}");
    let secret = pem.lines().nth(1).unwrap();
    let own: Vec<_> = log.lines().filter(|line| line.contains("namespace-jwt:")).collect();
    assert!(
        !own.is_empty() && own.iter().all(|line| !line.contains(&secret[..SHORTEST])),
        "{own:?}"
    );
}
