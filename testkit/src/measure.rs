//! What the benchmarks stand on: series of rounds, processes, and the pages and pictures that they write.

pub mod bars;
pub mod paced;
pub mod page;
pub mod process;
mod series;
pub mod wrk;

pub use series::Series;
