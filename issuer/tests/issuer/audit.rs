//! The audit log of an installation, exported and verified.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::serve::now;
use rusqlite::Connection;
use serde_json::Value;

use crate::program::*;
use testkit::processes::skip;

/// An installation after its first start, with what that leaves in the log: the owner's key and the
/// trust key.
struct Founded {
    folder: Folder,
}

impl Founded {
    fn new() -> Self {
        let folder = Folder::new();
        let installation = Installation::beside(folder.0.join("issuer.db"), None, None);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(installation.open_or_make("http://127.0.0.1:8080", now())).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path(name)
    }

    /// Runs a command on its database.
    fn run(&self, arguments: &[&str]) -> Run {
        let database = format!("sqlite:{}", self.path("issuer.db"));
        issuer(&[arguments, &["--database", &database]].concat())
    }

    /// Revokes ids, each of which is an entry more.
    fn revoke(&self, ids: &[&str]) {
        for id in ids {
            self.run(&["revoke", "--jti", id]).succeeds();
        }
    }

    fn export(&self, name: &str) -> String {
        let path = self.path(name);
        let run = self.run(&["audit", "export", "--out", &path]).succeeds();
        assert!(run.stdout.ends_with(" entries, signed\n"), "{run:?}");
        path
    }

    fn trust_key(&self, name: &str) -> String {
        let run = self.run(&["trust", "key"]).succeeds();
        self.folder.write(name, run.stdout)
    }

    fn execute(&self, sql: &str) {
        Connection::open(self.path("issuer.db")).unwrap().execute_batch(sql).unwrap();
    }
}

/// What `verify` says of a log that isn't right.
#[track_caller]
fn finds(run: &Run, words: &str) {
    assert_eq!((run.status, run.stderr.as_str()), (1, ""), "{run:?}");
    assert!(run.stdout.contains(words), "{words:?} in {run:?}");
}

#[test]
fn a_log_is_exported_and_verified() {
    let founded = Founded::new();
    founded.revoke(&["an-id", "another"]);
    let log = founded.export("log.jsonl");
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    let text = founded.folder.read("log.jsonl");
    let lines: Vec<Value> = text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let told: Vec<_> = lines[..4]
        .iter()
        .map(|it| format!("{} {} {}", it["number"], it["action"], it["resource_type"]))
        .collect();
    assert_eq!(
        told,
        [
            "1 \"created\" \"api_key\"",
            "2 \"created\" \"trust_key\"",
            "3 \"created\" \"revocation\"",
            "4 \"created\" \"revocation\"",
        ]
    );
    assert_eq!(
        (&lines[2]["resource_id"], &lines[3]["resource_id"]),
        (&"an-id".into(), &"another".into())
    );
    assert_eq!(lines[3]["bearer_id"], Value::Null);
    assert_eq!(lines.len(), 5);

    // To standard output, it is the same but for the time of the head and its signature.
    let run = founded.run(&["audit", "export"]).succeeds();
    let entries = |text: &str| text.lines().take(4).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(entries(&run.stdout), entries(&text));
    assert_eq!(run.stdout.lines().count(), 5);

    let key = founded.trust_key("trust.pem");
    let by_database = founded.run(&["audit", "verify", &log]).succeeds();
    // Another machine has the key alone.
    let by_key = issuer(&["audit", "verify", &log, "--key", &key]).succeeds();
    let piped = run_with_input(&["audit", "verify", "-", "--key", &key], &text).succeeds();
    for run in [&by_database, &by_key, &piped] {
        assert!(run.stdout.contains("  4 entries from 20") && run.stdout.contains(" by the key "));
        assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    }
    assert!(piped.stdout.starts_with("standard input  "), "{piped:?}");
}

