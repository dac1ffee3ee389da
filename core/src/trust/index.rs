//! The index: the one object that a checkpoint names, which names all shards; and the writer
//! of both.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::trust::name::{Digest, Id, Scope};
use crate::trust::refusal::Refusal;
use crate::trust::shards::{self, Application, Bearer, Entry, Namespace, place_of};
use crate::trust::{MAX_OBJECT_BYTES, VERSION};

/// The most shards of a family.
pub const MAX_SHARDS: usize = 4096;

/// The hashes of the shards, by family, each in the order of the ids. Their number is a power of
/// two, or none where the family is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Index {
    /// Those of [`Namespace`].
    pub namespaces: Vec<Digest>,
    /// Those of [`Application`].
    pub applications: Vec<Digest>,
    /// Those of [`Bearer`].
    pub bearers: Vec<Digest>,
}

impl Index {
    /// Reads an index, whose hash was checked.
    ///
    /// # Errors
    ///
    /// [`Refusal::Oversized`], [`Refusal::UnknownVersion`], [`Refusal::Malformed`].
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let index: Self = shards::read_object(bytes)?;
        for family in index.families() {
            if family.len() > MAX_SHARDS {
                return Err(Refusal::Oversized);
            }
            if !family.is_empty() && !family.len().is_power_of_two() {
                return Err(Refusal::Malformed);
            }
        }
        Ok(index)
    }

    /// The shards that it names, each once.
    pub fn shards(&self) -> BTreeSet<Digest> {
        self.families().into_iter().flatten().copied().collect()
    }

    /// Where a shard stands first: the name of its family, and its place there.
    pub fn place(&self, shard: Digest) -> Option<(&'static str, usize)> {
        let names = [Namespace::FAMILY, Application::FAMILY, Bearer::FAMILY];
        let mut families = names.into_iter().zip(self.families());
        families.find_map(|(name, shards)| {
            shards.iter().position(|it| *it == shard).map(|place| (name, place))
        })
    }

    fn families(&self) -> [&Vec<Digest>; 3] {
        let Self { namespaces, applications, bearers } = self;
        [namespaces, applications, bearers]
    }
}

/// All that a scope's index names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its namespaces, deleted ones as long as a key of theirs has to be known as revoked.
    pub namespaces: Vec<Namespace>,
    /// Its applications.
    pub applications: Vec<Application>,
    /// The bearers with a mark.
    pub bearers: Vec<Bearer>,
}

/// An index and its shards, as they are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// The index's hash.
    pub index: Digest,
    /// The bytes of each object by their hash, the index among them.
    pub bytes: BTreeMap<Digest, Vec<u8>>,
}

/// Why contents can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// An id is there twice.
    Twice(Id),
    /// The namespace has more keys than a gateway takes: see
    /// [`MAX_KEYS`](crate::key::MAX_KEYS).
    Keys(Id),
    /// It, or what is in it, isn't of the scope.
    Scope(Id),
    /// An object would be larger than [`MAX_OBJECT_BYTES`].
    Size,
}

impl Contents {
    /// Writes the index and the shards of a scope. The same contents have the same bytes, in
    /// whatever order they are given.
    ///
    /// # Errors
    ///
    /// When no reader would take what was written.
    pub fn write(&self, scope: Scope) -> Result<Objects, WriteError> {
        for namespace in &self.namespaces {
            if !namespace.is_sound() {
                return Err(WriteError::Keys(namespace.id));
            }
        }
        let namespaces = self.namespaces.iter().map(|it| (it.id, it.id));
        let applications = self.applications.iter().map(|it| (it.id, it.namespace));
        let foreign = namespaces.chain(applications).find(|(_, it)| !scope.covers(*it));
        if let Some((id, _)) = foreign {
            return Err(WriteError::Scope(id));
        }
        let mut bytes = BTreeMap::new();
        let index = WrittenIndex {
            version: VERSION,
            namespaces: write_family(&self.namespaces, &mut bytes)?,
            applications: write_family(&self.applications, &mut bytes)?,
            bearers: write_family(&self.bearers, &mut bytes)?,
        };
        let index = put(serde_json::to_vec(&index).unwrap_or_default(), &mut bytes)?;
        Ok(Objects { index, bytes })
    }
}

fn write_family<T: Entry>(
    entries: &[T],
    bytes: &mut BTreeMap<Digest, Vec<u8>>,
) -> Result<Vec<Digest>, WriteError> {
    let mut ordered = BTreeMap::new();
    for entry in entries {
        if ordered.insert(entry.id(), entry.clone()).is_some() {
            return Err(WriteError::Twice(entry.id()));
        }
    }
    let ordered: Vec<T> = ordered.into_values().collect();
    let size = shards::write(&ordered).len();
    let count = if ordered.is_empty() { 0 } else { number_of_shards(size) };
    let mut digests = Vec::with_capacity(count);
    let mut rest = ordered.as_slice();
    for place in 0..count {
        let end = rest.partition_point(|entry| place_of(entry.id(), count) <= place);
        let Some((shard, after)) = rest.split_at_checked(end) else { break };
        digests.push(put(shards::write(shard), bytes)?);
        rest = after;
    }
    Ok(digests)
}

fn put(object: Vec<u8>, bytes: &mut BTreeMap<Digest, Vec<u8>>) -> Result<Digest, WriteError> {
    if object.len() > MAX_OBJECT_BYTES {
        return Err(WriteError::Size);
    }
    let digest = Digest::of(&object);
    bytes.insert(digest, object);
    Ok(digest)
}

