//! Of all workers and listeners of a process one asks the issuer. When it is gone, another does.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::corpus::trapping::{FATAL_HEADERS, with_trap};
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::feed::{Feed, Part};
use testkit::http::Request;
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, following, token};
use crate::load::{Load, tell};
use crate::misbehaviour::feed;

fn request(id: &str) -> Request {
    Request::with_token(&token(id))
}

/// A listener that follows the feed by the cluster `feed`, apart from others in name only.
fn filter(feed: &Feed, name: &str) -> Filter {
    let trust = json!({"wait_seconds": 1, "refresh_seconds": 1});
    let mut configuration = following(feed, "feed", trust);
    configuration["metrics_name"] = json!(name);
    Filter::new(&configuration)
}

fn plan(upstream: &Upstream, feed: &Feed) -> Plan {
    Plan::new(upstream).workers(WORKERS).quiet().cluster("feed", &[feed.address])
}

#[test]
fn one_request_is_under_way_however_many_workers_and_listeners_there_are() {
    const SECONDS: u64 = 6;
    let upstream = Upstream::start();
    let feed = feed();
    let names = ["one", "two", "three"];
    let plan = names.iter().fold(plan(&upstream, &feed), |plan, name| {
        gateway::listener(plan, name, filter(&feed, name))
    });
    let envoy = plan.start();
    let mut all: Vec<_> = names.iter().map(|name| Workers::of(&envoy, name)).collect();
    all.iter_mut().for_each(|workers| workers.wait_for(&request("good"), "allowed"));
    // At the start several may ask, until each has seen who does.
    std::thread::sleep(Duration::from_secs(3));
    let begin = Instant::now();
    feed.most_open();
    for n in 0..SECONDS {
        let id = format!("token {n}");
        feed.revoke(&id);
        all.iter_mut().for_each(|workers| workers.wait_for(&request(&id), "revoked"));
        std::thread::sleep(Duration::from_secs(1));
    }
    let took = begin.elapsed().as_secs() as usize + 1;
    let asked = feed.seen().into_iter().filter(|seen| seen.at > begin);
    let (checkpoints, others): (Vec<_>, Vec<_>) =
        asked.partition(|seen| seen.part == Part::Checkpoint);
    assert_eq!(feed.most_open(), 1, "at once");
    // One for each second of waiting, and one for each change.
    let most = took + SECONDS as usize + 2;
    assert!(checkpoints.len() <= most, "{} requests in {took} s", checkpoints.len());
    // What is new stood in the checkpoints.
    assert!(others.is_empty(), "{others:?}");
    assert!(checkpoints.iter().all(|seen| seen.wait == Some(1) && seen.etag.is_some()));
}

#[test]
fn another_listener_asks_when_the_one_that_asked_is_taken_away() {
    let upstream = Upstream::start();
    let feed = feed();
    let plan = plan(&upstream, &feed).argument("--drain-time-s").argument("1");
    let plan = gateway::listener(plan, "first", filter(&feed, "first")).later();
    let mut envoy = gateway::listener(plan, "second", filter(&feed, "second")).start();
    let mut first = Workers::of(&envoy, "first");
    first.wait_for(&request("good"), "allowed");
    // Nobody else is there who could ask.
    drop(first);
    envoy.keep_listeners(&["first", "second"]);
    let mut second = Workers::of(&envoy, "second");
    second.wait_for(&request("good"), "allowed");
    let load = Load::start(&envoy, "second", &gateway::tokens(50), Duration::from_millis(20));
    envoy.keep_listeners(&["second"]);
    wait_for("the first listener to be gone", || {
        (envoy.counter("listener_manager.total_listeners_draining") == 0).then_some(())
    });
    let begin = Instant::now();
    feed.revoke("good");
    second.wait_for(&request("good"), "revoked");
    tell(&format!("whoever asked is gone: another one knew after {:.1?}", begin.elapsed()));
    assert_eq!(second.decisions(&request("gone")), ["revoked"]);
    std::thread::sleep(Duration::from_secs(3));
    feed.most_open();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(feed.most_open(), 1, "at once, when all is as before");
    load.end_with_none_refused();
}

/// An Envoy whose module can be made to trap, and comes back.
fn trapping(upstream: &Upstream, feed: &Feed) -> Envoy {
    let copy = testkit::scratch().join(format!("trust-trapping-{}.wasm", std::process::id()));
    let shipped = fs::read(testkit::built::module()).unwrap();
    fs::write(&copy, with_trap(&shipped)).unwrap();
    let plan = gateway::listener(plan(upstream, feed), "main", filter(feed, "main"));
    let plan = plan.adjust("main", |manager| {
        let plugin = &mut manager["http_filters"][0]["typed_config"]["config"];
        plugin["vm_config"]["code"]["local"]["filename"] = json!(copy);
    });
    let envoy = plan.start();
    fs::remove_file(&copy).unwrap();
    envoy
}

#[test]
fn workers_whose_vm_trapped_know_what_is_revoked_as_soon_as_they_are_back() {
    let upstream = Upstream::start();
    let feed = feed();
    let envoy = trapping(&upstream, &feed);
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&request("good"), "allowed");
    workers.wait_for(&request("gone"), "revoked");
    let fatal = (0..FATAL_HEADERS)
        .fold(request("good"), |request, n| request.header(&format!("x-{n}"), "x"));
    for n in 0..3 {
        // Every worker, and so whichever of them asks.
        for answer in workers.send(&fatal) {
            assert_eq!(answer.status, 503);
        }
        let begin = Instant::now();
        let back = wait_for("every worker back", || {
            std::thread::sleep(Duration::from_millis(20));
            let gone = workers.send(&request("gone"));
            assert!(gone.iter().all(|answer| answer.status != 200), "a revoked token let in");
            let good = workers.send(&request("good"));
            good.iter().all(|answer| answer.status == 200).then(|| begin.elapsed())
        });
        let id = format!("token {n}");
        let begin = Instant::now();
        feed.revoke(&id);
        workers.wait_for(&request(&id), "revoked");
        tell(&format!(
            "all workers trapped: back after {back:.1?}, the next revocation after {:.1?}",
            begin.elapsed()
        ));
    }
}
