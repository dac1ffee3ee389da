//! What the fuzz targets have in common.

pub mod keys;
pub mod proxy;
pub mod trust;
