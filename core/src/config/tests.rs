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

fn private(config: Config) -> (KeySet, Policy) {
    match config.access {
        Access::Private { keys, policy } => (keys, policy),
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
    let (keys, policy) = private(config);
    assert_eq!(keys.keys().len(), 1);
    assert_eq!(keys.keys()[0].algorithms(), [Algorithm::Rs256]);
    assert_eq!(policy.protected, Protected { namespace_id: "n".into(), application_id: None });
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
    let (keys, policy) = private(config);
    assert_eq!(keys.keys()[0].algorithms(), [Algorithm::Rs256, Algorithm::Ps512]);
    assert_eq!(policy.protected.application_id.as_deref(), Some("a"));
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
fn what_is_probably_not_meant_is_noted() {
    const ID: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
    let notices = |members: Value| {
        let line = |notice: Notice| format!("{:?} {}", notice.level, notice.text);
        with(members).ok().unwrap().notices.into_iter().map(line).collect::<Vec<_>>()
    };
    for quiet in [
        json!({}),
        json!({
            "namespace_id": ID, "application_id": "a", "issuer": "SCALEWAY", "audience": "functions",
            "max_lifetime_seconds": 31_536_000, "expiration_leeway_seconds": 86_400,
            "not_before_leeway_seconds": 86_400, "revoked_token_ids": [ID.to_uppercase()],
            "algorithms": ["RS256"], "token_headers": ["authorization", "x-token"],
        }),
    ] {
        assert_eq!(notices(quiet), [""; 0]);
    }
    let capitals = "a UUID with capital letters; the platform writes small ones, and ids are compared byte for byte";
    for (members, expected) in [
        (json!({"public": true}), "Warning public: every request is let in, with or without a token".to_owned()),
        (
            json!({"mode": "report_only"}),
            "Warning mode: report_only: no request is refused, whatever token it carries".into(),
        ),
        (json!({"namespace_id": ID.to_uppercase()}), format!("Warning namespace_id: {capitals}")),
        (json!({"application_id": ID.to_uppercase()}), format!("Warning application_id: {capitals}")),
        (
            json!({"application_id": ID.trim_start_matches('3')}),
            "Warning application_id: it looks like a UUID, but has 35 characters in place of 36, or its hyphens elsewhere".into(),
        ),
        (
            json!({"namespace_id": ID.replace('-', "")}),
            "Warning namespace_id: it looks like a UUID, but has 32 characters in place of 36, or its hyphens elsewhere".into(),
        ),
        (json!({"application_id": "n"}), "Warning application_id: it is the same as namespace_id".into()),
        (
            json!({"expiration_leeway_seconds": 864_000}),
            "Warning expiration_leeway_seconds: tokens are let in for 10 days after they expire".into(),
        ),
        (
            json!({"not_before_leeway_seconds": 864_000}),
            "Warning not_before_leeway_seconds: tokens are let in 10 days before they become valid".into(),
        ),
        (
            json!({"max_lifetime_seconds": 3_600_000_000_u64}),
            "Warning max_lifetime_seconds: more than a hundred years; is it in seconds?".into(),
        ),
        (
            json!({"issuer": "Scaleway"}),
            "Warning issuer: the platform writes \"SCALEWAY\", and the case of letters counts".into(),
        ),
        (
            json!({"audience": "a,b"}),
            "Warning audience: it is one value, not a list: a token has to have this text as a whole".into(),
        ),
        (
            json!({"revoked_token_ids": [ID.trim_end_matches('5')]}),
            "Warning revoked_token_ids[0]: it looks like a UUID that lost or gained characters".into(),
        ),
        (
            json!({"revoked_token_ids": ["n"]}),
            "Warning revoked_token_ids[0]: it is the id of what is protected, not a token's".into(),
        ),
        (
            json!({"token_headers": ["x-auth-token", "User-Agent"]}),
            "Warning token_headers[1]: user-agent: clients and proxies send this header with other values, which count as tokens here".into(),
        ),
        (json!({"algorithms": ["RS256", "ES256", "ES256"]}), "Info algorithms: no key is used with ES256".into()),
    ] {
        assert_eq!(notices(members.clone()), [expected], "{members}");
    }
    // Only so many entries of one list are named.
    let many = notices(json!({"revoked_token_ids": vec![ID.trim_end_matches('5'); 1000]}));
    assert_eq!(many.len(), 17);
    assert_eq!(many[16], "Warning revoked_token_ids: 984 more entries like these");
}

#[test]
fn the_summary_is_one_line_that_names_what_is_protected_and_by_which_keys() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k\n\u{202e}",
                     "x": "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8"});
    let both = json!({"application_id": "a".repeat(50), "jwks": {"keys": [jwk]}});
    let keys = "keys: RSA-2048 (no kid)";
    for (members, by_guest, expected) in [
        (
            json!({}),
            &[][..],
            format!("mode enforce, namespace n, no application, {keys}, signatures by the proxy"),
        ),
        (
            json!({"metrics_name": "m", "mode": "report_only"}),
            &[Algorithm::Rs256],
            format!(
                "mode report_only, namespace n, no application, {keys}, signatures by the built-in verification, metrics name m"
            ),
        ),
        (
            both,
            &[Algorithm::EdDsa],
            format!(
                "mode enforce, namespace n, application {}…, {keys}, Ed25519 (kid \"k\\n\\u{{202e}}\"), \
                 signatures by the proxy, but EdDSA by the built-in verification",
                "a".repeat(40)
            ),
        ),
        (json!({"public": true}), &[], "public, mode enforce".into()),
    ] {
        let config = with(members).ok().unwrap();
        assert_eq!(config.summary(by_guest), format!("configured: {expected}"));
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
fn the_list_of_members_holds_each_one_that_is_read() {
    for member in MEMBERS {
        // What no member takes: the fault is the value's, not the name's.
        let error = with(json!({member: {"": null}})).err().unwrap();
        assert!(matches!(error, ConfigError::Unusable { .. }), "{error}");
        assert_eq!(error.member(), member);
        // What fuzzes the configuration has a list of its own.
        let quoted = format!("\"{member}\"");
        assert!(include_str!("../../../fuzz/targets/config.rs").contains(&quoted), "{member}");
        assert!(include_str!("../../../fuzz/seeds/config/full").contains(&quoted), "{member}");
    }
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

#[test]
fn the_environment_stands_in_member_by_member() {
    let environment = |public: Option<&str>| Environment {
        public: public.map(str::to_owned),
        public_key: Some(RSA.replace('\n', "\\n")),
        namespace_id: Some("n".into()),
        application_id: Some("a".into()),
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
            Access::Private { policy, .. } => Some(&policy.protected),
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
    let (_, policy) = private(Config::from_json(b"", &empty).ok().unwrap());
    assert_eq!(policy.protected.application_id, None);
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
}

#[test]
fn keys_come_from_every_member_and_are_at_most_16() {
    let ec = include_str!("../../tests/keys/ec-p256.pem");
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k",
                     "x": "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8"});
    let config =
        with(json!({"public_keys": [ec], "jwks": {"keys": [&jwk], "other": 1}})).ok().unwrap();
    let (keys, _) = private(config);
    let described: Vec<_> =
        keys.keys().iter().map(|key| (key.material().describe(), key.id())).collect();
    let expected = [("RSA-2048", None), ("EC P-256", None), ("Ed25519", Some("k"))];
    assert_eq!(described, expected.map(|(name, id)| (name.to_owned(), id)));
    assert!(with(json!({"public_keys": vec![ec; 15]})).is_ok());
    let expected = "public_keys: expected at most 16 keys in all, found 17 of them";
    assert_eq!(fault(json!({"public_keys": vec![ec; 16]})), expected);
    let expected = "jwks: expected at most 16 keys in all, found 17 of them";
    assert_eq!(fault(json!({"jwks": {"keys": vec![jwk; 16]}})), expected);
    // The environment's key is replaced by `public_key`, not by the others.
    let environment = Environment { public_key: Some(RSA.into()), ..Environment::default() };
    let json = json!({"namespace_id": "n", "public_keys": [ec]}).to_string();
    let (keys, _) = private(Config::from_json(json.as_bytes(), &environment).ok().unwrap());
    assert_eq!(keys.keys().len(), 2);
}

#[test]
fn keys_of_a_jwk_set_that_cannot_be_used_are_skipped_and_named() {
    let ed25519 = "47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8";
    let good = json!({"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": ed25519});
    let odd = |members: Value| {
        let mut jwk = good.clone();
        jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        jwk
    };
    let cases = [
        (odd(json!({"use": "enc"})), "a key that is not for verifying signatures"),
        (odd(json!({"key_ops": ["sign"]})), "a key that is not for verifying signatures"),
        (json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": "AA"}), "a key of type \"AKP\""),
        (odd(json!({"crv": "Ed448"})), "a key of type \"OKP Ed448\""),
        (odd(json!({"crv": "X25519"})), "a key of type \"OKP X25519\""),
        (odd(json!({"kty": "EC", "crv": "P-521"})), "a key of type \"EC P-521\""),
        (
            odd(json!({"alg": "ES512"})),
            "a key for \"ES512\", where its type allows EdDSA and `algorithms` lists others",
        ),
        (
            json!({"kty": "RSA", "x5c": ["MIIB"]}),
            "a certificate (`x5c`) alone, without the members of its key",
        ),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "an RSA key of 17 bits"),
        (odd(json!({"x": 1})), "a `x` that is missing or malformed"),
        (json!("k"), "something that is not an object"),
    ];
    for (jwk, why) in &cases {
        let config = with(json!({"public_key": RSA, "jwks": {"keys": [jwk, good]}})).ok().unwrap();
        let text = format!("jwks.keys[0] is skipped: {why}");
        assert_eq!(config.notices, [Notice::warning(text)], "{jwk}");
        let (keys, _) = private(config);
        assert_eq!(keys.keys().len(), 2, "{jwk}");
        let alone = fault(json!({"jwks": {"keys": [jwk]}}));
        assert!(
            alone.starts_with("jwks: expected at least one JWK with a public key: RSA"),
            "{alone}"
        );
        assert!(alone.ends_with(&format!("found none; jwks.keys[0]: {why}")), "{alone}");
    }
    assert!(fault(json!({"jwks": {"keys": []}})).ends_with("found none"));
    assert!(fault(json!({"jwks": {"keys": vec!["k"; 9]}})).ends_with("; and 5 more"));
    for secret in [
        odd(json!({"d": 1, "kty": null, "use": 1})),
        json!({"kty": "oct", "k": "AA"}),
        json!("-----BEGIN PRIVATE KEY-----"),
    ] {
        let found = fault(json!({"jwks": {"keys": [good, secret]}}));
        assert!(
            found.starts_with("jwks.keys[1]: ") && found.contains("found a private"),
            "{found}"
        );
    }
    assert!(fault(json!({"jwks": {"keys": [good], "d": "AA"}})).contains("found a private"));
    // Only keys that can be used count as keys, and only so many are named.
    let many: Vec<_> = std::iter::repeat_n(json!("k"), 20).chain(vec![good.clone(); 15]).collect();
    let config = with(json!({"jwks": {"keys": many}})).ok().unwrap();
    assert_eq!(config.notices.len(), 17);
    assert_eq!(config.notices[16].text, "jwks: 4 more keys are skipped");
}

