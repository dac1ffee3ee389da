//! Public keys, each bound to the algorithms that it may verify, and sets of them.

pub mod jwk;
pub mod oid;
pub mod pem;

use crate::excerpt::excerpt;
use crate::signature::Algorithm;
use crate::signature::rsa::{self, RsaKey, RsaKeyError};

/// The most keys that a configuration may hold.
pub const MAX_KEYS: usize = 16;

/// A public key that can be used: the key chooses the algorithm, a token's header can
/// only agree.
#[derive(Clone)]
pub struct PublicKey {
    id: Option<String>,
    material: Material,
    algorithms: Vec<Algorithm>,
    spki: Option<Vec<u8>>,
}

/// A key of one of the accepted types, checked.
#[derive(Clone)]
pub enum Material {
    /// RSA.
    Rsa(RsaKey),
    /// A point of NIST P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// A point of NIST P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// A point of edwards25519 that isn't of small order.
    Ed25519(ed25519_compact::PublicKey),
}

/// Why a key can't be used. Its text continues "found …".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There is no PEM block (RFC 7468) in the text, nor anything else that is known.
    NotPem,
    /// The PEM block has no END line, or one with another label.
    PemNoEnd,
    /// There is what a PEM block holds, or its END line, without a BEGIN line.
    PemNoBegin,
    /// There is text before the BEGIN line, in the same line.
    PemTextBefore,
    /// There is text after the END line.
    PemTextAfter,
    /// There are several PEM blocks.
    PemSeveral,
    /// The PEM block holds a character that isn't base64.
    PemCharacter(char),
    /// The PEM block's base64 isn't whole.
    PemBase64,
    /// What the PEM block holds is shorter or longer than its beginning says.
    DerLength,
    /// The text is the name of a file.
    FileName,
    /// The text is a variable that nobody replaced by its value.
    Variable,
    /// An example's ellipsis is there in place of the key, or of a part of it.
    Placeholder,
    /// The key is in one of OpenSSH's forms.
    OpenSsh,
    /// The PEM block holds a certificate.
    Certificate,
    /// A PEM block or JWK holds a private or a secret key.
    Private,
    /// The PEM block's label is neither `PUBLIC KEY` nor `RSA PUBLIC KEY`.
    PemLabel(String),
    /// What the PEM block holds isn't what its label says.
    Der,
    /// The JWK isn't an object.
    JwkForm,
    /// This member of the JWK is missing, or not of the type that RFC 7517 or RFC 7518 §6
    /// gives it.
    JwkMember(&'static str),
    /// The JWK has a certificate (`x5c`) without the members that hold its key.
    CertificateOnly,
    /// The key is of a type, or on a curve, that isn't accepted.
    Type(String),
    /// The RSA key is too small, too large, or not one.
    Rsa(RsaKeyError),
    /// The coordinates aren't a point of the curve that may be used as a key.
    Point,
    /// The JWK is not for verifying signatures: `use` isn't `sig`, or `key_ops` has no
    /// `verify`.
    Use,
    /// The key can be used with none of the allowed algorithms.
    Algorithm {
        /// The JWK's `alg`, if it has one.
        declared: Option<String>,
        /// The algorithms that the key's type could be used with.
        possible: Vec<Algorithm>,
    },
}

