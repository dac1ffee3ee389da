//! The issuer's explanation of a stranger's token: made without a panic, fit for a terminal,
//! of one mind with the filter, and without the signature, which would make it a token again.
//!
//! The first byte of the input chooses what the rest is: a payload; a header, a NUL and a
//! payload; or a whole token. The second chooses the time.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt_core::access::Memory;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_fuzz::keys::{HEADER, Signer};
use namespace_jwt_issuer::inspect::display::pretty_json;
use namespace_jwt_issuer::inspect::explain::{Explanation, Verdict};
use serde_json::{Value, json};

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let members = json!({"namespace_id": "n", "public_key": SIGNER.public_pem()});
    let config = Config::from_json(members.to_string().as_bytes(), &Environment::default());
    config.expect("a good configuration")
});

fuzz_target!(|input: &[u8]| -> Corpus {
    let [how, second, rest @ ..] = input else { return Corpus::Reject };
    let token = match how % 3 {
        0 => SIGNER.token(HEADER, rest).into_bytes(),
        1 => {
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            let mut part = || parts.next().unwrap_or_default();
            SIGNER.token(part(), part()).into_bytes()
        }
        _ => rest.to_vec(),
    };
    let now = UnixTime::from_secs(match second {
        0 => 0,
        255 => u64::MAX,
        _ => 1_700_000_000 - 64 + u64::from(*second),
    });
    for config in [None, Some(&*CONFIG)] {
        let explanation = Explanation::new(&token, config, None, None, now);
        check(&explanation.to_string(), &token);
        let json = pretty_json(&explanation.to_json()).expect("JSON");
        check(&json, &token);
        serde_json::from_str::<Value>(&json).expect("JSON that can be read again");
        let unreadable = explanation.unreadable().is_some();
        match (config, explanation.verdict()) {
            (None, Verdict::Readable) => assert!(!unreadable),
            (None, Verdict::Unreadable) => assert!(unreadable),
            (Some(config), verdict @ (Verdict::Admitted | Verdict::Refused)) => {
                let presented = match &token[..] {
                    b"" => Presented::Nothing,
                    token => Presented::Token(token),
                };
                let decision =
                    config.access.decide(presented.into(), None, &Guest, &mut Memory::new(0), now);
                assert_eq!(decision.is_ok(), verdict == Verdict::Admitted);
            }
            (_, verdict) => panic!("{verdict:?}"),
        }
    }
    Corpus::Keep
});

fn check(shown: &str, token: &[u8]) {
    for character in shown.chars().filter(|character| *character != '\n') {
        let steers = character.is_control()
            || matches!(
                character,
                '\u{200b}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}'
                    | '\u{feff}'
                    | '\u{e0000}'..='\u{e007f}'
            );
        assert!(!steers, "{character:?} is shown");
    }
    let signature = token.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    if signature.len() >= 86 && signature.len() < token.len() {
        let quoted = shown.as_bytes().windows(signature.len()).any(|it| it == signature);
        assert!(!quoted, "the signature is shown");
    }
}
