//! The core in WebAssembly: 32-bit `usize`, and V8 as in Envoy.
#![cfg(all(target_family = "wasm", target_os = "unknown"))]

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn pointers_have_the_width_that_the_filter_has() {
    assert_eq!(usize::BITS, 32);
}
