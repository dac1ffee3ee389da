//! A real Envoy with the shipped filter, on free ports, one per test.

mod plan;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use crate::bootstrap::Filter;
pub use plan::Plan;

use crate::bootstrap::{cluster, listener, write_clusters, write_listeners};
use crate::http::{self, Protocol, Request, Response};
use crate::measure::process::resident_bytes;
use crate::upstream::MARK;

/// How long Envoy may take to start, to stop or to write a log line.
const PATIENCE: Duration = Duration::from_secs(60);

/// What Envoy makes of an update.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Accepted,
    Rejected,
}

pub struct Envoy {
    child: Child,
    /// The listeners that it was started with.
    plan: Vec<Value>,
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
        self.update(counter, || {
            write_listeners(&self.folder.join("listeners.json"), &[listener]);
        });
    }

    /// Leaves these of the plan's listeners, some of which may come back by this, and learns
    /// their ports.
    pub fn keep_listeners(&mut self, names: &[&str]) {
        let kept = |listener: &&Value| names.iter().any(|name| listener["name"] == *name);
        let kept: Vec<_> = self.plan.iter().filter(kept).cloned().collect();
        assert_eq!(kept.len(), names.len(), "{names:?}");
        self.update("listener_manager.lds.update_success", || {
            write_listeners(&self.folder.join("listeners.json"), &kept);
        });
        let all_there = |it: &Self| names.iter().all(|name| it.listeners.contains_key(*name));
        wait_for("the listeners", || {
            self.read_listeners();
            all_there(self).then_some(())
        });
    }

    /// Replaces the clusters that came from a file.
    pub fn set_clusters(&self, clusters: &[(&str, &[SocketAddr])]) {
        let clusters: Vec<_> = clusters.iter().map(|(name, hosts)| cluster(name, hosts)).collect();
        self.update("cluster_manager.cds.update_success", || {
            write_clusters(&self.folder.join("clusters.json"), &clusters);
        });
    }

    fn update(&self, counter: &str, write: impl FnOnce()) {
        let before = self.counter(counter);
        write();
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
