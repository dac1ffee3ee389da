//! The Proxy-Wasm adapter: what the proxy says becomes arguments of the core, and the
//! core's decision becomes calls to the proxy. Nothing is decided here.

mod announcement;
mod contexts;
mod environment;
#[cfg(target_os = "wasi")]
mod exports;
#[cfg(target_os = "wasi")]
mod host;
#[cfg(target_os = "wasi")]
mod log;
mod log_limit;
mod pairs;
#[cfg(target_os = "wasi")]
mod plugin;
mod proof;
mod signatures;
mod structs;
