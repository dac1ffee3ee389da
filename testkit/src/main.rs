//! Prints what a test in WebAssembly needs and can't make: keys and signatures.
//!
//! ```text
//! testkit corpus      the hostile cases, for core/tests/wasm.rs
//! testkit wycheproof  Project Wycheproof's signatures, for core/tests/wasm.rs
//! testkit benchmark   tokens of each algorithm, for benches/core in V8
//! ```

#![allow(clippy::panic, reason = "a test that can't go on says so by panicking")]

use namespace_jwt_testkit::{benchmark, corpus, protected, wycheproof};

fn main() {
    let what = std::env::args().nth(1);
    let json = match what.as_deref() {
        Some("corpus") => {
            let bench = corpus::Bench::new(protected::now());
            corpus::to_json(&bench, &corpus::cases(&bench))
        }
        Some("wycheproof") => wycheproof::to_json(),
        Some("benchmark") => benchmark::tokens(),
        _ => panic!("expected `testkit` and one of corpus, wycheproof, benchmark"),
    };
    println!("{json}");
}
