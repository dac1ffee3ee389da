//! Test data that others made, which is not part of this repository.

use std::path::PathBuf;

use serde_json::Value;

/// Reads one file from `NAMESPACE_JWT_VECTORS`, else from `../shared/vectors`. Where there
/// is none, says so in a line: the test that asked has nothing to check.
pub fn read(name: &str) -> Option<Value> {
    let folder = std::env::var_os("NAMESPACE_JWT_VECTORS")
        .map_or_else(|| crate::root("../shared/vectors"), PathBuf::from);
    let path = folder.join(name);
    match std::fs::read(&path) {
        Ok(bytes) => {
            Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")))
        }
        Err(error) => {
            eprintln!("not checked: no {name} (set NAMESPACE_JWT_VECTORS to its folder): {error}");
            None
        }
    }
}
