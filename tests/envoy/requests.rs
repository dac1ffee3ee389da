//! Requests that are more than a GET with headers: tunnels, upgrades, bodies on their way,
//! trailers, calls, redirects inside the gateway, and headers past the usual limits.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use serde_json::json;
use testkit::corpus::wire::{Connection, Fate, frame};
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::http::{Http1, PROTOCOLS, Protocol, Request, send, text};
use testkit::mint::base64url;
use testkit::protected::*;
use testkit::upstream::{MARK, Upstream};

fn token() -> String {
    namespace_key().token(&claims())
}

/// The decision about the request with that `x-case`.
fn decision(envoy: &Envoy, case: &str) -> Option<String> {
    envoy.access_log_line(case)["decision"].as_str().map(str::to_owned)
}

/// An Envoy whose listener `main` carries CONNECT and WebSocket over both protocols.
fn tunnels(upstream: &Upstream) -> Envoy {
    Plan::new(upstream)
        .listener("main", Filter::new(&configuration_with(json!({"token_cookies": ["session"]}))))
        .adjust("main", |manager| {
            manager["upgrade_configs"] =
                json!([{"upgrade_type": "CONNECT"}, {"upgrade_type": "websocket"}]);
            manager["http2_protocol_options"] = json!({"allow_connect": true});
            let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array_mut();
            let connect =
                json!({"match": {"connect_matcher": {}}, "route": {"cluster": "upstream"}});
            routes.unwrap().insert(0, connect);
        })
        .start()
}

#[test]
fn a_tunnel_or_an_upgrade_needs_a_token_too() {
    let upstream = Upstream::start();
    let envoy = tunnels(&upstream);
    let token = token();
    let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let heads = [
        ("connect", "CONNECT inside.test:443 HTTP/1.1\r\nhost: inside.test:443\r\n".to_owned()),
        ("websocket", format!("GET / HTTP/1.1\r\nhost: function.test\r\n{upgrade}")),
    ];
    for (kind, head) in heads {
        for (with, header, code) in [
            ("nothing", String::new(), "missing_token"),
            ("junk", "x-auth-token: junk\r\n".to_owned(), "malformed_token"),
            ("bytes", "x-auth-token: \u{e9}\r\n".to_owned(), "malformed_token"),
            ("token", format!("x-auth-token: {token}\r\n"), "allowed"),
            // A browser can give its WebSocket no header of the page's choice, but cookies.
            ("cookie", format!("cookie: a=b; session={token}\r\n"), "allowed"),
            ("cookie-junk", "cookie: session=junk\r\n".to_owned(), "malformed_token"),
            ("other-cookie", format!("cookie: other={token}\r\n"), "missing_token"),
        ] {
            let case = format!("{kind}-{with}");
            let before = upstream.requests();
            let mut connection = Connection::open(Protocol::Http1, envoy.address("main"));
            connection.write(format!("{head}x-case: {case}\r\n{header}\r\n").as_bytes());
            let status = connection.http1_answer().map(|(status, _)| status);
            drop(connection);
            assert_eq!(decision(&envoy, &case).as_deref(), Some(code), "{case}: {status:?}");
            let admitted = code == "allowed";
            assert_eq!(upstream.requests() > before, admitted, "{case}");
            assert_eq!(status == Some(403), !admitted, "{case}: {status:?}");
        }
    }
}

/// RFC 9113 §8.5, RFC 8441.
#[test]
fn a_tunnel_over_http2_needs_a_token_too() {
    let upstream = Upstream::start();
    let envoy = tunnels(&upstream);
    let connect = [(":method", "CONNECT"), (":authority", "inside.test:443")];
    let websocket = [
        (":method", "CONNECT"),
        (":authority", "function.test"),
        (":scheme", "http"),
        (":path", "/"),
        (":protocol", "websocket"),
    ];
    for (kind, pseudo) in [("connect", &connect[..]), ("websocket", &websocket[..])] {
        for (with, value, code) in
            [("nothing", "", "missing_token"), ("junk", "junk", "malformed_token")]
        {
            let case = format!("{kind}-{with}");
            let fields = [pseudo, &[("x-case", &case), ("x-auth-token", value)]].concat();
            let fields: Vec<_> = fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .collect();
            let mut connection = Connection::open(Protocol::Http2, envoy.address("main"));
            let (id, _) = connection.http2_headers(&fields, false);
            let fate = connection.http2_answer(id).map(|(fate, _)| fate);
            assert_eq!(fate, Some(Fate::Answered), "{case}");
            drop(connection);
            assert_eq!(decision(&envoy, &case).as_deref(), Some(code), "{case}");
        }
    }
    assert_eq!(upstream.requests(), 0);
}

