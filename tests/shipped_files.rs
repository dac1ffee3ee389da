//! What a stranger can do to each Envoy configuration of `envoy/`, by running it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::http::{Http1, Request, send};
use testkit::processes::*;

const NAMESPACE: &str = "6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10";
const APPLICATION: &str = "11111111-1111-4111-8111-111111111111";

#[test]
fn a_file_that_is_new_is_tested_here() {
    let files: Vec<_> = envoy_configurations().into_iter().map(|(name, _)| name).collect();
    assert_eq!(files, FILES.map(|file| file.name));
}

/// More connections than a process may have files, each with a request that never ends.
#[test]
fn unfinished_requests_by_the_thousand_keep_nobody_out_for_longer_than_their_time() {
    std::thread::scope(|scope| {
        for file in FILES {
            scope.spawn(move || held_out_by(&file.start("headers", &[]), "headers"));
        }
    });
}

/// Without a token they are answered at their headers, and closed.
#[test]
fn unfinished_bodies_by_the_thousand_keep_nobody_out() {
    std::thread::scope(|scope| {
        for file in FILES {
            scope.spawn(move || held_out_by(&file.start("body", &[]), "body"));
        }
    });
}

#[test]
fn silent_connections_by_the_thousand_keep_nobody_out_for_longer_than_their_time() {
    std::thread::scope(|scope| {
        for file in FILES {
            // Not to wait for the 100 seconds that they have.
            let sooner = [("idle_timeout: 100s", "idle_timeout: 8s")];
            scope.spawn(move || held_out_by(&file.start("silence", &sooner), "silence"));
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
    for file in FILES {
        let shipped = file.start("access-log", &[]);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shipped.port));

        let mut request = Request::get().header("x-envoy-original-path", "/healthz");
        request.path = "/the/real/path?secret".to_owned();
        assert_eq!(send(address, &request).status, 403);
        let line = shipped.access_log_line(0);
        assert_eq!(line["path"], "/the/real/path", "{}: {line}", file.name);

        let quotes = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "\"".repeat(55_000));
        assert_eq!(Http1::open(address).exchange(quotes.as_bytes(), false).status, 403);
        let line = shipped.access_log_line(1);
        assert_eq!(line["path"], format!("/{}", "\"".repeat(99)), "{}", file.name);

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
    let file = &FILES[1];
    assert_eq!(file.name, "container.yaml");
    let shipped = file.start_before(
        "long-jobs",
        port,
        &[
            (
                "request_headers_timeout: 10s",
                "request_headers_timeout: 1s\n                stream_idle_timeout: 1s",
            ),
            ("idle_timeout: 100s", "idle_timeout: 1s"),
        ],
    );
    let token = fs::read_to_string(&shipped.token).unwrap();
    let token = token.trim();
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
    let shipped = FILES[1].start(
        "own-health-route",
        &[(&filter, ""), ("routes:\n", &format!("routes:{indented}{route}\n"))],
    );
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, shipped.port));
    for (path, status) in [
        ("/healthz", 200),
        ("/", 403),
        ("/healthz/", 403),
        ("/healthz/../secret", 403),
        ("/secret/../healthz", 403),
    ] {
        let mut request = Request::get();
        request.path = path.to_owned();
        let answer = send(address, &request);
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

// --- A shipped file, running -------------------------------------------------------------

#[derive(Clone, Copy)]
struct File {
    name: &'static str,
    listener: &'static str,
    application: &'static str,
}

const FILES: [File; 3] = [
    File {
        name: "compose.yaml",
        listener: "address: 0.0.0.0, port_value: 10000",
        application: "address: function, port_value: 10001",
    },
    File {
        name: "container.yaml",
        listener: "address: 0.0.0.0, port_value: 8080",
        application: "address: 127.0.0.1, port_value: 8081",
    },
    File {
        name: "demo.yaml",
        listener: "address: 127.0.0.1, port_value: 10000",
        application: "address: 127.0.0.1, port_value: 10001",
    },
];

struct Shipped {
    name: &'static str,
    folder: PathBuf,
    port: u16,
    token: String,
    envoy: Service,
    _application: Option<Service>,
}

impl File {
    /// Starts Envoy with this file, on ports of its own, before function.py.
    fn start(&self, test: &str, changes: &[(&str, &str)]) -> Shipped {
        let [port] = free_ports();
        let mut command = Command::new("python3");
        command.args(["envoy/function.py", "--port", &port.to_string()]);
        let folder = scratch(&format!("function-{test}-{}", self.name));
        let application = Service::start("function", &folder, &mut command);
        let mut shipped = self.start_before(test, port, changes);
        shipped._application = Some(application);
        shipped
    }

    fn start_before(&self, test: &str, application: u16, changes: &[(&str, &str)]) -> Shipped {
        let keys = Keys::make(&format!("{test}-{}", self.name));
        let [port] = free_ports();
        let (listener, application) = (
            format!("address: 127.0.0.1, port_value: {port}"),
            format!("address: 127.0.0.1, port_value: {application}"),
        );
        let mut replacements =
            vec![(self.listener, listener.as_str()), (self.application, application.as_str())];
        replacements.extend(changes);
        let text = replace_all(read(&format!("envoy/{}", self.name)), &replacements);
        fs::write(keys.folder.join("envoy.yaml"), text).unwrap();
        // What the files name is relative to where Envoy is started.
        for folder in ["dist", "target"] {
            fs::create_dir(keys.folder.join(folder)).unwrap();
        }
        link(&filter(), &keys.folder.join("dist/namespace-jwt.wasm"));

        let script = format!(
            "cd '{}'; ulimit -n 1024; exec '{}' --config-path envoy.yaml --disable-hot-restart \
             --concurrency 2 --log-level warning --file-flush-interval-msec 50",
            keys.folder.display(),
            envoy().display()
        );
        let mut command = shell(&script);
        command
            .env("SCW_PUBLIC_KEY", &keys.public)
            .env("SCW_NAMESPACE_ID", NAMESPACE)
            .env("SCW_APPLICATION_ID", APPLICATION);
        let envoy = Service::start("envoy", &keys.folder, &mut command);
        let token = keys.token("token", APPLICATION);
        let shipped = Shipped {
            name: self.name,
            folder: keys.folder,
            port,
            token,
            envoy,
            _application: None,
        };
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < end, "{}", shipped.envoy.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        shipped
    }
}

impl Shipped {
    /// The status that a good request gets, if any.
    fn ask(&self) -> Option<u16> {
        let token = fs::read_to_string(&self.token).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nhost: a\r\nx-auth-token: {}\r\n\r\n", token.trim());
        stream.write_all(request.as_bytes()).ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        std::str::from_utf8(&head[9..]).ok()?.parse().ok()
    }

    fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.envoy.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|it| it.parse::<u64>().unwrap()).sum();
        // Linux shows them in hundredths of a second, whatever it counts in itself.
        Duration::from_millis(ticks * 10)
    }

    fn access_log_line(&self, number: usize) -> Value {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.envoy.log();
            let line = log.lines().filter(|line| line.starts_with("{\"")).nth(number);
            if let Some(line) = line.filter(|line| line.ends_with('}')) {
                assert!(line.len() < 500, "{}: {} bytes", self.name, line.len());
                return serde_json::from_str(line).unwrap();
            }
            assert!(Instant::now() < end, "{}: no line {number}\n{log}", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
