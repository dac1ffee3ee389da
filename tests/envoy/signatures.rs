//! Whose crypto checks signatures: the proxy's own, or the module's.

use namespace_jwt_core::config::{Config, Environment};
use serde_json::{Value, json};
use testkit::envoy::{Filter, Plan};
use testkit::http::Request;
use testkit::mint::{Key, Kind, base64url, from_base64url};
use testkit::protected::{claims, configuration_with};
use testkit::upstream::Upstream;

/// A key that signed something and one of the same kind that didn't.
fn keys(kind: Kind) -> [Key; 2] {
    ["signer", "stranger"].map(|name| Key::named(kind, name))
}

fn filter(key: &Key, members: Value) -> Filter {
    let mut members = members;
    members["public_key"] = key.public_pem().into();
    Filter::new(&configuration_with(members))
}

#[test]
fn the_proxy_and_the_module_say_the_same() {
    const KINDS: [(&str, Kind); 3] =
        [("rs256", Kind::Rsa(2048)), ("es256", Kind::P256), ("es384", Kind::P384)];
    let upstream = Upstream::start();
    let mut plan = Plan::new(&upstream);
    for (name, kind) in KINDS {
        for choice in ["host", "guest"] {
            // Without the cache, so that each request is checked.
            let members = json!({"signature_verification": choice, "token_cache_size": 0});
            plan = plan.listener(&format!("{name}-{choice}"), filter(&keys(kind)[0], members));
        }
    }
    let envoy = plan.start();
    for (name, kind) in KINDS {
        let [signer, stranger] = keys(kind);
        let good = signer.token(&claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let bytes = from_base64url(signature);
        let with = |signature: &[u8]| format!("{signed}.{}", base64url(signature));
        let other = stranger.token(&claims());
        let other = other.rsplit_once('.').unwrap().1;
        for choice in ["host", "guest"] {
            let listener = format!("{name}-{choice}");
            for (what, token, code) in [
                ("good", good.clone(), "allowed"),
                ("a stranger's", format!("{signed}.{other}"), "bad_signature"),
                ("cut", with(&bytes[1..]), "bad_signature"),
                ("longer", with(&[&[0], bytes.as_slice()].concat()), "bad_signature"),
                ("zeros", with(&vec![0; bytes.len()]), "bad_signature"),
                ("ones", with(&vec![0xff; bytes.len()]), "bad_signature"),
                ("good again", good.clone(), "allowed"),
            ] {
                envoy.expect(&listener, what, Request::with_token(&token), code);
            }
        }
    }
    assert!(
        !envoy.log().contains("the proxy's crypto is unavailable"),
        "Envoy's crypto was not used"
    );
}

#[test]
fn host_is_refused_where_the_proxy_has_no_function_for_a_key_and_auto_is_not() {
    let upstream = Upstream::start();
    let [key, _] = keys(Kind::Ed25519);
    let host = filter(&key, json!({"signature_verification": "host"}));
    let log = Plan::new(&upstream).listener("main", host).refuses();
    let line = "configuration refused: signature_verification: expected a proxy that checks \
                every algorithm in use, found that it has no function for EdDSA";
    assert!(log.contains(line), "{log}");
    let auto = filter(&key, json!({"signature_verification": "auto"}));
    let envoy = Plan::new(&upstream).listener("main", auto).start();
    envoy.expect("main", "Ed25519", Request::with_token(&key.token(&claims())), "allowed");
}

/// Whether a payload is claims is asked after the signature: a Wycheproof token of which the
/// signature is good is `malformed_claims`, or `not_granted` where it happens to be an object.
#[test]
fn the_proxy_and_the_module_say_the_same_of_wycheproofs_signatures() {
    const FILE: &str = "wycheproof/json_web_signature_test.json";
    let Some(groups) = testkit::vectors::read(FILE, "testGroups") else { return };
    let every = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"];
    let configuration = |group: &Value, choice: &str| {
        configuration_with(json!({
            "public_key": null, "jwks": {"keys": [group["public"]]}, "algorithms": every,
            "signature_verification": choice, "token_cache_size": 0,
        }))
    };
    let usable = |group: &&Value| {
        let json = configuration(group, "auto").to_string();
        Config::from_json(json.as_bytes(), &Environment::default()).is_ok()
    };
    let groups: Vec<_> = groups.iter().filter(usable).collect();
    let upstream = Upstream::start();
    let mut plan = Plan::new(&upstream);
    for (place, group) in groups.iter().enumerate() {
        for choice in ["auto", "guest"] {
            let filter = Filter::new(&configuration(group, choice));
            plan = plan.listener(&format!("{place}-{choice}"), filter);
        }
    }
    let envoy = plan.start();
    let (mut cases, mut good) = (0, 0);
    for (place, group) in groups.iter().enumerate() {
        for case in group["tests"].as_array().unwrap() {
            let token = case["jws"].as_str().unwrap();
            let [host, guest] = ["auto", "guest"].map(|choice| {
                envoy.ask(&format!("{place}-{choice}"), Request::with_token(token)).decision
            });
            assert_eq!(host, guest, "{case}");
            let signed = ["malformed_claims", "not_granted"].contains(&host.as_str());
            assert!(!signed || case["result"] == "valid", "{case}: {host}");
            cases += 1;
            good += usize::from(signed);
        }
    }
    // The groups that can't be used have symmetric keys, P-521 ones, or keys for encryption.
    assert_eq!((cases, good), (355, 26));
}
