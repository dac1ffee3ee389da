//! Each member of the plugin configuration does what the contract says, and one
//! that can't be used keeps Envoy from starting.

use std::collections::BTreeSet;
use std::sync::Mutex;

use namespace_jwt_core::config::MEMBERS;
use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Outcome, Plan};
use testkit::http::Request;
use testkit::mint::{Key, Kind};
use testkit::protected::*;
use testkit::upstream::Upstream;

const SHORTER: u64 = 1000;

fn with(changes: Value) -> Request {
    Request::with_token(&namespace_key().token(&claims_with(changes)))
}

fn grants(grants: Value) -> Request {
    with(json!({"application_claim": grants}))
}

fn preflight() -> Request {
    let asked = Request::get().method("OPTIONS").header("access-control-request-method", "PUT");
    asked.header("origin", "https://page.test")
}

/// One listener for each changed configuration, and what it decides.
type Good = (&'static str, Value, Vec<(&'static str, Request, &'static str)>);

fn good() -> Vec<Good> {
    // Tokens are minted before Envoy starts: what is good stays so, and what isn't yet
    // doesn't become so while a busy machine gets there.
    let issued = now() - 100;
    let token = namespace_key().token(&claims());
    let bearer = format!("Bearer {token}");
    #[rustfmt::skip]
    let members = vec![
        ("namespace_id", json!({"namespace_id": OTHER_NAMESPACE}), vec![
            ("its token", grants(json!([grant(OTHER_NAMESPACE, "")])), "allowed"),
            ("another's", with(json!({})), "not_granted"),
            ("one of several", grants(json!([grant(NAMESPACE, ""), grant(OTHER_NAMESPACE, "")])), "allowed"),
            ("an application's", grants(json!([grant(OTHER_NAMESPACE, APPLICATION)])), "not_granted"),
            ("in upper case", grants(json!([grant(&OTHER_NAMESPACE.to_uppercase(), "")])), "not_granted"),
            ("no grant", grants(json!([])), "not_granted"),
            ("a grant of nothing", grants(json!([grant("", "")])), "not_granted"),
        ]),
        ("application_id", json!({"application_id": APPLICATION}), vec![
            ("the namespace's", with(json!({})), "allowed"),
            ("the application's", grants(json!([grant("", APPLICATION)])), "allowed"),
            ("both", grants(json!([grant(NAMESPACE, APPLICATION)])), "allowed"),
            ("null for empty", grants(json!([{"namespace_id": null, "application_id": APPLICATION}])), "allowed"),
            ("absent for empty", grants(json!([{"application_id": APPLICATION}])), "allowed"),
            ("function_id", grants(json!([{"namespace_id": "", "function_id": APPLICATION}])), "allowed"),
            ("container_id", grants(json!([{"container_id": APPLICATION}])), "allowed"),
            ("two names, one value", grants(json!([{"container_id": APPLICATION, "function_id": APPLICATION}])), "allowed"),
            ("two names, two values", grants(json!([{"application_id": APPLICATION, "function_id": OTHER_APPLICATION}])), "not_granted"),
            // The platform's first runtime let these two in.
            ("this namespace, another application", grants(json!([grant(NAMESPACE, OTHER_APPLICATION)])), "not_granted"),
            ("another namespace, this application", grants(json!([grant(OTHER_NAMESPACE, APPLICATION)])), "not_granted"),
        ]),
        ("public", json!({"public": true, "namespace_id": null, "public_key": null}), vec![
            ("nothing", Request::get(), "public"),
            ("junk", Request::with_token("junk"), "public"),
        ]),
        ("not-public", json!({"public": false}), vec![("nothing", Request::get(), "missing_token")]),
        ("token_headers", json!({"token_headers": ["authorization"]}), vec![
            ("listed", Request::get().header("authorization", bearer), "allowed"),
            ("not listed", with(json!({})), "missing_token"),
        ]),
        ("token_cookies", json!({"token_cookies": ["session"]}), vec![
            ("listed", Request::get().header("cookie", format!("a=b; session={token}")), "allowed"),
            ("not listed", Request::get().header("cookie", format!("other={token}")), "missing_token"),
            ("in a header", with(json!({})), "allowed"),
        ]),
        ("allow_cors_preflight", json!({"allow_cors_preflight": true}), vec![
            ("a preflight", preflight(), "preflight"),
            ("any other OPTIONS", Request::get().method("OPTIONS"), "missing_token"),
        ]),
        ("no-preflight", json!({"allow_cors_preflight": false}), vec![("a preflight", preflight(), "missing_token")]),
        ("issuer", json!({"issuer": "https://issuer.test"}), vec![
            ("equal", with(json!({"iss": "https://issuer.test"})), "allowed"),
            ("longer", with(json!({"iss": "https://issuer.test/"})), "wrong_issuer"),
            ("absent", with(json!({"iss": null})), "wrong_issuer"),
        ]),
        ("audience", json!({"audience": "here"}), vec![
            ("a string", with(json!({"aud": "here"})), "allowed"),
            ("an array", with(json!({"aud": ["there", "here"]})), "allowed"),
            ("another", with(json!({"aud": "there"})), "wrong_audience"),
            ("others", with(json!({"aud": ["there", "nowhere"]})), "wrong_audience"),
            ("none in the array", with(json!({"aud": []})), "wrong_audience"),
            ("absent", with(json!({"aud": null})), "wrong_audience"),
        ]),
        ("neither-checked", json!({}), vec![
            ("any issuer", with(json!({"iss": "any"})), "allowed"),
            ("no audience", with(json!({"aud": null})), "allowed"),
            ("no expiration", with(json!({"exp": null})), "allowed"),
            ("a hundred years", with(json!({"exp": now() + 3_155_760_000_u64})), "allowed"),
            ("expires now", with(json!({"exp": now()})), "expired"),
            ("expired in 1970", with(json!({"exp": 0})), "expired"),
            ("expires in a fraction", with(json!({"exp": now() as f64 + 600.5})), "allowed"),
            ("30 s ahead", with(json!({"nbf": now() + 30, "iat": now() + 30})), "allowed"),
            ("nbf 10 min ahead", with(json!({"nbf": now() + 600})), "not_yet_valid"),
            ("iat 10 min ahead", with(json!({"iat": now() + 600})), "not_yet_valid"),
            ("exp as text", with(json!({"exp": (now() + 60).to_string()})), "malformed_claims"),
            ("exp below zero", with(json!({"exp": -1})), "malformed_claims"),
            ("nbf as text", with(json!({"nbf": "0"})), "malformed_claims"),
            ("iat as a list", with(json!({"iat": [0]})), "malformed_claims"),
        ]),
        ("require_expiration", json!({"require_expiration": true}), vec![
            ("with", with(json!({})), "allowed"),
            ("without", with(json!({"exp": null})), "missing_expiration"),
        ]),
        ("max_lifetime_seconds", json!({"max_lifetime_seconds": SHORTER}), vec![
            ("as long", with(json!({"iat": issued, "exp": issued + SHORTER})), "allowed"),
            ("a second longer", with(json!({"iat": issued, "exp": issued + SHORTER + 1})), "lifetime_too_long"),
            ("without exp", with(json!({"exp": null})), "missing_expiration"),
            ("without iat", with(json!({"iat": null, "exp": now() + SHORTER - 100})), "allowed"),
            ("without iat, too long", with(json!({"iat": null, "exp": now() + SHORTER + 900})), "lifetime_too_long"),
        ]),
        ("expiration_leeway_seconds", json!({"expiration_leeway_seconds": 300}), vec![
            ("within", with(json!({"exp": now() - 60})), "allowed"),
            ("at the end", with(json!({"exp": now() - 300})), "expired"),
        ]),
        ("not_before_leeway_seconds", json!({"not_before_leeway_seconds": 300}), vec![
            ("within", with(json!({"nbf": now() + 200, "iat": now() + 200})), "allowed"),
            ("nbf beyond", with(json!({"nbf": now() + 900})), "not_yet_valid"),
            ("iat beyond", with(json!({"iat": now() + 900})), "not_yet_valid"),
        ]),
        ("no-leeway", json!({"not_before_leeway_seconds": 0}), vec![
            ("55 s ahead", with(json!({"nbf": now() + 55})), "not_yet_valid"),
        ]),
        ("revoked_token_ids", json!({"revoked_token_ids": ["one", TOKEN_ID]}), vec![
            ("revoked", with(json!({})), "revoked"),
            ("another", with(json!({"jti": "two"})), "allowed"),
            ("without", with(json!({"jti": null})), "allowed"),
        ]),
        ("mode", json!({"mode": "enforce"}), vec![
            ("good", with(json!({})), "allowed"),
            ("junk", Request::with_token("junk"), "malformed_token"),
        ]),
        ("signature_verification-guest", json!({"signature_verification": "guest"}), vec![
            ("good", with(json!({})), "allowed"),
            ("bad", Request::with_token(&other_key().token(&claims())), "bad_signature"),
        ]),
        ("signature_verification-auto", json!({"signature_verification": "auto"}), vec![
            ("good", with(json!({})), "allowed"),
            ("bad", Request::with_token(&other_key().token(&claims())), "bad_signature"),
        ]),
        ("token_cache_size", json!({"token_cache_size": 1}), twice_each()),
        ("no-token-cache", json!({"token_cache_size": 0}), twice_each()),
    ];
    members
}

/// Tokens that push each other out of a small cache and come back.
fn twice_each() -> Vec<(&'static str, Request, &'static str)> {
    let one = || with(json!({"sub": "one"}));
    let two = || with(json!({"sub": "two"}));
    let stranger = || Request::with_token(&other_key().token(&claims()));
    vec![
        ("one", one(), "allowed"),
        ("one again", one(), "allowed"),
        ("two", two(), "allowed"),
        ("a bad one", stranger(), "bad_signature"),
        ("a bad one again", stranger(), "bad_signature"),
        ("one after two", one(), "allowed"),
    ]
}

#[test]
fn each_member_does_what_the_contract_says() {
    let upstream = Upstream::start();
    let cases = good();
    let plan = Plan::new(&upstream);
    let plan = cases.iter().fold(plan, |plan, (name, changes, _)| {
        plan.listener(name, Filter::new(&configuration_with(changes.clone())))
    });
    let envoy = plan.start();
    for (listener, _, requests) in cases {
        for (what, request, code) in requests {
            envoy.expect(listener, what, request, code);
        }
    }
}

#[test]
fn a_struct_configures_as_json_text_does() {
    // In a Struct every number is a double.
    let configuration = configuration_with(json!({
        "application_id": APPLICATION,
        "missing_token_status": 404,
        "max_lifetime_seconds": 7200,
        "token_cache_size": 10_000,
        "revoked_token_ids": ["one"],
        "jwks": {"keys": [Key::named(Kind::P256, "namespace").jwk_with_kid("first")]},
        "forward_token": false,
    }));
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener("main", Filter::from_struct(&configuration)).start();
    let answer = envoy.expect("main", "nothing", Request::get(), "missing_token");
    assert_eq!(answer.status, 404);
    envoy.expect("main", "good", with(json!({})), "allowed");
    envoy.expect("main", "revoked", with(json!({"jti": "one"})), "revoked");
    envoy.expect("main", "too long", with(json!({"exp": now() + 8000})), "lifetime_too_long");
}

/// The member that must be named, and the changes that make it unusable. A null
/// takes the member away: it is missing.
fn bad() -> Vec<(&'static str, Value)> {
    let private_key = namespace_key().private_pem();
    let short = Key::named(Kind::Rsa(1024), "short").public_pem();
    let seventeen: Vec<_> = (0..17)
        .map(|n| Key::named(Kind::Ed25519, &format!("of-sixteen-{n}")).public_pem())
        .collect();
    let mut short_jwk = namespace_key().jwk();
    short_jwk["n"] = json!("AQAB");
    let trust_key = Key::named(Kind::Ed25519, "trust").public_pem();
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43)});
    vec![
        ("namespace", json!({"namespace": "misspelt"})),
        ("namespace_id", json!({"namespace_id": 5})),
        ("namespace_id", json!({"namespace_id": null})),
        ("namespace_id", json!({"namespace_id": ""})),
        ("application_id", json!({"application_id": 5})),
        ("public", json!({"public": "true"})),
        ("public", json!({"public": 1})),
        ("public_key", json!({"public_key": null})),
        ("public_key", json!({"public_key": ""})),
        ("public_key", json!({"public_key": 5})),
        ("public_key", json!({"public_key": "junk"})),
        ("public_key", json!({"public_key": short})),
        ("public_key", json!({"public_key": private_key})),
        ("public_key", json!({"public_key": namespace_key().public_pem().replace("MII", "MIJ")})),
        ("public_keys", json!({"public_keys": "junk"})),
        ("public_keys", json!({"public_keys": ["junk"]})),
        ("public_keys", json!({"public_keys": seventeen, "public_key": null})),
        ("jwks", json!({"jwks": []})),
        ("jwks", json!({"jwks": {}})),
        ("jwks", json!({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}})),
        ("jwks", json!({"jwks": {"keys": [{"kty": "EC", "crv": "P-256"}]}})),
        ("jwks", json!({"jwks": {"keys": [off_curve]}})),
        ("jwks", json!({"jwks": {"keys": [short_jwk]}})),
        ("algorithms", json!({"algorithms": "RS256"})),
        ("algorithms", json!({"algorithms": ["HS256"]})),
        ("algorithms", json!({"algorithms": ["none"]})),
        ("algorithms", json!({"algorithms": []})),
        ("token_headers", json!({"token_headers": "x-auth-token"})),
        ("token_headers", json!({"token_headers": []})),
        ("token_headers", json!({"token_headers": ["x auth token"]})),
        ("token_headers", json!({"token_headers": [""]})),
        ("token_headers", json!({"token_headers": ["cookie"]})),
        ("token_cookies", json!({"token_cookies": "session"})),
        ("token_cookies", json!({"token_cookies": ["a b"]})),
        ("token_cookies", json!({"token_cookies": [""]})),
        ("allow_cors_preflight", json!({"allow_cors_preflight": "yes"})),
        ("forward_token", json!({"forward_token": "yes"})),
        ("missing_token_status", json!({"missing_token_status": 200})),
        ("missing_token_status", json!({"missing_token_status": "403"})),
        ("invalid_token_status", json!({"invalid_token_status": 500})),
        ("issuer", json!({"issuer": 5})),
        ("audience", json!({"audience": ["functions"]})),
        ("require_expiration", json!({"require_expiration": "yes"})),
        ("max_lifetime_seconds", json!({"max_lifetime_seconds": -1})),
        ("max_lifetime_seconds", json!({"max_lifetime_seconds": "1h"})),
        ("expiration_leeway_seconds", json!({"expiration_leeway_seconds": -1})),
        ("not_before_leeway_seconds", json!({"not_before_leeway_seconds": "60"})),
        ("revoked_token_ids", json!({"revoked_token_ids": TOKEN_ID})),
        ("revoked_token_ids", json!({"revoked_token_ids": [5]})),
        ("metrics_name", json!({"metrics_name": "Orders"})),
        ("protect", json!({"protect": "routes"})),
        ("application_id", json!({"protect": "route", "application_id": APPLICATION})),
        ("credentials", json!({"credentials": ["jwt", "api_key"]})),
        ("trust", json!({"trust": "issuer"})),
        ("trust.cluster", json!({"trust": {"public_keys": [trust_key]}})),
        ("trust.public_keys", json!({"trust": {"cluster": "issuer"}})),
        (
            "trust.wait_seconds",
            json!({"trust": {"cluster": "issuer", "public_keys": [trust_key], "wait_seconds": -1}}),
        ),
        ("mode", json!({"mode": "report"})),
        ("signature_verification", json!({"signature_verification": "proxy"})),
        ("token_cache_size", json!({"token_cache_size": -1})),
        ("token_cache_size", json!({"token_cache_size": "many"})),
    ]
}

