//! Where a token may stand on a request, and what the application sees of it.

use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::http::{Http1, PROTOCOLS, Request, text};
use testkit::protected::*;
use testkit::upstream::Upstream;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Those of the default, and `authorization`.
fn every_header() -> Value {
    json!([TOKEN_HEADERS.as_slice(), &["authorization"]].concat())
}

fn start(upstream: &Upstream, listeners: &[(&str, Value)]) -> Envoy {
    let plan = Plan::new(upstream);
    let plan = listeners.iter().fold(plan, |plan, (name, changes)| {
        plan.listener(name, Filter::new(&configuration_with(changes.clone())))
    });
    plan.start()
}

#[test]
fn a_token_is_found_in_each_token_header_whatever_the_case_of_its_name() {
    let upstream = Upstream::start();
    let custom = json!({"token_headers": ["X-Function-Token", "AUTHORIZATION"]});
    let envoy = start(&upstream, &[("default", json!({})), ("custom", custom)]);
    let token = namespace_key().token(&claims());
    let bearer = format!("Bearer {token}");
    #[rustfmt::skip]
    let cases = [
        ("default", "x-auth-token", token.as_str(), "allowed"),
        ("default", "X-Auth-Token", &token, "allowed"),
        ("default", "X-AUTH-TOKEN", &token, "allowed"),
        ("default", "scw-functions-token", &token, "allowed"),
        ("default", "SCW-Functions-Token", &token, "allowed"),
        ("default", "scw_functions_token", &token, "allowed"),
        ("default", "SCW_FUNCTIONS_TOKEN", &token, "allowed"),
        ("default", "x-function-token", &token, "missing_token"),
        ("default", "authorization", &bearer, "missing_token"),
        ("custom", "x-function-token", &token, "allowed"),
        ("custom", "X-FUNCTION-TOKEN", &token, "allowed"),
        ("custom", "Authorization", &bearer, "allowed"),
        ("custom", "x-auth-token", &token, "missing_token"),
    ];
    for (listener, name, value, code) in cases {
        for protocol in PROTOCOLS {
            let request = Request::get().header(name, value).over(protocol);
            envoy.expect(listener, name, request, code);
        }
    }
}

#[test]
fn authorization_holds_a_token_only_after_the_bearer_scheme() {
    let upstream = Upstream::start();
    let configuration = json!({"token_headers": ["authorization"]});
    let envoy = start(&upstream, &[("main", configuration)]);
    let token = namespace_key().token(&claims());
    let other = namespace_key().token(&claims_with(json!({"sub": "other"})));
    #[rustfmt::skip]
    let cases = [
        (format!("Bearer {token}"), "allowed"),
        (format!("bearer {token}"), "allowed"),
        (format!("BEARER {token}"), "allowed"),
        (token.clone(), "missing_token"),
        (format!("Basic {token}"), "missing_token"),
        (format!("Bearer{token}"), "missing_token"),
        // Another filter looks for the scheme anywhere in the value.
        (format!("Basic Bearer {token}"), "missing_token"),
        (format!("Basic eDp5,Bearer {token}"), "missing_token"),
        (format!("\"Bearer {token}\""), "missing_token"),
        (format!("Bearer\t{token}"), "malformed_token"),
        (format!("Bearer\u{a0}{token}"), "malformed_token"),
        ("Bearer".to_owned(), "missing_token"),
        ("Bearer ".to_owned(), "missing_token"),
        (String::new(), "missing_token"),
        ("Bearer junk".to_owned(), "malformed_token"),
        (format!("Bearer {token} {token}"), "malformed_token"),
        (format!("Bearer {token},Bearer {other}"), "multiple_tokens"),
        (format!("Bearer {token},Bearer {token}"), "allowed"),
    ];
    for (value, code) in cases {
        for protocol in PROTOCOLS {
            let request = Request::get().header("authorization", &value).over(protocol);
            envoy.expect("main", &value, request, code);
        }
    }
}

