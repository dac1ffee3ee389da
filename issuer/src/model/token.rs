//! A token that was issued. Its text isn't kept.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::region::Region;

/// A token, as the service remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, which is its `jti`.
    pub id: Uuid,
    /// What it grants access to.
    pub subject: TokenSubject,
    /// The namespace whose key signed it.
    pub namespace_id: Uuid,
    /// The key that signed it.
    pub key_id: Uuid,
    /// What it is for, in its owner's words.
    pub description: String,
    /// When it expires, in whole seconds, if ever.
    pub expires_at: Option<UnixTime>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Who made it: a user, or nobody where the operator of this machine did.
    pub bearer_id: Option<Uuid>,
}

/// What a token grants access to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSubject {
    /// Everything in the namespace with this id.
    Namespace(Uuid),
    /// The function or container with this id.
    Application(Uuid),
}

/// A token that is asked for.
pub struct NewToken {
    /// What it is to grant access to.
    pub subject: TokenSubject,
    /// What it is for.
    pub description: String,
    /// When it is to expire.
    pub expires_at: Option<UnixTime>,
}

/// Which tokens a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    /// Of this region.
    pub region: Region,
    /// Those of this namespace as a whole.
    pub namespace_id: Option<Uuid>,
    /// Those of this function or container.
    pub application_id: Option<Uuid>,
    /// The newest first, else the oldest. Tokens have no names to order by.
    pub newest_first: bool,
}

/// A token, and from where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// The token.
    pub token: Token,
    /// The address, as far as it is known.
    pub address: Option<String>,
    /// The program, as far as it is known.
    pub user_agent: Option<String>,
}

/// Which tokens a list by their makers has.
#[derive(Clone, Debug)]
pub struct TokenRecordFilter {
    /// Made by this user or application.
    pub bearer_id: Uuid,
    /// Only those that have expired, or only the others.
    pub is_expired: Option<bool>,
}
