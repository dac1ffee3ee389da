//! Shards: what a scope holds, in pieces by the first bits of the ids, so that a change costs
//! its piece alone.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json::{self, Object};
use crate::key::{MAX_KEYS, Material};
use crate::trust::name::{Digest, Id};
use crate::trust::refusal::Refusal;
use crate::trust::{MAX_OBJECT_BYTES, VERSION};

/// A namespace: its keys, and what of it is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Namespace {
    /// Its id.
    pub id: Id,
    /// What was issued for it before this second after the Unix epoch is revoked.
    #[serde(default, deserialize_with = "json::present", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Its keys that aren't revoked, in the order in which they are tried. At most [`MAX_KEYS`]
    /// may vouch.
    pub keys: Vec<NamespaceKey>,
    /// Its keys that vouch for nothing any more.
    pub revoked_keys: Vec<Fingerprint>,
}

/// A public key of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NamespaceKey {
    /// Its id.
    pub id: Id,
    /// What it is used for.
    pub state: KeyState,
    /// The key in PEM, as [`pem`](crate::key::pem) reads it.
    pub public_key: String,
}

/// What a key of a namespace is used for. Each of the known states vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It will sign.
    Next,
    /// It signs.
    Active,
    /// It signs no more; what it signed is good.
    Retired,
    /// A state that isn't known here. Such a key vouches for nothing.
    #[serde(other)]
    Unknown,
}

/// An application: a function or a container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Application {
    /// Its id.
    pub id: Id,
    /// The namespace that it is in.
    pub namespace: Id,
    /// Whether it needs a token.
    pub privacy: Privacy,
    /// What was issued for it before this second after the Unix epoch is revoked.
    #[serde(default, deserialize_with = "json::present", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
}

/// Whether an application needs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Everybody may call it.
    Public,
    /// It needs a token. So does one with a word that isn't known here.
    #[serde(other)]
    Private,
}

/// A bearer: who holds credentials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Bearer {
    /// Its id.
    pub id: Id,
    /// The API keys that it was given before this second after the Unix epoch are revoked.
    #[serde(default, deserialize_with = "json::present", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
}

/// What names a public key whatever it is written in: the SHA-256 of its DER
/// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), curve points uncompressed.
pub type Fingerprint = Digest;

/// The fingerprint of a key.
pub fn fingerprint(key: &Material) -> Fingerprint {
    /// RFC 8410 §4: what stands before the 32 bytes.
    const ED25519: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    match key {
        Material::Ed25519(key) => Digest::of(&[&ED25519[..], key.as_ref()].concat()),
        other => Digest::of(&other.to_spki_der().unwrap_or_default()),
    }
}

/// What shards hold: one of the families of an [`index`](crate::trust::index).
pub trait Entry: Clone + Serialize + DeserializeOwned {
    /// The family's name, in the index and in each of its shards.
    const FAMILY: &'static str;

    /// The entry's id, by which it has its place.
    fn id(&self) -> Id;

    /// Whether it may stand in a shard, beside its form.
    fn is_sound(&self) -> bool {
        true
    }
}

impl Entry for Namespace {
    const FAMILY: &'static str = "namespaces";

    fn id(&self) -> Id {
        self.id
    }

    fn is_sound(&self) -> bool {
        self.keys.iter().filter(|key| key.state != KeyState::Unknown).count() <= MAX_KEYS
    }
}

impl Entry for Application {
    const FAMILY: &'static str = "applications";

    fn id(&self) -> Id {
        self.id
    }
}

impl Entry for Bearer {
    const FAMILY: &'static str = "bearers";

    fn id(&self) -> Id {
        self.id
    }
}

/// Writes a shard. The entries are in the order of their ids.
pub fn write<T: Entry>(entries: &[T]) -> Vec<u8> {
    let shard = Written { version: VERSION, family: T::FAMILY, entries };
    serde_json::to_vec(&shard).unwrap_or_default()
}

