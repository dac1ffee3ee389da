//! What a token says, and what the filter would decide about it.
//!
//! - [`explain`]: both, for a person and for a program;
//! - [`pasted`]: the token in what somebody pasted;
//! - [`plugin_file`]: the filter's configuration in a file of Envoy's or Istio's;
//! - [`yaml`]: YAML, as Envoy and Kubernetes read it;
//! - [`display`]: strangers' text, made fit for a terminal.

pub mod display;
pub mod explain;
pub mod feed;
pub mod pasted;
pub mod plugin_file;
mod reason;
pub mod yaml;
