//! What every answer has, and what is logged and counted of it.

use super::*;

#[test]
fn what_the_router_answers_itself_is_json() {
    let service = Service::start(Setup::default());
    let cases = [
        ("GET /nothing HTTP/1.1", 404, "there is nothing at this path"),
        ("DELETE /hello HTTP/1.1", 405, "this path doesn't have this method"),
        ("POST /ignored HTTP/1.1", 401, "Unauthorized"),
        ("GET /numbers/%3Cscript%3E HTTP/1.1", 400, "Bad Request"),
        ("GET /text HTTP/1.1", 409, "Conflict"),
        ("GET /panic HTTP/1.1", 500, "internal error"),
    ];
    for (head, status, message) in cases {
        let answer = service.ask(head);
        assert_eq!((answer.status, answer.message().as_str()), (status, message), "{head}");
    }
    assert_eq!(service.ask("DELETE /hello HTTP/1.1").headers["allow"], "GET,HEAD");
    // A page for people stays one.
    let page = service.ask("GET /console HTTP/1.1");
    assert_eq!((page.status, page.body.as_str()), (404, "<p>no such page"));
    assert_eq!(page.headers["content-security-policy"], "default-src 'self'");
}

#[test]
fn each_answer_has_the_headers_that_protect_it_and_an_id_of_its_own() {
    let service = Service::start(Setup::default());
    let mut ids = Vec::new();
    for path in ["/hello", "/nothing", "/panic", "/numbers/x", "/hello"] {
        let given = "X-Request-Id: 3f0c4a3c-0d3a-4f53-8a43-6f3e0f2d1b11";
        let answer = service.ask(&format!("GET {path} HTTP/1.1\r\n{given}"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        assert_eq!(answer.headers.get("cache-control"), None);
        assert_eq!(answer.request_id().get_version_num(), 4);
        assert!(!given.contains(&answer.headers["x-request-id"]), "{path}");
        ids.push(answer.request_id());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_panic_ends_the_request_and_not_the_connection() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    for (path, status) in [("/panic", 500), ("/hello", 200), ("/panic", 500)] {
        client.send(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, status);
        let errors = LOG.0.lock().unwrap().clone();
        let errors = String::from_utf8(errors).unwrap();
        let id = answer.request_id().to_string();
        let logged = errors.lines().any(|line| line.contains(&id) && line.contains("ERROR"));
        assert_eq!(logged, status == 500, "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
    }
}

#[test]
fn a_request_that_takes_too_long_is_answered_with_503() {
    let service = Service::start(Setup { request_time: SHORT, ..Setup::default() });
    let answer = service.ask("GET /never HTTP/1.1");
    assert_eq!(answer.status, 503);
    assert!(answer.message().starts_with("the request took longer than is permitted; "));
    assert_eq!(answer.log_line()["status"], 503);
}

#[test]
fn a_handler_knows_the_request_and_the_log_what_the_handler_says() {
    let service = Service::start(Setup { proxies: "127.0.0.1", ..Setup::default() });
    let long = "y".repeat(300);
    let cases = [
        ("User-Agent: scw/2", "127.0.0.1", "scw/2"),
        ("X-Forwarded-For: 1.1.1.1, 198.51.100.7", "198.51.100.7", ""),
        ("User-Agent: a\tb\u{e9}", "127.0.0.1", "a?b??"),
        (&format!("User-Agent: {long}"), "127.0.0.1", &long[..256]),
    ];
    for (header, address, user_agent) in cases {
        let answer = service.ask(&format!("GET /who HTTP/1.1\r\n{header}"));
        assert_eq!(answer.body, format!("{} {address} {user_agent}", answer.request_id()));
        let line = answer.log_line();
        assert_eq!((&line["client"], &line["level"]), (&address.into(), &"INFO".into()));
        assert_eq!(line["caller"], "SCWXXXXXXXXXXXXXXXXX");
    }
}

#[test]
fn the_log_has_a_request_by_its_route_and_never_by_its_path() {
    let service = Service::start(Setup::default());
    let cases = [
        ("GET /numbers/77?token=sesame HTTP/1.1", "GET", "/numbers/{number}", 200),
        ("GET /sesame?token=sesame HTTP/1.1", "GET", "-", 404),
        ("SESAME /hello HTTP/1.1\r\nX-Auth-Token: sesame", "other", "/hello", 405),
    ];
    for (head, method, route, status) in cases {
        let line = service.ask(head).log_line();
        let found = (&line["method"], &line["route"], &line["status"], &line["caller"]);
        assert_eq!(found, (&method.into(), &route.into(), &status.into(), &"-".into()), "{line}");
        assert!(line["duration_ms"].is_u64() && line["client"] == "127.0.0.1", "{line}");
    }
    let log = String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap().to_lowercase();
    assert!(!log.contains("sesame") && !log.contains("/numbers/77"), "{log}");
}

#[test]
fn a_request_whose_client_has_left_is_counted_as_499() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    client.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    drop(client);
    let expected = r#"issuer_http_requests_total{method="GET",route="/held",status="499"} 1"#;
    until(|| service.ask("GET /metrics HTTP/1.1").body.contains(expected).then_some(()));
}

#[test]
fn the_figures_have_routes_and_no_value_of_a_clients_choice() {
    let service = Service::start(Setup::default());
    for head in ["GET /numbers/1 HTTP/1.1", "GET /sesame HTTP/1.1", "SESAME /hello HTTP/1.1"] {
        service.ask(head);
    }
    let answer = service.ask("GET /metrics HTTP/1.1");
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, content_type));
    for line in [
        r#"issuer_http_requests_total{method="GET",route="/numbers/{number}",status="200"} 1"#,
        r#"issuer_http_requests_total{method="GET",route="-",status="404"} 1"#,
        r#"issuer_http_requests_total{method="other",route="/hello",status="405"} 1"#,
    ] {
        assert!(answer.body.lines().any(|it| it == line), "{line} in {}", answer.body);
    }
    assert!(!answer.body.to_lowercase().contains("sesame"), "{}", answer.body);
}
