//! The shipped module, which `make wasm` builds and `cargo test` doesn't.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where it is. A test of one that is older than its source would say nothing.
pub fn module() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let module = root.join("dist/namespace-jwt.wasm");
    assert!(
        module.exists(),
        "no {}: run `make wasm` first, or `make test` for all",
        module.display()
    );
    let built = modified(&module);
    let mut changed = Vec::new();
    for source in ["src", "Cargo.toml", "Cargo.lock"] {
        newer(&root.join(source), built, &mut changed);
    }
    if let Some(source) = changed.first() {
        panic!(
            "dist/namespace-jwt.wasm is older than {}: run `make wasm`, then this test again",
            source.strip_prefix(root).unwrap().display()
        );
    }
    module
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
