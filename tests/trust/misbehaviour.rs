//! However the issuer or a mirror misbehaves: the last good state stays, good requests go on,
//! what was revoked stays so, what is wrong is counted, and afterwards news arrives again.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::envoy::{Envoy, Filter, Plan, wait_for};
use testkit::feed::{Fault, Feed, Forgery, Part};
use testkit::http::Request;
use testkit::protected::{APPLICATION, NAMESPACE, merged, namespace_key};
use testkit::upstream::Upstream;

use crate::gateway::{self, WORKERS, Workers, following, token};

/// For how long each of them misbehaves.
const MISBEHAVES: Duration = Duration::from_secs(4);

/// When a revocation is heard of that is made while the feed misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Only when it behaves again.
    After,
    /// In spite of it.
    During,
    /// It is made when it behaves again: what is forged has the number that it would have.
    Then,
}

struct Case {
    name: &'static str,
    fault: Fault,
    news: News,
    /// Any one of these is counted, if it isn't empty: under `trust.refused.`.
    counted: &'static [&'static str],
}

const fn case(
    name: &'static str,
    fault: Fault,
    news: News,
    counted: &'static [&'static str],
) -> Case {
    Case { name, fault, news, counted }
}

const CASES: [Case; 28] = {
    use Fault::*;
    use News::*;
    use Part::*;
    const NO_ANSWER: &[&str] = &["no_answer"];
    const STATUS: &[&str] = &["error_status"];
    // Which of them depends on where the byte stands.
    const NOT_SIGNED: &[&str] = &["bad_signature", "malformed"];
    [
        case("refuse", Refuse, After, &["no_answer", "error_status"]),
        case("hang", Hang, After, &[]),
        case("cut_off", CutOff, After, NO_ANSWER),
        case("slow", Slow(Duration::from_millis(1500)), During, &[]),
        case("status_500", Status(500), After, STATUS),
        case("status_404", Status(404), After, STATUS),
        case("not_modified", NotModified, After, &[]),
        case("garbage", Garbage, After, &["malformed"]),
        case("endless_checkpoint", Endless(Checkpoint), After, &["no_answer", "oversized"]),
        case("endless_object", Endless(Object), During, &["no_answer", "oversized"]),
        case("truncated_checkpoint", Truncated(Checkpoint), After, &["truncated"]),
        case("truncated_object", Truncated(Object), During, &["bad_hash"]),
        case("truncated_log", Truncated(Log), During, &["truncated"]),
        case("altered_checkpoint", Altered(Checkpoint), After, NOT_SIGNED),
        case("altered_object", Altered(Object), During, &["bad_hash"]),
        case("altered_log", Altered(Log), During, &["bad_hash"]),
        case("oversized_checkpoint", Oversized(Checkpoint), After, &["oversized"]),
        case("oversized_object", Oversized(Object), During, &["oversized"]),
        case("missing_object", Missing(Object), During, STATUS),
        case("log_by_hash", LogByHash, During, &[]),
        case("frozen", Frozen, After, &[]),
        case("ahead", Clock(600), After, &["from_the_future"]),
        case("other_key", Forged(Forgery::Key), After, &["bad_signature"]),
        case("other_scope", Forged(Forgery::Scope), After, &["wrong_scope"]),
        case("other_issuer", Forged(Forgery::Issuer), After, &["wrong_issuer"]),
        case("older", Forged(Forgery::Older), Then, &["older"]),
        case("conflict", Forged(Forgery::Conflict), Then, &["conflict"]),
        case("version", Forged(Forgery::Version), After, &["unknown_version"]),
    ]
};

/// A feed that misbehaves, and the gateway's listener that follows it.
struct Scene {
    case: &'static Case,
    feed: Feed,
    workers: Workers,
}

/// A feed with a key, an application, and a token that is gone.
pub fn feed() -> Feed {
    let feed = Feed::start(NAMESPACE);
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [namespace_key().public_pem().as_str()]);
        contents.set_privacy(NAMESPACE, APPLICATION, "private");
        contents.revoke("gone");
    });
    feed
}

