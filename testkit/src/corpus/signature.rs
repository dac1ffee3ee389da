//! Signatures: cut, grown, malleable, of other shapes, and the forgeries by which
//! verifiers have been fooled before.

use rsa::BigUint;
use rsa::sha2::{Digest, Sha256, Sha384};
use serde_json::json;

use super::{Bench, Case};
use crate::mint::{Key, base64url, flip_bit, from_base64url, left_padded};

/// The orders of the groups (SP 800-186 §3.2.1; RFC 8032 §5.1).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const P384_ORDER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
const ED25519_ORDER: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/// DER of `DigestInfo` before the digest (RFC 8017 §9.2).
const SHA256_INFO: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
const SHA384_INFO: &[u8] = b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30";
const SHA1_INFO: &[u8] = b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14";

pub fn cases(bench: &Bench) -> Vec<Case> {
    [
        any_algorithm(bench),
        rsa_numbers("rsa-2048", &bench.key, "function", bench),
        rsa_numbers("rsa-4096", &bench.rsa4096, "rsa-4096", bench),
        rsa_numbers("rsa-odd", &bench.odd_rsa, "rsa-odd", bench),
        rsa_padding(bench),
        pss(bench),
        ecdsa("p256", &bench.p256, P256_ORDER, bench),
        ecdsa("p384", &bench.p384, P384_ORDER, bench),
        ed25519(bench),
    ]
    .concat()
}

/// What the signature is over, and the signature itself.
fn signed(key: &Key, bench: &Bench) -> (String, Vec<u8>) {
    let token = key.token(&bench.claims());
    let (input, signature) = token.rsplit_once('.').unwrap();
    (input.to_owned(), from_base64url(signature))
}

fn hex(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
}

/// The tricks that need to know nothing of the algorithm.
fn any_algorithm(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, key, configuration) in [
        ("rsa-2048", &bench.key, "function"),
        ("rsa-4096", &bench.rsa4096, "rsa-4096"),
        ("rsa-odd", &bench.odd_rsa, "rsa-odd"),
        ("p256", &bench.p256, "p256"),
        ("p384", &bench.p384, "p384"),
        ("ed25519", &bench.ed25519, "ed25519"),
    ] {
        let (input, good) = signed(key, bench);
        let length = good.len();
        let mut push = |name: &str, trick: &str, token: String| {
            let name = format!("signature/{kind}-{name}");
            cases.push(Case::token(&name, trick, token, "bad_signature").under(configuration));
        };
        let (other_input, other) = {
            let token = key.token(&bench.claims_with(json!({"jti": "other"})));
            let (input, signature) = token.rsplit_once('.').unwrap();
            (input.to_owned(), from_base64url(signature))
        };
        for (name, trick, signature) in [
            ("cut-at-the-end", "a byte less", good[..length - 1].to_vec()),
            ("cut-at-the-start", "a byte less", good[1..].to_vec()),
            ("one-byte", "a byte of it", good[..1].to_vec()),
            ("half", "half of it", good[..length / 2].to_vec()),
            ("twice", "two of it", good.repeat(2)),
            ("zero-before", "a leading zero", [&[0], &good[..]].concat()),
            ("zero-after", "a trailing zero", [&good[..], &[0]].concat()),
            ("kilobyte-after", "trailing junk", [&good[..], &[0x41; 1024]].concat()),
            ("zeros", "all zero", vec![0; length]),
            ("ones", "all ones", vec![0xff; length]),
            ("one", "the number one", [vec![0; length - 1], vec![1]].concat()),
            ("one-zero-byte", "a single zero", vec![0]),
            ("reversed", "the other byte order", good.iter().rev().copied().collect()),
            ("halves-swapped", "r and s swapped", [&good[length / 2..], &good[..length / 2]].concat()),
            ("of-another-token", "another token's signature by the same key", other),
            ("in-hex", "in hexadecimal", good.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()),
            ("in-base64", "encoded once more", base64url(&good).into_bytes()),
            ("a-digest", "the SHA-256 of what it should be over", Sha256::digest(&input).to_vec()),
        ] {
            push(name, trick, format!("{input}.{}", base64url(&signature)));
        }
        let token = format!("{input}.{}", base64url(&good));
        for (name, part, bit) in [
            ("header-bit", 0, 9 * 8),
            ("payload-bit", 1, 80 * 8),
            ("first-bit", 2, 7),
            ("last-bit", 2, length * 8 - 8),
        ] {
            if part == 0 {
                // A changed header letter may break the JSON before the signature is looked at.
                let header = format!(r#"{{"alg":"{}","typ":"JWt"}}"#, key.algorithm());
                let payload = input.split('.').nth(1).unwrap();
                let changed = format!("{}.{payload}.{}", base64url(header.as_bytes()), base64url(&good));
                push(name, "one letter of the header", changed);
            } else {
                push(name, "one bit", flip_bit(&token, part, bit));
            }
        }
        push(
            "payload-of-another-token",
            "another token's payload, whose key signed both",
            format!("{other_input}.{}", base64url(&good)),
        );
        let payload = input.split('.').nth(1).unwrap();
        push(
            "over-the-payload-alone",
            "a good signature, over too little",
            format!("{input}.{}", base64url(&key.signature(key.algorithm(), payload.as_bytes()))),
        );
        push(
            "over-the-decoded-parts",
            "a good signature, over the JSON instead of its encoding",
            format!("{input}.{}", base64url(&key.signature(key.algorithm(), &input.split('.').flat_map(from_base64url).collect::<Vec<_>>()))),
        );
        cases.push(
            Case::token(
                &format!("signature/{kind}-empty"),
                "no bytes at all: an empty segment",
                format!("{input}."),
                "malformed_token",
            )
            .under(configuration),
        );
    }
    cases
}

