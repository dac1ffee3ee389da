mod tampering;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{KeyId, TrustKeyError};
use uuid::Uuid;

use super::*;
use crate::calendar::LAST;
use crate::model::audit::{AuditRecord, Verb};

const PAGE: &str = include_str!("../../../docs/AUDIT.md");

const SIGNED_AT: UnixTime = UnixTime::new(Duration::from_micros(1_795_000_100_000_000));

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn public(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn id(&self) -> KeyId {
        KeyId::of(&self.public())
    }

    fn pem(&self) -> String {
        // SubjectPublicKeyInfo of id-Ed25519 (RFC 8410 §4).
        let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &self.public()[..]];
        let text = STANDARD.encode(spki.concat());
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    fn keys(&self) -> TrustedKeys {
        TrustedKeys::from_pem(&self.pem()).unwrap()
    }
}

fn record(number: u64) -> AuditRecord {
    let by_request = number.is_multiple_of(2);
    AuditRecord {
        number,
        id: Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)),
        created_at: UnixTime::new(Duration::from_micros(1_795_000_000_000_000 + number)),
        organization_id: Uuid::from_u128(0x0b9c_7c6e_7c1b_4b0e_8a54_0e6a_3c1d_2f10),
        bearer_id: by_request.then(|| Uuid::from_u128(7)),
        access_key: by_request.then(|| "SCWXXXXXXXXXXXXXXXXX".to_owned()),
        address: by_request.then_some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        user_agent: if by_request { "curl/8.5.0" } else { "issuer/0.1.0" }.to_owned(),
        request_id: by_request.then(|| Uuid::from_u128(9)),
        verb: Verb::Created,
        resource_type: "function_token".to_owned(),
        resource_id: Uuid::from_u128(u128::from(number)).to_string(),
    }
}

/// An export of these entries, line by line.
fn lines_of(records: &[AuditRecord], signers: &[&Signer]) -> Vec<String> {
    let mut export = Export::default();
    let mut lines: Vec<_> = records.iter().map(|it| export.entry(it).unwrap()).collect();
    let keys = signers.iter().map(|signer| signer.public()).collect();
    let head = export.head(SIGNED_AT, keys).unwrap();
    let sign = |it: &&Signer| it.0.sign(&head.signed_bytes()).as_ref().try_into().unwrap();
    lines.push(head.line(&signers.iter().map(sign).collect::<Vec<_>>()));
    lines
}

fn lines(entries: u64) -> Vec<String> {
    let records: Vec<_> = (1..=entries).map(record).collect();
    lines_of(&records, &[&Signer::new(1)])
}

fn verify(file: &[u8], keys: TrustedKeys, earlier: Option<Earlier>) -> Result<Verified, Fault> {
    let mut verification = Verification::new(keys, earlier);
    verification.push(file)?;
    verification.finish()
}

fn read(file: impl AsRef<[u8]>) -> Result<Verified, Fault> {
    verify(file.as_ref(), Signer::new(1).keys(), None)
}

fn earlier(file: &str, keys: &TrustedKeys) -> Result<Earlier, Fault> {
    let mut earlier = EarlierExport::default();
    earlier.push(file.as_bytes())?;
    earlier.finish(keys)
}

#[test]
fn a_log_is_right_as_it_was_exported() {
    let verified = read(lines(3).concat()).unwrap();
    let times = (record(1).created_at, record(3).created_at);
    assert_eq!((verified.entries(), verified.times()), (3, Some(times)));
    assert_eq!(verified.signed_at(), SIGNED_AT);
    assert_eq!(verified.signed_by(), [Signer::new(1).id()]);
    assert_eq!(verified.removed(), &Removed::default());

    let empty = read(lines(0).concat()).unwrap();
    assert_eq!((empty.entries(), empty.times()), (0, None));
}

