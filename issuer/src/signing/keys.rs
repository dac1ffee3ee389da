//! A namespace's private key.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, Document, SecretDocument};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use zeroize::Zeroizing;

use namespace_jwt_core::key::oid;
use namespace_jwt_core::signature::Algorithm;

/// A type of key that tokens can be signed with. It decides the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// RSA, as the platform's keys are: RS256.
    Rsa(RsaSize),
    /// EC on P-256: ES256.
    P256,
    /// EC on P-384: ES384.
    P384,
    /// Ed25519: EdDSA.
    Ed25519,
}

impl KeyType {
    /// The algorithms that keys are made for, the platform's first.
    pub const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "ES384", "EdDSA"];

    /// The type of keys that are made for an algorithm: RSA with so many bits, 4096 unless said.
    /// None for another algorithm, or for bits that it doesn't have.
    pub fn named(algorithm: &str, bits: Option<u32>) -> Option<Self> {
        match (algorithm, bits) {
            ("RS256", None) => Some(Self::Rsa(RsaSize::Bits4096)),
            ("RS256", Some(bits)) => RsaSize::from_bits(bits).map(Self::Rsa),
            ("ES256", None) => Some(Self::P256),
            ("ES384", None) => Some(Self::P384),
            ("EdDSA", None) => Some(Self::Ed25519),
            _ => None,
        }
    }
}

/// The size of an RSA modulus that tokens can be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits.
    Bits2048,
    /// 3072 bits.
    Bits3072,
    /// 4096 bits: the platform's.
    Bits4096,
    /// Another number of bits, from 2048 to 4096: of a key that was read. No such key is generated.
    Other(u32),
}

impl RsaSize {
    /// The size of that many bits, if it can be generated.
    pub fn from_bits(bits: u32) -> Option<Self> {
        [Self::Bits2048, Self::Bits3072, Self::Bits4096]
            .into_iter()
            .find(|size| size.bits() == bits)
    }

    /// How many bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
            Self::Other(bits) => bits,
        }
    }
}

/// A private key that signs tokens. It has no `Debug`, so that no log can hold it. Threads can
/// sign with one key at the same time.
pub struct SigningKey(KeyPair);

enum KeyPair {
    Rs256(RsaKeyPair, RsaSize),
    Es256(EcdsaKeyPair),
    Es384(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// The sizes of modulus that a key may have, in bits.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// The one public exponent that a key may have: the platform's, and the only one that every
/// verifier takes. The library takes others.
const RSA_EXPONENT: &[u8] = &[1, 0, 1];

impl SigningKey {
    /// Makes a new key from the operating system's randomness. RSA of 4096 bits
    /// takes a second on average.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError::RsaSize`] for [`RsaSize::Other`], else [`SigningKeyError::NotGenerated`].
    pub fn generate(key_type: KeyType) -> Result<Self, SigningKeyError> {
        let pair = match key_type {
            KeyType::Rsa(size) => {
                let bits = match size {
                    RsaSize::Bits2048 => KeySize::Rsa2048,
                    RsaSize::Bits3072 => KeySize::Rsa3072,
                    RsaSize::Bits4096 => KeySize::Rsa4096,
                    RsaSize::Other(_) => return Err(SigningKeyError::RsaSize),
                };
                RsaKeyPair::generate(bits).map(|pair| KeyPair::Rs256(pair, size))
            }
            KeyType::P256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(KeyPair::Es256)
            }
            KeyType::P384 => {
                EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map(KeyPair::Es384)
            }
            KeyType::Ed25519 => Ed25519KeyPair::generate().map(KeyPair::EdDsa),
        };
        pair.map(Self).map_err(|_| SigningKeyError::NotGenerated)
    }

    /// Reads a private key in PEM: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
    ///
    /// What stands before the key in the text is skipped: OpenSSL puts the name
    /// of the curve there.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let (label, document) = private_block(text)?;
        let document = document.as_bytes();
        match label {
            "PRIVATE KEY" => Self::from_pkcs8_der(document),
            "RSA PRIVATE KEY" => {
                Self::from_pkcs8_der(pkcs8(oid::RSA, Some(AnyRef::NULL), document)?.as_bytes())
            }
            // The curve's name is optional in SEC1. Where it is there, it has to be that of the
            // curve that is tried.
            "EC PRIVATE KEY" => [oid::P256, oid::P384]
                .iter()
                .find_map(|curve| {
                    let document = pkcs8(oid::EC, Some(AnyRef::from(curve)), document).ok()?;
                    Self::from_pkcs8_der(document.as_bytes()).ok()
                })
                .ok_or(SigningKeyError::Unusable),
            _ => Err(SigningKeyError::Unusable),
        }
    }

