//! Where a request's token stands: what is found is what the contract says.
//!
//! The first byte of the input chooses the headers that may hold a token; then a line for
//! each header of the request, its value after the first colon.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt::request::{Presented, TokenHeader};
use namespace_jwt_fuzz::headers;

const CHOICES: [&[&str]; 4] = [
    &["x-auth-token", "scw-functions-token", "scw_functions_token"],
    &["Authorization"],
    &["authorization", "X-Auth-Token"],
    &["x"],
];

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((choice, request)) = input.split_first() else { return Corpus::Reject };
    let names = CHOICES[usize::from(*choice) % CHOICES.len()];
    let line = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        (line[..colon].to_vec(), line.get(colon + 1..).unwrap_or_default().to_vec())
    };
    let request: Vec<_> = request.split(|byte| *byte == b'\n').map(line).collect();

    let token_headers: Vec<_> =
        names.iter().map(|name| TokenHeader::new(name).expect("a header's name")).collect();
    let pairs = request.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    let expected = headers::tokens(names, &request);
    match Presented::find(&token_headers, pairs) {
        Presented::Nothing => assert!(expected.is_empty(), "{expected:?}"),
        Presented::Token(token) => assert_eq!(expected, [token.to_vec()]),
        Presented::Several => assert!(expected.len() > 1, "{expected:?}"),
    }
    Corpus::Keep
});
