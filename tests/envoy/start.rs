//! What Envoy's log says of a configuration when the filter starts with it: why it is refused
//! and what to write, or what it comes to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::built::module;
use testkit::envoy::{Envoy, Filter, Outcome, Plan, wait_for};
use testkit::http::Request;
use testkit::mint::{Key, Kind, base64url};
use testkit::protected::*;
use testkit::upstream::Upstream;

fn with(changes: Value) -> Filter {
    Filter::new(&configuration_with(changes))
}

fn good_token() -> Request {
    Request::with_token(&namespace_key().token(&claims()))
}

/// An Envoy that takes its listener from a file, to try one configuration after another.
fn updatable(upstream: &Upstream) -> Envoy {
    Plan::new(upstream).listeners_from_file().listener("main", with(json!({}))).start()
}

/// Checks that an update is refused with these words.
#[track_caller]
fn expect_refusal(envoy: &Envoy, what: &str, filter: &Filter, words: &str) {
    let logged = envoy.log().len();
    envoy.update_listener("main", filter, Outcome::Rejected);
    let log = envoy.log()[logged..].to_owned();
    let line = log.lines().find_map(|it| it.split_once("namespace-jwt: configuration refused: "));
    let line = line.unwrap_or_else(|| panic!("{what}: no refusal in {log}")).1;
    assert!(line.contains(words), "{what}: expected {words:?}, found {line:?}");
}

#[test]
fn a_revoked_id_that_can_match_nothing_is_refused_with_what_to_write() {
    let upstream = Upstream::start();
    let envoy = updatable(&upstream);
    let token = namespace_key().token(&claims());
    let ascii = "revoked_token_ids[1]: expected the value of a token's `jti` alone, in visible \
                 ASCII, found";
    for (entry, words) in [
        (format!("{TOKEN_ID}\n"), format!("{ascii} a line break at the end")),
        (format!(" {TOKEN_ID}"), format!("{ascii} white space at the start")),
        (format!("{TOKEN_ID}\u{a0}"), format!("{ascii} white space at the end")),
        (
            format!("{TOKEN_ID}\u{200b}"),
            format!("{ascii} an invisible character (U+200B) at the end"),
        ),
        (format!("\"{TOKEN_ID}\""), format!("{ascii} quotes around it")),
        (format!("{TOKEN_ID},"), format!("{ascii} a `,` at the end")),
        (format!("jti:{TOKEN_ID}"), "without `jti` before it".to_owned()),
        (format!("jti={TOKEN_ID}"), "without `jti` before it".to_owned()),
        (format!("{TOKEN_ID};{TOKEN_ID}"), format!("{ascii} a `;` in it")),
        ("*".to_owned(), format!("{ascii} a `*` at the end")),
        ("eyJhbGciOiJSUzI1NiJ9.eyJ9".to_owned(), "found a token".to_owned()),
        (
            token.clone(),
            "expected its `jti`, which `issuer inspect` shows, found a token".to_owned(),
        ),
        (format!("{token}\n"), "found a token".to_owned()),
    ] {
        let filter = with(json!({"revoked_token_ids": ["other", entry]}));
        expect_refusal(&envoy, &entry, &filter, &words);
    }
    assert!(!envoy.log().contains(&token), "the log has the token");
    envoy.expect("main", "the last good configuration", good_token(), "allowed");
}

#[test]
fn a_revoked_uuid_is_the_same_in_each_of_its_forms() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .listener("small", with(json!({"revoked_token_ids": [TOKEN_ID, "Other"]})))
        .listener("capital", with(json!({"revoked_token_ids": [TOKEN_ID.to_uppercase()]})))
        .listener("bare", with(json!({"revoked_token_ids": [TOKEN_ID.replace('-', "")]})))
        .listener("urn", with(json!({"revoked_token_ids": [format!("urn:uuid:{TOKEN_ID}")]})))
        .start();
    let token =
        |jti: &str| Request::with_token(&namespace_key().token(&claims_with(json!({"jti": jti}))));
    for listener in ["small", "capital", "bare", "urn"] {
        // Twice, for the second time may come from the cache.
        for id in [TOKEN_ID.to_owned(), TOKEN_ID.to_uppercase(), TOKEN_ID.to_owned()] {
            envoy.expect(listener, &id, token(&id), "revoked");
        }
        envoy.expect(listener, "another", token(OTHER_APPLICATION), "allowed");
        envoy.expect(listener, "no UUID", token("other"), "allowed");
    }
    envoy.expect("small", "no UUID, as listed", token("Other"), "revoked");
}

