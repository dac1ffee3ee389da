//! `issuer serve` as its users see it, from outside: a file for each promise.

#![cfg(not(target_family = "wasm"))]
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

mod answers;
mod arguments;
mod attacked;
mod backup;
mod callers;
mod containers_v1;
mod feed;
mod files;
mod gateway;
mod go_sdk;
mod iam;
mod inspect;
mod kills;
mod node_sdk;
mod objects;
mod openapi;
mod projects;
mod publish;
mod python_sdk;
mod replay;
mod scw;
mod storage;
mod tokens;
mod trust;
mod trust_api;

use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};
use testkit::api::{Client, good, id};
use testkit::envoy::wait_for;
use testkit::processes::text_of;
use testkit::service::Service;

/// An id that nothing has.
const UNKNOWN: &str = "11111111-2222-4333-8444-555555555555";

/// A namespace with one function, and no more than is needed of either.
struct Scene {
    namespace: String,
    function: String,
}

impl Scene {
    fn make(client: &Client, name: &str) -> Self {
        let namespace = make_namespace(client, &client.functions("/namespaces"), name);
        let function = make_function(client, &namespace, "first");
        Self { namespace, function }
    }
}

/// A namespace, as clients make one that honour `Retry-After`: on a busy machine its key may take
/// longer than the service waits.
fn make_namespace(client: &Client, path: &str, name: &str) -> String {
    let made = wait_for("a namespace", || {
        let answer = client.post(path, &json!({"name": name}));
        let is_busy = answer.status == 503 && answer.header("retry-after").is_some();
        (!is_busy).then_some(answer)
    });
    id(&good(made)).to_owned()
}

fn make_function(client: &Client, namespace: &str, name: &str) -> String {
    let body = json!({
        "name": name, "namespace_id": namespace, "runtime": "python312", "privacy": "private",
    });
    id(&good(client.post(&client.functions("/functions"), &body))).to_owned()
}

/// A container in a namespace of its own: the products' namespaces are apart. Both ids.
fn make_container(client: &Client, name: &str) -> (String, String) {
    let path = client.containers("/namespaces");
    let namespace = make_namespace(client, &path, &format!("for-{name}"));
    let body = json!({
        "name": name, "namespace_id": namespace, "registry_image": "registry.test/image:1",
        "privacy": "private",
    });
    let container = id(&good(client.post(&client.containers("/containers"), &body))).to_owned();
    (namespace, container)
}

/// A token for a function, as the answer to its creation has it.
fn make_token(client: &Client, function: &str) -> Value {
    good(client.post(&client.functions("/tokens"), &json!({"function_id": function})))
}

/// The ids of all tokens, page by page.
fn token_ids(client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    for page in 1.. {
        let path = client.functions(&format!("/tokens?page={page}&page_size=100"));
        let list = good(client.get(&path));
        let tokens = list["tokens"].as_array().expect("a list of tokens");
        if tokens.is_empty() {
            break;
        }
        found.extend(tokens.iter().map(|token| id(token).to_owned()));
    }
    found
}

/// One of the platform's own clients goes through all its steps, and never shows the key.
#[track_caller]
fn passes(service: &Service, client: Command) {
    let output = service.official_client(client).output().expect("the client runs");
    let said = text_of(&output);
    assert!(output.status.success() && said.ends_with("all passed\n"), "{said}");
    assert!(!said.contains(&service.variables()["SCW_SECRET_KEY"]), "the key in the output");
}

/// Says it past the test harness, which keeps the output of tests that pass to itself.
fn tell(what: &str) {
    let _ = std::io::stderr().write_all(format!("{what}\n").as_bytes());
}

/// The names of an object's members, sorted.
fn members(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> =
        object.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}