#[test]
fn an_entry_says_the_same_whatever_characters_are_in_it() {
    let mut odd = record(1);
    odd.user_agent = "\"\\\u{0}\u{1f}\n\u{7f}é\u{2028}😀".to_owned();
    odd.resource_type = "a_kind_of_a_later_version".to_owned();
    let lines = lines_of(&[odd.clone(), record(2)], &[&Signer::new(1)]);
    assert!(read(lines.concat()).is_ok());
    let (again, ..) = line::read_entry(lines[0].trim_end().as_bytes()).unwrap();
    assert_eq!(again, odd);
}

#[test]
fn a_log_is_read_in_pieces_of_any_size() {
    let mut broken = lines(3);
    broken.swap(1, 2);
    for file in [lines(3).concat(), broken.concat(), String::new(), "\n".to_owned()] {
        let whole = read(&file);
        for size in [1, 2, 3, 64, 500] {
            let mut verification = Verification::new(Signer::new(1).keys(), None);
            let pushed = file.as_bytes().chunks(size).try_for_each(|it| verification.push(it));
            assert_eq!(pushed.and_then(|()| verification.finish()), whole, "{size}");
        }
    }
    // A line that never ends isn't collected.
    let mut verification = Verification::new(Signer::new(1).keys(), None);
    let piece = [b'x'; 1 << 16];
    let pushed = (0..=MAX_LINE_BYTES / piece.len()).try_for_each(|_| verification.push(&piece));
    let wrong = Wrong::Malformed(Malformation::TooLong);
    assert_eq!(pushed, Err(Fault { line: 1, wrong }));
}

#[test]
fn while_the_key_is_replaced_both_sign_and_each_is_enough() {
    let (old, new) = (Signer::new(1), Signer::new(2));
    let lines = lines_of(&[record(1)], &[&old, &new]);
    let both = TrustedKeys::from_pem(&(old.pem() + &new.pem())).unwrap();
    for (keys, by) in [
        (old.keys(), vec![old.id()]),
        (new.keys(), vec![new.id()]),
        (both, vec![old.id(), new.id()]),
    ] {
        assert_eq!(verify(lines.concat().as_bytes(), keys, None).unwrap().signed_by(), by);
    }
    // Each signature has to be good, also one by a key that isn't known here.
    let signatures: Vec<_> = lines[1].rsplit('"').filter(|it| it.len() == 86).collect();
    for (signature, signer) in signatures.into_iter().zip([&new, &old]) {
        let mut other = signature.to_owned();
        other.replace_range(..1, if signature.starts_with('A') { "B" } else { "A" });
        let changed = lines.concat().replace(signature, &other);
        let fault = verify(changed.as_bytes(), old.keys(), None).unwrap_err();
        assert_eq!(fault, Fault { line: 2, wrong: Wrong::BadSignature(signer.id()) });
    }
}

#[test]
fn an_earlier_export_has_to_be_the_beginning() {
    let keys = Signer::new(1).keys();
    let now = lines(5).concat();
    let follows = |old: &str| verify(now.as_bytes(), keys.clone(), earlier(old, &keys).ok());
    for entries in 0..=5 {
        let old = lines(entries);
        assert!(earlier(&old.concat(), &keys).is_ok());
        assert!(follows(&old.concat()).is_ok(), "{entries}");
        // The last line is enough, with its hash.
        assert!(follows(old.last().unwrap()).is_ok(), "{entries}");
    }
    let mut other: Vec<_> = (1..=3).map(record).collect();
    other[1].user_agent = "another".to_owned();
    let old = lines_of(&other, &[&Signer::new(1)]).concat();
    assert_eq!(follows(&old), Err(Fault { line: 3, wrong: Wrong::Rewritten(3) }));
    let wrong = Wrong::Shorter { earlier: 7, found: 5 };
    assert_eq!(follows(&lines(7).concat()), Err(Fault { line: 6, wrong }));
}

