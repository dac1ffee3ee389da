//! A namespace's key pair, as the service keeps it.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

/// A key pair of a namespace. The private key is encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct NamespaceKey {
    /// Its id, which no token has.
    pub id: Uuid,
    /// Whose it is.
    pub namespace_id: Uuid,
    /// What it is used for.
    pub state: KeyState,
    /// The algorithm that it signs with, by its name in a token's header.
    pub algorithm: String,
    /// The public key in PEM, as the platform publishes it.
    pub public_pem: String,
    /// The private key in PKCS#8, encrypted under the secrets key.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it is to sign, of the next one.
    pub activates_at: Option<UnixTime>,
    /// Since when it signs no more, of a retired one.
    pub retired_at: Option<UnixTime>,
    /// When nothing that it signed is good any longer, of one that has a successor: earlier if its
    /// last token has expired.
    pub ends_at: Option<UnixTime>,
}

/// What a key of a namespace is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is published, and will sign.
    Next,
    /// It signs. A namespace has one such key.
    Active,
    /// It signs no more, and the tokens that it signed are good.
    Retired,
    /// Nothing that it signed is good.
    Revoked,
}

impl KeyState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Next, Self::Active, Self::Retired, Self::Revoked];

    /// Its name, in the database and for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
