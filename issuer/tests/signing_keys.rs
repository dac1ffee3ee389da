//! Private keys: what is read, what is refused, and what is written.

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

use std::thread;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::signing::keys::{KeyType, RsaSize, SigningKey, SigningKeyError};
use namespace_jwt_issuer::signing::mint::{Resource, TokenRequest, mint};
use pkcs1::{RsaPrivateKeyRef, UintRef};
use pkcs8::der::asn1::BitStringRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, Encode, SecretDocument};
use pkcs8::{PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use sec1::EcPrivateKey;

const KEY_TYPES: [KeyType; 4] =
    [KeyType::Rsa(RsaSize::Bits2048), KeyType::P256, KeyType::P384, KeyType::Ed25519];

#[test]
fn a_key_that_was_stored_is_the_same_key() {
    for key_type in KEY_TYPES {
        let key = SigningKey::generate(key_type).unwrap();
        assert_eq!(key.key_type(), key_type);
        let document = key.to_pkcs8_der().unwrap();
        for read in [
            SigningKey::from_pkcs8_der(&document).unwrap(),
            SigningKey::from_pem(&key.private_pem().unwrap()).unwrap(),
        ] {
            assert_eq!(read.key_type(), key_type);
            assert_eq!(read.algorithm(), key.algorithm(), "{key_type:?}");
            assert_eq!(read.public_pem(), key.public_pem(), "{key_type:?}");
            assert_eq!(read.to_pkcs8_der().unwrap(), document, "{key_type:?}");
        }
    }
}

#[test]
fn a_key_that_is_cut_or_has_more_behind_it_is_refused() {
    for key_type in KEY_TYPES {
        let mut document = SigningKey::generate(key_type).unwrap().to_pkcs8_der().unwrap().to_vec();
        for length in 0..document.len() {
            let error = SigningKey::from_pkcs8_der(&document[..length]).err();
            assert_eq!(error, Some(SigningKeyError::Unusable), "{key_type:?}: {length}");
        }
        document.push(0);
        assert!(SigningKey::from_pkcs8_der(&document).is_err(), "{key_type:?}");
    }
}

#[test]
fn the_public_key_of_version_2_is_left_out() {
    for key_type in KEY_TYPES {
        let key = SigningKey::generate(key_type).unwrap();
        let document = key.to_pkcs8_der().unwrap();
        let public = SecretDocument::from_pem(&key.public_pem().unwrap()).unwrap().1;
        let spki = SubjectPublicKeyInfoRef::from_der(public.as_bytes());
        let bits = match &spki {
            Ok(spki) => spki.subject_public_key.raw_bytes(),
            // An RSA key's is published as what stands in its SPKI.
            Err(_) => public.as_bytes(),
        };
        let mut info = PrivateKeyInfoRef::from_der(&document).unwrap();
        info.public_key = Some(BitStringRef::from_bytes(bits).unwrap());
        let version_2 = info.to_der().unwrap();
        assert!(version_2.len() > document.len());
        let read = SigningKey::from_pkcs8_der(&version_2).unwrap();
        assert_eq!(read.to_pkcs8_der().unwrap(), document, "{key_type:?}");
    }
}

#[test]
fn rsa_keys_of_2048_to_4096_bits_and_the_exponent_65537_are_read() {
    let error = |pem: &str| SigningKey::from_pem(pem).err().unwrap();
    let key = SigningKey::from_pem(include_str!("issuer/keys/rsa-2050.pem")).unwrap();
    let size = RsaSize::Other(2050);
    assert_eq!((key.key_type(), size.bits()), (KeyType::Rsa(size), 2050));
    let request = TokenRequest::new(Resource::Namespace("n".to_owned()), None);
    mint(&key, &request, UnixTime::from_secs(1)).unwrap();
    assert_eq!(SigningKey::generate(key.key_type()).err(), Some(SigningKeyError::RsaSize));

    assert_eq!(error(include_str!("issuer/keys/rsa-1024.pem")), SigningKeyError::RsaSize);
    assert_eq!(error(include_str!("issuer/keys/rsa-4104.pem")), SigningKeyError::RsaSize);
    assert_eq!(error(include_str!("issuer/keys/rsa-exponent-3.pem")), SigningKeyError::Unusable);
}

/// As Java writes a key whose other numbers it doesn't have.
#[test]
fn an_rsa_key_without_exponent_and_primes_is_refused() {
    let key = SigningKey::from_pem(include_str!("issuer/keys/rsa-2048-pkcs8.pem")).unwrap();
    let document = key.to_pkcs8_der().unwrap();
    let info = PrivateKeyInfoRef::from_der(&document).unwrap();
    let whole = RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).unwrap();
    let zero = UintRef::new(&[0]).unwrap();
    let stripped = RsaPrivateKeyRef {
        modulus: whole.modulus,
        public_exponent: zero,
        private_exponent: whole.private_exponent,
        prime1: zero,
        prime2: zero,
        exponent1: zero,
        exponent2: zero,
        coefficient: zero,
        other_prime_infos: None,
    };
    let error = SigningKey::from_pem(&pem("RSA PRIVATE KEY", &stripped)).err();
    assert_eq!(error, Some(SigningKeyError::Unusable));
    assert!(SigningKey::from_pem(&pem("RSA PRIVATE KEY", &whole)).is_ok());
}

#[test]
fn an_ec_key_without_the_curves_name_is_known_by_its_length() {
    for key_type in [KeyType::P256, KeyType::P384] {
        let key = SigningKey::generate(key_type).unwrap();
        let document = key.to_pkcs8_der().unwrap();
        let info = PrivateKeyInfoRef::from_der(&document).unwrap();
        let named = EcPrivateKey::from_der(info.private_key.as_bytes()).unwrap();
        for public_key in [named.public_key, None] {
            let nameless = EcPrivateKey { parameters: None, public_key, ..named.clone() };
            let read = SigningKey::from_pem(&pem("EC PRIVATE KEY", &nameless)).unwrap();
            assert_eq!(read.key_type(), key_type);
            assert_eq!(read.public_pem(), key.public_pem(), "{key_type:?}");
        }
    }
    // As a number, each of these is one that P-384 has.
    for length in [0, 1, 31, 32, 33, 47, 49] {
        let mut private_key = vec![0xff; length];
        private_key[..length.saturating_sub(47)].fill(0);
        let nameless =
            EcPrivateKey { private_key: &private_key, parameters: None, public_key: None };
        let error = SigningKey::from_pem(&pem("EC PRIVATE KEY", &nameless)).err();
        assert_eq!(error, Some(SigningKeyError::Unusable), "{length}");
    }
}

#[test]
fn threads_sign_with_one_key_at_the_same_time() {
    for key_type in KEY_TYPES {
        let key = SigningKey::generate(key_type).unwrap();
        let request = TokenRequest::new(Resource::Namespace("n".to_owned()), None);
        let mint = || mint(&key, &request, UnixTime::from_secs(1)).unwrap();
        let tokens: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(mint)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // Those of ECDSA are random.
        if matches!(key_type, KeyType::Rsa(_) | KeyType::Ed25519) {
            assert!(tokens.iter().all(|token| *token == tokens[0]), "{key_type:?}");
        }
    }
}

fn pem(label: &'static str, document: &impl Encode) -> String {
    let document = SecretDocument::try_from(document.to_der().unwrap()).unwrap();
    document.to_pem(label, LineEnding::LF).unwrap().to_string()
}
