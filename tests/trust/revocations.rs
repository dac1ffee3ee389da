//! 100,000 revocations: every worker knows them, and what that takes.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::envoy::{Filter, Plan};
use testkit::feed::{Fault, Feed, Part};
use testkit::http::Request;
use testkit::protected::{NAMESPACE, namespace_key};
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, following, token};
use crate::load::{PATIENCE, tell};

const COUNT: usize = 100_000;

/// VMs that know them: each worker's and the main thread's.
const VMS: u64 = WORKERS as u64 + 1;

fn revoked(n: usize) -> String {
    format!("{n:08}-0000-4000-8000-0000000000aa")
}

fn feed(count: usize) -> Feed {
    let feed = Feed::start(NAMESPACE);
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [namespace_key().public_pem().as_str()]);
        (0..count).for_each(|n| contents.revoke(&revoked(n)));
    });
    feed
}

/// The resident memory of an Envoy whose workers all know that many, and how long after its
/// start they did.
fn start(upstream: &Upstream, feed: &Feed, count: usize) -> (u64, Duration) {
    let plan = Plan::new(upstream).workers(WORKERS).quiet().cluster("feed", &[feed.address]);
    let filter = Filter::new(&following(feed, "feed", json!({"refresh_seconds": 1})));
    let envoy = gateway::listener(plan, "main", filter).start();
    let begin = Instant::now();
    let mut workers = Workers::of(&envoy, "main");
    let [good, more] = ["good", "one more"].map(|id| Request::with_token(&token(id)));
    // The first, one in the middle, the last.
    let ids = [0, count / 2, count.saturating_sub(1)].map(revoked);
    let known = ids.map(|id| Request::with_token(&token(&id)));
    let expected = if count > 0 { "revoked" } else { "allowed" };
    while known.iter().any(|request| workers.decisions(request) != [expected]) {
        for request in known.iter().filter(|_| count > 0) {
            let early = workers.decisions(request).contains(&"allowed".to_owned());
            assert!(!early, "a worker lets somebody in before it knows all");
        }
        assert!(begin.elapsed() < PATIENCE, "not known to every worker");
    }
    let known = begin.elapsed();
    assert_eq!(workers.decisions(&good), ["allowed"]);
    feed.revoke("one more");
    workers.wait_for(&more, "revoked");
    assert_eq!(workers.decisions(&good), ["allowed"]);
    (envoy.resident_bytes(), known)
}

#[test]
fn a_hundred_thousand_revocations_are_known_to_every_worker() {
    let _alone = crate::alone();
    let upstream = Upstream::start();
    let (without, soon) = start(&upstream, &feed(0), 0);
    let (with, later) = start(&upstream, &feed(COUNT), COUNT);
    let each = with.saturating_sub(without) / VMS;
    tell(&format!(
        "{COUNT} revocations: {} KiB more for each of {VMS} VMs and the share that they have in \
         common; known to every worker {later:.0?} after Envoy was up, none at all {soon:.0?}",
        each >> 10
    ));
    // Of 800 KB that a worker holds: far from what would hurt.
    assert!(each < 8 << 20, "{each} bytes per VM");
}

/// As a server of plain files has it.
#[test]
fn a_log_that_is_served_by_its_hash_alone_is_read() {
    let upstream = Upstream::start();
    let feed = feed(COUNT);
    feed.misbehave(Fault::LogByHash);
    start(&upstream, &feed, COUNT);
    let asked = feed.seen();
    assert!(asked.iter().any(|seen| seen.part == Part::Log && seen.status == Some(404)));
}

/// A new epoch leaves most of them out. Gateways read its log at different times, and until then
/// the old one counts.
#[test]
fn a_new_epoch_is_taken_over_without_a_gap() {
    let upstream = Upstream::start();
    let feed = feed(1000);
    let trust = json!({"refresh_seconds": 1, "max_staleness_seconds": 15});
    let configuration = following(&feed, "feed", trust);
    let envoy = gateway::start(&upstream, feed.address, &configuration);
    let mut workers = Workers::of(&envoy, "main");
    let request = |id: &str| Request::with_token(&token(id));
    let [stays, leaves] = [request(&revoked(7)), request(&revoked(8))];
    workers.wait_for(&request("good"), "allowed");
    workers.wait_for(&stays, "revoked");
    workers.wait_for(&leaves, "revoked");
    feed.change(|contents| {
        let kept: Vec<_> = (0..1000).filter(|n| n % 2 == 1).map(revoked).collect();
        contents.compact(kept.iter().map(String::as_str));
    });
    let begin = Instant::now();
    loop {
        assert_eq!(workers.decisions(&stays), ["revoked"]);
        assert_eq!(workers.decisions(&request("good")), ["allowed"]);
        if workers.decisions(&leaves) == ["allowed"] {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the old epoch stays");
        std::thread::sleep(Duration::from_millis(20));
    }
    feed.revoke("good");
    workers.wait_for(&request("good"), "revoked");
    let gauge = envoy.counter("wasmcustom.namespace_jwt.trust.revocations");
    assert_eq!(gauge, 501);
}
