//! The container that protects itself: what the platform sets is enough.

use serde_json::{Value, json};
use testkit::envoy::{Filter, Plan};
use testkit::http::Request;
use testkit::protected::*;
use testkit::upstream::Upstream;

fn token(namespace: &str, application: &str) -> Request {
    let changes = json!({"application_claim": [grant(namespace, application)]});
    Request::with_token(&namespace_key().token(&claims_with(changes)))
}

fn by_other_key() -> Request {
    Request::with_token(&other_key().token(&claims()))
}

/// The four variables as the platform sets them, in one line and in several.
fn platform(filter: Filter) -> Filter {
    filter
        .env("SCW_PUBLIC", "false")
        .env("SCW_PUBLIC_KEY", &namespace_key().public_pem())
        .env("SCW_NAMESPACE_ID", NAMESPACE)
        .env("SCW_APPLICATION_ID", APPLICATION)
}

#[test]
fn the_platform_s_variables_are_enough_without_any_configuration() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .listener("absent", platform(Filter::unconfigured()))
        .listener("no-text", platform(Filter::from_text("")))
        .listener("no-members", platform(Filter::from_text("{}")))
        .listener("empty-struct", platform(Filter::from_struct(&json!({}))))
        .listener(
            "literal-line-breaks",
            platform(Filter::unconfigured())
                .env("SCW_PUBLIC_KEY", &namespace_key().public_pem().replace('\n', "\\n")),
        )
        .start();
    for listener in ["absent", "no-text", "no-members", "empty-struct", "literal-line-breaks"] {
        #[rustfmt::skip]
        let cases = [
            ("nothing", Request::get(), "missing_token"),
            ("the namespace's token", token(NAMESPACE, ""), "allowed"),
            ("the application's token", token("", APPLICATION), "allowed"),
            ("a token for both", token(NAMESPACE, APPLICATION), "allowed"),
            ("another application's token", token("", OTHER_APPLICATION), "not_granted"),
            ("one for another application here", token(NAMESPACE, OTHER_APPLICATION), "not_granted"),
            ("another namespace's key", by_other_key(), "bad_signature"),
        ];
        for (what, request, code) in cases {
            envoy.expect(listener, what, request, code);
        }
    }
}

#[test]
fn the_variables_may_come_from_envoy_s_own_environment() {
    let upstream = Upstream::start();
    const NAMES: [&str; 4] =
        ["SCW_PUBLIC", "SCW_PUBLIC_KEY", "SCW_NAMESPACE_ID", "SCW_APPLICATION_ID"];
    let filter = NAMES.iter().fold(Filter::unconfigured(), |f, name| f.host_env(name));
    let envoy = Plan::new(&upstream)
        .process_env("SCW_PUBLIC", "false")
        .process_env("SCW_PUBLIC_KEY", &namespace_key().public_pem())
        .process_env("SCW_NAMESPACE_ID", NAMESPACE)
        .process_env("SCW_APPLICATION_ID", APPLICATION)
        .listener("main", filter)
        .start();
    envoy.expect("main", "nothing", Request::get(), "missing_token");
    envoy.expect("main", "a good token", token("", APPLICATION), "allowed");
    envoy.expect("main", "another application's", token("", OTHER_APPLICATION), "not_granted");
    envoy.expect("main", "another key's", by_other_key(), "bad_signature");
}

#[test]
fn what_is_not_handed_to_the_vm_is_not_read() {
    let log = Plan::new(&Upstream::start())
        .process_env("SCW_PUBLIC", "true")
        .listener("main", Filter::unconfigured())
        .refuses();
    assert!(log.contains("configuration refused: namespace_id"), "{log}");
}

