//! RSA signatures under moduli of every length, and blocks that are almost right: judged as
//! RFC 8017 says, and as the `rsa` crate judges them: 0.9, whose integers aren't the filter's.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use namespace_jwt_core::key::jwk;
use namespace_jwt_core::key::{AllowedAlgorithms, PublicKey};
use namespace_jwt_core::signature::Algorithm;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::verify::{Backend, Checked, Message};
use proptest::prelude::*;
use rsa::sha2::{Digest, Sha256};
use rsa::{BigUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use serde_json::json;
use testkit::random::Random;

const MESSAGE: &[u8] = b"message";

/// DigestInfo of a SHA-256 digest, up to it (RFC 8017 §9.2 note 1).
const SHA256: &[u8] =
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// A key whose modulus has many small factors: it keeps no secret, but calculates like any
/// other, and there is one of every length and exponent at once.
struct Key {
    n: BigUint,
    e: u64,
    d: BigUint,
}

impl Key {
    fn new(bits: usize, e: u64, random: &mut Random) -> Self {
        let (mut n, mut totient) = (BigUint::from(1_u8), BigUint::from(1_u8));
        let mut factors = HashSet::new();
        while n.bits() != bits {
            let rest = bits - n.bits();
            // The last factor fills up what is left, one bit of it given or taken.
            let length = if rest > 62 {
                31
            } else if rest > 31 {
                rest as u64 / 2
            } else {
                rest as u64
            };
            let p = random.number() >> (64 - length - random.number() % 2) | 1;
            let fits = (&n * p).bits() <= bits && (rest > 31 || (&n * p).bits() == bits);
            if fits && is_prime(p) && gcd(p - 1, e) == 1 && factors.insert(p) {
                n *= p;
                totient *= p - 1;
            }
        }
        // 1 + k·φ(n) is a multiple of e where k is the inverse of -φ(n).
        let digits = (&totient % e).to_bytes_be();
        let rest = digits.into_iter().fold(0, |rest, digit| rest << 8 | u64::from(digit));
        let k = inverse(e - rest, e);
        let d = (BigUint::from(1_u8) + &totient * k) / e;
        Self { n, e, d }
    }

    fn public(&self) -> PublicKey {
        let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let jwk = json!({"kty": "RSA", "n": number(&self.n), "e": number(&self.e.into())});
        let algorithms = vec![Algorithm::Rs256, Algorithm::Ps256];
        jwk::public_key(&jwk, &AllowedAlgorithms::listed(algorithms)).unwrap()
    }

    /// As long as the modulus.
    fn bytes(&self, number: &BigUint) -> Vec<u8> {
        let bytes = number.to_bytes_be();
        [vec![0; self.n.bits().div_ceil(8).saturating_sub(bytes.len())], bytes].concat()
    }

    /// What turns into that block under the public key.
    fn signature(&self, block: &[u8]) -> Vec<u8> {
        self.bytes(&BigUint::from_bytes_be(block).modpow(&self.d, &self.n))
    }
}

fn is_prime(n: u64) -> bool {
    let power = |base: u64, mut exponent: u64| {
        let (mut power, mut base) = (1, base % n);
        while exponent > 0 {
            if exponent & 1 == 1 {
                power = power * base % n;
            }
            base = base * base % n;
            exponent >>= 1;
        }
        power
    };
    // Enough below 2^32 (Jaeschke 1993).
    let twos = (n - 1).trailing_zeros();
    let passes = |base| {
        let odd = power(base, (n - 1) >> twos);
        let mut squares = std::iter::successors(Some(odd), |it| Some(it * it % n));
        odd == 1 || squares.by_ref().take(twos as usize).any(|it| it == n - 1)
    };
    n > 61 && n & 1 == 1 && [2, 7, 61].into_iter().all(passes)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn inverse(of: u64, modulus: u64) -> u64 {
    let (mut r, mut next_r) = (i128::from(modulus), i128::from(of));
    let (mut t, mut next_t) = (0, 1);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (t, next_t) = (next_t, t - quotient * next_t);
    }
    u64::try_from(t.rem_euclid(modulus.into())).unwrap()
}

/// EMSA-PKCS1-v1_5 (RFC 8017 §9.2) of these parts, `length` bytes long.
fn block(start: &[u8], filling: u8, end: &[u8], length: usize) -> Vec<u8> {
    [start, &vec![filling; length - start.len() - end.len()], end].concat()
}

/// MGF1 with SHA-256 (RFC 8017 §B.2.1), over `masked`.
fn mask(seed: &[u8], masked: &mut [u8]) {
    for (count, part) in masked.chunks_mut(32).enumerate() {
        let digest = Sha256::digest([seed, &(count as u32).to_be_bytes()].concat());
        part.iter_mut().zip(digest).for_each(|(byte, mask)| *byte ^= mask);
    }
}

/// What is done to the block before the mask, the hash and the end.
type Change<'a> = dyn Fn(&mut Vec<u8>, &mut Vec<u8>, &mut u8) + 'a;

/// EMSA-PSS-ENCODE (RFC 8017 §9.1.1) for a modulus of this many bits, changed on the way.
fn pss_block(bits: usize, digest: &[u8], salt: &[u8], change: &Change<'_>) -> Vec<u8> {
    let length = (bits - 1).div_ceil(8);
    let mut hash = Sha256::digest([&[0; 8], digest, salt].concat()).to_vec();
    let mut block = vec![0; length - salt.len() - hash.len() - 2];
    block.push(1);
    block.extend(salt);
    let mut end = 0xbc;
    change(&mut block, &mut hash, &mut end);
    mask(&hash, &mut block);
    block[0] &= 0xff >> (8 * length - (bits - 1));
    // A modulus that is a bit longer than the block has a byte more.
    let before = vec![0; bits.div_ceil(8) - length];
    [before, block, hash, vec![end]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_the_one_encoding_is_a_signature(
        bits in prop_oneof![8 => 2048..2200_usize, 3 => 2200..4097_usize, 1 => 4097..=8192_usize],
        e in prop_oneof![Just(65537), (65537..1_u64 << 24).prop_map(|e| e | 1)],
        seed in 1..u64::MAX, flipped in any::<prop::sample::Index>(),
    ) {
        let key = Key::new(bits, e, &mut Random(seed));
        prop_assert_eq!(key.n.bits(), bits);
        let length = bits.div_ceil(8);
        let digest = Sha256::digest(MESSAGE).to_vec();
        let info = [&[0], SHA256, &digest].concat();

        let good = block(&[0, 1], 0xff, &info, length);
        let signature = key.signature(&good);
        let mut bit = signature.clone();
        let place = flipped.index(length * 8);
        bit[place / 8] ^= 1 << (place % 8);
        // RFC 8017 §9.2 note 2: parameters left out, which nobody should have encoded.
        let short = [&[0][..], b"\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20", &digest].concat();
        let other = [&[0], SHA256, &Sha256::digest(b"other")[..]].concat();
        let behind = |end: &[u8]| {
            let garbage = vec![0x5a; length - 2 - 8 - end.len()];
            [&[0, 1][..], &[0xff; 8], end, &garbage].concat()
        };
        let mut filling = good.clone();
        filling[2 + flipped.index(length - 2 - info.len())] ^= 1;
        let encoded = [
            block(&[0, 2], 0xff, &info, length),
            block(&[0, 0], 0xff, &info, length),
            block(&[0, 1], 0x00, &info, length),
            block(&[0, 1], 0xff, &short, length),
            block(&[0, 1], 0xff, &other, length),
            block(&[0, 1], 0xff, &digest, length),
            behind(&info),
            behind(&[&info[..], &[0]].concat()),
            filling,
        ];
        let sum = BigUint::from_bytes_be(&signature) + &key.n;
        let mut refused: Vec<_> = encoded.iter().map(|block| key.signature(block)).collect();
        refused.extend([
            bit,
            key.bytes(&sum),
            key.bytes(&(&key.n - BigUint::from_bytes_be(&signature))),
            key.bytes(&key.n),
            key.bytes(&(&key.n - 1_u8)),
            key.bytes(&BigUint::from(1_u8)),
            vec![0; length],
            vec![0xff; length],
            signature[1..].to_vec(),
            signature[..length - 1].to_vec(),
            [&[0], &signature[..]].concat(),
            [&signature[..], &[0]].concat(),
            good,
            Vec::new(),
        ]);

        let ours = key.public();
        let theirs = RsaPublicKey::new_with_max_size(key.n.clone(), key.e.into(), 8192).unwrap();
        let verdict = |signature: &[u8]| {
            let ours = Guest.verify(&ours, Algorithm::Rs256, &Message::new(MESSAGE), signature);
            let theirs = theirs.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, signature).is_ok();
            (ours == Checked::Good, theirs)
        };
        prop_assert_eq!(verdict(&signature), (true, true));
        let other = Guest.verify(&ours, Algorithm::Rs256, &Message::new(b"other"), &signature);
        prop_assert_eq!(other, Checked::Bad);
        for (number, signature) in refused.iter().enumerate() {
            prop_assert_eq!(verdict(signature), (false, false), "number {}", number);
        }
    }

    #[test]
    fn only_a_pss_encoding_with_a_salt_of_the_digests_length_is_a_pss_signature(
        // Each number of bits that the block leaves unused, 2049 among them: none, and a byte.
        bits in prop_oneof![8 => 2048..2066_usize, 2 => 2066..4097_usize],
        seed in 1..u64::MAX, salt in any::<[u8; 32]>(), flipped in any::<prop::sample::Index>(),
    ) {
        let key = Key::new(bits, 65537, &mut Random(seed));
        let length = bits.div_ceil(8);
        let digest = Sha256::digest(MESSAGE).to_vec();
        let encode = |digest: &[u8], salt: &[u8]| pss_block(bits, digest, salt, &|_, _, _| {});
        let changed = |change: &Change<'_>| {
            pss_block(bits, &digest, &salt, change)
        };

        let good = encode(&digest, &salt);
        let signature = key.signature(&good);
        let mut bit = signature.clone();
        let place = flipped.index(length * 8);
        bit[place / 8] ^= 1 << (place % 8);
        let encoded = [
            encode(&digest, &salt[1..]),
            encode(&digest, &[]),
            encode(&digest, &[&salt[..], &[0]].concat()),
            encode(&Sha256::digest(b"other"), &salt),
            changed(&|_, _, end| *end = 0xcc),
            changed(&|_, hash, _| hash[flipped.index(32)] ^= 1),
            changed(&|block, _, _| block[flipped.index(4)] ^= 1),
            changed(&|block, _, _| { let at = block.len() - 33; block[at] = 0 }),
            changed(&|block, _, _| { let at = block.len() - 33; block[at] = 2 }),
            changed(&|block, _, _| { let at = block.len() - 34; block[at] = 1 }),
            changed(&|block, _, _| *block.last_mut().unwrap() ^= 1),
        ];
        let mut refused: Vec<_> = encoded.iter().map(|block| key.signature(block)).collect();
        // A bit above those that the block has: where the number is still below the modulus.
        let mut above = good.clone();
        let unused = 8 * length - (bits - 1);
        above[(unused - 1) / 8] |= 0x80 >> ((unused - 1) % 8);
        let above = key.signature(&above);
        let sum = BigUint::from_bytes_be(&signature) + &key.n;
        refused.extend([
            bit,
            key.bytes(&(&key.n - BigUint::from_bytes_be(&signature))),
            key.bytes(&BigUint::from(1_u8)),
            vec![0; length],
            signature[1..].to_vec(),
            signature[..length - 1].to_vec(),
            [&[0], &signature[..]].concat(),
            [&signature[..], &[0]].concat(),
            good,
            Vec::new(),
        ]);

        let ours = key.public();
        let theirs = RsaPublicKey::new_with_max_size(key.n.clone(), key.e.into(), 8192).unwrap();
        let our_verdict = |signature: &[u8]| {
            Guest.verify(&ours, Algorithm::Ps256, &Message::new(MESSAGE), signature)
        };
        let verdict = |signature: &[u8]| {
            let theirs = theirs.verify(Pss::new::<Sha256>(), &digest, signature).is_ok();
            (our_verdict(signature) == Checked::Good, theirs)
        };
        prop_assert_eq!(verdict(&signature), (true, true));
        for (number, signature) in refused.iter().enumerate() {
            prop_assert_eq!(verdict(signature), (false, false), "number {}", number);
        }
        // The crate takes a number that isn't below the modulus, and looks at no bit above.
        for signature in [key.bytes(&sum), key.bytes(&key.n), above] {
            prop_assert_eq!(our_verdict(&signature), Checked::Bad);
        }
    }
}
