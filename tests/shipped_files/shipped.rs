//! A shipped file, running.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::envoy::wait_for;
use testkit::http::{Request, Response, send};
use testkit::processes::*;

use crate::issuer::Issuer;

/// A file of `envoy/`, and the texts in it that differ from one machine to the next.
#[derive(Clone, Copy)]
pub struct File {
    pub name: &'static str,
    listener: &'static str,
    applications: &'static [&'static str],
    /// The issuer's address, if it follows one as it is.
    issuer: Option<&'static str>,
    /// The ids of what it protects, where it has them itself: of each function its namespace's,
    /// and its own.
    ids: &'static [(&'static str, &'static str)],
    /// Where the first application is.
    pub path: &'static str,
}

const COMPOSE: File = File {
    name: "compose.yaml",
    listener: "address: 0.0.0.0, port_value: 10000",
    applications: &["address: function, port_value: 10001"],
    issuer: Some("address: issuer, port_value: 8080"),
    ids: &[],
    path: "/",
};

pub const CONTAINER: File = File {
    name: "container.yaml",
    listener: "address: 0.0.0.0, port_value: 8080",
    applications: &["address: 127.0.0.1, port_value: 8081"],
    issuer: None,
    ids: &[],
    path: "/",
};

const DEMO: File = File {
    name: "demo.yaml",
    listener: "address: 127.0.0.1, port_value: 10000",
    applications: &["address: 127.0.0.1, port_value: 10001"],
    issuer: Some("address: 127.0.0.1, port_value: 10002"),
    ids: &[],
    path: "/",
};

pub const ROUTES: File = File {
    name: "routes.yaml",
    listener: "address: 0.0.0.0, port_value: 10000",
    applications: &[
        "address: 127.0.0.1, port_value: 10001",
        "address: 127.0.0.1, port_value: 10003",
    ],
    issuer: Some("address: 127.0.0.1, port_value: 10002"),
    ids: &[
        ("3c8710f8-0643-42b6-9275-3b0ad4bf6b75", "0f5ad0e7-8bd7-4a7d-9d3f-5ef5be6c7e3a"),
        ("8a5d1b7c-4f0e-4c55-9f0b-3a0a9d6f2e14", "d94f3a20-51c7-4e0b-9d3e-6a7b8c9d0e1f"),
    ],
    path: "/orders/",
};

pub const FILES: [File; 4] = [COMPOSE, CONTAINER, DEMO, ROUTES];

/// What is asked for until Envoy is ready. Its lines in the access log don't count.
const READY: &str = "-/ready";

/// How a file is started.
pub struct Plan<'a> {
    pub file: File,
    pub text: String,
    pub issuer: &'a Issuer,
    /// Envoy's environment.
    pub environment: Vec<(&'static str, String)>,
    changes: Vec<(String, String)>,
    application: Option<u16>,
    waits_for_keys: bool,
}

pub struct Shipped {
    pub name: &'static str,
    pub folder: PathBuf,
    pub port: u16,
    pub envoy: Service,
    path: &'static str,
    token: String,
    _application: Option<Service>,
}

impl File {
    /// This file with all that its comments ask for, in front of one function, as the issuer's first.
    pub fn plan(self, issuer: &Issuer) -> Plan<'_> {
        let [function, _] = &issuer.functions;
        let environment = vec![
            ("SCW_PUBLIC_KEY", function.public_key.clone()),
            ("SCW_NAMESPACE_ID", function.namespace_id.clone()),
            ("SCW_APPLICATION_ID", function.id.clone()),
            ("NAMESPACE_JWT_TRUST_KEY", issuer.trust_key.clone()),
            ("NAMESPACE_JWT_TRUST_ACCESS_KEY", issuer.access_key.clone()),
        ];
        let text = read(&format!("envoy/{}", self.name));
        let changes = self.issuer.map(|address| (address.to_owned(), issuer.address()));
        Plan {
            file: self,
            text,
            issuer,
            environment,
            changes: changes.into_iter().collect(),
            application: None,
            waits_for_keys: true,
        }
    }

    /// Whether Envoy writes each path in one way before it looks at it.
    pub fn is_normalized(self) -> bool {
        read(&format!("envoy/{}", self.name)).contains("normalize_path: true\n")
    }

    /// Starts Envoy with this file as it is, on ports of its own, before function.py.
    pub fn start(self, test: &str, issuer: &Issuer) -> Shipped {
        self.plan(issuer).start(test)
    }
}

