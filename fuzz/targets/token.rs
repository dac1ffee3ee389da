//! The form of a token: what is taken apart, and what is refused, is what the contract says.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::token::Token;
use testkit::contract;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // The same bytes as the header, past the base64 that hides it from the fuzzer.
    check(format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(bytes)).as_bytes());
});

fn check(bytes: &[u8]) {
    let token = Token::parse(bytes);
    if let Ok(token) = &token {
        let parts = [token.header(), token.payload(), token.signature()];
        let again = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        assert_eq!(again.as_bytes(), bytes, "a token that can be written in two ways");
        assert!(bytes.starts_with(token.signed()), "something else is signed");
        assert_eq!(again.rsplit_once('.').map(|it| it.0.as_bytes()), Some(token.signed()));
    }
    let ours = token.map(|it| [it.header(), it.payload(), it.signature()].map(<[u8]>::to_vec));
    let ours = ours.map_err(|denial| denial.code());
    if let Some(expected) = contract::token(bytes) {
        assert_eq!(ours, expected);
    }
}
