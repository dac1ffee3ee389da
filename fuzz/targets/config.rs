//! The configuration: what is refused is refused with words, and without quoting a key; what
//! is taken can be used.
//!
//! The input is the plugin configuration, then, each after a NUL, the variables of the
//! platform: public, public key, namespace, application, trust key, access key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::access::Access;
use namespace_jwt_core::config::{Config, ConfigError, Environment, MEMBERS};
use namespace_jwt_core::key::MAX_KEYS;
use testkit::contract::json::Json;

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0);
    let json = parts.next().unwrap_or_default();
    let mut variable = || parts.next().and_then(|it| String::from_utf8(it.to_vec()).ok());
    let environment = Environment {
        public: variable(),
        public_key: variable(),
        namespace_id: variable(),
        application_id: variable(),
        trust_key: variable(),
        trust_access_key: variable().map(Into::into),
    };
    let read = Json::read(json);
    match Config::from_json(json, &environment) {
        Ok(config) => check(&config, json, read.as_ref()),
        Err(error) => check_error(&error, read.as_ref(), &environment, input),
    }
});

fn check(config: &Config, json: &[u8], read: Option<&Json>) {
    match read {
        None => assert!(json.trim_ascii().is_empty(), "something that is no JSON"),
        Some(read) => {
            assert!(Json::read_distinct_object(json).is_some(), "a member twice, or no object");
            let Json::Object(members) = read else { unreachable!() };
            for (name, value) in members {
                assert!(MEMBERS.contains(&name.as_str()), "an unknown member {name:?}");
                assert_ne!(*value, Json::Null, "{name}");
            }
        }
    }
    assert!(!config.token_headers.is_empty());
    if let Access::Private(private) = &config.access {
        let keys = private.keys.keys();
        assert!(keys.len() <= MAX_KEYS && (!keys.is_empty() || config.trust.is_some()));
        assert_eq!(private.follows_feed, config.trust.is_some());
        if let Some(protected) = private.protects.configured() {
            assert!(!protected.namespace_id.is_empty());
            assert_ne!(protected.application_id.as_deref(), Some(""));
        }
        assert!(keys.iter().all(|key| !key.algorithms().is_empty()));
    }
}

fn check_error(error: &ConfigError, read: Option<&Json>, environment: &Environment, input: &[u8]) {
    let (member, expected, found) = match error {
        ConfigError::Unusable { member, expected, found } => {
            assert!(!expected.is_empty() && !found.is_empty(), "{error:?}");
            (member, expected.as_str(), found.as_str())
        }
        ConfigError::Unknown { name, .. } => (name, "", ""),
    };
    let mut material = Vec::new();
    material.extend(environment.public_key.as_deref().map(body));
    match read {
        // A whole configuration that is a string may well be a key.
        Some(Json::String(text)) => material.push(body(text)),
        Some(Json::Object(members)) => {
            let of = |names: &[&str]| {
                let named = members.iter().filter(|(name, _)| names.contains(&name.as_str()));
                named.map(|(_, value)| value).collect::<Vec<_>>()
            };
            for value in of(&["public_key", "public_keys"]) {
                texts(value, &mut |text| material.push(body(text)));
            }
            for set in of(&["jwks"]) {
                for key in set.get("keys").and_then(Json::as_array).unwrap_or_default() {
                    for name in ["n", "e", "x", "y", "d", "k", "p", "q", "dp", "dq", "qi"] {
                        if let Some(value) = key.get(name) {
                            texts(value, &mut |text| material.push(text));
                        }
                    }
                }
            }
        }
        _ => {}
    }
    for piece in material.iter().flat_map(|text| text.as_bytes().chunks(24)) {
        let long = piece.len() == 24 && piece.iter().all(u8::is_ascii_alphanumeric);
        let times = |text: &[u8]| text.windows(24).filter(|it| *it == piece).count();
        let quoted =
            [member.as_str(), expected, found].into_iter().any(|it| times(it.as_bytes()) > 0);
        // What stands elsewhere too may have been quoted from there.
        assert!(!(long && quoted && times(input) < 2), "a key is quoted: {error}");
    }
}

/// A PEM text without the line that names its type, which may be told.
fn body(pem: &str) -> &str {
    let start = pem.find("-----BEGIN ").map_or(0, |at| at + "-----BEGIN ".len());
    let rest = &pem[start..];
    rest.find("-----").map_or(rest, |at| &rest[at..])
}

fn texts<'a>(value: &'a Json, each: &mut impl FnMut(&'a str)) {
    match value {
        Json::String(text) => each(text),
        Json::Array(values) => values.iter().for_each(|value| texts(value, each)),
        Json::Object(members) => members.iter().for_each(|(_, value)| texts(value, each)),
        _ => {}
    }
}
