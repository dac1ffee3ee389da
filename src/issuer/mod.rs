//! What makes namespace keys and tokens, and explains tokens: native only.
//!
//! Nothing in here reads arguments, the clock or the environment, or writes to
//! a terminal. The program `issuer` does, and is a thin layer over this:
//!
//! - [`keys`]: a namespace's private key, generated or read from PEM;
//! - [`key_files`]: the two files that hold a key pair;
//! - [`mint`]: a signed token for a namespace or one application;
//! - [`explain`]: what a token says, and what the filter would decide;
//! - [`pasted`]: the token in what somebody pasted;
//! - [`plugin_file`]: the filter's configuration in a file of Envoy's or Istio's;
//! - [`yaml`]: YAML, as Envoy and Kubernetes read it;
//! - [`calendar`]: points and lengths of time, as people write them;
//! - [`display`]: strangers' text, made fit for a terminal.

pub mod calendar;
pub mod display;
pub mod explain;
pub mod key_files;
pub mod keys;
pub mod mint;
pub mod pasted;
pub mod plugin_file;
mod reason;
pub mod yaml;
