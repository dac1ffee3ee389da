//! Two builds of this filter side by side: what the one costs over the other.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::gateway::{self, Point, namespace_jwt, other_build};
use crate::load::{Round, paired};
use crate::mint::Mint;
use testkit::measure::Series;
use testkit::mint::{Key, Kind};
use testkit::protected::{NAMESPACE, merged};

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize, baseline: &Path) -> String {
    eprintln!("==> against {}: minting", baseline.display());
    let key = Key::named(Kind::Rsa(4096), "bench");
    let (repeated, new) = (
        mint.tokens(16, &key, None, &json!({})),
        // Far more than the cache below holds.
        mint.tokens(2000, &key, None, &json!({})),
    );
    let kinds: [(&str, Value, _); 3] = [
        ("a token seen before", json!({}), &repeated),
        ("a token seen before, forward_token", json!({"forward_token": true}), &repeated),
        ("every token a new one, host", json!({"token_cache_size": 100}), &new),
    ];
    let mut points = Vec::new();
    for (what, changes, tokens) in &kinds {
        let configuration = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()});
        let configuration = merged(configuration, changes.clone());
        let this = namespace_jwt(&configuration, &format!("this, {what}"));
        let other = other_build(baseline, &configuration, &format!("other, {what}"));
        for (build, filter) in [("this", this), ("other", other)] {
            let listener = format!("{build}, {what}");
            points.push(Point::new(listener, Some(filter), (*tokens).clone()));
        }
    }
    let measured = gateway::measure("against another build", &mut points, rounds);
    let mut text = String::from(
        "CPU for each request in microseconds, medians, and what this build costs over the other \
         in the same round: the median, and where it lies with a probability of 95 %.\n\n\
         | RSA-4096 | other | this | over | 95 % |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    for ((what, ..), pair) in kinds.iter().zip(measured.chunks_exact(2)) {
        let cpu = |rounds: &[Round]| Series::of(rounds, |round| round.cpu).median();
        let over = paired(&pair[0], &pair[1], |this, other| this - other);
        let (least, most) = over.median_interval();
        let _ = writeln!(
            text,
            "| {what} | {:.2} | {:.2} | {:+.2} | {least:+.2} to {most:+.2} |",
            cpu(&pair[1]),
            cpu(&pair[0]),
            over.median(),
        );
    }
    text
}
