//! Project Wycheproof's signatures through the crypto compiled in.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use namespace_jwt_core::key::{AllowedAlgorithms, KeyError, PublicKey, jwk, pem};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use serde_json::Value;
use testkit::wycheproof::{ECDSA, EDDSA, Group, PKCS1, PSS, Set, check};

fn public_key(form: &Value, algorithm: Algorithm) -> Result<PublicKey, KeyError> {
    let allowed = AllowedAlgorithms::listed(vec![algorithm]);
    match form {
        Value::String(text) => PublicKey::bind(pem::public_key(text)?, None, None, &allowed),
        jwk => jwk::public_key(jwk, &allowed),
    }
}

/// Whether each case is admitted under the key in each of its forms.
fn judge(set: &Set, group: &Group) -> Option<Vec<bool>> {
    let algorithm = Algorithm::from_name(set.algorithm).unwrap();
    let keys: Vec<_> = group.keys.iter().map(|form| public_key(form, algorithm)).collect();
    let refused = keys.iter().filter(|key| key.is_err()).count();
    assert!(refused == 0 || refused == keys.len(), "{}: {:?}", set.name, group.keys);
    let keys = keys.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
    let admits = |key: &PublicKey, message: &[u8], signature: &[u8]| match Guest.verify(
        key,
        algorithm,
        &Message::new(message),
        signature,
    ) {
        Checked::Good => true,
        Checked::Bad => false,
        Checked::Unanswered => panic!("it has always an answer"),
    };
    let cases = group.cases.iter().map(|case| {
        let verdicts: Vec<_> =
            keys.iter().map(|key| admits(key, &case.message, &case.signature)).collect();
        let admitted = verdicts.contains(&true);
        assert!(!admitted || !verdicts.contains(&false), "{} {}: {verdicts:?}", set.name, case.id);
        admitted
    });
    Some(cases.collect())
}

#[test]
fn rsassa_pkcs1_v1_5() {
    check(&PKCS1, judge);
}

#[test]
fn rsassa_pss() {
    check(&PSS, judge);
}

#[test]
fn ecdsa() {
    check(&ECDSA, judge);
}

#[test]
fn ed25519() {
    check(&EDDSA, judge);
}

/// Wycheproof has few that are longer or shorter.
#[test]
fn a_good_signature_of_another_length_is_bad() {
    let mut signatures = 0;
    for set in PKCS1.iter().chain(&PSS).chain(&ECDSA).chain(&EDDSA) {
        let algorithm = Algorithm::from_name(set.algorithm).unwrap();
        for group in set.groups().iter().filter(|group| group.refused.is_none()) {
            let key = public_key(&group.keys[0], algorithm).unwrap();
            for case in group.cases.iter().filter(|case| case.admitted) {
                signatures += 1;
                for signature in case.of_other_lengths() {
                    let says =
                        Guest.verify(&key, algorithm, &Message::new(&case.message), &signature);
                    assert_eq!(says, Checked::Bad, "{} {}", set.name, case.id);
                }
            }
        }
    }
    assert_eq!(signatures, 1056);
}
