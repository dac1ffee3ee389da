//! Signatures checked by the crypto compiled in.

use p256::ecdsa::signature::Verifier;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::{Pss, RsaPublicKey};

use crate::key::{Material, PublicKey};
use crate::signature::{Algorithm, Backend};

/// The back end that needs nothing from the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Guest;

impl Backend for Guest {
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        match (key.material(), algorithm) {
            (Material::Rsa(key), Algorithm::Rs256) => pkcs1v15::<Sha256>(key, message, signature),
            (Material::Rsa(key), Algorithm::Rs384) => pkcs1v15::<Sha384>(key, message, signature),
            (Material::Rsa(key), Algorithm::Rs512) => pkcs1v15::<Sha512>(key, message, signature),
            (Material::Rsa(key), Algorithm::Ps256) => pss::<Sha256>(key, message, signature),
            (Material::Rsa(key), Algorithm::Ps384) => pss::<Sha384>(key, message, signature),
            (Material::Rsa(key), Algorithm::Ps512) => pss::<Sha512>(key, message, signature),
            // From here: the lengths that RFC 7518 §3.4 and RFC 8032 §5.1.6 fix are checked
            // by `from_slice`.
            (Material::P256(key), Algorithm::Es256) => {
                p256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (Material::P384(key), Algorithm::Es384) => {
                p384::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (Material::Ed25519(key), Algorithm::EdDsa) => {
                ed25519_compact::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            _ => false,
        }
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2): the whole padded block is compared, and a
/// signature that isn't exactly the modulus's length, or not below it, is refused.
fn pkcs1v15<D>(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool
where
    D: Digest + rsa::pkcs8::AssociatedOid,
{
    key.verify(Pkcs1v15Sign::new::<D>(), &D::digest(message), signature).is_ok()
}

/// RSASSA-PSS with a salt of the digest's length (RFC 7518 §3.5).
fn pss<D>(key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool
where
    D: Digest + rsa::signature::digest::DynDigest + Send + Sync + 'static,
{
    key.verify(Pss::new::<D>(), &D::digest(message), signature).is_ok()
}
