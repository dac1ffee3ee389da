//! What an Envoy is started with.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Envoy, ready_admin, wait_for};
use crate::bootstrap::{Filter, address, cluster, listener, write_clusters, write_listeners};
use crate::http;
use crate::upstream::Upstream;

/// What to start.
pub struct Plan {
    binary: PathBuf,
    folder: PathBuf,
    clusters: Vec<Value>,
    listeners: Vec<Value>,
    environment: Vec<(String, String)>,
    arguments: Vec<String>,
    listeners_from_file: bool,
    /// How many of the listeners are there from the start.
    at_first: usize,
    clusters_from_file: bool,
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
            clusters: vec![cluster("upstream", &[upstream.address])],
            listeners: Vec::new(),
            environment: Vec::new(),
            arguments: Vec::new(),
            listeners_from_file: false,
            at_first: usize::MAX,
            clusters_from_file: false,
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
        change(&mut self.find(name)["filter_chains"][0]["filters"][0]["typed_config"]);
        self
    }

    fn find(&mut self, name: &str) -> &mut Value {
        let listener = self.listeners.iter_mut().find(|listener| listener["name"] == name);
        listener.unwrap_or_else(|| panic!("no listener {name}"))
    }

    /// Puts another application behind every listener.
    pub fn upstream_at(mut self, upstream: SocketAddr) -> Self {
        self.clusters[0] = cluster("upstream", &[upstream]);
        self
    }

    /// With another cluster, of these hosts.
    pub fn cluster(mut self, name: &str, hosts: &[SocketAddr]) -> Self {
        self.clusters.push(cluster(name, hosts));
        self
    }

    /// Takes the clusters but for the upstream's from a file that can be replaced while Envoy
    /// runs.
    pub fn clusters_from_file(mut self) -> Self {
        self.clusters_from_file = true;
        self
    }

    /// Gives new connections to the workers by turns, so that each has some, and counts them
    /// under the listener's name.
    pub fn balanced(mut self, name: &str) -> Self {
        let listener = self.find(name);
        listener["connection_balance_config"] = json!({"exact_balance": {}});
        listener["stat_prefix"] = json!(name);
        self
    }

    /// With another argument on Envoy's command line.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
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

    /// The same, and only those listeners that were added so far are there from the start:
    /// [`Envoy::keep_listeners`] brings the others.
    pub fn later(mut self) -> Self {
        self.at_first = self.listeners.len();
        self.listeners_from_file()
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
            plan: self.listeners,
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
        let (from_start, from_file) =
            self.clusters.split_at(if self.clusters_from_file { 1 } else { self.clusters.len() });
        let mut bootstrap = json!({
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": address(SocketAddr::from(([127, 0, 0, 1], 0)))},
            "static_resources": {"clusters": from_start},
            "dynamic_resources": {},
        });
        if self.clusters_from_file {
            let file = self.folder.join("clusters.json");
            write_clusters(&file, from_file);
            bootstrap["dynamic_resources"]["cds_config"] =
                json!({"resource_api_version": "V3", "path_config_source": {"path": file}});
        }
        if self.listeners_from_file {
            let file = self.folder.join("listeners.json");
            write_listeners(&file, &self.listeners[..self.at_first.min(self.listeners.len())]);
            bootstrap["dynamic_resources"]["lds_config"] =
                json!({"resource_api_version": "V3", "path_config_source": {"path": file}});
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
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(if self.log_is_read { log.into() } else { Stdio::piped() })
            .spawn()
            .unwrap_or_else(|e| panic!("can't start {}: {e}", self.binary.display()))
    }
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