/// Where no upgrade is configured, Envoy refuses CONNECT before the filter decides, or after.
#[test]
fn connect_that_is_not_configured_reaches_nobody() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener("main", Filter::new(&configuration())).start();
    for header in [String::new(), format!("x-auth-token: {}\r\n", token())] {
        let mut connection = Connection::open(Protocol::Http1, envoy.address("main"));
        let head = "CONNECT inside.test:443 HTTP/1.1\r\nhost: inside.test:443\r\n";
        connection.write(format!("{head}{header}\r\n").as_bytes());
        let status = connection.http1_answer().map(|(status, _)| status);
        assert!(status.is_some_and(|status| status >= 400), "{status:?}");
    }
    assert_eq!(upstream.requests(), 0);
    envoy.expect("main", "then a good token", Request::with_token(&token()), "allowed");
}

#[test]
fn a_request_is_refused_while_its_body_is_still_coming() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener("main", Filter::new(&configuration())).start();
    let post = "POST / HTTP/1.1\r\nhost: function.test\r\n";
    for (case, head, body) in [
        ("length", "content-length: 10000000\r\n", "a few bytes"),
        ("nothing-yet", "content-length: 10000000\r\n", ""),
        ("chunks", "transfer-encoding: chunked\r\n", "5\r\nhello\r\n"),
        ("expect", "content-length: 10\r\nexpect: 100-continue\r\n", ""),
    ] {
        let mut connection = Connection::open(Protocol::Http1, envoy.address("main"));
        connection.write(format!("{post}{head}x-case: {case}\r\n\r\n{body}").as_bytes());
        let mut status = connection.http1_answer();
        if case == "expect" {
            // Envoy says by itself that the body may come.
            assert_eq!(status.map(|(status, _)| status), Some(100));
            status = connection.http1_answer();
        }
        assert_eq!(status.map(|(status, _)| status), Some(403), "{case}");
        assert_eq!(decision(&envoy, case).as_deref(), Some("missing_token"), "{case}");
    }
    for case in ["http2", "http2-trailers"] {
        let mut connection = Connection::open(Protocol::Http2, envoy.address("main"));
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "x.test"),
            ("x-case", case),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let (id, _) = connection.http2_headers(&fields, false);
        connection.write(&frame(0, 0, id, b"a few bytes"));
        if case == "http2-trailers" {
            // A token after the body is no token: the decision was made before.
            let trailers = [("x-auth-token".to_owned(), token().into_bytes())];
            connection.http2_fields(id, &trailers, true);
        }
        assert_eq!(
            connection.http2_answer(id).map(|(fate, _)| fate),
            Some(Fate::Answered),
            "{case}"
        );
        assert_eq!(decision(&envoy, case).as_deref(), Some("missing_token"), "{case}");
    }
    assert_eq!(upstream.requests(), 0);
    envoy.expect("main", "then a good token", Request::with_token(&token()), "allowed");
}

