//! Revocation: this filter with a feed of revoked tokens, beside what one would build instead,
//! `jwt_authn` and then `ext_authz` to a service that knows the list; and 10,000 functions behind
//! one plugin.

mod end;
mod functions;
mod memory;

use std::fmt::Write as _;

use serde_json::{Value, json};
use testkit::envoy::{Envoy, wait_for};
use testkit::feed::{Contents, Feed};
use testkit::http::Http1;
use testkit::measure::Series;
use testkit::mint::{Key, Kind};
use testkit::protected::{APPLICATION, NAMESPACE, claims_with, now};

use crate::authorizer::{Authorizer, TOKEN_ID, ext_authz};
use crate::comparison::{JWT_AUTHN_CACHED, NO_FILTER};
use crate::gateway::{self, Listener, Point, jwt_authn, namespace_jwt};
use crate::load::{Round, Tokens, paired};
use crate::mint::Mint;

/// How many tokens are revoked.
const REVOKED: usize = 100_000;
/// Tokens that come again and again, of which none is.
const REPEATED: usize = 16;
const WITH_SERVICE: &str = "jwt_authn with its cache, then ext_authz";
const PLAIN: &str = "namespace-jwt";
const LISTED: &str = "namespace-jwt, `revoked_token_ids`";
const FOLLOWING: &str = "namespace-jwt, `trust`";

/// What all of it is about.
struct Scene {
    key: Key,
    revoked: Vec<String>,
    feed: Feed,
}

impl Scene {
    fn new(revoked: usize, functions: usize) -> Self {
        let key = Key::named(Kind::Rsa(4096), "bench");
        let revoked: Vec<_> =
            (0..revoked).map(|n| format!("ffffffff-0000-4000-8000-{n:012}")).collect();
        let mut contents = Contents::new(NAMESPACE);
        contents.set_keys(NAMESPACE, [key.spki_pem().as_str()]);
        contents.set_privacy(NAMESPACE, APPLICATION, "private");
        for n in 0..functions {
            contents.set_privacy(NAMESPACE, &function(n), "private");
        }
        revoked.iter().for_each(|id| contents.revoke(id));
        Self { key, revoked, feed: Feed::with(contents) }
    }

    /// Tokens that are good for anything in the namespace.
    fn good(&self, mint: &Mint) -> Tokens {
        mint.tokens(REPEATED, &self.key, None, &json!({}))
    }

    fn token(&self, id: &str) -> String {
        self.key.token(&claims_with(json!({"jti": id, "exp": now() + 86_400})))
    }

    fn following(&self, changes: Value) -> Value {
        let trust = json!({"cluster": "feed", "public_keys": [self.feed.public_pem()]});
        testkit::protected::merged(json!({"trust": trust}), changes)
    }

    fn jwt_authn(&self) -> Value {
        let mut filter = jwt_authn(&self.key.jwk(), Some(100));
        filter["typed_config"]["providers"]["namespace"]["claim_to_headers"] =
            json!([{"header_name": TOKEN_ID, "claim_name": "jti"}]);
        filter
    }

    fn asking(&self, name: &str, failure_mode_allow: bool) -> Listener {
        let filters = vec![self.jwt_authn(), ext_authz("authorizer", failure_mode_allow)];
        Listener { filters, ..Listener::new(name, None) }
    }

    fn start(&self, workers: usize, listeners: &[Listener], authorizer: &Authorizer) -> Envoy {
        let clusters = [("feed", self.feed.address), ("authorizer", authorizer.address)];
        gateway::start_with(workers, listeners, &clusters)
    }

    /// Waits until a listener has heard of the last revocation, and admits the others.
    fn wait_until_known(&self, envoy: &Envoy, listener: &str) {
        let last = self.revoked.last().map(|id| (self.token(id), 403));
        for (token, expected) in [(self.token("good"), 200)].into_iter().chain(last) {
            let request =
                format!("GET / HTTP/1.1\r\nhost: {}\r\nx-auth-token: {token}\r\n\r\n", host(0));
            wait_for("the feed to be known", || {
                let mut connection = Http1::open(envoy.address(listener));
                let response = connection.exchange(request.as_bytes(), false);
                (response.status == expected).then_some(())
            });
        }
    }
}

/// A function's id, from anywhere among all ids.
fn function(n: usize) -> String {
    let first = (n as u32).wrapping_mul(0x9e37_79b9);
    format!("{first:08x}-0000-4000-8000-{n:012}")
}

fn host(n: usize) -> String {
    format!("function-{n}.test")
}

/// Measures, and gives this part of the report.
pub fn run(mint: &Mint, rounds: usize) -> String {
    eprintln!("==> revocation: {REVOKED} revoked tokens");
    let scene = Scene::new(REVOKED, 0);
    let cost = cost(mint, &scene, rounds);
    cost + &end::run(&scene) + &functions::run(mint, rounds) + &memory::run(rounds.min(5))
}

fn cost(mint: &Mint, scene: &Scene, rounds: usize) -> String {
    let authorizer = Authorizer::start(&scene.revoked);
    let configured = |changes: Value| {
        let configuration = json!({
            "namespace_id": NAMESPACE,
            "application_id": APPLICATION,
            "public_key": scene.key.public_pem(),
        });
        testkit::protected::merged(configuration, changes)
    };
    let ours = |name: &str, configuration: Value| {
        Listener::new(name, Some(namespace_jwt(&configuration, name)))
    };
    let following = scene.following(json!({"public_key": null}));
    let mut points = [
        Listener::new(NO_FILTER, None),
        Listener::new(JWT_AUTHN_CACHED, Some(scene.jwt_authn())),
        scene.asking(WITH_SERVICE, false),
        ours(PLAIN, configured(json!({}))),
        ours(LISTED, configured(json!({"revoked_token_ids": scene.revoked}))),
        ours(FOLLOWING, configured(following)),
    ]
    .map(|listener| Point::to(listener, scene.good(mint)));
    points[2].beside = Some(authorizer.process());
    let envoy = scene.start(1, &gateway::listeners(&points), &authorizer);
    scene.wait_until_known(&envoy, FOLLOWING);
    let measured = gateway::measure_in(&envoy, "revocation", &mut points, rounds);
    let mut text = format!(
        "RSA-4096 tokens seen before, with {REVOKED} others revoked. *ext_authz* asks a service \
         over HTTP on loopback that has read the list and does nothing else; it shares its processor \
         with the load.\n\n\
         | | CPU of Envoy | of the service | both over no filter | p50 | p99 |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for (point, rounds) in points.iter().zip(&measured) {
        let of = |measure: fn(&Round) -> f64| Series::of(rounds, measure);
        let both = of(|round| round.cpu + round.beside);
        let over = both.paired(&Series::of(&measured[0], |round| round.cpu), |it, none| it - none);
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} |",
            point.listener.name,
            of(|round| round.cpu).median(),
            of(|round| round.beside).median(),
            over.median(),
            of(|round| round.p50).median(),
            of(|round| round.p99).median(),
        );
    }
    let more = paired(&measured[5], &measured[3], |with, without| with - without);
    let (least, most) = more.median_interval();
    let _ = writeln!(
        text,
        "\nWith `trust` a request costs {:+.2} µs over one without (median of the rounds; between \
         {least:+.2} and {most:+.2} with a probability of 95 %).",
        more.median(),
    );
    text
}
