//! Another plugin without a `vm_id` writes into the data that the filter's workers share. It can
//! hold up what they hear, no longer than a state may be old, and lets nobody in.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Plan};
use testkit::feed::Feed;
use testkit::http::{Request, send};
use testkit::protected::NAMESPACE;
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, following, token};
use crate::load::{Load, tell};
use crate::misbehaviour::feed;

const RELEASES: [&str; 3] = ["1.36.4", "1.38.2", "1.40.0"];

/// What the filter's workers share of a feed: all that there is for one with a namespace and an
/// application, in short.
const NAMES: [&str; 8] =
    ["start", "lease", "news", "checkpoint", "index", "namespaces.0", "applications.0", "log.0"];

/// Each in full. Before them stands a hash of cluster, authority, path, scope and keys, and the
/// lease has one of the access key, here none, and of the times that are used, in seconds.
fn names(feed: &Feed, [wait, refresh, max_staleness]: [u64; 3]) -> [(&'static str, String); 8] {
    let hash = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().map(|part| format!("{part}\0")).collect();
        testkit::feed::sha256(&parts.concat())[..16].to_owned()
    };
    let feed = hash(&["feed", "feed", "/trust/v1", NAMESPACE, &feed.key_id()]);
    let asks = hash(&["", &format!("{wait} {refresh}s {max_staleness}s")]);
    NAMES.map(|short| {
        let name = if short == "lease" { format!("lease.{asks}") } else { short.to_owned() };
        (short, format!("namespace-jwt.trust.{feed}.{name}"))
    })
}

/// A filter that does this with each of those names, and so often.
fn vandal(names: &[(&'static str, String)], every: Duration, how: impl Fn(&str) -> char) -> Value {
    let module = wat::parse_str(include_str!("vandal.wat")).expect("a module");
    let mut configuration = format!("{:04}\n", every.as_millis());
    for (short, name) in names {
        configuration += &format!("{}{name}\n", how(short));
    }
    json!({
        "name": "vandal",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"inline_bytes": STANDARD.encode(module)}},
                },
            },
        },
    })
}

/// Turns the vandal on or off. What it writes is what the filter reads: all of that is there.
fn turn(address: SocketAddr) {
    let missing = send(address, &Request::get()).status;
    assert_eq!(missing, 200, "{} of the names aren't the filter's", missing.saturating_sub(500));
}

struct Scene {
    feed: Feed,
    envoy: Envoy,
    workers: Workers,
}

/// The wait, the refresh and the most staleness of a gateway, in seconds.
fn trust([wait, refresh, max_staleness]: [u64; 3]) -> Value {
    json!({
        "wait_seconds": wait, "refresh_seconds": refresh, "max_staleness_seconds": max_staleness,
    })
}

/// A gateway that follows a feed, with the vandal beside it, which is off.
fn scene(
    upstream: &Upstream,
    release: &str,
    times: [u64; 3],
    every: Duration,
    how: impl Fn(&str) -> char,
) -> Scene {
    let feed = feed();
    let vandal = vandal(&names(&feed, times), every, how);
    let trust = trust(times);
    // Neither of the two has a `vm_id`.
    let filter = Filter::new(&following(&feed, "feed", trust)).vm_id("");
    let plan = Plan::new(upstream).release(release).workers(WORKERS).quiet();
    let plan = plan.cluster("feed", &[feed.address]).listener_with("vandal", vandal);
    let envoy = gateway::listener(plan, "main", filter).start();
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&request("good"), "allowed");
    workers.wait_for(&request("gone"), "revoked");
    Scene { feed, envoy, workers }
}

fn request(id: &str) -> Request {
    Request::with_token(&token(id))
}

