//! What the product is meant to reach, and what it did.

use std::fmt::Write as _;

use crate::comparison::{
    DO_NOTHING, GUEST, HOST, JWT_AUTHN, JWT_AUTHN_CACHED, JWT_SIMPLE, NO_FILTER, Results, WARM,
};
use crate::load::paired;

struct Goal {
    suites: &'static [&'static str],
    what: &'static str,
    ours: &'static str,
    theirs: &'static str,
    measure: fn(f64, f64) -> f64,
    unit: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const EVERY: &[&str] = &["RSA-4096", "RSA-2048", "ES256", "ES384", "Ed25519"];

const GOALS: [Goal; 5] = [
    Goal {
        suites: &["RSA-4096", "RSA-2048"],
        what: "a new token, Envoy's crypto: CPU against `jwt_authn`",
        ours: HOST,
        theirs: JWT_AUTHN,
        measure: |ours, theirs| ours / theirs,
        unit: "×",
        bound: Bound::AtMost(0.90),
    },
    Goal {
        suites: EVERY,
        what: "a token seen before: CPU over no filter",
        ours: WARM,
        theirs: NO_FILTER,
        measure: |ours, theirs| ours - theirs,
        unit: " µs",
        bound: Bound::AtMost(6.0),
    },
    Goal {
        suites: EVERY,
        what: "a token seen before: CPU against a do-nothing filter",
        ours: WARM,
        theirs: DO_NOTHING,
        measure: |ours, theirs| ours / theirs,
        unit: "×",
        bound: Bound::AtMost(1.0),
    },
    Goal {
        suites: EVERY,
        what: "a token seen before: CPU against `jwt_authn` with its cache",
        ours: WARM,
        theirs: JWT_AUTHN_CACHED,
        measure: |ours, theirs| ours / theirs,
        unit: "×",
        bound: Bound::AtMost(1.15),
    },
    Goal {
        suites: &["RSA-4096"],
        what: "a new token, in the VM: times faster than jwt-simple there",
        ours: GUEST,
        theirs: JWT_SIMPLE,
        measure: |ours, theirs| theirs / ours,
        unit: "×",
        bound: Bound::AtLeast(3.0),
    },
];

/// The goals' part of the report.
pub fn report(results: &[Results]) -> String {
    let mut text = String::from(
        "| goal | key | bound | measured: median | least to most | reached |\n\
         | --- | --- | ---: | ---: | ---: | --- |\n",
    );
    for goal in &GOALS {
        for result in results.iter().filter(|result| goal.suites.contains(&result.suite)) {
            let (Some(ours), Some(theirs)) = (result.of(goal.ours), result.of(goal.theirs)) else {
                continue;
            };
            let series = paired(ours, theirs, goal.measure);
            let (sign, bound, reached) = match goal.bound {
                Bound::AtMost(bound) => ("≤", bound, series.median() <= bound),
                Bound::AtLeast(bound) => ("≥", bound, series.median() >= bound),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {sign} {bound:.2}{unit} | {:.2}{unit} | {:.2} to {:.2} | {} |",
                goal.what,
                result.suite,
                series.median(),
                series.least(),
                series.most(),
                if reached { "yes" } else { "**no**" },
                unit = goal.unit,
            );
        }
    }
    text
}
