//! Signatures checked by the crypto compiled in.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Sha256, Sha384, Sha512};

use crate::key::{Material, PublicKey};
use crate::signature::Algorithm;
use crate::verify::{Backend, Checked, Message};

/// The back end that needs nothing from the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Guest;

impl Backend for Guest {
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Checked {
        Checked::of(match (key.material(), algorithm) {
            (Material::Rsa(key), Algorithm::Rs256) => {
                key.verifies_pkcs1v15::<Sha256>(message.sha256(), signature)
            }
            (Material::Rsa(key), Algorithm::Rs384) => {
                key.verifies_pkcs1v15::<Sha384>(message.sha384(), signature)
            }
            (Material::Rsa(key), Algorithm::Rs512) => {
                key.verifies_pkcs1v15::<Sha512>(message.sha512(), signature)
            }
            (Material::Rsa(key), Algorithm::Ps256) => {
                key.verifies_pss::<Sha256>(message.sha256(), signature)
            }
            (Material::Rsa(key), Algorithm::Ps384) => {
                key.verifies_pss::<Sha384>(message.sha384(), signature)
            }
            (Material::Rsa(key), Algorithm::Ps512) => {
                key.verifies_pss::<Sha512>(message.sha512(), signature)
            }
            // From here: the lengths that RFC 7518 §3.4 and RFC 8032 §5.1.6 fix are checked
            // by `from_slice`.
            (Material::P256(key), Algorithm::Es256) => {
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_prehash(message.sha256(), &signature).is_ok())
            }
            (Material::P384(key), Algorithm::Es384) => {
                p384::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_prehash(message.sha384(), &signature).is_ok())
            }
            (Material::Ed25519(key), Algorithm::EdDsa) => {
                ed25519_compact::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message.text(), &signature).is_ok())
            }
            _ => false,
        })
    }
}
