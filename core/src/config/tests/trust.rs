//! `trust`, `protect` and `credentials`.

use super::*;
use crate::trust::state::WhenStale;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NAMESPACE: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
const ED25519: &str = include_str!("../../../tests/keys/ed25519.pem");

/// A configuration that follows the feed, with these members of `trust`, and of its own.
fn follows(trust: Value, members: Value) -> Result<Config, ConfigError> {
    let mut of_trust = json!({"cluster": "issuer", "public_keys": [ED25519]});
    of_trust.as_object_mut().unwrap().extend(trust.as_object().unwrap().clone());
    of_trust.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let mut json = json!({"namespace_id": NAMESPACE, "trust": of_trust});
    json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    json.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    parse(json)
}

fn trust_of(trust: Value) -> Trust {
    let config = follows(trust, json!({})).unwrap_or_else(|error| panic!("{error}"));
    config.trust.unwrap()
}

fn why(trust: Value, members: Value) -> String {
    follows(trust, members).err().map_or("none".into(), |error| error.to_string())
}

#[test]
fn what_is_left_out_of_trust_has_the_documented_default() {
    let trust = trust_of(json!({}));
    assert_eq!((trust.cluster.as_str(), trust.authority.as_str()), ("issuer", "issuer"));
    assert_eq!(trust.path, "/trust/v1");
    assert_eq!(trust.access_key, None);
    let [wait, refresh, staleness] = [25, 5, 300].map(Duration::from_secs);
    assert_eq!(trust.pace, crate::trust::pace::Pace::new(wait, refresh, staleness));
    assert_eq!(trust.settings.scope, Scope::Namespace(Id::of(NAMESPACE).unwrap()));
    assert_eq!(trust.settings.max_staleness, staleness);
    assert_eq!(trust.settings.when_stale, WhenStale::Deny);
    assert!(!trust.settings.static_keys);
    let config = follows(json!({}), json!({"public_key": RSA})).ok().unwrap();
    assert!(config.trust.as_ref().unwrap().settings.static_keys);
    let private = private(config);
    assert!(private.follows_feed);
}

#[test]
fn every_member_of_trust_is_taken() {
    let trust = trust_of(json!({
        "cluster": "outbound|80||issuer.svc", "path": "/mirror/", "access_key": "secret",
        "wait_seconds": 10, "refresh_seconds": 2, "max_staleness_seconds": 60,
        "when_stale": "keep",
    }));
    assert_eq!((trust.authority.as_str(), trust.path.as_str()), ("issuer.svc", "/mirror"));
    assert_eq!(trust.access_key.unwrap().expose(), "secret");
    let [wait, refresh, staleness] = [10, 2, 60].map(Duration::from_secs);
    assert_eq!(trust.pace, crate::trust::pace::Pace::new(wait, refresh, staleness));
    assert_eq!(trust.settings.when_stale, WhenStale::Keep);
    assert_eq!(trust_of(json!({"authority": "other:81"})).authority, "other:81");
    // What gateways share under one name is what they ask for in one way.
    let identity = |trust| trust_of(trust).identity();
    assert_eq!(identity(json!({"wait_seconds": 1})), identity(json!({})));
    for other in [json!({"cluster": "c"}), json!({"authority": "a"}), json!({"path": "/p"})] {
        assert_ne!(identity(other), identity(json!({})));
    }
    // Who asks for it asks for those alone that would ask alike.
    let manner = |trust| trust_of(trust).manner();
    for other in [
        json!({"wait_seconds": 1}),
        json!({"refresh_seconds": 1}),
        json!({"max_staleness_seconds": 1000}),
        json!({"access_key": "k"}),
    ] {
        assert_ne!(manner(other.clone()), manner(json!({})));
        assert_eq!(identity(other), identity(json!({})));
    }
    assert_eq!(manner(json!({"when_stale": "keep"})), manner(json!({})));
}

