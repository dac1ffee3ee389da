//! A real Envoy with the shipped filter, on free ports, one per test.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use crate::bootstrap::Filter;
use crate::bootstrap::{address, listener, write_listeners};
use crate::http::{self, Protocol, Request, Response};
use crate::measure::process::resident_bytes;
use crate::upstream::{MARK, Upstream};

/// How long Envoy may take to start, to stop or to write a log line.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to start.
pub struct Plan {
    binary: PathBuf,
    folder: PathBuf,
    cluster: Value,
    listeners: Vec<Value>,
    environment: Vec<(String, String)>,
    listeners_from_file: bool,
    workers: usize,
    log_level: &'static str,
    wasm_log_level: &'static str,
    log_is_read: bool,
}

impl Plan {
    pub fn new(upstream: &Upstream) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let folder = crate::scratch().join(format!(
            "envoy-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::SeqCst)
        ));
        Self {
            binary: binary(),
            folder,
            cluster: json!({
                "name": "upstream",
                "type": "STATIC",
                "connect_timeout": "5s",
                "load_assignment": {
                    "cluster_name": "upstream",
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream.address)}}]}],
                },
            }),
            listeners: Vec::new(),
            environment: Vec::new(),
            listeners_from_file: false,
            workers: 1,
            log_level: "warn",
            wasm_log_level: "debug",
            log_is_read: true,
        }
    }

    /// In another Envoy than the one that the tests are run with.
    pub fn release(mut self, version: &str) -> Self {
        let path = format!("target/envoys/{version}/envoy");
        self.binary = crate::root(&path);
        assert!(self.binary.exists(), "no {path}: run `make envoys`, which gets it");
        self
    }

    /// A listener with the filter before the upstream.
    pub fn listener(self, name: &str, filter: Filter) -> Self {
        let filter = filter.to_json(name);
        self.add(name, Some(filter))
    }

    /// A listener with a filter that isn't the product's.
    pub fn listener_with(self, name: &str, filter: Value) -> Self {
        self.add(name, Some(filter))
    }

    /// A listener that lets everything through, to test the harness itself.
    pub fn listener_without_filter(self, name: &str) -> Self {
        self.add(name, None)
    }

    fn add(mut self, name: &str, filter: Option<Value>) -> Self {
        let listener = listener(name, filter, &self.folder.join("access.log"));
        self.listeners.push(listener);
        self
    }

    /// Changes a listener's HTTP connection manager.
    pub fn adjust(mut self, name: &str, change: impl FnOnce(&mut Value)) -> Self {
        let listener = self.listeners.iter_mut().find(|listener| listener["name"] == name);
        let listener = listener.unwrap_or_else(|| panic!("no listener {name}"));
        change(&mut listener["filter_chains"][0]["filters"][0]["typed_config"]);
        self
    }

    /// Puts another application behind every listener.
    pub fn upstream_at(mut self, upstream: SocketAddr) -> Self {
        let endpoint = &mut self.cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        endpoint["endpoint"]["address"] = address(upstream);
        self
    }

    /// With everything in the log that Envoy can say.
    pub fn verbose(mut self) -> Self {
        self.log_level = "trace";
        self.wasm_log_level = "trace";
        self
    }

    /// Sets a variable of Envoy's own environment.
    pub fn process_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes the listeners from a file that can be replaced while Envoy runs.
    pub fn listeners_from_file(mut self) -> Self {
        self.listeners_from_file = true;
        self
    }

    /// With so many worker threads.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Without a log line for each admitted request.
    pub fn quiet(mut self) -> Self {
        self.wasm_log_level = "warn";
        self
    }

    /// With a log that goes into a pipe which nobody reads.
    pub fn unread_log(mut self) -> Self {
        self.log_is_read = false;
        self
    }

    pub fn start(self) -> Envoy {
        match self.try_start() {
            Ok(envoy) => envoy,
            Err(log) => panic!("expected Envoy to start, found that it ended:\n{log}"),
        }
    }

    /// Starts an Envoy that must not come up, and gives its log.
    pub fn refuses(self) -> String {
        match self.try_start() {
            Err(log) => log,
            Ok(envoy) => panic!("expected Envoy to refuse to start; its log:\n{}", envoy.log()),
        }
    }

    /// Starts an Envoy, or gives the log of one that ends with a failure instead.
    pub fn try_start(self) -> Result<Envoy, String> {
        let child = self.spawn();
        let mut envoy = Envoy {
            child,
            folder: self.folder,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            listeners: BTreeMap::new(),
            next_case: Cell::new(0),
        };
        let ready = wait_for("Envoy to be ready or to end", || {
            let Some(status) = envoy.child.try_wait().unwrap() else {
                return ready_admin(&envoy.folder).map(Some);
            };
            assert!(!status.success(), "expected Envoy to serve, found that it ended by itself");
            Some(None)
        });
        let Some(admin) = ready else {
            let log = envoy.log();
            assert!(!log.contains("compiled without support"), "an Envoy without V8:\n{log}");
            return Err(log);
        };
        envoy.admin = admin;
        envoy.read_listeners();
        Ok(envoy)
    }

    fn spawn(&self) -> Child {
        fs::create_dir_all(&self.folder).expect("a folder for Envoy's files");
        let mut bootstrap = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": address(SocketAddr::from(([127, 0, 0, 1], 0)))},
            "static_resources": {"clusters": [self.cluster]},
        });
        if self.listeners_from_file {
            let file = self.folder.join("listeners.json");
            write_listeners(&file, &self.listeners);
            bootstrap["dynamic_resources"] = json!({
                "lds_config": {"resource_api_version": "V3", "path_config_source": {"path": file}},
            });
        } else {
            bootstrap["static_resources"]["listeners"] = json!(self.listeners);
        }
        let file = self.folder.join("bootstrap.json");
        fs::write(&file, bootstrap.to_string()).unwrap();
        let log = fs::File::create(self.folder.join("log")).unwrap();
        Command::new(&self.binary)
            .arg("--config-path")
            .arg(file)
            .arg("--admin-address-path")
            .arg(self.folder.join("admin"))
            .args(["--concurrency", &self.workers.to_string(), "--disable-hot-restart"])
            .args(["--file-flush-interval-msec", "5"])
            .args(["--log-level", self.log_level])
            .args(["--component-log-level", &format!("wasm:{}", self.wasm_log_level)])
            .args(["--log-format", "[%l][%n] %v"])
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(if self.log_is_read { log.into() } else { Stdio::piped() })
            .spawn()
            .unwrap_or_else(|e| panic!("can't start {}: {e}", self.binary.display()))
    }
}

