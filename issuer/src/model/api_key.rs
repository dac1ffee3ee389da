//! API keys: who calls.

use std::fmt;

use aws_lc_rs::digest;
use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::bearer::{Bearer, BearerKind};
use super::id;

/// What is hashed before the key, so that no other hash of this product equals one of a key.
const HASH_PREFIX: &[u8] = b"namespace-jwt api key v1\0";

/// The letters and digits of an access key.
const ACCESS_KEY_ALPHABET: &[u8; 32] = b"ABCDEFGHJKMNPQRSTVWXYZ0123456789";

/// An API key, as the service keeps it: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public half, `SCW` and 17 letters and digits.
    pub access_key: String,
    /// Whose it is.
    pub bearer: Bearer,
    /// The organization of its bearer.
    pub organization_id: Uuid,
    /// Where things are made that name no project.
    pub default_project_id: Uuid,
    /// What it is for.
    pub description: String,
    /// When it ends, if ever.
    pub expires_at: Option<UnixTime>,
    /// From where it was made, unless by a command of this program.
    pub creation_ip: Option<String>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}

impl ApiKey {
    /// Whether it has ended.
    pub fn has_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// An API key that is asked for.
pub struct NewApiKey {
    /// Whose it is to be.
    pub bearer: Bearer,
    /// What it is for.
    pub description: String,
    /// When it ends, if ever.
    pub expires_at: Option<UnixTime>,
    /// Where things are made that name no project, if the caller names one.
    pub default_project_id: Option<Uuid>,
}

/// What a request makes of an API key. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyChange {
    /// What it is for.
    pub description: Option<String>,
    /// When it ends.
    pub expires_at: Option<UnixTime>,
    /// Where things are made that name no project.
    pub default_project_id: Option<Uuid>,
}

/// Which API keys a list has.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyFilter {
    /// Of this organization.
    pub organization_id: Option<Uuid>,
    /// Of this user.
    pub user_id: Option<Uuid>,
    /// Of this application.
    pub application_id: Option<Uuid>,
    /// Of this user or application.
    pub bearer_id: Option<Uuid>,
    /// Of bearers of this kind.
    pub bearer_kind: Option<BearerKind>,
    /// Those of these, unless there are none.
    pub access_keys: Vec<String>,
    /// With exactly this description.
    pub description: Option<String>,
    /// Only those that have ended, or only the others.
    pub is_expired: Option<bool>,
    /// Whether they can be changed, as all can here.
    pub is_editable: Option<bool>,
}

/// The secret of an API key. It has no `Debug`, so that no log can hold it.
pub struct SecretKey(Zeroizing<[u8; 16]>);

impl SecretKey {
    /// A new secret of the operating system's randomness.
    pub fn generate() -> Self {
        Self(Zeroizing::new(Uuid::new_v4().into_bytes()))
    }

    /// A secret as a client sends it: a UUID in the form with hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(Zeroizing::new(id::parse(text)?.into_bytes())))
    }

    /// The secret as a client sends it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(Uuid::from_bytes(*self.0).to_string())
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(HASH_PREFIX);
        context.update(self.0.as_slice());
        SecretHash(context.finish().as_ref().to_vec())
    }
}

/// The SHA-256 of an API key's secret. The secret is random, so one hash of it is enough.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(pub Vec<u8>);

/// Without the hash.
impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// A new access key, in the form that clients check: `^SCW[A-Z0-9]{17}$`.
pub fn new_access_key() -> String {
    // Two random UUIDs hold more than the 85 bits of 17 characters.
    let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    let characters = random.iter().enumerate().filter(|(at, _)| !is_fixed_byte(*at));
    let characters = characters.map(|(_, byte)| {
        let letter = ACCESS_KEY_ALPHABET.get(usize::from(byte % 32)).copied();
        char::from(letter.unwrap_or(b'A'))
    });
    "SCW".chars().chain(characters.take(17)).collect()
}

/// The bytes of a UUID that also hold its version and variant (RFC 9562 §5.4).
fn is_fixed_byte(at: usize) -> bool {
    matches!(at % 16, 6 | 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_has_the_form_that_clients_check() {
        for _ in 0..200 {
            let key = new_access_key();
            let rest = key.strip_prefix("SCW").unwrap();
            assert_eq!(rest.len(), 17, "{key}");
            assert!(rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{key}");
            assert_ne!(key, new_access_key());
        }
    }

    #[test]
    fn a_secret_is_a_uuid_with_hyphens_and_hashed_as_its_bytes() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        let secret = SecretKey::parse(text).unwrap();
        assert_eq!(*secret.reveal(), text);
        // printf 'namespace-jwt api key v1\0' and the 16 bytes | sha256sum
        let hash: String = secret.hash().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, EXPECTED_HASH);
        assert_eq!(SecretKey::parse(&text.to_uppercase()).unwrap().hash(), secret.hash());
        for other in [
            "",
            "00112233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefg",
        ] {
            assert!(SecretKey::parse(other).is_none(), "{other}");
        }
    }

    const EXPECTED_HASH: &str = "3824700de7c185edd689bfc602b7382b6c9635afff6fd8d7c07ed282e981b3bd";
}
