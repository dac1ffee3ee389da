//! The sets, and what is decided otherwise here.

use super::Cases::{AllBut, Only};
use super::Exception::{Admitted, Key, Refused};
use super::Set;

const NO_NULL: &str = "the digest's algorithm is written without its NULL: there is one encoding \
                       (RFC 8017 §9.2), and this isn't it";
const EXPONENT_3: &str = "the exponent is 3: keys with one below 65537 are refused";
const NOT_JWS: &str = "its salt, its hash or its mask is not what RFC 7518 §3.5 has";
const PSS_KEY: &str = "an id-RSASSA-PSS key (RFC 4055 §3.1): JWS uses rsaEncryption keys";
const OTHER_HASH: &str = "signed with another hash than the algorithm's";
const THIS_SALT: &str =
    "its salt is as long as the algorithm's hash, which is wrong only in this set";
const THIS_HASH: &str = "signed with the algorithm's hash, which is wrong only in this set";
const DER: &str = "the signature is DER, where RFC 7518 §3.4 has r and s, each of fixed length";

const fn set(
    name: &'static str,
    algorithm: &'static str,
    (cases, admitted): (usize, usize),
    exceptions: &'static [super::Exception],
) -> Set {
    Set { name, algorithm, cases, admitted, exceptions }
}

/// RSASSA-PKCS1-v1_5.
#[rustfmt::skip]
pub const PKCS1: [Set; 15] = [
    set("rsa_signature_2048_sha256", "RS256", (259, 7), &[Refused(Only(&[8]), NO_NULL), Key(Only(&[258, 259]), EXPONENT_3)]),
    set("rsa_signature_2048_sha384", "RS384", (258, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_2048_sha512", "RS512", (259, 7), &[Refused(Only(&[8]), NO_NULL), Key(Only(&[259]), EXPONENT_3)]),
    set("rsa_signature_3072_sha256", "RS256", (259, 7), &[Refused(Only(&[8]), NO_NULL), Key(Only(&[259]), EXPONENT_3)]),
    set("rsa_signature_3072_sha384", "RS384", (259, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_3072_sha512", "RS512", (260, 7), &[Refused(Only(&[8]), NO_NULL), Key(Only(&[260]), EXPONENT_3)]),
    set("rsa_signature_4096_sha256", "RS256", (258, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_4096_sha384", "RS384", (259, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_4096_sha512", "RS512", (259, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_8192_sha256", "RS256", (258, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_8192_sha384", "RS384", (259, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_8192_sha512", "RS512", (259, 7), &[Refused(Only(&[8]), NO_NULL)]),
    set("rsa_signature_2048_sha224", "RS256", (258, 1), &[Refused(AllBut(&[]), OTHER_HASH), Admitted(Only(&[219]), THIS_HASH)]),
    set("rsa_signature_2048_sha512_256", "RS256", (257, 1), &[Refused(AllBut(&[]), OTHER_HASH), Admitted(Only(&[221]), THIS_HASH)]),
    set("rsa_signature_2048_sha3_256", "RS256", (257, 1), &[Refused(AllBut(&[]), OTHER_HASH), Admitted(Only(&[221]), THIS_HASH)]),
];

/// RSASSA-PSS.
#[rustfmt::skip]
pub const PSS: [Set; 15] = [
    set("rsa_pss_2048_sha256_mgf1_32", "PS256", (108, 63), &[]),
    set("rsa_pss_3072_sha256_mgf1_32", "PS256", (108, 63), &[]),
    set("rsa_pss_4096_sha256_mgf1_32", "PS256", (108, 63), &[]),
    set("rsa_pss_2048_sha384_mgf1_48", "PS384", (141, 95), &[]),
    set("rsa_pss_4096_sha384_mgf1_48", "PS384", (141, 95), &[]),
    set("rsa_pss_4096_sha512_mgf1_64", "PS512", (179, 132), &[]),
    // A good signature for each of 150 parameters, of which JWS has these three.
    set("rsa_pss_misc", "PS256", (150, 1), &[Refused(AllBut(&[76]), NOT_JWS)]),
    set("rsa_pss_misc", "PS384", (150, 1), &[Refused(AllBut(&[113]), NOT_JWS)]),
    set("rsa_pss_misc", "PS512", (150, 1), &[Refused(AllBut(&[150]), NOT_JWS)]),
    set("rsa_pss_2048_sha256_mgf1_0", "PS256", (103, 1), &[Refused(AllBut(&[]), NOT_JWS), Admitted(Only(&[69]), THIS_SALT)]),
    set("rsa_pss_2048_sha256_mgf1sha1_20", "PS256", (108, 0), &[Refused(AllBut(&[]), NOT_JWS)]),
    set("rsa_pss_4096_sha512_mgf1_32", "PS512", (177, 0), &[Refused(AllBut(&[]), NOT_JWS)]),
    set("rsa_pss_2048_sha256_mgf1_32_params", "PS256", (108, 0), &[Key(AllBut(&[]), PSS_KEY)]),
    set("rsa_pss_3072_sha256_mgf1_32_params", "PS256", (108, 0), &[Key(AllBut(&[]), PSS_KEY)]),
    set("rsa_pss_4096_sha512_mgf1_64_params", "PS512", (179, 0), &[Key(AllBut(&[]), PSS_KEY)]),
];

/// ECDSA.
#[rustfmt::skip]
pub const ECDSA: [Set; 6] = [
    set("ecdsa_secp256r1_sha256_p1363", "ES256", (262, 173), &[]),
    set("ecdsa_secp384r1_sha384_p1363", "ES384", (280, 193), &[]),
    set("ecdsa_secp256r1_sha512_p1363", "ES256", (332, 0), &[Refused(AllBut(&[]), OTHER_HASH)]),
    set("ecdsa_secp384r1_sha512_p1363", "ES384", (318, 0), &[Refused(AllBut(&[]), OTHER_HASH)]),
    set("ecdsa_secp256r1_sha256", "ES256", (484, 0), &[Refused(AllBut(&[]), DER)]),
    set("ecdsa_secp384r1_sha384", "ES384", (504, 0), &[Refused(AllBut(&[]), DER)]),
];

/// EdDSA.
pub const EDDSA: [Set; 1] = [set("ed25519", "EdDSA", (151, 88), &[])];