impl Material {
    /// An RSA key from its modulus and exponent, big-endian.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        RsaKey::new(modulus, exponent).map(Self::Rsa).map_err(KeyError::Rsa)
    }

    /// A P-256 key from its point, as SEC 1 §2.3.3 encodes it.
    pub(crate) fn p256(point: &[u8]) -> Result<Self, KeyError> {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(Self::P256).map_err(|_| KeyError::Point)
    }

    /// A P-384 key from its point, as SEC 1 §2.3.3 encodes it.
    pub(crate) fn p384(point: &[u8]) -> Result<Self, KeyError> {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
        key.map(Self::P384).map_err(|_| KeyError::Point)
    }

    /// An Ed25519 key from its 32 bytes (RFC 8032 §5.1.5).
    pub(crate) fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let key = ed25519_compact::PublicKey::from_slice(bytes).map_err(|_| KeyError::Point)?;
        key.validate().map_err(|_| KeyError::Point)?;
        Ok(Self::Ed25519(key))
    }

    /// The algorithms that a key of this type could be used with.
    fn possible_algorithms(&self) -> &'static [Algorithm] {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Rsa(_) => &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
            Self::P256(_) => &[Es256],
            Self::P384(_) => &[Es384],
            Self::Ed25519(_) => &[EdDsa],
        }
    }

    /// How long each of its signatures is (RFC 8017 §8, RFC 7518 §3.4, RFC 8032 §5.1.6).
    pub fn signature_bytes(&self) -> usize {
        match self {
            Self::Rsa(key) => key.bytes(),
            Self::P256(_) | Self::Ed25519(_) => 64,
            Self::P384(_) => 96,
        }
    }

    /// The key as DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7); none for Ed25519.
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => key.to_spki_der(),
            Self::P256(key) => {
                use p256::pkcs8::EncodePublicKey as _;
                key.to_public_key_der().map(|der| der.into_vec()).ok()
            }
            Self::P384(key) => {
                use p384::pkcs8::EncodePublicKey as _;
                key.to_public_key_der().map(|der| der.into_vec()).ok()
            }
            Self::Ed25519(_) => None,
        }
    }

    /// What the key is, for a person: `RSA-4096`.
    pub fn describe(&self) -> String {
        match self {
            Self::Rsa(key) => format!("RSA-{}", key.bits()),
            Self::P256(_) => "EC P-256".to_owned(),
            Self::P384(_) => "EC P-384".to_owned(),
            Self::Ed25519(_) => "Ed25519".to_owned(),
        }
    }
}

/// The algorithms that a configuration allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedAlgorithms(Vec<Algorithm>);

impl AllowedAlgorithms {
    /// Those that are listed.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.0
    }

    /// Exactly these.
    pub fn listed(algorithms: Vec<Algorithm>) -> Self {
        Self(algorithms)
    }
}

/// One for each type of key: the one that everybody uses.
impl Default for AllowedAlgorithms {
    fn default() -> Self {
        Self(vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa])
    }
}

impl PublicKey {
    /// Binds a key to those of its algorithms that are allowed and, where the key
    /// itself declares one (a JWK's `alg`), to that one.
    ///
    /// # Errors
    ///
    /// [`KeyError::Algorithm`] when none is left.
    pub fn bind(
        material: Material,
        id: Option<String>,
        declared: Option<&str>,
        allowed: &AllowedAlgorithms,
    ) -> Result<Self, KeyError> {
        let possible = material.possible_algorithms();
        let usable = |algorithm: &Algorithm| {
            allowed.0.contains(algorithm) && declared.is_none_or(|name| name == algorithm.name())
        };
        let algorithms: Vec<_> = possible.iter().copied().filter(usable).collect();
        if algorithms.is_empty() {
            let declared = declared.map(str::to_owned);
            return Err(KeyError::Algorithm { declared, possible: possible.to_vec() });
        }
        let spki = material.to_spki_der();
        Ok(Self { id, material, algorithms, spki })
    }

    /// The key's `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The key as DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), made once; none for Ed25519.
    pub fn spki_der(&self) -> Option<&[u8]> {
        self.spki.as_deref()
    }

    /// The key itself.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// The algorithms that it may verify: at least one.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
}

/// The keys that vouch for one namespace.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    number: KeySetNumber,
}

/// What tells one set of keys from all others that a filter has had, so that what was found with
/// one isn't taken for what another would find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeySetNumber(u64);

impl KeySetNumber {
    /// That of a set that is the only one.
    pub const FIRST: Self = Self(0);

