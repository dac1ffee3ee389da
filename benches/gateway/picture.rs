//! The comparison as a picture (SVG) for the README.

use testkit::measure::bars::{self, Bar, Panel};

use crate::comparison::{
    DO_NOTHING, GUEST, HOST, JWT_AUTHN, JWT_AUTHN_CACHED, JWT_SIMPLE, NO_FILTER, Results, WARM,
};

/// The keys that the platform gives out.
const SUITE: &str = "RSA-4096";

/// Each has a scale of its own: the first one's longest bar is a hundred of the second one's.
const PANELS: [(&str, &[&str]); 2] = [
    ("A new token", &[JWT_SIMPLE, GUEST, HOST, JWT_AUTHN]),
    ("A token seen before, on another scale", &[WARM, DO_NOTHING, JWT_AUTHN_CACHED, NO_FILTER]),
];

/// Bars of the median CPU for each request, in microseconds.
pub fn draw(results: &[Results]) -> String {
    let Some(result) = results.iter().find(|result| result.suite == SUITE) else {
        return String::new();
    };
    let bar = |name: &&str| {
        let is_ours = name.starts_with("namespace-jwt");
        Some(Bar { name: (*name).to_owned(), value: result.median(name)?, unit: " µs", is_ours })
    };
    let panels = PANELS.map(|(title, contenders)| Panel {
        title: title.to_owned(),
        bars: contenders.iter().filter_map(bar).collect(),
    });
    let heading = format!("CPU of Envoy for each request with an {SUITE} token, median");
    bars::draw(&heading, "CPU of Envoy for each request", &panels)
}