/// RFC 8017 §5.2.2: a signature representative is below the modulus.
fn rsa_numbers(kind: &str, key: &Key, configuration: &'static str, bench: &Bench) -> Vec<Case> {
    let modulus = key.rsa_modulus();
    let n = BigUint::from_bytes_be(&modulus);
    // One that stays as long as the modulus when the modulus is added.
    let (input, s) = (0..)
        .find_map(|try_: u32| {
            let token = key.token(&bench.claims_with(json!({"jti": format!("try-{try_}")})));
            let (input, signature) = token.rsplit_once('.').unwrap();
            let s = BigUint::from_bytes_be(&from_base64url(signature));
            ((&s + &n).bits() <= modulus.len() * 8).then(|| (input.to_owned(), s))
        })
        .unwrap();
    let one = BigUint::from(1u8);
    [
        ("s-plus-n", "the same residue, past the modulus", left_padded(&(&s + &n), modulus.len())),
        ("s-is-n", "the modulus itself: the residue zero", modulus.clone()),
        ("n-minus-one", "minus one, whose powers are known", left_padded(&(&n - &one), modulus.len())),
        ("n-plus-one", "one, past the modulus", left_padded(&(&n + &one), modulus.len())),
        ("n-minus-s", "the negative of a good one", left_padded(&(&n - &s), modulus.len())),
        ("s-plus-n-longer", "the same residue in a byte more", left_padded(&(&s + &n), modulus.len() + 1)),
        ("s-longer", "the same number in a byte more", left_padded(&s, modulus.len() + 1)),
    ]
    .into_iter()
    .map(|(name, trick, signature)| {
        let token = format!("{input}.{}", base64url(&signature));
        Case::token(&format!("signature/{kind}-{name}"), trick, token, "bad_signature").under(configuration)
    })
    .collect()
}