    /// One that no set had before.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl KeySet {
    /// A set of these keys, the only one.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self::numbered(keys, KeySetNumber::FIRST)
    }

    /// One of several sets.
    pub fn numbered(keys: Vec<PublicKey>, number: KeySetNumber) -> Self {
        Self { keys, number }
    }

    /// Every key.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The algorithms that any of the keys may verify.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let in_use = |it: &Algorithm| self.keys.iter().any(|key| key.algorithms().contains(it));
        Algorithm::ALL.into_iter().filter(in_use).collect()
    }

    /// Its number.
    pub fn number(&self) -> KeySetNumber {
        self.number
    }

    /// The keys that a token may be signed with: those of its `kid`, if there are any;
    /// else those without a `kid`; and every key when the token has none.
    pub fn candidates(&self, key_id: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        let known = key_id.is_some() && self.keys.iter().any(|key| key.id() == key_id);
        self.keys.iter().filter(move |key| match key_id {
            None => true,
            Some(_) if known => key.id() == key_id,
            Some(_) => key.id().is_none(),
        })
    }
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotPem => f.write_str("text without `-----BEGIN`"),
            Self::PemNoEnd => f.write_str("a PEM block without its END line"),
            Self::PemNoBegin => f.write_str("a PEM block without its BEGIN line"),
            Self::PemTextBefore => f.write_str("text before `-----BEGIN` in the same line"),
            Self::PemTextAfter => f.write_str("text after the END line"),
            Self::PemSeveral => {
                f.write_str("several PEM blocks; give each key its place in `public_keys`")
            }
            Self::PemCharacter(it) => write!(
                f,
                "a PEM block with a character that is not base64 (U+{:04X})",
                u32::from(*it)
            ),
            Self::PemBase64 => f.write_str(
                "a PEM block whose base64 lost or gained a character, perhaps an `=` at its end",
            ),
            Self::DerLength => f.write_str("a PEM block that lost or gained a part"),
            Self::FileName => f.write_str("the name of a file; write the file's content"),
            Self::Variable => f.write_str("a variable that was not replaced by its value"),
            Self::Placeholder => f.write_str("an example's `...` in place of a key"),
            Self::OpenSsh => f.write_str(
                "a key in OpenSSH's form; convert it with `ssh-keygen -e -m pkcs8 -f FILE`",
            ),
            Self::Certificate => f.write_str(
                "a certificate; take its key out with `openssl x509 -pubkey -noout -in FILE`",
            ),
            Self::Private => f.write_str(
                "a private or secret key; never configure it in the filter; use public.pem, and \
                 rotate this key: it counts as disclosed",
            ),
            Self::PemLabel(label) => write!(f, "a PEM block labelled \"{}\"", short(label)),
            Self::Der => f.write_str("a PEM block that does not hold what its label says"),
            Self::JwkForm => f.write_str("something that is not an object"),
            Self::JwkMember(name) => write!(f, "a `{name}` that is missing or malformed"),
            Self::CertificateOnly => {
                f.write_str("a certificate (`x5c`) alone, without the members of its key")
            }
            Self::Type(name) => write!(f, "a key of type \"{}\"", short(name)),
            Self::Rsa(RsaKeyError::Bits(bits)) => write!(f, "an RSA key of {bits} bits"),
            Self::Rsa(RsaKeyError::Numbers) => write!(
                f,
                "an RSA key whose modulus is even, or whose exponent is not an odd number from {} to {}",
                rsa::EXPONENTS.start,
                rsa::EXPONENTS.end.saturating_sub(1)
            ),
            Self::Point => f.write_str("numbers that are not a point of the key's curve"),
            Self::Use => f.write_str("a key that is not for verifying signatures"),
            Self::Algorithm { declared, possible } => {
                match declared {
                    Some(declared) => write!(f, "a key for \"{}\"", short(declared))?,
                    None => f.write_str("a key for")?,
                }
                let names: Vec<_> = possible.iter().map(|algorithm| algorithm.name()).collect();
                let names = names.join(", ");
                match declared {
                    Some(_) => {
                        write!(f, ", where its type allows {names} and `algorithms` lists others")
                    }
                    None => write!(f, " {names}, none of which `algorithms` lists"),
                }
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// The beginning of a name that stands in a key: it could be anything.
fn short(name: &str) -> String {
    excerpt(name, 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_kid_chooses_among_the_keys() {
        let material =
            crate::key::pem::public_key(include_str!("../tests/keys/ed25519.pem")).ok().unwrap();
        let key = |id: Option<&str>| {
            let id = id.map(str::to_owned);
            PublicKey::bind(material.clone(), id, None, &AllowedAlgorithms::default()).unwrap()
        };
        let mixed = KeySet::new(vec![key(None), key(Some("a")), key(Some("b")), key(Some("a"))]);
        let named = KeySet::new(vec![key(Some("a"))]);
        for (keys, kid, expected) in [
            (&mixed, None, vec![None, Some("a"), Some("b"), Some("a")]),
            (&mixed, Some("a"), vec![Some("a"), Some("a")]),
            (&mixed, Some("b"), vec![Some("b")]),
            (&mixed, Some("A"), vec![None]),
            (&mixed, Some(""), vec![None]),
            (&named, Some("b"), vec![]),
            (&named, None, vec![Some("a")]),
        ] {
            let candidates: Vec<_> = keys.candidates(kid).map(PublicKey::id).collect();
            assert_eq!(candidates, expected, "{kid:?}");
        }
    }
}
