//! Public SSH keys: read from a line as OpenSSH writes it, and their fingerprints.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

/// The longest text that a key is read from, in bytes.
pub const MAX_BYTES: usize = 65_000;

/// What only a private key has in its text: PEM's and PuTTY's headers, and OpenSSH's base64.
const PRIVATE: [&str; 4] =
    ["PRIVATE KEY-----", "PuTTY-User-Key-File", "Private-Lines:", "b3BlbnNzaC1rZXktdjE"];

/// The types of keys that there are, and what a key of each has.
const TYPES: [(&str, Numbers); 6] = [
    ("ssh-rsa", Numbers::Rsa),
    ("ssh-dss", Numbers::Dss),
    ("ssh-ed25519", Numbers::Ed25519),
    ("ecdsa-sha2-nistp256", Numbers::Point { curve: b"nistp256", bits: 256, bytes: 65 }),
    ("ecdsa-sha2-nistp384", Numbers::Point { curve: b"nistp384", bits: 384, bytes: 97 }),
    ("ecdsa-sha2-nistp521", Numbers::Point { curve: b"nistp521", bits: 521, bytes: 133 }),
];

/// What follows on the type in a key's binary form.
#[derive(Clone, Copy)]
enum Numbers {
    /// e and n (RFC 4253 §6.6).
    Rsa,
    /// p, q, g and y (RFC 4253 §6.6).
    Dss,
    /// The 32 bytes of a key (RFC 8709 §4).
    Ed25519,
    /// The name of a curve, and a point of it (RFC 5656 §3.1), which OpenSSH takes uncompressed
    /// alone.
    Point { curve: &'static [u8; 8], bits: usize, bytes: usize },
}

/// A public SSH key: its type, its numbers, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshPublicKey {
    key_type: &'static str,
    /// The key in its binary form (RFC 4253 §6.6), its type at the front.
    blob: Vec<u8>,
    bits: usize,
}

/// Why a text isn't a public SSH key. None repeats any of the text, which may be secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SshKeyFault {
    /// It is longer than [`MAX_BYTES`].
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is a private key.
    Private,
    /// It has several lines.
    Lines,
    /// Options stand in front of the key.
    Options,
    /// It begins with no type that there is.
    UnknownType,
    /// What follows on the type isn't base64 (RFC 4648 §4), in its one form.
    NotBase64,
    /// The key isn't of the type that its text begins with.
    OtherType {
        /// The type that the text begins with.
        expected: &'static str,
    },
    /// The key hasn't exactly the members of its type, each in its one form.
    Malformed {
        /// The type.
        key_type: &'static str,
    },
    /// A number of the key is too small or too large.
    Size {
        /// The number.
        of: &'static str,
        /// The fewest bits that it may have.
        least: usize,
        /// The most bits that it may have.
        most: usize,
        /// The bits that it has.
        bits: usize,
    },
}

impl fmt::Display for SshKeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "expected at most {MAX_BYTES} bytes, found {bytes}")
            }
            Self::Private => f.write_str("expected a public key, found a private one"),
            Self::Lines => f.write_str("expected one line, found several"),
            Self::Options => f.write_str("expected a key type first, found options"),
            Self::UnknownType => {
                let types = TYPES.map(|(name, _)| name).join(", ");
                write!(f, "expected a line that begins with one of {types}; found another")
            }
            Self::NotBase64 => f.write_str("expected the key in base64 after its type"),
            Self::OtherType { expected } => {
                write!(f, "expected a key of type {expected}, found one of another type")
            }
            Self::Malformed { key_type } => {
                write!(f, "expected exactly the members of a key of type {key_type}, found others")
            }
            Self::Size { of, least, most, bits } => {
                write!(f, "expected {least} to {most} bits for the key's {of}, found {bits}")
            }
        }
    }
}

impl std::error::Error for SshKeyFault {}

impl SshPublicKey {
    /// Reads a key: its type, its base64, a comment or none, and a line end or none.
    ///
    /// # Errors
    ///
    /// The first [`SshKeyFault`] of the text.
    pub fn parse(text: &str) -> Result<Self, SshKeyFault> {
        if text.len() > MAX_BYTES {
            return Err(SshKeyFault::TooLong { bytes: text.len() });
        }
        if PRIVATE.iter().any(|mark| text.contains(mark)) {
            return Err(SshKeyFault::Private);
        }
        let line = text.trim_ascii();
        if line.contains(['\n', '\r']) {
            return Err(SshKeyFault::Lines);
        }
        let mut words = line.split_ascii_whitespace();
        let known = |word| TYPES.into_iter().find(|(name, _)| *name == word);
        let Some((key_type, numbers)) = words.next().and_then(known) else {
            let later = words.any(|word| known(word).is_some());
            return Err(if later { SshKeyFault::Options } else { SshKeyFault::UnknownType });
        };
        let blob = words.next().and_then(|word| STANDARD.decode(word).ok());
        let blob = blob.ok_or(SshKeyFault::NotBase64)?;
        let malformed = SshKeyFault::Malformed { key_type };
        let mut members = Members(&blob);
        if members.next().ok_or(malformed)? != key_type.as_bytes() {
            return Err(SshKeyFault::OtherType { expected: key_type });
        }
        let bits = members.numbers(numbers).ok_or(malformed)??;
        if !members.0.is_empty() {
            return Err(malformed);
        }
        Ok(Self { key_type, blob, bits })
    }