#[test]
fn an_id_that_can_match_nothing_is_refused_in_the_configuration_and_in_the_environment() {
    let upstream = Upstream::start();
    let envoy = updatable(&upstream);
    let quoted = |id: &str| format!("'{id}'");
    for (what, id, words) in [
        ("a line break", format!("{NAMESPACE}\n"), "a line break at the end"),
        ("a space", format!(" {NAMESPACE}"), "white space at the start"),
        ("quotes", quoted(NAMESPACE), "quotes around it"),
        ("a region", format!("fr-par/{NAMESPACE}"), "without a region such as `fr-par/` before it"),
        ("a placeholder", "<namespace id>".to_owned(), "a `>` at the end"),
        ("a variable", "${SCW_NAMESPACE_ID}".to_owned(), "a variable that was not replaced"),
    ] {
        for member in ["namespace_id", "application_id"] {
            let filter = with(json!({member: id}));
            expect_refusal(&envoy, what, &filter, &format!("{member}: expected the id alone"));
            assert!(envoy.log().contains(words), "{what}");
        }
    }
    for (variable, id) in
        [("SCW_NAMESPACE_ID", format!("{NAMESPACE}\n")), ("SCW_APPLICATION_ID", "fr-par/x".into())]
    {
        let filter = Filter::new(&json!({"public_key": namespace_key().public_pem()}))
            .env("SCW_NAMESPACE_ID", NAMESPACE)
            .env(variable, &id);
        let log = Plan::new(&upstream).listener("main", filter).refuses();
        let words = format!("configuration refused: {variable}: expected the id alone");
        assert!(log.contains(&words), "{log}");
    }
}

#[test]
fn other_texts_that_can_match_nothing_or_everything_are_refused() {
    let upstream = Upstream::start();
    let envoy = updatable(&upstream);
    for (changes, words) in [
        (json!({"issuer": "SCALEWAY\n"}), "issuer: expected the text that a token has"),
        (json!({"audience": "\"functions\""}), "found quotes around it"),
        (json!({"token_headers": ["cookie"]}), "for a cookie's name there is `token_cookies`"),
        (json!({"token_headers": ["x-auth-token:"]}), "the header's name alone, without `:`"),
        (json!({"token_headers": ["host"]}), "a header that proxies pass on"),
        (json!({"max_lifetime_seconds": 0}), "no token lives 0 seconds"),
        (json!({"metrics_name": "A.b"}), "metrics_name: expected 1 to 64 of the characters"),
        (
            json!({"require_expiraton": true}),
            "unknown member `require_expiraton`; did you mean `require_expiration`?",
        ),
    ] {
        expect_refusal(&envoy, &changes.to_string(), &with(changes.clone()), words);
    }
    let twice = configuration().to_string().replacen(
        '{',
        r#"{"jwks":{"keys":[{"kid":"a","kid":"a"}]},"#,
        1,
    );
    let words = "found that `jwks.keys[0].kid` appears twice";
    expect_refusal(&envoy, "a member twice", &Filter::from_text(&twice), words);
}

