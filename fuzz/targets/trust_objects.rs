//! Indexes and shards: whatever the issuer signed the hash of is taken or refused, without harm,
//! and what is taken is written as the same entries.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::key::{AllowedAlgorithms, MAX_KEYS};
use namespace_jwt_core::trust::index::{Index, MAX_SHARDS};
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::shards::{self, Application, Bearer, Entry, Namespace};
use namespace_jwt_core::trust::state::{News, Standing, Want};
use namespace_jwt_fuzz::keys::Signer;
use namespace_jwt_fuzz::trust;
use testkit::contract::json::Json;

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

fuzz_target!(|bytes: &[u8]| {
    if let Ok(index) = Index::read(bytes) {
        for family in [&index.namespaces, &index.applications, &index.bearers] {
            assert!(family.len() <= MAX_SHARDS && !(family.len() > 1 && family.len() % 2 == 1));
        }
    }
    let read = shard::<Namespace>(bytes) || shard::<Application>(bytes) || shard::<Bearer>(bytes);
    let known = ["namespaces", "applications", "bearers"].map(|family| in_state(family, bytes));
    assert!(read || known == [false; 3], "a shard that can't be read is in use");
});

/// Whether it is a shard of that family.
fn shard<T: Entry + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(entries) = shards::read::<T>(bytes) else { return false };
    let json = Json::read_distinct_object(bytes).expect("no object, or a member twice");
    assert_eq!(json.get("family").and_then(Json::as_str), Some(T::FAMILY));
    let listed = json.get("entries").and_then(Json::as_array).expect("entries");
    assert_eq!(listed.len(), entries.len());
    let again = shards::read::<T>(&shards::write(&entries));
    // A state that isn't known has no name to write.
    if let Ok(again) = again {
        assert_eq!(again, entries);
    }
    true
}

/// Whether a state is complete with this for the only shard of that family.
fn in_state(family: &str, bytes: &[u8]) -> bool {
    let digest = Digest::of(bytes);
    let list = |name| if name == family { format!("\"{digest}\"") } else { String::new() };
    let [namespaces, applications, bearers] = ["namespaces", "applications", "bearers"].map(list);
    let index = format!(
        r#"{{"version":1,"namespaces":[{namespaces}],"applications":[{applications}],"bearers":[{bearers}]}}"#
    );
    let checkpoint = trust::checkpoint(1, 1, &[], Digest::of(index.as_bytes()));
    let signed = trust::sign(&SIGNER, &checkpoint.payload()).expect("a short checkpoint");
    let (mut state, now) = (trust::state(&SIGNER), trust::at(0));
    assert_eq!(state.checkpoint(&signed, now), Ok(News::Incomplete));
    assert_eq!(state.object(checkpoint.index, index.as_bytes(), now), Ok(News::Incomplete));
    assert_eq!(state.wants(), [Want::Object(digest)]);
    let complete = state.object(digest, bytes, now) == Ok(News::Complete);
    let Standing::Known(view) = state.standing(now) else {
        assert!(!complete);
        return false;
    };
    assert!(complete);
    for namespace in shards::read::<Namespace>(bytes).iter().flat_map(|it| it.iter()) {
        let keys = view.keys(namespace.id, &AllowedAlgorithms::default());
        assert!(keys.len() <= MAX_KEYS);
    }
    for application in shards::read::<Application>(bytes).iter().flat_map(|it| it.iter()) {
        let public = view.place(application.namespace, Some(application.id)).public;
        assert_eq!(public, application.privacy == shards::Privacy::Public);
    }
    true
}