    /// The key as a line without a comment or a line end.
    pub fn text(&self) -> String {
        format!("{} {}", self.key_type, STANDARD.encode(&self.blob))
    }

    /// The key's bits, MD5 and type, as the platform shows them. People tell keys apart by it; it
    /// secures nothing, as two keys with one MD5 can be made.
    pub fn fingerprint(&self) -> String {
        let hash = Md5::digest(&self.blob);
        let hash: Vec<_> = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} MD5:{} ({})", self.bits, hash.join(":"), self.key_type)
    }
}

/// What is left of a key's binary form.
struct Members<'a>(&'a [u8]);

impl<'a> Members<'a> {
    /// The next member: its length and so many bytes (RFC 4251 §5, `string`).
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (member, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(member)
    }

    /// The bits of the next member, a positive number in its one form (RFC 4251 §5, `mpint`), and
    /// whether it is odd.
    fn number(&mut self) -> Option<(usize, bool)> {
        let digits = match self.next()? {
            [0, digits @ ..] if matches!(digits, [0x80..=0xff, ..]) => digits,
            digits @ [0x01..=0x7f, ..] => digits,
            _ => return None,
        };
        let unused = usize::try_from(digits.first()?.leading_zeros()).ok()?;
        let bits = digits.len().checked_mul(8)?.checked_sub(unused)?;
        Some((bits, digits.last()? % 2 == 1))
    }

