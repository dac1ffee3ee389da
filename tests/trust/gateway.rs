//! Envoys whose filter follows a feed.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::feed::Feed;
use testkit::http::{Connection, Protocol, Request, Response};
use testkit::protected::{NAMESPACE, claims_with, grant, merged, namespace_key};
use testkit::upstream::Upstream;

/// How many worker threads a gateway has: more than there are processors on a small machine.
pub const WORKERS: usize = 4;

/// The header of each answer that has the reason code.
pub const DECISION: &str = "x-decision";

/// What follows this feed's scope through the cluster, with some members of `trust` set and
/// those set to null left out.
pub fn trust(feed: &Feed, cluster: &str, changes: Value) -> Value {
    let trust = json!({"cluster": cluster, "public_keys": [feed.public_pem()]});
    merged(trust, changes)
}

/// The plugin configuration of the tests' namespace, whose keys come from the feed alone.
pub fn following(feed: &Feed, cluster: &str, changes: Value) -> Value {
    json!({"namespace_id": NAMESPACE, "trust": trust(feed, cluster, changes)})
}

/// A listener that answers by itself, each answer with its reason code, and that gives each
/// worker its share of the connections.
pub fn listener(plan: Plan, name: &str, filter: Filter) -> Plan {
    let always = json!({"status_code_filter": {
        "comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "none"}},
    }});
    let decision = json!({"key": DECISION, "value": "%FILTER_STATE(wasm.namespace_jwt:PLAIN)%"});
    plan.listener(name, filter).balanced(name).adjust(name, |manager| {
        manager["access_log"] = json!([]);
        manager["route_config"]["virtual_hosts"][0]["routes"] =
            json!([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]);
        manager["local_reply_config"] = json!({"mappers": [{
            "filter": always,
            "headers_to_add": [{"header": decision}],
        }]});
    })
}

/// An Envoy with one listener, `main`, that follows the feed through the cluster `feed`.
pub fn start(upstream: &Upstream, address: SocketAddr, configuration: &Value) -> Envoy {
    let plan = Plan::new(upstream).workers(WORKERS).quiet().cluster("feed", &[address]);
    listener(plan, "main", Filter::new(configuration)).start()
}

/// The reason code of an answer.
pub fn decision(answer: &Response) -> String {
    answer.header(DECISION).unwrap_or_else(|| panic!("no reason code: {answer:?}"))
}

/// A connection to each worker of a listener, and a few more.
pub struct Workers(Vec<Connection>);

impl Workers {
    pub fn of(envoy: &Envoy, listener: &str) -> Self {
        let address = envoy.address(listener);
        Self((0..WORKERS * 2).map(|_| Connection::open(Protocol::Http1, address)).collect())
    }

    /// The answers of each of them.
    pub fn send(&mut self, request: &Request) -> Vec<Response> {
        self.0.iter_mut().map(|connection| connection.send(request)).collect()
    }

    /// The reason codes of the workers, each once.
    pub fn decisions(&mut self, request: &Request) -> Vec<String> {
        let mut codes: Vec<_> = self.send(request).iter().map(decision).collect();
        codes.sort();
        codes.dedup();
        codes
    }

    /// Waits until every worker decides so.
    #[track_caller]
    pub fn wait_for(&mut self, request: &Request, code: &str) {
        wait_for(&format!("{code} by every worker"), || {
            let all = self.decisions(request) == [code];
            if !all {
                std::thread::sleep(Duration::from_millis(20));
            }
            all.then_some(())
        });
    }
}

/// A token for the whole namespace with this `jti`.
pub fn token(token_id: &str) -> String {
    token_for(NAMESPACE, "", token_id)
}

/// A token for an application, signed by the tests' key.
pub fn token_for(namespace: &str, application: &str, token_id: &str) -> String {
    let claims = json!({"application_claim": [grant(namespace, application)], "jti": token_id});
    namespace_key().token(&claims_with(claims))
}

/// So many tokens, numbered from 0.
pub fn tokens(count: usize) -> Vec<String> {
    (0..count).map(|n| token(&format!("{n:08}-0000-4000-8000-000000000000"))).collect()
}
