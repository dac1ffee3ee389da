//! Test keys, and tokens put together byte by byte.
//!
//! Nothing here uses the product's own code, nor jwt-simple: what the filter
//! accepts must be what others sign. A token's three parts are any bytes that a
//! test likes, so that hostile tokens carry good signatures too.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::KeyPair;
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::EncodePublicKey as _;
use rsa::sha2::{Digest, Sha256, Sha384, Sha512};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPrivateKey};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA with a modulus of this many bits.
    Rsa(usize),
    /// RSA of 2050 bits, which fill no byte, with the exponent 2^24 - 3, the largest prime that
    /// the filter takes.
    OddRsa,
    P256,
    P384,
    Ed25519,
}

pub struct Key(Secret);

enum Secret {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(KeyPair),
}

impl Key {
    /// The key of that name. It is generated when first asked for and then kept
    /// under the target folder: a 4096-bit RSA key takes seconds to find.
    pub fn named(kind: Kind, name: &str) -> Self {
        let folder = crate::root("target/test-keys");
        fs::create_dir_all(&folder).expect("a folder for the test keys");
        let file = folder.join(format!("{name}-{}.pem", kind.label()));
        // Test processes run side by side: one generates, the others wait.
        let lock = fs::File::create(file.with_extension("lock")).unwrap();
        lock.lock().expect("a lock on the test key");
        if !file.exists() {
            let whole = file.with_extension("new");
            fs::write(&whole, Self::generate(kind).to_pem()).unwrap();
            fs::rename(&whole, &file).unwrap();
        }
        Self::from_pem(kind, &fs::read_to_string(&file).unwrap())
    }

    fn generate(kind: Kind) -> Self {
        Self(match kind {
            Kind::Rsa(bits) => Secret::Rsa(Box::new(
                RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).expect("an RSA key"),
            )),
            Kind::OddRsa => Secret::Rsa(Box::new(
                RsaPrivateKey::new_with_exp(
                    &mut rsa::rand_core::OsRng,
                    2050,
                    &BigUint::from((1_u32 << 24) - 3),
                )
                .expect("an RSA key"),
            )),
            Kind::P256 => Secret::P256(p256::ecdsa::SigningKey::generate()),
            Kind::P384 => Secret::P384(p384::ecdsa::SigningKey::generate()),
            Kind::Ed25519 => Secret::Ed25519(KeyPair::generate()),
        })
    }

    fn to_pem(&self) -> String {
        match &self.0 {
            Secret::Rsa(key) => key.to_pkcs1_pem(Default::default()).unwrap().to_string(),
            Secret::P256(key) => key.to_pkcs8_pem(Default::default()).unwrap().to_string(),
            Secret::P384(key) => key.to_pkcs8_pem(Default::default()).unwrap().to_string(),
            Secret::Ed25519(key) => key.sk.to_pem(),
        }
    }

    fn from_pem(kind: Kind, pem: &str) -> Self {
        Self(match kind {
            Kind::Rsa(_) | Kind::OddRsa => {
                Secret::Rsa(Box::new(RsaPrivateKey::from_pkcs1_pem(pem).unwrap()))
            }
            Kind::P256 => Secret::P256(p256::ecdsa::SigningKey::from_pkcs8_pem(pem).unwrap()),
            Kind::P384 => Secret::P384(p384::ecdsa::SigningKey::from_pkcs8_pem(pem).unwrap()),
            Kind::Ed25519 => Secret::Ed25519(KeyPair::from_pem(pem).unwrap()),
        })
    }

    /// The algorithm that the contract gives this key without being asked.
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Secret::Rsa(_) => "RS256",
            Secret::P256(_) => "ES256",
            Secret::P384(_) => "ES384",
            Secret::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key as the platform publishes it: PKCS#1 for RSA, SPKI
    /// otherwise.
    pub fn public_pem(&self) -> String {
        match &self.0 {
            Secret::Rsa(key) => key.to_public_key().to_pkcs1_pem(Default::default()).unwrap(),
            _ => self.spki_pem(),
        }
    }

    pub fn spki_pem(&self) -> String {
        match &self.0 {
            Secret::Rsa(key) => key.to_public_key().to_public_key_pem(Default::default()).unwrap(),
            Secret::P256(key) => key.verifying_key().to_public_key_pem(Default::default()).unwrap(),
            Secret::P384(key) => key.verifying_key().to_public_key_pem(Default::default()).unwrap(),
            Secret::Ed25519(key) => key.pk.to_pem(),
        }
    }

    /// The private key, for programs that sign.
    pub fn private_pem(&self) -> String {
        self.to_pem()
    }

    /// The public key as a JWK (RFC 7518 §6, RFC 8037 §2), without `kid`.
    pub fn jwk(&self) -> Value {
        let coordinates = |curve: &str, point: &[u8]| {
            // An uncompressed point: 0x04, x, y.
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)})
        };
        match &self.0 {
            Secret::Rsa(key) => json!({
                "kty": "RSA",
                "n": base64url(&key.n().to_bytes_be()),
                "e": base64url(&key.e().to_bytes_be()),
            }),
            Secret::P256(key) => coordinates(
                "P-256",
                key.verifying_key().as_affine().to_sec1_point(false).as_bytes(),
            ),
            Secret::P384(key) => coordinates(
                "P-384",
                key.verifying_key().as_affine().to_sec1_point(false).as_bytes(),
            ),
            Secret::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(&key.pk[..])})
            }
        }
    }

    pub fn jwk_with_kid(&self, kid: &str) -> Value {
        let mut jwk = self.jwk();
        jwk["kid"] = json!(kid);
        jwk
    }

    /// A token of the platform's form, signed with the key's own algorithm.
    pub fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm(), "typ": "JWT"});
        self.token_with(&header, claims)
    }

    /// A token signed with the algorithm that its header names.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"].as_str().expect("a header with alg");
        self.sign(algorithm, header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token of these very header and payload bytes.
    pub fn sign(&self, algorithm: &str, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", base64url(header), base64url(payload));
        let signature = self.signature(algorithm, input.as_bytes());
        format!("{input}.{}", base64url(&signature))
    }

    /// The JWS signature (RFC 7518 §3) of any bytes.
    pub fn signature(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::Signer as _;
        match (&self.0, algorithm) {
            (Secret::Rsa(key), "RS256") => pkcs1::<Sha256>(key, input),
            (Secret::Rsa(key), "RS384") => pkcs1::<Sha384>(key, input),
            (Secret::Rsa(key), "RS512") => pkcs1::<Sha512>(key, input),
            (Secret::Rsa(key), "PS256") => pss::<Sha256>(key, input),
            (Secret::Rsa(key), "PS384") => pss::<Sha384>(key, input),
            (Secret::Rsa(key), "PS512") => pss::<Sha512>(key, input),
            (Secret::P256(key), "ES256") => {
                let signature: p256::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            (Secret::P384(key), "ES384") => {
                let signature: p384::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            (Secret::Ed25519(key), "EdDSA") => key.sk.sign(input, None).to_vec(),
            _ => panic!("a {} key can't sign with {algorithm}", self.algorithm()),
        }
    }
}

/// What no honest signer does, for tokens that must be refused.
impl Key {
    /// The RSA private operation on a whole block, whatever its padding.
    pub fn rsa_private(&self, block: &[u8]) -> Vec<u8> {
        let key = self.rsa();
        let number = BigUint::from_bytes_be(block).modpow(key.d(), key.n());
        left_padded(&number, key.size())
    }

    /// The RSA modulus, big-endian.
    pub fn rsa_modulus(&self) -> Vec<u8> {
        self.rsa().n().to_bytes_be()
    }

    /// A PS256 signature with a salt of this many bytes.
    pub fn ps256_with_salt(&self, input: &[u8], salt: usize) -> Vec<u8> {
        let padding = Pss::new_with_salt::<Sha256>(salt);
        let digest = Sha256::digest(input);
        self.rsa().sign_with_rng(&mut rsa::rand_core::OsRng, padding, &digest).expect("PSS")
    }

    fn rsa(&self) -> &RsaPrivateKey {
        let Secret::Rsa(key) = &self.0 else { panic!("{} is not RSA", self.algorithm()) };
        key
    }
}

/// A number as so many bytes, big-endian.
pub fn left_padded(number: &BigUint, size: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; size - bytes.len()], bytes].concat()
}