/// What Envoy makes of an update.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Accepted,
    Rejected,
}

pub struct Envoy {
    child: Child,
    folder: PathBuf,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
    next_case: Cell<usize>,
}

/// A response, and the reason code that the access log has for it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub response: Response,
    pub decision: String,
}

impl Deref for Answer {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

impl Answer {
    /// Whether it is the upstream that answered.
    pub fn is_from_upstream(&self) -> bool {
        self.header(MARK).is_some()
    }

    /// The values of a header as the upstream saw it.
    pub fn seen_by_upstream(&self, name: &str) -> Vec<String> {
        let body = self.json();
        let headers = body["headers"].as_array().expect("the upstream's answer");
        headers
            .iter()
            .filter(|header| header[0] == name)
            .map(|header| header[1].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Envoy {
    pub fn address(&self, listener: &str) -> SocketAddr {
        *self.listeners.get(listener).unwrap_or_else(|| panic!("no listener {listener}"))
    }

    /// Sends the request and waits for its line in the access log.
    pub fn ask(&self, listener: &str, request: Request) -> Answer {
        let case = format!("case-{}", self.next_case.replace(self.next_case.get() + 1));
        let request = request.header("x-case", &case);
        let response = http::send(self.address(listener), &request);
        let line = self.access_log_line(&case);
        Answer { response, decision: line["decision"].as_str().unwrap_or("-").to_owned() }
    }

    /// Sends the request and checks the reason code, and that the upstream
    /// answers exactly when the code admits.
    #[track_caller]
    pub fn expect(&self, listener: &str, what: &str, request: Request, code: &str) -> Answer {
        let protocol = request.protocol;
        let answer = self.ask(listener, request);
        assert_eq!(
            answer.decision, code,
            "{what} over {protocol:?} on listener {listener}: {answer:?}"
        );
        assert_eq!(
            answer.is_from_upstream(),
            matches!(code, "allowed" | "public" | "preflight"),
            "{what} over {protocol:?} on listener {listener}: {answer:?}"
        );
        answer
    }

    /// The access-log line of the request with this `x-case` header.
    pub fn access_log_line(&self, case: &str) -> Value {
        wait_for("the request's access-log line", || {
            self.access_log()
                .lines()
                // The last line may be half written.
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| line["case"] == case)
        })
    }

    pub fn access_log(&self) -> String {
        fs::read_to_string(self.folder.join("access.log")).unwrap_or_default()
    }

    pub fn log(&self) -> String {
        http::text(&fs::read(self.folder.join("log")).unwrap_or_default())
    }

    /// The filter's counters that aren't zero, by reason code.
    pub fn decisions(&self) -> BTreeMap<String, u64> {
        const PREFIX: &str = "wasmcustom.namespace_jwt.decision.";
        self.counters(PREFIX)
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name[PREFIX.len()..].to_owned(), count))
            .collect()
    }