    /// Reads a private key in PKCS#8 DER (RFC 5958), version 1 or 2, such as
    /// [`SigningKey::to_pkcs8_der`] gives.
    ///
    /// A public key that came along (version 2) is left out: the private one decides.
    pub fn from_pkcs8_der(document: &[u8]) -> Result<Self, SigningKeyError> {
        let info = PrivateKeyInfoRef::from_der(document).map_err(|_| SigningKeyError::Unusable)?;
        let secret = info.private_key.as_bytes();
        let AlgorithmIdentifierRef { oid, parameters } = info.algorithm;
        let curve = info.algorithm.parameters_oid().ok();
        // The library reads a version 2 of Ed25519 alone.
        let version_1 = pkcs8(oid, parameters, secret)?;
        let document = version_1.as_bytes();
        Ok(Self(match oid {
            oid::RSA => {
                let size = rsa_size(secret)?;
                let pair = RsaKeyPair::from_pkcs8(document);
                KeyPair::Rs256(pair.map_err(|_| SigningKeyError::Unusable)?, size)
            }
            oid::EC if curve == Some(oid::P256) => {
                KeyPair::Es256(ec_pair(&ECDSA_P256_SHA256_FIXED_SIGNING, 32, document, secret)?)
            }
            oid::EC if curve == Some(oid::P384) => {
                KeyPair::Es384(ec_pair(&ECDSA_P384_SHA384_FIXED_SIGNING, 48, document, secret)?)
            }
            oid::ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(document);
                KeyPair::EdDsa(pair.map_err(|_| SigningKeyError::Unusable)?)
            }
            _ => return Err(SigningKeyError::Unusable),
        }))
    }

    /// The type of the key.
    pub fn key_type(&self) -> KeyType {
        match self.0 {
            KeyPair::Rs256(_, size) => KeyType::Rsa(size),
            KeyPair::Es256(_) => KeyType::P256,
            KeyPair::Es384(_) => KeyType::P384,
            KeyPair::EdDsa(_) => KeyType::Ed25519,
        }
    }

    /// The algorithm that the key signs with: its type decides.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            KeyPair::Rs256(..) => Algorithm::Rs256,
            KeyPair::Es256(_) => Algorithm::Es256,
            KeyPair::Es384(_) => Algorithm::Es384,
            KeyPair::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// Whether a signature takes less time, tens of microseconds, than to have another thread make
    /// it.
    pub fn signs_at_once(&self) -> bool {
        matches!(self.0, KeyPair::Es256(_) | KeyPair::EdDsa(_))
    }

    /// The private key as PKCS#8 PEM: a secret.
    pub fn private_pem(&self) -> Result<Zeroizing<String>, SigningKeyError> {
        SecretDocument::try_from(self.to_pkcs8_der()?.as_slice())
            .and_then(|document| document.to_pem("PRIVATE KEY", LineEnding::LF))
            .map_err(|_| SigningKeyError::NotWritable)
    }

    /// The private key as PKCS#8 DER, version 1: a secret, to be stored encrypted.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        // What the library gives wipes itself.
        let copy = |document: &[u8]| Zeroizing::new(document.to_vec());
        let der = |document: Pkcs8V1Der<'_>| copy(document.as_ref());
        match &self.0 {
            KeyPair::Rs256(pair, _) => pair.as_der().map(der),
            KeyPair::Es256(pair) | KeyPair::Es384(pair) => {
                pair.to_pkcs8v1().map(|document| copy(document.as_ref()))
            }
            KeyPair::EdDsa(pair) => pair.as_der().map(der),
        }
        .map_err(|_| SigningKeyError::NotWritable)
    }

    /// The public key as the platform publishes it: PKCS#1 PEM for RSA, SPKI
    /// PEM for the others.
    pub fn public_pem(&self) -> Result<String, SigningKeyError> {
        let spki = |der: PublicKeyX509Der<'_>| der.as_ref().to_vec();
        let (label, der) = match &self.0 {
            KeyPair::Rs256(pair, _) => ("RSA PUBLIC KEY", Ok(pair.public_key().as_ref().to_vec())),
            KeyPair::Es256(pair) | KeyPair::Es384(pair) => {
                ("PUBLIC KEY", pair.public_key().as_der().map(spki))
            }
            KeyPair::EdDsa(pair) => ("PUBLIC KEY", pair.public_key().as_der().map(spki)),
        };
        let der = der.map_err(|_| SigningKeyError::NotWritable)?;
        Document::try_from(der)
            .and_then(|document| document.to_pem(label, LineEnding::LF))
            .map_err(|_| SigningKeyError::NotWritable)
    }

    /// The signature of a message, as a JWS holds it (RFC 7518 §3).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        // The library has randomness of its own, wherever a signature needs any.
        let unused = SystemRandom::new();
        let signature = match &self.0 {
            KeyPair::Rs256(pair, _) => {
                let mut signature = Zeroizing::new(vec![0; pair.public_modulus_len()]);
                pair.sign(&RSA_PKCS1_SHA256, &unused, message, &mut signature).map(|()| signature)
            }
            KeyPair::Es256(pair) | KeyPair::Es384(pair) => pair
                .sign(&unused, message)
                .map(|signature| Zeroizing::new(signature.as_ref().to_vec())),
            KeyPair::EdDsa(pair) => {
                pair.try_sign(message).map(|signature| Zeroizing::new(signature.as_ref().to_vec()))
            }
        };
        signature.map_err(|_| SigningKeyError::NotSigned)
    }
}

