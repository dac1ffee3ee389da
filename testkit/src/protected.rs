//! The protected namespace and application of the tests, and what grants them.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::mint::{Key, Kind};

pub const NAMESPACE: &str = "3a8b3cd5-b340-46f9-a763-a37fa7a6f635";
pub const APPLICATION: &str = "f2b0d840-043b-4d2f-a3c2-3c0454f1b1db";
pub const OTHER_NAMESPACE: &str = "7c8c7642-c31d-43c4-9824-eebbfeae7297";
pub const OTHER_APPLICATION: &str = "9bd788f6-4d37-458b-bc5c-4bea510d538f";
pub const TOKEN_ID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";

/// The headers that may carry a token where the configuration names none.
pub const TOKEN_HEADERS: [&str; 3] = ["x-auth-token", "scw-functions-token", "scw_functions_token"];

/// The namespace's key. Most tests use the size that signs quickly; what
/// depends on the size says so.
pub fn namespace_key() -> Key {
    Key::named(Kind::Rsa(2048), "namespace")
}

/// A key that the filter isn't given.
pub fn other_key() -> Key {
    Key::named(Kind::Rsa(2048), "other")
}

/// Seconds since 1970, as Envoy's clock has it too.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What the platform puts into a token for the whole namespace that is good
/// for an hour.
pub fn claims() -> Value {
    claims_at(now())
}

/// The same, minted at that time.
pub fn claims_at(now: u64) -> Value {
    json!({
        "application_claim": [grant(NAMESPACE, "")],
        "version": 2,
        "aud": "functions",
        "iss": "SCALEWAY",
        "sub": "token",
        "jti": TOKEN_ID,
        "iat": now - 60,
        "nbf": now - 60,
        "exp": now + 3600,
    })
}

pub fn grant(namespace: &str, application: &str) -> Value {
    json!({"namespace_id": namespace, "application_id": application})
}

/// `claims()` with some members set, and those set to null left out.
pub fn claims_with(changes: Value) -> Value {
    merged(claims(), changes)
}

/// The plugin configuration that protects `NAMESPACE` with `namespace_key()`.
pub fn configuration() -> Value {
    json!({
        "namespace_id": NAMESPACE,
        "public_key": namespace_key().public_pem(),
    })
}

/// `configuration()` with some members set, and those set to null left out.
pub fn configuration_with(changes: Value) -> Value {
    merged(configuration(), changes)
}

/// `base` with some members set, and those set to null left out.
pub fn merged(mut base: Value, changes: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().expect("an object of changes") {
        match value {
            Value::Null => drop(members.remove(name)),
            _ => drop(members.insert(name.clone(), value.clone())),
        }
    }
    base
}
