//! Checkpoints: bytes that nobody signed are never taken; what is signed is read as it says, and
//! written again it says the same.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::trust::checkpoint::{TrustKeys, sequence_of_etag, verify};
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_fuzz::keys::Signer;
use namespace_jwt_fuzz::trust;
use testkit::contract::json::Json;

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);
static KEYS: LazyLock<TrustKeys> = LazyLock::new(|| trust::keys(&SIGNER));

fuzz_target!(|bytes: &[u8]| {
    // As an envelope: only one of the seeds was signed, and a payload that isn't its own isn't.
    if let Ok(verified) = verify(bytes, &KEYS) {
        assert_eq!(verified.checkpoint().sequence, 42);
    }
    // As a payload that the issuer signed.
    let Ok(payload) = std::str::from_utf8(bytes) else { return };
    let Some(signed) = trust::sign(&SIGNER, payload) else { return };
    let read = Json::read_distinct_object(bytes);
    let verified = match verify(&signed, &KEYS) {
        Ok(verified) => verified,
        Err(refusal) => {
            assert_ne!(refusal, Refusal::BadSignature);
            assert!(refusal != Refusal::UnknownVersion || read.is_some());
            return;
        }
    };
    let read = read.expect("a payload that is no object, or has a member twice");
    let text = |name| read.get(name).and_then(Json::as_str).expect("a text");
    let checkpoint = verified.checkpoint();
    assert_eq!(checkpoint.issuer.to_string(), text("issuer"));
    assert_eq!(checkpoint.scope.to_string(), text("scope"));
    assert_eq!(checkpoint.index.to_string(), text("index"));
    assert_eq!(checkpoint.log_hash.to_string(), text("log_hash"));
    assert_eq!(sequence_of_etag(verified.etag()), Some(checkpoint.sequence));
    let again = trust::sign(&SIGNER, &checkpoint.payload()).expect("no longer than it was");
    let again = verify(&again, &KEYS).expect("what is written is read");
    assert_eq!(again.checkpoint(), checkpoint);
});