/// Why a key can't be made, read or used. No variant holds any of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningKeyError {
    /// The text holds no private key in PEM.
    NoPrivateKey,
    /// The text holds a public key instead.
    PublicKey,
    /// The key is protected by a passphrase.
    Encrypted,
    /// The key is in OpenSSH's own form.
    OpenSsh,
    /// The key is damaged, or of a kind that signs no tokens.
    Unusable,
    /// An RSA key is smaller or greater than can be used.
    RsaSize,
    /// The system gave no new key.
    NotGenerated,
    /// The key has no PEM form.
    NotWritable,
    /// The key signs nothing.
    NotSigned,
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPrivateKey => {
                "expected a private key in PEM (-----BEGIN PRIVATE KEY-----), found none; \
                 make one with `issuer keygen`"
            }
            Self::PublicKey => {
                "expected a private key, found a public one; give the file private.pem"
            }
            Self::Encrypted => {
                "expected a private key without a passphrase, found an encrypted one; \
                 decrypt it with `openssl pkey`"
            }
            Self::OpenSsh => {
                "expected a private key in PKCS#8, PKCS#1 or SEC1 form, found OpenSSH's; \
                 convert it with `ssh-keygen -p -m PKCS8`"
            }
            Self::Unusable => {
                "expected a private key of RSA, EC P-256, EC P-384 or Ed25519, \
                 found another kind or a damaged key; make one with `issuer keygen`"
            }
            Self::RsaSize => {
                "expected an RSA key of 2048 to 4096 bits, found another size; \
                 make one with `issuer keygen`"
            }
            Self::NotGenerated => "the system gave no new key; try again",
            Self::NotWritable => "the key can't be written as PEM; make another one",
            Self::NotSigned => "the key signs nothing; make another one with `issuer keygen`",
        })
    }
}

