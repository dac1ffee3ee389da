//! Rotation and revocation over the API: what the commands do, for whoever has a key.

use serde_json::{Value, json};
use testkit::api::{Client, good, id, member};
use testkit::http::{Response, text};
use testkit::processes::{self, text_of};
use testkit::service::Service;

use crate::trust::{namespace_token, states};
use crate::{Scene, UNKNOWN, make_container, make_token, members, token_ids};

const REVOCATIONS: &str = "/issuer/v1/revocations";

fn rotate_key(namespace: &str) -> String {
    format!("/issuer/v1/namespaces/{namespace}/rotate-key")
}

fn revoke(client: &Client, body: &Value) -> Value {
    good(client.post(REVOCATIONS, body))
}

/// A namespace whose keys take no time.
fn quick_namespace(service: &Service, product: &str) -> String {
    let create = ["namespace", "create", "quick", "--algorithm", "ES256", "--product", product];
    service.run(&create).lines().next().unwrap().to_owned()
}

/// The arguments that an answer with status 400 names, each with its reason.
#[track_caller]
fn faults(what: &str, answer: &Response) -> Vec<String> {
    assert_eq!(answer.status, 400, "{what}: {}", text(&answer.body));
    let body = answer.json();
    assert_eq!(body["type"], "invalid_arguments", "{what}");
    let details = body["details"].as_array().expect("a list of details");
    let fault = |it| format!("{}: {}", member(it, "argument_name"), member(it, "reason"));
    details.iter().map(fault).collect()
}

/// The newest entries of the audit log, the oldest first: the action, the kind and id of what was
/// changed, and the access key.
fn audit(service: &Service, last: usize) -> Vec<String> {
    let query = "import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute('SELECT action, resource_type, resource_id, access_key '
    'FROM audit ORDER BY number DESC LIMIT ?', [sys.argv[2]]).fetchall()
