//! What the benchmarks stand on: series of rounds, processes, and the pages that they write.

pub mod page;
pub mod process;
mod series;

pub use series::Series;