#[test]
fn several_tokens_are_refused_unless_they_are_the_same_bytes() {
    let upstream = Upstream::start();
    let headers = json!({"token_headers": every_header()});
    let envoy = start(&upstream, &[("main", headers)]);
    let key = namespace_key();
    let (good, good_too) = (key.token(&claims()), key.token(&claims_with(json!({"sub": "too"}))));
    let bad = other_key().token(&claims());
    let bearer = |token: &str| format!("Bearer {token}");
    #[rustfmt::skip]
    let cases: &[(&str, Headers, &str)] = &[
        ("one header twice, good first", &[("x-auth-token", &good), ("x-auth-token", &bad)], "multiple_tokens"),
        ("one header twice, bad first", &[("x-auth-token", &bad), ("x-auth-token", &good)], "multiple_tokens"),
        ("one header twice, junk second", &[("x-auth-token", &good), ("x-auth-token", "junk")], "multiple_tokens"),
        ("one header twice, both good", &[("x-auth-token", &good), ("x-auth-token", &good_too)], "multiple_tokens"),
        ("one header thrice, the last differs", &[("x-auth-token", &good), ("x-auth-token", &good), ("x-auth-token", &bad)], "multiple_tokens"),
        ("one header in two cases", &[("x-auth-token", &good), ("X-Auth-Token", &bad)], "multiple_tokens"),
        ("two headers", &[("x-auth-token", &good), ("scw_functions_token", &bad)], "multiple_tokens"),
        ("two headers, the other way round", &[("scw_functions_token", &bad), ("x-auth-token", &good)], "multiple_tokens"),
        ("two headers, one of them authorization", &[("x-auth-token", &good), ("authorization", &bearer(&good_too))], "multiple_tokens"),
        ("authorization twice", &[("authorization", &bearer(&good)), ("authorization", &bearer(&bad))], "multiple_tokens"),
        ("the same in one header twice", &[("x-auth-token", &good), ("x-auth-token", &good)], "allowed"),
        ("the same in two headers", &[("x-auth-token", &good), ("scw-functions-token", &good)], "allowed"),
        ("the same in all four", &[("x-auth-token", &good), ("scw-functions-token", &good), ("scw_functions_token", &good), ("authorization", &bearer(&good))], "allowed"),
        ("authorization twice, the same", &[("authorization", &bearer(&good)), ("authorization", &bearer(&good))], "allowed"),
        ("the same bad one twice", &[("x-auth-token", &bad), ("x-auth-token", &bad)], "bad_signature"),
        ("another scheme beside a token", &[("x-auth-token", &good), ("authorization", "Basic Zm9v")], "allowed"),
        ("an empty header beside a token", &[("x-auth-token", ""), ("scw-functions-token", &good)], "allowed"),
        ("one empty header", &[("x-auth-token", "")], "missing_token"),
        ("nothing but empty headers", &[("x-auth-token", ""), ("scw-functions-token", ""), ("authorization", "")], "missing_token"),
    ];
    for (what, headers, code) in cases {
        for protocol in PROTOCOLS {
            let request = headers
                .iter()
                .fold(Request::get(), |r, (name, value)| r.header(name, value))
                .over(protocol);
            envoy.expect("main", what, request, code);
        }
    }
}

#[test]
fn two_tokens_joined_by_a_comma_are_no_token() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &[("main", json!({}))]);
    let token = namespace_key().token(&claims());
    for protocol in PROTOCOLS {
        for value in [format!("{token},{token}"), format!("{token}, junk"), format!("{token},")] {
            let request = Request::with_token(&value).over(protocol);
            let answer = envoy.ask("main", request);
            assert!(!answer.is_from_upstream(), "{value}");
            assert!(
                ["malformed_token", "multiple_tokens"].contains(&answer.decision.as_str()),
                "{value}: {answer:?}"
            );
        }
    }
}