/// Blocks that a key's owner signs and no honest signer would: a verifier that parses the
/// padding instead of comparing it takes some (Bleichenbacher 2006, BERserk).
fn rsa_padding(bench: &Bench) -> Vec<Case> {
    let (input, good) = signed(&bench.key, bench);
    let digest = Sha256::digest(&input);
    let size = bench.key.rsa_modulus().len();
    let block = |prefix: &[u8], info: &[u8], digest: &[u8], trailing: &[u8]| {
        let used = 3 + info.len() + digest.len() + trailing.len();
        let mut block = [prefix, &vec![0xff; size - used], &[0], info, digest, trailing].concat();
        assert_eq!(block.len(), size);
        block.truncate(size);
        block
    };
    let ps = |prefix: &[u8]| block(prefix, SHA256_INFO, &digest, b"");
    assert_eq!(bench.key.rsa_private(&ps(b"\0\x01")), good, "the block is built as RFC 8017 has it");
    let garbage = vec![0x41; size - 3 - 8 - SHA256_INFO.len() - digest.len()];
    let no_null = b"\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20";
    let long_length = b"\x30\x81\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";
    let in_parameters = [
        &b"\x30\x80"[..], b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x08AAAAAAAA\0\0\x04\x20",
    ]
    .concat();
    let mut zero_in_padding = ps(b"\0\x01");
    zero_in_padding[20] = 0;
    let mut not_ff = ps(b"\0\x01");
    not_ff[20] = 0xfe;
    let sha384 = Sha384::digest(&input);
    [
        ("trailing-garbage", "the shortest padding, and junk after the digest", block(b"\0\x01", SHA256_INFO, &digest, &garbage)),
        ("trailing-byte", "one byte after the digest", block(b"\0\x01", SHA256_INFO, &digest, b"\0")),
        ("without-null", "DigestInfo without the NULL parameters: RFC 8017 A.2.4 has them", block(b"\0\x01", no_null, &digest, b"")),
        ("long-length", "BER's long form of a length", block(b"\0\x01", long_length, &digest, b"")),
        ("junk-in-parameters", "junk where the parameters stand", block(b"\0\x01", &in_parameters, &digest, b"")),
        ("digest-alone", "no DigestInfo", block(b"\0\x01", b"", &digest, b"")),
        ("block-type-0", "padding of block type 0", ps(b"\0\0")),
        ("block-type-2", "padding for encryption", ps(b"\0\x02")),
        ("first-byte-1", "the block one byte to the left", ps(b"\x01\x01")),
        ("zero-in-padding", "an early end of the padding", zero_in_padding),
        ("not-ff-in-padding", "a padding byte that is not FF", not_ff),
        ("sha384-info", "SHA-384's name and digest under RS256", block(b"\0\x01", SHA384_INFO, &sha384, b"")),
        ("sha384-named-sha256", "SHA-384's digest under SHA-256's name", block(b"\0\x01", SHA256_INFO, &sha384, b"")),
        ("sha256-named-sha384", "SHA-256's digest under SHA-384's name", block(b"\0\x01", SHA384_INFO, &digest, b"")),
        ("sha1", "SHA-1's name before 20 bytes", block(b"\0\x01", SHA1_INFO, &digest[..20], b"")),
        ("digest-cut", "a digest cut by a byte", block(b"\0\x01", SHA256_INFO, &digest[..31], b"")),
    ]
    .into_iter()
    .map(|(name, trick, block)| {
        // A block must be below the modulus to be signed; one that begins with 1 may not be.
        let token = format!("{input}.{}", base64url(&bench.key.rsa_private(&block)));
        Case::token(&format!("signature/pkcs1-{name}"), trick, token, "bad_signature")
    })
    .collect()
}