for row in reversed(rows): print(*row)";
    let database = service.database().display().to_string();
    let output = processes::python(&["-c", query, &database, &last.to_string()].map(String::from));
    assert!(output.status.success(), "{}", text_of(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_key_is_rotated_as_the_command_does_it() {
    let service = Service::started();
    let client = service.client();
    let key = &service.variables()["SCW_ACCESS_KEY"];
    for product in ["functions", "containers"] {
        let namespace = quick_namespace(&service, product);
        let tokens = format!("/{product}/v1beta1/regions/{}/tokens", client.region);
        good(client.post(&tokens, &json!({"namespace_id": namespace})));
        let path = rotate_key(&namespace);

        let before = audit(&service, 1);
        let trial = good(client.post(&path, &json!({"dry_run": true, "grace": "1h"})));
        let expected = ["dry_run", "ends_at", "key", "namespace_id", "signs_at", "tokens"];
        assert_eq!(members(&trial), expected);
        assert_eq!((&trial["dry_run"], &trial["key"]), (&json!(true), &Value::Null));
        let counted = json!({"count": 1, "endless": 1, "last_expires_at": null});
        assert_eq!(trial["tokens"], counted);
        assert_eq!(states(&service, &namespace), ["active"]);
        assert_eq!(audit(&service, 1), before, "a trial is no change");

        let done = good(client.post(&path, &json!({"ahead": "600s", "grace": "24h"})));
        let made = &done["key"];
        assert_eq!(members(made), ["algorithm", "id", "public_key", "state"]);
        assert_eq!((&made["state"], &made["algorithm"]), (&json!("next"), &json!("ES256")));
        assert_eq!(done["tokens"], counted);
        assert_eq!(states(&service, &namespace), ["next", "active"]);
        let kind = format!("{}_namespace_key", product.trim_end_matches('s'));
        assert_eq!(audit(&service, 1), [format!("created {kind} {} {key}", id(made))]);
        // Without a body, too, while that one waits.
        let again = client.send("POST", &path, None);
        assert_eq!(faults("again", &again), ["namespace_id: constraint"]);

        let body = json!({"compromised": true, "algorithm": "EdDSA"});
        let done = good(client.post(&path, &body));
        assert_eq!(done["key"]["state"], "active");
        assert_eq!(done["signs_at"], done["ends_at"]);
        assert_eq!(states(&service, &namespace), ["active", "revoked", "revoked"]);
        assert_eq!(token_ids(&client), [""; 0]);
        let entry = format!("created {kind} {} {key}", id(&done["key"]));
        assert_eq!(audit(&service, 1), [entry]);
        let token = good(client.post(&tokens, &json!({"namespace_id": namespace})));
        assert_eq!(token["public_key"], done["key"]["public_key"]);
        good(client.delete(&format!("{tokens}/{}", id(&token))));
    }
}

#[test]
fn a_token_is_revoked_by_its_id_as_the_command_does_it() {
    let service = Service::started();
    let client = service.client();
    let key = &service.variables()["SCW_ACCESS_KEY"];
    let scene = Scene::make(&client, "one");
    let [token, stays] = [(); 2].map(|()| make_token(&client, &scene.function));
    let jti = id(&token);
    let answered = |jti: &str, outcome: &str, count: u64, is_trial: bool| {
        json!({
            "dry_run": is_trial,
            "jti": jti,
            "namespace_id": scene.namespace,
            "outcome": outcome,
            "tokens": {"count": count},
        })
    };
    let trial = revoke(&client, &json!({"jti": jti.to_uppercase(), "dry_run": true}));
    assert_eq!(trial, answered(jti, "deleted", 1, true));
    assert_eq!(token_ids(&client).len(), 2);
    let done = revoke(&client, &json!({"jti": jti.to_uppercase()}));
    assert_eq!(done, answered(jti, "deleted", 1, false));
    assert_eq!(token_ids(&client), [id(&stays)]);
    assert_eq!(audit(&service, 1), [format!("deleted function_token {jti} {key}")]);
    let again = revoke(&client, &json!({"jti": jti}));
    assert_eq!(again["outcome"], "already_revoked");

    // One that was minted elsewhere is for a namespace of the caller's.
    let lost = "minted-elsewhere/7";
    let alone = client.post(REVOCATIONS, &json!({"jti": lost}));
    assert_eq!(faults("alone", &alone), ["namespace_id: required"]);
    let body = json!({
        "jti": lost, "namespace_id": scene.namespace, "expires_at": "2030-01-31T12:00:00Z",
    });
    assert_eq!(revoke(&client, &body), answered(lost, "remembered", 0, false));
    assert_eq!(audit(&service, 1), [format!("created revocation {lost} {key}")]);
    assert_eq!(revoke(&client, &body), answered(lost, "already_revoked", 0, false));
    assert!(
        service
            .run(&["revoke", "--jti", lost, "--namespace-id", &scene.namespace])
            .contains("revoked already")
    );
}

#[test]
fn a_full_log_takes_no_more_and_says_what_makes_room() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let token = make_token(&client, &scene.function);
    let query = "import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as it: it.execute('UPDATE scopes SET records = 1000000')";
    let database = service.database().display().to_string();
    let output = processes::python(&["-c", query, &database].map(String::from));
    assert!(output.status.success(), "{}", text_of(&output));
    let body = json!({"jti": "lost", "namespace_id": scene.namespace});
    for refused in [
        client.delete(&client.functions(&format!("/tokens/{}", id(&token)))),
        client.delete(&client.functions(&format!("/functions/{}", scene.function))),
        client.post(REVOCATIONS, &body),
    ] {
        assert_eq!(refused.status, 403, "{}", text(&refused.body));
        let body = refused.json();
        assert_eq!(body["type"], "quotas_exceeded");
        let quota = json!({"current": 1_000_000, "quota": 1_000_000, "resource": "revoked_tokens"});
        assert_eq!(body["details"], json!([quota]));
        let message = member(&body, "message");
        assert!(message.contains("issuer namespace rotate --compromised"), "{message}");
    }
    assert_eq!(token_ids(&client), [id(&token)]);
    good(client.get(&client.functions(&format!("/functions/{}", scene.function))));
    // What the message advises works.
    service.run(&["namespace", "rotate", &scene.namespace, "--compromised"]);
    assert!(token_ids(&client).is_empty());
}

#[test]
fn all_that_was_issued_before_is_revoked_as_the_command_does_it() {
    let service = Service::started();
    let client = service.client();
    let variables = service.variables();
    let key = &variables["SCW_ACCESS_KEY"];
    let scene = Scene::make(&client, "one");
    let (of_container, container) = make_container(&client, "app");
    for _ in 0..2 {
        make_token(&client, &scene.function);
    }
    good(client.post(&client.containers("/tokens"), &json!({"container_id": container})));
    let of = |name: &str, id: &str| json!({"issued_before": "now", name: id});
    let mut trial = of("application_id", &scene.function);
    trial["dry_run"] = json!(true);
    let answer = revoke(&client, &trial);
    assert_eq!(members(&answer), ["dry_run", "not_before", "outcome", "tokens"]);
    assert_eq!((&answer["dry_run"], &answer["outcome"]), (&json!(true), &json!("marked")));
    assert_eq!(answer["tokens"]["count"], 2);
    assert_eq!(token_ids(&client).len(), 3);
    let answer = revoke(&client, &of("application_id", &scene.function));
    assert_eq!((&answer["dry_run"], &answer["tokens"]["endless"]), (&json!(false), &json!(2)));
    assert_eq!(token_ids(&client).len(), 1);
    assert_eq!(audit(&service, 1), [format!("updated function_mark {} {key}", scene.function)]);
    assert_eq!(revoke(&client, &of("namespace_id", &of_container))["tokens"]["count"], 1);
    let entry = format!("updated container_namespace_mark {of_container} {key}");
    assert_eq!(audit(&service, 1), [entry]);
    let earlier = json!({"issued_before": "2020-01-31T12:00:00Z", "namespace_id": of_container});
    let answer = revoke(&client, &earlier);
    assert_eq!(answer["outcome"], "already_revoked");
    assert!(member(&answer, "not_before") > "2020-01-31T12:00:00Z");
    assert_eq!(token_ids(&client), [""; 0]);
}

#[test]
fn what_can_not_be_meant_is_refused_and_changes_nothing() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let token = make_token(&client, &scene.function);
    let text_of_token = member(&token, "token");
    let path = rotate_key(&scene.namespace);
    let before = audit(&service, 1);
    for (body, expected) in [
        (json!({"grace": "soon"}), &["grace: format"][..]),
        (json!({"grace": 5}), &["grace: format"]),
        (json!({"grace": "4000d"}), &["grace: constraint"]),
        (json!({"ahead": "9s"}), &["ahead: constraint"]),
        (json!({"compromised": "yes"}), &["compromised: format"]),
        (json!({"compromised": true, "grace": "1h"}), &["compromised: constraint"]),
        (json!({"compromised": true, "ahead": "1h"}), &["compromised: constraint"]),
        (json!({"algorithm": "HS256"}), &["algorithm: constraint"]),
        (json!({"bits": 17}), &["bits: constraint"]),
        (json!({"bits": 2048, "algorithm": "EdDSA"}), &["bits: constraint"]),
        // It would do what should only be counted.
        (json!({"dryrun": true}), &["body: constraint"]),
        (json!({"dry_run": 1}), &["dry_run: format"]),
    ] {
        assert_eq!(faults(&body.to_string(), &client.post(&path, &body)), expected, "{body}");
    }
    let subjects = |reason: &str| {
        ["namespace_id", "application_id", "bearer_id"].map(|name| format!("{name}: {reason}"))
    };
    let both = |reason: &str| ["jti", "issued_before"].map(|name| format!("{name}: {reason}"));
    let one = |expected: &str| vec![expected.to_owned()];
    let jti = id(&token);
    for (body, expected) in [
        (json!({}), both("required").into()),
        (json!({"jti": null}), both("required").into()),
        (json!({"jti": jti, "issued_before": "now"}), both("constraint").into()),
        (json!({"jti": text_of_token}), one("jti: format")),
        (json!({"jti": ""}), one("jti: format")),
        (json!({"jti": [jti]}), one("jti: format")),
        (json!({"jti": jti, "application_id": UNKNOWN}), one("application_id: constraint")),
        (json!({"jti": jti, "bearer_id": UNKNOWN}), one("bearer_id: constraint")),
        (json!({"jti": jti, "namespace_id": "x"}), one("namespace_id: format")),
        (json!({"jti": jti, "dryRun": true}), one("body: constraint")),
        (json!({"issued_before": "now"}), subjects("required").into()),
        (
            json!({"issued_before": "now", "namespace_id": UNKNOWN, "bearer_id": UNKNOWN}),
            subjects("constraint").into(),
        ),
        (
            json!({"issued_before": "yesterday", "namespace_id": scene.namespace}),
            one("issued_before: format"),
        ),
        (
            json!({"issued_before": "2999-01-01T00:00:00Z", "namespace_id": scene.namespace}),
            one("issued_before: constraint"),
        ),
        (
            json!({
                "issued_before": "now", "namespace_id": scene.namespace,
                "expires_at": "2030-01-31T12:00:00Z",
            }),
            one("expires_at: constraint"),
        ),
    ] {
        let answer = client.post(REVOCATIONS, &body);
        assert_eq!(faults(&body.to_string(), &answer), expected, "{body}");
        assert!(!text(&answer.body).contains(text_of_token));
    }
    for path in [path.as_str(), REVOCATIONS] {
        for body in ["{", "[]", "7", "{\"jti\"", "\u{0}"] {
            let answer = client.send("POST", path, Some(body.as_bytes()));
            assert_eq!(faults(body, &answer), ["body: format"], "{body}");
        }
        let long = vec![b' '; 2 << 20];
        assert_eq!(client.send("POST", path, Some(&long)).status, 413);
        assert_eq!(client.get(path).status, 405);
    }
    for (path, body) in [
        (rotate_key(UNKNOWN), json!({})),
        (rotate_key("one"), json!({})),
        (rotate_key(&scene.function), json!({})),
        (REVOCATIONS.to_owned(), json!({"issued_before": "now", "application_id": UNKNOWN})),
        (REVOCATIONS.to_owned(), json!({"issued_before": "now", "bearer_id": UNKNOWN})),
        (REVOCATIONS.to_owned(), json!({"jti": "x", "namespace_id": UNKNOWN})),
    ] {
        let answer = client.post(&path, &body);
        assert_eq!((answer.status, members(&answer.json())), (404, vec!["message"]), "{body}");
    }
    assert_eq!(audit(&service, 1), before);
    assert_eq!(token_ids(&client), [jti]);
}

