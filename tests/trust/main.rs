//! The shipped `.wasm` in a real Envoy follows the trust feed: a file for each promise.

#![cfg(not(target_family = "wasm"))]
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

mod deletions;
mod feed;
mod gateway;
mod issuer;
mod lease;
mod load;
mod mirror;
mod misbehaviour;
mod outages;
mod privacy;
mod rerouted;
mod revocations;
mod rotation;
mod route;
mod start;
mod trust_keys;
mod vandal;

/// For a test that measures: no other one does at the same time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    // Another one that failed is no reason to fail.
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
