//! An exported audit log that somebody changed: it is found unless nothing is changed, in whatever
//! pieces it comes, and no bytes stop the reader.
//!
//! The first byte of the input chooses what the rest is: a whole file; an entry's line after which
//! the honest head comes; or changes of an honest log, each of a place in two bytes, what is done
//! there, and a byte. The second says in pieces of how many bytes the file comes.

#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_fuzz::keys::Signer;
use namespace_jwt_issuer::audit::{
    EarlierExport, Export, Fault, TrustedKeys, Verification, Verified,
};
use namespace_jwt_issuer::model::audit::{AuditRecord, Verb};

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

static KEYS: LazyLock<TrustedKeys> =
    LazyLock::new(|| TrustedKeys::from_pem(&SIGNER.public_pem()).expect("an Ed25519 key"));

/// Three entries, and the head.
static HONEST: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut export = Export::default();
    let mut lines: Vec<_> =
        (1..=3).map(|number| export.entry(&record(number)).expect("a short entry")).collect();
    let key = *SIGNER.public().first_chunk().expect("32 bytes");
    let head = export.head(UnixTime::from_secs(1_800_000_000), vec![key]).expect("a key");
    let signature = SIGNER.sign(&head.signed_bytes());
    lines.push(head.line(&[signature]));
    lines
});

fn record(number: u64) -> AuditRecord {
    let id = format!("00000000-0000-7000-8000-{number:012}").parse().expect("a UUID");
    AuditRecord {
        number,
        id,
        created_at: UnixTime::new(Duration::from_micros(1_700_000_000_000_000 + number)),
        organization_id: id,
        bearer_id: (number == 2).then_some(id),
        access_key: (number == 2).then(|| "SCW".to_owned()),
        address: (number == 2).then(|| [127, 0, 0, 1].into()),
        user_agent: "a \"client\"".to_owned(),
        request_id: (number == 2).then_some(id),
        verb: Verb::Created,
        resource_type: "function_token".to_owned(),
        resource_id: "ü".to_owned(),
    }
}

fn verify(file: &[u8], piece: usize) -> Result<Verified, Fault> {
    let mut log = Verification::new(KEYS.clone(), None);
    file.chunks(piece).try_for_each(|piece| log.push(piece))?;
    log.finish()
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let [how, piece, rest @ ..] = input else { return Corpus::Reject };
    let honest = HONEST.concat().into_bytes();
    let file = match how % 3 {
        0 => rest.to_vec(),
        1 => [rest, b"\n", HONEST[3].as_bytes()].concat(),
        _ => {
            let mut file = honest.clone();
            for change in rest.chunks_exact(4) {
                let [a, b, what, byte] = *change else { continue };
                let at = usize::from(u16::from_be_bytes([a, b])) % (file.len() + 1);
                match what % 4 {
                    0 if at < file.len() => file[at] = byte,
                    1 if at < file.len() => drop(file.remove(at)),
                    2 => file.insert(at, byte),
                    3 => file.truncate(at),
                    _ => {}
                }
            }
            file
        }
    };
    let verdict = verify(&file, file.len().max(1));
    // Nobody else has the key.
    assert_eq!(verdict.is_ok(), file == honest, "{verdict:?}");
    assert_eq!(verdict, verify(&file, usize::from(*piece).max(1)));
    if let Err(fault) = &verdict {
        assert!(!fault.to_string().is_empty() && fault.line > 0);
    }
    let mut earlier = EarlierExport::default();
    let read = earlier.push(&file).and_then(|()| earlier.finish(&KEYS));
    // By its last line, whatever stands before.
    let end = [b"\n", HONEST[3].as_bytes()].concat();
    assert_eq!(read.is_ok(), file.ends_with(&end) || file == end[1..], "{read:?}");
    Corpus::Keep
});