/// Reads a shard, whose hash was checked.
///
/// # Errors
///
/// [`Refusal::Oversized`], [`Refusal::UnknownVersion`], and [`Refusal::Malformed`] where it isn't a
/// shard of that family, ids are out of their order, or an entry can't be.
pub fn read<T: Entry>(bytes: &[u8]) -> Result<Arc<[T]>, Refusal> {
    let shard: Shard<T> = read_object(bytes)?;
    let entries: Arc<[T]> = shard.entries.into_iter().map(|Object(entry)| entry).collect();
    let ordered = entries.is_sorted_by(|one, next| one.id() < next.id());
    if shard.family == T::FAMILY && ordered && entries.iter().all(Entry::is_sound) {
        Ok(entries)
    } else {
        Err(Refusal::Malformed)
    }
}

/// Reads an object of this version.
pub(crate) fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    if bytes.len() > MAX_OBJECT_BYTES {
        return Err(Refusal::Oversized);
    }
    let Version { version } = json::object(bytes).map_err(|_| Refusal::Malformed)?;
    if version != VERSION {
        return Err(Refusal::UnknownVersion);
    }
    json::object(bytes).map_err(|_| Refusal::Malformed)
}

/// The shards of a family, in the order of the ids, to look things up in. Their number is a
/// power of two, or none.
#[derive(Clone)]
pub(crate) struct Shards<T>(Vec<Arc<[T]>>);

impl<T: Entry> Shards<T> {
    /// Puts shards together.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] where an entry stands in a shard that isn't its own.
    pub(crate) fn new(shards: Vec<Arc<[T]>>) -> Result<Self, Refusal> {
        let count = shards.len();
        let in_place = |(place, shard): (usize, &Arc<[T]>)| {
            // The ids between are in order.
            let ends = shard.first().into_iter().chain(shard.last());
            ends.into_iter().all(|entry| place_of(entry.id(), count) == place)
        };
        let sound = shards.iter().enumerate().all(in_place);
        if sound { Ok(Self(shards)) } else { Err(Refusal::Malformed) }
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        let shard = self.0.get(place_of(id, self.0.len()))?;
        let at = shard.binary_search_by_key(&id, Entry::id).ok()?;
        shard.get(at)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|shard| shard.iter())
    }
}

