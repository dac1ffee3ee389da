//! The store: what every database behind the trait has to do, and SQLite's own faults.

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

mod contract;
#[cfg(unix)]
mod disk;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
mod files;
mod folder;
mod limits;
mod sample;
mod sqlite;