#[test]
fn a_file_that_was_changed_is_found() {
    let founded = Founded::new();
    founded.revoke(&["an-id"]);
    founded.export("log.jsonl");
    let key = founded.trust_key("trust.pem");
    let text = founded.folder.read("log.jsonl");
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    for (file, words) in [
        (text.replace("an-id", "my-id"), "line 3: its hash isn't that of the line before"),
        (lines[1..].concat(), "line 1: the entry 1 is missing before it"),
        (lines[..2].concat(), "line 3: expected the signed head, found nothing after 2 entries"),
        ([lines[0], lines[1], lines[3]].concat(), "line 3: the head is of 3 entries, found 2"),
        (text.clone() + lines[2], "line 5: expected the end of the file, found more"),
        (text.replace('{', "{\"\\u001b[2J\":0,"), "an unknown member `\\u{1b}[2J`"),
        (String::new(), "line 1: expected the signed head"),
    ] {
        let changed = founded.folder.write("changed.jsonl", file);
        finds(&issuer(&["audit", "verify", &changed, "--key", &key]), words);
    }
    let other = Founded::new();
    let other_key = other.trust_key("trust.pem");
    let run = issuer(&["audit", "verify", &founded.path("log.jsonl"), "--key", &other_key]);
    finds(&run, "line 4: the head is signed by another key");
    finds(&other.run(&["audit", "verify", &founded.path("log.jsonl")]), "by another key");
}

#[test]
fn a_history_that_was_rewritten_between_two_exports_is_found() {
    let founded = Founded::new();
    founded.revoke(&["an-id"]);
    let old = founded.export("old.jsonl");
    let end = founded.folder.read("old.jsonl").lines().last().unwrap().to_owned() + "\n";
    let end = founded.folder.write("end.jsonl", end);
    founded.revoke(&["another"]);
    let new = founded.export("new.jsonl");
    for earlier in [&old, &end, &new] {
        let run = founded.run(&["audit", "verify", &new, "--continues", earlier]).succeeds();
        assert!(run.stdout.contains("  begins with the "), "{run:?}");
    }
    let run = founded.run(&["audit", "verify", &old, "--continues", &new]);
    finds(&run, "line 4: the earlier export has 4 entries, found 3");

    // By whoever can write the file. The service signs it all the same.
    founded.execute("UPDATE audit SET resource_id = 'my-id' WHERE resource_id = 'an-id'");
    let forged = founded.export("forged.jsonl");
    founded.run(&["audit", "verify", &forged]).succeeds();
    for earlier in [&old, &end] {
        let run = founded.run(&["audit", "verify", &forged, "--continues", earlier]);
        finds(&run, "line 3: the log up to here isn't that of the earlier export of 3 entries");
    }
}

#[test]
fn what_was_removed_from_the_database_is_told_by_both_commands() {
    let founded = Founded::new();
    founded.revoke(&["a", "b", "c", "d"]);
    founded.execute("DELETE FROM audit WHERE number IN (3, 4)");
    let log = founded.path("log.jsonl");
    let run = founded.run(&["audit", "export", "--out", &log]);
    assert_eq!((run.status, run.stdout), (1, format!("{log}  4 entries, signed\n")));
    let words = "the entries 3 to 4 are missing, 2 entries in all: somebody removed them";
    assert!(run.stderr.starts_with(&format!("issuer: {words}")), "{}", run.stderr);
    finds(&founded.run(&["audit", "verify", &log]), words);

    // The numbers of those at the end aren't given again.
    founded.execute("DELETE FROM audit WHERE number > 2");
    founded.revoke(&["e"]);
    let run = founded.run(&["audit", "export"]);
    assert!(run.stderr.contains("the entries 3 to 6 are missing, 4 entries in all"), "{run:?}");
}

#[test]
fn a_log_of_many_entries_is_exported_whole() {
    let founded = Founded::new();
    founded.execute(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 2998)
         INSERT INTO audit (id, created_at, organization_id, user_agent, action, resource_type,
             resource_id)
         SELECT randomblob(16), 1700000000000000 + n, zeroblob(16), '', 'updated', 'x', n FROM n",
    );
    let log = founded.export("log.jsonl");
    let run = founded.run(&["audit", "verify", &log]).succeeds();
    assert!(run.stdout.contains("  3000 entries from 20"), "{run:?}");
    founded.revoke(&["one-more"]);
    let new = founded.export("new.jsonl");
    let run = founded.run(&["audit", "verify", &new, "--continues", &log]).succeeds();
    assert!(run.stdout.contains("  3001 entries "), "{run:?}");
}

