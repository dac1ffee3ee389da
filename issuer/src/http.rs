//! What all of the service's HTTP has in common, and what knows nothing of namespaces and tokens.
//!
//! [`request::observe`] puts around a router what each of its answers has.

pub mod answer;
pub mod body;
pub mod client_address;
pub mod failures;
pub mod json;
pub mod metrics;
pub mod request;
