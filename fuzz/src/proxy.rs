//! A proxy's `verify_signature`, played by `ring`.

use prost::Message as _;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use testkit::protobuf::{VerifySignatureArguments, VerifySignatureResult};

/// Answers as Envoy does (`source/extensions/common/wasm/foreign.cc`): a message with a result
/// or an error.
pub fn verify_signature(arguments: &[u8]) -> Result<Vec<u8>, &'static str> {
    let arguments = VerifySignatureArguments::decode(arguments);
    let arguments = arguments.map_err(|_| "arguments that can't be read")?;
    let VerifySignatureArguments { hash_function, public_key: spki, signature, text } = arguments;
    let hash = hash_function.as_bytes();
    let rsa = spki.windows(9).any(|it| it == b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
    let algorithm: &dyn VerificationAlgorithm = match (rsa, hash) {
        (true, b"sha256") => &signature::RSA_PKCS1_2048_8192_SHA256,
        (true, b"sha384") => &signature::RSA_PKCS1_2048_8192_SHA384,
        (true, b"sha512") => &signature::RSA_PKCS1_2048_8192_SHA512,
        (false, b"sha256") => &signature::ECDSA_P256_SHA256_ASN1,
        (false, b"sha384") => &signature::ECDSA_P384_SHA384_ASN1,
        _ => return Err("a hash function that is not known"),
    };
    // `ring` wants what the SPKI's bit string holds: it ends the SPKI, and these keys' others
    // parts have fixed lengths (RFC 3279 §2.3.1, RFC 5480 §2).
    let start = match (rsa, hash) {
        (true, _) => 24,
        (false, b"sha256") => 26,
        (false, _) => 23,
    };
    let key = spki.get(start..).ok_or("a key that is too short")?;
    let good = UnparsedPublicKey::new(algorithm, key).verify(&text, &signature).is_ok();
    let error = if good { "" } else { "signature is bad" }.to_owned();
    Ok(VerifySignatureResult { result: good, error }.encode_to_vec())
}
