//! The service that is measured: the program as it is shipped, alone on a processor.

use std::time::Duration;

use serde_json::json;
use testkit::api::{Client, good, id};
use testkit::envoy::wait_for;
use testkit::http::text;
use testkit::measure::process::on_processor;
use testkit::service::Service;

use crate::SERVER;

pub struct Issuer {
    pub service: Service,
    pub client: Client,
    /// A namespace whose tokens are quickly made.
    pub namespace: String,
}

impl Issuer {
    /// On an empty database, with these variables in its environment.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let mut service = Service::new();
        run(&mut service, environment);
        let client = service.client();
        let mut issuer = Self { service, client, namespace: String::new() };
        issuer.namespace = issuer.make_namespace("bench", &["--algorithm", "ES256"]);
        // Keys are made ahead, and whatever is measured is measured without that.
        issuer.wait_for_keys();
        issuer
    }

    /// Ends the service, does something to its files, and starts it again.
    pub fn restart_around(&mut self, change: impl FnOnce(&Self)) {
        self.service.stop();
        change(self);
        run(&mut self.service, &[]);
        self.wait_for_keys();
    }

    fn wait_for_keys(&self) {
        wait_for("keys made ahead", || (self.figure("issuer_ready_keys") >= 4.0).then_some(()));
    }

    /// Makes another namespace with a key of that kind, and gives its id.
    pub fn make_namespace(&self, name: &str, key: &[&str]) -> String {
        let create = ["namespace", "create", name, "--json"];
        let made = self.service.run(&[&create, key].concat());
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        id(&made).to_owned()
    }

    /// The path of the namespace's checkpoint.
    pub fn path(&self) -> String {
        format!("/trust/v1/namespaces/{}", self.namespace)
    }

    /// Makes a token, and gives its id.
    pub fn token(&self) -> String {
        let body = json!({"namespace_id": self.namespace, "description": "revoked soon"});
        id(&good(self.client.post(&self.client.functions("/tokens"), &body))).to_owned()
    }

    /// Deletes a token.
    pub fn delete(&self, token: &str) {
        let answer = self.client.delete(&self.client.functions(&format!("/tokens/{token}")));
        assert!(answer.status < 300, "{answer:?}");
    }

    /// The sum of a figure over all of its labels that these are among.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let page = self.client.with_key(None).get("/metrics");
        let lines = text(&page.body);
        let lines = lines.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    pub fn figure(&self, name: &str) -> f64 {
        self.sum(name, &[])
    }

    /// A checkpoint that was signed just now: one that is older than a second is signed again.
    pub fn fresh_etag(&self) -> String {
        std::thread::sleep(Duration::from_millis(1100));
        self.etag()
    }

    pub fn etag(&self) -> String {
        let answer = self.client.with_key(None).get(&self.path());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("etag").expect("a checkpoint has one")
    }
}

/// Starts a service on its processor.
fn run(service: &mut Service, environment: &[(&str, &str)]) {
    let plain = service.command(&["serve", "--listen", &service.address.to_string()]);
    let mut command = on_processor(SERVER, plain.get_program().to_str().expect("UTF-8"));
    command.args(plain.get_args()).envs(environment.iter().copied());
    for (name, _) in plain.get_envs() {
        command.env_remove(name);
    }
    if let Err(log) = service.try_run(&mut command) {
        panic!("expected the service to start, found that it ended:\n{log}");
    }
}
