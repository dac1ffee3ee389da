//! What the platform minted works here unchanged, and what `issuer` mints has
//! the platform's form.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testkit::envoy::{Filter, Plan};
use testkit::http::{PROTOCOLS, Request};
use testkit::mint::{Key, Kind, flip_bit, from_base64url};
use testkit::protected::*;
use testkit::upstream::Upstream;

struct PlatformToken {
    token: String,
    /// The namespace's key, a PKCS#1 PEM.
    public_key: String,
    claims: Value,
}

impl PlatformToken {
    fn never_expires(&self) -> bool {
        self.claims.get("exp").is_none()
    }

    fn application(&self) -> &str {
        self.claims["application_claim"][0]["application_id"].as_str().unwrap()
    }
}

fn platform_tokens() -> Option<Vec<PlatformToken>> {
    let tokens = testkit::vectors::platform_tokens()?;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tokens = tokens
        .iter()
        .map(|entry| PlatformToken {
            token: text(&entry["token"]),
            public_key: text(&entry["public_key"]),
            claims: entry["claims"].clone(),
        })
        .collect();
    Some(tokens)
}

fn protects(token: &PlatformToken, application: &str) -> Filter {
    Filter::new(&json!({
        "namespace_id": OTHER_NAMESPACE,
        "application_id": application,
        "public_key": token.public_key,
    }))
}

fn everlasting() -> Option<Vec<PlatformToken>> {
    let mut tokens = platform_tokens()?;
    tokens.retain(PlatformToken::never_expires);
    assert_eq!(tokens.len(), 9, "tokens that never expire");
    Some(tokens)
}

#[test]
fn tokens_that_never_expire_are_admitted_and_those_that_did_are_not() {
    let Some(tokens) = platform_tokens() else { return };
    let upstream = Upstream::start();
    let plan = tokens.iter().enumerate().fold(Plan::new(&upstream), |plan, (n, token)| {
        let filter = match token.application() {
            "" => Filter::new(&json!({
                "namespace_id": token.claims["application_claim"][0]["namespace_id"],
                "public_key": token.public_key,
            })),
            application => protects(token, application),
        };
        plan.listener(&n.to_string(), filter)
    });
    let envoy = plan.start();
    for (n, token) in tokens.iter().enumerate() {
        let exp = token.claims["exp"].as_u64().unwrap_or(u64::MAX);
        let code = if now() < exp { "allowed" } else { "expired" };
        for protocol in PROTOCOLS {
            let request = Request::with_token(&token.token).over(protocol);
            envoy.expect(&n.to_string(), &token.claims.to_string(), request, code);
        }
    }
}

#[test]
fn a_platform_token_needs_nothing_but_the_platform_s_variables() {
    let Some(tokens) = everlasting() else { return };
    let upstream = Upstream::start();
    let token = &tokens[0];
    let filter = Filter::unconfigured()
        .env("SCW_PUBLIC", "false")
        .env("SCW_PUBLIC_KEY", &token.public_key)
        .env("SCW_NAMESPACE_ID", NAMESPACE)
        .env("SCW_APPLICATION_ID", token.application());
    let envoy = Plan::new(&upstream).listener("main", filter).start();
    envoy.expect("main", "nothing", Request::get(), "missing_token");
    envoy.expect("main", "its token", Request::with_token(&token.token), "allowed");
}

#[test]
fn a_platform_token_is_refused_for_another_application_and_under_another_key() {
    let Some(tokens) = everlasting() else { return };
    let upstream = Upstream::start();
    let plan = tokens.iter().enumerate().fold(Plan::new(&upstream), |plan, (n, token)| {
        plan.listener(&format!("own-{n}"), protects(token, token.application()))
            .listener(&format!("other-{n}"), protects(token, OTHER_NAMESPACE))
    });
    let envoy = plan.start();
    for (n, token) in tokens.iter().enumerate() {
        let request = || Request::with_token(&token.token);
        envoy.expect(&format!("own-{n}"), "its own", request(), "allowed");
        envoy.expect(&format!("other-{n}"), "another application", request(), "not_granted");
        for (m, other) in tokens.iter().enumerate() {
            if other.public_key != token.public_key {
                envoy.expect(&format!("own-{m}"), "another key", request(), "bad_signature");
            }
        }
    }
}

