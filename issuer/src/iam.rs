//! Who may do what.
//!
//! [`decision::decide`] and [`decision::decide_list`] alone make an [`decision::Authorized`], and
//! nothing is changed or listed without one.

pub mod action;
pub mod condition;
pub mod decision;
pub mod permission_set;
pub mod principal;
pub mod rights;
