//! The folder that a copy of the trust feed stands in, at times that the tests give.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]
#![cfg(unix)]

#[path = "store/folder.rs"]
mod temporary;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::signature::Ed25519KeyPair;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, TrustKeys};
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_issuer::feed::copy::{Folder, FolderError};
use namespace_jwt_issuer::signing::keys::{KeyType, SigningKey};

const ISSUER: Id = Id::new([1; 16]);
const SCOPE: Scope = Scope::Namespace(Id::new([2; 16]));
const BEGIN: u64 = 1_700_000_000;

/// A trust key, and what gateways know of it.
struct Key {
    signing: SigningKey,
    pinned: TrustKeys,
}

impl Key {
    fn new() -> Self {
        let signing = SigningKey::generate(KeyType::Ed25519).unwrap();
        let pem = signing.public_pem().unwrap();
        Self { signing, pinned: TrustKeys::from_pem([pem.as_str()]).unwrap() }
    }

    /// A checkpoint by it.
    fn signed(&self, issuer: Id) -> String {
        let checkpoint = Checkpoint {
            issuer,
            scope: SCOPE,
            sequence: 1,
            issued: UnixTime::from_secs(BEGIN),
            epoch: 1,
            log_length: 0,
            log_hash: Digest::of(b""),
            index: Digest::of(b"index"),
            recent: Vec::new(),
        };
        let payload = checkpoint.payload();
        let bytes = checkpoint::signed_bytes(payload.as_bytes());
        let pair = Ed25519KeyPair::from_pkcs8(&self.signing.to_pkcs8_der().unwrap()).unwrap();
        let signature = pair.sign(&bytes).as_ref().try_into().unwrap();
        let pem = self.signing.public_pem().unwrap();
        let namespace_jwt_core::key::Material::Ed25519(public) =
            namespace_jwt_core::key::pem::public_key(&pem).unwrap()
        else {
            panic!("an Ed25519 key")
        };
        checkpoint::envelope(&payload, &[(*public, signature)]).unwrap()
    }

    fn open(&self, root: &Path) -> Result<Folder, FolderError> {
        Folder::open(root, ISSUER, &self.pinned)
    }

    /// Why a folder isn't taken.
    #[track_caller]
    fn refused(&self, root: &Path) -> String {
        match self.open(root) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{} is taken", root.display()),
        }
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(BEGIN + seconds)
}

