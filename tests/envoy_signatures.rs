//! Whose crypto checks signatures: the proxy's own, or the module's.

mod support;

use serde_json::{Value, json};
use support::envoy::{Filter, Plan};
use support::http::Request;
use support::mint::{Key, Kind, base64url, from_base64url};
use support::protected::{claims, configuration_with};
use support::upstream::Upstream;

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
    assert!(!envoy.log().contains("checked by the module"), "Envoy's crypto was not used");
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