/// How long until every worker refuses, if it does so before the end.
fn until_refused(workers: &mut Workers, request: &Request, end: Duration) -> Option<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < end {
        if workers.decisions(request) == ["revoked"] {
            return Some(begin.elapsed());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// All of it, or all but the lease, which then says that all is well.
const WRITTEN: [(&str, &[&str]); 2] = [("everything", &[]), ("all but the lease", &["lease"])];

/// Everything that it can write, over and over.
#[test]
fn garbage_in_the_shared_data_lets_nobody_in_keeps_nobody_out_and_holds_up_little() {
    let upstream = Upstream::start();
    let releases = RELEASES.iter().map(|release| (*release, WRITTEN[0]));
    for (release, (what, spared)) in releases.chain([(RELEASES[2], WRITTEN[1])]) {
        let times = [5, 1, 300];
        let how = |name: &str| if spared.contains(&name) { 'x' } else { 'a' };
        let Scene { feed, envoy, mut workers } =
            scene(&upstream, release, times, Duration::from_millis(7), how);
        let load = Load::start(&envoy, "main", &gateway::tokens(100), Duration::from_millis(20));
        turn(envoy.address("vandal"));
        std::thread::sleep(Duration::from_secs(1));
        let mut held_up = Vec::new();
        for id in ["first", "second"] {
            feed.change(|contents| {
                // The second comes with more than a checkpoint has room for.
                let others = if id == "first" { 0 } else { 100 };
                (0..others).for_each(|n| contents.revoke(&format!("{n} of many")));
                contents.revoke(id);
            });
            let time = until_refused(&mut workers, &request(id), Duration::from_secs(30));
            held_up.push(time.unwrap_or_else(|| panic!("{release}: {id} never came")));
        }
        assert_eq!(workers.decisions(&request("gone")), ["revoked"], "{release}");
        turn(envoy.address("vandal"));
        feed.revoke("third");
        workers.wait_for(&request("third"), "revoked");
        load.end_with_none_refused();
        tell(&format!("Envoy {release}, garbage in {what}: refused after {held_up:.1?}"));
        assert!(envoy.log().contains("changed by another plugin"), "{release}: {}", envoy.log());
        assert!(!envoy.log().contains("proxy_on"), "a VM failed: {}", envoy.log());
    }
}

/// What is signed, and old: nobody can tell it from what a worker that lags has written. It may
/// hold up the news, but no longer than a state may be old.
#[test]
fn an_old_state_put_back_for_ever_lets_no_revoked_token_in_for_longer_than_it_may_be_old() {
    const MAX_STALENESS: u64 = 9;
    let upstream = Upstream::start();
    let releases = RELEASES.iter().map(|release| (*release, WRITTEN[0]));
    for (release, (what, spared)) in releases.chain([(RELEASES[2], WRITTEN[1])]) {
        let times = [MAX_STALENESS / 3, 1, MAX_STALENESS];
        let how = |name: &str| if spared.contains(&name) { 'x' } else { 'o' };
        let Scene { feed, envoy, mut workers } =
            scene(&upstream, release, times, Duration::from_millis(1), how);
        turn(envoy.address("vandal"));
        std::thread::sleep(Duration::from_millis(500));
        feed.revoke("good");
        let begin = Instant::now();
        let held_up = loop {
            let codes = workers.decisions(&request("good"));
            if !codes.contains(&"allowed".to_owned()) {
                break begin.elapsed();
            }
            let most = Duration::from_secs(MAX_STALENESS + 3);
            assert!(begin.elapsed() < most, "{release}, {what}: still {codes:?}");
            std::thread::sleep(Duration::from_millis(10));
        };
        tell(&format!("Envoy {release}, {what} as it was, for ever: refused after {held_up:.1?}"));
        // It stays so, and others are served.
        let longer = if spared.is_empty() { 2 } else { MAX_STALENESS };
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(longer) {
            let codes = workers.decisions(&request("good"));
            assert!(!codes.contains(&"allowed".to_owned()), "{release}, {what}: {codes:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(workers.decisions(&request("another")), ["allowed"], "{release}, {what}");
        turn(envoy.address("vandal"));
        workers.wait_for(&request("another"), "allowed");
        workers.wait_for(&request("good"), "revoked");
    }
}

/// The lease, held for ever by nobody, where each question needs it: a gateway that polls.
#[test]
fn a_lease_that_is_never_free_keeps_no_worker_from_asking() {
    let upstream = Upstream::start();
    let times = [0, 1, 60];
    for how in ['e', 'g', 'f', 'o'] {
        let only_lease = |name: &str| if name == "lease" { how } else { 'x' };
        let every = Duration::from_millis(1);
        let Scene { feed, envoy, mut workers } =
            scene(&upstream, RELEASES[2], times, every, only_lease);
        turn(envoy.address("vandal"));
        std::thread::sleep(Duration::from_secs(2));
        let mut held_up = Vec::new();
        for id in ["first", "second"] {
            feed.revoke(id);
            let time = until_refused(&mut workers, &request(id), Duration::from_secs(60));
            held_up.push(time.unwrap_or_else(|| panic!("{how}: nobody asks")));
        }
        tell(&format!("a lease that another plugin writes ({how}): refused after {held_up:.1?}"));
    }
}

#[test]
fn a_gateway_that_starts_among_garbage_follows_its_issuer() {
    let upstream = Upstream::start();
    for how in ['e', 'g', 'a'] {
        let feed = feed();
        let times = [5, 1, 300];
        let vandal = vandal(&names(&feed, times), Duration::from_millis(1), |_| how);
        let filter = Filter::new(&following(&feed, "feed", trust(times))).vm_id("");
        let plan = Plan::new(&upstream).workers(WORKERS).quiet().cluster("feed", &[feed.address]);
        let plan = plan.listener_with("vandal", vandal).later();
        let mut envoy = gateway::listener(plan, "main", filter).start();
        // Nothing is there yet.
        let missing = send(envoy.address("vandal"), &Request::get()).status;
        assert_eq!(usize::from(missing), 500 + NAMES.len());
        std::thread::sleep(Duration::from_millis(200));
        envoy.keep_listeners(&["vandal", "main"]);
        let begin = Instant::now();
        let mut workers = Workers::of(&envoy, "main");
        workers.wait_for(&request("good"), "allowed");
        let started = begin.elapsed();
        assert_eq!(workers.decisions(&request("gone")), ["revoked"]);
        feed.revoke("good");
        let then = until_refused(&mut workers, &request("good"), Duration::from_secs(60));
        let then = then.unwrap_or_else(|| panic!("{how}: nobody asks"));
        tell(&format!("a start among garbage ({how}): known after {started:.1?}, {then:.1?}"));
        assert!(!envoy.log().contains("proxy_on"), "a VM failed: {}", envoy.log());
    }
}
