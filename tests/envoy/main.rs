//! The shipped `.wasm` in a real Envoy: a file for each promise.

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

mod answers;
mod configuration;
mod corpus;
mod cost;
mod environment;
mod harness;
mod jwt_authn;
mod keys;
mod leaks;
mod lifecycle;
mod platform_tokens;
mod releases;
mod requests;
mod signatures;
mod start;
mod survival;
mod token_headers;
mod wycheproof;
