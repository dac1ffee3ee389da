//! What container.yaml does for long jobs, WebSockets and health checks.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use testkit::http::{Request, send};
use testkit::processes::*;

use crate::issuer::Issuer;
use crate::shipped::CONTAINER;

/// A job may say nothing for as long as it takes, and so may the ends of a WebSocket. Envoy's own
/// limit for that, 5 minutes, is a second here, as are the limits for slow clients.
#[test]
fn the_limits_for_strangers_end_no_long_job_and_no_websocket_in_a_container() {
    let application = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = application.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in application.incoming() {
            std::thread::spawn(move || slow_application(stream.unwrap()));
        }
    });
    let issuer = Issuer::start();
    let headers = "request_headers_timeout: 1s\n                stream_idle_timeout: 1s";
    let plan = CONTAINER.plan(&issuer).change("request_headers_timeout: 10s", headers);
    let shipped = plan.change("idle_timeout: 100s", "idle_timeout: 1s").before(port);
    let shipped = shipped.start("long-jobs");
    let token = &issuer.functions[0].token;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shipped.port));

    let job = send(address, &Request::with_token(token));
    assert_eq!((job.status, job.body.as_slice()), (200, b"done".as_slice()));

    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let upgrade = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx-auth-token: {token}\r\nconnection: upgrade\r\n\
         upgrade: websocket\r\n\r\n"
    );
    socket.write_all(upgrade.as_bytes()).unwrap();
    let mut received = vec![0; 1024];
    let count = socket.read(&mut received).unwrap();
    assert!(received[..count].starts_with(b"HTTP/1.1 101 "), "{}", shipped.envoy.log());
    std::thread::sleep(LONG);
    socket.write_all(b"still there").unwrap();
    let count = socket.read(&mut received).unwrap();
    assert_eq!(&received[..count], b"still there");
}

/// What container.yaml's comment says to do for that.
#[test]
fn an_applications_own_health_route_can_be_opened_and_nothing_beside_it() {
    let text = read("envoy/container.yaml");
    let (_, rest) = text.split_once("#   - match: { path: /healthz }").unwrap();
    let (rest, _) = rest.split_once("                  - name: envoy").unwrap();
    let indented = "\n                        ";
    let route = format!("- match: {{ path: /healthz }}{}", rest.trim_end());
    let route = route.replace("\n                  #   ", indented);
    let (_, filter) =
        text.split_once("                  - name: envoy.filters.http.health_check").unwrap();
    let (filter, _) = filter.split_once("                  - name: namespace-jwt\n").unwrap();
    let filter = format!("                  - name: envoy.filters.http.health_check{filter}");
    let issuer = Issuer::start();
    let plan = CONTAINER.plan(&issuer).change(&filter, "");
    let plan = plan.change("routes:\n", &format!("routes:{indented}{route}\n"));
    let shipped = plan.start("own-health-route");
    for (path, status) in [
        ("/healthz", 200),
        ("/", 403),
        ("/healthz/", 403),
        ("/healthz/../secret", 403),
        ("/secret/../healthz", 403),
    ] {
        let answer = shipped.get(path, None);
        assert_eq!(answer.status, status, "{path}: {}", shipped.envoy.log());
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(body.contains("hello from the private function"), status == 200, "{body}");
    }
}

const LONG: Duration = Duration::from_secs(3);

/// Takes long to answer; repeats what comes over a WebSocket.
fn slow_application(mut stream: TcpStream) {
    let mut buffer = vec![0; 8192];
    loop {
        let Ok(count @ 1..) = stream.read(&mut buffer) else { return };
        let received = buffer[..count].to_vec();
        if received.starts_with(b"GET ") {
            let head = String::from_utf8_lossy(&received).to_lowercase();
            if head.contains("upgrade: websocket") {
                let switch = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                let _ = stream.write_all(switch);
            } else {
                std::thread::sleep(LONG);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone");
            }
        } else {
            let _ = stream.write_all(&received);
        }
    }
}