    pub fn counters(&self, prefix: &str) -> BTreeMap<String, u64> {
        http::text(&self.admin_page("/stats").body)
            .lines()
            .filter(|line| line.starts_with(prefix))
            .filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }

    pub fn counter(&self, name: &str) -> u64 {
        self.counters(name).get(name).copied().unwrap_or(0)
    }

    /// Replaces the file of listeners and waits until Envoy, which notices by
    /// itself, has dealt with it. A rejected update leaves the ports as they are;
    /// after another `read_listeners` learns them.
    pub fn update_listener(&self, name: &str, filter: &Filter, outcome: Outcome) {
        let listener = listener(name, Some(filter.to_json(name)), &self.folder.join("access.log"));
        let counter = match outcome {
            Outcome::Accepted => "listener_manager.lds.update_success",
            Outcome::Rejected => "listener_manager.lds.update_rejected",
        };
        let before = self.counter(counter);
        write_listeners(&self.folder.join("listeners.json"), &[listener]);
        wait_for(counter, || (self.counter(counter) > before).then_some(()));
    }

    /// Learns the ports, which change with the listeners.
    pub fn read_listeners(&mut self) {
        let page = self.admin_page("/listeners?format=json").json();
        self.listeners = page["listener_statuses"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|status| {
                let port = &status["local_address"]["socket_address"]["port_value"];
                let port = u16::try_from(port.as_u64().expect("a port")).unwrap();
                (
                    status["name"].as_str().unwrap().to_owned(),
                    SocketAddr::from(([127, 0, 0, 1], port)),
                )
            })
            .collect();
    }

    pub fn admin_page(&self, path: &str) -> Response {
        admin_page(self.admin, path, "GET")
    }

    /// Has Envoy change something of itself.
    pub fn change(&self, path: &str) {
        let response = admin_page(self.admin, path, "POST");
        assert_eq!(response.status, 200, "{path}: {response:?}");
    }

    /// The id of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.child.id())
    }

    /// Ends Envoy as the kernel would: without a chance to tidy up.
    pub fn kill(&mut self) {
        self.child.kill().expect("kill Envoy");
        self.child.wait().expect("wait for Envoy");
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- Envoy's log ----\n{}", self.log());
            eprintln!("---- its access log ----\n{}", self.access_log());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Tries until there is a value.
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what} in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The admin address, once Envoy serves. Any error means not yet, or no more.
fn ready_admin(folder: &Path) -> Option<SocketAddr> {
    let admin = fs::read_to_string(folder.join("admin")).ok()?.parse().ok()?;
    let mut stream = TcpStream::connect(admin).ok()?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").ok()?;
    let mut page = String::new();
    stream.read_to_string(&mut page).ok()?;
    page.starts_with("HTTP/1.1 200 ").then_some(admin)
}

fn admin_page(admin: SocketAddr, path: &str, method: &'static str) -> Response {
    // Over HTTP/1.1 these pages come in chunks of unknown number.
    let mut request = Request::get().over(Protocol::Http2);
    request.path = path.to_owned();
    request.method = method;
    http::send(admin, &request)
}

fn binary() -> PathBuf {
    static CHECKED: OnceLock<PathBuf> = OnceLock::new();
    let named = std::env::var_os("ENVOY").filter(|name| !name.is_empty()).map(PathBuf::from);
    let Some(named) = named else {
        let fetched = crate::root("target/envoy");
        assert!(
            fetched.exists(),
            "no {}: set ENVOY to an Envoy binary, or run `make test`, which gets one",
            fetched.display()
        );
        return fetched;
    };
    // Else what follows is a wait for something that never comes up.
    let check = || {
        let output = Command::new(&named).arg("--version").output();
        let said = output.map_or_else(|e| e.to_string(), |output| http::text(&output.stdout));
        let said = said.trim().lines().next().unwrap_or("nothing");
        assert!(
            said.contains("version: ") && said.contains('/'),
            "ENVOY={} is not Envoy: its --version says {said}",
            named.display()
        );
        named.clone()
    };
    CHECKED.get_or_init(check).clone()
}
