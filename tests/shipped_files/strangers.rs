//! What a stranger can do to each file.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::http::{Http1, Request, send};
use testkit::processes::*;

use crate::issuer::Issuer;
use crate::shipped::{FILES, Shipped};

/// More connections than a process may have files, each with a request that never ends.
#[test]
fn unfinished_requests_by_the_thousand_keep_nobody_out_for_longer_than_their_time() {
    let issuer = &Issuer::start();
    std::thread::scope(|scope| {
        for file in FILES {
            scope.spawn(move || held_out_by(&file.start("headers", issuer), "headers"));
        }
    });
}

/// Without a token they are answered at their headers, and closed.
#[test]
fn unfinished_bodies_by_the_thousand_keep_nobody_out() {
    let issuer = &Issuer::start();
    std::thread::scope(|scope| {
        for file in FILES {
            scope.spawn(move || held_out_by(&file.start("body", issuer), "body"));
        }
    });
}

#[test]
fn silent_connections_by_the_thousand_keep_nobody_out_for_longer_than_their_time() {
    let issuer = &Issuer::start();
    std::thread::scope(|scope| {
        for file in FILES {
            // Not to wait for the 100 seconds that they have.
            let plan = file.plan(issuer).change("idle_timeout: 100s", "idle_timeout: 8s");
            scope.spawn(move || held_out_by(&plan.start("silence"), "silence"));
        }
    });
}

fn held_out_by(shipped: &Shipped, kind: &str) {
    let name = shipped.name;
    assert_eq!(shipped.ask(), Some(200), "{name}: {}", shipped.envoy.log());
    let begin = Instant::now();
    // Two, for a process may not have so many files here either.
    let strangers = ["one", "two"].map(|part| {
        let mut command = Command::new("python3");
        command.arg(root("tests/deployment/strangers.py"));
        command.args([&shipped.port.to_string(), "650", kind]);
        Service::start(&format!("strangers-{part}"), &shipped.folder, &mut command)
    });
    let open = || strangers.iter().all(|it| it.log().contains("all open\n"));
    while !open() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{name}: {}", strangers[0].log());
        std::thread::sleep(Duration::from_millis(50));
    }

    let (busy, since) = (shipped.processor_time(), Instant::now());
    std::thread::sleep(Duration::from_secs(2));
    let share = (shipped.processor_time() - busy).as_secs_f64() / since.elapsed().as_secs_f64();
    assert!(share < 0.3, "{name}: Envoy is busy with nothing: {share:.2} of a core");

    let served = loop {
        if shipped.ask() == Some(200) {
            break begin.elapsed();
        }
        assert!(begin.elapsed() < Duration::from_secs(40), "{name}: {}", shipped.envoy.log());
        std::thread::sleep(Duration::from_millis(100));
    };
    println!("{name}: {kind}: {share:.3} of a core, served after {served:?}");
}

#[test]
fn what_a_client_sends_makes_no_false_and_no_long_line_in_the_access_log() {
    let issuer = Issuer::start();
    for file in FILES {
        let shipped = file.start("access-log", &issuer);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shipped.port));

        let mut request = Request::get().header("x-envoy-original-path", "/healthz");
        request.path = "/the/real/path?secret".to_owned();
        assert_eq!(send(address, &request).status, 403);
        let line = shipped.access_log_line(0);
        assert_eq!(line["path"], "/the/real/path", "{}: {line}", file.name);

        let quotes = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "\"".repeat(55_000));
        assert_eq!(Http1::open(address).exchange(quotes.as_bytes(), false).status, 403);
        let line = shipped.access_log_line(1);
        // `normalize_path` writes them so.
        let quote = if file.is_normalized() { "%22" } else { "\"" };
        assert_eq!(line["path"], format!("/{}", quote.repeat(99 / quote.len())), "{}", file.name);

        // HTTP/2 takes any method.
        let method: &'static str = "M".repeat(10_000).leak();
        let request = Request::get().over(testkit::http::Protocol::Http2).method(method);
        assert_eq!(send(address, &request).status, 403);
        let line = shipped.access_log_line(2);
        assert_eq!(line["method"], "M".repeat(10), "{}", file.name);

        assert_eq!(Http1::open(address).exchange(b"junk\r\n\r\n", false).status, 400);
        assert_eq!(shipped.access_log_line(3)["path"], Value::Null, "{}", file.name);
    }
}