#[test]
fn a_bad_member_of_trust_is_refused_by_name() {
    let pem = "an Ed25519 public key in PEM, as `issuer trust key` prints it";
    let pems = "1 to 8 keys in PEM, as `issuer trust key` prints them";
    let seconds = "expected a whole number of seconds";
    #[rustfmt::skip]
    let cases = [
        (json!({"cluster": null}), "trust.cluster: expected the proxy's cluster that leads to the issuer, found nothing".to_owned()),
        (json!({"cluster": "a b"}), "trust.cluster: expected the name of one of the proxy's clusters, in visible ASCII, found white space or other characters".to_owned()),
        (json!({"cluster": 1}), "trust.cluster: expected a non-empty string, found a number".to_owned()),
        (json!({"authority": "http://h"}), "trust.authority: expected a host, with or without a port, found another character".to_owned()),
        (json!({"path": "trust"}), "trust.path: expected a path that begins with `/`, without `?` and `#`, found another form".to_owned()),
        (json!({"public_keys": null}), format!("trust.public_keys: expected {pems} (or NAMESPACE_JWT_TRUST_KEY), found none")),
        (json!({"public_keys": ED25519}), "trust.public_keys: expected an array of non-empty strings, found a string".to_owned()),
        (json!({"public_keys": []}), format!("trust.public_keys: expected {pems}, found 0 of them")),
        (json!({"public_keys": [ED25519, RSA]}), format!("trust.public_keys[1]: expected {pem}, found a key of type RSA-2048, which is not Ed25519")),
        (json!({"public_keys": ["x"]}), format!("trust.public_keys[0]: expected {pem}, found text without `-----BEGIN`")),
        (json!({"wait_seconds": 3601}), format!("trust.wait_seconds: {seconds} from 0 to 3600, found 3601")),
        (json!({"wait_seconds": -1}), format!("trust.wait_seconds: {seconds}, 0 or more, found -1")),
        (json!({"refresh_seconds": 0}), format!("trust.refresh_seconds: {seconds} from 1 to 3600, found 0")),
        (json!({"max_staleness_seconds": 0}), format!("trust.max_staleness_seconds: {seconds} from 1 to 4294967295, found 0")),
        (json!({"when_stale": "allow"}), "trust.when_stale: expected \"deny\" or \"keep\", found \"allow\"".to_owned()),
        (json!({"max_stale_seconds": 1}), "unknown member `trust.max_stale_seconds`; did you mean `max_staleness_seconds`?".to_owned()),
    ];
    for (trust, expected) in cases {
        assert_eq!(why(trust, json!({})), expected);
    }
    for (members, expected) in [
        (json!({"trust": []}), "trust: expected an object, found an array"),
        (json!({"namespace_id": "n"}), "namespace_id: expected a UUID"),
        (
            json!({"expiration_leeway_seconds": 3601}),
            "expiration_leeway_seconds: expected at most 3600 beside `trust`, found 3601",
        ),
        (
            json!({"credentials": ["jwt", "api_key"]}),
            "credentials: expected [\"jwt\"], found \"api_key\"",
        ),
        (json!({"credentials": []}), "credentials: expected [\"jwt\"], found an empty array"),
        (
            json!({"credentials": ["jwt", "jwt"]}),
            "credentials: expected [\"jwt\"], found a name twice",
        ),
    ] {
        let found = why(json!({}), members);
        assert!(found.starts_with(expected), "{found}");
    }
    assert_eq!(why(json!({}), json!({"expiration_leeway_seconds": 3600})), "none");
    assert_eq!(why(json!({}), json!({"credentials": ["jwt"]})), "none");
}

#[test]
fn the_variables_of_trust_stand_in_for_its_members() {
    let environment = Environment {
        trust_key: Some(format!("{ED25519}\n{ED25519}")),
        trust_access_key: Some("secret".to_owned().into()),
        ..Environment::default()
    };
    let config = |json: Value| Config::from_json(json.to_string().as_bytes(), &environment);
    let own = json!({"namespace_id": NAMESPACE, "trust": {"cluster": "c"}});
    let of_variables = config(own).ok().unwrap();
    let trust = of_variables.trust.unwrap();
    assert_eq!(trust.settings.keys.ids().count(), 2);
    assert_eq!(trust.access_key.unwrap().expose(), "secret");
    let both = ["NAMESPACE_JWT_TRUST_KEY", "NAMESPACE_JWT_TRUST_ACCESS_KEY"];
    assert_eq!(of_variables.from_environment, both);
    let members = json!({"cluster": "c", "public_keys": [ED25519], "access_key": "own"});
    let config_of_members =
        config(json!({"namespace_id": NAMESPACE, "trust": members})).ok().unwrap();
    assert!(config_of_members.from_environment.is_empty());
    // Without `trust` they are nobody's.
    let without = config(json!({"namespace_id": "n", "public_key": RSA})).ok().unwrap();
    assert!(without.trust.is_none() && without.from_environment.is_empty());
    let bad = Environment { trust_key: Some(RSA.into()), ..Environment::default() };
    let json = json!({"namespace_id": NAMESPACE, "trust": {"cluster": "c"}}).to_string();
    let error = Config::from_json(json.as_bytes(), &bad).err().unwrap();
    assert_eq!(error.member(), "NAMESPACE_JWT_TRUST_KEY[0]");
}