#[test]
fn the_application_sees_no_token_header_unless_it_is_to_be_forwarded() {
    let upstream = Upstream::start();
    let envoy = start(
        &upstream,
        &[
            ("removes", json!({})),
            ("removes-authorization", json!({"token_headers": every_header()})),
            ("forwards", json!({"forward_token": true})),
            ("reports", json!({"mode": "report_only"})),
            ("public", json!({"public": true})),
        ],
    );
    let token = namespace_key().token(&claims());
    for protocol in PROTOCOLS {
        let plain = || Request::get().header("x-other", "kept").over(protocol);
        let all = TOKEN_HEADERS.iter().fold(plain(), |r, name| r.header(name, &token));

        let answer = envoy.expect("removes", "all three", all.clone(), "allowed");
        for name in TOKEN_HEADERS {
            assert!(answer.seen_by_upstream(name).is_empty(), "{name} over {protocol:?}");
        }
        assert_eq!(answer.seen_by_upstream("x-other"), ["kept"]);

        let twice = plain().header("x-auth-token", &token).header("X-Auth-Token", &token);
        let answer = envoy.expect("removes", "one twice", twice, "allowed");
        assert!(answer.seen_by_upstream("x-auth-token").is_empty(), "{protocol:?}");

        let answer = envoy.expect("forwards", "all three", all.clone(), "allowed");
        for name in TOKEN_HEADERS {
            assert_eq!(answer.seen_by_upstream(name), [&*token], "{name} over {protocol:?}");
        }

        let bearer = plain().header("authorization", format!("Bearer {token}"));
        let answer = envoy.expect("removes-authorization", "bearer", bearer.clone(), "allowed");
        assert!(answer.seen_by_upstream("authorization").is_empty(), "{protocol:?}");
        // Not a token header there: the application's own business.
        let both = bearer.header("x-auth-token", &token);
        let answer = envoy.expect("removes", "bearer aside", both, "allowed");
        assert_eq!(answer.seen_by_upstream("authorization"), [format!("Bearer {token}")]);

        let answer = envoy.expect("public", "all three", all, "public");
        for name in TOKEN_HEADERS {
            assert!(answer.seen_by_upstream(name).is_empty(), "{name} over {protocol:?}");
        }

        // What the filter would deny must not reach the application either.
        let answer = envoy.ask("reports", plain().header("scw-functions-token", "junk"));
        assert_eq!(answer.decision, "malformed_token");
        assert!(answer.seen_by_upstream("scw-functions-token").is_empty(), "{protocol:?}");
    }
}

/// Three ways to let a request through, with a header for tokens and one for credentials.
fn in_every_mode(upstream: &Upstream, changes: Value) -> Envoy {
    let with = |more: Value| {
        let mut configuration = json!({"token_headers": ["x-auth-token", "authorization"]});
        let all = changes.as_object().into_iter().chain(more.as_object()).flatten();
        configuration.as_object_mut().unwrap().extend(all.map(|(k, v)| (k.clone(), v.clone())));
        configuration
    };
    let modes = [
        ("enforce", with(json!({}))),
        ("report_only", with(json!({"mode": "report_only"}))),
        ("public", with(json!({"public": true}))),
    ];
    start(upstream, &modes)
}

const MODES: [&str; 3] = ["enforce", "report_only", "public"];

/// The application may have credentials of its own in a header that may hold a token.
#[test]
fn credentials_of_another_scheme_stay_where_the_tokens_go() {
    let upstream = Upstream::start();
    let envoy = in_every_mode(&upstream, json!({}));
    let token = namespace_key().token(&claims());
    for mode in MODES {
        for protocol in PROTOCOLS {
            for own in ["Basic QmVhcmVyIHg=", "Digest username=\"u, v\", realm=\"r\"", "Bearer"] {
                let request =
                    Request::with_token(&token).header("authorization", own).over(protocol);
                let code = if mode == "public" { "public" } else { "allowed" };
                let answer = envoy.expect(mode, own, request, code);
                assert!(answer.seen_by_upstream("x-auth-token").is_empty(), "{mode} {protocol:?}");
                assert_eq!(answer.seen_by_upstream("authorization"), [own], "{mode} {protocol:?}");
            }
            // Alone, where the request goes on without a token.
            if mode != "enforce" {
                let request = Request::get().header("authorization", "Basic eDp5").over(protocol);
                let answer = envoy.ask(mode, request);
                assert_eq!(answer.seen_by_upstream("authorization"), ["Basic eDp5"], "{mode}");
            }
            // Two lines, which Envoy joins: the same token goes, the rest of the line stays.
            let request = Request::with_token(&token)
                .header("authorization", "Basic eDp5")
                .header("authorization", format!("Bearer {token}"))
                .over(protocol);
            let answer = envoy.ask(mode, request);
            assert_eq!(answer.seen_by_upstream("authorization"), ["Basic eDp5"], "{mode}");
            assert!(answer.seen_by_upstream("x-auth-token").is_empty(), "{mode} {protocol:?}");
        }
    }
}

