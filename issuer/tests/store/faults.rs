//! What SQLite's file goes through while the store is open.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::time::{Duration, Instant};

use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::store::sqlite::{OpenError, Opening, Sqlite};
use namespace_jwt_issuer::store::{Store, StoreError, Transaction, Unit, read, write};
use uuid::Uuid;

use crate::folder::Folder;
use crate::sample::{NOW, Organization, Step, found, key, make, origin};
use crate::sqlite::connection;

/// What a database has beside it while it is open.
const FILES: [&str; 3] = ["issuer.db", "issuer.db-wal", "issuer.db-shm"];

pub fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, Opening::CreateOrMigrate).unwrap()
}

/// A founded database in a folder.
pub async fn founded(folder: &Folder) -> (PathBuf, Sqlite, Organization) {
    let path = folder.file("issuer.db");
    let (store, organization) = (open(&path), Organization(Uuid::new_v4()));
    found(&store, organization).await.unwrap();
    (path, store, organization)
}

/// Makes a namespace, or doesn't.
pub async fn add(
    store: &Sqlite,
    organization: Organization,
    name: &str,
) -> Result<Namespace, StoreError> {
    let namespace = organization.namespace(name);
    let step = Step::CreateNamespace(namespace.clone(), key(&namespace));
    organization.make(store, &step).await.map(|()| namespace)
}

pub async fn is_there(store: &Sqlite, id: Uuid) -> Result<bool, StoreError> {
    read(store, move |transaction| Ok(transaction.namespace(id)?.is_some())).await
}

/// It neither reads nor writes, and says this.
async fn assert_unavailable(store: &Sqlite, organization: Organization, words: &str) {
    let write = add(store, organization, "no").await.map(drop);
    // Reads look whether the file is there once in a millisecond.
    std::thread::sleep(std::time::Duration::from_millis(3));
    let read = is_there(store, Uuid::nil()).await.map(drop);
    for result in [write, read] {
        let Err(StoreError::Unavailable(reason)) = result else { panic!("{result:?}") };
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_refused_until_it_is_back() {
    let folder = Folder::new();
    let (_, store, organization) = founded(&folder).await;
    let first = add(&store, organization, "first").await.unwrap();
    // Each of them alone, and all.
    for moved in [&FILES[..1], &FILES[1..2], &FILES[2..], &FILES] {
        for name in moved {
            fs::rename(folder.file(name), folder.file(&format!("{name}.away"))).unwrap();
        }
        assert_unavailable(&store, organization, "gone; put it back").await;
        for name in moved {
            fs::rename(folder.file(&format!("{name}.away")), folder.file(name)).unwrap();
        }
        let name = format!("after-{}", moved.concat());
        let next = add(&store, organization, &name).await.unwrap();
        assert!(is_there(&store, next.id).await.unwrap());
    }
    drop(store);
    let store = open(&folder.file("issuer.db"));
    assert!(is_there(&store, first.id).await.unwrap());
}

#[tokio::test]
async fn another_file_in_its_place_is_refused_until_a_restart() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    add(&store, organization, "first").await.unwrap();
    // By a process of its own: to close a file that SQLite has open ends this one's locks on it.
    let copy = folder.file("copy.db");
    assert!(Command::new("cp").arg(&path).arg(&copy).status().unwrap().success());
    fs::rename(&copy, &path).unwrap();
    for _ in 0..2 {
        assert_unavailable(&store, organization, "start the service anew").await;
    }
    drop(store);
    let store = open(&path);
    add(&store, organization, "second").await.unwrap();
}

#[tokio::test]
async fn a_journal_that_was_removed_is_refused() {
    for name in &FILES[1..] {
        let folder = Folder::new();
        let (_, store, organization) = founded(&folder).await;
        add(&store, organization, "first").await.unwrap();
        fs::remove_file(folder.file(name)).unwrap();
        assert_unavailable(&store, organization, "its journal is gone").await;
    }
}

#[tokio::test]
async fn a_lock_that_another_program_holds_is_waited_for_and_then_refused() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    let first = add(&store, organization, "first").await.unwrap();
    let other = connection(&path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begin = Instant::now();
    let refused = add(&store, organization, "second").await;
    let expected = StoreError::Unavailable("another program has it locked".to_owned());
    assert_eq!(refused, Err(expected));
    assert!(begin.elapsed() >= Duration::from_secs(4), "{:?}", begin.elapsed());
    // Readers don't mind.
    assert!(is_there(&store, first.id).await.unwrap());
    // What comes while it is locked is done once it isn't.
    let mut waiting = Box::pin(add(&store, organization, "third"));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut waiting).await.is_err());
    other.execute_batch("ROLLBACK").unwrap();
    assert!(is_there(&store, waiting.await.unwrap().id).await.unwrap());
}

