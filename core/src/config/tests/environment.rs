//! The variables that stand in for members.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_environment_stands_in_member_by_member() {
    let environment = |public: Option<&str>| Environment {
        public: public.map(str::to_owned),
        public_key: Some(RSA.replace('\n', "\\n")),
        namespace_id: Some("n".into()),
        application_id: Some("a".into()),
        ..Environment::default()
    };
    for (public, json, expected) in [
        (None, "", Some(("n", "a"))),
        (Some("false"), "  \n", Some(("n", "a"))),
        (Some("true"), r#"{"public":false}"#, Some(("n", "a"))),
        (None, r#"{"namespace_id":"m"}"#, Some(("m", "a"))),
        (None, r#"{"application_id":"b"}"#, Some(("n", "b"))),
        (Some("true"), "", None),
        (None, r#"{"public":true}"#, None),
    ] {
        let config = Config::from_json(json.as_bytes(), &environment(public)).ok().unwrap();
        let protected = match &config.access {
            Access::Public => None,
            Access::Private(private) => private.protects.configured(),
        };
        let ids =
            protected.map(|it| (it.namespace_id.as_str(), it.application_id.as_deref().unwrap()));
        assert_eq!(ids, expected, "{public:?} {json}");
    }
    for public in ["", "1", "True", "TRUE", "yes", " true"] {
        let error = Config::from_json(b"", &environment(Some(public))).err().unwrap();
        let ConfigError::Unusable { member, expected, .. } = error else { panic!("{error}") };
        assert_eq!(member, "SCW_PUBLIC", "{public:?}");
        assert_eq!(expected, "exactly `true` or `false`");
    }
    let empty = Environment { application_id: Some(String::new()), ..environment(None) };
    let private = private(Config::from_json(b"", &empty).ok().unwrap());
    assert_eq!(private.protects.configured().unwrap().application_id, None);
    let bad_key = Environment { public_key: Some("x".into()), ..environment(None) };
    assert_eq!(Config::from_json(b"", &bad_key).err().unwrap().member(), "SCW_PUBLIC_KEY");
}

#[test]
fn the_configuration_says_which_variables_stood_in() {
    let some = |value: &str| Some(value.to_owned());
    let all = Environment {
        public: some("false"),
        public_key: some(RSA),
        namespace_id: some("n"),
        application_id: some("a"),
        ..Environment::default()
    };
    let all_but_public = ["SCW_PUBLIC_KEY", "SCW_NAMESPACE_ID", "SCW_APPLICATION_ID"];
    for (json, expected) in [
        (
            json!({}),
            &["SCW_PUBLIC", "SCW_PUBLIC_KEY", "SCW_NAMESPACE_ID", "SCW_APPLICATION_ID"][..],
        ),
        (json!({"public": false}), &all_but_public),
        (json!({"public": true}), &all_but_public),
        (json!({"public": false, "public_key": RSA, "namespace_id": "m"}), &all_but_public[2..]),
        (
            json!({"public": false, "public_key": RSA, "namespace_id": "m", "application_id": "b"}),
            &[],
        ),
        // These stand beside the environment's key, not in its place.
        (
            json!({"public": false, "namespace_id": "m", "application_id": "b", "public_keys": [RSA]}),
            &all_but_public[..1],
        ),
    ] {
        let config = Config::from_json(json.to_string().as_bytes(), &all).ok().unwrap();
        assert_eq!(config.from_environment, expected, "{json}");
    }
    assert!(with(json!({})).unwrap_or_else(|e| panic!("{e}")).from_environment.is_empty());
}

#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        let lookup =
            |name: &str| (name == "SCW_NAMESPACE_ID").then(|| OsString::from_vec(vec![255]));
        assert_eq!(Environment::read(lookup).err().unwrap().member(), "SCW_NAMESPACE_ID");
    }
    let set = Environment::read(|name| Some(name.into())).unwrap();
    assert_eq!(set.public.as_deref(), Some("SCW_PUBLIC"));
    assert_eq!(set.public_key.as_deref(), Some("SCW_PUBLIC_KEY"));
    assert_eq!(set.namespace_id.as_deref(), Some("SCW_NAMESPACE_ID"));
    assert_eq!(set.application_id.as_deref(), Some("SCW_APPLICATION_ID"));
    assert_eq!(set.trust_key.as_deref(), Some("NAMESPACE_JWT_TRUST_KEY"));
    let access_key = set.trust_access_key.unwrap();
    assert_eq!(access_key.expose(), "NAMESPACE_JWT_TRUST_ACCESS_KEY");
    assert_eq!(format!("{access_key:?}"), "AccessKey");
}
