//! Checkpoints as they are sent.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, Seed};
use hmac_sha256::Hash;
use serde_json::{Value, json};

use super::contents::hex;

/// A checkpoint with its `ETag`.
#[derive(Clone, Debug)]
pub struct Signed {
    pub etag: String,
    pub body: Vec<u8>,
}

/// The pair that is made of this byte.
fn pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

/// The public key in PEM (RFC 8410 §4).
pub fn public_pem(seed: u8) -> String {
    let der =
        [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", pair(seed).pk.as_ref()].concat();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

/// The name of the public key in checkpoints.
pub fn key_id(seed: u8) -> String {
    hex(&Hash::hash(pair(seed).pk.as_ref())[..8])
}

/// Signs a payload.
pub fn sign(payload: &Value, seed: u8) -> Signed {
    let bytes = payload.to_string().into_bytes();
    let signed = [b"namespace-jwt checkpoint v1\n", &bytes[..]].concat();
    let pair = pair(seed);
    let body = json!({
        "payload": URL_SAFE_NO_PAD.encode(&bytes),
        "signatures": [{
            "key": key_id(seed),
            "signature": URL_SAFE_NO_PAD.encode(pair.sk.sign(signed, None)),
        }],
    });
    let etag = format!("\"{}-{}\"", payload["sequence"], hex(&Hash::hash(&bytes)[..8]));
    Signed { etag, body: body.to_string().into_bytes() }
}

/// Microseconds since 1970, by a clock that is wrong by so many seconds.
pub fn micros(wrong_by: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let micros = i64::try_from(now.as_micros()).unwrap() + wrong_by * 1_000_000;
    u64::try_from(micros).unwrap()
}
