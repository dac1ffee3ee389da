//! The JOSE header: algorithms, key ids, keys that the token brings along, extensions.

use serde_json::json;

use super::{Bench, Case, FIRST, HEADER, SECOND, with_member};
use crate::mint::{Key, base64url, from_base64url, hs256};

pub fn cases(bench: &Bench) -> Vec<Case> {
    [
        no_algorithm(bench),
        symmetric(bench),
        other_algorithm(bench),
        spelling(bench),
        key_id(bench),
        keys_in_the_header(bench),
        extensions(bench),
        form(bench),
        other_serializations(bench),
    ]
    .concat()
}

/// A header that names an algorithm, on a token that the namespace's key signed as RS256.
fn naming(bench: &Bench, algorithm: &str) -> String {
    bench.with_header(json!({"alg": algorithm, "typ": "JWT"}).to_string())
}

fn no_algorithm(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for none in ["none", "None", "NONE", "nOnE"] {
        let token = naming(bench, none);
        let unsigned = token.rsplit_once('.').unwrap().0.to_owned();
        let name = |what: &str| format!("header/alg-{none}-{what}");
        cases.push(Case::token(
            &name("unsigned"),
            "unsecured JWS (RFC 7515 A.5): the empty third segment is already malformed",
            format!("{unsigned}."),
            "malformed_token",
        ));
        cases.push(Case::token(
            &name("junk-signature"),
            "unsecured, with something for a signature",
            format!("{unsigned}.AAAA"),
            "unsupported_algorithm",
        ));
        cases.push(Case::token(
            &name("good-signature"),
            "signed by the right key as RS256, but the header says that it isn't",
            token,
            "unsupported_algorithm",
        ));
    }
    cases
}

