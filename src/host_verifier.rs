//! Signatures checked by the proxy's own crypto, where it has proven that it can.
//!
//! Envoy's foreign function `verify_signature` takes and returns protobuf
//! (`source/extensions/common/wasm/ext/verify_signature.proto`):
//!
//! ```text
//! VerifySignatureArguments { string hash_function = 1; bytes public_key = 2 (SPKI DER);
//!                            bytes signature = 3; bytes text = 4 }
//! VerifySignatureResult    { bool result = 1; string error = 2 }
//! ```
//!
//! It knows RSASSA-PKCS1-v1_5 and ECDSA; other algorithms are left to [`Guest`].

use std::fmt::Display;

use crate::protobuf::append;
use crate::self_test::PROOFS;
use namespace_jwt_core::config::SignatureVerification;
use namespace_jwt_core::key::PublicKey;
use namespace_jwt_core::key::pem;
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::token::Token;
use namespace_jwt_core::verify::{Backend, Checked, Message};

/// The function's name, by which the proxy finds it.
pub const VERIFY_SIGNATURE: &str = "verify_signature";

/// `VerifySignatureResult { result: true }`. No other answer is a yes.
const GOOD: [u8; 2] = [0x08, 0x01];

/// The back end of a configuration. `call` hands the arguments to the proxy's
/// `verify_signature` and returns its answer.
pub struct HostVerifier<F> {
    call: F,
    proven: Vec<Proven>,
}

/// An algorithm that the proxy has proven to verify.
#[derive(Debug, PartialEq)]
struct Proven {
    algorithm: Algorithm,
    /// What it answered to each broken signature. Any other answer is neither yes nor no.
    no: [Vec<u8>; 2],
}

/// What was decided at start, and why.
pub struct Prepared<F> {
    /// The back end.
    pub verifier: HostVerifier<F>,
    /// Why the proxy's crypto isn't used, where it was asked for.
    pub fallback: Option<String>,
}

impl<F, E> HostVerifier<F>
where
    F: Fn(&[u8]) -> Result<Vec<u8>, E>,
    E: Display,
{
    /// Chooses for every algorithm who checks it: for those that are in use, and those that keys
    /// may be for that come later.
    ///
    /// # Errors
    ///
    /// With [`SignatureVerification::Host`]: why the proxy can't check all that are in use.
    pub fn prepare(
        call: F,
        choice: SignatureVerification,
        in_use: &[Algorithm],
        later: &[Algorithm],
    ) -> Result<Prepared<F>, String> {
        let mut verifier = Self { call, proven: Vec::new() };
        if choice == SignatureVerification::Guest {
            return Ok(Prepared { verifier, fallback: None });
        }
        let mut fallback = None;
        let named = |it: &Algorithm| in_use.contains(it) || later.contains(it);
        for algorithm in Algorithm::ALL.into_iter().filter(named) {
            let needed = choice == SignatureVerification::Host && in_use.contains(&algorithm);
            match verifier.prove(algorithm) {
                Ok(no) => verifier.proven.push(Proven { algorithm, no }),
                Err(why) if needed => return Err(why),
                // What the function was never for is no reason to mention it.
                Err(_) if hash_function(algorithm).is_none() => {}
                Err(why) => fallback = Some(why),
            }
        }
        Ok(Prepared { verifier, fallback })
    }

    /// Whether the proxy checks signatures of this kind.
    pub fn checks(&self, algorithm: Algorithm) -> bool {
        self.proven.iter().any(|proven| proven.algorithm == algorithm)
    }

    /// Lets the proxy check a signature that is good, and the same one over other bytes
    /// and with other bytes, and gives what it answered to those two.
    fn prove(&self, algorithm: Algorithm) -> Result<[Vec<u8>; 2], String> {
        let name = algorithm.name();
        let proof = PROOFS.iter().find(|proof| proof.algorithm == algorithm);
        let proof = proof.ok_or(format!("it has no function for {name}"))?;
        let broken = || format!("the proof for {name} can't be read");
        let key = pem::public_key(proof.public_key).map_err(|_| broken())?;
        let token = Token::parse(proof.token.as_bytes()).map_err(|_| broken())?;
        let spki = key.to_spki_der().ok_or_else(broken)?;
        let says = |text: &[u8], signature: &[u8]| {
            let arguments = arguments(&spki, algorithm, text, signature).ok_or_else(broken)?;
            let answer = (self.call)(&arguments);
            answer.map_err(|error| format!("its {VERIFY_SIGNATURE} fails for {name}: {error}"))
        };
        let (text, signature) = (token.signed(), token.signature());
        let mut other_signature = signature.to_vec();
        if let Some(byte) = other_signature.last_mut() {
            *byte ^= 1;
        }
        let other_text = text.split_last().map_or(text, |(_, text)| text);
        if says(text, signature)? != GOOD {
            return Err(format!("its {VERIFY_SIGNATURE} refuses a good {name} signature"));
        }
        let no = [says(other_text, signature)?, says(text, &other_signature)?];
        if no.iter().any(|answer| *answer == GOOD) {
            return Err(format!("its {VERIFY_SIGNATURE} accepts a broken {name} signature"));
        }
        Ok(no)
    }
}

