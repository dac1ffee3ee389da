//! The files of the first start, and who may use them: one service at a time, with the right key.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::api::{good, id, member};
use testkit::envoy::wait_for;
use testkit::processes::{finished, text_of};
use testkit::service::{Service, read_variables};

use crate::{Scene, UNKNOWN, make_token};

#[track_caller]
fn assert_private(file: &Path) {
    let mode = file.metadata().unwrap_or_else(|e| panic!("{}: {e}", file.display())).permissions();
    assert_eq!(mode.mode() & 0o777, 0o600, "{}", file.display());
}

/// Checks that what was said names each of these.
#[track_caller]
fn assert_says(said: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.contains(wanted), "expected {wanted:?} in: {said}");
    }
}

#[test]
fn the_first_start_writes_what_official_clients_read_and_nobody_else_may() {
    let mut service = Service::started();
    for file in [service.init_file(), service.secrets_key(), service.database()] {
        assert_private(&file);
    }
    let variables = service.variables();
    let names: Vec<_> = variables.keys().map(String::as_str).collect();
    let expected = [
        "SCW_ACCESS_KEY",
        "SCW_API_URL",
        "SCW_DEFAULT_ORGANIZATION_ID",
        "SCW_DEFAULT_PROJECT_ID",
        "SCW_DEFAULT_REGION",
        "SCW_SECRET_KEY",
    ];
    assert_eq!(names, expected);
    // The forms that official clients check before they send anything.
    let access_key = &variables["SCW_ACCESS_KEY"];
    let suffix = access_key.strip_prefix("SCW").expect("SCW");
    assert_eq!(suffix.len(), 17);
    assert!(suffix.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{access_key}");
    for name in ["SCW_SECRET_KEY", "SCW_DEFAULT_ORGANIZATION_ID", "SCW_DEFAULT_PROJECT_ID"] {
        let dashes: Vec<_> = variables[name].match_indices('-').map(|(at, _)| at).collect();
        assert_eq!(
            (variables[name].len(), dashes.as_slice()),
            (36, &[8, 13, 18, 23][..]),
            "{name}"
        );
    }
    assert_eq!(variables["SCW_API_URL"], format!("http://{}", service.address));
    assert_eq!(variables["SCW_DEFAULT_ORGANIZATION_ID"], variables["SCW_DEFAULT_PROJECT_ID"]);
    let region = &variables["SCW_DEFAULT_REGION"];
    assert!(["fr-par", "nl-ams", "pl-waw"].contains(&region.as_str()), "{region}");

    // Nor is it made anew by the next start.
    let before = fs::read(service.init_file()).unwrap();
    service.restart();
    assert_eq!(fs::read(service.init_file()).unwrap(), before);
    good(service.client().get(&service.client().functions("/namespaces")));
}

#[test]
fn the_log_is_json_with_the_request_s_id_and_without_any_secret() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "logged");
    let token = make_token(&client, &scene.function);
    client.with_key(Some(UNKNOWN)).get(&client.functions("/namespaces"));
    let body = json!({"name": "n", "description": 7, "tags": "sent-by-a-client"});
    client.post(&client.functions("/namespaces"), &body);
    let answer = client.get(&client.functions("/namespaces"));
    let request = answer.header("x-request-id").expect("an id");
    service.stop();
    let log = service.log();
    for line in log.lines().filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line.is_object(), "{line}");
    }
    assert_says(&log, &[&request]);
    for (what, secret) in [
        ("the owner's key", service.variables()["SCW_SECRET_KEY"].as_str()),
        ("a token", member(&token, "token").rsplit('.').next().unwrap()),
        ("a key that is wrong", UNKNOWN),
        ("what a client sent", "sent-by-a-client"),
        ("a private key", "PRIVATE KEY"),
    ] {
        assert!(!log.contains(secret), "{what} in the log");
    }
}

#[test]
fn an_empty_database_beside_an_init_file_is_refused() {
    let mut service = Service::started();
    service.stop();
    let before = fs::read(service.init_file()).unwrap();
    fs::remove_file(service.database()).unwrap();
    let said = service.refuses_to_start(&[]);
    assert_says(&said, &["issuer.env"]);
    assert_eq!(fs::read(service.init_file()).unwrap(), before);
    // With another init file it is a first start again.
    let other = service.folder.join("other.env");
    service.start_with(&["--init-file", other.to_str().unwrap()]);
    assert_private(&other);
    let variables = read_variables(&fs::read_to_string(other).unwrap());
    assert_ne!(variables, service.variables());
}

