//! JSON Web Keys (RFC 7517) and the public halves of their types (RFC 7518 §6, RFC 8037 §2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::key::{AllowedAlgorithms, KeyError, Material, PublicKey};

/// The members of private and symmetric keys (RFC 7518 §6, and `priv` of later types).
const SECRETS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Whether a value holds, or seems to hold, a private or a symmetric key, whatever else is
/// odd about it.
pub fn is_secret(jwk: &Value) -> bool {
    match jwk {
        Value::Object(members) => {
            let kty = members.get("kty").and_then(Value::as_str);
            kty.is_some_and(|kty| kty.eq_ignore_ascii_case("oct"))
                || SECRETS.iter().any(|name| members.contains_key(*name))
        }
        Value::String(text) => text.contains("PRIVATE KEY"),
        _ => false,
    }
}

/// Reads one key. Members that it doesn't know are ignored (RFC 7517 §4).
///
/// # Errors
///
/// [`KeyError`] when the value isn't a public key for verifying signatures that
/// `allowed` has an algorithm for.
pub fn public_key(jwk: &Value, allowed: &AllowedAlgorithms) -> Result<PublicKey, KeyError> {
    if is_secret(jwk) {
        return Err(KeyError::Private);
    }
    let Value::Object(members) = jwk else { return Err(KeyError::JwkForm) };
    let jwk = Jwk(members);
    let id = jwk.text("kid")?;
    let declared = jwk.text("alg")?;
    if jwk.text("use")?.is_some_and(|usage| usage != "sig") || !jwk.may_verify()? {
        return Err(KeyError::Use);
    }
    let material = match (jwk.needed("kty")?, jwk.text("crv")?) {
        ("RSA", _) => Material::rsa(&jwk.bytes("n")?, &jwk.bytes("e")?)?,
        ("EC", Some("P-256")) => Material::p256(&point::<32>(&jwk)?)?,
        ("EC", Some("P-384")) => Material::p384(&point::<48>(&jwk)?)?,
        ("OKP", Some("Ed25519")) => Material::ed25519(&jwk.bytes("x")?)?,
        (kty, None) => return Err(KeyError::Type(kty.to_owned())),
        (kty, Some(crv)) => return Err(KeyError::Type(format!("{kty} {crv}"))),
    };
    PublicKey::bind(material, id.map(str::to_owned), declared, allowed)
}

struct Jwk<'a>(&'a Map<String, Value>);

impl<'a> Jwk<'a> {
    fn text(&self, name: &'static str) -> Result<Option<&'a str>, KeyError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(KeyError::JwkMember(name)),
        }
    }

    fn needed(&self, name: &'static str) -> Result<&'a str, KeyError> {
        let certificate = || match self.0.contains_key("x5c") {
            true => KeyError::CertificateOnly,
            false => KeyError::JwkMember(name),
        };
        self.text(name)?.ok_or_else(certificate)
    }

    /// The bytes of a `Base64urlUInt` or another base64url member.
    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, KeyError> {
        URL_SAFE_NO_PAD.decode(self.needed(name)?).map_err(|_| KeyError::JwkMember(name))
    }

    /// Whether `key_ops`, if it is there, has `verify` (RFC 7517 §4.3).
    fn may_verify(&self) -> Result<bool, KeyError> {
        match self.0.get("key_ops") {
            None => Ok(true),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                Ok(names.iter().any(|name| name == "verify"))
            }
            Some(_) => Err(KeyError::JwkMember("key_ops")),
        }
    }
}

