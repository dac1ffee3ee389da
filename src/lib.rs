//! The Proxy-Wasm adapter: what the proxy says becomes arguments of the core, and the
//! core's decision becomes calls to the proxy. Nothing is decided here.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

#[cfg(any(target_os = "wasi", test))]
mod announcement;
#[cfg(target_os = "wasi")]
mod contexts;
#[cfg(any(target_os = "wasi", test))]
mod environment;
#[cfg(any(target_os = "wasi", test))]
#[cfg_attr(not(target_os = "wasi"), allow(dead_code, reason = "a simulation needs less of it"))]
mod feed;
pub mod header_map;
#[cfg(target_os = "wasi")]
mod host;
pub mod host_verifier;
#[cfg(target_os = "wasi")]
mod log;
#[cfg(any(target_os = "wasi", test))]
mod log_limit;
#[cfg(target_os = "wasi")]
mod plugin;
pub mod protobuf;
pub mod self_test;
pub mod structs;
