//! A disk that takes no more. Each test is run again as a process of its own, whose disk or whose
//! limit is small.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use namespace_jwt_issuer::store::StoreError;
use namespace_jwt_issuer::store::sqlite::Sqlite;
use rlimit::Resource;
use testkit::processes::skip;
use uuid::Uuid;

use crate::faults::{add, is_there, open};
use crate::folder::Folder;
use crate::sample::{Organization, found};

/// Names the folder to the process of its own.
pub const FOLDER: &str = "STORE_TEST_FOLDER";

/// Runs a test of this program again, by a shell command that does so with `"$@"`. It tells
/// whether the test was run, and passed.
pub fn again(test: &str, folder: &Folder, shell: &str) -> bool {
    let output = Command::new("sh")
        .args(["-c", shell, "sh"])
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, folder.file(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("panicked"), "{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    output.status.success() && text.contains("1 passed")
}

/// What is written while there is no room is refused and not there, and what was answered is.
async fn goes_on_when_there_is_room(words: &str, fill: impl Fn(), free: impl Fn()) {
    let path = PathBuf::from(env::var(FOLDER).unwrap()).join("issuer.db");
    let (store, organization) = (open(&path), Organization(Uuid::new_v4()));
    found(&store, organization).await.unwrap();
    let mut made = Vec::new();
    for round in 0..3 {
        let id = add(&store, organization, &format!("{round}")).await.unwrap().id;
        made.push(id);
        fill();
        let mut number = 0;
        let reason = loop {
            number += 1;
            assert!(number < 10_000, "there is still room");
            match add(&store, organization, &format!("{round}-{number}")).await {
                Ok(namespace) => made.push(namespace.id),
                Err(StoreError::Unavailable(reason)) => break reason,
                Err(other) => panic!("{other}"),
            }
        };
        assert!(reason.contains(words), "{reason}");
        assert!(is_there(&store, id).await.unwrap());
        let name = format!("{round}-{number}");
        assert!(add(&store, organization, &name).await.is_err());
        free();
        // The name is free, so what was refused isn't there.
        made.push(add(&store, organization, &name).await.unwrap().id);
        check(&store, &made).await;
    }
    drop(store);
    check(&open(&path), &made).await;
}

async fn check(store: &Sqlite, made: &[Uuid]) {
    for id in made {
        assert!(is_there(store, *id).await.unwrap());
    }
}

#[tokio::test]
async fn a_disk_that_is_full_is_an_error_until_there_is_room() {
    const NAME: &str = "a_disk_that_is_full_is_an_error_until_there_is_room";
    if let Ok(folder) = env::var(FOLDER) {
        let filler = PathBuf::from(folder).join("filler");
        let fill = || {
            let mut file = File::create(&filler).unwrap();
            while file.write_all(&[0; 4096]).is_ok() {}
        };
        return goes_on_when_there_is_room("full", fill, || fs::remove_file(&filler).unwrap())
            .await;
    }
    let folder = Folder::new();
    let unshare = "unshare --user --map-root-user --mount";
    let mount = "mount -t tmpfs -o size=4m tmpfs \"$STORE_TEST_FOLDER\"";
    let can_mount = Command::new("sh")
        .args(["-c", &format!("{unshare} sh -c '{mount}'")])
        .env(FOLDER, folder.file(""))
        .stderr(Stdio::null())
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
        return skip(NAME, "this user may not mount a small disk");
    }
    let shell = format!("exec {unshare} sh -c '{mount} && exec \"$@\"' sh \"$@\"");
    assert!(again(&format!("disk::{NAME}"), &folder, &shell));
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_an_error_until_it_may() {
    if let Ok(folder) = env::var(FOLDER) {
        let journal = PathBuf::from(folder).join("issuer.db-wal");
        let (_, hard) = Resource::FSIZE.get().unwrap();
        let fill = || {
            let size = fs::metadata(&journal).unwrap().len();
            Resource::FSIZE.set(size + 6000, hard).unwrap();
        };
        let free = || Resource::FSIZE.set(hard, hard).unwrap();
        return goes_on_when_there_is_room("disk", fill, free).await;
    }
    let folder = Folder::new();
    // The signal that a write beyond the limit sends would end the process.
    let shell = "trap '' XFSZ && exec \"$@\"";
    assert!(again("disk::a_file_that_may_not_grow_is_an_error_until_it_may", &folder, shell));
}
