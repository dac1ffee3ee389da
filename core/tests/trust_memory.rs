//! What 100,000 revocations take from the allocator, while they come and afterwards.

#![cfg(not(target_family = "wasm"))]
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
use std::time::Duration;

use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, TrustKeys};
use namespace_jwt_core::trust::index::{Contents, Objects};
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Id, Scope};
use namespace_jwt_core::trust::state::{LogPart, News, Now, Settings, State, WhenStale};

/// Counts as the module's allocator would: WASI's dlmalloc has a size in front of each
/// allocation, and gives multiples of 16 bytes.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn taken(layout: Layout) -> usize {
    (layout.size() + size_of::<usize>()).next_multiple_of(16)
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = TAKEN.fetch_add(taken(layout), Ordering::SeqCst) + taken(layout);
        PEAK.fetch_max(now, Ordering::SeqCst);
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

const COUNT: u32 = 100_000;
const MEBIBYTE: usize = 1 << 20;

struct Issuer {
    pair: KeyPair,
    objects: Objects,
    log: LogHash,
    recent: Vec<TokenHash>,
}

impl Issuer {
    fn signed(&self, sequence: u64) -> String {
        let checkpoint = Checkpoint {
            issuer: Id::new([1; 16]),
            scope: Scope::All,
            sequence,
            issued: now().clock,
            epoch: 1,
            log_length: self.log.length(),
            log_hash: self.log.digest(),
            index: self.objects.index,
            recent: self.recent.clone(),
        };
        let payload = checkpoint.payload();
        let signature = self.pair.sk.sign(checkpoint::signed_bytes(payload.as_bytes()), None);
        checkpoint::envelope(&payload, &[(*self.pair.pk, *signature)]).unwrap()
    }
}

fn now() -> Now {
    Now { clock: UnixTime::from_secs(1_700_000_000), monotonic: Duration::ZERO }
}

/// One test: what others allocate meanwhile would count too.
#[test]
fn revocations_take_a_mebibyte_at_most_and_one_more_its_own_bytes() {
    let pair = KeyPair::from_seed(Seed::new([7; 32]));
    let records: Vec<_> = (0..COUNT).map(|n| TokenHash::of(&n.to_string())).collect();
    let mut log = LogHash::default();
    records.iter().for_each(|record| log.push(*record));
    let bytes: Vec<_> = records.iter().flat_map(|record| record.bytes()).collect();
    let objects = Contents::default().write(Scope::All).unwrap();
    let mut issuer = Issuer { pair, objects, log, recent: vec![] };
    let settings = Settings {
        scope: Scope::All,
        issuer: None,
        keys: TrustKeys::from_pem([issuer.pair.pk.to_pem().as_str()]).unwrap(),
        max_staleness: Duration::from_secs(300),
        when_stale: WhenStale::Deny,
        static_keys: false,
    };

    let before = TAKEN.load(Ordering::SeqCst);
    PEAK.store(before, Ordering::SeqCst);
    let mut state = State::new(settings, now());
    assert_eq!(state.checkpoint(issuer.signed(1).as_bytes(), now()), Ok(News::Incomplete));
    let index = &issuer.objects.bytes[&issuer.objects.index];
    assert_eq!(state.object(issuer.objects.index, index, now()), Ok(News::Incomplete));
    // As a filter reads a body, a part after the other.
    const PART: usize = 64 * 1024;
    let mut news = News::Incomplete;
    for (at, part) in bytes.chunks(PART).enumerate() {
        let part = part.to_vec();
        let from = (at * PART) as u64;
        news = state.log(LogPart { epoch: 1, from, bytes: &part, last: false }, now()).unwrap();
    }
    assert_eq!(news, News::Complete);
    let peak = PEAK.load(Ordering::SeqCst) - before;
    assert!(peak <= MEBIBYTE, "{peak} bytes at the peak");

    // One at a time, as they come.
    let loaded = TAKEN.load(Ordering::SeqCst);
    PEAK.store(loaded, Ordering::SeqCst);
    let more = 1000;
    for n in 0..more {
        let record = TokenHash::of(&format!("more {n}"));
        issuer.log.push(record);
        issuer.recent = vec![record];
        let signed = issuer.signed(2 + n);
        assert_eq!(state.checkpoint(signed.as_bytes(), now()), Ok(News::Complete));
    }
    assert_eq!(state.revocations(), (u64::from(COUNT) + more) as usize);
    let each = (TAKEN.load(Ordering::SeqCst) - loaded) / more as usize;
    let peak = PEAK.load(Ordering::SeqCst) - loaded;
    assert!(each <= 32, "{each} bytes for one more");
    assert!(peak <= 64 * 1024, "{peak} bytes at the peak for one more");
}
