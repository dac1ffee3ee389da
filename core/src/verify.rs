//! The check of a token: its form, its key, its signature, then the form of its claims.

use std::cell::{Cell, OnceCell};

use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::claims::{Claims, Malformed};
use crate::key::{KeySet, PublicKey};
use crate::reason::Denial;
use crate::signature::Algorithm;
use crate::token::Token;
use crate::trust::log::TokenHash;
use crate::trust::view::View;

/// What checks signatures: the crypto compiled in ([`Guest`](crate::signature::guest::Guest)), or
/// the proxy's own.
pub trait Backend {
    /// Whether `signature` is the key's over `message`. The caller has made sure that
    /// the key allows the algorithm; the signature may be any bytes.
    fn verify(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        message: &Message<'_>,
        signature: &[u8],
    ) -> Checked;
}

/// What a back end says of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the key's.
    Good,
    /// It isn't.
    Bad,
    /// Nobody checked it. It doesn't count as good, and may be found good the next time.
    Unanswered,
}

impl Checked {
    /// The answer of whoever always has one.
    pub fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// What a signature is over, hashed once however many keys are tried.
pub struct Message<'a> {
    text: &'a [u8],
    sha256: OnceCell<[u8; 32]>,
    sha384: OnceCell<[u8; 48]>,
    sha512: OnceCell<[u8; 64]>,
}

impl<'a> Message<'a> {
    /// A message of these bytes, not hashed yet.
    pub fn new(text: &'a [u8]) -> Self {
        let (sha256, sha384, sha512) = Default::default();
        Self { text, sha256, sha384, sha512 }
    }

    /// All of it.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Its SHA-256 digest.
    pub fn sha256(&self) -> &[u8; 32] {
        self.sha256.get_or_init(|| Sha256::digest(self.text).into())
    }

    /// Its SHA-384 digest.
    pub fn sha384(&self) -> &[u8; 48] {
        self.sha384.get_or_init(|| Sha384::digest(self.text).into())
    }

    /// Its SHA-512 digest.
    pub fn sha512(&self) -> &[u8; 64] {
        self.sha512.get_or_init(|| Sha512::digest(self.text).into())
    }
}

/// The claims of a token that one of the configured keys signed.
///
/// Only [`verify`] makes one, so nothing can act on claims that nobody vouched for.
/// It holds no time, no configuration and nothing of the token's bytes: whether it
/// opens anything is judged against those at each use.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Claims,
    /// What the log of revocations has for its id, hashed once.
    hash: OnceCell<Option<TokenHash>>,
    /// The last generation of a view in whose log it was not; 0 is no generation's number.
    not_listed_in: Cell<u64>,
}

impl Verified {
    fn new(claims: Claims) -> Self {
        Self { claims, hash: OnceCell::new(), not_listed_in: Cell::new(0) }
    }

    /// What the token says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Whether the log of revocations has the token's id. A token is looked up once in each
    /// generation of the one view that a filter has.
    pub fn is_listed(&self, view: &View) -> bool {
        if self.not_listed_in.get() == view.generation() {
            return false;
        }
        let hash = self.hash.get_or_init(|| TokenHash::of_claims(&self.claims));
        let listed = hash.is_some_and(|hash| view.lists(hash));
        if !listed {
            self.not_listed_in.set(view.generation());
        }
        listed
    }

    /// For the tests of what comes after.
    #[cfg(test)]
    pub(crate) fn unsigned(claims: &str) -> Self {
        Self::new(Claims::parse(claims.as_bytes()).unwrap())
    }
}

/// Why a token isn't [`Verified`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// The reason.
    pub denial: Denial,
    /// Whether a signature was checked for it, and by a back end that had an answer: then it
    /// was costly to find, and will be the same for these bytes under these keys.
    pub lasts: bool,
}

/// What is found in the token's form.
impl From<Denial> for Unverified {
    fn from(denial: Denial) -> Self {
        Self { denial, lasts: false }
    }
}

