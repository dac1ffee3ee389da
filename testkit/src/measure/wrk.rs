//! Load, from `wrk`.

use std::process::{Command, Stdio};

use serde_json::Value;

/// What the script of a run of `wrk` saw: the object that it writes behind `RESULT`.
///
/// # Panics
///
/// When there is no `wrk`, or no such object.
pub fn result(wrk: &mut Command) -> Value {
    let output = wrk
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("wrk can't be run: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .find_map(|line| serde_json::from_str(line.strip_prefix("RESULT ")?).ok())
        .unwrap_or_else(|| panic!("wrk failed:\n{text}{}", String::from_utf8_lossy(&output.stderr)))
}
