//! What is built before the tests that need it: the shipped module, by `make wasm`, and the
//! program `issuer`, which cargo builds with its own tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::root;

/// The path of the shipped module. A test of one that is older than its source would say nothing.
pub fn module() -> PathBuf {
    let module = root("dist/namespace-jwt.wasm");
    let sources = ["src", "core/src", "core/Cargo.toml", "Cargo.toml", "Cargo.lock"];
    assert_current(&module, &sources, "make wasm");
    module
}

/// The path of the program `issuer`, in the profile that the test itself was built with.
pub fn issuer() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // A test's program is in the folder `deps` beside it.
    let issuer = test.parent().and_then(Path::parent).unwrap().join("issuer");
    assert_current(&issuer, &["issuer/src", "core/src"], "cargo build --bin issuer");
    issuer
}

fn assert_current(built: &Path, sources: &[&str], command: &str) {
    let name = built.strip_prefix(root("")).unwrap_or(built).display();
    assert!(built.exists(), "no {name}: run `{command}` first, or `make test` for all");
    let time = modified(built);
    let mut changed = Vec::new();
    for source in sources {
        newer(&root(source), time, &mut changed);
    }
    if let Some(source) = changed.first() {
        panic!(
            "{name} is older than {}: run `{command}`, then this test again",
            source.strip_prefix(root("")).unwrap().display()
        );
    }
}

fn newer(path: &Path, than: SystemTime, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            newer(&entry.unwrap().path(), than, found);
        }
    } else if modified(path) > than {
        found.push(path.to_owned());
    }
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().and_then(|metadata| metadata.modified()).unwrap()
}