/// Keys that a JWK Set may hold and that the filter has no use for, and what it says of them.
fn odd_keys() -> Vec<(Value, &'static str)> {
    let key = Key::named(Kind::P256, "namespace");
    let other = |members: Value| {
        let mut jwk = key.jwk();
        jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        jwk
    };
    let rsa = |alg: &str| {
        let mut jwk = namespace_key().jwk();
        jwk["alg"] = json!(alg);
        jwk
    };
    let long = base64url(&[1; 66]);
    vec![
        (other(json!({"use": "enc"})), "a key that is not for verifying signatures"),
        (other(json!({"key_ops": ["deriveKey"]})), "a key that is not for verifying signatures"),
        (json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": long}), r#"a key of type "AKP""#),
        (json!({"kty": "EC", "crv": "P-521", "x": long, "y": long}), r#"a key of type "EC P-521""#),
        (json!({"kty": "OKP", "crv": "Ed448", "x": long}), r#"a key of type "OKP Ed448""#),
        (json!({"kty": "OKP", "crv": "X25519", "x": long}), r#"a key of type "OKP X25519""#),
        (rsa("RS512"), r#"a key for "RS512""#),
        (rsa("PS256"), r#"a key for "PS256""#),
        (json!({"kty": "RSA", "x5c": ["MIIB"]}), "a certificate (`x5c`) alone"),
        (json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "an RSA key of 17 bits"),
        (other(json!({"y": 1})), "a `y` that is missing or malformed"),
        (json!("a key"), "something that is not an object"),
    ]
}

#[test]
fn a_jwk_set_with_keys_that_cannot_be_used_verifies_with_the_others() {
    let upstream = Upstream::start();
    let good = Key::named(Kind::Ed25519, "namespace");
    let set = |odd: &Value| json!({"public_key": null, "jwks": {"keys": [odd, good.jwk_with_kid("good")]}});
    let mut plan = Plan::new(&upstream).quiet();
    for (n, (odd, _)) in odd_keys().iter().enumerate() {
        plan = plan.listener(&n.to_string(), with(set(odd)));
    }
    let envoy = plan.start();
    for (n, (odd, why)) in odd_keys().iter().enumerate() {
        let what = odd.to_string();
        let request = Request::with_token(&good.token(&claims()));
        envoy.expect(&n.to_string(), &what, request, "allowed");
        let line = format!("namespace-jwt: jwks.keys[0] is skipped: {why}");
        assert!(envoy.log().contains(&line), "{what}: {}", envoy.log());
    }
    let updated = updatable(&upstream);
    for (odd, why) in odd_keys() {
        let filter = with(json!({"public_key": null, "jwks": {"keys": [odd]}}));
        let words = format!("found none; jwks.keys[0]: {why}");
        expect_refusal(&updated, "no usable key", &filter, &words);
    }
    for secret in [
        json!({"kty": "oct", "k": "c2VjcmV0", "use": 1}),
        json!({"kty": "EC", "d": "c2VjcmV0"}),
        json!({"kty": "AKP", "priv": "c2VjcmV0"}),
    ] {
        let words = "jwks.keys[0]: expected a JWK with a public key";
        expect_refusal(&updated, "a private key", &with(set(&secret)), words);
    }
}

#[test]
fn a_pem_key_is_taken_in_each_form_that_can_mean_one_key_only() {
    let upstream = Upstream::start();
    let pem = namespace_key().public_pem();
    let to = |line_break: &str| pem.replace('\n', line_break);
    let forms = [
        ("spaces", to(" ")),
        ("tabs", to("\t")),
        ("literal-n", to("\\n")),
        ("literal-rn", to("\\r\\n")),
        ("literal-r", to("\\r")),
        ("twice-escaped", to("\\\\n")),
        ("windows", to("\r\n")),
        ("indented", to("\n    ")),
        ("quoted", format!("\"{pem}\"")),
        ("quoted-one-line", format!("'{}'", to("\\n"))),
        ("byte-order-mark", format!("\u{feff}{pem}")),
        ("base64", STANDARD.encode(&pem)),
        ("base64-in-lines", STANDARD.encode(&pem).replace('T', "T\n")),
        ("a-mix", format!("\u{feff}  \"{}\"\n", STANDARD.encode(to("\\r\\n  ")))),
    ];
    let mut plan = Plan::new(&upstream);
    for (name, text) in &forms {
        plan = plan
            .listener(name, with(json!({"public_key": text})))
            .listener(&format!("{name}-variable"), variable(text));
    }
    let envoy = plan.start();
    for (name, _) in &forms {
        for listener in [(*name).to_owned(), format!("{name}-variable")] {
            envoy.expect(&listener, "good", good_token(), "allowed");
            let stranger = Request::with_token(&other_key().token(&claims()));
            envoy.expect(&listener, "a stranger's", stranger, "bad_signature");
        }
    }
}

/// The key in the VM's environment.
fn variable(pem: &str) -> Filter {
    Filter::new(&json!({"namespace_id": NAMESPACE})).env("SCW_PUBLIC_KEY", pem)
}

#[test]
fn a_pem_key_that_cannot_be_used_is_refused_by_its_cause() {
    let upstream = Upstream::start();
    let envoy = updatable(&upstream);
    let pem = namespace_key().public_pem();
    let (first, last) = (pem.lines().next().unwrap(), pem.lines().last().unwrap());
    let labelled = |label: &str| pem.replace("RSA PUBLIC KEY", label);
    let private = namespace_key().private_pem();
    let disclosed = "never configure it in the filter; use public.pem, and rotate this key";
    for (what, text, words) in [
        ("text after", format!("{pem}x"), "text after the END line"),
        ("two keys", format!("{pem}{pem}"), "give each key its place in `public_keys`"),
        ("a file", "/etc/keys/public.pem".into(), "the name of a file; write the file's content"),
        ("a lost character", pem.replacen("MII", "MI", 1), "lost or gained a character"),
        ("a lost line", pem.replacen(pem.lines().nth(3).unwrap(), "", 1), "lost or gained a part"),
        ("a foreign one", pem.replacen("MII", "M*I", 1), "not base64 (U+002A)"),
        ("OpenSSH", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB me".into(), "ssh-keygen -e -m pkcs8"),
        ("an ellipsis", format!("{first}\n…\n{last}"), "an example's `...` in place of a key"),
        ("three dots", "...".into(), "an example's `...` in place of a key"),
        ("a certificate", labelled("CERTIFICATE"), "openssl x509 -pubkey"),
        ("a private key", private.clone(), disclosed),
        ("one in base64", STANDARD.encode(&private), disclosed),
        ("one under another label", private.replace("PRIVATE", "PUBLIC"), disclosed),
        ("only BEGIN", first.into(), "without its END line"),
        ("only its content", pem.replace(first, "").replace(last, ""), "without its BEGIN line"),
        ("no PEM", "secret".into(), "text without `-----BEGIN`"),
    ] {
        let filter = with(json!({"public_key": text}));
        expect_refusal(&envoy, what, &filter, words);
    }
    for line in private.lines().skip(1).take(3) {
        let log = envoy.log();
        let ours = log.lines().filter(|it| it.contains("namespace-jwt:"));
        assert!(ours.into_iter().all(|it| !it.contains(line)), "the log has the private key");
    }
}

#[test]
fn a_configuration_in_another_message_type_is_refused_by_its_name() {
    let upstream = Upstream::start();
    let envoy = updatable(&upstream);
    let value = configuration();
    let typed = "found a TypedStruct; write google.protobuf.Struct, with the members under `value`";
    let type_url = "type.googleapis.com/namespace.Jwt";
    let google = |name: &str, value: Value| json!({"@type": format!("type.googleapis.com/google.protobuf.{name}"), "value": value});
    for (message, words) in [
        (
            json!({"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": type_url, "value": value}),
            typed,
        ),
        (google("Value", value.clone()), "found a google.protobuf.Value"),
        (
            // Envoy 1.36 refuses the same bytes again without asking the filter.
            json!({"@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": format!("{type_url}2"), "value": value}),
            typed,
        ),
        (google("ListValue", json!([value])), "found a google.protobuf.ListValue"),
        (
            google("Any", google("StringValue", json!(value.to_string()))),
            "write google.protobuf.Struct",
        ),
        (google("Int32Value", json!(5)), "write google.protobuf.Struct"),
    ] {
        let filter = Filter::from_message(message.clone());
        expect_refusal(&envoy, &message.to_string(), &filter, words);
    }
    // Bytes are text of another name.
    let bytes = google("BytesValue", json!(STANDARD.encode(value.to_string())));
    let plan = Plan::new(&upstream).listener("main", Filter::from_message(bytes));
    plan.start().expect("main", "bytes", good_token(), "allowed");
    let broken = google("BytesValue", json!(STANDARD.encode(b"{\"issuer\":\"\xff\"}")));
    let words = "found bytes that are not UTF-8";
    expect_refusal(&envoy, "not UTF-8", &Filter::from_message(broken), words);
}

/// The filter's own lines, without what comes before them.
fn own_lines(envoy: &Envoy, level: &str) -> Vec<String> {
    let log = envoy.log();
    let lines = log.lines().filter(|line| line.starts_with(&format!("[{level}]")));
    lines.filter_map(|line| Some(line.split_once("namespace-jwt: ")?.1.to_owned())).collect()
}

#[test]
fn a_good_configuration_is_said_once_whatever_the_number_of_workers() {
    let upstream = Upstream::start();
    let elliptic = Key::named(Kind::P256, "namespace").jwk_with_kid("a\"\n");
    let filter = with(
        json!({"application_id": APPLICATION, "jwks": {"keys": [elliptic]}, "metrics_name": "orders"}),
    );
    let mut envoy =
        Plan::new(&upstream).workers(4).listeners_from_file().listener("main", filter).start();
    let summary = format!(
        "configured: mode enforce, namespace {NAMESPACE}, application {APPLICATION}, keys: \
         RSA-2048 (no kid), EC P-256 (kid \"a\\\"\\n\"), signatures by the proxy, metrics name orders"
    );
    envoy.expect("main", "good", good_token(), "allowed");
    assert_eq!(own_lines(&envoy, "info"), std::slice::from_ref(&summary), "{}", envoy.log());
    // A line of its own for another configuration, though it reads alike.
    let guest = with(json!({"signature_verification": "guest"}));
    envoy.update_listener("main", &guest, Outcome::Accepted);
    envoy.read_listeners();
    let second = format!(
        "configured: mode enforce, namespace {NAMESPACE}, no application, keys: RSA-2048 (no kid), \
         signatures by the built-in verification"
    );
    let lines = wait_for("the second configuration's line", || {
        let lines = own_lines(&envoy, "info");
        (lines.len() > 1).then_some(lines)
    });
    assert_eq!(lines, [summary, second]);
}

#[test]
fn what_lets_everybody_in_is_a_warning_once() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .workers(3)
        .quiet()
        .listener("public", with(json!({"public": true})))
        .listener("report", with(json!({"mode": "report_only"})))
        .listener("variable", Filter::unconfigured().env("SCW_PUBLIC", "true"))
        .listener("capitals", with(json!({"namespace_id": NAMESPACE.to_uppercase()})))
        .listener("quiet", with(json!({})))
        .start();
    let mut lines = own_lines(&envoy, "warning");
    lines.sort();
    let public = "public: every request is let in, with or without a token";
    assert_eq!(
        lines,
        [
            "mode: report_only: no request is refused, whatever token it carries",
            "namespace_id: a UUID with capital letters; the platform writes small ones, and ids are \
             compared byte for byte",
            public,
            public,
        ],
        "{}",
        envoy.log()
    );
    assert_eq!(own_lines(&envoy, "info"), [""; 0]);
}

/// The filter as it is in a proxy without `verify_signature`: it asks for another function,
/// which Envoy doesn't have.
fn without_host_crypto(changes: Value) -> Filter {
    let (name, other) = (b"verify_signature", b"verify_signaturX");
    let mut code = std::fs::read(module()).unwrap();
    let places: Vec<_> = (0..code.len())
        .filter(|at| code.get(*at..).is_some_and(|it| it.starts_with(name)))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        code[at..at + other.len()].copy_from_slice(other);
    }
    let code = json!({"local": {"inline_bytes": STANDARD.encode(code)}});
    with(changes).plugin(json!({"vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": code}}))
}

#[test]
fn a_proxy_whose_crypto_is_unavailable_is_warned_of_once_and_tokens_are_verified_all_the_same() {
    let upstream = Upstream::start();
    let envoy =
        Plan::new(&upstream).workers(3).listener("main", without_host_crypto(json!({}))).start();
    let [warning] = &own_lines(&envoy, "warning")[..] else { panic!("{}", envoy.log()) };
    assert_eq!(
        warning,
        "the proxy's crypto is unavailable (its verify_signaturX fails for RS256: the proxy \
         returned status 1); falling back to the slower built-in verification"
    );
    let [summary] = &own_lines(&envoy, "info")[..] else { panic!("{}", envoy.log()) };
    assert!(summary.ends_with(", signatures by the built-in verification"), "{summary}");
    envoy.expect("main", "good", good_token(), "allowed");
    let stranger = Request::with_token(&other_key().token(&claims()));
    envoy.expect("main", "a stranger's", stranger, "bad_signature");
    let host = without_host_crypto(json!({"signature_verification": "host"}));
    let log = Plan::new(&upstream).listener("main", host).refuses();
    assert!(log.contains("found that its verify_signaturX fails for RS256"), "{log}");
}
