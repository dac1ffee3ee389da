//! What the service asks of the kernel, held against what its unit allows.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use testkit::api::good;
use testkit::processes::*;

use crate::confined::Container;
use crate::unit::{has_systemd, settings};
use crate::{client, make_a_token, wait_until_ready};

#[test]
fn the_service_makes_no_system_call_that_its_unit_denies() {
    const NAME: &str = "the_service_makes_no_system_call_that_its_unit_denies";
    if !has_systemd(NAME) {
        return;
    }
    if Command::new("strace").arg("-V").output().is_err() {
        return skip(NAME, "no strace here");
    }
    let allowed = allowed();
    let made = made_by_the_service();
    let synced = made.contains("fdatasync") || made.contains("fsync");
    assert!(made.len() >= 30 && made.contains("accept4") && synced, "{made:?}");
    let denied: Vec<_> = made.difference(&allowed).collect();
    assert_eq!(denied, [""; 0]);
    // The filter is one: what it takes away from what services have by default.
    for call in ["mount", "ptrace", "chown", "setuid", "sched_setscheduler", "bpf", "init_module"] {
        assert!(!allowed.contains(call), "{call}");
    }
}

/// Starts it as in its image, has it do some of everything, and gives the calls from its first on.
fn made_by_the_service() -> BTreeSet<String> {
    let mut container = Container::new("system-calls");
    let [port] = free_ports();
    container.set("ISSUER_LISTEN", &format!("127.0.0.1:{port}"));
    let trace = container.folder.join("trace");
    let strace = ["strace", "--follow-forks", "--quiet=all", "--output", trace.to_str().unwrap()];
    let mut command = container.command_under(&strace, &["serve"]);
    let mut service = Service::start("issuer", &container.folder, &mut command);
    wait_until_ready(port, || service.log());
    let client = client(port, &fs::read_to_string(container.file("/data/issuer.env")).unwrap());
    let namespace = good(client.post(&client.functions("/namespaces"), &json!({"name": "shop"})));
    let token = make_a_token(&client, namespace["id"].as_str().unwrap());
    let path = client.functions(&format!("/tokens/{}", token["id"].as_str().unwrap()));
    good(client.delete(&path));
    for path in ["/health", "/metrics", "/trust/v1/all", "/nowhere"] {
        client.get(path);
    }
    let rotate = format!("/issuer/v1/namespaces/{}/rotate-key", namespace["id"].as_str().unwrap());
    good(client.post(&rotate, &json!({"compromised": true, "algorithm": "ES256"})));
    let listed: Value = good(client.get(&client.functions("/namespaces")));
    assert_eq!(listed["total_count"], 1);
    // To the service itself: strace passes none on.
    let issuer = fs::read_to_string(&trace).unwrap();
    let (process, _) = issuer.split_once(' ').unwrap();
    run(Command::new("kill").args(["-TERM", process]));
    assert_eq!(service.wait().code(), Some(0), "{}", service.log());

    let text = fs::read_to_string(&trace).unwrap();
    let first = format!("execve(\"{}\"", container.image.entrypoint[0]);
    let (_, after) = text.split_once(&first).expect("the program's start");
    let calls = after.lines().skip(1).filter_map(|line| {
        let (_, call) = line.split_once(' ')?;
        // Neither the second half of a call nor a signal.
        let (name, _) = call.trim_start().split_once('(')?;
        let is_name = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        is_name.then(|| name.to_owned())
    });
    calls.chain(["execve".to_owned()]).collect()
}

/// As systemd puts the unit's lines together: what the first allows, and each further line adds or
/// takes away.
fn allowed() -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    let lines = settings().into_iter().filter(|(name, _)| name == "SystemCallFilter");
    for (_, line) in lines {
        let denies = line.strip_prefix('~');
        for word in denies.unwrap_or(&line).split(' ') {
            for call in calls_of(word) {
                if denies.is_some() {
                    allowed.remove(&call);
                } else {
                    allowed.insert(call);
                }
            }
        }
    }
    // Those that systemd lets every service make, so that a filter can be left behind at all.
    allowed.extend(calls_of("@default"));
    allowed
}

/// A call, or those of a set and of the sets in it.
fn calls_of(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let mut command = Command::new("systemd-analyze");
    let output = finished(command.args(["syscall-filter", "--no-pager", name]));
    assert!(output.status.success(), "{}", text_of(&output));
    let text = text_of(&output);
    let lines = text.lines().filter(|line| line.starts_with(' ')).map(str::trim);
    lines.filter(|line| !line.starts_with('#')).flat_map(calls_of).collect()
}
