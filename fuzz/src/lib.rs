//! What the fuzz targets have in common: the contract, read a second time, and the parts of
//! the filter that only the module has.

pub mod contract;
pub mod headers;
pub mod json;
pub mod keys;
pub mod protobuf;
pub mod proxy;

// The adapter is not part of the library. Those of its files that speak to no proxy are
// compiled here once more, and find the rest of the product where they expect it.
#[allow(unused_imports)]
use namespace_jwt::*;
#[path = "../../src/filter"]
#[allow(dead_code, missing_docs)]
pub mod filter {
    pub mod pairs;
    pub mod proof;
    pub mod signatures;
    pub mod structs;
}