impl<F, E> Backend for HostVerifier<F>
where
    F: Fn(&[u8]) -> Result<Vec<u8>, E>,
{
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Checked {
        let proven = self.proven.iter().find(|it| it.algorithm == algorithm);
        let Some((Proven { no, .. }, spki)) = proven.zip(key.spki_der()) else {
            return Guest.verify(key, algorithm, message, signature);
        };
        let Some(arguments) = arguments(spki, algorithm, message.text(), signature) else {
            return Checked::Bad;
        };
        // A proxy that can't answer now has proven that it could: the token is refused, but
        // that says nothing about it.
        match (self.call)(&arguments) {
            Ok(answer) if answer == GOOD => Checked::Good,
            Ok(answer) if no.contains(&answer) => Checked::Bad,
            _ => Checked::Unanswered,
        }
    }
}

/// The `hash_function` of an algorithm that the function can verify.
fn hash_function(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => Some("sha256"),
        Algorithm::Rs384 | Algorithm::Es384 => Some("sha384"),
        Algorithm::Rs512 => Some("sha512"),
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 | Algorithm::EdDsa => None,
    }
}

/// All the arguments. None where the signature can't be one: JWS has an ECDSA signature as
/// `r || s` of fixed length (RFC 7518 §3.4), the function wants DER (RFC 3279 §2.2.3).
fn arguments(spki: &[u8], algorithm: Algorithm, text: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    // Each field needs at most five bytes beside what it holds, and the first holds six.
    let length = [spki.len(), text.len(), signature.len(), 64].into_iter();
    let mut arguments = Vec::with_capacity(length.fold(0, usize::saturating_add));
    append(&mut arguments, 1, hash_function(algorithm)?.as_bytes());
    append(&mut arguments, 2, spki);
    match algorithm {
        Algorithm::Es256 => {
            let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
            append(&mut arguments, 3, signature.to_der().as_bytes());
        }
        Algorithm::Es384 => {
            let signature = p384::ecdsa::Signature::from_slice(signature).ok()?;
            append(&mut arguments, 3, signature.to_der().as_bytes());
        }
        _ => append(&mut arguments, 3, signature),
    }
    append(&mut arguments, 4, text);
    Some(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::{Field, field};
    use namespace_jwt_core::key::{AllowedAlgorithms, KeySet};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    type Answer = Result<Vec<u8>, &'static str>;
    type Proxy = fn(&[u8]) -> Answer;

    /// The keys and the signatures of the proofs, which are as good as any.
    fn keys() -> KeySet {
        let allowed = AllowedAlgorithms::listed(Algorithm::ALL.to_vec());
        let key = |proof: &crate::self_test::Proof| {
            let material = pem::public_key(proof.public_key).ok().unwrap();
            PublicKey::bind(material, None, Some(proof.algorithm.name()), &allowed).unwrap()
        };
        KeySet::new(PROOFS.iter().map(key).collect())
    }

    /// The fields of a message that has only strings and bytes.
    fn fields(mut message: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut fields = Vec::new();
        while !message.is_empty() {
            let (number, Field::Bytes(bytes)) = field(&mut message).unwrap() else { panic!() };
            fields.push((number, bytes.to_vec()));
        }
        fields
    }

    /// A proxy that does what Envoy does.
    fn honest(arguments: &[u8]) -> Answer {
        let fields = fields(arguments);
        let numbers: Vec<_> = fields.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        let [(_, hash), (_, spki), (_, signature), (_, text)] = <[_; 4]>::try_from(fields).unwrap();
        let keys = keys();
        let key = keys.keys().iter().find(|key| {
            let [algorithm] = key.algorithms() else { panic!() };
            key.material().to_spki_der() == Some(spki.clone())
                && hash_function(*algorithm).unwrap().as_bytes() == hash
        });
        let key = key.unwrap();
        let algorithm = key.algorithms()[0];
        let raw = match algorithm {
            Algorithm::Es256 => p256::ecdsa::Signature::from_der(&signature).unwrap().to_vec(),
            Algorithm::Es384 => p384::ecdsa::Signature::from_der(&signature).unwrap().to_vec(),
            _ => signature,
        };
        match Guest.verify(key, algorithm, &Message::new(&text), &raw) {
            Checked::Good => Ok(GOOD.to_vec()),
            _ => Ok(vec![0x12, 2, b'n', b'o']),
        }
    }

    fn prepare(proxy: Proxy, choice: SignatureVerification) -> Result<Prepared<Proxy>, String> {
        let algorithms: Vec<_> = PROOFS.iter().map(|proof| proof.algorithm).collect();
        HostVerifier::prepare(proxy, choice, &algorithms, &[])
    }

    #[test]
    fn the_proxy_checks_what_it_has_proven() {
        for choice in [SignatureVerification::Auto, SignatureVerification::Host] {
            let Prepared { verifier, fallback } = prepare(honest, choice).ok().unwrap();
            assert_eq!(fallback, None);
            assert!(PROOFS.iter().all(|proof| verifier.checks(proof.algorithm)));
            for (key, proof) in keys().keys().iter().zip(PROOFS) {
                let token = Token::parse(proof.token.as_bytes()).ok().unwrap();
                let says = |text: &[u8], signature: &[u8]| {
                    verifier.verify(key, proof.algorithm, &Message::new(text), signature)
                };
                assert_eq!(says(token.signed(), token.signature()), Checked::Good);
                assert_eq!(says(b"other", token.signature()), Checked::Bad);
                assert_eq!(says(token.signed(), &token.signature()[1..]), Checked::Bad);
                assert_eq!(says(token.signed(), b""), Checked::Bad);
            }
        }
    }

    #[test]
    fn a_proxy_that_fails_its_proof_is_not_asked() {
        let liars: [(Proxy, &str); 6] = [
            (|_| Err("status 1"), "its verify_signature fails for RS256: status 1"),
            (|_| Ok(vec![]), "its verify_signature refuses a good RS256 signature"),
            (|_| Ok(vec![0x08, 0x00]), "its verify_signature refuses a good RS256 signature"),
            (|_| Ok(vec![0x08, 0x02]), "its verify_signature refuses a good RS256 signature"),
            (
                |_| Ok(vec![0x08, 0x01, 0x12, 0]),
                "its verify_signature refuses a good RS256 signature",
            ),
            (|_| Ok(GOOD.to_vec()), "its verify_signature accepts a broken RS256 signature"),
        ];
        for (liar, why) in liars {
            assert_eq!(prepare(liar, SignatureVerification::Host).err().as_deref(), Some(why));
            let auto = prepare(liar, SignatureVerification::Auto).ok().unwrap();
            assert!(auto.fallback.is_some());
            assert!(!Algorithm::ALL.iter().any(|it| auto.verifier.checks(*it)));
            // The module's own crypto does the work.
            for (key, proof) in keys().keys().iter().zip(PROOFS) {
                let token = Token::parse(proof.token.as_bytes()).ok().unwrap();
                let says = |text| {
                    let message = Message::new(text);
                    auto.verifier.verify(key, proof.algorithm, &message, token.signature())
                };
                assert_eq!(says(token.signed()), Checked::Good);
                assert_eq!(says(b"other"), Checked::Bad);
            }
        }
    }

    #[test]
    fn a_proxy_that_fails_later_lets_nobody_in() {
        let Prepared { mut verifier, .. } =
            prepare(honest, SignatureVerification::Auto).ok().unwrap();
        // None of these is what it answered to a broken signature, so none of them is a no.
        let other_error = |_: &[u8]| Ok(vec![0x12, 2, b'o', b'h']);
        for broken in
            [(|_| Err("gone")) as Proxy, |_| Ok(vec![]), |_| Ok(vec![0xff; 9]), other_error]
        {
            verifier.call = broken;
            for (key, proof) in keys().keys().iter().zip(PROOFS) {
                let token = Token::parse(proof.token.as_bytes()).ok().unwrap();
                let message = Message::new(token.signed());
                let answer = verifier.verify(key, proof.algorithm, &message, token.signature());
                assert_eq!(answer, Checked::Unanswered);
            }
        }
    }

    #[test]
    fn what_the_proxy_has_no_function_for_stays_in_the_module() {
        let prepare = |choice, in_use: &[Algorithm], later: &[Algorithm]| {
            HostVerifier::prepare(honest as Proxy, choice, in_use, later)
        };
        let (in_use, auto) = ([Algorithm::EdDsa], SignatureVerification::Auto);
        let Prepared { verifier, fallback } = prepare(auto, &in_use, &[]).ok().unwrap();
        assert_eq!(fallback, None);
        assert!(!verifier.checks(Algorithm::EdDsa));
        let host = prepare(SignatureVerification::Host, &in_use, &[]);
        assert_eq!(host.err().as_deref(), Some("it has no function for EdDSA"));
        // Of keys that may come later the proxy need not be able to check all.
        let later = [Algorithm::EdDsa, Algorithm::Es256];
        let host = prepare(SignatureVerification::Host, &[], &later).ok().unwrap();
        assert!(host.verifier.checks(Algorithm::Es256));
        assert!(!host.verifier.checks(Algorithm::EdDsa));
    }
}
