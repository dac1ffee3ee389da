//! Each Envoy configuration of `envoy/`, running: what a stranger can do to it, and that it follows
//! an issuer where it says how.

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

mod container;
mod following;
mod issuer;
mod routes;
mod shipped;
mod strangers;
mod uncommented;

use testkit::processes::envoy_configurations;

#[test]
fn a_file_that_is_new_is_tested_here() {
    let files: Vec<_> = envoy_configurations().into_iter().map(|(name, _)| name).collect();
    assert_eq!(files, shipped::FILES.map(|file| file.name));
}
