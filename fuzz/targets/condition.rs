//! A rule's condition, which is a stranger's text: checked and evaluated without a panic, and
//! true of nothing unless it may be kept.
//!
//! The first byte of the input chooses the request, the rest is the condition.

#![no_main]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::iam::condition::{Facts, check, holds};

fuzz_target!(|input: &[u8]| -> Corpus {
    let [how, text @ ..] = input else { return Corpus::Reject };
    let Ok(text) = str::from_utf8(text) else { return Corpus::Reject };
    let facts = Facts {
        address: match how % 3 {
            0 => None,
            1 => Some(IpAddr::from([10, 0, 0, 1])),
            _ => Some(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])),
        },
        user_agent: if how % 2 == 0 { "terraform-test" } else { "" },
        time: UnixTime::from_secs(match how {
            0 => 0,
            255 => u64::MAX,
            254 => 253_402_300_799,
            how => 1_700_000_000 + u64::from(*how),
        }),
    };
    let started = Instant::now();
    let checked = check(text);
    let held = holds(text, &facts);
    assert_eq!(held, holds(text, &facts), "it is another the second time");
    if let Err(fault) = &checked {
        assert!(!held, "true, though {fault}");
        let shown = fault.to_string();
        assert!(shown.len() <= 500, "a message of {} bytes", shown.len());
        assert!(shown.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{shown}");
    }
    // What is true is not false. A comment would swallow the parenthesis.
    let negated = format!("!({text}\n)");
    assert!(text.is_empty() || !held || !holds(&negated, &facts), "true, and false too");
    assert!(started.elapsed() < Duration::from_secs(5), "it takes {:?}", started.elapsed());
    match checked {
        Ok(()) => Corpus::Keep,
        Err(_) if text.len() > 1_000 => Corpus::Reject,
        Err(_) => Corpus::Keep,
    }
});
