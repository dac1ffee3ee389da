//! A namespace's private key.

use std::fmt;

use jwt_simple::JWTError;
use jwt_simple::prelude::{
    ECDSAP256KeyPairLike, ECDSAP384KeyPairLike, ES256KeyPair, ES384KeyPair, Ed25519KeyPair,
    EdDSAKeyPairLike, JWTClaims, RS256KeyPair, RSAKeyPairLike,
};
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, Document, SecretDocument};
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef};
use serde::Serialize;
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

/// The size of an RSA modulus that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaSize {
    /// 2048 bits.
    Bits2048,
    /// 3072 bits.
    Bits3072,
    /// 4096 bits: the platform's.
    Bits4096,
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
        }
    }
}

/// A private key that signs tokens. It has no `Debug`, so that no log can hold it.
pub struct SigningKey(KeyPair);

enum KeyPair {
    Rs256(Box<RS256KeyPair>),
    Es256(Box<ES256KeyPair>),
    Es384(Box<ES384KeyPair>),
    EdDsa(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// Makes a new key from the operating system's randomness. RSA of 4096 bits
    /// takes seconds.
    ///
    /// # Errors
    ///
    /// [`SigningKeyError::NotGenerated`].
    pub fn generate(key_type: KeyType) -> Result<Self, SigningKeyError> {
        Ok(Self(match key_type {
            KeyType::Rsa(size) => RS256KeyPair::generate(size.bits() as usize)
                .map(|pair| KeyPair::Rs256(Box::new(pair)))
                .map_err(|_| SigningKeyError::NotGenerated)?,
            KeyType::P256 => KeyPair::Es256(Box::new(ES256KeyPair::generate())),
            KeyType::P384 => KeyPair::Es384(Box::new(ES384KeyPair::generate())),
            KeyType::Ed25519 => KeyPair::EdDsa(Box::new(Ed25519KeyPair::generate())),
        }))
    }

    /// Reads a private key in PEM: PKCS#8, PKCS#1 (RSA) or SEC1 (EC).
    ///
    /// What stands before the key in the text is skipped: OpenSSL puts the name
    /// of the curve there.
    pub fn from_pem(text: &str) -> Result<Self, SigningKeyError> {
        let (label, document) = private_block(text)?;
        let document = document.as_bytes();
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(document),
            "RSA PRIVATE KEY" => {
                Self::from_pkcs8(pkcs8(oid::RSA, Some(AnyRef::NULL), document)?.as_bytes())
            }
            // The curve's name is optional in SEC1; the reader of each curve
            // compares a name that is there, and the key's length.
            "EC PRIVATE KEY" => [oid::P256, oid::P384]
                .iter()
                .find_map(|curve| {
                    let document = pkcs8(oid::EC, Some(AnyRef::from(curve)), document).ok()?;
                    Self::from_pkcs8(document.as_bytes()).ok()
                })
                .ok_or(SigningKeyError::Unusable),
            _ => Err(SigningKeyError::Unusable),
        }
    }

    fn from_pkcs8(document: &[u8]) -> Result<Self, SigningKeyError> {
        let info = PrivateKeyInfoRef::from_der(document).map_err(|_| SigningKeyError::Unusable)?;
        let curve = info.algorithm.parameters_oid().ok();
        let pair = match info.algorithm.oid {
            oid::RSA => RS256KeyPair::from_der(document).map(|pair| KeyPair::Rs256(Box::new(pair))),
            oid::EC if curve == Some(oid::P256) => {
                ES256KeyPair::from_der(document).map(|pair| KeyPair::Es256(Box::new(pair)))
            }
            oid::EC if curve == Some(oid::P384) => {
                ES384KeyPair::from_der(document).map(|pair| KeyPair::Es384(Box::new(pair)))
            }
            oid::ED25519 => {
                // The library reads version 1 alone, so a public key that came
                // along (RFC 5958, version 2) is left out.
                let secret = info.private_key.as_bytes();
                let document = pkcs8(oid::ED25519, None, secret)?;
                Ed25519KeyPair::from_der(document.as_bytes())
                    .map(|pair| KeyPair::EdDsa(Box::new(pair)))
            }
            _ => return Err(SigningKeyError::Unusable),
        };
        pair.map(Self).map_err(|error| match error.downcast_ref::<JWTError>() {
            Some(JWTError::WeakKey | JWTError::UnsupportedRSAModulus) => SigningKeyError::RsaSize,
            _ => SigningKeyError::Unusable,
        })
    }

    /// The algorithm that the key signs with: its type decides.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            KeyPair::Rs256(_) => Algorithm::Rs256,
            KeyPair::Es256(_) => Algorithm::Es256,
            KeyPair::Es384(_) => Algorithm::Es384,
            KeyPair::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// The private key as PKCS#8 PEM: a secret.
    pub fn private_pem(&self) -> Result<Zeroizing<String>, SigningKeyError> {
        let document = match &self.0 {
            KeyPair::Rs256(pair) => pair.to_der(),
            KeyPair::Es256(pair) => pair.to_der(),
            KeyPair::Es384(pair) => pair.to_der(),
            KeyPair::EdDsa(pair) => Ok(pair.to_der()),
        };
        let document = Zeroizing::new(document.map_err(|_| SigningKeyError::NotWritable)?);
        SecretDocument::try_from(document.as_slice())
            .and_then(|document| document.to_pem("PRIVATE KEY", LineEnding::LF))
            .map_err(|_| SigningKeyError::NotWritable)
    }

    /// The public key as the platform publishes it: PKCS#1 PEM for RSA, SPKI
    /// PEM for the others.
    pub fn public_pem(&self) -> Result<String, SigningKeyError> {
        let spki = match &self.0 {
            KeyPair::Rs256(pair) => pair.public_key().to_der(),
            KeyPair::Es256(pair) => pair.public_key().to_der(),
            KeyPair::Es384(pair) => pair.public_key().to_der(),
            KeyPair::EdDsa(pair) => Ok(pair.public_key().to_der()),
        };
        let spki = spki.map_err(|_| SigningKeyError::NotWritable)?;
        let (label, document) = match self.0 {
            KeyPair::Rs256(_) => {
                // The bit string of an RSA key's SPKI is its PKCS#1 form (RFC 3279 §2.3.1).
                let spki = SubjectPublicKeyInfoRef::from_der(&spki);
                let spki = spki.map_err(|_| SigningKeyError::NotWritable)?;
                let pkcs1 = Document::try_from(spki.subject_public_key.raw_bytes());
                ("RSA PUBLIC KEY", pkcs1)
            }
            _ => ("PUBLIC KEY", Document::try_from(spki.as_slice())),
        };
        document
            .and_then(|document| document.to_pem(label, LineEnding::LF))
            .map_err(|_| SigningKeyError::NotWritable)
    }

    /// Signs claims under the header `{"alg": …, "typ": "JWT"}`: a token.
    pub(super) fn sign<C: Serialize>(
        &self,
        claims: JWTClaims<C>,
    ) -> Result<Zeroizing<String>, SigningKeyError> {
        let token = match &self.0 {
            KeyPair::Rs256(pair) => pair.sign(claims),
            KeyPair::Es256(pair) => pair.sign(claims),
            KeyPair::Es384(pair) => pair.sign(claims),
            KeyPair::EdDsa(pair) => pair.sign(claims),
        };
        token.map(Zeroizing::new).map_err(|_| SigningKeyError::NotSigned)
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

/// A private key in PKCS#8 (RFC 5958), version 1: the form that the library reads.
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
