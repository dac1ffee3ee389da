use super::*;
use crate::trust::fixtures::{id, keys, pair, pem, sign, sign_payload};
use crate::trust::log::LogHash;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MICROS: u64 = 1_700_000_000_123_456;

/// A checkpoint with so many revocations, and as large numbers as there will be.
fn checkpoint(recent: usize) -> Checkpoint {
    let recent: Vec<_> = (0..recent).map(|n| TokenHash::of(&n.to_string())).collect();
    let mut log = LogHash::default();
    recent.iter().for_each(|record| log.push(*record));
    Checkpoint {
        issuer: id(1),
        scope: Scope::Namespace(id(2)),
        sequence: MICROS,
        issued: UnixTime::new(Duration::from_micros(MICROS)),
        epoch: MICROS,
        log_length: log.length(),
        log_hash: log.digest(),
        index: Digest::of(b"index"),
        recent,
    }
}

#[test]
fn what_was_signed_is_what_is_read() {
    for recent in [0, 1, 64] {
        let written = checkpoint(recent);
        let read = verify(&sign(&written, &[7]), &keys(&[7])).unwrap();
        assert_eq!(*read.checkpoint(), written);
        assert_eq!(sequence_of_etag(read.etag()), Some(MICROS));
    }
}

#[test]
fn the_largest_checkpoint_with_six_signatures_is_under_4_kilobytes() {
    let mut largest = checkpoint(64);
    largest.log_length = MAX_RECORDS;
    let numbers: Vec<u8> = (1..=6).collect();
    let bytes = sign(&largest, &numbers);
    assert!(bytes.len() < MAX_BYTES, "{}", bytes.len());
    let payload = largest.payload();
    let none = envelope(&payload, &[]);
    let many = envelope(&payload, &[([0; 32], [0; 64]); MAX_SIGNATURES + 1]);
    let long = envelope(&"x".repeat(MAX_BYTES), &[([0; 32], [0; 64])]);
    assert_eq!([none, many, long].map(Result::err), [Some(Refusal::Oversized); 3]);
}

#[test]
fn one_good_signature_by_a_pinned_key_is_enough() {
    let checkpoint = checkpoint(1);
    let refused = Err(Refusal::BadSignature);
    for (signed, pinned, expected) in [
        (&[1][..], &[1][..], Ok(())),
        (&[1, 2], &[1], Ok(())),
        (&[1, 2], &[2], Ok(())),
        (&[2], &[1, 2, 3], Ok(())),
        (&[1], &[2], refused),
        (&[1, 2], &[3, 4], refused),
    ] {
        let found = verify(&sign(&checkpoint, signed), &keys(pinned)).map(|_| ());
        assert_eq!(found, expected, "{signed:?} {pinned:?}");
    }
}

