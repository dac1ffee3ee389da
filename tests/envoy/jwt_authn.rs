//! The corpus through Envoy's own `jwt_authn`, with the same keys, beside the filter's
//! expected results. Where the two differ is written down, with the reason, in
//! `docs/JWT_AUTHN.md`; this keeps that table honest.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::bootstrap::jwt_authn;
use testkit::corpus::wire::Wire;
use testkit::corpus::{self, Bench, Carried, Case};
use testkit::envoy::{Envoy, Plan};
use testkit::http::{Protocol, Request};
use testkit::protected::TOKEN_HEADERS;
use testkit::upstream::Upstream;

const TABLE: &str = include_str!("../../docs/JWT_AUTHN.md");

/// What `jwt_authn` has no notion of.
const BEYOND_IT: [&str; 3] = ["not_granted", "revoked", "public"];

/// `jwt_authn` with the keys of one of the corpus's configurations, and with what of the
/// rest it has a member for.
fn with_configuration(bench: &Bench, name: &str) -> Value {
    let bound = |mut jwk: Value, algorithm: &str| {
        jwk["alg"] = algorithm.into();
        jwk
    };
    let rsa = || bound(bench.key.jwk(), "RS256");
    let p256 = || bound(bench.p256.jwk(), "ES256");
    let ed25519 = || bound(bench.ed25519.jwk(), "EdDSA");
    let kids = || {
        [
            bound(bench.key.jwk_with_kid(corpus::FIRST), "RS256"),
            bound(bench.p256.jwk_with_kid(corpus::SECOND), "ES256"),
        ]
    };
    let keys = match name {
        "rsa-4096" => vec![bound(bench.rsa4096.jwk(), "RS256")],
        "p256" => vec![p256()],
        "p384" => vec![bound(bench.p384.jwk(), "ES384")],
        "ed25519" => vec![ed25519()],
        "every-rsa" => vec![bench.key.jwk()],
        "mixed" => vec![rsa(), p256(), ed25519()],
        "kids" => kids().to_vec(),
        "kids-and-plain" => [&[bound(bench.stranger.jwk(), "RS256")], &kids()[..]].concat(),
        _ => vec![rsa()],
    };
    let bearer = || json!({"name": "authorization", "value_prefix": "Bearer "});
    let headers = match name {
        "authorization" => vec![bearer()],
        "both-headers" => vec![json!({"name": "x-auth-token"}), bearer()],
        _ => TOKEN_HEADERS.map(|name| json!({ "name": name })).to_vec(),
    };
    let mut provider = json!({
        "local_jwks": {"inline_string": json!({ "keys": keys }).to_string()},
        "from_headers": headers,
    });
    match name {
        "leeway" => provider["clock_skew_seconds"] = json!(1000),
        "lifetime" => provider["max_lifetime"] = json!("3600s"),
        "expiration" => provider["require_expiration"] = json!(true),
        "identity" => {
            provider["issuer"] = json!("SCALEWAY");
            provider["audiences"] = json!(["functions"]);
        }
        _ => {}
    }
    jwt_authn(provider)
}

/// It can't stand for the whole namespace or be open, and knows neither routes nor a feed. The odd
/// RSA key's cases are those of the usual one again. Its own settings for cookies and preflights
/// are not compared.
fn is_compared(configuration: &str) -> bool {
    #[rustfmt::skip]
    let left_out = [
        "public", "namespace", "rsa-odd", "cookies", "preflight", "public-preflight", "route", "trust",
    ];
    !left_out.contains(&configuration)
}

fn start(upstream: &Upstream, bench: &Bench) -> Envoy {
    let mut plan = Plan::new(upstream);
    for (name, _) in corpus::configurations(bench) {
        if is_compared(name) {
            plan = plan.listener_without_filter(name).adjust(name, |manager| {
                let filters = manager["http_filters"].as_array_mut().unwrap();
                filters.insert(0, with_configuration(bench, name));
            });
        }
    }
    plan.start()
}

/// What the filter decides about a case that comes over HTTP/1.1, if it sees it.
fn expected_here(case: &Case) -> Option<&'static str> {
    match case.http1 {
        Carried::Whole => Some(case.expected),
        Carried::Altered(code) => Some(code),
        Carried::Refused => None,
    }
}

/// A case where the two differ, as a line of the table.
fn line(case: &Case, here: &str, admitted_there: bool) -> String {
    let there = if admitted_there { "admits" } else { "refuses" };
    let here = if here == "allowed" { "admits".to_owned() } else { format!("`{here}`") };
    format!("| `{}` | {there} | {here} |", case.name)
}

#[test]
fn the_table_has_exactly_the_cases_where_jwt_authn_and_the_filter_differ() {
    let bench = Bench::new(testkit::protected::now());
    let cases = corpus::cases(&bench);
    let upstream = Upstream::start();
    let envoy = start(&upstream, &bench);
    let mut measured = BTreeSet::new();
    let mut compared = 0;
    for case in cases.iter().filter(|case| !case.only_now && is_compared(case.configuration)) {
        let Some(here) = expected_here(case).filter(|code| !BEYOND_IT.contains(code)) else {
            continue;
        };
        let before = upstream.requests();
        Wire::new(Protocol::Http1, envoy.address(case.configuration))
            .send(case.method, &case.headers);
        let admitted_there = upstream.requests() > before;
        compared += 1;
        if admitted_there != (here == "allowed") {
            measured.insert(line(case, here, admitted_there));
        }
    }
    let written: BTreeSet<_> =
        TABLE.lines().filter(|it| it.starts_with("| `")).map(str::to_owned).collect();
    let list = |lines: Vec<&String>| lines.into_iter().cloned().collect::<Vec<_>>().join("\n");
    let missing = list(measured.difference(&written).collect());
    let stale = list(written.difference(&measured).collect());
    assert!(
        missing.is_empty() && stale.is_empty(),
        "docs/JWT_AUTHN.md lacks, each to be given a reason:\n{missing}\nand has, though the two agree:\n{stale}"
    );
    // The numbers that the page opens with.
    let numbers = format!("{compared} cases compared, {} differ", measured.len());
    assert!(TABLE.contains(&numbers), "docs/JWT_AUTHN.md should say: {numbers}");
    // It is the comparison that is tested, so jwt_authn has to be doing something.
    let refused = Request::with_token(&bench.stranger.token(&bench.claims()));
    let response = testkit::http::send(envoy.address("function"), &refused);
    assert_eq!(response.status, 401);
}
