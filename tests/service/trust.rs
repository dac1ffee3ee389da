//! What gateways are to be told, by commands beside the running service.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::service::Service;

use crate::{Scene, UNKNOWN, make_token, token_ids};

/// What a command prints on standard output, and says beside it.
fn said(service: &Service, arguments: &[&str]) -> (String, String) {
    let output = service.command(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{arguments:?}: {stdout}{stderr}");
    (stdout, stderr)
}

fn pems(text: &str) -> Vec<&str> {
    text.split_inclusive("-----END PUBLIC KEY-----\n").collect()
}

#[test]
fn the_trust_key_is_made_at_the_first_start_and_is_printed_alone() {
    let mut service = Service::started();
    let (first, stderr) = said(&service, &["trust", "key"]);
    assert_eq!((pems(&first).len(), stderr.as_str()), (1, ""), "{first}");
    assert!(first.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{first}");
    assert_eq!(first.len(), 113, "an Ed25519 key: {first}");

    let refused = service.refused(&["trust", "rotate", "--drop-old"]);
    assert!(refused.contains("expected two trust keys"), "{refused}");
    let (both, stderr) = said(&service, &["trust", "rotate"]);
    assert_eq!((pems(&both).len(), pems(&both)[0]), (2, first.as_str()));
    assert!(stderr.contains("give both to every gateway"), "{stderr}");
    assert!(service.refused(&["trust", "rotate"]).contains("two trust keys already"));
    // They outlast a restart, which makes no other.
    service.stop();
    service.start();
    assert_eq!(said(&service, &["trust", "key"]).0, both);
    let (left, _) = said(&service, &["trust", "rotate", "--drop-old"]);
    assert_eq!(left, pems(&both)[1]);
    assert_eq!(said(&service, &["trust", "key"]).0, left);
    for arguments in [&["trust"][..], &["trust", "key", "--drop-old"], &["trust", "keys"]] {
        let refused = service.refused(arguments);
        assert!(refused.contains("expected `issuer trust key`"), "{refused}");
    }
}

#[test]
fn a_token_is_revoked_by_its_id_in_either_case() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let [token, stays] = [(); 2].map(|()| make_token(&client, &scene.function));
    let capitals = id(&token).to_uppercase();
    let before = token_ids(&client);
    let told = service.run(&["revoke", "--jti", &capitals, "--dry-run"]);
    assert!(told.contains("1 token would be revoked"), "{told}");
    assert!(told.ends_with("\nnothing was changed\n"), "{told}");
    assert_eq!(token_ids(&client), before);
    let told = service.run(&["revoke", "--jti", &capitals]);
    assert!(told.starts_with(id(&token)) && told.contains("1 token is revoked"), "{told}");
    assert_eq!(token_ids(&client), [id(&stays)]);
    let told = service.run(&["revoke", "--jti", id(&token)]);
    assert!(told.contains("revoked already"), "{told}");

    let of = ["--namespace-id", &scene.namespace];
    let lost = ["revoke", "--jti", "not-a-uuid", "--expires-at", "2030-01-31T12:00:00Z"];
    let told = service.run(&[&lost[..], &of, &["--dry-run"]].concat());
    assert!(told.contains("0 tokens here have this id; it would be revoked"), "{told}");
    let told = service.run(&[&lost[..], &of].concat());
    assert!(told.contains(&format!("revoked for namespace {}", scene.namespace)), "{told}");
    let told = service.run(&lost);
    assert!(told.contains("revoked for all namespaces"), "{told}");
}

#[test]
fn what_is_no_id_of_a_token_is_refused_and_changes_nothing() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let token = make_token(&client, &scene.function);
    let text = member(&token, "token");
    let of = ["--namespace-id", &scene.namespace];
    let mark = ["revoke", "--issued-before", "now"];
    for (arguments, words) in [
        (vec!["revoke", "--jti", text], "found a token"),
        (vec!["revoke", "--jti", "jti: x"], "the value of `jti` alone"),
        (vec!["revoke", "--jti", "a b"], "found white space in it"),
        (vec!["revoke", "--jti", "\"a\""], "found quotes around it"),
        (vec!["revoke", "--jti", "a", "--application-id", UNKNOWN], "expected `--jti ID"),
        (vec!["revoke", "--jti", "a", "--issued-before", "now"], "expected `--jti ID"),
        (vec!["revoke", "--jti", "a", "--namespace-id", UNKNOWN], "Namespace was not found"),
        (vec!["revoke", "--jti", "a", "--namespace-id", "fr-par/a"], "expected a UUID"),
        (vec!["revoke"], "expected `--jti ID"),
        (mark.to_vec(), "expected one of --namespace-id"),
        ([&mark[..], &of, &["--bearer-id", UNKNOWN]].concat(), "expected one of --namespace-id"),
        ([&mark[..], &["--application-id", UNKNOWN]].concat(), "was not found"),
        ([&mark[..], &["--bearer-id", UNKNOWN]].concat(), "User was not found"),
        (
            [&["revoke", "--issued-before", "2999-01-01T00:00:00Z"][..], &of].concat(),
            "isn't in the future",
        ),
        ([&["revoke", "--issued-before", "yesterday"][..], &of].concat(), "not a time in RFC 3339"),
    ] {
        let said = service.refused(&arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains(text), "{said}");
    }
    assert_eq!(token_ids(&client), [id(&token)]);
}

