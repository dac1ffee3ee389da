//! One Envoy with one worker and a listener for each thing to measure. Nothing stands behind
//! it: it answers by itself, so that the filter is as much of the work as it can be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::load::{CONNECTIONS, Round, Tokens};
use testkit::bootstrap;
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::measure::process::pin;
use testkit::protected::TOKEN_HEADERS;
use testkit::upstream::Upstream;

/// A listener: the filters before its router, and what it answers by itself.
#[derive(Clone)]
pub struct Listener {
    pub name: String,
    pub filters: Vec<Value>,
    pub virtual_hosts: Vec<Value>,
}

impl Listener {
    /// With one filter or none, and 200 for everybody who comes past it.
    pub fn new(name: &str, filter: Option<Value>) -> Self {
        let (filters, routes) = (filter.into_iter().collect(), json!([answer()]));
        let virtual_hosts = vec![json!({"name": "all", "domains": ["*"], "routes": routes})];
        Self { name: name.to_owned(), filters, virtual_hosts }
    }
}

/// A route that leads nowhere: Envoy itself answers.
pub fn answer() -> Value {
    json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}})
}

/// A listener to measure, and what to send to it.
pub struct Point {
    pub listener: Listener,
    pub tokens: Tokens,
    pub connections: usize,
    /// How many tokens have gone through before anything is measured.
    pub before: usize,
    /// A process that takes part in each answer, whose time counts as well.
    pub beside: Option<u32>,
}

impl Point {
    pub fn new(listener: String, filter: Option<Value>, tokens: Tokens) -> Self {
        Self::to(Listener::new(&listener, filter), tokens)
    }

    pub fn to(listener: Listener, tokens: Tokens) -> Self {
        Self { listener, tokens, connections: CONNECTIONS, before: 1, beside: None }
    }

    fn send(&mut self, envoy: &Envoy) -> Round {
        let address = envoy.address(&self.listener.name);
        self.tokens.send(envoy.process(), self.beside, address, self.connections)
    }
}

/// This product's filter in a VM of its own.
pub fn namespace_jwt(configuration: &Value, vm: &str) -> Value {
    let mut filter = Filter::new(configuration).to_json(vm);
    filter["typed_config"]["config"]["vm_config"]["vm_id"] = json!(vm);
    filter
}

/// Another build of this product's filter, in a VM of its own.
pub fn other_build(build: &Path, configuration: &Value, vm: &str) -> Value {
    in_vm(build, &configuration.to_string(), vm)
}

/// Another filter in a VM of its own: a module that was built from `benches/filters`.
pub fn other_module(module_name: &str, configuration: &str, vm: &str) -> Value {
    in_vm(&module(module_name), configuration, vm)
}

fn in_vm(module: &Path, configuration: &str, vm: &str) -> Value {
    let mut filter = Filter::from_text(configuration).to_json(vm);
    let vm_config = &mut filter["typed_config"]["config"]["vm_config"];
    vm_config["vm_id"] = json!(vm);
    vm_config["code"]["local"]["filename"] = json!(module);
    filter
}

fn module(name: &str) -> PathBuf {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/contenders").join(name);
    assert!(module.exists(), "no {}: `make bench` builds it", module.display());
    module
}

/// Envoy's own filter, with a cache of so many tokens or without one.
pub fn jwt_authn(jwk: &Value, cache: Option<usize>) -> Value {
    let mut provider = json!({
        "local_jwks": {"inline_string": json!({"keys": [jwk]}).to_string()},
        "from_headers": TOKEN_HEADERS.map(|name| json!({"name": name})),
    });
    if let Some(size) = cache {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": size});
    }
    bootstrap::jwt_authn(provider)
}

/// Starts an Envoy with those listeners, with one filter each or none.
pub fn start(workers: usize, listeners: impl Iterator<Item = (String, Option<Value>)>) -> Envoy {
    let listeners: Vec<_> = listeners.map(|(name, filter)| Listener::new(&name, filter)).collect();
    start_with(workers, &listeners, &[])
}

/// Starts an Envoy with those listeners and clusters.
pub fn start_with(
    workers: usize,
    listeners: &[Listener],
    clusters: &[(&str, SocketAddr)],
) -> Envoy {
    let upstream = Upstream::start();
    let mut plan = Plan::new(&upstream).quiet().workers(workers);
    for (name, host) in clusters {
        plan = plan.cluster(name, &[*host]);
    }
    for Listener { name, filters, virtual_hosts } in listeners {
        plan = plan.listener_without_filter(name).adjust(name, |manager| {
            let chain = manager["http_filters"].as_array_mut().expect("filters");
            chain.splice(0..0, filters.iter().cloned());
            manager["route_config"]["virtual_hosts"] = json!(virtual_hosts);
            manager["access_log"] = json!([]);
        });
    }
    plan.start()
}

/// Measures all points in an Envoy with their listeners.
pub fn measure(what: &str, points: &mut [Point], rounds: usize) -> Vec<Vec<Round>> {
    let envoy = start_with(1, &listeners(points), &[]);
    measure_in(&envoy, what, points, rounds)
}

/// The listeners of these points. Points that share one differ in what they send.
pub fn listeners(points: &[Point]) -> Vec<Listener> {
    let mut distinct: Vec<Listener> = Vec::new();
    for Point { listener, .. } in points {
        if distinct.iter().all(|other| other.name != listener.name) {
            distinct.push(listener.clone());
        }
    }
    distinct
}

/// Measures all points in each round, in another order each time, and gives for each point
/// its rounds. Something is sent to each before: caches fill, and V8 finds out what to optimize.
pub fn measure_in(
    envoy: &Envoy,
    what: &str,
    points: &mut [Point],
    rounds: usize,
) -> Vec<Vec<Round>> {
    pin(envoy.process(), 0);
    eprintln!("    {what}: warming up");
    for point in &mut *points {
        while point.tokens.sent() < point.before {
            point.send(envoy);
        }
    }
    let mut measured = vec![Vec::new(); points.len()];
    for round in 1..=rounds {
        eprintln!("    {what}: round {round} of {rounds}");
        for place in 0..points.len() {
            let place = (place + round * 7) % points.len();
            measured[place].push(points[place].send(envoy));
        }
    }
    measured
}
