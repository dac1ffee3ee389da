//! What a connection and a body may take, and how they end.

use super::*;

#[test]
fn headers_that_come_too_slowly_end_the_connection() {
    let limits = Limits { head: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    for begun in ["", "GET /hello HTTP/1.1\r\nHost:"] {
        let mut client = service.connect();
        client.send(begun);
        let waited = client.wait_for_end();
        assert!(waited < PATIENCE / 2, "{begun:?}: {waited:?}");
    }
    // Also if they never stop coming.
    let mut client = service.connect();
    until(|| client.reader.get_mut().write_all(b"A").err());
}

#[test]
fn an_idle_connection_lives_longer_than_headers_may_take_and_not_for_ever() {
    let limits = Limits { head: SHORT, idle: SHORT * 5, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    let ask = |client: &mut Client| {
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    };
    ask(&mut client);
    // There is no condition to wait for: that nothing happens is what is tested.
    thread::sleep(SHORT * 2);
    ask(&mut client);
    let waited = client.wait_for_end();
    assert!(waited > SHORT * 3, "{waited:?}");
    // A second request that has begun has the time of headers, and not the rest of the pause.
    let mut client = service.connect();
    ask(&mut client);
    client.send("GET /hello");
    let waited = client.wait_for_end();
    assert!(waited < SHORT * 4, "{waited:?}");
}

#[test]
fn headers_have_a_limit_in_bytes_and_in_lines() {
    let service = Service::start(Setup::default());
    let head = |value: usize, lines: usize| {
        let lines = "X: y\r\n".repeat(lines);
        format!("GET /hello HTTP/1.1\r\nHost: h\r\nX: {}\r\n{lines}\r\n", "v".repeat(value))
    };
    let cases = [(30_000, 0, 200), (33_000, 0, 431), (300_000, 0, 431), (1, 98, 200), (1, 99, 431)];
    for (value, lines, expected) in cases {
        let mut client = service.connect();
        // The service may end the connection before all of it was sent, and is read all the same.
        drop(client.reader.get_mut().write_all(head(value, lines).as_bytes()));
        assert_eq!(client.answer().status, expected, "{value} bytes, {lines} lines");
    }
    // Nor is more kept of headers that have no end.
    let mut client = service.connect();
    client.send(&"GET /hello HTTP/1.1\r\nX: y".replace('y', &"y".repeat(33_000)));
    assert_eq!(client.answer().status, 431);
}

#[test]
fn further_connections_wait_until_there_is_room() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    let mut second = service.connect();
    second.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    // There is a slot left behind it no more, so it doesn't stay.
    let answer = second.answer();
    assert_eq!(answer.headers["connection"], "close");
    second.wait_for_end();

    let mut never = service.connect();
    never.send("GET /never HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut waiting = service.connect();
    waiting.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    waiting.reader.get_mut().set_read_timeout(Some(SHORT)).unwrap();
    let silence = waiting.reader.fill_buf().unwrap_err().kind();
    assert!(matches!(silence, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{silence}");
    drop(never);
    waiting.reader.get_mut().set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(waiting.answer().status, 200);
}

#[test]
fn a_connection_is_kept_while_there_is_room_for_another() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    for _ in 0..3 {
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().headers.get("connection"), None);
    }
}

#[test]
fn a_client_that_does_not_read_its_answer_is_left() {
    let limits = Limits { unread: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_connections(2);
    service.wait_for_connections(1);
}

#[test]
fn a_client_that_never_sends_the_rest_of_its_body_is_left() {
    let limits = Limits { linger: SHORT, ..Limits::default() };
    let service = Service::start(Setup { limits, ..Setup::default() });
    let mut client = service.connect();
    client.send("POST /ignored HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n");
    assert_eq!(client.answer().status, 401);
    service.wait_for_connections(1);
}

// --- the end ---

#[test]
fn what_is_under_way_is_answered_before_the_end() {
    let mut service = Service::start(Setup::default());
    let mut idle = service.connect();
    idle.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(idle.answer().status, 200);
    let mut silent = service.connect();
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    service.stop();
    // The idle ones end at once, and nobody new is let in.
    idle.wait_for_end();
    silent.wait_for_end();
    until(|| TcpStream::connect(service.address).err());
    service.release.notify_one();
    let answer = held.answer();
    assert_eq!((answer.status, answer.body.as_str()), (200, "released"));
    held.wait_for_end();
    assert_eq!(service.ended(), 0);
}

#[test]
fn what_takes_too_long_is_cut_off_at_the_end() {
    let limits = Limits { shutdown: SHORT, ..Limits::default() };
    let mut service = Service::start(Setup { limits, ..Setup::default() });
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    let started = Instant::now();
    assert_eq!(service.ended(), 1);
    assert!((SHORT..PATIENCE / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    held.wait_for_end();
}

// --- bodies ---

#[test]
fn a_body_that_comes_too_slowly_is_answered_with_408() {
    let body = BodyLimits { time: SHORT, ..BodyLimits::default() };
    let service = Service::start(Setup { body, ..Setup::default() });
    let mut client = service.connect();
    client.send("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    let answer = client.answer();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.message(), "the request's body didn't arrive in time");
    client.wait_for_end();
}

#[test]
fn a_body_that_is_too_long_is_read_to_its_end_and_the_connection_goes_on() {
    let service = Service::start(Setup::default());
    let mut client = service.connect();
    for (mib, expected) in [(1, 200), (5, 413), (8, 413), (1, 200)] {
        let bytes = mib << 20;
        client
            .send(&format!("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!(client.send_bytes(bytes), "{mib} MiB");
        let answer = client.answer();
        assert_eq!(answer.status, expected, "{mib} MiB");
        if expected == 413 {
            assert_eq!(answer.message(), "the request's body is longer than is permitted");
        }
    }
}

#[test]
fn a_body_that_is_far_too_long_is_answered_and_ends_the_connection_without_harm() {
    let service = Service::start(Setup::default());
    // Nine megabytes, announced or not: what is over is dropped as well, for two more seconds.
    let bytes = 9 << 20;
    for framing in [format!("Content-Length: {bytes}"), "Transfer-Encoding: chunked".to_owned()] {
        let mut client = service.connect();
        client.send(&format!("POST /length HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n"));
        if framing.ends_with("chunked") {
            client.send(&format!("{bytes:x}\r\n"));
        }
        client.send_bytes(bytes - (1 << 19));
        let answer = client.answer();
        assert_eq!((answer.status, answer.headers["connection"].as_str()), (413, "close"));
        assert_eq!(answer.message(), "the request's body is longer than is permitted");
        // An end that never comes is not waited for.
        while client.send_bytes(1 << 20) {}
        client.wait_for_end();
    }
    assert_eq!(service.ask("GET /hello HTTP/1.1").status, 200);
}

#[test]
fn an_answer_that_is_given_before_the_body_was_read_reaches_the_client() {
    let service = Service::start(Setup::default());
    for path in ["/ignored", "/nothing"] {
        let mut client = service.connect();
        let bytes = 4 << 20;
        client.send(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!(client.send_bytes(bytes), "{path}");
        assert!([401, 404].contains(&client.answer().status), "{path}");
        assert!(client.wait_for_end() < Duration::from_secs(2), "{path}");
        // And a client that sends its body only then isn't reset within it.
        let mut client = service.connect();
        client.send(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n"));
        assert!([401, 404].contains(&client.answer().status), "{path}");
        assert!(client.send_bytes(bytes), "{path}");
    }
}

// --- requests ---