#[test]
fn keys_that_are_replaced_go_on_proving_what_they_signed() {
    let founded = Founded::new();
    let first = founded.trust_key("first.pem");
    let old = founded.export("old.jsonl");
    assert_eq!(founded.run(&["trust", "rotate"]).status, 0);
    let both = founded.trust_key("both.pem");
    let between = founded.export("between.jsonl");
    assert_eq!(founded.run(&["trust", "rotate", "--drop-old"]).status, 0);
    let second = founded.trust_key("second.pem");
    let new = founded.export("new.jsonl");
    for (log, key, earlier) in [
        (&old, &first, None),
        (&between, &first, Some(&old)),
        (&between, &second, None),
        (&new, &second, Some(&between)),
        (&new, &both, Some(&old)),
    ] {
        let mut arguments = vec!["audit", "verify", log, "--key", key];
        arguments.extend(earlier.iter().flat_map(|earlier| ["--continues", earlier]));
        issuer(&arguments).succeeds();
    }
    finds(&issuer(&["audit", "verify", &new, "--key", &first]), "by another key");
    finds(&founded.run(&["audit", "verify", &old]), "by another key");
}

/// Without the secrets key nobody makes `verify` trust a key of their own.
#[test]
fn a_public_key_in_the_database_proves_nothing() {
    let founded = Founded::new();
    let attacker = Founded::new();
    let forged = attacker.export("forged.jsonl");
    let log = founded.export("log.jsonl");
    let pem = fs::read_to_string(attacker.trust_key("trust.pem")).unwrap();
    founded.execute(&format!("UPDATE trust_keys SET public_pem = '{pem}'"));
    finds(&founded.run(&["audit", "verify", &forged]), "by another key");
    founded.run(&["audit", "verify", &log]).succeeds();
    founded.run(&["audit", "verify", &founded.export("again.jsonl")]).succeeds();
}

#[test]
fn what_cannot_be_told_is_no_verdict() {
    let founded = Founded::new();
    let log = founded.export("log.jsonl");
    let key = founded.trust_key("trust.pem");
    let none = founded.path("none");
    let verify = |arguments: &[&str]| issuer(&[&["audit", "verify"], arguments].concat());
    verify(&[&none, "--key", &key]).fails("No such file");
    verify(&[&founded.path(""), "--key", &key]).fails("name a file in it");
    verify(&[&log, "--key", &none]).fails("--key: ");
    verify(&[&log, "--key", &log]).fails("expected public keys as `issuer trust key` prints them");
    verify(&[&log, "--key", &key, "--continues", &none]).fails("No such file");
    verify(&[&log, "--key", &key, "--continues", &key]).fails("--continues: ");
    let run = founded.run(&["audit", "export", "--out", &log]);
    run.fails("exists and is left as it is");
    founded.run(&["audit", "export", "--out", &founded.path("no/log")]).fails("there is no folder");
    let nowhere = format!("sqlite:{none}");
    issuer(&["audit", "export", "--database", &nowhere]).fails("there is no database");
    verify(&[&log, "--database", &nowhere]).fails("there is no database");
    founded.execute("UPDATE audit SET ip = 'nowhere' WHERE number = 2");
    let broken = founded.path("broken.jsonl");
    founded.run(&["audit", "export", "--out", &broken]).fails("a column `ip`");
    assert!(!fs::exists(&broken).unwrap(), "what was written of it is gone");
    founded.execute("DELETE FROM trust_keys");
    founded.run(&["audit", "export"]).fails("there is no trust key yet");
    founded.run(&["audit", "verify", &log]).fails("there is no trust key yet");
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    for (arguments, words) in [
        (&["audit"][..], "expected `issuer audit export"),
        (&["audit", "export", "file"], "expected `issuer audit export"),
        (&["audit", "verify"], "expected `issuer audit export"),
        (&["audit", "verify", "file", "--out", "x"], "expected `issuer audit export"),
        (&["audit", "export", "--key", "x"], "expected `issuer audit export"),
        (&["audit", "export", "--continue", "x"], "did you mean `--continues`?"),
        (&["audit", "verify", "a", "b"], "an argument that belongs to no option"),
        (&["audt"], "did you mean `audit`?"),
    ] {
        issuer(arguments).fails(words);
    }
}

#[test]
fn a_reader_of_the_log_that_goes_away_is_no_error_and_a_full_disk_is() {
    let founded = Founded::new();
    let database = format!("sqlite:{}", founded.path("issuer.db"));
    let mut export = command(&["audit", "export", "--database", &database]);
    let mut child = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skip("a_reader_of_the_log_…_a_full_disk_is", "no /dev/full here");
    };
    let mut export = command(&["audit", "export", "--database", &database]);
    let output = export.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output: "));
}
