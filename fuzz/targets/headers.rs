//! Where a request's token stands: what is found is what the contract says, and what is
//! removed is what was found.
//!
//! The first byte of the input chooses the headers and cookies that may hold a token; then a
//! line for each header of the request, its value after the first colon.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt_core::request::{Presented, TokenCookie, TokenHeader};
use testkit::contract::headers;

const CHOICES: [(&[&str], &[&str]); 6] = [
    (&["x-auth-token", "scw-functions-token", "scw_functions_token"], &[]),
    (&["Authorization"], &[]),
    (&["authorization", "X-Auth-Token"], &[]),
    (&["x"], &[]),
    (&["authorization"], &["c"]),
    (&["x"], &["c", "C", "d"]),
];

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, request)) = input.split_first() else { return Corpus::Reject };
    let (names, cookies) = CHOICES[usize::from(*choice) % CHOICES.len()];
    let line = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        (line[..colon].to_vec(), line.get(colon + 1..).unwrap_or_default().to_vec())
    };
    let request: Vec<_> = request.split(|byte| *byte == b'\n').map(line).collect();

    let token_headers: Vec<_> =
        names.iter().map(|name| TokenHeader::new(name).expect("a header's name")).collect();
    let token_cookies: Vec<_> =
        cookies.iter().map(|name| TokenCookie::new(name).expect("a cookie's name")).collect();
    let pairs = request.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    let expected = headers::tokens(names, cookies, &request);
    let presented = Presented::find(&token_headers, &token_cookies, pairs.clone());
    match presented {
        Presented::Nothing => assert!(expected.is_empty(), "{expected:?}"),
        Presented::Token(token) => assert_eq!(expected, [token.to_vec()]),
        Presented::Several => assert!(expected.len() > 1, "{expected:?}"),
    }

    let mut left = request.clone();
    for removal in presented.removals(&token_headers, &token_cookies, pairs) {
        let name = removal.name.as_bytes();
        left.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        left.extend(removal.left.iter().map(|value| (name.to_vec(), value.to_vec())));
    }
    assert_eq!(headers::fault(names, cookies, &request, &left), None, "{left:?}");
    Corpus::Keep
});