#[test]
fn an_unusable_key_is_refused_by_place_and_never_quoted() {
    let pem = |found: &str| {
        format!(
            "expected a PEM public key: RSA (2048 to 8192 bits), EC P-256, EC P-384 or Ed25519, found {found}"
        )
    };
    let bad_der = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZI\n-----END PUBLIC KEY-----";
    let private = "-----BEGIN PRIVATE KEY-----\nMFkwEwYHKoZI\n-----END PRIVATE KEY-----";
    for (key, found) in [
        ("secret", "text without `-----BEGIN`"),
        (&format!("{RSA}{RSA}"), "several PEM blocks; give each key its place in `public_keys`"),
        (
            private,
            "a private or secret key; never configure it in the filter; use public.pem, and rotate this key: it counts as disclosed",
        ),
        (bad_der, "a PEM block that lost or gained a part"),
        (include_str!("../../tests/keys/rsa-1024.pem"), "an RSA key of 1024 bits"),
        (include_str!("../../tests/keys/ec-p521.pem"), "a key of type \"EC 1.3.132.0.35\""),
    ] {
        assert_eq!(fault(json!({"public_key": key})), format!("public_key: {}", pem(found)));
        assert_eq!(
            fault(json!({"public_keys": [RSA, key]})),
            format!("public_keys[1]: {}", pem(found))
        );
    }
    assert_eq!(
        fault(json!({"algorithms": ["ES256"]})),
        format!(
            "public_key: {}",
            pem(
                "a key for RS256, RS384, RS512, PS256, PS384, PS512, none of which `algorithms` lists"
            )
        ),
    );
}
