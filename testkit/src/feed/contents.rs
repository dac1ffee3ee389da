//! What a feed says, and its bytes: `docs/TRUST_FORMAT.md`, written a second time.

use std::collections::BTreeMap;

use hmac_sha256::Hash;
use serde_json::{Value, json};

/// A shard has no more entries than this. One may have 1 MiB.
const ENTRIES_PER_SHARD: usize = 256;

/// The most revocations that stand in a checkpoint.
const MAX_RECENT: usize = 64;

/// The state of one scope.
#[derive(Clone)]
pub struct Contents {
    pub issuer: String,
    /// A namespace's id, or `all`.
    pub scope: String,
    pub sequence: u64,
    pub epoch: u64,
    /// By id, as `entries` of the format; their member `id` is added.
    pub namespaces: BTreeMap<String, Value>,
    pub applications: BTreeMap<String, Value>,
    pub bearers: BTreeMap<String, Value>,
    log: Vec<u8>,
    log_hash: Hash,
}

impl Contents {
    pub fn new(scope: &str) -> Self {
        Self {
            issuer: "0b9c7c6e-7c1b-4b0e-8a54-0e6a3c1d2f10".to_owned(),
            scope: scope.to_owned(),
            sequence: 1_000_000,
            epoch: 1,
            namespaces: BTreeMap::new(),
            applications: BTreeMap::new(),
            bearers: BTreeMap::new(),
            log: Vec::new(),
            log_hash: Hash::new(),
        }
    }

    /// Sets a namespace's keys, in PEM.
    pub fn set_keys<'a>(&mut self, id: &str, keys: impl IntoIterator<Item = &'a str>) {
        let key = |(n, pem): (usize, &str)| {
            let id = format!("00000000-0000-4000-8000-{n:012}");
            json!({"id": id, "state": "active", "public_key": pem})
        };
        let keys: Vec<_> = keys.into_iter().enumerate().map(key).collect();
        self.namespace(id)["keys"] = json!(keys);
    }

    /// Puts a key, in PEM of a `SubjectPublicKeyInfo`, on the list of revoked ones.
    pub fn revoke_key(&mut self, namespace: &str, spki_pem: &str) {
        use base64::Engine as _;
        let body: String = spki_pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).expect("a key in PEM");
        let revoked = &mut self.namespace(namespace)["revoked_keys"];
        revoked.as_array_mut().unwrap().push(json!(hex(&Hash::hash(&der))));
    }

    /// What was issued for a namespace before that second is revoked.
    pub fn mark_namespace(&mut self, id: &str, not_before: u64) {
        self.namespace(id)["not_before"] = json!(not_before);
    }

    /// A namespace's entry, made without a key where there is none.
    fn namespace(&mut self, id: &str) -> &mut Value {
        let empty = || json!({"keys": [], "revoked_keys": []});
        self.namespaces.entry(id.to_owned()).or_insert_with(empty)
    }

    /// Sets an application's privacy.
    pub fn set_privacy(&mut self, namespace: &str, application: &str, privacy: &str) {
        let entry = self.applications.entry(application.to_owned()).or_insert_with(|| json!({}));
        entry["namespace"] = json!(namespace);
        entry["privacy"] = json!(privacy);
    }

    /// What was issued for an application before that second is revoked.
    pub fn mark_application(&mut self, id: &str, not_before: u64) {
        self.applications.get_mut(id).expect("an application")["not_before"] = json!(not_before);
    }

    /// Revokes a token by its `jti`; a UUID is in lower case.
    pub fn revoke(&mut self, token_id: &str) {
        let record = &Hash::hash(token_id.as_bytes())[..8];
        self.log.extend_from_slice(record);
        self.log_hash.update(record);
    }

    /// Begins another epoch, in whose log these tokens alone are revoked.
    pub fn compact<'a>(&mut self, token_ids: impl IntoIterator<Item = &'a str>) {
        self.epoch += 1;
        self.log.clear();
        self.log_hash = Hash::new();
        token_ids.into_iter().for_each(|id| self.revoke(id));
    }

    /// The log of the epoch.
    pub fn log(&self) -> &[u8] {
        &self.log
    }

    pub fn log_hash(&self) -> String {
        hex(&self.log_hash.finalize())
    }

    /// A checkpoint's payload, which tests alter before it is signed.
    pub fn payload(&self, issued_micros: u64, index: &str) -> Value {
        let recent = self.log.rchunks(8).take(MAX_RECENT).map(hex);
        let mut recent: Vec<_> = recent.collect();
        recent.reverse();
        json!({
            "version": 1,
            "issuer": self.issuer,
            "scope": self.scope,
            "sequence": self.sequence,
            "issued": issued_micros,
            "epoch": self.epoch,
            "log_length": self.log.len() / 8,
            "log_hash": self.log_hash(),
            "index": index,
            "recent": recent,
        })
    }

    /// The hash of the index, and all objects by theirs.
    pub fn objects(&self) -> (String, BTreeMap<String, Vec<u8>>) {
        let mut objects = BTreeMap::new();
        let mut put = |object: Value| {
            let bytes = object.to_string().into_bytes();
            let name = hex(&Hash::hash(&bytes));
            objects.insert(name.clone(), bytes);
            name
        };
        let mut family = |name: &str, entries: &BTreeMap<String, Value>| {
            let shards = shards(entries).into_iter();
            let written = shards.map(|it| json!({"version": 1, "family": name, "entries": it}));
            written.map(&mut put).collect::<Vec<_>>()
        };
        let index = json!({
            "version": 1,
            "namespaces": family("namespaces", &self.namespaces),
            "applications": family("applications", &self.applications),
            "bearers": family("bearers", &self.bearers),
        });
        let index = put(index);
        (index, objects)
    }
}

/// A family's entries, by the first bits of their ids.
fn shards(entries: &BTreeMap<String, Value>) -> Vec<Vec<Value>> {
    if entries.is_empty() {
        return Vec::new();
    }
    let count = entries.len().div_ceil(ENTRIES_PER_SHARD).next_power_of_two();
    let mut shards = vec![Vec::new(); count];
    for (id, entry) in entries {
        let first_bits = u64::from_str_radix(&id[..8], 16).expect("a UUID");
        let mut entry = entry.clone();
        entry["id"] = json!(id);
        shards[((first_bits * count as u64) >> 32) as usize].push(entry);
    }
    shards
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
