//! RSA public keys and their signatures (RFC 8017 §8), verified in the module.
//!
//! It is done here, on the modular arithmetic that the elliptic curve crates bring: in a VM
//! without 64-bit multiplication that takes a quarter of the `rsa` crate's time. The crate
//! checks the numbers of a key and writes it as DER.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::{AssociatedOid, EncodePublicKey};
use rsa::sha2::Digest;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPublicKey};

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
    key: RsaPublicKey,
    exponent: u32,
    modulus: BoxedUint,
    /// What arithmetic with this modulus needs, computed once.
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
        let n = BigUint::from_bytes_be(modulus);
        if !BITS.contains(&n.bits()) {
            return Err(RsaKeyError::Bits(n.bits()));
        }
        let exponent = exponent.iter().try_fold(0, |exponent: u32, byte| {
            exponent.checked_mul(256)?.checked_add(u32::from(*byte))
        });
        let usable = |exponent: &u32| EXPONENTS.contains(exponent) && exponent % 2 == 1;
        let exponent = exponent.filter(usable).ok_or(RsaKeyError::Numbers)?;
        let modulus = BoxedUint::from_be_slice_vartime(&n.to_bytes_be());
        let odd = Odd::new(modulus.clone()).into_option();
        let key = RsaPublicKey::new_with_max_size(n, exponent.into(), *BITS.end()).ok();
        match (key, odd) {
            (Some(key), Some(odd)) => {
                let arithmetic = BoxedMontyParams::new_vartime(odd);
                Ok(Self { key, exponent, modulus, arithmetic })
            }
            _ => Err(RsaKeyError::Numbers),
        }
    }

    /// The modulus's length in bits.
    pub fn bits(&self) -> usize {
        self.key.n().bits()
    }

    /// The modulus's length in bytes, which is a signature's.
    pub fn bytes(&self) -> usize {
        self.key.size()
    }

    /// The key as DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        self.key.to_public_key_der().map(|der| der.into_vec()).ok()
    }

    /// RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2): the signature is exactly as long as
    /// the modulus and below it, and what it encrypts to is, in every byte, the one encoding
    /// of the digest, which is one of `D`'s.
    pub fn verifies_pkcs1v15<D>(&self, digest: &[u8], signature: &[u8]) -> bool
    where
        D: Digest + AssociatedOid,
    {
        let length = self.key.size();
        let Some(encrypted) = self.encrypt(signature) else { return false };
        // EMSA-PKCS1-v1_5 (§9.2): 00 01 ff … ff 00, the digest's DER.
        let prefix = Pkcs1v15Sign::new::<D>().prefix;
        let taken = prefix.len().saturating_add(digest.len()).saturating_add(3);
        let padding = vec![0xff; length.saturating_sub(taken)];
        let parts = [&[0, 1], padding.as_slice(), &[0], &prefix, digest];
        encrypted.iter().rev().take(length).eq(parts.concat().iter().rev())
    }

    /// RSASSA-PSS verification (RFC 8017 §8.1.2) of a digest of `D`'s, with MGF1 on `D` and a
    /// salt of the digest's length (RFC 7518 §3.5).
    pub fn verifies_pss<D: Digest>(&self, digest: &[u8], signature: &[u8]) -> bool {
        let bits = self.bits().saturating_sub(1);
        let encrypted = self.encrypt(signature);
        encrypted.is_some_and(|it| is_pss_encoding::<D>(digest, &it, bits).unwrap_or(false))
    }

    /// RSAVP1 (RFC 8017 §5.2.2), big-endian, with zeros before it. None where the signature
    /// isn't as long as the modulus, or not below it.
    fn encrypt(&self, signature: &[u8]) -> Option<Box<[u8]>> {
        if signature.len() != self.bytes() {
            return None;
        }
        let precision = self.modulus.bits_precision();
        let number = BoxedUint::from_be_slice(signature, precision).ok()?;
        if number >= self.modulus {
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
