use super::*;
use crate::time::UnixTime;
use crate::trust::fixtures::id;
use crate::trust::name::{Digest, Scope};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn records(count: usize) -> Vec<TokenHash> {
    (0..count).map(|n| TokenHash::of(&n.to_string())).collect()
}

fn bytes(records: &[TokenHash]) -> Vec<u8> {
    records.iter().flat_map(|record| record.bytes()).collect()
}

/// A checkpoint of such a log, with the last `recent` of it.
fn checkpoint(records: &[TokenHash], recent: usize) -> Checkpoint {
    let mut log = LogHash::default();
    records.iter().for_each(|record| log.push(*record));
    assert_eq!(log.digest(), Digest::of(&bytes(records)));
    Checkpoint {
        issuer: id(1),
        scope: Scope::All,
        sequence: 1,
        issued: UnixTime::from_secs(1),
        epoch: 1,
        log_length: log.length(),
        log_hash: log.digest(),
        index: Digest::of(b""),
        recent: records[records.len() - recent..].to_vec(),
    }
}

#[test]
fn a_log_comes_in_any_pieces() {
    let records = records(100);
    let bytes = bytes(&records);
    let checkpoint = checkpoint(&records, 0);
    for step in [1, 3, 7, 8, 9, 64, 799, 800] {
        let mut log = Arriving::from_the_start(100);
        for (at, piece) in bytes.chunks(step).enumerate() {
            assert_eq!(log.compare(&checkpoint), Arrival::Unfinished);
            assert_eq!(log.position(), (at * step) as u64);
            assert!(log.append(log.position(), piece, 100));
        }
        assert_eq!(log.compare(&checkpoint), Arrival::Whole, "{step}");
        assert_eq!(log.into_parts().1, records);
    }
}

#[test]
fn what_is_known_or_was_not_signed_is_skipped_and_a_gap_is_refused() {
    let records = records(100);
    let bytes = bytes(&records);
    let checkpoint = checkpoint(&records[..50], 0);
    let mut log = Arriving::from_the_start(50);
    assert!(log.append(0, &bytes[..101], 50));
    assert!(!log.append(102, &bytes[102..], 50));
    assert_eq!(log.position(), 101);
    assert!(log.append(3, &bytes[3..90], 50));
    assert_eq!(log.position(), 101);
    assert!(log.append(0, &bytes, 50));
    assert_eq!((log.position(), log.compare(&checkpoint)), (400, Arrival::Whole));
}

#[test]
fn a_log_that_differs_anywhere_is_another() {
    let records = records(20);
    let checkpoint = checkpoint(&records, 0);
    for at in [0, 7, 80, 159] {
        let mut bytes = bytes(&records);
        bytes[at] ^= 1;
        let mut log = Arriving::from_the_start(20);
        assert!(log.append(0, &bytes, 20));
        assert_eq!(log.compare(&checkpoint), Arrival::Another, "{at}");
    }
}

#[test]
fn what_the_checkpoint_holds_need_not_come() {
    let records = records(100);
    for (known, recent, whole) in [(36, 64, true), (35, 64, false), (99, 1, true), (99, 0, false)] {
        let mut hash = LogHash::default();
        records[..known].iter().for_each(|record| hash.push(*record));
        let mut log = Arriving::after(&hash);
        let checkpoint = checkpoint(&records, recent);
        // A part of the next record doesn't count beside it.
        assert!(log.append(log.position(), &[1, 2, 3], 100));
        log.take_recent(&checkpoint);
        assert_eq!(log.position(), if whole { 800 } else { known as u64 * 8 + 3 });
        let expected = if whole { Arrival::Whole } else { Arrival::Unfinished };
        assert_eq!(log.compare(&checkpoint), expected, "{known} and {recent}");
        assert!(log.goes_on());
        let missing = if whole { 100 - known } else { 0 };
        assert_eq!(log.into_parts().1.len(), missing);
    }
}
