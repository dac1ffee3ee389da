//! PEM public keys (RFC 7468): PKCS#1 RSA, as the platform publishes, and SPKI.
//!
//! What is taken, beside RFC 7468's own form, is what variables and YAML make of it and what
//! can mean one thing only:
//!
//! ```text
//! key    = layer [base64 of a layer]         one layer of base64 around the whole
//! layer  = [BOM] [quote] [whole lines of text] "-----BEGIN" space label "-----" body
//!          "-----END" space label "-----" [quote]
//! label  = "RSA" space "PUBLIC" space "KEY" / "PUBLIC" space "KEY"
//! body   = base64 with its padding, with space anywhere
//! space  = white space, also written out: \n \r \t, after any number of backslashes
//! ```

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoRef;
use spki::der::Decode as _;

use crate::key::{KeyError, Material, oid};

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// Reads one key, written as the module's documentation has it.
///
/// # Errors
///
/// [`KeyError`] when the text isn't one PEM block with an acceptable public key.
pub fn public_key(text: &str) -> Result<Material, KeyError> {
    let text = unwrapped(text);
    let outer = find_block(&text);
    let decoded = match outer {
        Err(KeyError::NotPem) => from_base64(&text),
        _ => None,
    };
    match decoded {
        None => outer,
        Some(text) => find_block(&unwrapped(&text)),
    }
}

/// The blocks in a text, one or several, to be read one by one.
pub fn blocks(text: &str) -> Vec<String> {
    let mut starts: Vec<_> = text.match_indices("-----BEGIN ").map(|(at, _)| at).collect();
    // What stands before the first belongs to it, so that it is found to be wrong.
    if let Some(first) = starts.first_mut() {
        *first = 0;
    } else {
        return vec![text.to_owned()];
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let block = |(start, end): (&usize, usize)| text.get(*start..end).map(str::to_owned);
    starts.iter().zip(ends).filter_map(block).collect()
}

/// The text with line breaks for those that are written out, without what is around it.
fn unwrapped(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        lines.push_str(before);
        rest = after.trim_start_matches('\\');
        match rest.strip_prefix(['n', 'r', 't']) {
            Some(after) => {
                lines.push('\n');
                rest = after;
            }
            None if rest.starts_with(QUOTES) => {}
            None => lines.push('\\'),
        }
    }
    lines.push_str(rest);
    let bare = |text: &str| {
        let is_space = |it: char| it.is_whitespace() || it == '\u{feff}';
        text.trim_matches(is_space).to_owned()
    };
    let text = bare(&lines);
    let mut quoted = QUOTES.into_iter().filter_map(|it| text.strip_prefix(it)?.strip_suffix(it));
    quoted.next().map_or_else(|| text.clone(), bare)
}

/// The text that this is the base64 of, if that has a PEM block in it.
fn from_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(without_space(text)).ok()?;
    String::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN))
}

/// Reads the one PEM block of a text.
fn find_block(text: &str) -> Result<Material, KeyError> {
    if text.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let Some((before, block)) = text.split_once(BEGIN) else { return Err(no_block(text)) };
    // Explanatory text is whole lines (RFC 7468 §5.2).
    if !before.is_empty() && !before.ends_with('\n') {
        return Err(KeyError::PemTextBefore);
    }
    let (label, block) = block.split_once("-----").ok_or(KeyError::PemNoEnd)?;
    let label = words(label);
    if label.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let (body, end) = block.split_once(END).ok_or(KeyError::PemNoEnd)?;
    if body.contains(BEGIN) {
        return Err(KeyError::PemNoEnd);
    }
    let (end_label, after) = end.split_once("-----").ok_or(KeyError::PemNoEnd)?;
    let after = after.trim();
    if after.contains(BEGIN) {
        return Err(KeyError::PemSeveral);
    }
    if !after.is_empty() {
        return Err(KeyError::PemTextAfter);
    }
    let read = match label.as_str() {
        "RSA PUBLIC KEY" => pkcs1_der,
        "PUBLIC KEY" => spki_der,
        "SSH2 PUBLIC KEY" => return Err(KeyError::OpenSsh),
        label if label.ends_with("CERTIFICATE") => return Err(KeyError::Certificate),
        _ => return Err(KeyError::PemLabel(label)),
    };
    if words(end_label) != label {
        return Err(KeyError::PemNoEnd);
    }
    read(&decode(body)?)
}

