//! What makes namespace keys and tokens, and explains tokens: native only.
//!
//! Nothing in here reads arguments, the clock or the environment, or writes to
//! a terminal. The program `issuer` does, and is a thin layer over this.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod api;
pub mod audit;
pub mod authority;
pub mod calendar;
pub mod feed;
pub mod http;
pub mod iam;
pub mod inspect;
pub mod installation;
pub mod model;
pub mod publish;
pub mod request_context;
pub mod sealing;
pub mod serve;
pub mod signing;
pub mod store;
