//! The program `issuer`, driven as a person or a script would.

#![cfg(unix)]

mod inspect;
mod issue;
mod keygen;
mod program;
#[path = "../vectors/mod.rs"]
mod vectors;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use program::*;

#[test]
fn help_and_version_are_at_hand() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["keygen", "--help"],
        &["issue", "-h"],
        &["inspect", "--help"],
    ] {
        let run = issuer(arguments).succeeds();
        assert!(run.stdout.contains("Usage: issuer "), "{run:?}");
        assert!(run.stdout.lines().all(|line| line.len() <= 90), "{run:?}");
    }
    let version = concat!("issuer ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(issuer(&["--version"]).succeeds().stdout, version);
    issuer(&[]).fails("expected a command");
    issuer(&["serve"]).fails("expected a command");
    issuer(&["--key"]).fails("expected a command");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let key = keygen(&folder);
    let token = mint(&key, &[]);
    let mut command = command(&["inspect"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Gone before the program, which waits for its input, writes anything.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn a_full_disk_is_an_error() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let status = command(&["--help"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