#[test]
fn the_method_the_path_and_connection_headers_change_nothing() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener("main", Filter::new(&configuration())).start();
    for protocol in PROTOCOLS {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE"]
        {
            let request = Request::get().method(method).over(protocol);
            envoy.expect("main", method, request, "missing_token");
        }
        for path in [
            "/",
            "//",
            "/../",
            "/%2e%2e/",
            "/;x=y",
            "/?x-auth-token=junk",
            "/%00",
            "/ready",
            "/stats",
        ] {
            let mut request = Request::get().over(protocol);
            request.path = path.to_owned();
            // Envoy refuses some by itself.
            let answer = envoy.ask("main", request);
            assert!(!answer.is_from_upstream() && answer.status >= 400, "{path}: {answer:?}");
        }
        let query = Request::get().over(protocol);
        let query =
            Request { path: format!("/?access_token={0}&x-auth-token={0}", token()), ..query };
        envoy.expect("main", "a token in the query", query, "missing_token");
    }
    // RFC 9110 §7.6.1: what `connection` names ends at the proxy, and for Envoy that is
    // before the filter: a client that names its own token header has sent none.
    let named = Request::with_token(&token()).header("connection", "x-auth-token");
    envoy.expect("main", "a token header that connection names", named, "missing_token");
    for (name, value) in [
        ("x-envoy-original-path", "/public"),
        ("x-original-url", "/"),
        ("x-rewrite-url", "/"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-envoy-internal", "true"),
        ("x-http-method-override", "OPTIONS"),
        ("access-control-request-method", "GET"),
    ] {
        let request =
            Request::get().method("OPTIONS").header(name, value).header("origin", "https://x.test");
        envoy.expect("main", name, request, "missing_token");
    }
}

/// A browser asks whether it may send a request, and can give that question no token.
#[test]
fn a_preflight_needs_no_token_where_that_is_configured() {
    let upstream = Upstream::start();
    let allows = |changes: serde_json::Value| {
        let mut configuration = configuration_with(changes);
        configuration["allow_cors_preflight"] = json!(true);
        Filter::new(&configuration)
    };
    let cookies = json!({"token_cookies": ["session"]});
    let envoy = Plan::new(&upstream)
        .listener("off", Filter::new(&configuration()))
        .listener("on", allows(cookies))
        .listener("public", allows(json!({"public": true})))
        .listener("forwards", allows(json!({"forward_token": true})))
        .start();
    let asked = [("origin", "https://page.test"), ("access-control-request-method", "POST")];
    let with = |method: &'static str, headers: &[(&str, &str)]| {
        headers.iter().fold(Request::get().method(method), |r, (name, value)| r.header(name, value))
    };
    let expected = ["preflight", "public"];
    for protocol in PROTOCOLS {
        let preflight = || with("OPTIONS", &asked).over(protocol);
        envoy.expect("off", "a preflight", preflight(), "missing_token");
        for (listener, code) in ["on", "public"].into_iter().zip(expected) {
            envoy.expect(listener, "a preflight", preflight(), code);
            // What a token header or cookie holds isn't judged, and doesn't get through.
            let junk = preflight().header("x-auth-token", "junk");
            let junk = match listener {
                "on" => junk.header("cookie", "a=b; session=other"),
                _ => junk,
            };
            let answer = envoy.expect(listener, "a preflight with junk", junk, code);
            assert!(answer.seen_by_upstream("x-auth-token").is_empty(), "{protocol:?}");
            assert!(!text(&answer.body).contains("other"), "{protocol:?}");
        }
        let forwarded = preflight().header("x-auth-token", "junk");
        let answer = envoy.expect("forwards", "a preflight with junk", forwarded, "preflight");
        assert_eq!(answer.seen_by_upstream("x-auth-token"), ["junk"], "{protocol:?}");

        for lacking in [&asked[..1], &asked[1..], &[]] {
            envoy.expect("on", "half", with("OPTIONS", lacking).over(protocol), "missing_token");
        }
        for empty in [0, 1] {
            let mut headers = asked;
            headers[empty].1 = "";
            let request = with("OPTIONS", &headers).over(protocol);
            envoy.expect("on", "an empty header", request, "missing_token");
        }
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            envoy.expect("on", method, with(method, &asked).over(protocol), "missing_token");
        }
        let overridden = with("POST", &asked).header("x-http-method-override", "OPTIONS");
        envoy.expect("on", "another method", overridden.over(protocol), "missing_token");
    }
    let decisions = envoy.decisions();
    assert_eq!(decisions.get("preflight"), Some(&6), "{decisions:?}");
    assert!(envoy.log().contains("namespace-jwt: preflight"), "{}", envoy.log());
}

