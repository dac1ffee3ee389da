//! RSA public keys and their signatures (RFC 8017 §8), verified in the module.
//!
//! It is done here, on the modular arithmetic that the elliptic curve crates bring: no number
//! here is a secret, and an exponentiation that may show its numbers takes half the time of the
//! `rsa` crate's, which hides them (docs/DESIGN.md).

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use pkcs1::RsaPublicKey;
use sha2::Digest;
use sha2::digest::const_oid::AssociatedOid;
use spki::der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use spki::der::{self, Encode, Tag};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo};

/// The sizes of modulus that are accepted, in bits. Below, keys are breakable; above, one
/// check costs too much.
pub const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The public exponents that are accepted. Below, they have a history of attacks (FIPS 186-5
/// §5.4 has the same bound); nearly all keys have the least one, and each bit above makes
/// every check dearer: the largest here costs less than three times as much.
pub const EXPONENTS: std::ops::Range<u32> = 65537..1 << 24;

/// An RSA public key of acceptable size.
#[derive(Clone)]
pub struct RsaKey {
    exponent: u32,
    /// The modulus, and what arithmetic with it needs, computed once.
    arithmetic: BoxedMontyParams,
}

/// Why numbers aren't an acceptable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaKeyError {
    /// The modulus's length in bits isn't in [`BITS`].
    Bits(usize),
    /// The modulus is even, or the exponent is even or not in [`EXPONENTS`].
    Numbers,
}

impl RsaKey {
    /// The key of a modulus and an exponent, both big-endian.
    ///
    /// # Errors
    ///
    /// [`RsaKeyError`].
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, RsaKeyError> {
        // As few words as hold it: zeros before it would cost as much as other digits.
        let digits: Vec<u8> = modulus.iter().copied().skip_while(|digit| *digit == 0).collect();
        let modulus = BoxedUint::from_be_slice_vartime(&digits);
        let bits = bits(&modulus);
        if !BITS.contains(&bits) {
            return Err(RsaKeyError::Bits(bits));
        }
        let exponent = exponent.iter().try_fold(0, |exponent: u32, byte| {
            exponent.checked_mul(256)?.checked_add(u32::from(*byte))
        });
        let usable = |exponent: &u32| EXPONENTS.contains(exponent) && exponent % 2 == 1;
        let exponent = exponent.filter(usable).ok_or(RsaKeyError::Numbers)?;
        let modulus = Odd::new(modulus).into_option().ok_or(RsaKeyError::Numbers)?;
        Ok(Self { exponent, arithmetic: BoxedMontyParams::new_vartime(modulus) })
    }

    /// The modulus's length in bits.
    pub fn bits(&self) -> usize {
        bits(self.modulus())
    }

    /// The modulus's length in bytes, which is a signature's.
    pub fn bytes(&self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The key as DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        let (modulus, exponent) = (self.modulus().to_be_bytes(), self.exponent.to_be_bytes());
        let key = RsaPublicKey {
            modulus: UintRef::new(&modulus).ok()?,
            public_exponent: UintRef::new(&exponent).ok()?,
        };
        let key = key.to_der().ok()?;
        let subject_public_key = BitStringRef::from_bytes(&key).ok()?;
        let algorithm = pkcs1::ALGORITHM_ID;
        SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der().ok()
    }

    /// RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2): the signature is exactly as long as
    /// the modulus and below it, and what it encrypts to is, in every byte, the one encoding
    /// of the digest, which is one of `D`'s.
    pub fn verifies_pkcs1v15<D: AssociatedOid>(&self, digest: &[u8], signature: &[u8]) -> bool {
        let length = self.bytes();
        let Some(encrypted) = self.encrypt(signature) else { return false };
        let Ok(info) = digest_info::<D>(digest) else { return false };
        // EMSA-PKCS1-v1_5 (§9.2): 00 01 ff … ff 00, the digest's DER.
        let padding = vec![0xff; length.saturating_sub(info.len().saturating_add(3))];
        let encoded = [&[0, 1], padding.as_slice(), &[0], &info].concat();
        encrypted.iter().rev().take(length).eq(encoded.iter().rev())
    }

