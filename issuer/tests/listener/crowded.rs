//! What happens when connections run short: whoever keeps the service waiting makes room, and nobody
//! else.

use super::*;

/// Longer than a test takes: what ends, ends for another reason.
const NEVER: Duration = Duration::from_secs(3600);

/// Limits that end nothing by themselves.
fn patient(connections: usize) -> Setup {
    let limits = Limits {
        connections,
        head: NEVER,
        idle: NEVER,
        unread: NEVER,
        linger: NEVER,
        ..Limits::default()
    };
    let body = BodyLimits { time: NEVER, ..BodyLimits::default() };
    Setup { limits, body, request_time: NEVER, ..Setup::default() }
}

/// Each way to keep a place and let the service wait for the rest.
const WAYS: [&str; 6] = [
    "",
    "GET /hello HTTP/1.1\r\nHost:",
    "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
    "POST /ignored HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
    "GET /large HTTP/1.1\r\nHost: h\r\n\r\n",
];

#[test]
fn however_the_places_are_kept_there_is_one_for_whoever_asks() {
    for way in WAYS {
        let service = Service::start(patient(8));
        // As many as there are places and as many again, which wait in the kernel's queue at first.
        let mut strangers: Vec<_> = (0..16)
            .map(|_| {
                let mut stranger = service.connect();
                stranger.send(way);
                stranger
            })
            .collect();
        // Who has come just now is left alone.
        thread::sleep(SHORT);
        for _ in 0..4 {
            assert_eq!(service.ask("GET /hello HTTP/1.1").status, 200, "{way:?}");
        }
        // On a busy machine the strangers may not all have come by now.
        let mut has_closed_early = false;
        for _ in 0..50 {
            let figures = service.ask("GET /metrics HTTP/1.1").body;
            let of = |name: &str| -> u64 {
                let line = figures.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
                line.unwrap_or_else(|| panic!("{name} in {figures}")).parse().unwrap()
            };
            assert!(of("issuer_http_connections") <= 8, "{way:?}");
            has_closed_early = of("issuer_http_connections_closed_early_total") >= 1;
            if has_closed_early {
                break;
            }
            thread::sleep(SHORT);
        }
        assert!(has_closed_early, "{way:?}");
        // Who came first has left.
        strangers[0].wait_for_end();
    }
}

#[test]
fn a_request_that_is_being_answered_is_not_closed() {
    let service = Service::start(patient(4));
    let mut held = service.connect();
    held.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    service.wait_for_held_request();
    let strangers: Vec<_> = (0..8).map(|_| service.connect()).collect();
    for _ in 0..8 {
        assert_eq!(service.ask("GET /hello HTTP/1.1").status, 200);
    }
    drop(strangers);
    service.release.notify_one();
    assert_eq!(held.answer().body, "released");
}

#[test]
fn a_body_that_makes_room_is_answered_first() {
    let service = Service::start(patient(3));
    let mut slow = service.connect();
    slow.send("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
    assert_eq!(service.ask("GET /hello HTTP/1.1").status, 200);
    let strangers = [service.connect(), service.connect()];
    let answer = slow.answer();
    assert_eq!((answer.status, answer.headers["connection"].as_str()), (408, "close"));
    assert_eq!(answer.message(), "the request's body didn't arrive in time");
    slow.wait_for_end();
    drop(strangers);
}

#[test]
fn a_connection_in_use_outlasts_those_that_came_later_and_wait() {
    let service = Service::start(patient(4));
    let mut client = service.connect();
    let ask = |client: &mut Client| {
        client.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.answer().status, 200);
    };
    ask(&mut client);
    let mut silent = service.connect();
    thread::sleep(SHORT);
    ask(&mut client);
    let others = [service.connect(), service.connect()];
    silent.wait_for_end();
    ask(&mut client);
    drop(others);
}