/// The names of all files under a folder, after it.
fn files(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["", "namespaces", "objects"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                found.insert(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn objects_that_nothing_names_stay_for_ten_minutes_also_over_a_restart() {
    let (temporary, key) = (temporary::Folder::new(), Key::new());
    let root = temporary.file("copy");
    let mut folder = key.open(&root).unwrap();
    let [stays, goes] = [b"stays", b"goes!"].map(|bytes| (Digest::of(bytes), bytes));
    for (name, bytes) in [stays, goes] {
        folder.put_object(name, bytes).unwrap();
    }
    let paths = [stays, goes].map(|(name, _)| format!("objects/{name}"));
    let both = named(&[".issuer-trust-publish", &paths[0], &paths[1]]);
    let is_named = |name| name == stays.0;
    folder.sweep(|_| true, at(0)).unwrap();
    folder.sweep(is_named, at(100)).unwrap();
    folder.sweep(is_named, at(699)).unwrap();
    assert_eq!(files(&root), both);
    drop(folder);
    let mut folder = key.open(&root).unwrap();
    folder.sweep(is_named, at(699)).unwrap();
    assert_eq!(files(&root), both);
    // Named again, it begins anew.
    folder.sweep(|_| true, at(699)).unwrap();
    folder.sweep(is_named, at(700)).unwrap();
    folder.sweep(is_named, at(1_299)).unwrap();
    assert_eq!(files(&root), both);
    folder.sweep(is_named, at(1_300)).unwrap();
    assert_eq!(files(&root), named(&[".issuer-trust-publish", &paths[0]]));
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_for_longer_than_that() {
    let (temporary, key) = (temporary::Folder::new(), Key::new());
    let root = temporary.file("copy");
    let mut folder = key.open(&root).unwrap();
    folder.put_object(Digest::of(b"x"), b"x").unwrap();
    folder.sweep(|_| false, at(1_000_000)).unwrap();
    folder.sweep(|_| false, at(0)).unwrap();
    folder.sweep(|_| false, at(599)).unwrap();
    assert_eq!(files(&root).len(), 2);
    folder.sweep(|_| false, at(600)).unwrap();
    assert_eq!(files(&root), named(&[".issuer-trust-publish"]));
}

#[test]
fn what_is_written_is_whole_and_readable_by_others() {
    let (temporary, key) = (temporary::Folder::new(), Key::new());
    let root = temporary.file("copy");
    let folder = key.open(&root).unwrap();
    let name = Digest::of(b"object");
    // One that was cut off, or altered by length, is written again.
    fs::write(root.join(format!("objects/{name}")), b"obj").unwrap();
    folder.put_object(name, b"object").unwrap();
    folder.put_checkpoint(SCOPE, "first").unwrap();
    folder.put_checkpoint(SCOPE, "second").unwrap();
    folder.put_checkpoint(Scope::All, "all").unwrap();
    let paths = [format!("objects/{name}"), format!("namespaces/{SCOPE}"), "all".to_owned()];
    for (path, content) in paths.iter().zip(["object", "second", "all"]) {
        let path = root.join(path);
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }
    for path in ["", "namespaces", "objects"] {
        let mode = root.join(path).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{path}");
    }
    // What is being replaced stays where something else has its place.
    fs::remove_file(root.join("all")).unwrap();
    fs::create_dir(root.join("all")).unwrap();
    assert!(folder.put_checkpoint(Scope::All, "all").is_err());
    assert!(!root.join(".new").exists());
}

#[test]
fn only_what_was_published_is_removed() {
    let (temporary, key) = (temporary::Folder::new(), Key::new());
    let root = temporary.file("copy");
    let mut folder = key.open(&root).unwrap();
    folder.put_checkpoint(SCOPE, "x").unwrap();
    folder.put_checkpoint(Scope::All, "x").unwrap();
    let id = SCOPE.to_string().to_uppercase();
    let strange = [
        ".htaccess",
        "index.html",
        "objects/README",
        "objects/00",
        "namespaces/x",
        "namespaces/all",
        &format!("namespaces/{}", id.replace('0', "A")),
        &format!("{}", Digest::of(b"")),
    ];
    for path in strange {
        fs::write(root.join(path), "not ours").unwrap();
    }
    assert_eq!(folder.remove_checkpoints(|scope| scope == SCOPE).unwrap(), [Scope::All]);
    for seconds in [0, 10_000] {
        folder.sweep(|_| false, at(seconds)).unwrap();
    }
    let ours = [".issuer-trust-publish", &format!("namespaces/{SCOPE}")];
    assert_eq!(files(&root), named(&[&strange[..], &ours].concat()));
    // A folder of ours is taken again, with what others put there.
    drop(folder);
    key.open(&root).unwrap();
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let (temporary, key) = (temporary::Folder::new(), Key::new());
    for path in ["index.html", "objects/x", "namespaces/all", "other/file", "namespaces/x/y"] {
        let root = temporary.file(&path.replace('/', "-"));
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "mine").unwrap();
        let said = key.refused(&root);
        assert!(said.contains("expected an empty folder"), "{path}: {said}");
        assert!(!root.join(".issuer-trust-publish").exists());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
    let file = temporary.file("file");
    fs::write(&file, "mine").unwrap();
    key.refused(&file);
    let said = key.refused(&temporary.file("there/is/no/such"));
    assert!(said.contains("make it first"), "{said}");
    // An empty one is fine, and so is a link to it.
    let root = temporary.file("empty");
    fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink(&root, temporary.file("link")).unwrap();
    key.open(&temporary.file("link")).unwrap();
}

#[test]
fn a_folder_has_one_feed_and_one_who_writes() {
    let (temporary, key, other) = (temporary::Folder::new(), Key::new(), Key::new());
    let root = temporary.file("copy");
    let folder = key.open(&root).unwrap();
    folder.put_checkpoint(SCOPE, &key.signed(ISSUER)).unwrap();
    assert!(key.refused(&root).contains("another `issuer trust publish`"));
    drop(folder);
    let other_issuer = Folder::open(&root, Id::new([9; 16]), &key.pinned).err().unwrap();
    assert!(matches!(other_issuer, FolderError::OtherIssuer(_)), "{other_issuer}");
    // The trust key may change meanwhile.
    other.open(&root).unwrap();

    // Copied without its mark, it is known by the signatures, and notes that were cut off are none.
    for notes in [None, Some("{\"issuer\":")] {
        match notes {
            None => fs::remove_file(root.join(".issuer-trust-publish")).unwrap(),
            Some(text) => fs::write(root.join(".issuer-trust-publish"), text).unwrap(),
        }
        let said = other.refused(&root);
        assert!(said.contains("of another service"), "{said}");
        key.open(&root).unwrap();
    }
}
