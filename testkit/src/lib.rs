//! What the tests stand on: a real Envoy with the shipped filter, a real upstream, clients that
//! send any bytes, tokens minted apart from the product's own code, hostile ones among them, and
//! the contract, read a second time.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "its names are for tests, which are read beside it")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

pub mod api;
pub mod attack;
pub mod benchmark;
pub mod bootstrap;
pub mod built;
pub mod contract;
pub mod corpus;
pub mod envoy;
pub mod feed;
pub mod go;
pub mod http;
pub mod measure;
pub mod mint;
pub mod node;
pub mod processes;
pub mod protected;
pub mod protobuf;
pub mod random;
pub mod relay;
pub mod service;
pub mod upstream;
pub mod vectors;
pub mod wycheproof;

use std::path::{Path, PathBuf};

/// A file of the repository, by its path from the top.
pub fn root(path: &str) -> PathBuf {
    // The package is one folder below the top.
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    top.join(path)
}

/// A folder for what tests write, which git doesn't see.
pub fn scratch() -> PathBuf {
    root("target/tmp")
}