fn symmetric(bench: &Bench) -> Vec<Case> {
    let der = |pem: &str| {
        let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, lines).unwrap()
    };
    let payload = bench.claims().to_string();
    let mut cases = Vec::new();
    let keys: [(&str, &Key, &'static str); 4] = [
        ("rsa", &bench.key, "function"),
        ("p256", &bench.p256, "p256"),
        ("ed25519", &bench.ed25519, "ed25519"),
        ("mixed", &bench.key, "mixed"),
    ];
    for (kind, key, configuration) in keys {
        let secrets = [
            ("pem", key.public_pem().into_bytes()),
            ("pem-trimmed", key.public_pem().trim().as_bytes().to_vec()),
            ("der", der(&key.public_pem())),
            ("spki-pem", key.spki_pem().into_bytes()),
            ("spki-der", der(&key.spki_pem())),
            ("jwk", key.jwk().to_string().into_bytes()),
            ("nothing", Vec::new()),
        ];
        for (form, secret) in secrets {
            cases.push(
                Case::token(
                    &format!("header/hs256-keyed-with-{kind}-{form}"),
                    "the public key as a shared secret",
                    hs256(&secret, br#"{"alg":"HS256","typ":"JWT"}"#, payload.as_bytes()),
                    "unsupported_algorithm",
                )
                .under(configuration),
            );
        }
        cases.push(
            Case::token(
                &format!("header/hmac-under-the-keys-own-name-{kind}"),
                "an HMAC keyed with the public key where the header names the key's algorithm",
                hs256(
                    key.public_pem().as_bytes(),
                    json!({"alg": key.algorithm(), "typ": "JWT"}).to_string().as_bytes(),
                    payload.as_bytes(),
                ),
                "bad_signature",
            )
            .under(configuration),
        );
    }
    for name in ["HS384", "HS512"] {
        let header = json!({"alg": name}).to_string();
        cases.push(Case::token(
            &format!("header/{}", name.to_lowercase()),
            "another symmetric algorithm",
            hs256(bench.key.public_pem().as_bytes(), header.as_bytes(), payload.as_bytes()),
            "unsupported_algorithm",
        ));
    }
    cases
}

fn other_algorithm(bench: &Bench) -> Vec<Case> {
    let claims = bench.claims();
    let mut cases = Vec::new();
    for name in ["RS384", "RS512", "PS256", "PS384", "PS512"] {
        let token = bench.key.token_with(&json!({"alg": name}), &claims);
        let lower = name.to_lowercase();
        cases.push(Case::token(
            &format!("header/{lower}-not-listed"),
            "signed well by the right key, with an algorithm that isn't listed",
            &token,
            "unsupported_algorithm",
        ));
        cases.push(
            Case::token(&format!("header/{lower}-listed"), "the same, listed", &token, "allowed")
                .under("every-rsa"),
        );
        let input = token.rsplit_once('.').unwrap().0.replacen(
            token.split('.').next().unwrap(),
            &base64url(HEADER.as_bytes()),
            1,
        );
        let signature = bench.key.signature(name, input.as_bytes());
        cases.push(
            Case::token(
                &format!("header/{lower}-called-rs256"),
                "a listed algorithm's signature under another listed one's name",
                format!("{input}.{}", base64url(&signature)),
                "bad_signature",
            )
            .under("every-rsa"),
        );
    }
    for name in ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "RSA1_5", "dir", "PBES2-HS256+A128KW"] {
        cases.push(Case::token(
            &format!("header/{}-on-rsa", name.to_lowercase()),
            "an algorithm of another type of key",
            naming(bench, name),
            "unsupported_algorithm",
        ));
    }
    let signed = |key: &Key, header: &str| {
        key.sign(key.algorithm(), header.as_bytes(), claims.to_string().as_bytes())
    };
    for (name, trick, token, configuration, expected) in [
        ("es256-against-rsa", "a P-256 key's token where an RSA key is expected", bench.p256.token(&claims), "function", "unsupported_algorithm"),
        ("eddsa-against-rsa", "an Ed25519 key's token where an RSA key is expected", bench.ed25519.token(&claims), "function", "unsupported_algorithm"),
        ("rs256-against-p256", "an RSA key's token where a P-256 key is expected", bench.token(), "p256", "unsupported_algorithm"),
        ("es384-against-p256", "the curve's bigger sister", bench.p384.token(&claims), "p256", "unsupported_algorithm"),
        ("es256-against-p384", "the curve's smaller sister", bench.p256.token(&claims), "p384", "unsupported_algorithm"),
        ("es256-against-ed25519", "one curve for another", bench.p256.token(&claims), "ed25519", "unsupported_algorithm"),
        ("rs256-against-ed25519", "RSA for Ed25519", bench.token(), "ed25519", "unsupported_algorithm"),
        ("ed25519-by-its-new-name", "RFC 9864's name: the contract has EdDSA alone", signed(&bench.ed25519, r#"{"alg":"Ed25519"}"#), "ed25519", "unsupported_algorithm"),
        ("es256-good", "for comparison", bench.p256.token(&claims), "p256", "allowed"),
        ("es384-good", "for comparison", bench.p384.token(&claims), "p384", "allowed"),
        ("eddsa-good", "for comparison", bench.ed25519.token(&claims), "ed25519", "allowed"),
        ("rsa-4096-good", "for comparison", bench.rsa4096.token(&claims), "rsa-4096", "allowed"),
        ("rsa-odd-good", "a modulus of 2050 bits, and an exponent of 24", bench.odd_rsa.token(&claims), "rsa-odd", "allowed"),
        ("mixed-rs256", "each of several keys' own tokens pass", bench.token(), "mixed", "allowed"),
        ("mixed-es256", "each of several keys' own tokens pass", bench.p256.token(&claims), "mixed", "allowed"),
        ("mixed-eddsa", "each of several keys' own tokens pass", bench.ed25519.token(&claims), "mixed", "allowed"),
        ("mixed-rs256-called-es256", "one configured key's signature under another's algorithm", signed(&bench.key, r#"{"alg":"ES256"}"#), "mixed", "bad_signature"),
        ("mixed-es256-called-rs256", "one configured key's signature under another's algorithm", signed(&bench.p256, HEADER), "mixed", "bad_signature"),
        ("mixed-eddsa-called-es256", "both have 64 bytes", signed(&bench.ed25519, r#"{"alg":"ES256"}"#), "mixed", "bad_signature"),
        ("mixed-es256-called-eddsa", "both have 64 bytes", signed(&bench.p256, r#"{"alg":"EdDSA"}"#), "mixed", "bad_signature"),
    ] {
        cases.push(Case::token(&format!("header/{name}"), trick, token, expected).under(configuration));
    }
    cases
}

/// Names are compared letter for letter (RFC 7515 §4.1.1, §5.3), after JSON's escapes.
fn spelling(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, header, expected) in [
        ("lower-case", r#"{"alg":"rs256"}"#, "unsupported_algorithm"),
        ("space-after", r#"{"alg":"RS256 "}"#, "unsupported_algorithm"),
        ("space-before", r#"{"alg":" RS256"}"#, "unsupported_algorithm"),
        ("nul-after", r#"{"alg":"RS256\u0000"}"#, "unsupported_algorithm"),
        ("full-width", r#"{"alg":"ＲＳ２５６"}"#, "unsupported_algorithm"),
        ("list", r#"{"alg":"RS256,none"}"#, "unsupported_algorithm"),
        ("empty", r#"{"alg":""}"#, "unsupported_algorithm"),
        ("escaped-value", r#"{"alg":"\u0052S256"}"#, "allowed"),
        ("escaped-name", r#"{"\u0061lg":"RS256"}"#, "allowed"),
        ("absent", r#"{"typ":"JWT"}"#, "malformed_token"),
        ("null", r#"{"alg":null}"#, "malformed_token"),
        ("number", r#"{"alg":256}"#, "malformed_token"),
        ("bool", r#"{"alg":true}"#, "malformed_token"),
        ("array", r#"{"alg":["RS256"]}"#, "malformed_token"),
        ("object", r#"{"alg":{"alg":"RS256"}}"#, "malformed_token"),
        ("name-in-capitals", r#"{"ALG":"RS256"}"#, "malformed_token"),
        ("capital-beside-it", r#"{"alg":"none","Alg":"RS256"}"#, "unsupported_algorithm"),
        ("capital-beside-it-is-nothing", r#"{"alg":"RS256","ALG":"none"}"#, "allowed"),
        ("cyrillic-name", "{\"аlg\":\"RS256\"}", "malformed_token"),
        ("twice-good-first", r#"{"alg":"RS256","alg":"none"}"#, "malformed_token"),
        ("twice-good-last", r#"{"alg":"none","alg":"RS256"}"#, "malformed_token"),
        ("twice-the-same", r#"{"alg":"RS256","alg":"RS256"}"#, "malformed_token"),
        ("twice-once-escaped", r#"{"alg":"RS256","\u0061lg":"none"}"#, "malformed_token"),
    ] {
        cases.push(Case::token(
            &format!("header/alg-{name}"),
            "another spelling of the algorithm, or of its member",
            bench.with_header(header),
            expected,
        ));
    }
    cases
}

fn key_id(bench: &Bench) -> Vec<Case> {
    let payload = bench.claims().to_string();
    let by = |key: &Key, kid: &str| {
        let header = with_member(&json!({"alg": key.algorithm()}).to_string(), &format!(r#""kid":{kid}"#));
        key.sign(key.algorithm(), header.as_bytes(), payload.as_bytes())
    };
    let mut cases = Vec::new();
    for (name, trick, kid) in [
        ("unknown", "a kid that no key has", json!("third")),
        ("empty", "an empty kid", json!("")),
        ("path", "a path to a file with known bytes", json!("../../../../../../dev/null")),
        ("sql", "an injection into a query", json!("x' UNION SELECT 'key' --")),
        ("command", "an injection into a shell", json!("key.pem; id #")),
        ("url", "a place to fetch a key from", json!("https://attacker.test/jwks.json")),
        ("crlf", "an injection into a log", json!("a\r\nnamespace-jwt: allowed")),
        ("nul", "a NUL after a known kid", json!("first\0")),
        ("space", "a space after a known kid", json!("first ")),
        ("capital", "a known kid in another case", json!("First")),
        ("four-kilobytes", "a long kid", json!("k".repeat(4000))),
    ] {
        let token = by(&bench.key, &kid.to_string());
        cases.push(Case::token(
            &format!("header/kid-{name}-with-keys-without-kid"),
            &format!("{trick}; where no key has this kid, keys without one are tried"),
            &token,
            "allowed",
        ));
        cases.push(
            Case::token(
                &format!("header/kid-{name}-with-keys-with-kid"),
                &format!("{trick}; it chooses no key"),
                &token,
                "unknown_key",
            )
            .under("kids"),
        );
    }
    for (name, kid) in [("number", "1"), ("null", "null"), ("bool", "true"), ("array", r#"["first"]"#), ("object", r#"{"k":"first"}"#)] {
        cases.push(
            Case::token(
                &format!("header/kid-{name}"),
                "a kid that is not a string (RFC 7515 §4.1.4)",
                by(&bench.key, kid),
                "malformed_token",
            )
            .under("kids"),
        );
    }
    cases.push(
        Case::token(
            "header/kid-megabyte",
            "a kid of a megabyte",
            by(&bench.key, &json!("k".repeat(1 << 20)).to_string()),
            "oversized_token",
        )
        .over_http(super::Carried::Refused),
    );
    let first = json!(FIRST).to_string();
    let second = json!(SECOND).to_string();
    for (name, trick, token, configuration, expected) in [
        ("first", "the right kid", by(&bench.key, &first), "kids", "allowed"),
        ("second", "the right kid", by(&bench.p256, &second), "kids", "allowed"),
        ("escaped", "the right kid, written with an escape", by(&bench.key, r#""\u0066irst""#), "kids", "allowed"),
        ("none", "no kid: every key is tried", bench.token(), "kids", "allowed"),
        ("none-of-the-second", "no kid: every key is tried", bench.p256.token(&bench.claims()), "kids", "allowed"),
        ("anothers", "the other key's kid: its key allows no RS256", by(&bench.key, &second), "kids", "unsupported_algorithm"),
        ("anothers-back", "the other key's kid: its key allows no ES256", by(&bench.p256, &first), "kids", "unsupported_algorithm"),
        ("of-a-stranger", "the right kid, signed by another key", by(&bench.stranger, &first), "kids", "bad_signature"),
        ("known-signed-by-plain", "a known kid is checked with its key only, not with the plain one", by(&bench.stranger, &first), "kids-and-plain", "bad_signature"),
        ("unknown-signed-by-plain", "an unknown kid is checked with the plain key", by(&bench.stranger, r#""third""#), "kids-and-plain", "allowed"),
        ("unknown-signed-by-first", "an unknown kid isn't checked with keys that have another", by(&bench.key, r#""third""#), "kids-and-plain", "bad_signature"),
        ("none-signed-by-first", "without a kid every key is tried", bench.token(), "kids-and-plain", "allowed"),
        ("twice", "two kids", by(&bench.key, r#""first","kid":"second""#), "kids", "malformed_token"),
    ] {
        cases.push(Case::token(&format!("header/kid-{name}"), trick, token, expected).under(configuration));
    }
    cases
}

/// Keys come from the configuration alone (RFC 7515 §10 leaves that to the application).
fn keys_in_the_header(bench: &Bench) -> Vec<Case> {
    let payload = bench.claims().to_string();
    let mut cases = Vec::new();
    for (name, member) in [
        ("jwk", format!(r#""jwk":{}"#, bench.stranger.jwk())),
        ("jwk-with-kid", format!(r#""kid":"mine","jwk":{}"#, bench.stranger.jwk_with_kid("mine"))),
        ("jku", r#""jku":"https://attacker.test/jwks.json""#.to_owned()),
        ("jku-local", r#""jku":"file:///dev/stdin""#.to_owned()),
        ("x5u", r#""x5u":"https://attacker.test/chain.pem""#.to_owned()),
        ("x5c", r#""x5c":["MIIBszCCAVmgAwIBAgIU"]"#.to_owned()),
        ("x5t", r#""x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA""#.to_owned()),
        ("x5c-number", r#""x5c":1"#.to_owned()),
    ] {
        let header = with_member(HEADER, &member);
        cases.push(Case::token(
            &format!("header/{name}-of-a-stranger"),
            "the key to check it with, brought along by whoever signed it",
            bench.stranger.sign("RS256", header.as_bytes(), payload.as_bytes()),
            "bad_signature",
        ));
        cases.push(Case::token(
            &format!("header/{name}-beside-a-good-signature"),
            "the same member decides nothing where the configured key signed",
            bench.with_header(header),
            "allowed",
        ));
    }
    cases
}

fn extensions(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, member, expected) in [
        ("crit-exp", r#""crit":["exp"]"#, "malformed_token"),
        ("crit-unknown", r#""crit":["x"],"x":1"#, "malformed_token"),
        ("crit-empty", r#""crit":[]"#, "malformed_token"),
        ("crit-null", r#""crit":null"#, "malformed_token"),
        ("crit-string", r#""crit":"exp""#, "malformed_token"),
        ("crit-escaped", r#""cr\u0069t":["x"],"x":1"#, "malformed_token"),
        ("crit-capital", r#""Crit":["x"]"#, "allowed"),
        ("b64-false", r#""b64":false"#, "malformed_token"),
        ("b64-true", r#""b64":true"#, "malformed_token"),
        ("b64-false-crit", r#""b64":false,"crit":["b64"]"#, "malformed_token"),
        ("zip", r#""zip":"DEF""#, "malformed_token"),
        ("zip-null", r#""zip":null"#, "malformed_token"),
        ("enc", r#""enc":"A128GCM""#, "malformed_token"),
        ("x", r#""x":1"#, "allowed"),
        ("cty-jwt", r#""cty":"JWT""#, "allowed"),
        ("unknown", r#""url":"https://x.test","nonce":"n""#, "allowed"),
    ] {
        cases.push(Case::token(
            &format!("header/{name}"),
            "a member that would change what the rest means, or one that must not",
            bench.with_header(with_member(HEADER, member)),
            expected,
        ));
    }
    for (name, typ) in [("number", "1"), ("null", "null"), ("jwe", r#""JWE""#), ("at-jwt", r#""at+jwt""#)] {
        cases.push(Case::token(
            &format!("header/typ-{name}"),
            "typ is for the application (RFC 7515 §4.1.9): it decides nothing here",
            bench.with_header(format!(r#"{{"alg":"RS256","typ":{typ}}}"#)),
            "allowed",
        ));
    }
    // RFC 7797: the payload itself between the dots, and signed so.
    let header = base64url(br#"{"alg":"RS256","b64":false,"crit":["b64"]}"#);
    let input = format!("{header}.{}", bench.claims());
    let signature = base64url(&bench.key.signature("RS256", input.as_bytes()));
    cases.push(Case::token(
        "header/b64-unencoded-payload",
        "the payload unencoded, as RFC 7797 has it",
        format!("{input}.{signature}"),
        "malformed_token",
    ));
    cases
}

fn form(bench: &Bench) -> Vec<Case> {
    let nested = |depth: usize| {
        with_member(HEADER, &format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth)))
    };
    let mut cases = Vec::new();
    let raw: [(&str, Vec<u8>, &str); 25] = [
        ("array", b"[\"RS256\"]".to_vec(), "malformed_token"),
        ("array-of-members", br#"[{"alg":"RS256"}]"#.to_vec(), "malformed_token"),
        ("string", b"\"RS256\"".to_vec(), "malformed_token"),
        ("number", b"256".to_vec(), "malformed_token"),
        ("null", b"null".to_vec(), "malformed_token"),
        ("empty-object", b"{}".to_vec(), "malformed_token"),
        ("not-json", b"alg=RS256".to_vec(), "malformed_token"),
        ("unclosed", br#"{"alg":"RS256""#.to_vec(), "malformed_token"),
        ("trailing-comma", br#"{"alg":"RS256",}"#.to_vec(), "malformed_token"),
        ("comment", br#"{"alg":"RS256"/**/}"#.to_vec(), "malformed_token"),
        ("single-quotes", b"{'alg':'RS256'}".to_vec(), "malformed_token"),
        ("two-objects", br#"{"alg":"RS256"}{"alg":"none"}"#.to_vec(), "malformed_token"),
        ("trailing-nul", b"{\"alg\":\"RS256\"}\0".to_vec(), "malformed_token"),
        ("byte-order-mark", b"\xef\xbb\xbf{\"alg\":\"RS256\"}".to_vec(), "malformed_token"),
        ("white-space", b" {\n\t\"alg\" : \"RS256\" }\r\n ".to_vec(), "allowed"),
        ("form-feed", b"\x0c{\"alg\":\"RS256\"}".to_vec(), "malformed_token"),
        ("not-utf8", b"{\"alg\":\"RS256\",\"x\":\"\xff\"}".to_vec(), "malformed_token"),
        ("overlong-utf8", b"{\"alg\":\"RS256\",\"x\":\"\xc0\xae\"}".to_vec(), "malformed_token"),
        ("encoded-surrogate", b"{\"alg\":\"RS256\",\"x\":\"\xed\xa0\x80\"}".to_vec(), "malformed_token"),
        ("lone-surrogate", br#"{"alg":"RS256","x":"\ud800"}"#.to_vec(), "malformed_token"),
        ("duplicate-below", br#"{"alg":"RS256","x":{"y":1,"y":2}}"#.to_vec(), "malformed_token"),
        ("duplicate-unknown", br#"{"alg":"RS256","x":1,"x":1}"#.to_vec(), "malformed_token"),
        ("utf16", "{\"alg\":\"RS256\"}".encode_utf16().flat_map(u16::to_le_bytes).collect(), "malformed_token"),
        ("nested-100", nested(100).into_bytes(), "allowed"),
        ("nested-2000", nested(2000).into_bytes(), "malformed_token"),
    ];
    for (name, header, expected) in raw {
        cases.push(Case::token(
            &format!("header/form-{name}"),
            "a header that is not plainly one JSON object, or only just",
            bench.with_header(header),
            expected,
        ));
    }
    cases
}

fn other_serializations(bench: &Bench) -> Vec<Case> {
    let token = bench.token();
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let flattened = json!({"protected": header, "payload": payload, "signature": signature});
    let general = json!({"payload": payload, "signatures": [{"protected": header, "signature": signature}]});
    let jwe = r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#;
    let jwe_parts = format!("{}.{header}.AAAA.{payload}.{signature}", base64url(jwe.as_bytes()));
    let inner = bench.key.sign("RS256", br#"{"alg":"RS256","cty":"JWT"}"#, token.as_bytes());
    [
        ("json-flattened", "JWS JSON serialization (RFC 7515 §7.2.2)", flattened.to_string(), "malformed_token"),
        ("json-general", "JWS JSON serialization (RFC 7515 §7.2.1)", general.to_string(), "malformed_token"),
        ("json-flattened-encoded", "the same, in base64url", base64url(flattened.to_string().as_bytes()), "malformed_token"),
        ("jwe-compact", "an encrypted token (RFC 7516 §7.1)", jwe_parts, "malformed_token"),
        ("jwe-header-on-jws", "an encrypted token's header before a good signature", bench.with_header(jwe), "malformed_token"),
        ("jwe-dir", "the same, without enc", bench.with_header(r#"{"alg":"dir"}"#), "unsupported_algorithm"),
        ("nested", "a good token as another's payload (RFC 7519 §5.2)", inner, "malformed_claims"),
        ("encoded-twice", "a good token, encoded once more", base64url(token.as_bytes()), "malformed_token"),
        ("detached-payload", "an empty payload, detached (RFC 7515 appendix F)", format!("{header}..{signature}"), "malformed_token"),
        ("header-encoded-twice", "the header encoded once more", bench.with_header(base64url(&from_base64url(header))), "malformed_token"),
    ]
    .into_iter()
    .map(|(name, trick, token, expected)| Case::token(&format!("header/{name}"), trick, token, expected))
    .collect()
}