/// The number with which one change costs least: its shard, and the family's part of the index.
fn number_of_shards(bytes: usize) -> usize {
    /// A hash, its quotes and a comma.
    const LISTED: usize = 67;
    /// What a request costs anyhow, in bytes: smaller shards aren't split.
    const SMALL: usize = 4096;
    let mut count = 1_usize;
    loop {
        let shard = bytes.checked_div(count).unwrap_or(0);
        // Doubling adds as many hashes as there are, and halves the shard.
        let worthwhile = count.saturating_mul(LISTED) < shard / 2;
        if count >= MAX_SHARDS || shard < SMALL || !worthwhile {
            return count;
        }
        count = count.saturating_mul(2);
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice(id) => write!(f, "the id {id} is there twice"),
            Self::Keys(id) => {
                let most = crate::key::MAX_KEYS;
                write!(f, "the namespace {id} has more than {most} keys; revoke old ones")
            }
            Self::Scope(id) => write!(f, "{id} is not of the scope"),
            Self::Size => write!(f, "an object is larger than {MAX_OBJECT_BYTES} bytes"),
        }
    }
}

impl std::error::Error for WriteError {}

#[derive(Serialize)]
struct WrittenIndex {
    version: u64,
    namespaces: Vec<Digest>,
    applications: Vec<Digest>,
    bearers: Vec<Digest>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::checkpoint;
    use crate::trust::shards::{KeyState, NamespaceKey, Privacy};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// An id whose bits are all over, as those of random UUIDs are.
    fn id(n: usize) -> Id {
        Id::new(*Digest::of(n.to_string().as_bytes()).bytes().first_chunk().unwrap())
    }

    fn applications(count: usize) -> Contents {
        let application = |n: usize| Application {
            id: id(n),
            namespace: id(0),
            privacy: Privacy::Private,
            not_before: None,
        };
        let applications = (1..=count).map(application).collect();
        Contents { applications, ..Contents::default() }
    }

    #[test]
    fn one_privacy_change_among_10_000_applications_costs_under_64_kilobytes() {
        for count in [1, 100, 10_000] {
            let mut contents = applications(count);
            let before = contents.write(Scope::All).unwrap();
            contents.applications[count / 2].privacy = Privacy::Public;
            let after = contents.write(Scope::All).unwrap();
            let new = after.bytes.iter().filter(|(it, _)| !before.bytes.contains_key(it));
            let new: Vec<_> = new.map(|(_, bytes)| bytes.len()).collect();
            assert_eq!(new.len(), 2, "the index and one shard");
            let bytes = new.iter().sum::<usize>() + checkpoint::MAX_BYTES;
            assert!(bytes < 64 * 1024, "{count}: {new:?} and a checkpoint are {bytes} bytes");
        }
    }

    #[test]
    fn the_same_contents_have_the_same_bytes_in_any_order() {
        let contents = applications(300);
        let mut other = contents.clone();
        other.applications.reverse();
        assert_eq!(contents.write(Scope::All), other.write(Scope::All));
        other.applications[7].not_before = Some(1);
        assert_ne!(contents.write(Scope::All), other.write(Scope::All));
    }

    #[test]
    fn what_no_reader_would_take_is_not_written() {
        let key = NamespaceKey { id: id(1), state: KeyState::Active, public_key: String::new() };
        let namespace = |n: usize, keys: usize| Namespace {
            id: id(n),
            not_before: None,
            keys: vec![key.clone(); keys],
            revoked_keys: vec![],
        };
        let with = |namespaces| Contents { namespaces, ..Contents::default() };
        let one = Scope::Namespace(id(1));
        let large = Namespace { revoked_keys: vec![Digest::of(b""); 20_000], ..namespace(1, 0) };
        for (contents, scope, expected) in [
            (with(vec![namespace(1, 16)]), one, None),
            (with(vec![namespace(1, 17)]), one, Some(WriteError::Keys(id(1)))),
            (with(vec![namespace(2, 1)]), one, Some(WriteError::Scope(id(2)))),
            (applications(1), Scope::Namespace(id(0)), None),
            (applications(1), one, Some(WriteError::Scope(id(1)))),
            (with(vec![namespace(1, 1), namespace(1, 1)]), one, Some(WriteError::Twice(id(1)))),
            (with(vec![large]), one, Some(WriteError::Size)),
        ] {
            assert_eq!(contents.write(scope).err(), expected);
        }
    }

    #[test]
    fn an_index_names_a_power_of_two_of_shards_or_none() {
        let hash = format!("\"{}\"", Digest::of(b""));
        let index = |count: usize| {
            let hashes = vec![hash.as_str(); count].join(",");
            format!(r#"{{"version":1,"namespaces":[{hashes}],"applications":[],"bearers":[]}}"#)
        };
        for (text, expected) in [
            (index(0), Ok(0)),
            (index(1), Ok(1)),
            (index(4096), Ok(4096)),
            (index(3), Err(Refusal::Malformed)),
            (index(8192), Err(Refusal::Oversized)),
            (index(1).replace("[],", "[],\"credentials\":[\"later\"],"), Ok(1)),
            (index(1).replace(":1,", ":2,"), Err(Refusal::UnknownVersion)),
            (index(1).replace("\"bearers\"", "\"others\""), Err(Refusal::Malformed)),
            (index(1).replace("e3b0", "E3B0"), Err(Refusal::Malformed)),
            ("[]".to_owned(), Err(Refusal::Malformed)),
        ] {
            let read = Index::read(text.as_bytes()).map(|it| it.namespaces.len());
            assert_eq!(read, expected, "{}", text.split_at(text.len().saturating_sub(60)).1);
        }
    }
}
