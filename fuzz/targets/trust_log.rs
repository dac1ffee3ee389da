//! A log that comes in any pieces from anywhere: it is in use exactly if it is what was signed.
//!
//! The first byte of the input says how many of the records that follow were signed; the next
//! how many are in the checkpoint; then come pieces, each of an offset and a length in two bytes.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::trust::index::{Contents, Objects};
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::Scope;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{LogPart, News, Standing};
use namespace_jwt_fuzz::keys::Signer;
use namespace_jwt_fuzz::trust;

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);
static NOTHING: LazyLock<Objects> =
    LazyLock::new(|| Contents::default().write(Scope::All).expect("an index"));

fuzz_target!(|input: &[u8]| {
    let Some(([count, recent], pieces)) = input.split_first_chunk() else { return };
    let records: Vec<_> = (0..*count).map(|n| TokenHash::of(&n.to_string())).collect();
    let bytes: Vec<u8> = records.iter().flat_map(|record| record.bytes()).collect();
    let mut checkpoint = trust::checkpoint(1, 1, &records, NOTHING.index);
    let recent = usize::from(*recent).min(64).min(records.len());
    checkpoint.recent = records[records.len() - recent..].to_vec();
    // What is signed in it is the log's end, and the log's whole if it is all there.
    let signed = trust::sign(&SIGNER, &checkpoint.payload()).expect("a short checkpoint");
    let (mut state, now) = (trust::state(&SIGNER), trust::at(0));
    let taken = state.checkpoint(&signed, now);
    if records.is_empty() && taken.is_err() {
        panic!("an empty log is refused: {taken:?}");
    }
    let index = &NOTHING.bytes[&NOTHING.index];
    let mut news = state.object(NOTHING.index, index, now).expect("the index");
    let (mut honest, mut reached) = (true, 0_usize);
    for piece in pieces.chunks_exact(4) {
        let [a, b, c, d] = *piece else { continue };
        let from = usize::from(u16::from_be_bytes([a, b])) % (bytes.len() + 1);
        let length = usize::from(c).min(bytes.len() - from);
        let mut part = bytes[from..from + length].to_vec();
        // Seldom one byte is another.
        if d == 0xff && !part.is_empty() {
            part[0] ^= 1;
            honest = false;
        }
        let part = LogPart { epoch: 1, from: from as u64, bytes: &part, last: d & 1 == 1 };
        match state.log(part, now) {
            Ok(found) if news != News::Complete => news = found,
            Ok(found) => assert_eq!(found, News::Unneeded),
            Err(Refusal::BadHash) => assert!(!honest, "what was signed is refused"),
            Err(refusal) => assert_eq!(refusal, Refusal::Truncated),
        }
        if from <= reached {
            reached = reached.max(from + length);
        }
    }
    if honest && reached == bytes.len() {
        assert!(matches!(news, News::Complete), "all of it came");
    }
    if let Standing::Known(view) = state.standing(now) {
        assert_eq!(view.revocations(), records.len());
        let revoked = |hash| view.lists(hash);
        assert!(records.iter().all(|hash| revoked(*hash)));
        assert!(!revoked(TokenHash::of("another")));
    }
});