/// Lines of `authorization` in which a lenient application may find a token of its own.
fn hidden_tokens(forged: &str) -> Vec<Vec<Vec<u8>>> {
    let mut lines: Vec<_> = [
        format!("Bearer\t{forged}"),
        format!("Bearer\t {forged}"),
        format!("Bearer \t{forged}"),
        format!("Bearer\u{a0}{forged}"),
        format!("Bearer\u{3000}{forged}"),
        format!("\u{a0}Bearer {forged}"),
        format!(",Bearer {forged}"),
        format!(", bearer {forged}"),
        format!("\"Bearer {forged}\""),
        format!("'Bearer {forged}'"),
        format!("\"Bearer\" {forged}"),
        format!("(Bearer {forged})"),
        format!("Basic eDp5,Bearer {forged}"),
        format!("Basic eDp5 Bearer {forged}"),
        format!("Basic Bearer {forged}"),
        format!("Basic\tBEARER\t{forged}"),
        format!("Digest realm=\"Bearer {forged}\", nonce=\"n\""),
        format!("XBearer {forged}"),
        format!("Bearer: {forged}"),
        format!("Bearer:{forged}"),
        format!("Bearer={forged}"),
        format!("Bearer{forged}"),
    ]
    .into_iter()
    .map(|line| vec![line.into_bytes()])
    .collect();
    for gap in [&b"\x85"[..], b"\xa0", b"\xff"] {
        lines.push(vec![[b"Bearer", gap, forged.as_bytes()].concat()]);
    }
    let bearer = format!("Bearer {forged}").into_bytes();
    lines.push(vec![b"Basic eDp5".to_vec(), bearer.clone()]);
    lines.push(vec![bearer.clone(), b"Basic eDp5".to_vec()]);
    lines.push(vec![b"\"".to_vec(), bearer.clone()]);
    lines.push(vec![b"Basic eDp5".to_vec(), [b"\"", &bearer[..]].concat()]);
    lines
}

#[test]
fn no_second_token_rides_along_with_a_good_one() {
    let upstream = Upstream::start();
    let token = namespace_key().token(&claims());
    let forged = other_key().token(&claims());
    let changes = |forward: bool| json!({"forward_token": forward, "token_cookies": ["session"]});
    let forwards = in_every_mode(&upstream, changes(true));
    let removes = in_every_mode(&upstream, changes(false));
    let good = [("x-auth-token", token.clone()), ("cookie", format!("session={token}"))];
    for lines in hidden_tokens(&forged) {
        for (name, value) in &good {
            for protocol in PROTOCOLS {
                let what = format!("{:?}", lines.iter().map(|l| text(l)).collect::<Vec<_>>());
                let request = lines
                    .iter()
                    .fold(Request::get().header(name, value), |r, line| {
                        r.header("authorization", line)
                    })
                    .over(protocol);
                for envoy in [&forwards, &removes] {
                    envoy.expect("enforce", &what, request.clone(), "multiple_tokens");
                }
                for mode in ["report_only", "public"] {
                    let answer = removes.ask(mode, request.clone());
                    let seen = text(&answer.body);
                    assert!(answer.is_from_upstream(), "{what} {mode} {protocol:?}");
                    for token in [&token, &forged] {
                        assert!(!seen.contains(token), "{what} {mode} {protocol:?}: {seen}");
                    }
                    let left = answer.seen_by_upstream("authorization");
                    assert!(
                        left.iter().all(|it| !it.to_ascii_lowercase().contains("bearer")),
                        "{what} {mode} {protocol:?}: {left:?}"
                    );
                }
            }
        }
    }
}