/// For no entries.
impl<T> Default for Shards<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// In which of so many shards an id stands: its first bits, as many as number them.
pub(crate) fn place_of(id: Id, shards: usize) -> usize {
    let bits = shards.checked_ilog2().unwrap_or(0);
    let place = u64::from(id.prefix()).checked_shr(u32::BITS.saturating_sub(bits));
    usize::try_from(place.unwrap_or(0)).unwrap_or(0)
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Shard<T> {
    family: String,
    entries: Vec<Object<T>>,
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u64,
    family: &'static str,
    entries: &'a [T],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::pem;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_key_has_one_fingerprint_however_it_is_written() {
        let of = |text| fingerprint(&pem::public_key(text).ok().unwrap());
        let rsa = [
            include_str!("../../tests/keys/rsa-2048.pkcs1.pem"),
            include_str!("../../tests/keys/rsa-2048.spki.pem"),
        ];
        assert_eq!(of(rsa[0]), of(rsa[1]));
        // The block's own bytes are what is hashed, of each type.
        use base64::Engine as _;
        for text in [
            rsa[1],
            include_str!("../../tests/keys/ec-p256.pem"),
            include_str!("../../tests/keys/ec-p384.pem"),
            include_str!("../../tests/keys/ed25519.pem"),
        ] {
            let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
            assert_eq!(of(text), Digest::of(&der));
        }
    }

    #[test]
    fn an_id_stands_where_its_first_bits_say() {
        let id = |first: u8| Id::new([first, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (first, shards, place) in [
            (0xff, 0, 0),
            (0xff, 1, 0),
            (0x7f, 2, 0),
            (0x80, 2, 1),
            (0x40, 4, 1),
            (0xff, 256, 255),
            (0x01, 512, 3),
        ] {
            assert_eq!(place_of(id(first), shards), place, "{first:x} of {shards}");
        }
    }

    #[test]
    fn an_entry_in_a_shard_that_is_not_its_own_is_refused() {
        let shard = |ids: &[u8]| -> Arc<[Bearer]> {
            ids.iter().map(|n| Bearer { id: Id::new([*n; 16]), not_before: None }).collect()
        };
        for (shards, good) in [
            (vec![shard(&[]), shard(&[0x80, 0xff])], true),
            (vec![shard(&[0x80, 0xff]), shard(&[])], false),
            (vec![shard(&[0x01, 0x80]), shard(&[0xff])], false),
            (vec![shard(&[0x01]), shard(&[0x7f, 0xff])], false),
            (vec![shard(&[0x01, 0x80])], true),
        ] {
            let found = Shards::new(shards);
            assert_eq!(found.as_ref().err(), if good { None } else { Some(&Refusal::Malformed) });
            if let Ok(shards) = found {
                assert!(shards.get(Id::new([0x80; 16])).is_some());
                assert!(shards.get(Id::new([0x81; 16])).is_none());
            }
        }
    }

    #[test]
    fn a_shard_is_read_when_it_is_whole_ordered_and_of_its_family() {
        let id = |n: u8| format!("{n:02x}000000-0000-4000-8000-000000000000");
        let application = |n: u8, rest: &str| {
            format!(r#"{{"id":"{}","namespace":"{}","privacy":"public"{rest}}}"#, id(n), id(9))
        };
        let shard = |entries: &[String]| {
            let entries = entries.join(",");
            format!(r#"{{"version":1,"family":"applications","entries":[{entries}]}}"#)
        };
        let good = shard(&[application(1, ""), application(2, r#","not_before":7"#)]);
        for (text, expected) in [
            (good.clone(), Ok(2)),
            (shard(&[]), Ok(0)),
            (shard(&[application(1, r#","later":{}"#)]), Ok(1)),
            (good.replace(":1,", ":1,\"later\":[],"), Ok(2)),
            (good.replace("public", "internal"), Ok(2)),
            (good.replace("\"version\":1", "\"version\":2"), Err(Refusal::UnknownVersion)),
            (good.replace("\"version\":1,", ""), Err(Refusal::Malformed)),
            (good.replace("applications", "namespaces"), Err(Refusal::Malformed)),
            (shard(&[application(2, ""), application(1, "")]), Err(Refusal::Malformed)),
            (shard(&[application(1, ""), application(1, "")]), Err(Refusal::Malformed)),
            (shard(&[application(1, r#","not_before":null"#)]), Err(Refusal::Malformed)),
            (shard(&[application(1, r#","not_before":-1"#)]), Err(Refusal::Malformed)),
            (shard(&[application(1, r#","id":"""#)]), Err(Refusal::Malformed)),
            (good.replace("\"namespace\"", "\"Namespace\""), Err(Refusal::Malformed)),
            (" ".repeat(MAX_OBJECT_BYTES) + &good, Err(Refusal::Oversized)),
        ] {
            let read = read::<Application>(text.as_bytes()).map(|it| it.len());
            assert_eq!(read, expected, "{}", text.split_at(text.len().saturating_sub(100)).1);
        }
        let unknown = read::<Application>(good.replace("public", "internal").as_bytes()).unwrap();
        assert_eq!(unknown[0].privacy, Privacy::Private);
    }

    #[test]
    fn a_namespace_has_at_most_16_keys_that_vouch() {
        let id = Id::new([1; 16]);
        let keys = |count: usize, state| {
            let key = NamespaceKey { id, state, public_key: String::new() };
            vec![key; count]
        };
        for (keys, good) in [
            (keys(16, KeyState::Retired), true),
            (keys(17, KeyState::Retired), false),
            ([keys(16, KeyState::Next), keys(9, KeyState::Unknown)].concat(), true),
        ] {
            let namespace = Namespace { id, not_before: None, keys, revoked_keys: vec![] };
            assert_eq!(read::<Namespace>(&write(&[namespace])).is_ok(), good);
        }
    }
}