/// The uncompressed point (SEC 1 §2.3.3) of two coordinates, each of the full length
/// that RFC 7518 §6.2.1.2 asks for.
fn point<const LENGTH: usize>(jwk: &Jwk<'_>) -> Result<Vec<u8>, KeyError> {
    let (x, y) = (jwk.bytes("x")?, jwk.bytes("y")?);
    if x.len() != LENGTH || y.len() != LENGTH {
        return Err(KeyError::Point);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::signature::Algorithm;
    use crate::signature::rsa::RsaKeyError;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const P256: [&str; 2] = [
        "dRGr_gmY93SzXDpA4tFvZhGzg8R-W4_VGfjLypge1dw",
        "J4RCxGNo_d6tVrZbh7he6hh9leghmhurHt7O0EibKNo",
    ];
    const P384: [&str; 2] = [
        "y-plvzJj7YHdD2oMwx6o-LdnVGdy8KAqckAKiPDlL-i2oQYknxIivL8heO1-qlFa",
        "qjxfinguvSqSdXMfRZ1gKBAMt4bncbWlJlWOO4F6xLnc-Oks4sCctQgrfmmIVSOs",
    ];
    const ED25519: &str = "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8";
    const RSA: &str = "rENzk6h0CGcjaUvyL2_iT-uPFkhBpf-V2aUkzp0NoJC7i5LlbUu7UoFh28bS8sYmytMrXtTHjgkhWkZvv9IdPgzWdfY26W_fkEleGQUUIIwkjqG_MrzCRrpia86kRWTIQVux8NMFwsuoU8PEVMTDfBLCFJncScp6g0Ss1i1ssr9NMDGPxNRlzmhXhynPCa292eR0_BPxUM7HP1ia-3JGkCrEkIVFdVAk2eqvDX3E9dpP_KDeR1wpUxm-tVBMCTe7LHvqVB61LSwOwHroJPT2BQq15hKFh4YasfgOCJYDF_FbZAPTZV7-30qKx_nj7z7rh3USVeo2yTTFqpw20L1TNw";

    fn read(
        jwk: &Value,
        allowed: &AllowedAlgorithms,
    ) -> Result<(String, Option<String>), KeyError> {
        let key = public_key(jwk, allowed)?;
        Ok((key.material().describe(), key.id().map(str::to_owned)))
    }

    #[test]
    fn every_accepted_type_is_read() {
        for (jwk, expected) in [
            (json!({"kty": "RSA", "n": RSA, "e": "AQAB"}), "RSA-2048"),
            (json!({"kty": "EC", "crv": "P-256", "x": P256[0], "y": P256[1]}), "EC P-256"),
            (json!({"kty": "EC", "crv": "P-384", "x": P384[0], "y": P384[1]}), "EC P-384"),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519}), "Ed25519"),
        ] {
            let read = read(&jwk, &AllowedAlgorithms::default());
            assert_eq!(read, Ok((expected.into(), None)), "{jwk}");
        }
    }

    #[test]
    fn a_key_says_what_it_is_for() {
        let key = |members: Value| {
            let mut jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519});
            jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            read(&jwk, &AllowedAlgorithms::default()).map(|(_, id)| id)
        };
        let declared = |name: &str| KeyError::Algorithm {
            declared: Some(name.into()),
            possible: vec![Algorithm::EdDsa],
        };
        for (members, expected) in [
            (
                json!({"kid": "k", "use": "sig", "alg": "EdDSA", "key_ops": ["verify"]}),
                Ok(Some("k".into())),
            ),
            (json!({"x5c": ["ignored"], "ext": true}), Ok(None)),
            (json!({"use": "enc"}), Err(KeyError::Use)),
            (json!({"key_ops": ["encrypt"]}), Err(KeyError::Use)),
            (json!({"key_ops": []}), Err(KeyError::Use)),
            (json!({"alg": "ES256"}), Err(declared("ES256"))),
            (json!({"alg": "none"}), Err(declared("none"))),
            (json!({"kid": 1}), Err(KeyError::JwkMember("kid"))),
            (json!({"alg": null}), Err(KeyError::JwkMember("alg"))),
            (json!({"key_ops": "verify"}), Err(KeyError::JwkMember("key_ops"))),
            (json!({"d": ED25519}), Err(KeyError::Private)),
            (json!({"d": null, "kty": 1, "use": "enc"}), Err(KeyError::Private)),
            (json!({"dq": 1, "kid": 1}), Err(KeyError::Private)),
            (json!({"kty": "AKP", "priv": "AA"}), Err(KeyError::Private)),
            (json!({"kty": "oct", "k": "c2VjcmV0"}), Err(KeyError::Private)),
            (json!({"kty": "Oct", "use": 1}), Err(KeyError::Private)),
        ] {
            assert_eq!(key(members.clone()), expected, "{members}");
        }
    }

    #[test]
    fn an_rsa_key_verifies_what_is_listed_and_what_it_declares() {
        use Algorithm::{Ps512, Rs256, Rs512};
        let algorithms = |alg: Option<&str>, listed: Option<&[Algorithm]>| {
            let mut jwk = json!({"kty": "RSA", "n": RSA, "e": "AQAB"});
            if let Some(alg) = alg {
                jwk["alg"] = alg.into();
            }
            let allowed = listed.map(|listed| AllowedAlgorithms::listed(listed.to_vec()));
            public_key(&jwk, &allowed.unwrap_or_default()).ok().map(|key| key.algorithms().to_vec())
        };
        assert_eq!(algorithms(None, None), Some(vec![Rs256]));
        assert_eq!(algorithms(Some("RS256"), None), Some(vec![Rs256]));
        assert_eq!(algorithms(Some("RS512"), None), None);
        assert_eq!(algorithms(Some("RS512"), Some(&[Rs256, Rs512])), Some(vec![Rs512]));
        assert_eq!(algorithms(None, Some(&[Ps512, Rs512])), Some(vec![Rs512, Ps512]));
        assert_eq!(algorithms(None, Some(&[Algorithm::Es256])), None);
    }

    #[test]
    fn what_is_not_a_public_key_is_refused() {
        for (jwk, expected) in [
            (json!("k"), KeyError::JwkForm),
            (json!("-----BEGIN PRIVATE KEY-----"), KeyError::Private),
            (json!([]), KeyError::JwkForm),
            (json!({}), KeyError::JwkMember("kty")),
            (json!({"kty": "RSA", "x5c": ["AA"]}), KeyError::CertificateOnly),
            (json!({"x5c": ["AA"]}), KeyError::CertificateOnly),
            (json!({"kty": "RSA", "n": RSA}), KeyError::JwkMember("e")),
            (json!({"kty": "RSA", "n": RSA, "e": "AQAB="}), KeyError::JwkMember("e")),
            (json!({"kty": "RSA", "n": RSA, "e": "AQ"}), KeyError::Rsa(RsaKeyError::Numbers)),
            (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), KeyError::Rsa(RsaKeyError::Bits(17))),
            (json!({"kty": "RSA", "n": "", "e": "AQAB"}), KeyError::Rsa(RsaKeyError::Bits(0))),
            (json!({"kty": "EC", "crv": "P-256", "x": P256[0]}), KeyError::JwkMember("y")),
            (json!({"kty": "EC", "crv": "P-256", "x": P256[1], "y": P256[0]}), KeyError::Point),
            (json!({"kty": "EC", "crv": "P-384", "x": P256[0], "y": P256[1]}), KeyError::Point),
            (json!({"kty": "EC", "crv": "P-256", "x": P384[0], "y": P384[1]}), KeyError::Point),
            (
                json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}),
                KeyError::Type("EC P-521".into()),
            ),
            (
                json!({"kty": "OKP", "crv": "X25519", "x": ED25519}),
                KeyError::Type("OKP X25519".into()),
            ),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), KeyError::Point),
            // The neutral element: every signature by it could be forged.
            (
                json!({"kty": "OKP", "crv": "Ed25519", "x": format!("AQ{}", "A".repeat(41))}),
                KeyError::Point,
            ),
            (json!({"kty": "rsa", "n": RSA, "e": "AQAB"}), KeyError::Type("rsa".into())),
        ] {
            assert_eq!(read(&jwk, &AllowedAlgorithms::default()), Err(expected), "{jwk}");
        }
    }
}