/// What a text without a PEM block is instead.
fn no_block(text: &str) -> KeyError {
    const ENDS: [&str; 6] = [".pem", ".pub", ".key", ".crt", ".cer", ".der"];
    const STARTS: [&str; 6] = ["/", "./", "../", "~/", "@", "file:"];
    let bare_der = || STANDARD.decode(without_space(text)).ok().filter(|it| it.len() > 40);
    if ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|start| text.starts_with(start))
        || text.contains("BEGIN SSH2 PUBLIC KEY")
    {
        KeyError::OpenSsh
    } else if is_example(text) {
        KeyError::Placeholder
    } else if text.starts_with('$') {
        KeyError::Variable
    } else if let Some(Err(error)) = bare_der().map(|der| refuse_private(&der)) {
        error
    } else if text.contains(END) || bare_der().is_some_and(|der| der.first() == Some(&0x30)) {
        KeyError::PemNoBegin
    } else if ENDS.iter().any(|end| text.to_ascii_lowercase().ends_with(end))
        || STARTS.iter().any(|start| text.starts_with(start))
    {
        KeyError::FileName
    } else {
        KeyError::NotPem
    }
}

/// Whether somebody left the ellipsis or the `<placeholder>` of an example.
fn is_example(text: &str) -> bool {
    text.contains(['…', '<']) || text.contains("...")
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The DER in the base64 of a block.
fn decode(body: &str) -> Result<Vec<u8>, KeyError> {
    if is_example(body) {
        return Err(KeyError::Placeholder);
    }
    let compact = without_space(body);
    let foreign = |it: &char| !it.is_ascii_alphanumeric() && !"+/=".contains(*it);
    if let Some(character) = compact.chars().find(foreign) {
        return Err(KeyError::PemCharacter(character));
    }
    let der = STANDARD.decode(compact).map_err(|_| KeyError::PemBase64)?;
    refuse_private(&der)?;
    whole(&der)?;
    Ok(der)
}

/// Private keys begin with a version: PKCS#1 (RFC 8017 appendix A.1.2), PKCS#8 (RFC 5958 §2)
/// and SEC 1 (RFC 5915 §3), whatever label they were given.
fn refuse_private(der: &[u8]) -> Result<(), KeyError> {
    let version = match der {
        [0x30, 0..=0x7f, version @ ..] => version,
        [0x30, 0x81, _, version @ ..] => version,
        [0x30, 0x82, _, _, version @ ..] => version,
        _ => return Ok(()),
    };
    match version {
        [0x02, 0x01, 0 | 1, ..] => Err(KeyError::Private),
        _ => Ok(()),
    }
}

/// Whether DER is as long as its first bytes say (X.690 §8.1.3): base64 that lost a line is
/// still base64.
fn whole(der: &[u8]) -> Result<(), KeyError> {
    let (length, content) = match der {
        [0x30, length @ 0..=0x7f, content @ ..] => (usize::from(*length), content),
        [0x30, 0x81, length, content @ ..] => (usize::from(*length), content),
        [0x30, 0x82, high, low, content @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), content)
        }
        _ => return Err(KeyError::Der),
    };
    if content.len() == length { Ok(()) } else { Err(KeyError::DerLength) }
}

/// `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn pkcs1_der(der: &[u8]) -> Result<Material, KeyError> {
    let key = RsaPublicKeyRef::from_der(der).map_err(|_| KeyError::Der)?;
    Material::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