/// Checks one token.
///
/// # Errors
///
/// The first fault, in the order of [`Denial::ALL`] from [`Denial::OversizedToken`] to
/// [`Denial::MalformedClaims`]: no claim is looked at before the signature is good.
pub fn verify(token: &[u8], keys: &KeySet, backend: &impl Backend) -> Result<Verified, Unverified> {
    let token = Token::parse(token)?;
    verify_signature(&token, keys, backend)?;
    let malformed = Unverified { denial: Denial::MalformedClaims, lasts: true };
    let claims = Claims::parse(token.payload()).map_err(|Malformed| malformed)?;
    Ok(Verified::new(claims))
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
) -> Result<(), Unverified> {
    let algorithm = token.algorithm().ok_or(Denial::UnsupportedAlgorithm)?;
    let (message, signature) = (Message::new(token.signed()), token.signature());
    let mut fault = Denial::UnknownKey;
    let (mut checked, mut unanswered) = (false, false);
    for key in keys.candidates(token.key_id()) {
        if !key.algorithms().contains(&algorithm) {
            if fault == Denial::UnknownKey {
                fault = Denial::UnsupportedAlgorithm;
            }
            continue;
        }
        fault = Denial::BadSignature;
        // No back end has to calculate to refuse these.
        if signature.len() != key.material().signature_bytes() {
            continue;
        }
        checked = true;
        match backend.verify(key, algorithm, &message, signature) {
            Checked::Good => return Ok(()),
            Checked::Bad => {}
            Checked::Unanswered => unanswered = true,
        }
    }
    Err(Unverified { denial: fault, lasts: checked && !unanswered })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::key::AllowedAlgorithms;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// A back end that has an answer for each key, and counts what it is asked.
    struct Says<'a>(&'a [Checked], Cell<usize>);

    impl Backend for Says<'_> {
        fn verify(&self, key: &PublicKey, _: Algorithm, _: &Message<'_>, _: &[u8]) -> Checked {
            self.1.set(self.1.get() + 1);
            self.0[usize::from(key.id().is_some())]
        }
    }

    /// A token with an Ed25519 signature of `signature` bytes.
    fn token(algorithm: &str, payload: &str, signature: usize) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let parts = [header.as_bytes(), payload.as_bytes(), &vec![7; signature]];
        parts.map(|part| BASE64URL.encode(part)).join(".")
    }

    #[test]
    fn a_fault_lasts_when_a_signature_was_checked_and_everybody_answered() {
        use Checked::{Bad, Good, Unanswered};
        let pem = include_str!("../tests/keys/ed25519.pem");
        let material = crate::key::pem::public_key(pem).ok().unwrap();
        let key = |id: Option<&str>| {
            let id = id.map(str::to_owned);
            PublicKey::bind(material.clone(), id, None, &AllowedAlgorithms::default()).unwrap()
        };
        let keys = KeySet::new(vec![key(None), key(Some("second"))]);
        let good = token("EdDSA", "{}", 64);
        let number = token("EdDSA", "1", 64);
        for (token, answers, expected, asked) in [
            (&good, [Good, Bad], Ok(()), 1),
            (&good, [Unanswered, Good], Ok(()), 2),
            (&good, [Bad, Bad], Err((Denial::BadSignature, true)), 2),
            (&good, [Bad, Unanswered], Err((Denial::BadSignature, false)), 2),
            (&good, [Unanswered, Bad], Err((Denial::BadSignature, false)), 2),
            (&number, [Good, Bad], Err((Denial::MalformedClaims, true)), 1),
            (
                &token("ES256", "{}", 64),
                [Good, Good],
                Err((Denial::UnsupportedAlgorithm, false)),
                0,
            ),
            (&token("none", "{}", 64), [Good, Good], Err((Denial::UnsupportedAlgorithm, false)), 0),
            (&token("EdDSA", "{}", 63), [Good, Good], Err((Denial::BadSignature, false)), 0),
            (&token("EdDSA", "{}", 65), [Good, Good], Err((Denial::BadSignature, false)), 0),
            (&"a.b".to_owned(), [Good, Good], Err((Denial::MalformedToken, false)), 0),
        ] {
            let backend = Says(&answers, Cell::new(0));
            let found = verify(token.as_bytes(), &keys, &backend);
            let found = found.map(|_| ()).map_err(|it| (it.denial, it.lasts));
            assert_eq!(found, expected, "{token} {answers:?}");
            assert_eq!(backend.1.get(), asked, "{token} {answers:?}");
        }
    }
}
