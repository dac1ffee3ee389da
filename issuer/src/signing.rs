//! Private keys, the files that hold them, and what they sign.

pub mod key_files;
pub mod keys;
pub mod mint;
