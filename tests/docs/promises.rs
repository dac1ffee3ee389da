//! That what is promised is looked at: SECURITY.md names tests that are there, and no test is
//! left out where it seems to run.

use std::fs;
use std::path::Path;

use testkit::processes::{read, root};

/// What makes a file one of tests.
const TESTS: [&str; 4] = ["#[test]", "#[tokio::test", "#[wasm_bindgen_test]", "fuzz_target!("];

/// Every Rust file under a folder, by its path from the top.
fn sources(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root(folder)).unwrap() {
        let path = format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap());
        if root(&path).is_dir() {
            found.extend(sources(&path));
        } else if Path::new(&path).extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let page = read("SECURITY.md");
    let (_, table) = page.split_once("\n| promise | shown by |\n| --- | --- |\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let mut named = 0;
    for row in table.lines() {
        let shown = row.split(" | ").nth(1).unwrap_or_else(|| panic!("{row}"));
        let names = shown.split('`').skip(1).step_by(2);
        let files: Vec<_> = names.filter(|name| name.ends_with(".rs")).collect();
        assert!(!files.is_empty() || shown.starts_with("lints "), "{row}");
        for file in files {
            let text = read(file);
            assert!(TESTS.iter().any(|it| text.contains(it)), "{file} has no test: {row}");
            named += 1;
        }
    }
    assert!(named >= 30, "{named} files");
}

/// A test without that line is there natively alone. A file that isn't compiled for WebAssembly
/// says so at its top.
#[test]
fn every_test_beside_the_code_runs_in_v8_too() {
    const LINE: &str = "use wasm_bindgen_test::wasm_bindgen_test as test;";
    let sources = [sources("src"), sources("core/src")].concat();
    let mut files = 0;
    for file in sources {
        let text = read(&file);
        if text.contains("#[test]") && !text.contains("#![cfg(not(target_family = \"wasm\"))]") {
            assert!(text.contains(LINE), "{file}: {LINE}");
            files += 1;
        }
    }
    assert!(files >= 15, "{files} files");
}

/// `make soak` runs those of `tests/envoy` that are ignored elsewhere, and `make test-clients` those
/// of the command `scw`.
#[test]
fn no_test_is_ignored_but_those_of_the_soak_and_of_scw() {
    let folders = ["src", "core", "issuer", "testkit", "tests"];
    let sources = folders.map(sources).concat();
    let ignored: Vec<_> =
        sources.into_iter().filter(|file| read(file).contains("\n#[ignore")).collect();
    assert!(!ignored.is_empty());
    let of_a_goal = |file: &String| {
        ["tests/envoy/", "tests/service/scw/"].iter().any(|of| file.starts_with(of))
    };
    assert!(ignored.iter().all(of_a_goal), "{ignored:?}");
    assert!(read("Makefile").contains(" --include-ignored _sdk:: scw::\n"));
}