    /// Reads what follows on the type: how many bits the key has, if it has its members.
    fn numbers(&mut self, numbers: Numbers) -> Option<Result<usize, SshKeyFault>> {
        let size = |of, bits, least, most| match (least..=most).contains(&bits) {
            true => Ok(bits),
            false => Err(SshKeyFault::Size { of, least, most, bits }),
        };
        match numbers {
            Numbers::Rsa => {
                let ((e, true), (n, true)) = (self.number()?, self.number()?) else { return None };
                let e = size("public exponent", e, 2, 64);
                Some(e.and_then(|_| size("modulus", n, 1_024, 16_384)))
            }
            Numbers::Dss => {
                let (p, q, g, y) = (self.number()?, self.number()?, self.number()?, self.number()?);
                let others = size("q", q.0, 160, 160)
                    .and_then(|_| size("g", g.0, 2, p.0))
                    .and_then(|_| size("y", y.0, 2, p.0));
                Some(size("p", p.0, 1_024, 3_072).and_then(|bits| others.map(|_| bits)))
            }
            Numbers::Ed25519 => (self.next()?.len() == 32).then_some(Ok(256)),
            Numbers::Point { curve, bits, bytes } => {
                let (name, point) = (self.next()?, self.next()?);
                let whole = point.first() == Some(&0x04) && point.len() == bytes;
                (name == curve && whole).then_some(Ok(bits))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of `ssh-keygen`, with what `ssh-keygen -l -E md5` says of them.
    const KEYS: [(&str, &str); 6] = [
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6/BRY6igLu4iaNA4sP+1afyUT5rdVH29h9+lEAbp+5",
            "256 MD5:cb:c9:61:8c:62:be:c7:12:29:90:8b:9d:48:c8:43:04 (ssh-ed25519)",
        ),
        (
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPKxwBPMnXC7iyq+kFxAJj41TU7X73X6jMxW/nWt3nYEJIFNvlBOiHHCbSN+DsaaW+gErD/zLc0rO8ZwWKX3UTk=",
            "256 MD5:b7:3b:70:ba:60:ff:bc:ae:b1:9c:59:8f:e8:7f:3d:c7 (ecdsa-sha2-nistp256)",
        ),
        (
            "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBE+soUMiMMJhKNZvlivRNNpxeXiyGuj6shz6mmY7BpvCGjoOS4djfH9Wq+erVobdBwH57oNdyTPHpNdepRG3C5u6Y4ft++CO5nOJETr1IAIWBO6SdO0DENdDcmQ466sfXw==",
            "384 MD5:c2:f8:25:08:19:22:b9:89:36:70:be:a7:21:88:45:ba (ecdsa-sha2-nistp384)",
        ),
        (
            "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACGUYbjNuapxTZSGSTemy76FwMM+JY4GuLb3zYaHXhOsYKa4SkWg994fqFzEdGwIhIrzyw5y1kuPcnW1j83tTB31QEzcHEKQAsCdutkD8RNPhAurv2Nkbt7ayk1JXwIHb8lJLYeh7AlTKtmgdWbWgSRw0ia5uHNNKVAxtBLbUv/cu3GDg==",
            "521 MD5:c4:85:8c:19:1b:b7:f4:3a:6c:d2:20:38:cd:c7:39:82 (ecdsa-sha2-nistp521)",
        ),
        (
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDcYzckV+CgAJG5es7EDOZU1iPQcL3yn+yX/Hxi8+gOEdSIl3Uv0sjbnJKEwf2M+LDFuRViU/0VfGxWbyCuM+iS3JCTSvRYbJNJFahQnEqrqzIL+iPSJyRHJCZinHcsY9QEVVjdWjZjKwBQiwwedU1va9jx8mE++z6tkb4BmGZIpEf/j75mFmiePANDupa8vcJ4Aa3HCVbwKfrNa+DEk0a6V3mJjO65lDkuxfyJ4RbpzVUvVRyxv++eUX/Dd5mevPvB6XfaEUMRpvfaNJRIgaIbk3kq7hERs/sXFSZRcEl7xPJKEQzSrOphsOjLaK9BrsTqoaodorfLd5gaq/Nj3Gox",
            "2048 MD5:9b:a5:96:b8:f8:e1:98:27:5d:80:86:27:1c:a8:44:60 (ssh-rsa)",
        ),
        (
            "ssh-dss AAAAB3NzaC1kc3MAAACBAMQpAU7oWkI8uooGxxLXzhpdy/qeDTzyLGrmq/j+FJRs9vlxnWg9MowNa0YFtmR82W+i9IZlhzpg03sIvTGvzcXtAGBMJjeNrmsplZUC6Ue12LfcZaqwM0jyTkpHkAHMv3fU9/FeIYt4PyJYdaRXK+IQJcT+LxRxULd+Cm+BWR+NAAAAFQCw2PneFbLXTEow75hERD7duc167QAAAIAllofKkkUet56EZUxPqyyiGW6YaUMh0du3YkQYdegM2E6AuTSgMheLG6O9SNqvuTN72ZvQvQRJ0XvjmEdVLhO6o6zlYq8lZMWUgBw1T2cfu+awUqJVAOGVLaiTOhxuin74QRC5YhsoSDFPSzgCe/WilUdu/DTf9zpgcsD4Byzt5wAAAIEAj6V1H4V9mTl4OHQAmU6iG67PKbGghrRRkhoYGRsKf5GXVKDEo7yXnUcx5wpmOFLMlT8zjI7enC03srJirjpNjcbzvnWhoBMjDJUz8W6bj3rH0sYP9jSSGAOGLnEHf+i9Ib9Bw1l75CL8qZNjjH06i7VtOQ4GRHkfEUWRCiRf/Hc=",
            "1024 MD5:02:44:95:93:bf:f2:aa:0f:fe:ab:bf:4c:b4:b8:2f:11 (ssh-dss)",
        ),
    ];

    fn line(key_type: &str, members: &[&[u8]]) -> String {
        let member = |it: &&[u8]| [&u32::try_from(it.len()).unwrap().to_be_bytes(), *it].concat();
        let blob: Vec<_> = members.iter().flat_map(member).collect();
        format!("{key_type} {}", STANDARD.encode(blob))
    }

    /// A number of so many bits.
    fn number(bits: usize) -> Vec<u8> {
        let mut number = vec![0xff; bits / 8 + 1];
        number[0] = u8::try_from((1_u16 << (bits % 8)) - 1).unwrap();
        if bits.is_multiple_of(8) { [&[0], &number[1..]].concat() } else { number }
    }

    #[test]
    fn a_key_has_the_fingerprint_that_openssh_says() {
        for (text, fingerprint) in KEYS {
            let spaced = text.replacen(' ', " \t ", 1);
            for line in [
                text.to_owned(),
                format!("{text} a comment, ssh-rsa\r\n"),
                format!(" {spaced}\té\n\n"),
            ] {
                let key = SshPublicKey::parse(&line).unwrap();
                assert_eq!((key.text().as_str(), key.fingerprint().as_str()), (text, fingerprint));
            }
            let (key_type, key) = text.split_once(' ').unwrap();
            let blob = STANDARD.decode(key).unwrap();
            let part = |part: &[u8]| {
                SshPublicKey::parse(&format!("{key_type} {}", STANDARD.encode(part))).err()
            };
            let malformed = TYPES.map(|(name, _)| name).into_iter().find(|name| *name == key_type);
            let malformed = malformed.map(|key_type| SshKeyFault::Malformed { key_type });
            assert!((1..blob.len()).all(|end| part(&blob[..end]) == malformed), "{key_type}");
            assert_eq!(part(&[&blob[..], b"\0"].concat()), malformed, "{key_type}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let (ed25519, _) = KEYS[0];
        let (_, ed25519_key) = ed25519.split_once(' ').unwrap();
        let long = format!("{ed25519} {}", "x".repeat(MAX_BYTES));
        let other = SshKeyFault::OtherType { expected: "ssh-rsa" };
        for (text, fault) in [
            ("", SshKeyFault::UnknownType),
            ("ssh-ed448 AAAA", SshKeyFault::UnknownType),
            ("SSH-RSA AAAA", SshKeyFault::UnknownType),
            ("ssh-ed25519", SshKeyFault::NotBase64),
            (ed25519.trim_end_matches(|c: char| c.is_alphanumeric()), SshKeyFault::NotBase64),
            (&format!("{ed25519}="), SshKeyFault::NotBase64),
            (&format!("ssh-rsa {ed25519_key}"), other),
            (&format!("{ed25519}\n{ed25519}"), SshKeyFault::Lines),
            (&format!("{ed25519}\rx"), SshKeyFault::Lines),
            (&format!("no-pty {ed25519}"), SshKeyFault::Options),
            (&format!("command=\"a b\" {ed25519}"), SshKeyFault::Options),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA", SshKeyFault::Private),
            ("-----BEGIN RSA PRIVATE KEY----- AAAA", SshKeyFault::Private),
            ("PuTTY-User-Key-File-3: ssh-ed25519", SshKeyFault::Private),
            ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=", SshKeyFault::Private),
            (&long, SshKeyFault::TooLong { bytes: long.len() }),
        ] {
            let found = SshPublicKey::parse(text).unwrap_err();
            assert_eq!(found, fault, "{text}");
            assert!(!found.to_string().contains("AAAA"), "{found}");
        }
    }

    #[test]
    fn the_numbers_of_a_key_have_their_sizes_and_one_form() {
        let rsa = |e: &[u8], n: &[u8]| line("ssh-rsa", &[b"ssh-rsa", e, n]);
        let dss = |p, q, g, y| {
            let [p, q, g, y] = [p, q, g, y].map(number);
            line("ssh-dss", &[b"ssh-dss", &p, &q, &g, &y])
        };
        let point = |curve: &[u8], point: &[u8]| {
            line("ecdsa-sha2-nistp256", &[b"ecdsa-sha2-nistp256", curve, point])
        };
        let n = number(2_048);
        for good in [
            rsa(&[3], &number(1_024)),
            rsa(&[1, 0, 1], &number(16_384)),
            rsa(&number(64), &number(2_047)),
            dss(3_072, 160, 3_072, 3_072),
            dss(1_024, 160, 2, 2),
            point(b"nistp256", &[4; 65]),
        ] {
            assert!(SshPublicKey::parse(&good).is_ok(), "{good}");
        }
        let size = |of, least, most, bits| SshKeyFault::Size { of, least, most, bits };
        let malformed = |key_type| SshKeyFault::Malformed { key_type };
        for (text, fault) in [
            (rsa(&[3], &number(1_023)), size("modulus", 1_024, 16_384, 1_023)),
            (rsa(&[3], &number(16_385)), size("modulus", 1_024, 16_384, 16_385)),
            (rsa(&[1], &n), size("public exponent", 2, 64, 1)),
            (rsa(&number(65), &n), size("public exponent", 2, 64, 65)),
            (rsa(&[4], &n), malformed("ssh-rsa")),
            (rsa(&[], &n), malformed("ssh-rsa")),
            (rsa(&[0, 3], &n), malformed("ssh-rsa")),
            (rsa(&[0], &n), malformed("ssh-rsa")),
            (rsa(&[3], &n[1..]), malformed("ssh-rsa")),
            (dss(1_023, 160, 9, 9), size("p", 1_024, 3_072, 1_023)),
            (dss(3_073, 160, 9, 9), size("p", 1_024, 3_072, 3_073)),
            (dss(1_024, 161, 9, 9), size("q", 160, 160, 161)),
            (dss(1_024, 160, 1_025, 9), size("g", 2, 1_024, 1_025)),
            (dss(1_024, 160, 9, 1), size("y", 2, 1_024, 1)),
            (point(b"nistp384", &[4; 65]), malformed("ecdsa-sha2-nistp256")),
            (point(b"nistp256", &[2; 33]), malformed("ecdsa-sha2-nistp256")),
            (point(b"nistp256", &[4; 97]), malformed("ecdsa-sha2-nistp256")),
        ] {
            assert_eq!(SshPublicKey::parse(&text), Err(fault), "{text}");
        }
    }
}