#[test]
fn all_that_was_issued_before_is_counted_and_revoked() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let other = Scene::make(&client, "two");
    let stays = make_token(&client, &other.function);
    for _ in 0..2 {
        make_token(&client, &scene.function);
    }
    let of = |option, id| ["revoke", "--issued-before", "now", option, id];
    let of_function = of("--application-id", &scene.function);
    let told = service.run(&[&of_function[..], &["--dry-run"]].concat());
    assert!(told.contains("would be revoked, 2 tokens known here"), "{told}");
    assert_eq!(token_ids(&client).len(), 3);
    let told = service.run(&of_function);
    assert!(told.contains("is revoked, 2 tokens known here"), "{told}");
    assert_eq!(token_ids(&client), [id(&stays)]);
    let told = service.run(&of("--namespace-id", &other.namespace));
    assert!(told.contains("is revoked, 1 token known here"), "{told}");
    assert_eq!(token_ids(&client), [""; 0]);
    let earlier = ["revoke", "--issued-before", "2020-01-31T12:00:00Z"];
    let told = service.run(&[&earlier[..], &["--namespace-id", &other.namespace]].concat());
    assert!(told.contains("is revoked already"), "{told}");
}

/// The states of a namespace's keys, the newest first.
pub fn states(service: &Service, namespace: &str) -> Vec<String> {
    let listed = service.run(&["namespace", "list", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let namespace = listed.iter().find(|it| it["id"] == namespace).unwrap();
    let keys = namespace["keys"].as_array().unwrap();
    keys.iter().map(|key| member(key, "state").to_owned()).collect()
}

pub fn namespace_token(client: &Client, namespace: &str) -> Value {
    good(client.post(&client.functions("/tokens"), &json!({"namespace_id": namespace})))
}

#[test]
fn a_compromised_key_is_replaced_at_once() {
    let service = Service::started();
    let client = service.client();
    let made = service.run(&["namespace", "create", "one", "--algorithm", "ES256"]);
    let namespace = made.lines().next().unwrap();
    let token = namespace_token(&client, namespace);
    let rotate = ["namespace", "rotate", namespace];
    let told = service.run(&[&rotate[..], &["--compromised", "--dry-run"]].concat());
    assert!(told.contains("1 token would be revoked") && told.ends_with("nothing was changed\n"));
    assert_eq!(states(&service, namespace), ["active"]);
    let told = service.run(&[&rotate[..], &["--compromised"]].concat());
    let (_, pem) = told.split_once('\n').unwrap();
    assert_eq!(states(&service, namespace), ["active", "revoked"]);
    assert_eq!(token_ids(&client), [""; 0]);
    let new = namespace_token(&client, namespace);
    assert_eq!(member(&new, "public_key"), pem);
    assert_ne!(member(&token, "public_key"), pem);

    for (arguments, words) in [
        (vec!["--compromised", "--grace", "1h"], "no grace"),
        (vec!["--compromised", "--ahead", "1h"], "replaced at once"),
        (vec!["--grace", "soon"], "`--grace`: expected a length of time"),
        (vec!["--ahead", "soon"], "`--ahead`: expected a length of time"),
        (vec!["--ahead", "5s"], "ahead: expected 10 seconds to 30 days"),
        (vec!["--product", "functions"], "expected `issuer namespace list`"),
        (vec!["--bits", "17"], "17"),
    ] {
        let said = service.refused(&[&rotate[..], &arguments].concat());
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let said = service.refused(&["namespace", "rotate", UNKNOWN]);
    assert!(said.contains("Namespace was not found"), "{said}");
    assert!(service.refused(&["namespace", "rotate", "one"]).contains("expected a UUID"));
}

/// It takes as long as a key is published first.
#[test]
fn a_new_key_signs_half_a_minute_later_and_the_old_one_ends() {
    let service = Service::started();
    let client = service.client();
    let made = service.run(&["namespace", "create", "one", "--algorithm", "ES256"]);
    let namespace = made.lines().next().unwrap();
    let old = namespace_token(&client, namespace);
    let told = service.run(&["namespace", "rotate", namespace, "--grace", "1s"]);
    let begin = Instant::now();
    assert!(told.contains("the old key signed 1 token so far: 1 without expiry"), "{told}");
    let new_pem = &told[told.find("-----BEGIN").unwrap()..];
    assert_eq!(states(&service, namespace), ["next", "active"]);
    let refused = service.refused(&["namespace", "rotate", namespace]);
    assert!(refused.contains("its next key is there already"), "{refused}");
    let at = loop {
        let token = namespace_token(&client, namespace);
        if member(&token, "public_key") == new_pem {
            break begin.elapsed();
        }
        assert_eq!(member(&token, "public_key"), member(&old, "public_key"));
        assert!(begin.elapsed() < Duration::from_secs(60), "no new key");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(at > Duration::from_secs(28), "published for {at:?}");
    while states(&service, namespace) != ["active", "revoked"] {
        assert!(begin.elapsed() < Duration::from_secs(60), "it doesn't end");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!token_ids(&client).contains(&id(&old).to_owned()));
}

#[test]
fn a_restore_can_revoke_what_was_issued_before_it() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    make_token(&client, &scene.function);
    service.run(&["backup", "copy.db"]);
    service.stop();
    let key = service.run(&["trust", "key"]);
    let future = ["restore", "copy.db", "--revoke-issued-before", "2999-01-01T00:00:00Z"];
    assert!(service.refused(&future).contains("isn't in the future"));
    let (_, stderr) = said(&service, &["restore", "copy.db"]);
    assert!(stderr.contains("--revoke-issued-before"), "{stderr}");
    service.start();
    assert_eq!(token_ids(&client).len(), 1);
    service.stop();
    let (_, stderr) = said(&service, &["restore", "copy.db", "--revoke-issued-before", "now"]);
    assert!(!stderr.contains("good again"), "{stderr}");
    service.start();
    assert_eq!(token_ids(&client), [""; 0]);
    assert_eq!(service.run(&["trust", "key"]), key, "the backup has the trust key");
}