#[test]
fn a_platform_token_is_refused_with_one_bit_changed_in_any_part() {
    let Some(tokens) = everlasting() else { return };
    let upstream = Upstream::start();
    let plan = tokens.iter().enumerate().fold(Plan::new(&upstream), |plan, (n, token)| {
        plan.listener(&n.to_string(), protects(token, token.application()))
    });
    let envoy = plan.start();
    for (n, token) in tokens.iter().enumerate() {
        for (part, text) in token.token.split('.').enumerate() {
            let bits = from_base64url(text).len() * 8;
            // The first, the last, and some between that differ by token.
            for bit in [0, bits - 1].into_iter().chain((1..8).map(|k| (k * bits / 8 + n) % bits)) {
                let what = format!("bit {bit} of part {part}");
                let changed = flip_bit(&token.token, part, bit);
                assert_ne!(changed, token.token);
                let answer = envoy.ask(&n.to_string(), Request::with_token(&changed));
                assert!(!answer.is_from_upstream(), "{what}: {answer:?}");
                // A changed header may not be JSON any more, or name another
                // algorithm. The rest is signed.
                let codes: &[&str] = match part {
                    0 => &["malformed_token", "unsupported_algorithm", "bad_signature"],
                    _ => &["bad_signature"],
                };
                assert!(codes.contains(&answer.decision.as_str()), "{what}: {answer:?}");
            }
        }
        envoy.expect(
            &n.to_string(),
            "the token itself",
            Request::with_token(&token.token),
            "allowed",
        );
    }
}

fn issue(key: &Path, arguments: &[&str]) -> String {
    let output = Command::new(testkit::built::issuer())
        .arg("issue")
        .arg("--key")
        .arg(key)
        .args(arguments)
        .output()
        .expect("run issuer");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "issuer {arguments:?}: {errors}");
    assert_eq!(errors, "", "{arguments:?}");
    let token = String::from_utf8(output.stdout).expect("text");
    token.strip_suffix('\n').expect("one line").to_owned()
}

/// A private key in a file, as `issuer` wants it.
fn private_key_file(key: &Key, name: &str) -> PathBuf {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = testkit::scratch().join(format!("{name}-{}.pem", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    file.write_all(key.private_pem().as_bytes()).unwrap();
    path
}

fn part(token: &str, n: usize) -> Value {
    let bytes = from_base64url(token.split('.').nth(n).expect("three parts"));
    serde_json::from_slice(&bytes).expect("JSON")
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn what_issuer_issues_has_the_platform_s_form_and_is_admitted() {
    let upstream = Upstream::start();
    let of_platform = platform_tokens();
    let mut of_same_kind = 0;
    for kind in [Kind::Rsa(4096), Kind::P256, Kind::P384, Kind::Ed25519] {
        let key = Key::named(kind, "namespace");
        let file = private_key_file(&key, &format!("issue-{}", key.algorithm()));
        let envoy = Plan::new(&upstream)
            .listener(
                "main",
                Filter::new(&json!({
                    "namespace_id": NAMESPACE,
                    "application_id": APPLICATION,
                    "public_key": key.public_pem(),
                })),
            )
            .start();
        #[rustfmt::skip]
        let cases: &[(&[&str], Value, bool)] = &[
            (&["--namespace-id", NAMESPACE, "--expires-in", "1h"], grant(NAMESPACE, ""), true),
            (&["--function-id", APPLICATION, "--no-expiration"], grant("", APPLICATION), false),
            (&["--container-id", APPLICATION, "--expires-at", "2999-01-01T00:00:00Z"], grant("", APPLICATION), true),
        ];
        for (arguments, grant, expires) in cases {
            let token = issue(&file, arguments);
            let (header, claims) = (part(&token, 0), part(&token, 1));
            assert_eq!(header, json!({"alg": key.algorithm(), "typ": "JWT"}), "{arguments:?}");
            assert_eq!(claims["application_claim"], json!([grant]), "{arguments:?}");
            assert_eq!(claims["version"], 2);
            assert_eq!(claims["aud"], "functions");
            assert_eq!(claims["iss"], "SCALEWAY");
            assert_eq!(claims["sub"], "token");
            assert_eq!(claims.get("exp").is_some(), *expires, "{arguments:?}");
            for member in ["iat", "nbf"] {
                let at = claims[member].as_u64().expect("whole seconds");
                assert!((now() - 60..=now()).contains(&at), "{member}: {at}");
            }
            let mut expected: BTreeSet<String> =
                ["application_claim", "version", "aud", "iss", "sub", "jti", "iat", "nbf"]
                    .map(str::to_owned)
                    .into();
            if *expires {
                expected.insert("exp".to_owned());
            }
            assert_eq!(names(&claims), expected, "{arguments:?}");
            for platform in of_platform.iter().flatten().filter(|t| t.never_expires() != *expires) {
                of_same_kind += 1;
                assert_eq!(names(&part(&platform.token, 0)), names(&header));
                assert_eq!(names(&platform.claims), names(&claims));
                assert_eq!(
                    names(&platform.claims["application_claim"][0]),
                    names(&claims["application_claim"][0])
                );
            }
            envoy.expect("main", &format!("{arguments:?}"), Request::with_token(&token), "allowed");
        }
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(of_same_kind, of_platform.map_or(0, |_| 108), "platform tokens compared");
}
