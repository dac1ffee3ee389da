//! What a cache says that it takes is what it takes from the allocator.

#![allow(unsafe_code, reason = "an allocator that counts")]
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

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use namespace_jwt_core::access::Memory;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use serde_json::{Value, json};
use testkit::mint::{Key, Kind};
use testkit::protected::{NAMESPACE, claims_with, now};

/// Counts what is allocated as the module's allocator would take it: WASI's dlmalloc has a
/// size in front of each allocation, and gives multiples of 16 bytes.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

fn taken(layout: Layout) -> usize {
    (layout.size() + size_of::<usize>()).next_multiple_of(16)
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(taken(layout), Ordering::SeqCst);
        // SAFETY: the caller's promises are those that are asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(taken(layout), Ordering::SeqCst);
        // SAFETY: the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Both sides of where the table doubles: 56 is 7 of 8 of 64.
const COUNTS: [usize; 3] = [56, 57, 110];

/// One test: what others allocate meanwhile would count too.
#[test]
fn a_cache_takes_what_it_says_to_a_tenth() {
    let ed25519 = Key::named(Kind::Ed25519, "memory");
    let rsa = Key::named(Kind::Rsa(4096), "memory");
    let letters = |count: usize| json!({"aud": vec!["a"; count]});
    for (what, key, claims) in [
        ("the platform's token", &rsa, json!({})),
        ("a short token", &ed25519, json!({})),
        ("1,024 audiences of one letter", &ed25519, letters(1024)),
        ("1,025 audiences of one letter", &ed25519, letters(1025)),
        ("a token of 8 KB", &ed25519, json!({"sub": "x".repeat(5600)})),
        ("a token of 8 KB, most of it remembered", &ed25519, json!({"aud": "x".repeat(5600)})),
        // Not for this namespace: remembered among the refused.
        ("a refused token", &ed25519, json!({"aud": letters(100)["aud"], "application_claim": []})),
    ] {
        let configuration = json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()});
        let configuration = configuration.to_string();
        let config = Config::from_json(configuration.as_bytes(), &Environment::default()).unwrap();
        let tokens = tokens(key, &claims, COUNTS[2]);
        for count in COUNTS {
            let before = TAKEN.load(Ordering::SeqCst);
            let mut memory = Memory::new(1_000_000);
            for token in &tokens[..count] {
                let presented = Presented::Token(token.as_bytes());
                let now = UnixTime::from_secs(now());
                let _ = config.access.decide(presented.into(), None, &Guest, &mut memory, now);
            }
            let taken = TAKEN.load(Ordering::SeqCst) - before;
            let cache = memory.cache();
            assert_eq!(cache.counts().iter().sum::<usize>(), count, "{what}");
            let ratio = cache.bytes() as f64 / taken as f64;
            let each = [taken / count, cache.bytes() / count];
            assert!((0.95..1.10).contains(&ratio), "{what}, {count}: took, said {each:?}: {ratio}");
        }
    }
}

fn tokens(key: &Key, claims: &Value, count: usize) -> Vec<String> {
    let token = |n: usize| {
        let mut claims = claims_with(claims.clone());
        claims["jti"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
        key.token(&claims)
    };
    (0..count).map(token).collect()
}
