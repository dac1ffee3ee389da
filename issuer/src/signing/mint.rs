//! A signed token for a namespace or one application.
//!
//! The claims and the header are those of the platform's own tokens, in the
//! same order, so that neither side can tell whose issuer minted one.
//!
//! Minting computes and does nothing else: with RSA for milliseconds. Threads can mint with the
//! same key at once; an asynchronous program does it where blocking is allowed. What it takes
//! doesn't depend on the key: aws-lc-rs makes the signatures, so that a remote party that asks for
//! tokens and holds a clock learns nothing (docs/DESIGN.md).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keys::{SigningKey, SigningKeyError};
use namespace_jwt_core::claims::{PLATFORM_AUDIENCE, PLATFORM_ISSUER};
use namespace_jwt_core::identifier::{self, IdentifierError};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::token::MAX_TOKEN_BYTES;

/// What a token is to give access to: a whole namespace or one application. The grant that is
/// minted never names both: to a reader that is content with either, it would open the whole
/// namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Every function and container of the namespace with this id.
    Namespace(String),
    /// The function or container with this id.
    Application(String),
}

/// What to put into a token.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// What the token gives access to.
    pub resource: Resource,
    /// The `exp`, which is rounded down to a second; without it the token never expires.
    pub expires_at: Option<UnixTime>,
    /// The `jti`, by which one token can be revoked.
    pub token_id: Uuid,
    /// The `iss`.
    pub issuer: String,
    /// The `aud`.
    pub audience: String,
}

impl TokenRequest {
    /// A request for a token with a new random id, and the platform's names for
    /// issuer and audience.
    pub fn new(resource: Resource, expires_at: Option<UnixTime>) -> Self {
        Self {
            resource,
            expires_at,
            token_id: Uuid::new_v4(),
            issuer: PLATFORM_ISSUER.to_owned(),
            audience: PLATFORM_AUDIENCE.to_owned(),
        }
    }
}

/// Mints a token that is valid from `now` on, rounded down to a second.
///
/// The token is a secret: it is wiped from memory when dropped.
///
/// # Errors
///
/// [`MintError`].
pub fn mint(
    key: &SigningKey,
    request: &TokenRequest,
    now: UnixTime,
) -> Result<Zeroizing<String>, MintError> {
    let now = now.since_epoch().as_secs();
    let expires_at = request.expires_at.map(|time| time.since_epoch().as_secs());
    if expires_at.is_some_and(|time| time <= now) {
        return Err(MintError::Expired);
    }
    let (namespace_id, application_id) = match &request.resource {
        Resource::Namespace(id) => (id.as_str(), ""),
        Resource::Application(id) => ("", id.as_str()),
    };
    let id = match &request.resource {
        Resource::Namespace(id) | Resource::Application(id) => id,
    };
    identifier::check_id(id).map_err(MintError::Id)?;
    let claims = PlatformClaims {
        application_claim: [ApplicationClaim { namespace_id, application_id }],
        version: 2,
        aud: &request.audience,
        exp: expires_at,
        jti: request.token_id,
        iat: now,
        iss: &request.issuer,
        nbf: now,
        sub: "token",
    };
    let header = Header { alg: key.algorithm().name(), typ: "JWT" };
    let signed = format!("{}.{}", segment(&header)?, segment(&claims)?);
    let signature = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())?));
    // Allocated once: a growing string would leave copies behind.
    let token = Zeroizing::new([signed.as_str(), ".", &signature].concat());
    match token.len() <= MAX_TOKEN_BYTES {
        true => Ok(token),
        false => Err(MintError::Oversized { found: token.len() }),
    }
}

/// Why a token isn't minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MintError {
    /// The expiry isn't in the future.
    Expired,
    /// The id of the namespace or application is one that nothing has.
    Id(IdentifierError),
    /// The token would be larger than the filter reads.
    Oversized {
        /// The size of the token, in bytes.
        found: usize,
    },
    /// The key signs nothing.
    Key(SigningKeyError),
}

impl From<SigningKeyError> for MintError {
    fn from(error: SigningKeyError) -> Self {
        Self::Key(error)
    }
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str(
                "expected an expiry in the future, found one that has passed: the token would be \
                 expired already; choose a later one, or --no-expiration",
            ),
            Self::Id(error) => {
                let advice = match error {
                    IdentifierError::Slash => "without the region: what follows the `/`",
                    _ => "as the platform's console shows it",
                };
                write!(
                    f,
                    "expected the id of a namespace, function or container, found {error}; \
                     give the id alone, {advice}"
                )
            }
            Self::Oversized { found } => write!(
                f,
                "expected a token of at most {MAX_TOKEN_BYTES} bytes, found {found}; \
                 shorten the ids, the issuer or the audience"
            ),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MintError {}

/// The JOSE header (RFC 7515 §4).
#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
}

#[derive(Serialize)]
struct PlatformClaims<'a> {
    application_claim: [ApplicationClaim<'a>; 1],
    version: u8,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    jti: Uuid,
    iat: u64,
    iss: &'a str,
    nbf: u64,
    sub: &'static str,
}

#[derive(Serialize)]
struct ApplicationClaim<'a> {
    namespace_id: &'a str,
    application_id: &'a str,
}

/// A part of the compact form (RFC 7515 §3.1): JSON in base64url.
fn segment(part: &impl Serialize) -> Result<String, SigningKeyError> {
    let json = serde_json::to_vec(part).map_err(|_| SigningKeyError::NotSigned)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
