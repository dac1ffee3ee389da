//! One function, and many, behind one plugin that asks the route.

use std::fmt::Write as _;

use serde_json::json;
use testkit::measure::Series;
use testkit::protected::NAMESPACE;

use super::{REPEATED, REVOKED, Scene, function, host};
use crate::authorizer::Authorizer;
use crate::comparison::NO_FILTER;
use crate::gateway::{self, Listener, Point, answer, namespace_jwt};
use crate::load::{Round, paired};
use crate::mint::Mint;

/// How many functions stand behind one plugin.
const FUNCTIONS: usize = 10_000;

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize) -> String {
    let scene = Scene::new(REVOKED, FUNCTIONS);
    eprintln!("    {FUNCTIONS} functions behind one plugin");
    let authorizer = Authorizer::start(&[]);
    let configuration = scene.following(json!({"protect": "route", "namespace_id": NAMESPACE}));
    let mut points = Vec::new();
    for count in [1, FUNCTIONS] {
        let virtual_hosts: Vec<_> = (0..count)
            .map(|n| {
                let mut route = answer();
                route["metadata"]["filter_metadata"]["namespace_jwt"] =
                    json!({"namespace_id": NAMESPACE, "application_id": function(n)});
                json!({"name": host(n), "domains": [host(n)], "routes": [route]})
            })
            .collect();
        let tokens: Vec<_> = (0..REPEATED).map(|n| scene.token(&format!("token {n}"))).collect();
        let lines: Vec<_> = (0..FUNCTIONS)
            .map(|n| format!("{} {}", tokens[n % REPEATED], host(n % count)))
            .collect();
        let tokens = mint.file(&lines);
        let name = format!("route of {count}");
        let filter = namespace_jwt(&configuration, &name);
        for (name, filters) in [(format!("{NO_FILTER} of {count}"), vec![]), (name, vec![filter])] {
            let virtual_hosts = virtual_hosts.clone();
            points.push(Point::to(Listener { name, filters, virtual_hosts }, tokens.clone()));
        }
    }
    let envoy = scene.start(1, &gateway::listeners(&points), &authorizer);
    for point in points.iter().filter(|point| !point.listener.filters.is_empty()) {
        scene.wait_until_known(&envoy, &point.listener.name);
    }
    let measured = gateway::measure_in(&envoy, "functions", &mut points, rounds);
    let mut text = String::from(
        "\n### Functions behind one plugin\n\n`protect: \"route\"`, a virtual host for each function, \
         requests to one after the other.\n\n\
         | functions | no filter | namespace-jwt | over no filter |\n| ---: | ---: | ---: | ---: |\n",
    );
    let mut overs = Vec::new();
    for (count, pair) in [1, FUNCTIONS].into_iter().zip(measured.chunks_exact(2)) {
        let cpu = |rounds: &[Round]| Series::of(rounds, |round| round.cpu);
        let over = paired(&pair[1], &pair[0], |with, without| with - without);
        let (without, with) = (cpu(&pair[0]).median(), cpu(&pair[1]).median());
        let _ = writeln!(text, "| {count} | {without:.1} | {with:.1} | {:.1} |", over.median());
        overs.push(over);
    }
    let more = overs[1].paired(&overs[0], |many, one| many - one);
    let (least, most) = more.median_interval();
    let _ = writeln!(
        text,
        "\nOf that, {:+.1} µs is for their number (between {least:+.1} and {most:+.1} with a \
         probability of 95 %).",
        more.median(),
    );
    text
}
