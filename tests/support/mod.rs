//! What the end-to-end tests stand on: a real Envoy with the shipped filter, a
//! real upstream, clients that send any bytes, and tokens minted apart from
//! the product's own code.

// Each test file compiles this module for itself and uses a part of it.
#![allow(dead_code)]

pub mod bootstrap;
pub mod envoy;
pub mod http;
pub mod mint;
pub mod module;
pub mod protected;
pub mod upstream;
