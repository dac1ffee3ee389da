//! Whether a request to a private function or container may pass.
//!
//! It passes only with a JWT that the namespace's key signed and that grants this namespace or
//! this application. Everything here is pure: bytes, keys and a time in, a decision out. What
//! speaks to a proxy, or to a person, is built on that.
//!
//! ```text
//!  headers ──▶ request ──▶ token ──▶ verify ──▶ claims ──▶ access ──▶ answer
//!                                      ▲                      ▲
//!                                key, signature         config, time
//! ```
//!
//! Left of [`verify`] everything is the client's bytes, right of it a
//! [`Verified`](verify::Verified) token; only [`Access::decide`](access::Access::decide)
//! makes an [`Admitted`](access::Admitted), and only with one of those.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod access;
pub mod answer;
pub mod cache;
pub mod claims;
pub mod config;
pub mod excerpt;
pub mod identifier;
pub mod json;
pub mod key;
pub mod reason;
pub mod request;
pub mod signature;
pub mod time;
pub mod token;
pub mod trust;
pub mod verify;
