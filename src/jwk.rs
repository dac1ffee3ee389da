//! JSON Web Keys (RFC 7517) and the public halves of their types (RFC 7518 §6, RFC 8037 §2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::{self, Object};
use crate::key::{AllowedAlgorithms, KeyError, Material, PublicKey};

/// Reads one key. Members that it doesn't know are ignored (RFC 7517 §4).
///
/// # Errors
///
/// [`KeyError`] when the value isn't a public key for verifying signatures that
/// `allowed` has an algorithm for.
pub fn public_key(jwk: &Value, allowed: &AllowedAlgorithms) -> Result<PublicKey, KeyError> {
    let Object(jwk) = Object::<Jwk>::deserialize(jwk).map_err(|_| KeyError::Jwk)?;
    if jwk.d.is_some() || jwk.k.is_some() {
        return Err(KeyError::Private);
    }
    let for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
    let may_verify = |operations: &Vec<String>| operations.iter().any(|name| name == "verify");
    if !for_signatures || !jwk.key_ops.as_ref().is_none_or(may_verify) {
        return Err(KeyError::Use);
    }
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Material::rsa(&number(jwk.n)?, &number(jwk.e)?)?,
        ("EC", Some("P-256")) => Material::p256(&point::<32>(jwk.x, jwk.y)?)?,
        ("EC", Some("P-384")) => Material::p384(&point::<48>(jwk.x, jwk.y)?)?,
        ("OKP", Some("Ed25519")) => Material::ed25519(&number(jwk.x)?)?,
        (kty, None) => return Err(KeyError::Type(kty.to_owned())),
        (kty, Some(crv)) => return Err(KeyError::Type(format!("{kty} {crv}"))),
    };
    PublicKey::bind(material, jwk.kid, jwk.alg.as_deref(), allowed)
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    alg: Option<String>,
    #[serde(default, rename = "use", deserialize_with = "json::present")]
    usage: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    /// A private key's secret part.
    #[serde(default, deserialize_with = "json::present")]
    d: Option<IgnoredAny>,
    /// A symmetric key.
    #[serde(default, deserialize_with = "json::present")]
    k: Option<IgnoredAny>,
}

/// The bytes of a `Base64urlUInt` or another base64url member.
fn number(member: Option<String>) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD.decode(member.ok_or(KeyError::Jwk)?).map_err(|_| KeyError::Jwk)
}

/// The uncompressed point (SEC 1 §2.3.3) of two coordinates, each of the full length
/// that RFC 7518 §6.2.1.2 asks for.
fn point<const LENGTH: usize>(x: Option<String>, y: Option<String>) -> Result<Vec<u8>, KeyError> {
    let (x, y) = (number(x)?, number(y)?);
    if x.len() != LENGTH || y.len() != LENGTH {
        return Err(KeyError::Point);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}
