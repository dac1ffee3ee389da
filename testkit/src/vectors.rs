//! Test data that others made, which is not part of this repository.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde_json::Value;

use crate::processes::say_skipped;

/// The cases of one file: what the member of that name is a list of. The file is read from the
/// folder that `NAMESPACE_JWT_VECTORS` names, where it has to be; else from `../shared/vectors`,
/// and where there is none the test that asked has nothing to check, which a line says.
pub fn read(name: &str, member: &str) -> Option<Vec<Value>> {
    let chosen = std::env::var_os("NAMESPACE_JWT_VECTORS").map(PathBuf::from);
    let is_chosen = chosen.is_some();
    let file = chosen.unwrap_or_else(|| crate::root("../shared/vectors")).join(name);
    let shown = file.display();
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if !is_chosen && error.kind() == ErrorKind::NotFound => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            say_skipped(&test, &format!("no {name}: set NAMESPACE_JWT_VECTORS to its folder"));
            return None;
        }
        Err(error) => panic!("{shown}: {error}"),
    };
    let json: Value =
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let cases = json[member].as_array().unwrap_or_else(|| panic!("{shown}: no list `{member}`"));
    assert!(!cases.is_empty(), "{shown}: nothing in `{member}`");
    Some(cases.clone())
}

/// The tool that plays recorded conversations with the platform against a service, and the
/// recordings. Where there are none, a line says what wasn't checked.
pub fn recordings() -> Option<(PathBuf, Vec<PathBuf>)> {
    let chosen = std::env::var_os("NAMESPACE_JWT_VECTORS").map(PathBuf::from);
    let folder = chosen.unwrap_or_else(|| crate::root("../shared/vectors"));
    let tool = folder.join("../tools/replay.py");
    if !tool.exists() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        say_skipped(&test, "no replay.py beside the folder that NAMESPACE_JWT_VECTORS names");
        return None;
    }
    let recorded = folder.join("platform_api");
    let mut found: Vec<_> = std::fs::read_dir(&recorded)
        .unwrap_or_else(|error| panic!("{}: {error}", recorded.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{}: no recording", recorded.display());
    Some((tool, found))
}

/// Tokens that the platform itself minted, each with its claims and the namespace's key.
pub fn platform_tokens() -> Option<Vec<Value>> {
    let tokens = read("platform_tokens.json", "tokens")?;
    assert_eq!(tokens.len(), 18, "tokens of the platform's");
    Some(tokens)
}
