//! What things in the feed are called: ids, hashes, scopes, paths.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::identifier;
use crate::trust::text::{as_text, from_hex, write_hex};

/// A UUID. In the feed it is written in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

impl Id {
    /// The UUID of these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The UUID that an operator wrote, in any case of its digits.
    pub fn of(text: &str) -> Option<Self> {
        identifier::uuid(text).map(Self)
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// How it is written.
    pub(crate) fn text(self) -> [u8; 36] {
        let digit = |value: u8| char::from_digit(value.into(), 16).map_or(b'0', |it| it as u8);
        let mut digits = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).map(digit);
        let mut text = [b'-'; 36];
        for (at, place) in text.iter_mut().enumerate() {
            if !matches!(at, 8 | 13 | 18 | 23) {
                *place = digits.next().unwrap_or(b'0');
            }
        }
        text
    }

    /// Its first 32 bits: by these it has its place in shards.
    pub(crate) fn prefix(self) -> u32 {
        u32::from_be_bytes(self.0.first_chunk().copied().unwrap_or_default())
    }

    fn read(text: &str) -> Option<Self> {
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        Self::of(text).filter(|_| !upper)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is ASCII.
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A SHA-256 digest. In the feed it is written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest that has these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest written as in the feed.
    pub fn read(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// What a checkpoint is about: one namespace, or all that the issuer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// This namespace.
    Namespace(Id),
    /// All of them.
    All,
}

impl Scope {
    /// The path of its checkpoint, after `trust.path`.
    pub fn path(self) -> String {
        match self {
            Self::Namespace(id) => format!("/namespaces/{id}"),
            Self::All => "/all".to_owned(),
        }
    }

    /// The path of an epoch of its log, after `trust.path`.
    pub fn log_path(self, epoch: u64) -> String {
        format!("{}/log/{epoch}", self.path())
    }

    /// Whether something of this namespace belongs to it.
    pub fn covers(self, namespace: Id) -> bool {
        match self {
            Self::Namespace(id) => id == namespace,
            Self::All => true,
        }
    }
}

/// The path of an object, after `trust.path`.
pub fn object_path(object: Digest) -> String {
    format!("/objects/{object}")
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespace(id) => id.fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

as_text! {
    Id, "a UUID in lower case", Id::read;
    Digest, "64 hexadecimal digits in lower case", Digest::read;
    Scope, "`all` or a UUID in lower case", |text: &str| match text {
        "all" => Some(Scope::All),
        id => Id::read(id).map(Scope::Namespace),
    };
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const UUID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";

    #[test]
    fn names_are_read_in_one_form_alone() {
        let id = |text: &str| serde_json::from_value::<Id>(text.into()).ok();
        assert_eq!(id(UUID).map(|it| it.to_string()).as_deref(), Some(UUID));
        assert_eq!(id(&UUID.to_uppercase()), None);
        assert_eq!(Id::of(&UUID.to_uppercase()), id(UUID));
        let digest = "00".repeat(31) + "af";
        assert_eq!(Digest::read(&digest).unwrap().to_string(), digest);
        for other in ["", "0", &digest.to_uppercase(), digest.split_at(1).1, &format!("{digest}0")]
        {
            assert_eq!(Digest::read(other), None, "{other}");
        }
        for (text, expected) in [
            ("all", Some(Scope::All)),
            (UUID, Id::of(UUID).map(Scope::Namespace)),
            ("All", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(serde_json::from_value::<Scope>(text.into()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn paths_are_those_of_the_contract() {
        let one = Scope::Namespace(Id::of(UUID).unwrap());
        assert_eq!(one.path(), format!("/namespaces/{UUID}"));
        assert_eq!(one.log_path(7), format!("/namespaces/{UUID}/log/7"));
        assert_eq!(Scope::All.path(), "/all");
        assert_eq!(Scope::All.log_path(7), "/all/log/7");
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(object_path(Digest::of(b"")), format!("/objects/{nothing}"));
    }
}
