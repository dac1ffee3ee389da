//! The key that signs what the fuzzer made up.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, Seed};

/// The header of a platform token, but for the algorithm.
pub const HEADER: &[u8] = br#"{"alg":"EdDSA","typ":"JWT"}"#;

/// An Ed25519 key pair: the quickest signature there is.
pub struct Signer(KeyPair);

impl Default for Signer {
    fn default() -> Self {
        Self(KeyPair::from_seed(Seed::new([7; 32])))
    }
}

impl Signer {
    /// A token with this header and payload.
    pub fn token(&self, header: &[u8], payload: &[u8]) -> String {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        let signed = format!("{header}.{payload}");
        let signature = self.0.sk.sign(&signed, None);
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A signature over these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        *self.0.sk.sign(bytes, None)
    }

    /// The public key's 32 bytes.
    pub fn public(&self) -> &[u8] {
        self.0.pk.as_ref()
    }

    /// The public key as a filter's configuration has it.
    pub fn public_pem(&self) -> String {
        // SubjectPublicKeyInfo of id-Ed25519 (RFC 8410 §4).
        let spki = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", self.public()].concat();
        pem("PUBLIC KEY", &spki)
    }
}

/// A PEM block (RFC 7468).
pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