#[test]
fn each_fault_of_the_envelope_has_its_reason() {
    let good = String::from_utf8(sign(&checkpoint(1), &[1])).unwrap();
    let payload = checkpoint(1).payload();
    let other = payload.replace(&MICROS.to_string(), "5");
    let signature_of = |signed: &[u8]| *pair(1).sk.sign(signed, None);
    let with = |payload: &str, signature| envelope(payload, &[(*pair(1).pk, signature)]).unwrap();
    let bare = with(&payload, signature_of(payload.as_bytes()));
    let context = [b"namespace-jwt checkpoint v2\n", payload.as_bytes()].concat();
    let moved = with(&other, signature_of(&signed_bytes(payload.as_bytes())));
    let named = format!("{}", KeyId::of(&pair(1).pk));
    let stranger = format!("{}", KeyId::of(&pair(2).pk));
    let first = good.split_once('[').unwrap().1.strip_suffix("]}").unwrap();
    let nine = good.replace(first, &[first; 9].join(","));
    for (what, bytes, expected) in [
        ("good", good.clone(), Ok(())),
        ("a member of later", good.replacen('{', "{\"later\":[1],", 1), Ok(())),
        ("white space up to the limit", good.clone() + &" ".repeat(MAX_BYTES - good.len()), Ok(())),
        ("and over", good.clone() + &" ".repeat(MAX_BYTES - good.len() + 1), Err("oversized")),
        ("nothing", String::new(), Err("truncated")),
        ("half", good.split_at(good.len() / 2).0.to_owned(), Err("truncated")),
        ("without its last byte", good.trim_end_matches('}').to_owned(), Err("truncated")),
        ("HTML", "<html>".to_owned(), Err("malformed")),
        ("twice", good.clone() + &good, Err("malformed")),
        ("an array", format!("[{good}]"), Err("malformed")),
        ("a member twice", good.replacen('{', "{\"signatures\":[],", 1), Err("malformed")),
        ("padded", good.replace("\",\"signatures", "=\",\"signatures"), Err("malformed")),
        ("no signatures", good.replace("signatures", "others"), Err("malformed")),
        ("an empty list", good.replace(first, ""), Err("bad_signature")),
        ("too many", nine, Err("oversized")),
        ("another key's name", good.replace(&named, &stranger), Err("bad_signature")),
        ("a name in upper case", good.replace(&named, &named.to_uppercase()), Err("malformed")),
        ("no context", bare, Err("bad_signature")),
        ("another context", with(&payload, signature_of(&context)), Err("bad_signature")),
        ("another payload", moved, Err("bad_signature")),
        (
            "a short signature",
            good.replace(first.split_at(first.len() - 6).1, "\"}"),
            Err("bad_signature"),
        ),
    ] {
        let found = verify(bytes.as_bytes(), &keys(&[1])).map(|_| ()).map_err(Refusal::name);
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn each_fault_of_the_payload_has_its_reason_after_the_signature() {
    let good = checkpoint(2).payload();
    let full = checkpoint(64).payload();
    let recent = TokenHash::of("0").to_string();
    let length = |n: u64| good.replace("\"log_length\":2", &format!("\"log_length\":{n}"));
    for (what, payload, expected) in [
        ("good", good.clone(), Ok(())),
        ("all", good.replace(&id(2).to_string(), "all"), Ok(())),
        ("a member of later", good.replacen('{', "{\"later\":{},", 1), Ok(())),
        ("the next version", good.replace("n\":1,", "n\":2,"), Err("unknown_version")),
        ("another form of it", "{\"version\":2}".to_owned(), Err("unknown_version")),
        ("no version", good.replace("\"version\":1,", ""), Err("malformed")),
        ("a text for it", good.replace("n\":1,", "n\":\"1\","), Err("malformed")),
        ("a member twice", good.replacen('{', "{\"epoch\":1,", 1), Err("malformed")),
        ("a negative number", good.replace("\"epoch\":", "\"epoch\":-"), Err("malformed")),
        ("a fraction", good.replace("\"log_length\":2", "\"log_length\":2.0"), Err("malformed")),
        ("the longest log", length(1_000_000), Ok(())),
        ("and longer", length(1_000_001), Err("oversized")),
        ("longer than can be told", length(1 << 32), Err("oversized")),
        ("more in it than the log has", length(1), Err("malformed")),
        (
            "a log of them with another hash",
            good.replace(&recent, "0000000000000000"),
            Err("malformed"),
        ),
        ("a record in upper case", good.replace(&recent, &recent.to_uppercase()), Err("malformed")),
        ("64", full.clone(), Ok(())),
        (
            "65",
            full.replace("_length\":64", "_length\":65")
                .replace(&recent, &format!("{recent}\",\"{recent}")),
            Err("malformed"),
        ),
        ("an id in upper case", good.replace("02020202-", "0202020A-"), Err("malformed")),
        ("no object", "[]".to_owned(), Err("malformed")),
        ("half", good.split_at(good.len() / 2).0.to_owned(), Err("malformed")),
    ] {
        let signed = sign_payload(&payload, &[1]);
        let found = verify(&signed, &keys(&[1])).map(|_| ()).map_err(Refusal::name);
        assert_eq!(found, expected, "{what}");
        // Without the signature nobody is told.
        let found = verify(&signed, &keys(&[2])).map(|_| ());
        assert_eq!(found, Err(Refusal::BadSignature), "{what}");
    }
}

#[test]
fn an_etag_holds_the_sequence_number() {
    let etag = etag(17, b"");
    assert_eq!(etag, "\"17-e3b0c44298fc1c14\"");
    for (etag, expected) in [
        (etag.as_str(), Some(17)),
        ("\"18446744073709551615-e3b0c44298fc1c14\"", Some(u64::MAX)),
        ("\"18446744073709551616-e3b0c44298fc1c14\"", None),
        ("17-e3b0c44298fc1c14", None),
        ("W/\"17-e3b0c44298fc1c14\"", None),
        ("\"-e3b0c44298fc1c14\"", None),
        ("\"+7-e3b0c44298fc1c14\"", None),
        ("\"17-\"", None),
        ("\"17\"", None),
        ("*", None),
        ("", None),
    ] {
        assert_eq!(sequence_of_etag(etag), expected, "{etag}");
    }
}

#[test]
fn only_ed25519_keys_know_an_issuer_and_not_too_many() {
    let (one, p256) = (pem(1), include_str!("../../../tests/keys/ec-p256.pem"));
    let of = |pems: &[&str]| TrustKeys::from_pem(pems.iter().copied()).map(|it| it.ids().count());
    assert_eq!(of(&[&one]), Ok(1));
    assert_eq!(of(&[one.as_str(); 8]), Ok(8));
    assert_eq!(of(&[]), Err(TrustKeyError::Count(0)));
    assert_eq!(of(&[one.as_str(); 9]), Err(TrustKeyError::Count(9)));
    assert_eq!(of(&[&one, p256]), Err(TrustKeyError::Type("EC P-256".to_owned())));
    assert_eq!(of(&[&one, ""]), Err(TrustKeyError::Key(KeyError::NotPem)));
}
