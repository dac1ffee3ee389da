//! Who may do what.
//!
//! [`decision::decide`] alone makes an [`decision::Authorized`], and nothing is changed or listed
//! without one.

pub mod action;
pub mod condition;
pub mod decision;
pub mod principal;