#[track_caller]
fn check_refusal(what: &str, member: &str, log: &str) {
    let start = "namespace-jwt: configuration refused: ";
    let line = log
        .lines()
        .find_map(|line| line.split_once(start))
        .unwrap_or_else(|| panic!("{what}: no refusal in {log}"))
        .1;
    assert!(line.contains(member), "{what}: {line}");
    if line == format!("unknown member `{member}`; did you mean `namespace_id`?") {
        return;
    }
    let expected = line.find("expected ");
    let found = line.find(", found ");
    assert!(
        expected.is_some() && expected < found,
        "{what}: expected a line that says what was expected and found, found {line:?}"
    );
}

#[test]
fn each_member_has_a_bad_value() {
    let tried: BTreeSet<_> = bad().into_iter().map(|it| it.0).collect();
    for member in MEMBERS {
        assert!(tried.contains(member), "{member}");
    }
}

/// The first bad value of each member, for starting an Envoy takes a second.
#[test]
fn envoy_does_not_start_with_an_unusable_member_and_the_log_names_it() {
    let upstream = Upstream::start();
    let mut members = BTreeSet::new();
    let mut cases = bad();
    cases.retain(|(member, _)| members.insert(*member));
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().unwrap().next();
    let check = || {
        while let Some((member, changes)) = next() {
            let what = format!("{:.80}", changes.to_string());
            let filter = Filter::new(&configuration_with(changes));
            let log = Plan::new(&upstream).listener("main", filter).refuses();
            check_refusal(&what, member, &log);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(check);
        scope.spawn(check);
    });
}

