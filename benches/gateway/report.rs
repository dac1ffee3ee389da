//! Where the results go: docs/PERFORMANCE.md, under what is said there by hand, and a picture.

use testkit::measure::page::{self, date_and_machine, said};

/// The machine, the date and the programs.
pub fn heading(rounds: usize) -> String {
    let envoy = said("target/envoy", &["--version"]);
    // … version: <commit>/1.40.0/Clean/RELEASE/BoringSSL
    let version = envoy.split_once("version: ").and_then(|(_, it)| it.split('/').nth(1));
    let (date, machine) = date_and_machine();
    format!(
        "Measured on {date}, in {rounds} rounds, on {machine} and Envoy {}.\n",
        version.unwrap_or("unknown"),
    )
}

/// Writes the page's generated part and the picture.
pub fn write(text: &str, picture: &str) {
    page::write("make bench", "docs/PERFORMANCE.md", text, ("docs/performance.svg", picture));
}