#[test]
fn an_earlier_export_counts_by_its_signed_last_line_alone() {
    let keys = Signer::new(1).keys();
    let foreign = lines_of(&[record(1)], &[&Signer::new(2)]);
    let lacks = Wrong::Malformed(Malformation::Lacks("head"));
    for (file, line, wrong) in [
        (String::new(), 1, lacks.clone()),
        ("\n".to_owned(), 1, lacks.clone()),
        (lines(3)[..3].concat(), 3, lacks.clone()),
        (lines(3).concat() + "\n", 5, lacks),
        (lines(3).concat().trim_end().to_owned(), 4, Wrong::Cut),
        (lines(3)[3].replace(":3,", ":2,"), 1, Wrong::BadSignature(Signer::new(1).id())),
        (foreign.concat(), 2, Wrong::OtherKeys(vec![Signer::new(2).id()])),
    ] {
        assert_eq!(earlier(&file, &keys), Err(Fault { line, wrong }), "{file}");
    }
    // What stands before is proven by the hash of the log that goes on.
    let end = lines(3).remove(3);
    assert_eq!(earlier(&format!("x\n{end}"), &keys), earlier(&lines(3).concat(), &keys));
}

#[test]
fn what_was_removed_from_the_database_is_told_of_a_log_that_is_right_else() {
    let records: Vec<_> = [2, 3, 6, 8].map(record).into();
    let mut export = Export::default();
    records.iter().for_each(|it| drop(export.entry(it).unwrap()));
    let removed = Removed { count: 4, first: Some(1..=1) };
    assert_eq!((export.entries(), export.removed()), (4, &removed));
    let verified = read(lines_of(&records, &[&Signer::new(1)]).concat()).unwrap();
    assert_eq!((verified.entries(), verified.removed()), (4, &removed));
}

#[test]
fn what_no_reader_would_take_is_not_exported() {
    let mut late = record(3);
    late.created_at = UnixTime::from_secs(LAST.since_epoch().as_secs() + 1);
    let why = Malformation::Value("created_at");
    assert_eq!(Export::default().entry(&late), Err(ExportError { number: 3, why }));
    let mut long = record(4);
    long.resource_id = "x".repeat(MAX_LINE_BYTES);
    let why = Malformation::TooLong;
    assert_eq!(Export::default().entry(&long), Err(ExportError { number: 4, why }));
    // The longest id that a request can bring.
    long.resource_id = "x".repeat(1 << 20);
    assert!(read(lines_of(&[long], &[&Signer::new(1)]).concat()).is_ok());
    let key = Signer::new(1).public();
    for keys in [vec![], vec![key; 9]] {
        assert!(Export::default().head(SIGNED_AT, keys).is_none());
    }
    assert!(Export::default().head(late.created_at, vec![key]).is_none());
}

#[test]
fn keys_are_ed25519_in_pem() {
    let key = Signer::new(1).pem();
    let count = |text: &str| TrustedKeys::from_pem(text).map(|_| ()).unwrap_err();
    assert_eq!(count(&key.repeat(9)), TrustKeyError::Count(9));
    assert!(matches!(count(""), TrustKeyError::Key(_)));
    assert!(matches!(count("x"), TrustKeyError::Key(_)));
    let rsa = include_str!("../../../core/tests/keys/ec-p256.pem");
    assert!(matches!(count(rsa), TrustKeyError::Type(_)));
    assert!(TrustedKeys::from_pem(&key.repeat(8)).is_ok());
}

#[test]
fn the_example_on_the_page_is_what_is_exported() {
    let (_, example) = PAGE.split_once("\n## An example\n").unwrap();
    let blocks: Vec<_> = example.split("```").skip(1).step_by(2).collect();
    let text = |n: usize| blocks[n].split_once('\n').unwrap().1;
    assert_eq!(text(0), Signer::new(1).pem());
    assert_eq!(text(1), lines(2).concat());
    assert!(verify(text(1).as_bytes(), TrustedKeys::from_pem(text(0)).unwrap(), None).is_ok());
    assert!(PAGE.contains(&format!("`{}`", start())));
}
