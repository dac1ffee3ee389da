//! Keys, as PEM and as JWK: one that is accepted is what it says, and can't be fooled.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::key::jwk;
use namespace_jwt_core::key::pem;
use namespace_jwt_core::key::{AllowedAlgorithms, KeyError, Material, PublicKey};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use namespace_jwt_fuzz::keys::pem as pem_block;
use rsa::BigUint;
use rsa::pkcs1::{RsaPublicKey, UintRef};
use rsa::pkcs8::SubjectPublicKeyInfoRef;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        check_material(pem::public_key(text));
    }
    // The same bytes as DER, past the base64 that hides it from the fuzzer.
    for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
        check_material(pem::public_key(&pem_block(label, bytes)));
    }
    if let Ok(jwk) = serde_json::from_slice::<Value>(bytes) {
        check_jwk(&jwk);
    }
});

fn check_material(read: Result<Material, KeyError>) {
    let material = match read {
        Ok(material) => material,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if let Some(spki) = material.to_spki_der() {
        let again = pem::public_key(&pem_block("PUBLIC KEY", &spki)).expect("its own SPKI");
        assert_eq!(again.describe(), material.describe());
        assert_eq!(again.to_spki_der().as_ref(), Some(&spki));
        if let Material::Rsa(_) = material {
            // Read by its form alone: the rsa crate's own type ends at 4096 bits.
            let info = SubjectPublicKeyInfoRef::try_from(&spki[..]).expect("an SPKI");
            let key = RsaPublicKey::try_from(info.subject_public_key.raw_bytes());
            let key = key.expect("an RSA key");
            let number = |it: UintRef<'_>| BigUint::from_bytes_be(it.as_bytes());
            let (n, e) = (number(key.modulus), number(key.public_exponent));
            assert!((2048..=8192).contains(&n.bits()), "{} bits", n.bits());
            let odd = |number: &BigUint| number.to_bytes_le().first().is_some_and(|it| it & 1 == 1);
            assert!(odd(&n) && odd(&e) && e >= BigUint::from(65537_u32), "{e}");
        }
    }
}

fn check_jwk(jwk: &Value) {
    let key = match jwk::public_key(jwk, &every_algorithm()) {
        Ok(key) => key,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for private in ["d", "k"] {
        assert_eq!(jwk.get(private), None, "a private key");
    }
    assert_eq!(key.id(), jwk.get("kid").and_then(Value::as_str));
    assert!(!key.algorithms().is_empty());
    if let Some(declared) = jwk.get("alg") {
        assert_eq!(key.algorithms().iter().map(|it| it.name()).collect::<Vec<_>>(), [declared]);
    }
    check_material(Ok(key.material().clone()));
    assert_unfooled(&key);
}

fn every_algorithm() -> AllowedAlgorithms {
    AllowedAlgorithms::listed(Algorithm::ALL.to_vec())
}

/// No signature that anybody can write down is the key's. (A point of small order would
/// make one so, and an exponent of 1.)
fn assert_unfooled(key: &PublicKey) {
    let length = match key.material() {
        // A large modulus makes the fuzzer slow and nothing else.
        Material::Rsa(key) if key.bits() > 3072 => return,
        Material::Rsa(key) => key.bits().div_ceil(8),
        Material::P256(_) | Material::Ed25519(_) => 64,
        Material::P384(_) => 96,
    };
    let with = |place: usize, byte: u8| {
        let mut signature = vec![0; length];
        signature[place] = byte;
        signature
    };
    for signature in [
        with(0, 0),
        with(0, 1),
        with(length - 1, 1),
        with(length / 2 - 1, 0x80),
        vec![0xff; length],
        Vec::new(),
    ] {
        for algorithm in Algorithm::ALL {
            let fooled = Guest.verify(key, algorithm, &Message::new(b"message"), &signature);
            assert_eq!(fooled, Checked::Bad, "{} by {signature:?}", algorithm.name());
        }
    }
}
