//! A million tokens: pages of their list, and the memory that they take.

use std::fmt::Write as _;
use std::fs;

use rusqlite::Connection;
use serde_json::json;
use testkit::api::{good, id};
use testkit::measure::Series;
use testkit::measure::process::resident_bytes;

use crate::goals::{Bound, Goals};
use crate::issuer::Issuer;
use crate::wrk::{self, Request};

/// How many tokens there are, half of them a function's and half the namespace's.
const TOKENS: u32 = 1_000_000;

/// The largest page that there is.
const PAGE_SIZE: u32 = 100;

/// A few clients: what is measured is how long one waits, not how many are served.
const CONNECTIONS: usize = 4;

struct List {
    name: &'static str,
    /// What follows `tokens?page_size=100&`.
    query: String,
    tokens: u32,
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize, goals: &mut Goals) -> String {
    eprintln!("==> listing");
    let mut issuer = Issuer::start(&[]);
    let at_start = resident_bytes(issuer.service.process_id());
    let body = json!({"name": "listed", "namespace_id": issuer.namespace, "runtime": "node22"});
    let function = good(issuer.client.post(&issuer.client.functions("/functions"), &body));
    let function = id(&function).to_owned();
    eprintln!("    listing: {TOKENS} tokens are written");
    issuer.restart_around(|issuer| fill(issuer, &function));
    let after_restart = resident_bytes(issuer.service.process_id());

    let half = TOKENS / 2;
    let of = |query: &str, tokens| (query.to_owned(), tokens);
    let lists = [
        ("all, any page", of("page=PAGE", TOKENS)),
        ("all, the newest first", of("page=PAGE&order_by=created_at_desc", TOKENS)),
        ("of a function, any page", of(&format!("page=PAGE&function_id={function}"), half)),
        (
            "of a namespace, any page",
            of(&format!("page=PAGE&namespace_id={}", issuer.namespace), half),
        ),
    ]
    .map(|(name, (query, tokens))| List { name, query, tokens });
    let mut measured: [Vec<(f64, f64, f64)>; 4] = Default::default();
    // In the first round everything is cold.
    for round in 0..=rounds {
        eprintln!("    listing: round {round} of {rounds}");
        for (list, measured) in lists.iter().zip(&mut measured) {
            let found = ask(&issuer, list);
            if round > 0 {
                measured.push(found);
            }
        }
    }
    let at_end = resident_bytes(issuer.service.process_id());
    let mebibytes = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let worst =
        measured.iter().map(|list| Series::of(list, |it| it.2).median() / 1e3).fold(0.0, f64::max);
    goals.add("a page of 100 out of a million tokens: p99", Bound::AtMost(10.0), " ms", worst);
    let what = "memory with a million tokens, after a restart and the reading of pages";
    goals.add(what, Bound::AtMost(32.0), " MiB", mebibytes(at_end));

    let mut text = format!(
        "\n## A million tokens\n\nGET `tokens?page_size={PAGE_SIZE}` from {CONNECTIONS} \
         connections, {rounds} rounds of two seconds, medians; each answer has 100 tokens of any \
         page, and `total_count`.\n\n| | pages a second | p50 | p99 |\n| --- | ---: | ---: | ---: |\n"
    );
    for (list, measured) in lists.iter().zip(&measured) {
        let of = |measure: fn(&(f64, f64, f64)) -> f64| Series::of(measured, measure).median();
        let (rate, p50, p99) = (of(|it| it.0), of(|it| it.1) / 1e3, of(|it| it.2) / 1e3);
        let name = list.name;
        let _ = writeln!(text, "| {name} | {rate:.0} | {p50:.2} ms | {p99:.2} ms |");
    }
    let _ = writeln!(
        text,
        "\nResident memory: {:.1} MiB at the first start, {:.1} MiB after a restart with a million \
         tokens, {:.1} MiB after all of these pages.",
        mebibytes(at_start),
        mebibytes(after_restart),
        mebibytes(at_end),
    );
    text
}

fn ask(issuer: &Issuer, list: &List) -> (f64, f64, f64) {
    let variables = issuer.service.variables();
    let headers = [("X-Auth-Token", variables["SCW_SECRET_KEY"].as_str())];
    let path = issuer.client.functions(&format!("/tokens?page_size={PAGE_SIZE}&{}", list.query));
    // The numbers are what they should be, or nothing is worth measuring.
    let first = good(issuer.client.get(&path.replace("PAGE", "1")));
    assert_eq!(first["total_count"], list.tokens, "{}", list.name);
    assert_eq!(first["tokens"].as_array().map(Vec::len), Some(100), "{}", list.name);
    let request = Request {
        address: issuer.service.address,
        path: &path,
        headers: &headers,
        body: None,
        pages: Some(list.tokens / PAGE_SIZE),
    };
    let seen = wrk::load(&request, CONNECTIONS, 2);
    (seen.rate(), seen.p50, seen.p99)
}

/// Writes the tokens into the database of a service that doesn't run. Over the API it would take
/// minutes.
fn fill(issuer: &Issuer, function: &str) {
    let database = issuer.service.database();
    let connection = Connection::open(&database).expect("the database");
    let hex = |id: &str| id.replace('-', "");
    let (namespace, function) = (hex(&issuer.namespace), hex(function));
    // As the migrations count those that are there. The second one dropped a kind of the first.
    let migrations = ["0004_token_numbers", "0005_iam"].map(|name| {
        fs::read_to_string(format!("issuer/migrations/sqlite/{name}.sql")).expect("a migration")
    });
    let statements = migrations.iter().flat_map(|it| it.split("\n\n"));
    let counted = statements.filter(|it| it.starts_with("INSERT INTO token_counts"));
    let counted =
        counted.filter(|it| !it.contains("'organization'")).collect::<Vec<_>>().join("\n");
    connection
        .execute_batch(&format!(
            "BEGIN;
             INSERT INTO tokens (id, namespace_id, application_id, key_id, description, created_at,
                 expires_at, bearer_id)
             WITH RECURSIVE numbers (n) AS
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {TOKENS})
             SELECT randomblob(16), x'{namespace}', iif(n % 2, x'{function}', NULL),
                 (SELECT id FROM namespace_keys WHERE namespace_id = x'{namespace}'),
                 'written by the benchmark', 1700000000000000 + n, NULL, NULL
             FROM numbers;
             DELETE FROM token_counts;
             {counted}
             COMMIT;"
        ))
        .expect("a million tokens");
}