#[test]
fn who_has_no_good_key_or_is_of_another_organization_does_nothing() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one");
    let token = make_token(&client, &scene.function);
    let path = rotate_key(&scene.namespace);
    let requests = [
        (path.as_str(), json!({"compromised": true})),
        (path.as_str(), json!({"dry_run": true})),
        (REVOCATIONS, json!({"jti": "x", "namespace_id": scene.namespace})),
        (REVOCATIONS, json!({"issued_before": "now", "namespace_id": scene.namespace})),
        (REVOCATIONS, json!({"issued_before": "now", "application_id": scene.function})),
    ];
    for key in [None, Some(""), Some("secret"), Some(UNKNOWN), Some(member(&token, "token"))] {
        for (path, body) in &requests {
            let answer = client.with_key(key).post(path, body);
            assert_eq!(
                (answer.status, &answer.json()["type"]),
                (401, &json!("denied_authentication"))
            );
        }
    }
    assert_eq!(token_ids(&client), [id(&token)]);
    // The namespace becomes the last organization's; its own is the first. The service never does so.
    service.stop();
    let script = "import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
other = bytes([255] * 16)
database.execute(\"INSERT INTO organizations VALUES (?, ?, 0, '', x'')\", [other, other])
database.execute('UPDATE namespaces SET organization_id = ?', [other])
database.commit()";
    let database = service.database().display().to_string();
    let output = processes::python(&["-c", script, &database].map(String::from));
    assert!(output.status.success(), "{}", text_of(&output));
    service.start();
    let before = audit(&service, 1);
    for (path, body) in &requests {
        let answer = client.post(path, body);
        assert_eq!((answer.status, members(&answer.json())), (404, vec!["message"]), "{body}");
    }
    // A token of theirs is one that nobody knows.
    let answer = client.post(REVOCATIONS, &json!({"jti": id(&token)}));
    assert_eq!(faults("a token of theirs", &answer), ["namespace_id: required"]);
    assert_eq!(audit(&service, 1), before);
    let own = quick_namespace(&service, "functions");
    let answer = revoke(&client, &json!({"jti": id(&token), "namespace_id": own}));
    assert_eq!(answer["outcome"], "remembered");
    namespace_token(&client, &own);
}

