//! The lock, the copy and the restore of SQLite's file.

use std::env;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use namespace_jwt_issuer::store::sqlite::{
    OpenError, Opening, ServeLock, Sqlite, copy_to, restore_from,
};
use uuid::Uuid;

use crate::disk::{FOLDER, again};
use crate::faults::{add, founded, is_there, open};
use crate::folder::Folder;
use crate::sample::Organization;
use crate::sqlite::connection;

/// Copies a file by a process of its own: to close a file that SQLite has open ends the locks that
/// a process has on it.
fn cp(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

fn names(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.file("")).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn unverified(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

/// A founded and closed database, and a copy of it that has one namespace less.
async fn with_a_copy(folder: &Folder) -> (PathBuf, PathBuf, Organization, [Uuid; 2]) {
    let (path, store, organization) = founded(folder).await;
    let first = add(&store, organization, "first").await.unwrap();
    let copy = folder.file("copy.db");
    copy_to(&path, &copy).unwrap();
    let second = add(&store, organization, "second").await.unwrap();
    (path, copy, organization, [first.id, second.id])
}

async fn holds(path: &Path, ids: [Uuid; 2]) -> [bool; 2] {
    let store = Sqlite::open(path, Opening::Existing).unwrap();
    [is_there(&store, ids[0]).await.unwrap(), is_there(&store, ids[1]).await.unwrap()]
}

#[test]
fn one_process_serves_a_file_whatever_its_name() {
    let folder = Folder::new();
    let path = folder.file("issuer.db");
    drop(open(&path));
    let link = folder.file("link.db");
    symlink(&path, &link).unwrap();
    let lock = ServeLock::take(&path).unwrap();
    for name in [&path, &link] {
        let refused = ServeLock::take(name).err().unwrap();
        assert!(matches!(refused, OpenError::Served(_)), "{refused}");
    }
    drop(lock);
    let _lock = ServeLock::take(&link).unwrap();
    assert!(ServeLock::take(&path).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_database_in_use_is_whole_and_private() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    let (store, end) = (Arc::new(store), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, end) = (Arc::clone(&store), Arc::clone(&end));
            tokio::spawn(async move {
                for number in 0.. {
                    if end.load(Ordering::Relaxed) {
                        return number;
                    }
                    add(&store, organization, &format!("{writer}-{number}")).await.unwrap();
                }
                0
            })
        })
        .collect();
    let mut before = 0;
    for number in 0..5 {
        let copy = folder.file(&format!("copy-{number}.db"));
        let (from, to) = (path.clone(), copy.clone());
        tokio::task::spawn_blocking(move || copy_to(&from, &to)).await.unwrap().unwrap();
        assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
        assert!(Sqlite::open(&copy, Opening::Existing).is_ok());
        let copied = connection(&copy);
        let count = |sql: &str| copied.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let namespaces = count("SELECT count(*) FROM namespaces");
        assert_eq!(count("SELECT count(*) FROM audit"), namespaces);
        assert_eq!(count("SELECT count(*) FROM namespace_keys"), namespaces);
        assert!(namespaces >= before);
        before = namespaces;
    }
    end.store(true, Ordering::Relaxed);
    let mut made = 0;
    for writer in writers {
        made += writer.await.unwrap();
    }
    assert!(made > 0, "nobody wrote meanwhile");
}

#[tokio::test]
async fn a_copy_replaces_nothing_and_is_not_left_half() {
    let folder = Folder::new();
    let (path, store, _) = founded(&folder).await;
    drop(store);
    fs::write(folder.file("taken"), "mine").unwrap();
    assert!(copy_to(&path, &folder.file("taken")).is_err());
    assert_eq!(fs::read(folder.file("taken")).unwrap(), b"mine");
    assert!(copy_to(&folder.file("missing"), &folder.file("copy")).is_err());
    let odd = folder.file("").join(std::ffi::OsStr::from_bytes(b"odd-\xff"));
    assert!(copy_to(&path, &odd).is_err());
    assert_eq!(names(&folder), ["issuer.db", "taken"]);
}

#[tokio::test]
async fn a_name_is_never_a_uri() {
    // Relative, since that is how a name can begin like a URI: in a process of its own, which
    // stands in the folder.
    if env::var(FOLDER).is_ok() {
        let (file, copy) = (Path::new("file:issuer.db?mode=memory"), Path::new("file:copy.db?x=y"));
        drop(open(file));
        copy_to(file, copy).unwrap();
        drop(Sqlite::open(copy, Opening::Existing).unwrap());
        assert!([file, copy].iter().all(|path| fs::metadata(path).unwrap().len() > 0));
        return;
    }
    let folder = Folder::new();
    let shell = "cd \"$STORE_TEST_FOLDER\" && exec \"$@\"";
    assert!(again("files::a_name_is_never_a_uri", &folder, shell));
    assert_eq!(names(&folder), ["file:copy.db?x=y", "file:issuer.db?mode=memory"]);
}

#[tokio::test]
async fn a_restore_puts_the_copy_in_place_and_keeps_what_was_there() {
    let folder = Folder::new();
    let (path, copy, _, ids) = with_a_copy(&folder).await;
    let kept = restore_from(&copy, &path, unverified).unwrap().unwrap();
    assert_eq!(holds(&path, ids).await, [true, false]);
    assert_eq!(holds(&kept, ids).await, [true, true]);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    // And back, under another name.
    let kept_too = restore_from(&kept, &path, unverified).unwrap().unwrap();
    assert_ne!(kept, kept_too);
    assert_eq!(holds(&path, ids).await, [true, true]);
    assert_eq!(holds(&copy, ids).await, [true, false]);
}

#[tokio::test]
async fn a_restore_where_nothing_was_keeps_nothing() {
    let folder = Folder::new();
    let (path, copy, _, ids) = with_a_copy(&folder).await;
    fs::remove_file(&path).unwrap();
    assert_eq!(restore_from(&copy, &path, unverified).unwrap(), None);
    assert_eq!(holds(&path, ids).await, [true, false]);
}

#[tokio::test]
async fn a_restore_is_refused_while_the_file_is_served() {
    let folder = Folder::new();
    let (path, copy, _, ids) = with_a_copy(&folder).await;
    let lock = ServeLock::take(&path).unwrap();
    let refused = restore_from(&copy, &path, unverified).unwrap_err();
    assert!(matches!(refused, OpenError::Served(_)), "{refused}");
    assert_eq!(holds(&path, ids).await, [true, true]);
    drop(lock);
    restore_from(&copy, &path, unverified).unwrap();
}

#[tokio::test]
async fn a_restore_of_what_is_no_good_changes_nothing() {
    let folder = Folder::new();
    let (path, copy, _, ids) = with_a_copy(&folder).await;
    let before = names(&folder);
    let garbage = folder.file("garbage");
    fs::write(&garbage, b"garbage ".repeat(1000)).unwrap();
    let foreign = folder.file("foreign");
    connection(&foreign).execute_batch("CREATE TABLE theirs (id)").unwrap();
    // The pages behind the first are another's.
    let damaged = folder.file("damaged");
    let mut bytes = fs::read(&copy).unwrap();
    bytes[4096..].fill(7);
    fs::write(&damaged, bytes).unwrap();
    for bad in [&garbage, &foreign, &damaged, &folder.file("missing")] {
        assert!(restore_from(bad, &path, unverified).is_err(), "{}", bad.display());
        let _ = fs::remove_file(bad);
    }
    // What is wrong with it may be seen by the caller alone: another secrets key, say.
    let refused = restore_from(&copy, &path, |fresh| {
        drop(open(fresh));
        Err(OpenError::Empty(fresh.to_owned()))
    });
    assert!(matches!(refused, Err(OpenError::Empty(_))));
    let after: Vec<_> =
        names(&folder).into_iter().filter(|name| name != "issuer.db.lock").collect();
    assert_eq!(after, before);
    assert_eq!(holds(&path, ids).await, [true, true]);
}

#[tokio::test]
async fn a_journal_without_its_database_is_not_applied_to_the_restored_one() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    let first = add(&store, organization, "first").await.unwrap();
    let copy = folder.file("copy.db");
    copy_to(&path, &copy).unwrap();
    let second = add(&store, organization, "second").await.unwrap();
    let (journal, saved) = (folder.file("issuer.db-wal"), folder.file("saved"));
    cp(&journal, &saved);
    drop(store);
    fs::remove_file(&path).unwrap();
    fs::rename(&saved, &journal).unwrap();
    let kept = restore_from(&copy, &path, unverified).unwrap();
    assert!(kept.is_some(), "the journal was not put aside");
    assert_eq!(holds(&path, [first.id, second.id]).await, [true, false]);
}