impl Kind {
    fn label(self) -> String {
        match self {
            Self::Rsa(bits) => format!("rsa-{bits}"),
            Self::OddRsa => "rsa-odd-24".to_owned(),
            Self::P256 => "p-256".to_owned(),
            Self::P384 => "p-384".to_owned(),
            Self::Ed25519 => "ed25519".to_owned(),
        }
    }
}

fn pkcs1<D: Digest + rsa::pkcs8::AssociatedOid>(key: &RsaPrivateKey, input: &[u8]) -> Vec<u8> {
    key.sign(Pkcs1v15Sign::new::<D>(), &D::digest(input)).expect("a PKCS#1 v1.5 signature")
}

fn pss<D>(key: &RsaPrivateKey, input: &[u8]) -> Vec<u8>
where
    D: Digest + rsa::sha2::digest::DynDigest + Send + Sync + 'static,
{
    key.sign_with_rng(
        &mut rsa::rand_core::OsRng,
        // The salt is as long as the digest (RFC 7518 §3.5).
        Pss::new_with_salt::<D>(<D as Digest>::output_size()),
        &<D as Digest>::digest(input),
    )
    .expect("a PSS signature")
}

/// A token signed with a secret that both sides know, for tests of algorithm
/// confusion.
pub fn hs256(secret: &[u8], header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", base64url(header), base64url(payload));
    let signature = hmac_sha256::HMAC::mac(input.as_bytes(), secret);
    format!("{input}.{}", base64url(&signature))
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn from_base64url(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// The token with one bit of its `part`th part (from 0) the other way round.
/// The part stays canonical base64url of the same length.
pub fn flip_bit(token: &str, part: usize, bit: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = from_base64url(&parts[part]);
    bytes[bit / 8] ^= 1 << (bit % 8);
    parts[part] = base64url(&bytes);
    parts.join(".")
}
