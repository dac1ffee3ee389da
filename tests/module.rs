//! The shipped module, as a file: what a proxy will call in it, and what it says of whoever
//! built it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use wasmparser::{Parser, Payload};

fn module() -> Vec<u8> {
    std::fs::read(testkit::built::module()).unwrap()
}

/// A proxy enters the module for each callback that is exported, at each request.
#[test]
fn only_the_callbacks_that_the_filter_answers_are_exported() {
    let module = module();
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        if let Payload::ExportSection(exports) = payload.unwrap() {
            names.extend(exports.into_iter().map(|export| export.unwrap().name));
        }
    }
    names.sort_unstable();
    let expected = [
        "_initialize",
        "memory",
        "proxy_abi_version_0_2_1",
        "proxy_on_configure",
        "proxy_on_context_create",
        "proxy_on_delete",
        "proxy_on_http_call_response",
        "proxy_on_memory_allocate",
        "proxy_on_request_headers",
        "proxy_on_tick",
    ];
    assert_eq!(names, expected);
}

#[test]
fn no_path_of_the_building_machine_is_in_the_module() {
    let module = module();
    let text = String::from_utf8_lossy(&module);
    for place in [env!("CARGO_MANIFEST_DIR"), "/.cargo/registry", "/.rustup/"] {
        assert!(!text.contains(place), "{place}");
    }
}
