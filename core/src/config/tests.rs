mod environment;
mod keys;
mod notices;
mod trust;

use serde_json::json;

use super::*;
use crate::access::RevokedTokens;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const RSA: &str = include_str!("../../tests/keys/rsa-2048.pkcs1.pem");

fn parse(json: Value) -> Result<Config, ConfigError> {
    Config::from_json(json.to_string().as_bytes(), &Environment::default())
}

/// A good configuration with these members added, or in place of its own.
fn with(members: Value) -> Result<Config, ConfigError> {
    let mut json = json!({"namespace_id": "n", "public_key": RSA});
    json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    parse(json)
}

fn fault(members: Value) -> String {
    with(members).err().map_or("none".into(), |error| error.to_string())
}

fn private(config: Config) -> Private {
    match config.access {
        Access::Private(private) => *private,
        Access::Public => panic!("public"),
    }
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = with(json!({})).ok().unwrap();
    let names: Vec<_> = config.token_headers.iter().map(TokenHeader::name).collect();
    assert_eq!(names, ["x-auth-token", "scw-functions-token", "scw_functions_token"]);
    assert!(config.token_cookies.is_empty());
    assert!(!config.forward_token);
    assert!(!config.allow_cors_preflight);
    assert_eq!(config.statuses.missing_token, Status::Forbidden);
    assert_eq!(config.statuses.invalid_token, Status::Forbidden);
    assert_eq!(config.mode, Mode::Enforce);
    assert_eq!(config.signature_verification, SignatureVerification::Auto);
    assert_eq!(config.token_cache_size, 10_000);
    assert_eq!(config.counter_name("allowed"), "namespace_jwt.decision.allowed");
    let Private { keys, policy, protects, .. } = private(config);
    assert_eq!(keys.keys().len(), 1);
    assert_eq!(keys.keys()[0].algorithms(), [Algorithm::Rs256]);
    let protected = Protected::new("n".into(), None);
    assert_eq!(protects, Protects::Configured(protected));
    assert_eq!(policy.issuer, None);
    assert_eq!(policy.audience, None);
    assert!(!policy.require_expiration);
    assert_eq!(policy.max_lifetime, None);
    assert_eq!(policy.expiration_leeway, Duration::ZERO);
    assert_eq!(policy.not_before_leeway, Duration::from_secs(60));
    assert_eq!(policy.revoked, RevokedTokens::default());
}