/// A write under way.
type Call<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

#[tokio::test]
async fn a_queue_that_is_full_refuses_what_comes() {
    let folder = Folder::new();
    let (_, store, _) = founded(&folder).await;
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let mut calls: Vec<Call<'_>> = vec![Box::pin(write(&store, move |_| {
        let _ = wait.recv();
        Ok(())
    }))];
    for _ in 0..5000 {
        calls.push(Box::pin(write(&store, |_| Ok(()))));
    }
    // Those that are submitted are those that have been polled.
    let mut pending = Vec::new();
    let mut busy = 0;
    for mut call in calls {
        match tokio::time::timeout(Duration::ZERO, &mut call).await {
            Ok(result) => {
                assert_eq!(result, Err(StoreError::Busy));
                busy += 1;
            }
            Err(_) => pending.push(call),
        }
    }
    assert!(busy > 0 && pending.len() > 4000, "{busy} {}", pending.len());
    drop(release);
    for call in pending {
        assert_eq!(call.await, Ok(()));
    }
}

#[test]
fn a_database_of_another_program_is_left_as_it_is() {
    let folder = Folder::new();
    let path = folder.file("issuer.db");
    let theirs = connection(&path);
    theirs.execute_batch("CREATE TABLE theirs (id); INSERT INTO theirs VALUES (1)").unwrap();
    drop(theirs);
    let before = fs::read(&path).unwrap();
    for opening in [Opening::CreateOrMigrate, Opening::Existing] {
        let error = Sqlite::open(&path, opening).err().unwrap().to_string();
        assert!(error.contains("found another's"), "{error}");
        assert!(fs::read(&path).unwrap() == before);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}

#[test]
fn bytes_that_are_no_database_are_left_as_they_are() {
    let folder = Folder::new();
    let path = folder.file("issuer.db");
    let bytes = b"no database, but long enough to be one. ".repeat(200);
    fs::write(&path, &bytes).unwrap();
    for opening in [Opening::CreateOrMigrate, Opening::Existing] {
        let error = Sqlite::open(&path, opening).err().unwrap().to_string();
        assert!(error.contains("not a database"), "{error}");
        assert!(fs::read(&path).unwrap() == bytes);
    }
}

#[tokio::test]
async fn a_newer_version_is_left_as_it_is() {
    let folder = Folder::new();
    let (path, store, _) = founded(&folder).await;
    drop(store);
    connection(&path).pragma_update(None, "user_version", 1000).unwrap();
    for opening in [Opening::CreateOrMigrate, Opening::Existing] {
        let error = Sqlite::open(&path, opening).err().unwrap().to_string();
        assert!(error.contains("found version 1000"), "{error}");
    }
}

#[test]
fn a_database_that_is_not_there_is_made_by_the_service_alone() {
    let folder = Folder::new();
    let path = folder.file("issuer.db");
    let error = Sqlite::open(&path, Opening::Existing).err().unwrap();
    assert!(matches!(error, OpenError::Missing(_)), "{error}");
    assert!(!path.exists());
    let _store = open(&path);
    for name in FILES {
        let mode = fs::metadata(folder.file(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_row_that_no_version_writes_is_refused_by_the_name_of_its_column() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    for (column, value) in [
        ("tags", "'no JSON'"),
        ("region", "'nowhere at all'"),
        ("created_at", "-1"),
        ("environment_variables", "'[]'"),
    ] {
        let namespace = add(&store, organization, "first").await.unwrap();
        let beside = connection(&path);
        beside.execute_batch(&format!("UPDATE namespaces SET {column} = {value}")).unwrap();
        let Err(StoreError::Corrupt(what)) = is_there(&store, namespace.id).await else {
            panic!("{column}")
        };
        assert!(what.contains(&format!("`{column}`")), "{what}");
        let step = Step::DeleteNamespace(namespace);
        let by = organization.may_in(step.change().action(), Some(organization.0));
        make(&store, &by, &step, &origin(NOW)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_submitted_before_the_end_is_done() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    let namespace = organization.namespace("last");
    let step = Step::CreateNamespace(namespace.clone(), key(&namespace));
    store.submit_write(Box::new(Last(organization, step)));
    drop(store);
    assert!(is_there(&open(&path), namespace.id).await.unwrap());
}

/// A piece of work whose end nobody waits for.
struct Last(Organization, Step);

impl Unit for Last {
    fn run(&mut self, transaction: &mut dyn Transaction) -> bool {
        self.0.apply(transaction, &self.1, &origin(NOW)).is_ok()
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        assert_eq!(outcome, Ok(()));
    }
}
