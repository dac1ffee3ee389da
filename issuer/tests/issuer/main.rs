//! The program `issuer`, driven as a person or a script would.

#![cfg(unix)]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

mod audit;
mod configuration;
mod inspect;
mod issue;
mod keygen;
mod program;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use program::*;
use testkit::processes::skip;

#[test]
fn help_and_version_are_at_hand() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["keygen", "--help"],
        &["issue", "-h"],
        &["inspect", "--help"],
        &["namespace", "--help"],
        &["trust", "-h"],
        &["revoke", "--help"],
        &["audit", "--help"],
        &["restore", "--help"],
        &["policy", "--help"],
        &["quota", "-h"],
    ] {
        let run = issuer(arguments).succeeds();
        assert!(run.stdout.contains("Usage: issuer "), "{run:?}");
        assert!(run.stdout.lines().all(|line| line.len() <= 90), "{run:?}");
    }
    let version = concat!("issuer ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(issuer(&["--version"]).succeeds().stdout, version);
    // Nothing was asked for, so nothing was done: help, and not the status of success.
    let run = issuer(&[]);
    assert_eq!((run.status, run.stderr.as_str()), (2, ""), "{run:?}");
    assert_eq!(run.stdout, issuer(&["--help"]).stdout);
}

#[test]
fn a_word_that_is_not_known_is_repeated_with_the_likest_one() {
    for (arguments, words) in [
        (&["inspekt"][..], "unknown command `inspekt`; did you mean `inspect`?\n"),
        (&["key-gen"], "unknown command `key-gen`; did you mean `keygen`?\n"),
        (&["frobnicate"], "unknown command `frobnicate`; see `issuer --help`\n"),
        (&["--key"], "unknown option `--key`; see `issuer --help`\n"),
        (&["--versoin"], "unknown option `--versoin`; did you mean `--version`?\n"),
        (&["issue", "--application"], "`--application`; did you mean `--application-id`?\n"),
        (&["issue", "--expire-in"], "`--expire-in`; did you mean `--expires-in`?\n"),
        (&["inspect", "--feed", "x"], "unknown option `--feed`; see `issuer inspect --help`\n"),
        (&["inspect", "-c"], "unknown option `-c`; see `issuer inspect --help`\n"),
        (&["revok"], "unknown command `revok`; did you mean `revoke`?\n"),
        (&["revoke", "--issued-befor"], "did you mean `--issued-before`?\n"),
        (&["trust", "--drop-odl"], "did you mean `--drop-old`?\n"),
        (&["namespace", "--compromise"], "did you mean `--compromised`?\n"),
        // What may be a secret is not repeated.
        (&["s3cret"], "unknown command; see"),
        (&["averylongwordoflettersalone"], "unknown command; see"),
        (&["issue", "--s3cret"], "unknown option; see"),
        (&["issue", "s3cret"], "an argument that belongs to no option; see"),
    ] {
        let run = issuer(arguments);
        run.fails(words);
        assert!(!run.stderr.contains("s3cret"), "{run:?}");
    }
}

#[test]
fn help_keeps_tokens_out_of_the_arguments_and_in_files_of_their_own() {
    let run = issuer(&["issue", "--help"]).succeeds();
    assert!(run.stdout.contains("umask 077"), "{run:?}");
    let run = issuer(&["inspect", "--help"]).succeeds();
    assert!(run.stdout.contains("issuer inspect - --config envoy.yaml < token"), "{run:?}");
    assert!(!run.stdout.contains("$("), "{run:?}");
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
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skip("a_full_disk_is_an_error", "no /dev/full here");
    };
    let status = command(&["--help"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