#[test]
fn a_secrets_key_that_is_missing_or_wrong_is_refused() {
    let mut service = Service::started();
    let scene = Scene::make(&service.client(), "encrypted");
    service.stop();
    let mut stranger = Service::started();
    stranger.stop();
    let key = fs::read(service.secrets_key()).unwrap();
    fs::remove_file(service.secrets_key()).unwrap();
    assert_says(&service.refuses_to_start(&[]), &["issuer.key"]);
    assert!(!service.secrets_key().exists(), "a key was made for a database that has one");

    fs::copy(stranger.secrets_key(), service.secrets_key()).unwrap();
    assert_says(&service.refuses_to_start(&[]), &["issuer.key"]);

    let elsewhere = service.folder.join("elsewhere.key");
    fs::write(&elsewhere, key).unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
    service.start_with(&["--secrets-key-file", elsewhere.to_str().unwrap()]);
    make_token(&service.client(), &scene.function);
}

#[test]
fn a_second_service_on_the_same_file_says_so_and_ends() {
    let mut service = Service::started();
    let other = Service::new();
    let listen = other.address.to_string();
    for round in 1..=2 {
        let said = service.refused(&["serve", "--listen", &listen]);
        assert_says(&said, &["issuer.db"]);
        assert!(service.runs(), "round {round}");
        good(service.client().get(&service.client().functions("/namespaces")));
        // The lock ends with its process.
        service.kill();
        service.start();
    }
}

#[test]
fn what_can_not_be_served_is_refused_by_name() {
    let mut service = Service::new();
    let postgres = "postgres://owner:hunter2@database.test/issuer";
    let output = finished(&mut service.bare_command(&["serve", "--database", postgres]));
    let said = text_of(&output);
    assert!(!output.status.success(), "{said}");
    assert_says(&said, &["postgres"]);
    assert!(!said.contains("hunter2"), "the password in: {said}");

    for (options, wanted) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["--public-url", "nowhere"], "--public-url"),
        (&["--trusted-proxies", "everybody"], "--trusted-proxies"),
    ] {
        assert_says(&service.refuses_to_start(options), &[wanted]);
    }
    assert_says(&service.refused(&["serve", "--listen", "nowhere"]), &["--listen"]);
    let taken = TcpListener::bind(service.address).unwrap();
    let address = service.address.to_string();
    // Not by way of the harness, which would ask the other listener.
    assert_says(&service.refused(&["serve", "--listen", &address]), &[&address]);
    drop(taken);
    service.start();
}

#[test]
fn namespaces_and_the_owner_s_key_are_managed_beside_a_running_service() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "by-the-api");
    let listed = service.run(&["namespace", "list"]);
    assert_says(&listed, &["by-the-api", &scene.namespace]);

    service.run(&["namespace", "create", "by-command", "--algorithm", "ES256"]);
    assert_says(&service.run(&["namespace", "list"]), &["by-command", "ES256"]);
    let found = good(client.get(&client.functions("/namespaces?name=by-command")));
    let namespace = id(&found["namespaces"][0]);
    let body = json!({"namespace_id": namespace});
    let token = good(client.post(&client.functions("/tokens"), &body));
    assert!(member(&token, "public_key").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    let head = member(&token, "token").split('.').next().unwrap();
    let head: Value = serde_json::from_slice(&testkit::mint::from_base64url(head)).unwrap();
    assert_eq!(head["alg"], "ES256");
    let said = service.refused(&["namespace", "create", "by-command"]);
    assert_says(&said, &["by-command"]);
    let said = service.refused(&["namespace", "create", "x", "--algorithm", "HS256"]);
    assert_says(&said, &["--algorithm"]);

    let out = service.folder.join("reset.env");
    let printed = service.run(&["admin", "reset", "--out", out.to_str().unwrap()]);
    assert_private(&out);
    let variables = read_variables(&fs::read_to_string(&out).unwrap());
    let names = |variables: &std::collections::BTreeMap<String, String>| -> BTreeSet<String> {
        variables.keys().cloned().collect()
    };
    assert_eq!(names(&variables), names(&service.variables()));
    let secret = &variables["SCW_SECRET_KEY"];
    assert!(!printed.contains(secret), "a secret in the output");
    let path = client.functions("/namespaces");
    // It is noticed within a second.
    wait_for("the new key to be good", || {
        (client.with_key(Some(secret)).get(&path).status == 200).then_some(())
    });
    let before = fs::read(&out).unwrap();
    let said = service.refused(&["admin", "reset", "--out", out.to_str().unwrap()]);
    assert_says(&said, &["reset.env"]);
    assert_eq!(fs::read(&out).unwrap(), before);
}
