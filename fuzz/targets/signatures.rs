//! Signatures: the crypto compiled in, and the proxy's asked in its own terms, say the same.
//!
//! The proxy's is played by `ring`, which like Envoy's comes from BoringSSL. The first byte
//! of the input chooses a token that is good, the second how it is broken, the rest how far.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt::host_verifier::{HostVerifier, Prepared};
use namespace_jwt::self_test::{PROOFS, Proof};
use namespace_jwt_core::config::SignatureVerification;
use namespace_jwt_core::key::{KeySet, PublicKey};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::token::Token;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use namespace_jwt_fuzz::proxy;

struct Parties {
    keys: KeySet,
    proxy: HostVerifier<fn(&[u8]) -> Result<Vec<u8>, &'static str>>,
}

/// One key for each proof, bound to its algorithm alone.
static PARTIES: LazyLock<Parties> = LazyLock::new(|| {
    let keys = KeySet::new(PROOFS.iter().map(key).collect());
    let call = proxy::verify_signature as fn(&[u8]) -> Result<Vec<u8>, &'static str>;
    let Ok(Prepared { verifier, fallback: None }) =
        HostVerifier::prepare(call, SignatureVerification::Host, &keys.algorithms(), &[])
    else {
        panic!("the proxy doesn't prove itself")
    };
    Parties { keys, proxy: verifier }
});

fn key(proof: &Proof) -> PublicKey {
    let config = serde_json::json!({
        "namespace_id": "n", "public_key": proof.public_key,
        "algorithms": [proof.algorithm.name()],
    });
    let config = namespace_jwt_core::config::Config::from_json(
        config.to_string().as_bytes(),
        &namespace_jwt_core::config::Environment::default(),
    );
    match config.expect("a good configuration").access {
        namespace_jwt_core::access::Access::Private(private) => private.keys.keys()[0].clone(),
        namespace_jwt_core::access::Access::Public => unreachable!(),
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let [choice, how, rest @ ..] = input else { return Corpus::Reject };
    let Parties { keys, proxy } = &*PARTIES;
    let place = usize::from(*choice) % PROOFS.len();
    let proof = &PROOFS[place];
    let token = Token::parse(proof.token.as_bytes()).ok().expect("a good token");
    let mut text = token.signed().to_vec();
    let mut signature = token.signature().to_vec();
    match how % 6 {
        0 => signature = rest.to_vec(),
        1 => change(&mut signature, rest),
        2 => change(&mut text, rest),
        3 => signature.extend(rest),
        4 => signature.truncate(rest.len()),
        _ => negate_s(proof.algorithm, &mut signature),
    }
    let key = &keys.keys()[place];
    let message = Message::new(&text);
    let guest = Guest.verify(key, proof.algorithm, &message, &signature) == Checked::Good;
    let host = proxy.verify(key, proof.algorithm, &message, &signature) == Checked::Good;
    assert_eq!(guest, host, "{} over {text:x?}: {signature:x?}", proof.algorithm.name());
    let same = text == token.signed() && signature == token.signature();
    // ECDSA has two signatures of everything: `s` and `n - s`.
    assert!(!guest || same || how % 6 == 5, "a forged {}", proof.algorithm.name());
    assert!(guest || !same, "a good {} refused", proof.algorithm.name());
    Corpus::Keep
});

/// Turns those bits that are set, the bytes counted from the end.
fn change(bytes: &mut [u8], bits: &[u8]) {
    bytes.iter_mut().rev().zip(bits).for_each(|(byte, bits)| *byte ^= bits);
}

fn negate_s(algorithm: Algorithm, signature: &mut Vec<u8>) {
    match algorithm {
        Algorithm::Es256 => {
            let good = p256::ecdsa::Signature::from_slice(signature).expect("a good signature");
            let (r, s) = good.split_scalars();
            let other = p256::ecdsa::Signature::from_scalars(*r, -*s).expect("good scalars");
            *signature = other.to_vec();
        }
        Algorithm::Es384 => {
            let good = p384::ecdsa::Signature::from_slice(signature).expect("a good signature");
            let (r, s) = good.split_scalars();
            let other = p384::ecdsa::Signature::from_scalars(*r, -*s).expect("good scalars");
            *signature = other.to_vec();
        }
        _ => {}
    }
}
