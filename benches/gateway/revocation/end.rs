//! What becomes of requests when whoever is asked stops.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::feed::Fault;
use testkit::http::{Connection, Protocol, Request};
use testkit::protected::{APPLICATION, NAMESPACE};

use super::{FOLLOWING, Scene};
use crate::authorizer::Authorizer;
use crate::gateway::{Listener, namespace_jwt};

/// How long requests are sent around the end of whoever is asked.
const WATCHED: Duration = Duration::from_secs(5);
/// When that end is.
const END: Duration = Duration::from_secs(1);
/// How many send then.
const SENDERS: usize = 4;

/// Stops it under load, and gives this part of the report.
pub fn run(scene: &Scene) -> String {
    let mut text = format!(
        "\n### When what is asked stops\n\n{} senders for {} s, with a good and a revoked token by \
         turns; after {} s the service is killed, and the issuer's feed refuses connections.\n\n\
         | | good tokens | revoked tokens |\n| --- | --- | --- |\n",
        SENDERS,
        WATCHED.as_secs(),
        END.as_secs(),
    );
    let following = scene.following(json!({
        "namespace_id": NAMESPACE, "application_id": APPLICATION,
    }));
    let deny = "ext_authz, `failure_mode_allow: false`";
    let allow = "ext_authz, `failure_mode_allow: true`";
    let contenders = [
        scene.asking(deny, false),
        scene.asking(allow, true),
        Listener::new(FOLLOWING, Some(namespace_jwt(&following, "end"))),
    ];
    for listener in &contenders {
        eprintln!("    when it stops: {}", listener.name);
        let mut authorizer = Authorizer::start(&scene.revoked);
        scene.feed.behave();
        let envoy = scene.start(1, &contenders, &authorizer);
        scene.wait_until_known(&envoy, FOLLOWING);
        let tokens = [scene.token("good"), scene.token(&scene.revoked[0])];
        let address = envoy.address(&listener.name);
        let counts: [BTreeMap<u16, usize>; 2] = std::thread::scope(|scope| {
            let until = Instant::now() + WATCHED;
            let senders: Vec<_> = (0..SENDERS)
                .map(|_| {
                    let tokens = &tokens;
                    scope.spawn(move || send_until(until, address, tokens))
                })
                .collect();
            std::thread::sleep(END);
            authorizer.kill();
            scene.feed.misbehave(Fault::Refuse);
            senders.into_iter().map(|sender| sender.join().expect("it sends")).fold(
                Default::default(),
                |mut all: [BTreeMap<u16, usize>; 2], counts| {
                    for (all, counts) in all.iter_mut().zip(counts) {
                        counts
                            .into_iter()
                            .for_each(|(status, n)| *all.entry(status).or_default() += n);
                    }
                    all
                },
            )
        });
        let told = counts.map(|counts| {
            let told = counts.iter().map(|(status, count)| format!("{status}: {count}"));
            told.collect::<Vec<_>>().join(", ")
        });
        let _ = writeln!(text, "| {} | {} | {} |", listener.name, told[0], told[1]);
    }
    scene.feed.behave();
    text
}

/// How often each status came for each of the tokens.
fn send_until(
    until: Instant,
    address: SocketAddr,
    tokens: &[String; 2],
) -> [BTreeMap<u16, usize>; 2] {
    let mut counts: [BTreeMap<u16, usize>; 2] = Default::default();
    let mut connection = Connection::open(Protocol::Http1, address);
    while Instant::now() < until {
        for (token, counts) in tokens.iter().zip(&mut counts) {
            let status = connection.send(&Request::with_token(token)).status;
            *counts.entry(status).or_default() += 1;
        }
    }
    counts
}
