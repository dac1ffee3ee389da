//! Private functions and containers behind Envoy and Istio.
//!
//! A request passes only with a JWT that the namespace's key signed and that grants this
//! namespace or this application. Everything that decides so is pure: bytes, keys and a
//! time in, a decision out. What speaks to a proxy, or to a person, is built on that.
//!
//! ```text
//!  headers ──▶ request ──▶ token ──▶ verify ──▶ claims ──▶ access ──▶ answer
//!                                      ▲                      ▲
//!                              key, signature, guest    config, time
//! ```
//!
//! Left of [`verify`] everything is the client's bytes, right of it a
//! [`Verified`](verify::Verified) token; only [`Access::decide`](access::Access::decide)
//! makes an [`Admitted`](access::Admitted), and only with one of those.

#![deny(unsafe_code)]
#![warn(missing_docs)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::todo,
    clippy::unimplemented,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod access;
pub mod answer;
pub mod cache;
pub mod claims;
pub mod config;
pub mod denial;
#[cfg(any(target_os = "wasi", test))]
mod filter;
pub mod guest;
pub mod identifier;
#[cfg(not(target_family = "wasm"))]
pub mod issuer;
pub mod json;
pub mod jwk;
pub mod key;
pub mod pem;
pub mod request;
pub mod rsassa;
pub mod signature;
pub mod time;
pub mod token;
pub mod verify;
