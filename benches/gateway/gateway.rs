//! One Envoy with one worker and a listener for each thing to measure. Nothing stands behind
//! it: it answers by itself, so that the filter is as much of the work as it can be.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::load::{CONNECTIONS, Round, Tokens};
use testkit::bootstrap;
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::measure::process::pin;
use testkit::protected::TOKEN_HEADERS;
use testkit::upstream::Upstream;

/// A listener to measure, and what to send to it.
pub struct Point {
    pub listener: String,
    pub filter: Option<Value>,
    pub tokens: Tokens,
    pub connections: usize,
    /// How many tokens have gone through before anything is measured.
    pub before: usize,
}

impl Point {
    pub fn new(listener: String, filter: Option<Value>, tokens: Tokens) -> Self {
        Self { listener, filter, tokens, connections: CONNECTIONS, before: 1 }
    }

    fn send(&mut self, envoy: &Envoy) -> Round {
        self.tokens.send(envoy.process(), envoy.address(&self.listener), self.connections)
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

/// Starts an Envoy with those listeners.
pub fn start(workers: usize, listeners: impl Iterator<Item = (String, Option<Value>)>) -> Envoy {
    let upstream = Upstream::start();
    let mut plan = Plan::new(&upstream).quiet().workers(workers);
    for (name, filter) in listeners {
        plan = plan.listener_without_filter(&name).adjust(&name, |manager| {
            let filters = manager["http_filters"].as_array_mut().expect("filters");
            filters.splice(0..0, filter);
            manager["route_config"]["virtual_hosts"][0]["routes"] =
                json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]);
            manager["access_log"] = json!([]);
        });
    }
    plan.start()
}

/// Measures all points in each round, in another order each time, and gives for each point
/// its rounds. Something is sent to each before: caches fill, and V8 finds out what to optimize.
pub fn measure(what: &str, points: &mut [Point], rounds: usize) -> Vec<Vec<Round>> {
    // Points that share a listener differ in what they send.
    let mut distinct: Vec<(String, Option<Value>)> = Vec::new();
    for Point { listener, filter, .. } in points.iter() {
        if distinct.iter().all(|(other, _)| other != listener) {
            distinct.push((listener.clone(), filter.clone()));
        }
    }
    let envoy = start(1, distinct.into_iter());
    pin(envoy.process(), 0);
    eprintln!("    {what}: warming up");
    for point in &mut *points {
        while point.tokens.sent() < point.before {
            point.send(&envoy);
        }
    }
    let mut measured = vec![Vec::new(); points.len()];
    for round in 1..=rounds {
        eprintln!("    {what}: round {round} of {rounds}");
        for place in 0..points.len() {
            let place = (place + round * 7) % points.len();
            measured[place].push(points[place].send(&envoy));
        }
    }
    measured
}