#[test]
fn routes_say_what_is_protected_and_nothing_else_does() {
    let environment = Environment {
        public: Some("true".into()),
        public_key: Some(RSA.into()),
        namespace_id: Some("n".into()),
        application_id: Some("a".into()),
        ..Environment::default()
    };
    let feed = json!({"cluster": "c", "public_keys": [ED25519]});
    let read = |members: Value| {
        let mut json = json!({"protect": "route"});
        json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Config::from_json(json.to_string().as_bytes(), &environment)
    };
    let config = read(json!({"trust": feed})).ok().unwrap();
    assert_eq!(config.trust.as_ref().unwrap().settings.scope, Scope::All);
    assert!(config.from_environment.is_empty());
    let private = private(config);
    assert_eq!(private.protects, Protects::Route { namespace_id: None });
    assert!(private.keys.keys().is_empty());
    let own = read(json!({"namespace_id": "n", "public_key": RSA})).ok().unwrap();
    assert!(own.trust.is_none());
    for (members, expected) in [
        (
            json!({}),
            "trust: expected the feed that has the keys (or `namespace_id` and a key), found none",
        ),
        (
            json!({"namespace_id": "n"}),
            "trust: expected the feed that has the keys (or `namespace_id` and a key), found none",
        ),
        (
            json!({"public_key": RSA}),
            "namespace_id: expected the id of the namespace that the configured keys vouch for, or no keys, found nothing",
        ),
        (
            json!({"public_key": RSA, "trust": feed}),
            "namespace_id: expected the id of the namespace that the configured keys vouch for, or no keys, found nothing",
        ),
        (
            json!({"public": false, "trust": feed}),
            "public: expected no such member beside `protect`: \"route\", where routes say it, found one",
        ),
        (
            json!({"application_id": "a", "trust": feed}),
            "application_id: expected no such member beside `protect`: \"route\", where routes say it, found one",
        ),
        (
            json!({"namespace_id": "n", "trust": feed}),
            "namespace_id: expected a UUID, since the trust feed has a checkpoint for each of them, found another form",
        ),
    ] {
        let found = read(members).err().map_or("none".into(), |error| error.to_string());
        assert_eq!(found, expected);
    }
    let configured = follows(json!({}), json!({"protect": "configured"})).ok().unwrap();
    assert!(matches!(configured.access, Access::Private(_)));
}

#[test]
fn an_operator_is_told_what_trust_comes_to() {
    let config = follows(
        json!({"when_stale": "keep", "max_staleness_seconds": 172_800}),
        json!({"public_key": RSA}),
    );
    let config = config.ok().unwrap();
    let summary = config.summary(&[]);
    let expected = format!(
        "keys: RSA-2048 (no kid), those of the trust feed, signatures by the proxy, trust feed of \
         {NAMESPACE} by cluster issuer, stale after 172800 seconds (keep)"
    );
    assert!(summary.ends_with(&expected), "{summary}");
    let notices: Vec<_> = config.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert!(notices.iter().any(|it| it.starts_with("trust.when_stale: keep")), "{notices:?}");
    assert!(
        notices.iter().any(|it| it
            .starts_with("trust.max_staleness_seconds: what is revoked may be let in for 2 days")),
        "{notices:?}"
    );
    let config = follows(json!({"max_staleness_seconds": 30}), json!({})).ok().unwrap();
    assert!(config.notices.iter().any(|it| it.text == "trust.wait_seconds: 10 is used, a third of max_staleness_seconds"));
    let routes = json!({"protect": "route", "namespace_id": null});
    let config = follows(json!({}), routes).ok().unwrap();
    let summary = config.summary(&[Algorithm::EdDsa]);
    let expected = "configured: mode enforce, what routes name, keys: those of the trust feed, \
                    signatures by the proxy, but EdDSA by the built-in verification, trust feed of \
                    all by cluster issuer, stale after 300 seconds (deny)";
    assert_eq!(summary, expected);
}