/// One Envoy with a listener for each, all of which run in one VM per worker.
fn start(upstream: &Upstream, feeds: &[(&'static str, &Feed)], trust: &serde_json::Value) -> Envoy {
    let plan = Plan::new(upstream).workers(WORKERS).quiet();
    let plan = feeds.iter().fold(plan, |plan, (name, feed)| {
        let changes = json!({"wait_seconds": 5, "refresh_seconds": 1});
        let mut configuration = following(feed, name, merged(changes, trust.clone()));
        configuration["metrics_name"] = json!(name);
        let plan = plan.cluster(name, &[feed.address]);
        gateway::listener(plan, name, Filter::new(&configuration))
    });
    plan.start()
}

/// What a feed counted for its listener.
fn counted(envoy: &Envoy, name: &str, what: &str) -> u64 {
    envoy.counter(&format!("wasmcustom.namespace_jwt.{name}.trust.refused.{what}"))
}

#[test]
fn the_last_good_state_stays_and_good_requests_go_on_whatever_comes() {
    let _alone = crate::alone();
    let upstream = Upstream::start();
    let feeds: Vec<_> = CASES.iter().map(|_| feed()).collect();
    let named: Vec<_> = CASES.iter().map(|case| case.name).zip(&feeds).collect();
    let envoy = start(&upstream, &named, &json!({}));
    let [good, gone, second] = ["good", "gone", "second"].map(token);
    let [good, gone, second] = [&good, &gone, &second].map(|token| Request::with_token(token));
    let scene = |(case, feed): (&'static Case, Feed)| Scene {
        case,
        feed,
        workers: Workers::of(&envoy, case.name),
    };
    let mut scenes: Vec<_> = CASES.iter().zip(feeds).map(scene).collect();
    for scene in &mut scenes {
        scene.workers.wait_for(&good, "allowed");
        scene.workers.wait_for(&gone, "revoked");
        scene.workers.wait_for(&second, "allowed");
    }

    let revoke = |feed: &Feed| {
        feed.change(|contents| {
            // More than a checkpoint has room for, and an object: all parts are asked for.
            (0..100).for_each(|n| contents.revoke(&format!("{n} of many")));
            contents.revoke("second");
            contents.set_privacy(NAMESPACE, "11111111-2222-4333-8444-555555555555", "private");
        });
    };
    let begin = Instant::now();
    for Scene { case, feed, .. } in &scenes {
        feed.misbehave(case.fault.clone());
        if case.news != News::Then {
            revoke(feed);
        }
    }
    let misbehaves = Instant::now();
    while misbehaves.elapsed() < MISBEHAVES {
        for Scene { case, workers, .. } in &mut scenes {
            assert_eq!(workers.decisions(&good), ["allowed"], "{}", case.name);
            assert_eq!(workers.decisions(&gone), ["revoked"], "{}", case.name);
        }
    }
    for Scene { case, feed, workers } in &mut scenes {
        match case.news {
            News::During => workers.wait_for(&second, "revoked"),
            News::After | News::Then => {
                assert_eq!(workers.decisions(&second), ["allowed"], "{}", case.name);
            }
        }
        wait_for(&format!("{} to be counted", case.name), || {
            let counts = |what: &&str| counted(&envoy, case.name, what) > 0;
            (case.counted.iter().any(counts) || case.counted.is_empty()).then_some(())
        });
        wait_for(&format!("{} to be asked again", case.name), || {
            let again = feed.seen().iter().any(|seen| seen.at > begin);
            (again || matches!(case.fault, Fault::Refuse | Fault::Hang)).then_some(())
        });
    }

    // Whatever the issuer sends, nobody else is to blame.
    assert!(!envoy.log().contains("another plugin"), "{}", envoy.log());

    for Scene { case, feed, .. } in &scenes {
        feed.behave();
        if case.news == News::Then {
            revoke(feed);
        }
    }
    for Scene { case, workers, .. } in &mut scenes {
        workers.wait_for(&second, "revoked");
        assert_eq!(workers.decisions(&good), ["allowed"], "{}", case.name);
    }
}

/// How a feed that gives nothing new gives nothing new.
const SILENT: [(&str, Fault); 7] = [
    ("refuse", Fault::Refuse),
    ("hang", Fault::Hang),
    ("status_500", Fault::Status(500)),
    ("not_modified", Fault::NotModified),
    ("frozen", Fault::Frozen),
    ("ahead", Fault::Clock(600)),
    ("behind", Fault::Clock(-600)),
];

/// The staleness of the tests that wait for it, in seconds.
const MAX_STALENESS: u64 = 6;

/// Feeds that work, and then nothing new comes of them for longer than that.
fn until_nothing_is_fresh(when_stale: &str, check: impl Fn(&str, &Envoy, &mut Workers, &Feed)) {
    let _alone = crate::alone();
    let upstream = Upstream::start();
    let feeds: Vec<_> = SILENT.iter().map(|_| feed()).collect();
    let named: Vec<_> = SILENT.iter().map(|(name, _)| *name).zip(&feeds).collect();
    let trust = json!({"max_staleness_seconds": MAX_STALENESS, "when_stale": when_stale});
    let envoy = start(&upstream, &named, &trust);
    let good = Request::with_token(&token("good"));
    let mut all: Vec<_> = SILENT.iter().map(|(name, _)| Workers::of(&envoy, name)).collect();
    all.iter_mut().for_each(|workers| workers.wait_for(&good, "allowed"));
    for ((_, fault), feed) in SILENT.iter().zip(&feeds) {
        feed.misbehave(fault.clone());
    }
    std::thread::sleep(Duration::from_secs(MAX_STALENESS));
    for (((name, _), feed), workers) in SILENT.iter().zip(&feeds).zip(&mut all) {
        check(name, &envoy, workers, feed);
        feed.behave();
    }
    for (feed, workers) in feeds.iter().zip(&mut all) {
        workers.wait_for(&good, "allowed");
        feed.revoke("good");
        workers.wait_for(&good, "revoked");
    }
}

#[test]
fn a_feed_that_says_nothing_new_for_too_long_shuts_until_it_does() {
    let good = Request::with_token(&token("good"));
    until_nothing_is_fresh("deny", |name, envoy, workers, _| {
        workers.wait_for(&good, "trust_unavailable");
        let answer = testkit::http::send(envoy.address(name), &good);
        assert_eq!((answer.status, answer.json()["type"].as_str()), (503, Some("unavailable")));
        let retry = answer.header("retry-after").and_then(|it| it.parse::<u64>().ok());
        assert!(retry.is_some_and(|seconds| (1..=60).contains(&seconds)), "{name}: {answer:?}");
        // A token that nobody signed is told no more.
        assert_eq!(workers.decisions(&Request::get()), ["trust_unavailable"]);
        assert!(envoy.log().contains("stale"), "{name}: {}", envoy.log());
    });
}

#[test]
fn where_the_last_state_is_kept_it_goes_on_without_the_feed() {
    let [good, gone] = ["good", "gone"].map(|id| Request::with_token(&token(id)));
    until_nothing_is_fresh("keep", |name, _, workers, _| {
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(workers.decisions(&good), ["allowed"], "{name}");
        assert_eq!(workers.decisions(&gone), ["revoked"], "{name}");
        assert_eq!(workers.decisions(&Request::get()), ["missing_token"], "{name}");
    });
}

#[test]
fn a_feed_that_never_answers_is_asked_again_by_the_gateways_own_clock() {
    let upstream = Upstream::start();
    let feed = feed();
    let trust = json!({"wait_seconds": 1, "refresh_seconds": 1});
    let envoy = gateway::start(&upstream, feed.address, &following(&feed, "feed", trust));
    let mut workers = Workers::of(&envoy, "main");
    let good = Request::with_token(&token("good"));
    workers.wait_for(&good, "allowed");
    feed.misbehave(Fault::Hang);
    let before = feed.seen().len();
    let given_up = || {
        let counters = envoy.counters("wasmcustom.namespace_jwt.trust.refused.");
        counters.values().sum::<u64>() > 0 && feed.seen().len() > before
    };
    wait_for("a request that is given up, and another one", || {
        assert_eq!(workers.decisions(&good), ["allowed"]);
        given_up().then_some(())
    });
    feed.behave();
    feed.revoke("good");
    workers.wait_for(&good, "revoked");
}

/// By ten minutes, either way, and a gateway that allows for it.
#[test]
fn an_issuer_whose_clock_is_behind_is_followed_as_far_as_its_age_allows() {
    let upstream = Upstream::start();
    let [allows, refuses] = [feed(), feed()];
    for feed in [&allows, &refuses] {
        feed.misbehave(Fault::Clock(-600));
    }
    let plan = Plan::new(&upstream).workers(WORKERS).quiet();
    let plan = [("allows", &allows, 3600), ("refuses", &refuses, 300)].iter().fold(
        plan,
        |plan, (name, feed, staleness)| {
            let trust = json!({"max_staleness_seconds": staleness, "refresh_seconds": 1});
            let filter = Filter::new(&following(feed, name, trust));
            gateway::listener(plan.cluster(name, &[feed.address]), name, filter)
        },
    );
    let envoy = plan.start();
    let good = Request::with_token(&token("good"));
    let [mut allowing, mut refusing] = ["allows", "refuses"].map(|it| Workers::of(&envoy, it));
    allowing.wait_for(&good, "allowed");
    // Its first checkpoint is too old already.
    refusing.wait_for(&good, "trust_unavailable");
    allows.revoke("good");
    allowing.wait_for(&good, "revoked");
    assert_eq!(refusing.decisions(&good), ["trust_unavailable"]);
}

#[test]
fn replicas_at_different_numbers_behind_one_cluster_lose_nothing() {
    let upstream = Upstream::start();
    let ahead = feed();
    let behind = ahead.replica();
    let plan = Plan::new(&upstream).workers(WORKERS).quiet();
    let plan = plan.cluster("feed", &[ahead.address, behind.address]);
    let configuration = following(&ahead, "feed", json!({"wait_seconds": 2, "refresh_seconds": 1}));
    let envoy = gateway::listener(plan, "main", Filter::new(&configuration)).start();
    let good = Request::with_token(&token("good"));
    let mut workers = Workers::of(&envoy, "main");
    workers.wait_for(&good, "allowed");
    for n in 0..3 {
        let id = format!("{n} of three");
        let revoked = Request::with_token(&token(&id));
        workers.wait_for(&revoked, "allowed");
        ahead.revoke(&id);
        workers.wait_for(&revoked, "revoked");
        // Whatever the other one says now, it stays so.
        for _ in 0..10 {
            assert_eq!(workers.decisions(&revoked), ["revoked"]);
            assert_eq!(workers.decisions(&good), ["allowed"]);
            std::thread::sleep(Duration::from_millis(200));
        }
        behind.catch_up_with(&ahead);
    }
    let asked = [&ahead, &behind].map(|feed| feed.seen().len());
    assert!(asked.iter().all(|count| *count > 1), "both are asked: {asked:?}");
}