    /// RSASSA-PSS verification (RFC 8017 §8.1.2) of a digest of `D`'s, with MGF1 on `D` and a
    /// salt of the digest's length (RFC 7518 §3.5).
    pub fn verifies_pss<D: Digest>(&self, digest: &[u8], signature: &[u8]) -> bool {
        let bits = self.bits().saturating_sub(1);
        let encrypted = self.encrypt(signature);
        encrypted.is_some_and(|it| is_pss_encoding::<D>(digest, &it, bits).unwrap_or(false))
    }

    fn modulus(&self) -> &BoxedUint {
        self.arithmetic.modulus()
    }

    /// RSAVP1 (RFC 8017 §5.2.2), big-endian, with zeros before it. None where the signature
    /// isn't as long as the modulus, or not below it.
    fn encrypt(&self, signature: &[u8]) -> Option<Box<[u8]>> {
        if signature.len() != self.bytes() {
            return None;
        }
        let precision = self.modulus().bits_precision();
        let number = BoxedUint::from_be_slice(signature, precision).ok()?;
        if number >= *self.modulus() {
            return None;
        }
        let base = BoxedMontyForm::new(number, &self.arithmetic);
        // From the bit below the exponent's highest: square, and multiply where it is set.
        let mut power = base.clone();
        for bit in (0..self.exponent.checked_ilog2()?).rev() {
            power = power.square();
            if self.exponent.checked_shr(bit)? & 1 == 1 {
                power = power.mul(&base);
            }
        }
        Some(power.retrieve().to_be_bytes())
    }
}

fn bits(number: &BoxedUint) -> usize {
    number.bit_width_vartime() as usize
}

/// DER `DigestInfo` of a digest of `D`'s, with NULL for parameters (RFC 8017 §9.2 note 1).
fn digest_info<D: AssociatedOid>(digest: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid: D::OID, parameters: Some(AnyRef::NULL) };
    let content = [algorithm.to_der()?, OctetStringRef::new(digest)?.to_der()?].concat();
    AnyRef::new(Tag::Sequence, &content)?.to_der()
}

/// EMSA-PSS-VERIFY (RFC 8017 §9.1.2) of the number in `encrypted`, which has to fit into this
/// many bits. None where something is too short.
fn is_pss_encoding<D: Digest>(digest: &[u8], encrypted: &[u8], bits: usize) -> Option<bool> {
    let length = bits.div_ceil(8);
    let unused = length.saturating_mul(8).saturating_sub(bits);
    let (before, encoded) = encrypted.split_at_checked(encrypted.len().checked_sub(length)?)?;
    let (trailer, encoded) = encoded.split_last()?;
    let (masked, hash) = encoded.split_at_checked(encoded.len().checked_sub(digest.len())?)?;
    // MGF1 (§B.2.1).
    let mask = (0..u32::MAX)
        .flat_map(|count| D::new().chain_update(hash).chain_update(count.to_be_bytes()).finalize());
    let mut block: Vec<u8> = masked.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let (first, masked_first) = (block.first_mut()?, masked.first()?);
    let used = 0xff_u8.checked_shr(u32::try_from(unused).ok()?)?;
    *first &= used;
    // Zeros, a one, the salt.
    let (padding, salt) = block.split_at_checked(block.len().checked_sub(digest.len())?)?;
    let (one, zeros) = padding.split_last()?;
    let salted = D::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize();
    Some(
        before.iter().all(|byte| *byte == 0)
            && masked_first & !used == 0
            && *trailer == 0xbc
            && zeros.iter().all(|byte| *byte == 0)
            && *one == 1
            && salted.as_slice() == hash,
    )
}