#[test]
fn the_trust_keys_are_listed_and_replaced_as_the_command_does_it() {
    const KEYS: &str = "/issuer/v1/trust-keys";
    let service = Service::started();
    let client = service.client();
    let listed = || {
        let list = good(client.get(KEYS));
        let keys = list["trust_keys"].as_array().expect("a list").clone();
        assert_eq!(list["total_count"], keys.len());
        let pems: String = keys.iter().map(|key| member(key, "public_key")).collect();
        assert_eq!(pems, service.run(&["trust", "key"]), "as the command prints them");
        keys
    };
    let [first] = &listed()[..] else { panic!("one key") };
    let of = |key: &Value| format!("{KEYS}/{}", id(key));
    assert_eq!(faults("the only one", &client.delete(&of(first))), ["trust_key: constraint"]);
    assert_eq!(faults("misspelt", &client.post(KEYS, &json!({"dryrun": true}))).len(), 1);
    let second = good(client.post(KEYS, &json!({})));
    assert_eq!(listed(), [first.clone(), second.clone()]);
    assert_eq!(faults("a third", &client.post(KEYS, &json!({}))), ["trust_key: constraint"]);
    assert_eq!(faults("the newer", &client.delete(&of(&second))), ["trust_key: constraint"]);
    assert_eq!(client.delete(&format!("{KEYS}/{UNKNOWN}")).status, 404);
    for key in [None, Some(UNKNOWN)] {
        let stranger = client.with_key(key);
        let asked =
            [stranger.get(KEYS), stranger.post(KEYS, &json!({})), stranger.delete(&of(first))];
        assert!(asked.iter().all(|answer| answer.status == 401), "{asked:?}");
    }
    assert_eq!(good(client.delete(&of(first))), *first);
    assert_eq!(listed(), std::slice::from_ref(&second));
    let changes = audit(&service, 2);
    assert!(changes[0].contains(id(&second)) && changes[1].contains(id(first)), "{changes:?}");
}
