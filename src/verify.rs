//! The check of a token: its form, its key, its signature, then the form of its claims.

use crate::claims::{Claims, Malformed};
use crate::denial::Denial;
use crate::key::{KeySet, PublicKey};
use crate::signature::Algorithm;
use crate::token::Token;

/// What checks signatures: the crypto compiled in ([`Guest`](crate::guest::Guest)), or
/// the proxy's own.
pub trait Backend {
    /// Whether `signature` is the key's over `message`. The caller has made sure that
    /// the key allows the algorithm; the signature may be any bytes.
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool;
}

/// The claims of a token that one of the configured keys signed.
///
/// Only [`verify`] makes one, so nothing can act on claims that nobody vouched for.
/// It holds no time, no configuration and nothing of the token's bytes: whether it
/// opens anything is judged against those at each use.
#[derive(Clone, Debug)]
pub struct Verified(Claims);

impl Verified {
    /// What the token says.
    pub fn claims(&self) -> &Claims {
        &self.0
    }

    /// For the tests of what comes after.
    #[cfg(test)]
    pub(crate) fn unsigned(claims: &str) -> Self {
        Self(Claims::parse(claims.as_bytes()).unwrap())
    }
}

/// Checks one token.
///
/// # Errors
///
/// The first fault, in the order of [`Denial::ALL`] from [`Denial::MalformedToken`] to
/// [`Denial::MalformedClaims`]: no claim is looked at before the signature is good.
pub fn verify(token: &[u8], keys: &KeySet, backend: &impl Backend) -> Result<Verified, Denial> {
    let token = Token::parse(token)?;
    verify_signature(&token, keys, backend)?;
    let claims = Claims::parse(token.payload()).map_err(|Malformed| Denial::MalformedClaims)?;
    Ok(Verified(claims))
}

/// Checks a token as a JWS, whatever its payload holds.
///
/// # Errors
///
/// [`Denial::UnsupportedAlgorithm`], [`Denial::UnknownKey`] or [`Denial::BadSignature`].
pub fn verify_signature(
    token: &Token<'_>,
    keys: &KeySet,
    backend: &impl Backend,
) -> Result<(), Denial> {
    let algorithm = token.algorithm().ok_or(Denial::UnsupportedAlgorithm)?;
    let mut fault = Denial::UnknownKey;
    for key in keys.candidates(token.key_id()) {
        if !key.algorithms().contains(&algorithm) {
            if fault == Denial::UnknownKey {
                fault = Denial::UnsupportedAlgorithm;
            }
        } else if backend.verify(key, algorithm, token.signed(), token.signature()) {
            return Ok(());
        } else {
            fault = Denial::BadSignature;
        }
    }
    Err(fault)
}
