//! Project Wycheproof's signatures through the proxy's crypto, beside the crypto compiled in: the
//! filter's back end runs here, and what it hands to `verify_signature` goes to a real Envoy's.

use namespace_jwt::host_verifier::{HostVerifier, Prepared};
use namespace_jwt_core::config::SignatureVerification;
use namespace_jwt_core::key::{AllowedAlgorithms, KeySet, PublicKey, pem};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use testkit::relay::Relay;
use testkit::wycheproof::{ECDSA, EDDSA, Group, PKCS1, PSS, Set, check};

/// The back end that asks the proxy, and the algorithms that it leaves to the crypto compiled in.
fn host_verifier(
    relay: &Relay,
    choice: SignatureVerification,
    keys: &KeySet,
) -> (impl Backend, Vec<Algorithm>) {
    let call = |arguments: &[u8]| relay.verify_signature(arguments);
    let Prepared { verifier, fallback } =
        HostVerifier::prepare(call, choice, &keys.algorithms(), &[]).unwrap();
    assert_eq!(fallback, None);
    let mut left = keys.algorithms();
    left.retain(|algorithm| !verifier.checks(*algorithm));
    (verifier, left)
}

fn algorithm(set: &Set) -> Algorithm {
    Algorithm::from_name(set.algorithm).unwrap()
}

/// The group's key, if it isn't refused.
fn keys(set: &Set, group: &Group) -> Option<KeySet> {
    let material = pem::public_key(group.keys[0].as_str().unwrap()).ok()?;
    let allowed = AllowedAlgorithms::listed(vec![algorithm(set)]);
    let key = PublicKey::bind(material, None, None, &allowed).ok()?;
    Some(KeySet::new(vec![key]))
}

/// Holds both back ends against what is expected, and one against the other. Returns how many
/// of the signatures the proxy was asked about.
fn compare<'a>(sets: impl IntoIterator<Item = &'a Set>) -> usize {
    let relay = Relay::start();
    let mut differences = Vec::new();
    let mut asked = 0;
    check(sets, |set, group| {
        let keys = keys(set, group)?;
        let key = &keys.keys()[0];
        // The proxy has to prove itself, or this panics.
        let (host, left) = host_verifier(&relay, SignatureVerification::Host, &keys);
        assert_eq!(left, [], "{}", set.name);
        let cases = group.cases.iter().map(|case| {
            let message = Message::new(&case.message);
            let says = |backend: &dyn Backend, signature: &[u8]| {
                backend.verify(key, algorithm(set), &message, signature)
            };
            let before = relay.calls();
            let by_host = says(&host, &case.signature);
            let calls = relay.calls() - before;
            let by_guest = says(&Guest, &case.signature);
            let admitted = by_host == Checked::Good;
            if by_host != by_guest {
                let difference = format!("{} {}: {by_host:?}, {by_guest:?}", set.name, case.id);
                differences.push(difference);
            }
            // Nobody but the proxy admits anything here, and it is asked once.
            assert!(calls <= 1 && calls >= usize::from(admitted), "{} {}", set.name, case.id);
            asked += calls;
            if admitted {
                for other in case.of_other_lengths() {
                    assert_eq!(says(&host, &other), Checked::Bad, "{} {}", set.name, case.id);
                }
            }
            admitted
        });
        Some(cases.collect())
    });
    assert_eq!(differences, Vec::<String>::new(), "the proxy's crypto, and the one compiled in");
    asked
}

#[test]
fn rsassa_pkcs1_v1_5() {
    assert_eq!(compare(&PKCS1), 3873, "all but the five under refused keys");
}

#[test]
fn ecdsa() {
    assert_eq!(compare(&ECDSA), 912, "those that are two numbers of the right size and range");
}

#[test]
fn pss_and_ed25519_stay_with_the_crypto_compiled_in() {
    let relay = Relay::start();
    check(PSS.iter().chain(&EDDSA), |set, group| {
        let keys = keys(set, group)?;
        let (host, left) = host_verifier(&relay, SignatureVerification::Auto, &keys);
        assert_eq!(left, [algorithm(set)], "{}", set.name);
        let cases = group.cases.iter().map(|case| {
            let message = Message::new(&case.message);
            let says = host.verify(&keys.keys()[0], algorithm(set), &message, &case.signature);
            says == Checked::Good
        });
        Some(cases.collect())
    });
    assert_eq!(relay.calls(), 0, "the proxy has no function for these");
}