impl std::error::Error for SigningKeyError {}

/// The label and the content of the first private key in a text of PEM blocks.
fn private_block(text: &str) -> Result<(&str, SecretDocument), SigningKeyError> {
    const BEGIN: &str = "-----BEGIN ";
    let mut blocks = text.match_indices(BEGIN).filter_map(|(start, _)| {
        let block = text.get(start..)?;
        let label = block.strip_prefix(BEGIN)?.split("-----").next()?;
        Some((label, block))
    });
    let Some((label, block)) = blocks.find(|(label, _)| label.ends_with("PRIVATE KEY")) else {
        return Err(match text.contains("PUBLIC KEY-----") {
            true => SigningKeyError::PublicKey,
            false => SigningKeyError::NoPrivateKey,
        });
    };
    if label == "OPENSSH PRIVATE KEY" {
        return Err(SigningKeyError::OpenSsh);
    }
    // OpenSSL's older encryption keeps the label and adds header lines.
    if label == "ENCRYPTED PRIVATE KEY" || block.contains("\nProc-Type:") {
        return Err(SigningKeyError::Encrypted);
    }
    // The reader wants nothing after the key's own end.
    let end = format!("-----END {label}-----");
    block
        .split_inclusive(&end)
        .next()
        .and_then(|block| SecretDocument::from_pem(block).ok())
        .ok_or(SigningKeyError::Unusable)
}

/// The size of an RSA key in PKCS#1 (RFC 8017 §A.1.2), if its size and its exponent are
/// accepted. It is looked at before anything is computed with the key.
fn rsa_size(secret: &[u8]) -> Result<RsaSize, SigningKeyError> {
    let key = RsaPrivateKeyRef::from_der(secret).map_err(|_| SigningKeyError::Unusable)?;
    let modulus = key.modulus.as_bytes();
    let unset = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(modulus.len()).ok().and_then(|bytes| bytes.checked_mul(8));
    let bits = bits.and_then(|bits| bits.checked_sub(unset)).ok_or(SigningKeyError::RsaSize)?;
    if !RSA_BITS.contains(&bits) {
        return Err(SigningKeyError::RsaSize);
    }
    if key.public_exponent.as_bytes() != RSA_EXPONENT {
        return Err(SigningKeyError::Unusable);
    }
    Ok(RsaSize::from_bits(bits).unwrap_or(RsaSize::Other(bits)))
}

/// The pair of a key in PKCS#8, and in the SEC1 form (RFC 5915) that stands in it. The library
/// takes a secret number of any length, so a damaged key, or one of another curve whose name is
/// missing, could pass for one of this curve.
fn ec_pair(
    algorithm: &'static EcdsaSigningAlgorithm,
    length: usize,
    document: &[u8],
    secret: &[u8],
) -> Result<EcdsaKeyPair, SigningKeyError> {
    EcPrivateKey::from_der(secret)
        .ok()
        .filter(|key| key.private_key.len() == length)
        .and_then(|_| EcdsaKeyPair::from_pkcs8(algorithm, document).ok())
        .ok_or(SigningKeyError::Unusable)
}

/// A private key in PKCS#8 (RFC 5958), version 1.
fn pkcs8(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    secret: &[u8],
) -> Result<SecretDocument, SigningKeyError> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    OctetStringRef::new(secret)
        .map(|secret| PrivateKeyInfoRef::new(algorithm, secret))
        .and_then(|info| SecretDocument::encode_msg(&info))
        .map_err(|_| SigningKeyError::Unusable)
}