/// What goes through a tunnel is judged by nobody.
#[test]
fn a_preflight_opens_no_tunnel() {
    let upstream = Upstream::start();
    let configuration = configuration_with(json!({"allow_cors_preflight": true}));
    let envoy = Plan::new(&upstream)
        .listener("main", Filter::new(&configuration))
        .adjust("main", |manager| {
            manager["upgrade_configs"] = json!([{"upgrade_type": "websocket"}]);
        })
        .start();
    let mut connection = Connection::open(Protocol::Http1, envoy.address("main"));
    connection.write(
        b"OPTIONS / HTTP/1.1\r\nhost: function.test\r\nconnection: Upgrade\r\n\
          upgrade: websocket\r\norigin: https://page.test\r\n\
          access-control-request-method: GET\r\nx-case: upgrade\r\n\r\n",
    );
    assert_eq!(connection.http1_answer().map(|(status, _)| status), Some(403));
    assert_eq!(decision(&envoy, "upgrade").as_deref(), Some("missing_token"));
    assert_eq!(upstream.requests(), 0);
}

/// The proxy chooses the route anew when a filter has changed the headers. A route that is
/// chosen by the token header is lost with it, unless the token is left to the filter's
/// successor: the route itself can take it away.
#[test]
fn a_route_chosen_by_a_token_header_needs_the_token_to_stay() {
    let upstream = Upstream::start();
    let routes = |plan: Plan, name: &str, forward: bool| {
        let configuration = configuration_with(json!({"forward_token": forward}));
        plan.listener(name, Filter::new(&configuration)).adjust(name, |manager| {
            let route = |matched: serde_json::Value, mark: &str| {
                json!({
                    "match": matched,
                    "route": {"cluster": "upstream"},
                    "request_headers_to_add": [{"header": {"key": "x-route", "value": mark}}],
                    "request_headers_to_remove": ["x-auth-token"],
                })
            };
            let present = json!([{"name": "x-auth-token", "present_match": true}]);
            manager["route_config"]["virtual_hosts"][0]["routes"] = json!([
                route(json!({"prefix": "/", "headers": present}), "with-token"),
                route(json!({"prefix": "/"}), "without-token"),
            ]);
        })
    };
    let plan = routes(routes(Plan::new(&upstream), "removed", false), "forwarded", true);
    let envoy = plan.start();
    for protocol in PROTOCOLS {
        for (listener, route) in [("removed", "without-token"), ("forwarded", "with-token")] {
            let request = Request::with_token(&token()).over(protocol);
            let answer = envoy.expect(listener, "a good token", request, "allowed");
            assert_eq!(answer.seen_by_upstream("x-route"), [route], "{listener} {protocol:?}");
            assert!(answer.seen_by_upstream("x-auth-token").is_empty(), "{listener} {protocol:?}");
        }
    }
}

/// gRPC over HTTP/2 is answered in HTTP with 200 and the status in `grpc-status`: nobody
/// may take that for a good answer, or keep it.
#[test]
fn a_denied_call_has_a_grpc_status_and_is_not_kept() {
    let upstream = Upstream::start();
    let filter = |status: u16| {
        let statuses = json!({"missing_token_status": status, "invalid_token_status": status});
        Filter::new(&configuration_with(statuses))
    };
    let envoy = Plan::new(&upstream)
        .listener("401", filter(401))
        .listener("403", filter(403))
        .listener("404", filter(404))
        .start();
    // The gRPC statuses of these HTTP statuses, by gRPC's own table.
    for (listener, grpc_status) in [("401", "16"), ("403", "7"), ("404", "12")] {
        for protocol in PROTOCOLS {
            for kind in ["application/grpc", "application/grpc+proto"] {
                let call =
                    Request::get().method("POST").header("content-type", kind).over(protocol);
                let call = match protocol {
                    Protocol::Http2 => call.header("te", "trailers"),
                    Protocol::Http1 => call,
                };
                let answer = envoy.expect(listener, kind, call, "missing_token");
                assert_eq!(answer.status, 200, "{answer:?}");
                assert_eq!(answer.header("grpc-status").as_deref(), Some(grpc_status));
                assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
                assert_eq!(answer.header(MARK), None);
            }
            let other = Request::get()
                .method("POST")
                .header("content-type", "application/grpc-web")
                .over(protocol);
            let answer = envoy.expect(listener, "gRPC-Web is plain HTTP", other, "missing_token");
            assert_eq!(answer.status.to_string(), listener);
        }
    }
}