fn updatable(upstream: &Upstream) -> Envoy {
    let filter = Filter::new(&configuration());
    Plan::new(upstream).listeners_from_file().listener("main", filter).start()
}

/// What Envoy logs of an update that it must reject.
fn rejected(envoy: &Envoy, filter: Filter) -> String {
    let logged = envoy.log().len();
    envoy.update_listener("main", &filter, Outcome::Rejected);
    envoy.log()[logged..].to_owned()
}

#[test]
fn an_update_with_an_unusable_member_is_refused_and_the_log_names_it() {
    let upstream = Upstream::start();
    let secret = namespace_key().private_pem();
    let secret = secret.lines().nth(2).unwrap();
    let envoy = updatable(&upstream);
    for (member, changes) in bad() {
        let what = format!("{:.80}", changes.to_string());
        let log = rejected(&envoy, Filter::new(&configuration_with(changes)));
        check_refusal(&what, member, &log);
        assert!(!log.contains(secret), "{what}: the log shows the private key");
    }
    envoy.expect("main", "the last good configuration", with(json!({})), "allowed");
}

#[test]
fn a_configuration_that_is_no_json_object_is_refused() {
    let upstream = Upstream::start();
    let whole = configuration().to_string();
    let duplicate = whole.replacen('{', r#"{"public":true,"public":false,"#, 1);
    let log = Plan::new(&upstream).listener("main", Filter::from_text("junk")).refuses();
    check_refusal("no JSON", "", &log);
    let envoy = updatable(&upstream);
    let cases = [
        ("no JSON", "namespace_id: x".to_owned()),
        ("cut short", whole[..whole.len() - 1].to_owned()),
        ("an array", format!("[{whole}]")),
        ("two objects", format!("{whole}{whole}")),
        ("null", "null".to_owned()),
        ("that `public` appears twice", duplicate),
    ];
    for (what, configuration) in cases {
        let log = rejected(&envoy, Filter::from_text(&configuration));
        check_refusal(what, if what.starts_with("that ") { what } else { "" }, &log);
    }
}