fn spki_der(der: &[u8]) -> Result<Material, KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Der)?;
    let key = info.subject_public_key.as_bytes().ok_or(KeyError::Der)?;
    let (algorithm, curve) = match info.algorithm.oid {
        oid::EC => (oid::EC, info.algorithm.parameters_oid().ok()),
        other => (other, None),
    };
    match (algorithm, curve) {
        (oid::RSA, _) => pkcs1_der(key),
        (oid::EC, Some(oid::P256)) => Material::p256(key),
        (oid::EC, Some(oid::P384)) => Material::p384(key),
        (oid::EC, Some(curve)) => Err(KeyError::Type(format!("EC {curve}"))),
        (oid::EC, None) => Err(KeyError::Der),
        (oid::ED25519, _) => Material::ed25519(key),
        (other, _) => Err(KeyError::Type(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::rsa::RsaKeyError;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_text_may_hold_several_keys() {
        let key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for (text, expected) in [
            (key.to_owned(), vec![key.to_owned()]),
            (format!("{key}\n{key}"), vec![format!("{key}\n"), key.to_owned()]),
            (format!("x{key}{key}"), vec![format!("x{key}"), key.to_owned()]),
            ("no key".to_owned(), vec!["no key".to_owned()]),
        ] {
            assert_eq!(blocks(&text), expected);
        }
    }

    fn read(text: &str) -> Result<String, KeyError> {
        public_key(text).map(|key| key.describe())
    }

    #[test]
    fn every_accepted_type_is_read_and_no_other() {
        for (pem, expected) in [
            (include_str!("../../tests/keys/rsa-2048.pkcs1.pem"), Ok("RSA-2048")),
            (include_str!("../../tests/keys/rsa-2048.spki.pem"), Ok("RSA-2048")),
            (include_str!("../../tests/keys/rsa-8192.pem"), Ok("RSA-8192")),
            (include_str!("../../tests/keys/ec-p256.pem"), Ok("EC P-256")),
            (include_str!("../../tests/keys/ec-p384.pem"), Ok("EC P-384")),
            (include_str!("../../tests/keys/ed25519.pem"), Ok("Ed25519")),
            (
                include_str!("../../tests/keys/rsa-1024.pem"),
                Err(KeyError::Rsa(RsaKeyError::Bits(1024))),
            ),
            (include_str!("../../tests/keys/rsa-e3.pem"), Err(KeyError::Rsa(RsaKeyError::Numbers))),
            (
                include_str!("../../tests/keys/ec-p521.pem"),
                Err(KeyError::Type("EC 1.3.132.0.35".into())),
            ),
        ] {
            assert_eq!(read(pem), expected.map(str::to_owned), "{pem}");
        }
    }

    const PEM: &str = include_str!("../../tests/keys/ec-p256.pem");

    #[test]
    fn what_variables_and_yaml_make_of_a_key_is_taken() {
        let (begin, rest) = PEM.split_once('\n').unwrap();
        let body: String = rest.lines().take_while(|line| !line.starts_with('-')).collect();
        for text in [
            PEM.trim_end().to_owned(),
            PEM.replace('\n', "\r\n"),
            PEM.replace('\n', "\r"),
            PEM.replace('\n', " "),
            PEM.replace('\n', "\t"),
            PEM.replace('\n', "\n\n"),
            PEM.replace('\n', "\n    "),
            PEM.replace('\n', "\\n"),
            PEM.replace('\n', "\\\\n"),
            PEM.replace('\n', "\\r\\n"),
            PEM.replace('\n', "\\r"),
            PEM.replace('\n', "\\n\n"),
            PEM.replace('\n', "\\n\r\n  "),
            format!("{begin}{body}-----END PUBLIC KEY-----"),
            format!("\n  {PEM}\n"),
            format!("\u{feff}{PEM}"),
            format!("\"{PEM}\""),
            format!("'{}'\n", PEM.replace('\n', "\\n")),
            format!("\"\u{feff}{PEM}\""),
            format!("\u{feff} `{PEM}`"),
            format!("\\\"{}\\\"", PEM.replace('\n', "\\n")),
            format!("Key of the namespace: n\n{PEM}"),
            STANDARD.encode(PEM),
            STANDARD.encode(PEM.replace('\n', "\\n")),
            format!("\"{}\"\n", STANDARD.encode(PEM)),
            STANDARD.encode(PEM).replace('U', "U\n "),
            STANDARD.encode(format!("\u{feff}\"{PEM}\"")),
        ] {
            assert_eq!(read(&text), Ok("EC P-256".into()), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_one_public_key_is_refused_by_its_cause() {
        let labelled = |label: &str| PEM.replace("PUBLIC KEY", label);
        let base64 = PEM.lines().skip(1).take(2).collect::<String>();
        let without_line = PEM.replace(PEM.lines().nth(2).unwrap(), "");
        let pkcs8 = "MC4CAQAwBQYDK2VwBCIEIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH";
        for (text, expected) in [
            (String::new(), KeyError::NotPem),
            ("x".into(), KeyError::NotPem),
            ("\\".into(), KeyError::NotPem),
            (PEM.replace("-----BEGIN", "----BEGIN"), KeyError::PemNoBegin),
            (base64.clone(), KeyError::PemNoBegin),
            (PEM.replace("END", "BEGIN"), KeyError::PemNoEnd),
            ("-----BEGIN PUBLIC KEY-----".into(), KeyError::PemNoEnd),
            ("-----BEGIN".into(), KeyError::PemNoEnd),
            (PEM.replace("END PUBLIC", "END RSA PUBLIC"), KeyError::PemNoEnd),
            (format!("{PEM}x"), KeyError::PemTextAfter),
            (format!("{PEM}-----END PUBLIC KEY-----"), KeyError::PemTextAfter),
            (format!("SCW_PUBLIC_KEY={PEM}"), KeyError::PemTextBefore),
            (format!("{PEM}{PEM}"), KeyError::PemSeveral),
            (format!("{}\\n{}", PEM.trim(), PEM.trim()), KeyError::PemSeveral),
            (PEM.replace('W', "*"), KeyError::PemCharacter('*')),
            (PEM.replace('+', "-"), KeyError::PemCharacter('-')),
            (PEM.replace('W', "é"), KeyError::PemCharacter('é')),
            (PEM.trim().replace('\n', "\\x"), KeyError::PemCharacter('\\')),
            (PEM.replacen("MFkw", "MFk", 1), KeyError::PemBase64),
            (PEM.replacen("MFkw", "MFkww", 1), KeyError::PemBase64),
            (PEM.replace("==", ""), KeyError::PemBase64),
            (PEM.replace("==", "="), KeyError::PemBase64),
            (PEM.replace("2g==", "2h=="), KeyError::PemBase64),
            (without_line, KeyError::DerLength),
            (PEM.replace("MFkw", "MFgw"), KeyError::DerLength),
            (labelled("RSA PUBLIC KEY"), KeyError::Der),
            (labelled("CERTIFICATE"), KeyError::Certificate),
            (labelled("TRUSTED CERTIFICATE"), KeyError::Certificate),
            (labelled("CERTIFICATE REQUEST"), KeyError::PemLabel("CERTIFICATE REQUEST".into())),
            (labelled("PRIVATE KEY"), KeyError::Private),
            (labelled("EC PRIVATE KEY"), KeyError::Private),
            (labelled("EC  PRIVATE\nKEY"), KeyError::Private),
            (labelled("OPENSSH PRIVATE KEY"), KeyError::Private),
            (format!("{PEM}{}", labelled("PRIVATE KEY")), KeyError::Private),
            (STANDARD.encode(labelled("PRIVATE KEY")), KeyError::Private),
            (
                format!("-----BEGIN PUBLIC KEY-----\n{pkcs8}\n-----END PUBLIC KEY-----"),
                KeyError::Private,
            ),
            (pkcs8.into(), KeyError::Private),
            ("public.pem".into(), KeyError::FileName),
            ("/etc/envoy/public".into(), KeyError::FileName),
            ("C:\\new\\rsa.PEM".into(), KeyError::FileName),
            ("@public.pem".into(), KeyError::FileName),
            ("$SCW_PUBLIC_KEY".into(), KeyError::Variable),
            ("…".into(), KeyError::Placeholder),
            ("<public key>".into(), KeyError::Placeholder),
            (
                format!("{}\n…\n{}", PEM.lines().next().unwrap(), PEM.lines().last().unwrap()),
                KeyError::Placeholder,
            ),
            (PEM.replace("MFkwEwYHK", "..."), KeyError::Placeholder),
            ("ssh-rsa AAAAB3NzaC1yc2E= me@here".into(), KeyError::OpenSsh),
            ("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA".into(), KeyError::OpenSsh),
            (STANDARD.encode(STANDARD.encode(PEM)), KeyError::NotPem),
            (STANDARD.encode("x".repeat(60)), KeyError::NotPem),
            // A point one bit beside the curve.
            (PEM.replace("SJso2g==", "SJso2w=="), KeyError::Point),
        ] {
            assert_eq!(read(&text), Err(expected), "{text}");
        }
    }
}