/// RFC 7518 §3.5: the salt is as long as the digest.
fn pss(bench: &Bench) -> Vec<Case> {
    let payload = bench.claims().to_string();
    let input =
        format!("{}.{}", base64url(br#"{"alg":"PS256"}"#), base64url(payload.as_bytes()));
    let most = bench.key.rsa_modulus().len() - 32 - 2;
    [(0, "bad_signature"), (20, "bad_signature"), (31, "bad_signature"), (32, "allowed"), (33, "bad_signature"), (most, "bad_signature")]
        .into_iter()
        .map(|(salt, expected)| {
            let signature = bench.key.ps256_with_salt(input.as_bytes(), salt);
            Case::token(
                &format!("signature/ps256-salt-of-{salt}"),
                "a salt of another length: RFC 7518 §3.5 fixes it at the digest's",
                format!("{input}.{}", base64url(&signature)),
                expected,
            )
            .under("every-rsa")
        })
        .collect()
}

fn ecdsa(kind: &'static str, key: &Key, order: &str, bench: &Bench) -> Vec<Case> {
    let n = hex(order);
    let (input, good) = signed(key, bench);
    let half = good.len() / 2;
    let (r, s) = (BigUint::from_bytes_be(&good[..half]), BigUint::from_bytes_be(&good[half..]));
    let zero = BigUint::from(0u8);
    let one = BigUint::from(1u8);
    let pair = |r: &BigUint, s: &BigUint| [left_padded(r, half), left_padded(s, half)].concat();
    let integer = |number: &BigUint| {
        let bytes = number.to_bytes_be();
        let sign: &[u8] = if bytes[0] & 0x80 == 0 { &[] } else { &[0] };
        [&[2, (sign.len() + bytes.len()) as u8], sign, &bytes].concat()
    };
    let body = [integer(&r), integer(&s)].concat();
    let der = [&[0x30, body.len() as u8], &body[..]].concat();
    let high = if s > &n - &s { s.clone() } else { &n - &s };
    let low = &n - &high;
    let all_ones = vec![0xff; half];
    [
        ("low-s", "the smaller of the two good values of s", pair(&r, &low), "allowed"),
        ("high-s", "the greater one: RFC 7518 §3.4 allows both, and revocation goes by jti, not by bytes", pair(&r, &high), "allowed"),
        ("r-zero", "a value that no signature has", pair(&zero, &s), "bad_signature"),
        ("s-zero", "a value that no signature has", pair(&r, &zero), "bad_signature"),
        ("r-n", "zero, modulo the order", pair(&n, &s), "bad_signature"),
        ("s-n", "zero, modulo the order", pair(&r, &n), "bad_signature"),
        ("both-n", "the psychic signature, modulo the order", pair(&n, &n), "bad_signature"),
        ("r-n-plus-one", "past the order", pair(&(&n + &one), &s), "bad_signature"),
        ("both-one", "the smallest numbers", pair(&one, &one), "bad_signature"),
        ("r-negated", "minus r", pair(&(&n - &r), &s), "bad_signature"),
        ("s-ones", "all ones for s", [&good[..half], &all_ones].concat(), "bad_signature"),
        ("der", "ASN.1, as TLS has it: RFC 7518 §3.4 wants r and s alone", der, "bad_signature"),
        ("little-endian", "each number the other way round", [good[..half].iter().rev().copied().collect::<Vec<_>>(), good[half..].iter().rev().copied().collect()].concat(), "bad_signature"),
        ("longer-numbers", "r and s with a leading zero each", [left_padded(&r, half + 1), left_padded(&s, half + 1)].concat(), "bad_signature"),
    ]
    .into_iter()
    .map(|(name, trick, signature, expected)| {
        let token = format!("{input}.{}", base64url(&signature));
        Case::token(&format!("signature/{kind}-{name}"), trick, token, expected).under(kind)
    })
    .collect()
}

fn ed25519(bench: &Bench) -> Vec<Case> {
    let (input, good) = signed(&bench.ed25519, bench);
    let order = hex(ED25519_ORDER);
    let little = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let s = BigUint::from_bytes_be(&little(&good[32..]));
    let with_s = |s: &BigUint| [&good[..32], &little(&left_padded(s, 32))].concat();
    let identity = [vec![1], vec![0; 63]].concat();
    let mut r_sign = good.clone();
    r_sign[31] ^= 0x80;
    [
        ("s-plus-order", "the same residue: RFC 8032 §5.1.7 wants s below the order", with_s(&(&s + &order))),
        ("s-plus-8-orders", "the same residue, further up", with_s(&(&s + &order * BigUint::from(8u8)))),
        ("s-negated", "minus s", with_s(&(&order - &s))),
        ("s-is-order", "zero, modulo the order", with_s(&order)),
        ("identity", "the neutral element and zero, which a weak key would take", identity),
        ("r-sign", "R with its sign bit changed", r_sign),
    ]
    .into_iter()
    .map(|(name, trick, signature)| {
        let token = format!("{input}.{}", base64url(&signature));
        Case::token(&format!("signature/ed25519-{name}"), trick, token, "bad_signature").under("ed25519")
    })
    .collect()
}