#[tokio::test]
async fn what_was_put_aside_with_its_journal_is_restored_with_it() {
    let folder = Folder::new();
    let (path, store, organization) = founded(&folder).await;
    let first = add(&store, organization, "first").await.unwrap();
    let copy = folder.file("copy.db");
    copy_to(&path, &copy).unwrap();
    let second = add(&store, organization, "second").await.unwrap();
    // As after a kill: the last commits are in the journal alone.
    let killed = folder.file("killed.db");
    cp(&path, &killed);
    cp(&folder.file("issuer.db-wal"), &folder.file("killed.db-wal"));
    drop(store);
    let ids = [first.id, second.id];
    let kept = restore_from(&copy, &killed, unverified).unwrap().unwrap();
    assert_eq!(holds(&killed, ids).await, [true, false]);
    restore_from(&kept, &killed, unverified).unwrap();
    assert_eq!(holds(&killed, ids).await, [true, true]);
}

#[tokio::test]
async fn a_restore_leaves_a_link_where_it_is() {
    let folder = Folder::new();
    let (path, copy, _, ids) = with_a_copy(&folder).await;
    let link = folder.file("link.db");
    symlink(&path, &link).unwrap();
    restore_from(&copy, &link, unverified).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(holds(&path, ids).await, [true, false]);
}