#[test]
fn the_configuration_wins_over_the_environment_member_by_member() {
    let upstream = Upstream::start();
    let with = |members: Value| platform(Filter::new(&members));
    let other_namespace = json!({"namespace_id": OTHER_NAMESPACE});
    let other_application = json!({"application_id": OTHER_APPLICATION});
    let other_public_key = json!({"public_key": other_key().public_pem()});
    let another_key = json!({"public_keys": [other_key().public_pem()]});
    let envoy = Plan::new(&upstream)
        .listener("namespace_id", with(other_namespace))
        .listener("application_id", with(other_application))
        .listener("public_key", with(other_public_key))
        .listener("public", with(json!({"public": true})))
        .listener("not-public", with(json!({"public": false})).env("SCW_PUBLIC", "true"))
        .listener("public_keys", with(another_key))
        .start();
    #[rustfmt::skip]
    let cases = [
        ("namespace_id", "the configured namespace", token(OTHER_NAMESPACE, ""), "allowed"),
        ("namespace_id", "the environment's namespace", token(NAMESPACE, ""), "not_granted"),
        ("namespace_id", "the environment's application", token("", APPLICATION), "allowed"),
        ("application_id", "the configured application", token("", OTHER_APPLICATION), "allowed"),
        ("application_id", "the environment's application", token("", APPLICATION), "not_granted"),
        ("application_id", "the environment's namespace", token(NAMESPACE, ""), "allowed"),
        ("public_key", "the configured key", by_other_key(), "allowed"),
        ("public_key", "the environment's key", token(NAMESPACE, ""), "bad_signature"),
        ("public", "nothing", Request::get(), "public"),
        ("not-public", "nothing", Request::get(), "missing_token"),
        ("not-public", "a good token", token(NAMESPACE, ""), "allowed"),
        // Another member, so nothing that could win.
        ("public_keys", "the configured key", by_other_key(), "allowed"),
        ("public_keys", "the environment's key", token(NAMESPACE, ""), "allowed"),
    ];
    for (listener, what, request, code) in cases {
        envoy.expect(listener, what, request, code);
    }
}

#[test]
fn the_application_id_may_be_left_out() {
    let upstream = Upstream::start();
    let filter = Filter::unconfigured()
        .env("SCW_PUBLIC_KEY", &namespace_key().public_pem())
        .env("SCW_NAMESPACE_ID", NAMESPACE);
    let envoy = Plan::new(&upstream)
        .listener("absent", filter.clone())
        .listener("empty", filter.env("SCW_APPLICATION_ID", ""))
        .start();
    for listener in ["absent", "empty"] {
        // SCW_PUBLIC isn't set either: private is what it means.
        envoy.expect(listener, "nothing", Request::get(), "missing_token");
        envoy.expect(listener, "the namespace's", token(NAMESPACE, ""), "allowed");
        envoy.expect(listener, "an application's", token(NAMESPACE, APPLICATION), "not_granted");
        envoy.expect(listener, "a grant of nothing", token("", ""), "not_granted");
    }
}

#[test]
fn scw_public_is_exactly_true_or_false() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .listener("true", platform(Filter::unconfigured()).env("SCW_PUBLIC", "true"))
        .listener("true-alone", Filter::unconfigured().env("SCW_PUBLIC", "true"))
        .listener("false", platform(Filter::unconfigured()))
        .start();
    envoy.expect("true", "nothing", Request::get(), "public");
    envoy.expect("true", "junk", Request::with_token("junk"), "public");
    envoy.expect("true-alone", "nothing", Request::get(), "public");
    envoy.expect("false", "nothing", Request::get(), "missing_token");
    for value in ["True", "TRUE", "1", "yes", "", " true", "true\n", "\"true\""] {
        let filter = platform(Filter::unconfigured()).env("SCW_PUBLIC", value);
        let log = Plan::new(&upstream).listener("main", filter).refuses();
        assert!(log.contains("SCW_PUBLIC"), "{value:?}: {log}");
    }
}

#[test]
fn a_variable_that_can_t_be_used_is_refused_by_its_name() {
    let upstream = Upstream::start();
    let cases = [("SCW_PUBLIC_KEY", "junk"), ("SCW_PUBLIC_KEY", ""), ("SCW_NAMESPACE_ID", "")];
    for (name, value) in cases {
        let filter = platform(Filter::unconfigured()).env(name, value);
        let log = Plan::new(&upstream).listener("main", filter).refuses();
        assert!(
            log.contains("configuration refused: ") && log.contains(name),
            "{name}={value:?}: {log}"
        );
    }
}