/// Nor in a cookie, for applications that split cookies at more than semicolons.
#[test]
fn no_second_cookie_rides_along_with_a_good_token() {
    let upstream = Upstream::start();
    let token = namespace_key().token(&claims());
    let forged = other_key().token(&claims());
    let changes = |forward: bool| json!({"forward_token": forward, "token_cookies": ["session"]});
    let forwards = in_every_mode(&upstream, changes(true));
    let removes = in_every_mode(&upstream, changes(false));
    for cookies in ["a=b session=", "a=b\tsession=", "a=b,session=", "a=\"b\"session="] {
        let request = |token: &str| Request::get().header("cookie", format!("{cookies}{token}"));
        for protocol in PROTOCOLS {
            let both = |other: &str| request(other).header("x-auth-token", &token).over(protocol);
            for envoy in [&forwards, &removes] {
                envoy.expect("enforce", cookies, request(&token).over(protocol), "missing_token");
                envoy.expect("enforce", cookies, both(&forged), "multiple_tokens");
            }
            let answer = removes.expect("enforce", cookies, both(&token), "allowed");
            assert!(answer.seen_by_upstream("cookie").is_empty(), "{cookies}: {answer:?}");
        }
    }
}

/// A name or a password that only looks like the scheme is nobody's to take away.
#[test]
fn other_credentials_stay_where_nothing_is_enforced() {
    let upstream = Upstream::start();
    let token = namespace_key().token(&claims());
    let envoy = in_every_mode(&upstream, json!({}));
    for credentials in [
        "Digest username=\"bearer bob\", realm=\"x\"",
        "Digest realm=\"x\", username=\"Bearer\"",
        "Basic bearerZm9vOmJhcg==",
    ] {
        for mode in ["report_only", "public"] {
            let request = Request::with_token(&token).header("authorization", credentials);
            let answer = envoy.ask(mode, request);
            assert_eq!(answer.seen_by_upstream("authorization"), [credentials], "{mode}");
        }
    }
}

#[test]
fn a_token_is_found_in_a_token_cookie_and_only_it_is_removed() {
    let upstream = Upstream::start();
    let cookies = json!({"token_cookies": ["session", "__Host-token"]});
    let envoy = in_every_mode(&upstream, cookies.clone());
    let off = start(&upstream, &[("off", json!({}))]);
    let (token, other) = (
        namespace_key().token(&claims()),
        namespace_key().token(&claims_with(json!({"sub": "o"}))),
    );
    let (t, o) = (&token, &other);
    #[rustfmt::skip]
    let cases: &[(&[String], &str, &[&str])] = &[
        (&[format!("session={t}")], "allowed", &[]),
        (&[format!("__Host-token={t}")], "allowed", &[]),
        (&[format!("session=\"{t}\"")], "allowed", &[]),
        (&[format!("a=b; session={t}; c=\"d\"")], "allowed", &["a=b; c=\"d\""]),
        (&[format!("session={t}; a=b;c = d")], "allowed", &["a=b;c = d"]),
        (&[format!("session={t}; session={t}")], "allowed", &[]),
        (&[format!("session={t}; __Host-token={t}; a=b")], "allowed", &["a=b"]),
        (&[format!("session={t}; session={o}; a=b")], "multiple_tokens", &["a=b"]),
        (&[format!("session={t}; __Host-token={o}")], "multiple_tokens", &[]),
        (&[format!("session={t}"), format!("session={o}")], "multiple_tokens", &[]),
        (&["session=junk; a=b".to_owned()], "malformed_token", &["a=b"]),
        (&["session=; a=b".to_owned()], "missing_token", &["session=; a=b"]),
        (&[format!("Session={t}")], "missing_token", &[&format!("Session={t}")]),
    ];
    for (lines, code, left) in cases {
        for protocol in PROTOCOLS {
            let cookies = |request: Request| {
                lines.iter().fold(request.over(protocol), |r, line| r.header("cookie", line))
            };
            envoy.expect("enforce", &lines.join("\n"), cookies(Request::get()), code);
            off.expect("off", "no cookie is configured", cookies(Request::get()), "missing_token");
            for mode in MODES.into_iter().filter(|mode| *code == "allowed" || *mode != "enforce") {
                let answer = envoy.ask(mode, cookies(Request::get()));
                let seen = answer.seen_by_upstream("cookie");
                assert_eq!(seen, *left, "{lines:?} {mode} {protocol:?}");
            }
        }
    }
    for protocol in PROTOCOLS {
        // Over HTTP/1.1 Envoy keeps the lines, over HTTP/2 it joins them.
        let lines =
            Request::get().header("cookie", "a=b").header("cookie", "c=d; e=f").over(protocol);
        let lines = lines.header("cookie", format!("session={t}; g=h"));
        let answer = envoy.expect("enforce", "three lines", lines, "allowed");
        let seen = answer.seen_by_upstream("cookie");
        assert_eq!(seen.join("; "), "a=b; c=d; e=f; g=h", "{protocol:?}");
        // The same rule as for headers.
        for (header, code) in [(t, "allowed"), (o, "multiple_tokens")] {
            let both = Request::with_token(header).header("cookie", format!("session={t}"));
            envoy.expect("enforce", "a header as well", both.over(protocol), code);
        }
    }
}