/// Headers past Envoy's usual limits, where an operator has raised them.
#[test]
fn megabytes_of_headers_are_judged_like_any_others() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream)
        .listener("main", Filter::new(&configuration()))
        .adjust("main", |manager| {
            manager["max_request_headers_kb"] = json!(8192);
            manager["common_http_protocol_options"] = json!({"max_headers_count": 20_000});
        })
        .start();
    let token = token();
    let megabyte = "A".repeat(1 << 20);
    let kid = namespace_key().token_with(&json!({"alg": "RS256", "kid": megabyte}), &claims());
    let many = |count: usize, value: &dyn Fn(usize) -> String| {
        (0..count).fold(Request::get(), |request, n| request.header("x-auth-token", value(n)))
    };
    for (what, request, code) in [
        ("a megabyte of letters", Request::with_token(&megabyte), "oversized_token"),
        ("a megabyte of kid", Request::with_token(&kid), "oversized_token"),
        ("a megabyte of dots", Request::with_token(&".".repeat(1 << 20)), "oversized_token"),
        (
            "a megabyte of bytes",
            Request::get().header("x-auth-token", vec![0xff; 1 << 20]),
            "oversized_token",
        ),
        (
            "a megabyte beside a token",
            Request::with_token(&token).header("x-other", &megabyte),
            "allowed",
        ),
        ("the same token a thousand times", many(1000, &|_| token.clone()), "allowed"),
        (
            "a thousand tokens",
            many(1000, &|n| format!("AA.AA.{}", base64url(&n.to_be_bytes()))),
            "multiple_tokens",
        ),
        (
            "ten thousand headers",
            (0..10_000).fold(Request::with_token("junk"), |request, n| {
                request.header(&format!("x-{n}"), "x")
            }),
            "malformed_token",
        ),
    ] {
        // What is let in here is too much for the test's own application to read.
        let case = what.replace(' ', "-");
        let request = request.header("x-case", &case);
        send(envoy.address("main"), &request);
        assert_eq!(decision(&envoy, &case).as_deref(), Some(code), "{what}");
        envoy.expect("main", "then a good token", Request::with_token(&token), "allowed");
    }
}

/// An application whose first answer sends the gateway, not the client, elsewhere.
fn redirecting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                head.push(byte[0]);
            }
            let answer = if head.starts_with(b"GET /inside ") {
                "HTTP/1.1 200 OK\r\nx-upstream: yes\r\n"
            } else {
                "HTTP/1.1 302 Found\r\nlocation: http://function.test/inside\r\n"
            };
            let _ = write!(stream, "{answer}connection: close\r\ncontent-length: 0\r\n\r\n");
        }
    });
    address
}

/// An internal redirect goes through the filters again, and the token was taken off the
/// request the first time: the second time it is refused, unless it is forwarded.
#[test]
fn an_internal_redirect_is_judged_again() {
    let upstream = Upstream::start();
    let elsewhere = redirecting();
    let redirect = |plan: Plan, name: &str, forward: bool| {
        let configuration = configuration_with(json!({"forward_token": forward}));
        plan.listener(name, Filter::new(&configuration)).adjust(name, |manager| {
            let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
            route["internal_redirect_policy"] = json!({});
        })
    };
    let plan = redirect(redirect(Plan::new(&upstream), "removed", false), "forwarded", true);
    let envoy = plan.upstream_at(elsewhere).start();
    let ask = |listener: &str| send(envoy.address(listener), &Request::with_token(&token()));
    assert_eq!(ask("removed").status, 403);
    let forwarded = ask("forwarded");
    assert_eq!((forwarded.status, forwarded.header(MARK).is_some()), (200, true));
    let nothing = send(envoy.address("forwarded"), &Request::get());
    assert_eq!(nothing.status, 403);
}

/// Two requests in one packet: the token of the first says nothing about the second.
#[test]
fn a_pipelined_request_needs_its_own_token() {
    let upstream = Upstream::start();
    let envoy = Plan::new(&upstream).listener("main", Filter::new(&configuration())).start();
    let mut connection = Http1::open(envoy.address("main"));
    let one = format!("GET / HTTP/1.1\r\nhost: a\r\nx-auth-token: {}\r\n\r\n", token());
    let two = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    assert_eq!(connection.exchange(format!("{one}{two}").as_bytes(), false).status, 200);
    assert_eq!(connection.exchange(b"", false).status, 403);
}
