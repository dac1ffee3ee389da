//! A copy made while the service runs, and the way back to it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jwt_simple::prelude::*;
use serde_json::Value;
use testkit::api::{good, id, member};
use testkit::service::Service;

use crate::{Scene, make_token, token_ids};

#[test]
fn a_backup_made_while_serving_is_the_whole_state_of_that_moment() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "saved");
    let before: Vec<_> = (0..3).map(|_| make_token(&client, &scene.function)).collect();
    let ids = |tokens: &[Value]| -> BTreeSet<String> {
        tokens.iter().map(|token| id(token).to_owned()).collect()
    };
    let copy = service.folder.join("copy.db");
    let copy_name = copy.to_str().unwrap();
    service.run(&["backup", copy_name]);
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&copy).unwrap();
    let key = fs::read(service.secrets_key()).unwrap();
    assert!(!bytes.windows(key.len()).any(|part| part == key), "the secrets key in the copy");

    let later = make_token(&client, &scene.function);
    good(client.delete(&client.functions(&format!("/tokens/{}", id(&before[0])))));
    let now = BTreeSet::from_iter(token_ids(&client));

    let said = service.refused(&["restore", copy_name]);
    assert!(!said.is_empty());
    assert_eq!(BTreeSet::from_iter(token_ids(&client)), now, "a restore while serving");
    service.stop();

    service.run(&["restore", copy_name]);
    service.start();
    assert_eq!(BTreeSet::from_iter(token_ids(&client)), ids(&before));
    assert_eq!(client.get(&client.functions(&format!("/tokens/{}", id(&later)))).status, 404);
    // The key of that namespace is the one that signed them, and it signs again.
    let after = make_token(&client, &scene.function);
    let public = RS256PublicKey::from_pem(member(&after, "public_key")).unwrap();
    for token in before.iter().chain([&after]) {
        public.verify_token::<Value>(member(token, "token"), None).expect("the same key");
    }
}

#[test]
fn what_root_restores_belongs_to_whom_the_database_belonged() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    const OTHER: u32 = 65_533;
    let mut service = Service::started();
    let copy = service.folder.join("copy.db");
    service.run(&["backup", copy.to_str().unwrap()]);
    service.stop();
    let owner = |path: &std::path::Path| {
        let metadata = path.metadata().unwrap();
        (metadata.uid(), metadata.gid())
    };
    let own = owner(&copy);
    let is_root = own.0 == 0;
    if is_root {
        chown(service.database(), Some(OTHER), Some(OTHER)).unwrap();
        chown(&service.folder, Some(OTHER), Some(OTHER)).unwrap();
    }
    let expected = if is_root { (OTHER, OTHER) } else { own };
    service.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(owner(&service.database()), expected);
    // Where there was none, the folder says whose it is.
    fs::remove_file(service.database()).unwrap();
    service.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(owner(&service.database()), expected);
}

#[test]
fn a_copy_that_is_not_this_service_s_own_replaces_nothing() {
    let mut stranger = Service::started();
    Scene::make(&stranger.client(), "strange");
    let copy = stranger.folder.join("copy.db");
    stranger.run(&["backup", copy.to_str().unwrap()]);
    stranger.stop();

    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "own");
    let token = make_token(&client, &scene.function);
    let own = service.folder.join("own.db");
    service.run(&["backup", own.to_str().unwrap()]);
    service.stop();
    let damaged = service.folder.join("damaged.db");
    let mut bytes = fs::read(&own).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&damaged, bytes).unwrap();
    let garbage = service.folder.join("garbage.db");
    fs::write(&garbage, "no database at all\n".repeat(1000)).unwrap();
    let empty = service.folder.join("empty.db");
    fs::write(&empty, "").unwrap();
    let missing = service.folder.join("missing.db");

    let before = fs::read(service.database()).unwrap();
    for file in [&copy, &damaged, &garbage, &empty, &missing] {
        let name = file.file_name().unwrap().to_str().unwrap();
        let said = service.refused(&["restore", file.to_str().unwrap()]);
        assert!(said.contains(name) || said.contains("secrets key"), "{name}: {said}");
        assert!(fs::read(service.database()).unwrap() == before, "{name} replaced something");
    }
    service.start();
    assert_eq!(token_ids(&client), [id(&token)]);
    let said = service.refused(&["backup", own.to_str().unwrap()]);
    assert!(said.contains("own.db"), "an existing file: {said}");
}