#[test]
fn a_value_that_is_not_utf_8_is_refused_and_the_same_vm_serves_on() {
    let upstream = Upstream::start();
    let headers =
        json!({"token_headers": ["x-auth-token", "scw-functions-token", "authorization"]});
    let envoy = start(&upstream, &[("main", headers)]);
    let token = namespace_key().token(&claims());
    let mut after_the_dot = token.clone().into_bytes();
    after_the_dot.extend_from_slice(b"\xc3");
    #[rustfmt::skip]
    let cases: &[(&str, &[u8], &str)] = &[
        ("x-auth-token", b"\xff\xfe", "malformed_token"),
        ("scw-functions-token", b"\x80", "malformed_token"),
        ("x-auth-token", &after_the_dot, "malformed_token"),
        ("authorization", b"Bearer \xff\xfe", "malformed_token"),
        ("authorization", b"\xff\xfe", "missing_token"),
        ("authorization", b"\xff Bearer x", "missing_token"),
        // Not the filter's business, but seen by it where the whole map is read.
        ("x-other", b"\xff\xfe", "missing_token"),
    ];
    for (name, value, code) in cases {
        for protocol in PROTOCOLS {
            let request = Request::get().header(name, value).over(protocol);
            envoy.expect("main", &format!("{name}: {value:?}"), request, code);
            let good = Request::with_token(&token).header("x-other", b"\xff").over(protocol);
            envoy.expect("main", "a good request afterwards", good, "allowed");
        }
    }
    let log = envoy.log();
    assert!(!log.contains("panicked") && !log.contains("Proxy-Wasm plugin"), "{log}");
}

#[test]
fn a_connection_carries_good_and_bad_requests_one_after_the_other() {
    let upstream = Upstream::start();
    let envoy = start(&upstream, &[("main", json!({}))]);
    let token = namespace_key().token(&claims());
    let mut connection = Http1::open(envoy.address("main"));
    for round in 0..10 {
        for (value, status) in [(token.as_bytes(), 200), (b"junk", 403), (b"\xff", 403)] {
            let mut request = b"GET / HTTP/1.1\r\nHost: function.test\r\nX-aUtH-tOkEn: ".to_vec();
            request.extend_from_slice(value);
            request.extend_from_slice(b"\r\n\r\n");
            assert_eq!(connection.exchange(&request, false).status, status, "round {round}");
        }
    }
}