#[test]
fn every_member_is_taken() {
    let config = with(json!({
        "application_id": "a", "public": false, "algorithms": ["PS512", "RS256"],
        "token_headers": ["Authorization"], "token_cookies": ["session", "s2", "session"],
        "forward_token": true, "allow_cors_preflight": true,
        "missing_token_status": 401, "invalid_token_status": 404,
        "issuer": "SCALEWAY", "audience": "functions", "require_expiration": true,
        "max_lifetime_seconds": 3600, "expiration_leeway_seconds": 5,
        "not_before_leeway_seconds": 0, "revoked_token_ids": ["j"], "mode": "report_only",
        "signature_verification": "guest", "token_cache_size": 0, "metrics_name": "orders_2",
    }));
    let config = config.ok().unwrap();
    assert_eq!(config.token_headers, [TokenHeader::new("authorization").unwrap()]);
    let cookies: Vec<_> = config.token_cookies.iter().map(TokenCookie::name).collect();
    assert_eq!(cookies, ["session", "s2", "session"]);
    assert!(config.forward_token);
    assert!(config.allow_cors_preflight);
    assert_eq!(config.statuses.missing_token, Status::Unauthorized);
    assert_eq!(config.statuses.invalid_token, Status::NotFound);
    assert_eq!(config.mode, Mode::ReportOnly);
    assert_eq!(config.signature_verification, SignatureVerification::Guest);
    assert_eq!(config.token_cache_size, 0);
    assert_eq!(config.counter_name("allowed"), "namespace_jwt.orders_2.decision.allowed");
    let Private { keys, policy, protects, .. } = private(config);
    assert_eq!(keys.keys()[0].algorithms(), [Algorithm::Rs256, Algorithm::Ps512]);
    assert_eq!(protects.configured().unwrap().application_id.as_deref(), Some("a"));
    assert_eq!(policy.issuer.as_deref(), Some("SCALEWAY"));
    assert_eq!(policy.audience.as_deref(), Some("functions"));
    assert!(policy.require_expiration);
    assert_eq!(policy.max_lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(policy.expiration_leeway, Duration::from_secs(5));
    assert_eq!(policy.not_before_leeway, Duration::ZERO);
    assert_eq!(policy.revoked, RevokedTokens::from_iter(["j"]));
}

#[test]
fn a_bad_member_is_refused_by_name() {
    let text = "expected a non-empty string, found";
    let flag = "expected true or false, found";
    let seconds = "expected a whole number of seconds, 0 or more, found";
    let status = "expected 401, 403 or 404, found";
    for (members, expected) in [
        (json!({"namespace_id": ""}), format!("namespace_id: {text} an empty string")),
        (json!({"namespace_id": null}), format!("namespace_id: {text} null")),
        (json!({"application_id": 1}), format!("application_id: {text} a number")),
        (json!({"public": "true"}), format!("public: {flag} a string")),
        (json!({"public": true, "issuer": 1}), format!("issuer: {text} a number")),
        (json!({"forward_token": 1}), format!("forward_token: {flag} a number")),
        (json!({"require_expiration": null}), format!("require_expiration: {flag} null")),
        (json!({"issuer": []}), format!("issuer: {text} an array")),
        (json!({"audience": {}}), format!("audience: {text} an object")),
        (json!({"missing_token_status": 200}), format!("missing_token_status: {status} 200")),
        (json!({"invalid_token_status": "403"}), format!("invalid_token_status: {status} \"403\"")),
        (json!({"max_lifetime_seconds": -1}), format!("max_lifetime_seconds: {seconds} -1")),
        (json!({"max_lifetime_seconds": 1.5}), format!("max_lifetime_seconds: {seconds} 1.5")),
        (json!({"expiration_leeway_seconds": "5"}), format!("expiration_leeway_seconds: {seconds} \"5\"")),
        (json!({"not_before_leeway_seconds": true}), format!("not_before_leeway_seconds: {seconds} true")),
        (
            json!({"token_cache_size": -1}),
            "token_cache_size: expected a whole number from 0 to 1000000, found -1".into(),
        ),
        (
            json!({"token_cache_size": 1_000_001}),
            "token_cache_size: expected a whole number from 0 to 1000000, found 1000001".into(),
        ),
        (json!({"revoked_token_ids": "j"}), "revoked_token_ids: expected an array of non-empty strings, found a string".into()),
        (json!({"revoked_token_ids": ["j", 1]}), format!("revoked_token_ids[1]: {text} a number")),
        (json!({"mode": "off"}), "mode: expected \"enforce\" or \"report_only\", found \"off\"".into()),
        (
            json!({"signature_verification": "hots"}),
            "signature_verification: expected \"auto\" or \"host\" or \"guest\", found \"hots\"".into(),
        ),
        (json!({"token_headers": []}), "token_headers: expected names of request headers, at least one, found an empty array".into()),
        (json!({"token_headers": [":path"]}), "token_headers[0]: expected names of request headers, at least one, found \":path\"".into()),
        (json!({"token_cookies": ["a b"]}), "token_cookies[0]: expected the name of a cookie, found \"a b\"".into()),
        (json!({"token_cookies": ["a", "session="]}), "token_cookies[1]: expected the name of a cookie, found \"session=\"".into()),
        (json!({"token_cookies": [""]}), "token_cookies[0]: expected a non-empty string, found an empty string".into()),
        (json!({"token_cookies": "session"}), "token_cookies: expected an array of non-empty strings, found a string".into()),
        (json!({"allow_cors_preflight": "yes"}), "allow_cors_preflight: expected true or false, found a string".into()),
        (
            json!({"mode": "-----BEGIN PRIVATE KEY-----\nMC4CAQAw"}),
            "mode: expected \"enforce\" or \"report_only\", found a string of 36 bytes".into(),
        ),
        (
            json!({"algorithms": ["HS256"]}),
            "algorithms: expected names out of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA, found \"HS256\"".into(),
        ),
        (json!({"namespace": "n"}), "unknown member `namespace`; did you mean `namespace_id`?".into()),
        (
            json!({"metrics_name": "a.decision"}),
            "metrics_name: expected 1 to 64 of the characters a-z, 0-9 and _, found \"a.decision\"".into(),
        ),
        (
            json!({"metrics_name": "a".repeat(65)}),
            "metrics_name: expected 1 to 64 of the characters a-z, 0-9 and _, found a string of 65 bytes".into(),
        ),
        (json!({"jwks": []}), "jwks: expected a JWK Set: an object with an array `keys`, found an array".into()),
        (json!({"jwks": {"keys": {}}}), "jwks.keys: expected a JWK Set: an object with an array `keys`, found an object".into()),
    ] {
        assert_eq!(fault(members.clone()), expected, "{members}");
    }
}

#[test]
fn a_text_that_can_match_nothing_is_refused_with_what_to_write() {
    const ID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
    let id = "expected the id alone, in visible ASCII, found";
    let jti = "expected the value of a token's `jti` alone, in visible ASCII, found";
    let text = "expected the text that a token has, and nothing around it, found";
    let header = "expected a header that proxies pass on and that can carry a token, found";
    for (member, value, expected) in [
        ("namespace_id", json!(format!("{ID}\n")), format!("namespace_id: {id} a line break at the end")),
        ("application_id", json!(format!("\"{ID}\"")), format!("application_id: {id} quotes around it")),
        (
            "application_id",
            json!(format!("fr-par/{ID}")),
            "application_id: expected the id alone, without a region such as `fr-par/` before it, found a `/`".into(),
        ),
        ("revoked_token_ids", json!(["j", format!("{ID}\n")]), format!("revoked_token_ids[1]: {jti} a line break at the end")),
        ("revoked_token_ids", json!([format!(" {ID}")]), format!("revoked_token_ids[0]: {jti} white space at the start")),
        (
            "revoked_token_ids",
            json!([format!("jti:{ID}")]),
            "revoked_token_ids[0]: expected the value of `jti` alone, without `jti` before it, found the claim's name before it".into(),
        ),
        (
            "revoked_token_ids",
            json!(["eyJh.eyJi.c2ln"]),
            "revoked_token_ids[0]: expected its `jti`, which `issuer inspect` shows, found a token".into(),
        ),
        ("issuer", json!("SCALEWAY\n"), format!("issuer: {text} white space around it")),
        ("issuer", json!("'SCALEWAY'"), format!("issuer: {text} quotes around it")),
        ("audience", json!("func\u{200b}tions"), format!("audience: {text} an invisible character in it")),
        ("audience", json!("$AUDIENCE"), format!("audience: {text} a variable that was not replaced by its value")),
        (
            "token_headers",
            json!(["x-auth-token:"]),
            "token_headers[0]: expected the header's name alone, without `:` after it, found \"x-auth-token:\"".into(),
        ),
        (
            "token_headers",
            json!(["x-auth-token", "Cookie"]),
            "token_headers[1]: expected the header of a token; for a cookie's name there is `token_cookies`, found \"Cookie\"".into(),
        ),
        ("token_headers", json!(["Host"]), format!("token_headers[0]: {header} \"Host\"")),
        ("token_headers", json!(["connection"]), format!("token_headers[0]: {header} \"connection\"")),
        (
            "max_lifetime_seconds",
            json!(0),
            "max_lifetime_seconds: expected a whole number of seconds, 1 or more: no token lives 0 seconds, found 0".into(),
        ),
    ] {
        assert_eq!(fault(json!({member: value})), expected);
        assert_ne!(fault(json!({member: value, "public": true})), "none", "public too");
    }
    for (variable, environment) in [
        (
            "SCW_NAMESPACE_ID",
            Environment { namespace_id: Some("n ".into()), ..Environment::default() },
        ),
        (
            "SCW_APPLICATION_ID",
            Environment { application_id: Some("fr-par/a".into()), ..Environment::default() },
        ),
    ] {
        assert_eq!(Config::from_json(b"", &environment).err().unwrap().member(), variable);
    }
    for good in ["an audience", "https://issuer.test/é", "a\"b"] {
        assert_eq!(fault(json!({"issuer": good, "audience": good})), "none");
    }
}

#[test]
fn a_configuration_is_one_object_with_each_member_once() {
    for (json, found) in [
        ("[]", "an array"),
        ("\"-----BEGIN PUBLIC KEY-----\"", "a string"),
        ("x", "text that is not JSON, at line 1, column 1"),
        ("{} {}", "text that is not JSON, at line 1, column 4"),
        ("{\n\"issuer\":\"\u{0}\"}", "text that is not JSON, at line 2, column 11"),
        ("{\"public\":true,\"public\":false}", "that `public` appears twice"),
        ("{\"public\":true,\"\\u0070ublic\":false}", "that `public` appears twice"),
        ("{\"jwks\":{\"keys\":[],\"keys\":[]}}", "that `jwks.keys` appears twice"),
        (
            "{\"jwks\":{\"keys\":[{},{\"kid\":\"a\",\"kid\":[{}]}]}}",
            "that `jwks.keys[1].kid` appears twice",
        ),
        ("{\"a\\u200b\":1,\"a\\u200b\":1}", "that `a\\u{200b}` appears twice"),
    ] {
        let error = Config::from_json(json.as_bytes(), &Environment::default()).err().unwrap();
        let expected = "a JSON object with distinct member names";
        assert_eq!(error, ConfigError::new("configuration", expected, found), "{json}");
    }
}

#[test]
fn bytes_that_are_no_text_are_said_to_be_so() {
    let error = Config::from_json(b"{\"issuer\":\"\xff\"}", &Environment::default());
    let expected = "configuration: expected a JSON object with distinct member names, \
                    found bytes that are not UTF-8";
    assert_eq!(error.err().unwrap().to_string(), expected);
}

#[test]
fn an_unknown_member_is_named_with_the_one_that_was_meant() {
    let meant = |name: &str| fault(json!({name: 1}));
    for (name, member) in [
        ("require_expiraton", "require_expiration"),
        ("requireExpiration", "require_expiration"),
        ("Namespace-ID", "namespace_id"),
        ("pubic", "public"),
        ("token_header", "token_headers"),
        ("revoked_tokens", "revoked_token_ids"),
    ] {
        let expected = format!("unknown member `{name}`; did you mean `{member}`?");
        assert_eq!(meant(name), expected);
    }
    assert_eq!(meant("rate_limit"), "unknown member `rate_limit`");
    assert_eq!(meant("a\nb"), "unknown member `a\\nb`");
    let long = "k".repeat(41);
    assert_eq!(meant(&long), format!("unknown member `{}…`", "k".repeat(40)));
}

#[test]
fn a_private_application_needs_a_namespace_and_a_key() {
    assert_eq!(parse(json!({"public_key": RSA})).err().unwrap().member(), "namespace_id");
    assert_eq!(parse(json!({"namespace_id": "n"})).err().unwrap().member(), "public_key");
    assert!(
        parse(json!({"public": true})).is_ok_and(|config| matches!(config.access, Access::Public))
    );
    // What is there is checked all the same.
    assert_eq!(
        parse(json!({"public": true, "public_key": "x"})).err().unwrap().member(),
        "public_key"
    );
}
