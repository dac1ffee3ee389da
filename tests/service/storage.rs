//! A disk that is full, a file that is gone or read-only: each request is answered with an error,
//! readiness says so, and the service goes on when it is back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::json;
use testkit::api::{Client, id};
use testkit::envoy::wait_for;
use testkit::http::{Response, text};
use testkit::processes::{run, text_of};
use testkit::service::Service;

use crate::{Scene, make_token, token_ids};

fn try_token(client: &Client, function: &str) -> Response {
    client.post(&client.functions("/tokens"), &json!({"function_id": function}))
}

/// Checks an answer that says that the service can't store anything.
#[track_caller]
fn assert_unable(answer: &Response) {
    assert!(answer.status >= 500, "{}: {}", answer.status, text(&answer.body));
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
    assert!(answer.json()["message"].is_string(), "{}", text(&answer.body));
}

fn wait_until_ready(client: &Client, ready: bool) {
    let status = if ready { 200 } else { 503 };
    wait_for(&format!("/ready to be {status}"), || {
        let answer = client.get("/ready");
        let reason = text(&answer.body);
        assert!(answer.status == 200 || reason.len() > 2, "no reason with {}", answer.status);
        (answer.status == status).then_some(())
    });
    assert_eq!(client.get("/health").status, 200, "it lives");
}

/// The limit on the size of a file that a process writes, which is what a full disk is like.
fn limit_files(process: u32, bytes: &str) {
    let limit = format!("--fsize={bytes}:");
    run(Command::new("prlimit").args(["--pid", &process.to_string(), &limit]));
}

fn allow(service: &Service, mode: u32) {
    // SQLite gives the files beside the database its mode when it makes them.
    for name in ["issuer.db", "issuer.db-wal", "issuer.db-shm"] {
        let file = service.folder.join(name);
        if file.exists() {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

#[test]
fn a_full_disk_costs_the_request_and_not_the_service() {
    let mut service = Service::new();
    // Else the kernel ends a process that goes beyond its limit, where a full disk would not. The
    // log goes through a pipe, for the limit is on the log's file too.
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ
        sh -c 'echo $$ >\"$1\"; shift; exec \"$@\"' sh \"$@\" 2>&1 | cat";
    command.args(["-c", script, "sh"]);
    command.arg(service.folder.join("pid"));
    let serve = service.command(&["serve", "--listen", &service.address.to_string()]);
    command.arg(serve.get_program()).args(serve.get_args());
    service.try_run(&mut command).unwrap_or_else(|log| panic!("{log}"));
    let process = fs::read_to_string(service.folder.join("pid")).unwrap().trim().parse().unwrap();
    let client = service.client();
    let scene = Scene::make(&client, "full");
    let made: Vec<_> =
        (0..3).map(|_| id(&make_token(&client, &scene.function)).to_owned()).collect();

    // Less than one page of the database with what SQLite writes around it.
    limit_files(process, "4096");
    for _ in 0..2 {
        assert_unable(&try_token(&client, &scene.function));
    }
    wait_until_ready(&client, false);
    assert_unable(&try_token(&client, &scene.function));

    limit_files(process, "unlimited");
    wait_until_ready(&client, true);
    assert_eq!(token_ids(&client), made, "what was answered, and no more");
    make_token(&client, &scene.function);
}

#[test]
fn a_database_that_is_moved_away_is_missed_until_it_is_back() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "moved");
    let before = id(&make_token(&client, &scene.function)).to_owned();
    let away = service.folder.join("away.db");
    fs::rename(service.database(), &away).unwrap();
    wait_until_ready(&client, false);
    for _ in 0..2 {
        assert_unable(&try_token(&client, &scene.function));
    }
    assert!(!service.database().exists(), "a new database in its place");
    fs::rename(&away, service.database()).unwrap();
    wait_until_ready(&client, true);
    let after = id(&make_token(&client, &scene.function)).to_owned();
    assert_eq!(token_ids(&client), [before.clone(), after.clone()]);
    service.restart();
    assert_eq!(token_ids(&client), [before, after]);
}

#[test]
fn a_database_that_is_read_only_is_an_error_until_it_can_be_written() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "read-only");
    let before = id(&make_token(&client, &scene.function)).to_owned();
    service.stop();
    allow(&service, 0o400);
    // Root may write whatever the mode, unless this right of its is taken away.
    let is_root = text_of(&Command::new("id").arg("-u").output().unwrap()).trim() == "0";
    let serve = service.command(&["serve", "--listen", &service.address.to_string()]);
    let mut command = Command::new(if is_root { "setpriv" } else { "env" });
    if is_root {
        command.arg("--bounding-set=-dac_override,-dac_read_search");
    }
    command.arg(serve.get_program()).args(serve.get_args());
    // A service that can't write anything may as well not start.
    match service.try_run(&mut command) {
        Err(log) => assert!(log.contains("issuer.db"), "{log}"),
        Ok(()) => {
            wait_until_ready(&client, false);
            assert_unable(&try_token(&client, &scene.function));
            allow(&service, 0o600);
            wait_until_ready(&client, true);
            make_token(&client, &scene.function);
            service.stop();
        }
    }
    allow(&service, 0o600);
    service.start();
    assert!(token_ids(&client).contains(&before));
}
