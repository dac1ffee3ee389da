//! PEM public keys (RFC 7468): PKCS#1 RSA, as the platform publishes, and SPKI.

use rsa::pkcs1::{self, der::Decode as _};
use rsa::pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::key::{KeyError, Material};

/// RFC 8017 appendix A.1.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480 §2.1.1.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480 §2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 5480 §2.1.1.1.
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410 §3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Reads one key. A literal `\n` counts as a line break: environment variables and
/// YAML often carry PEM so.
///
/// # Errors
///
/// [`KeyError`] when the text isn't one PEM block with an acceptable public key.
pub fn public_key(text: &str) -> Result<Material, KeyError> {
    let text = text.replace("\\n", "\n");
    let mut decoder = pem_rfc7468::Decoder::new_detect_wrap(text.trim().as_bytes())
        .map_err(|_| KeyError::NotPem)?;
    let read = match decoder.type_label() {
        "RSA PUBLIC KEY" => pkcs1_der,
        "PUBLIC KEY" => spki_der,
        label if label.ends_with("PRIVATE KEY") => return Err(KeyError::Private),
        label => return Err(KeyError::PemLabel(label.to_owned())),
    };
    let mut der = Vec::new();
    decoder.decode_to_end(&mut der).map_err(|_| KeyError::NotPem)?;
    read(&der)
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn pkcs1_der(der: &[u8]) -> Result<Material, KeyError> {
    let key = pkcs1::RsaPublicKey::from_der(der).map_err(|_| KeyError::Der)?;
    Material::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn spki_der(der: &[u8]) -> Result<Material, KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Der)?;
    let key = info.subject_public_key.as_bytes().ok_or(KeyError::Der)?;
    let (algorithm, curve) = match info.algorithm.oid {
        EC_PUBLIC_KEY => (EC_PUBLIC_KEY, info.algorithm.parameters_oid().ok()),
        oid => (oid, None),
    };
    match (algorithm, curve) {
        (RSA_ENCRYPTION, _) => pkcs1_der(key),
        (EC_PUBLIC_KEY, Some(P256)) => Material::p256(key),
        (EC_PUBLIC_KEY, Some(P384)) => Material::p384(key),
        (EC_PUBLIC_KEY, Some(curve)) => Err(KeyError::Type(format!("EC {curve}"))),
        (EC_PUBLIC_KEY, None) => Err(KeyError::Der),
        (ED25519, _) => Material::ed25519(key),
        (oid, _) => Err(KeyError::Type(oid.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rsassa::RsaKeyError;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(text: &str) -> Result<String, KeyError> {
        public_key(text).map(|key| key.describe())
    }

    #[test]
    fn every_accepted_type_is_read_and_no_other() {
        for (pem, expected) in [
            (include_str!("../tests/keys/rsa-2048.pkcs1.pem"), Ok("RSA-2048")),
            (include_str!("../tests/keys/rsa-2048.spki.pem"), Ok("RSA-2048")),
            (include_str!("../tests/keys/rsa-8192.pem"), Ok("RSA-8192")),
            (include_str!("../tests/keys/ec-p256.pem"), Ok("EC P-256")),
            (include_str!("../tests/keys/ec-p384.pem"), Ok("EC P-384")),
            (include_str!("../tests/keys/ed25519.pem"), Ok("Ed25519")),
            (
                include_str!("../tests/keys/rsa-1024.pem"),
                Err(KeyError::Rsa(RsaKeyError::Bits(1024))),
            ),
            (include_str!("../tests/keys/rsa-e3.pem"), Err(KeyError::Rsa(RsaKeyError::Numbers))),
            (
                include_str!("../tests/keys/ec-p521.pem"),
                Err(KeyError::Type("EC 1.3.132.0.35".into())),
            ),
        ] {
            assert_eq!(read(pem), expected.map(str::to_owned), "{pem}");
        }
    }

    #[test]
    fn the_lines_may_be_written_in_several_ways() {
        let pem = include_str!("../tests/keys/ec-p256.pem");
        let (body, ends) = (pem.lines().nth(1).unwrap(), pem.lines().nth(2).unwrap());
        let one_line = pem.replace(&format!("{body}\n{ends}"), &format!("{body}{ends}"));
        for text in [
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            format!("\n  {pem}\n"),
            pem.trim_end().to_owned(),
            one_line,
        ] {
            assert_eq!(read(&text), Ok("EC P-256".into()), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_one_public_key_is_refused() {
        let pem = include_str!("../tests/keys/ec-p256.pem");
        let labelled = |label: &str| pem.replace("PUBLIC KEY", label);
        for (text, expected) in [
            (String::new(), KeyError::NotPem),
            ("x".into(), KeyError::NotPem),
            (pem.replace("END", "BEGIN"), KeyError::NotPem),
            (pem.replace('W', "*"), KeyError::NotPem),
            (format!("{pem}{pem}"), KeyError::NotPem),
            (labelled("PRIVATE KEY"), KeyError::Private),
            (labelled("EC PRIVATE KEY"), KeyError::Private),
            (labelled("CERTIFICATE"), KeyError::PemLabel("CERTIFICATE".into())),
            (labelled("RSA PUBLIC KEY"), KeyError::Der),
            (pem.replace("MFkw", "MFgw"), KeyError::Der),
            // A point one bit beside the curve.
            (pem.replace("SJso2g==", "SJso2w=="), KeyError::Point),
        ] {
            assert_eq!(read(&text), Err(expected), "{text}");
        }
    }
}
