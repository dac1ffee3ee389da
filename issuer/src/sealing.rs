//! Encryption at rest: what the database holds of private keys, only the secrets key opens.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The size of a secrets key, in bytes.
pub const SECRETS_KEY_BYTES: usize = 32;

/// The first byte of what is encrypted: the form of the rest.
const FORM: u8 = 1;

/// The number of the only secrets key that there is so far. It is kept with what it encrypted, so
/// that a second key can come without a guess about which one opens what.
const KEY_NUMBER: u32 = 1;

/// The key that encrypts private keys. It has no `Debug`, so that no log can hold it.
pub struct SecretsKey(LessSafeKey);

/// What a secret is and where it stands. The secret can't be opened as another one.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// What it is for.
    pub purpose: &'static str,
    /// The table that holds it.
    pub table: &'static str,
    /// The column that holds it.
    pub column: &'static str,
    /// The id of its row.
    pub id: Uuid,
}

impl Place {
    /// The private key of a namespace, by the id of the key.
    pub fn namespace_key(id: Uuid) -> Self {
        Self {
            purpose: "namespace private key",
            table: "namespace_keys",
            column: "sealed_private_key",
            id,
        }
    }

    /// The private key of a trust key, by the id of the key.
    pub fn trust_key(id: Uuid) -> Self {
        Self { purpose: "trust key", table: "trust_keys", column: "sealed_private_key", id }
    }

    /// The text that tells whether a secrets key is this database's.
    pub fn check(organization_id: Uuid) -> Self {
        Self {
            purpose: "secrets key check",
            table: "organizations",
            column: "sealed_check",
            id: organization_id,
        }
    }

    /// The associated data: each part after its length, so that none runs into the next.
    fn associated_data(&self, key_number: u32) -> Vec<u8> {
        let mut data = key_number.to_be_bytes().to_vec();
        for part in [self.purpose, self.table, self.column] {
            // They are constants above, far shorter than that.
            data.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            data.extend_from_slice(part.as_bytes());
        }
        data.extend_from_slice(self.id.as_bytes());
        data
    }
}

impl SecretsKey {
    /// A key of these bytes.
    ///
    /// # Errors
    ///
    /// [`SealingError`], if there are not [`SECRETS_KEY_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, SealingError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| SealingError)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// New bytes for a key, of the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`SealingError`], if the system has none.
    pub fn new_bytes() -> Result<Zeroizing<[u8; SECRETS_KEY_BYTES]>, SealingError> {
        let mut bytes = Zeroizing::new([0; SECRETS_KEY_BYTES]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealingError)?;
        Ok(bytes)
    }

    /// Encrypts a secret for one place, with a nonce of its own: a form, the key's number, the
    /// nonce, the ciphertext and its tag.
    ///
    /// # Errors
    ///
    /// [`SealingError`], if the system has no randomness.
    pub fn seal(&self, place: Place, secret: &[u8]) -> Result<Vec<u8>, SealingError> {
        // 2^32 random nonces under one key are the limit (NIST SP 800-38D §8.3); there is one for
        // each key pair.
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealingError)?;
        let data = Aad::from(place.associated_data(KEY_NUMBER));
        // Allocated once: a growing buffer would leave a copy of the secret behind.
        let mut text = Vec::with_capacity(secret.len().saturating_add(AES_256_GCM.tag_len()));
        text.extend_from_slice(secret);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), data, &mut text)
            .map_err(|_| SealingError)?;
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&KEY_NUMBER.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what was encrypted for this very place.
    ///
    /// # Errors
    ///
    /// [`SealingError`], if it was encrypted under another key or for another place, or is
    /// damaged.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealingError> {
        let (form, rest) = sealed.split_first().ok_or(SealingError)?;
        let (number, rest) = rest.split_first_chunk::<4>().ok_or(SealingError)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealingError)?;
        let number = u32::from_be_bytes(*number);
        if *form != FORM || number != KEY_NUMBER {
            return Err(SealingError);
        }
        let data = Aad::from(place.associated_data(number));
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, data, &mut text).map_err(|_| SealingError)?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// A secret can't be encrypted, or not be opened. It says no more, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealingError;

impl fmt::Display for SealingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the secrets key doesn't open it")
    }
}

impl std::error::Error for SealingError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_under_its_key_and_in_its_place_alone() {
        let key = SecretsKey::new(&[7; 32]).unwrap();
        let place = Place::namespace_key(Uuid::from_u128(1));
        let sealed = key.seal(place, b"secret").unwrap();
        assert_eq!(*key.open(place, &sealed).unwrap(), b"secret");
        assert_ne!(key.seal(place, b"secret").unwrap(), sealed, "one nonce twice");

        assert!(SecretsKey::new(&[8; 32]).unwrap().open(place, &sealed).is_err());
        for other in [
            Place::namespace_key(Uuid::from_u128(2)),
            Place { purpose: "trust key", ..place },
            Place { table: "trust_keys", ..place },
            Place { column: "public_pem", ..place },
        ] {
            assert!(key.open(other, &sealed).is_err(), "{other:?}");
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(place, &changed).is_err(), "byte {at}");
            assert!(key.open(place, &sealed[..at]).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn a_secrets_key_has_32_bytes() {
        for length in [0, 16, 31, 33, 64] {
            assert!(SecretsKey::new(&vec![0; length]).is_err(), "{length}");
        }
        assert_ne!(SecretsKey::new_bytes().unwrap(), SecretsKey::new_bytes().unwrap());
    }
}