impl Plan<'_> {
    pub fn change(mut self, from: &str, to: &str) -> Self {
        self.changes.push((from.to_owned(), to.to_owned()));
        self
    }

    /// With an issuer that isn't there, so that nobody waits for its keys.
    pub fn without_issuer(self) -> Self {
        let address = self.issuer.address();
        // Where nothing listens.
        self.change(&address, "address: 127.0.0.1, port_value: 1").without_waiting()
    }

    /// Started as soon as Envoy listens.
    pub fn without_waiting(self) -> Self {
        Self { waits_for_keys: false, ..self }
    }

    /// Before something else than function.py.
    pub fn before(mut self, application: u16) -> Self {
        self.application = Some(application);
        self
    }

    pub fn start(self, test: &str) -> Shipped {
        let folder = scratch(&format!("{test}-{}", self.file.name));
        let (application, function) = match self.application {
            Some(port) => (port, None),
            None => {
                let [port] = free_ports();
                let mut command = Command::new("python3");
                command.args(["envoy/function.py", "--port", &port.to_string()]);
                (port, Some(Service::start("function", &folder, &mut command)))
            }
        };
        let [port] = free_ports();
        let mut text = self.text.clone();
        let mut replace = |from: &str, to: &str| text = replace_all(text.clone(), &[(from, to)]);
        for (from, to) in &self.changes {
            replace(from, to);
        }
        replace(self.file.listener, &format!("address: 127.0.0.1, port_value: {port}"));
        for address in self.file.applications {
            replace(address, &format!("address: 127.0.0.1, port_value: {application}"));
        }
        for ((namespace, id), function) in self.file.ids.iter().zip(&self.issuer.functions) {
            replace(namespace, &function.namespace_id);
            replace(id, &function.id);
        }
        fs::write(folder.join("envoy.yaml"), text).unwrap();
        // What the files name is relative to where Envoy is started.
        for name in ["dist", "target"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        link(&filter(), &folder.join("dist/namespace-jwt.wasm"));

        let script = format!(
            "cd '{}'; ulimit -n 1024; exec '{}' --config-path envoy.yaml --disable-hot-restart \
             --concurrency 2 --log-level warning --component-log-level wasm:info \
             --file-flush-interval-msec 50",
            folder.display(),
            envoy().display()
        );
        let mut command = shell(&script);
        command.envs(self.environment);
        let envoy = Service::start("envoy", &folder, &mut command);
        let shipped = Shipped {
            name: self.file.name,
            folder,
            port,
            envoy,
            path: self.file.path,
            token: self.issuer.functions[0].token.clone(),
            _application: function,
        };
        shipped.wait_until_ready(self.waits_for_keys);
        shipped
    }
}

impl Shipped {
    fn wait_until_ready(&self, waits_for_keys: bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < end, "{}", self.envoy.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        // Until a worker knows which keys count, it answers 503.
        if waits_for_keys {
            self.wait_for_status(&format!("{}{READY}", self.path), None, 403);
        }
    }

    /// The answer to a request, over a connection of its own.
    pub fn get(&self, path: &str, token: Option<&str>) -> Response {
        let mut request = token.map_or_else(Request::get, Request::with_token);
        request.path = path.to_owned();
        send(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), &request)
    }

    /// Waits for a status of every worker, and gives the answer.
    pub fn wait_for_status(&self, path: &str, token: Option<&str>, status: u16) -> Response {
        let mut in_a_row = 0;
        wait_for(&format!("{}: {status} for {path}\n{}", self.name, self.envoy.log()), || {
            let answer = self.get(path, token);
            in_a_row = if answer.status == status { in_a_row + 1 } else { 0 };
            (in_a_row == 10).then_some(answer)
        })
    }

    /// The status that a good request gets, if any.
    pub fn ask(&self) -> Option<u16> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let Self { path, token, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-auth-token: {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).ok()?;
        std::str::from_utf8(&head[9..]).ok()?.parse().ok()
    }

    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.envoy.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<_> = fields.split(' ').collect();
        let ticks: u64 = fields[11..13].iter().map(|it| it.parse::<u64>().unwrap()).sum();
        // Linux shows them in hundredths of a second, whatever it counts in itself.
        Duration::from_millis(ticks * 10)
    }

    /// Of the requests that came after Envoy was ready.
    pub fn access_log_line(&self, number: usize) -> Value {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.envoy.log();
            let of_tests =
                |line: &&str| line.starts_with("{\"") && !line.contains(&format!("{READY}\""));
            let line = log.lines().filter(of_tests).nth(number);
            if let Some(line) = line.filter(|line| line.ends_with('}')) {
                assert!(line.len() < 500, "{}: {} bytes", self.name, line.len());
                return serde_json::from_str(line).unwrap();
            }
            assert!(Instant::now() < end, "{}: no line {number}\n{log}", self.name);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
