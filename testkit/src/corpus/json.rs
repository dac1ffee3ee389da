//! Claims that two JSON readers could read differently, all under a good signature.

use serde_json::json;

use super::{Bench, Case, with_member};
use crate::protected::*;

pub fn cases(bench: &Bench) -> Vec<Case> {
    [duplicates(bench), names(bench), values(bench), form(bench), identity(bench)].concat()
}

fn signed(bench: &Bench, name: &str, trick: &str, payload: impl AsRef<[u8]>, expected: &'static str) -> Case {
    Case::token(&format!("json/{name}"), trick, bench.with_payload(payload), expected)
}

fn duplicates(bench: &Bench) -> Vec<Case> {
    let claims = bench.claims().to_string();
    let late = bench.now + 3600;
    let entry = |members: &str| bench.payload_with("application_claim", &format!("[{{{members}}}]"));
    [
        ("exp-old-first", bench.payload_with("exp", &format!(r#"1,"exp":{late}"#))),
        ("exp-old-last", bench.payload_with("exp", &format!(r#"{late},"exp":1"#))),
        ("exp-the-same", bench.payload_with("exp", &format!(r#"{late},"exp":{late}"#))),
        ("exp-escaped", bench.payload_with("exp", &format!(r#"{late},"\u0065xp":1"#))),
        ("exp-at-the-end", format!("{},\"exp\":{late}}}", claims.strip_suffix('}').unwrap())),
        ("jti", with_member(&claims, r#""jti":"other""#)),
        ("aud", with_member(&claims, r#""aud":["functions"]"#)),
        ("unknown", with_member(&claims, r#""x":1,"x":2"#)),
        ("unknown-below", with_member(&claims, r#""x":{"y":{"z":1,"z":1}}"#)),
        ("unknown-in-array", with_member(&claims, r#""x":[[{"z":1,"z":1}]]"#)),
        ("empty-name", with_member(&claims, r#""":1,"":2"#)),
        ("claim-good-first", with_member(&claims, &format!(r#""application_claim":[{{"namespace_id":"{NAMESPACE}"}}]"#))),
        ("claim-bad-first", with_member(&claims, r#""application_claim":[]"#)),
        ("namespace-good-first", entry(&format!(r#""namespace_id":"{NAMESPACE}","namespace_id":"""#))),
        ("namespace-good-last", entry(&format!(r#""namespace_id":"","namespace_id":"{NAMESPACE}""#))),
        ("namespace-escaped", entry(&format!(r#""namespace_id":"{NAMESPACE}","namespace\u005fid":"x""#))),
        ("application", entry(&format!(r#""application_id":"{APPLICATION}","application_id":"{APPLICATION}""#))),
        ("in-the-second-entry", bench.payload_with("application_claim", &format!(r#"[{{"namespace_id":"{NAMESPACE}"}},{{"x":1,"x":1}}]"#))),
    ]
    .map(|(name, payload)| signed(bench, &format!("twice-{name}"), "one member name twice in one object", payload, "malformed_claims"))
    .to_vec()
}

/// Names are compared code point by code point (RFC 7519 §7.3, RFC 8259 §8.3).
fn names(bench: &Bench) -> Vec<Case> {
    let claims = bench.claims().to_string();
    let forever = bench.claims_with(json!({"exp": null})).to_string();
    let granting = format!(r#"[{{"namespace_id":"{NAMESPACE}"}}]"#);
    let nothing = bench.claims_with(json!({"application_claim": null})).to_string();
    let mut cases = Vec::new();
    for name in ["EXP", "Exp", "exp ", " exp", "ехр", "ｅｘｐ", "exp\u{200b}", "éxp", "exp\\u0000", "expires_at", "constructor.exp"] {
        cases.push(signed(
            bench,
            &format!("names-like-exp-{}", name.escape_unicode()),
            "a past time under a name like exp: it is another member, so the token never expires",
            with_member(&forever, &format!(r#""{name}":1"#)),
            "allowed",
        ));
    }
    cases.push(signed(bench, "names-exp-escaped", "exp written with escapes is exp", with_member(&forever, r#""\u0065\u0078\u0070":1"#), "expired"));
    for name in ["Application_Claim", "application_claims", "applicationClaim", "аpplication_claim", "application＿claim", "application_claim ", "application-claim"] {
        cases.push(signed(
            bench,
            &format!("names-like-application-claim-{}", name.escape_unicode()),
            "a grant under a name like application_claim grants nothing",
            with_member(&nothing, &format!(r#""{name}":{granting}"#)),
            "not_granted",
        ));
    }
    cases.push(signed(bench, "names-application-claim-escaped", "application_claim written with an escape is application_claim", with_member(&nothing, &format!(r#""applic\u0061tion_claim":{granting}"#)), "allowed"));
    for name in ["Namespace_Id", "namespaceId", "namespace-id", "nаmespace_id", "namespace_id\u{200b}", "ns"] {
        cases.push(signed(
            bench,
            &format!("names-like-namespace-id-{}", name.escape_unicode()),
            "an id under a name like namespace_id grants nothing",
            bench.payload_with("application_claim", &format!(r#"[{{"{name}":"{NAMESPACE}"}}]"#)),
            "not_granted",
        ));
    }
    for name in ["", "__proto__", "$ref", "constructor", "toString"] {
        cases.push(signed(
            bench,
            &format!("names-odd-{name}"),
            "a name that means something to somebody else",
            with_member(&claims, &format!(r#""{name}":{{"exp":1}}"#)),
            "allowed",
        ));
    }
    cases
}

fn values(bench: &Bench) -> Vec<Case> {
    let claims = bench.claims().to_string();
    let long = |digit: &str, count: usize| digit.repeat(count);
    let nested = |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let mut cases = Vec::new();
    for (name, value, expected) in [
        ("huge-exponent", "1e400".to_owned(), "malformed_claims"),
        ("huge-negative-exponent", "-1e400".to_owned(), "malformed_claims"),
        ("tiny-exponent", "1e-400".to_owned(), "allowed"),
        ("exponent-past-everything", "1e99999999999999999999".to_owned(), "malformed_claims"),
        ("tiny-past-everything", "1e-99999999999999999999".to_owned(), "allowed"),
        ("zero-with-exponent", "0e99999999999999999999".to_owned(), "allowed"),
        ("30-digits", long("9", 30), "allowed"),
        ("400-digits", long("9", 400), "malformed_claims"),
        ("2000-decimals", format!("0.{}", long("3", 2000)), "allowed"),
        ("2-to-64", "18446744073709551616".to_owned(), "allowed"),
        ("minus-2-to-63", "-9223372036854775808".to_owned(), "allowed"),
        ("minus-zero", "-0".to_owned(), "allowed"),
        ("plus", "+1".to_owned(), "malformed_claims"),
        ("leading-zero", "01".to_owned(), "malformed_claims"),
        ("leading-dot", ".5".to_owned(), "malformed_claims"),
        ("trailing-dot", "1.".to_owned(), "malformed_claims"),
        ("hexadecimal", "0x10".to_owned(), "malformed_claims"),
        ("underscore", "1_000".to_owned(), "malformed_claims"),
        ("nan", "NaN".to_owned(), "malformed_claims"),
        ("infinity", "Infinity".to_owned(), "malformed_claims"),
        ("minus-infinity", "-Infinity".to_owned(), "malformed_claims"),
        ("undefined", "undefined".to_owned(), "malformed_claims"),
        ("true-in-capitals", "TRUE".to_owned(), "malformed_claims"),
        ("single-quotes", "'x'".to_owned(), "malformed_claims"),
        ("no-quotes", "x".to_owned(), "malformed_claims"),
        ("trailing-comma", "[1,]".to_owned(), "malformed_claims"),
        ("elision", "[1,,2]".to_owned(), "malformed_claims"),
        ("comment", "1/* */".to_owned(), "malformed_claims"),
        ("line-break-in-string", "\"a\nb\"".to_owned(), "malformed_claims"),
        ("tab-in-string", "\"a\tb\"".to_owned(), "malformed_claims"),
        ("nul-in-string", "\"a\0b\"".to_owned(), "malformed_claims"),
        ("escaped-nul", r#""a\u0000b""#.to_owned(), "allowed"),
        ("bad-escape", r#""\x41""#.to_owned(), "malformed_claims"),
        ("short-escape", r#""\u41""#.to_owned(), "malformed_claims"),
        ("high-surrogate", r#""\ud800""#.to_owned(), "malformed_claims"),
        ("low-surrogate", r#""\udc00""#.to_owned(), "malformed_claims"),
        ("surrogates-swapped", r#""\udc00\ud800""#.to_owned(), "malformed_claims"),
        ("high-surrogate-and-letter", r#""\ud800x""#.to_owned(), "malformed_claims"),
        ("surrogate-pair", r#""\ud83d\udd11""#.to_owned(), "allowed"),
        ("surrogate-in-name", r#"{"\ud800":1}"#.to_owned(), "malformed_claims"),
        ("nested-100-arrays", nested("[", "]", 100), "allowed"),
        ("nested-100-objects", nested(r#"{"x":"#, "}", 100), "allowed"),
        ("nested-2500-arrays", nested("[", "]", 2500), "malformed_claims"),
        ("nested-800-objects", nested(r#"{"x":"#, "}", 800), "malformed_claims"),
        ("unclosed-5000-arrays", long("[", 5000), "malformed_claims"),
        ("500-members", format!("{{{}\"\":0}}", (0..500).map(|n| format!("\"{n}\":0,")).collect::<String>()), "allowed"),
    ] {
        cases.push(signed(
            bench,
            &format!("value-{name}"),
            "a value in a member that decides nothing; a number that JSON allows but no double can hold is refused (RFC 8259 §6)",
            with_member(&claims, &format!(r#""x":{value}"#)),
            expected,
        ));
    }
    cases
}

fn form(bench: &Bench) -> Vec<Case> {
    let claims = bench.claims().to_string();
    let raw: [(&str, Vec<u8>, &str); 26] = [
        ("array", format!("[{claims}]").into_bytes(), "malformed_claims"),
        ("empty-array", b"[]".to_vec(), "malformed_claims"),
        ("positional-array", format!("[{},null,null,null,null,null,[]]", bench.now + 3600).into_bytes(), "malformed_claims"),
        ("string", json!(claims).to_string().into_bytes(), "malformed_claims"),
        ("number", b"1".to_vec(), "malformed_claims"),
        ("true", b"true".to_vec(), "malformed_claims"),
        ("null", b"null".to_vec(), "malformed_claims"),
        ("white-space", b"   ".to_vec(), "malformed_claims"),
        ("one-byte", b"\0".to_vec(), "malformed_claims"),
        ("empty-object", b"{}".to_vec(), "not_granted"),
        ("text", b"exp=9999999999".to_vec(), "malformed_claims"),
        ("two-objects", format!("{claims}{claims}").into_bytes(), "malformed_claims"),
        ("two-lines", format!("{claims}\n{{}}").into_bytes(), "malformed_claims"),
        ("trailing-letter", format!("{claims}x").into_bytes(), "malformed_claims"),
        ("trailing-nul", format!("{claims}\0").into_bytes(), "malformed_claims"),
        ("unclosed", claims.strip_suffix('}').unwrap().as_bytes().to_vec(), "malformed_claims"),
        ("byte-order-mark", format!("\u{feff}{claims}").into_bytes(), "malformed_claims"),
        ("around-white-space", format!(" \r\n\t{claims} \n").into_bytes(), "allowed"),
        ("no-break-space-before", format!("\u{a0}{claims}").into_bytes(), "malformed_claims"),
        ("comment-before", format!("//\n{claims}").into_bytes(), "malformed_claims"),
        ("not-utf8", [b"{\"x\":\"\xff\",", &claims.as_bytes()[1..]].concat(), "malformed_claims"),
        ("overlong-nul", [b"{\"x\":\"\xc0\x80\",", &claims.as_bytes()[1..]].concat(), "malformed_claims"),
        ("encoded-surrogates", [b"{\"x\":\"\xed\xa0\xbd\xed\xb4\x91\",", &claims.as_bytes()[1..]].concat(), "malformed_claims"),
        ("utf16", claims.encode_utf16().flat_map(u16::to_be_bytes).collect(), "malformed_claims"),
        ("utf16-with-mark", "\u{feff}".encode_utf16().chain(claims.encode_utf16()).flat_map(u16::to_le_bytes).collect(), "malformed_claims"),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00".to_vec(), "malformed_claims"),
    ];
    raw.into_iter()
        .map(|(name, payload, expected)| {
            signed(bench, &format!("form-{name}"), "a payload that is not plainly one JSON object, or only just", payload, expected)
        })
        .collect()
}

/// Claims beside time and grants. What decides something has its type (RFC 7519 §4.1),
/// whether the configuration asks for it or not.
fn identity(bench: &Bench) -> Vec<Case> {
    let mut cases = Vec::new();
    for (claim, value, asked_not, asked) in [
        ("iss", r#""scaleway""#, "allowed", "wrong_issuer"),
        ("iss", r#""SCALEWAY ""#, "allowed", "wrong_issuer"),
        ("iss", r#""ЅCALEWAY""#, "allowed", "wrong_issuer"),
        ("iss", r#""""#, "allowed", "wrong_issuer"),
        ("iss", r#""\u0053CALEWAY""#, "allowed", "allowed"),
        ("iss", r#""SCALEWAY\u0000""#, "allowed", "wrong_issuer"),
        ("iss", r#"["SCALEWAY"]"#, "malformed_claims", "malformed_claims"),
        ("iss", "null", "malformed_claims", "malformed_claims"),
        ("iss", "1", "malformed_claims", "malformed_claims"),
        ("aud", r#""Functions""#, "allowed", "wrong_audience"),
        ("aud", r#""functions.attacker.test""#, "allowed", "wrong_audience"),
        ("aud", r#""function""#, "allowed", "wrong_audience"),
        ("aud", r#""other functions""#, "allowed", "wrong_audience"),
        ("aud", r#""other,functions""#, "allowed", "wrong_audience"),
        ("aud", "[]", "allowed", "wrong_audience"),
        ("aud", r#"["other"]"#, "allowed", "wrong_audience"),
        ("aud", r#"["other","functions"]"#, "allowed", "allowed"),
        ("aud", r#"["functions","functions"]"#, "allowed", "allowed"),
        ("aud", r#"[["functions"]]"#, "malformed_claims", "malformed_claims"),
        ("aud", r#"["functions",1]"#, "malformed_claims", "malformed_claims"),
        ("aud", r#"["functions",null]"#, "malformed_claims", "malformed_claims"),
        ("aud", r#"{"functions":true}"#, "malformed_claims", "malformed_claims"),
        ("aud", "null", "malformed_claims", "malformed_claims"),
        ("aud", "true", "malformed_claims", "malformed_claims"),
        ("jti", r#""9bd788f6-4d37-458b-bc5c-4bea510d538f""#, "allowed", "revoked"),
        ("jti", r#""9bd788f6-4d37-458b-bc5c-4bea510d538\u0066""#, "allowed", "revoked"),
        ("jti", r#""9BD788F6-4D37-458B-BC5C-4BEA510D538F""#, "allowed", "revoked"),
        ("jti", r#""""#, "allowed", "allowed"),
        ("jti", "1", "malformed_claims", "malformed_claims"),
        ("jti", "null", "malformed_claims", "malformed_claims"),
        ("jti", r#"["9bd788f6-4d37-458b-bc5c-4bea510d538f"]"#, "malformed_claims", "malformed_claims"),
        ("sub", "1", "allowed", "allowed"),
        ("sub", "null", "allowed", "allowed"),
        ("version", r#""3""#, "allowed", "allowed"),
        ("version", "1", "allowed", "allowed"),
    ] {
        let trick = "a claim of another value or type; a `jti` that is a UUID in any case, others byte for byte";
        let payload = bench.payload_with(claim, value);
        cases.push(signed(bench, &format!("claim-{claim}-{value}"), trick, &payload, asked_not));
        cases.push(signed(bench, &format!("claim-{claim}-{value}-asked"), trick, &payload, asked).under("identity"));
    }
    for (claim, asked) in [("iss", "wrong_issuer"), ("aud", "wrong_audience"), ("jti", "allowed"), ("sub", "allowed"), ("version", "allowed")] {
        let payload = bench.claims_with(json!({claim: null})).to_string();
        cases.push(signed(bench, &format!("claim-{claim}-absent"), "a claim left out", &payload, "allowed"));
        cases.push(signed(bench, &format!("claim-{claim}-absent-asked"), "a claim left out", &payload, asked).under("identity"));
    }
    cases
}
