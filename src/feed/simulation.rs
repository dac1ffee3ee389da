//! Workers that share data and follow one issuer, under a simulated clock, network and proxy, in
//! which anything goes wrong at random.
//!
//! Whatever happens, no worker lets in what was revoked longer ago than the most staleness, and
//! none refuses what wasn't revoked by its id. When nothing has gone wrong for a while, each knows
//! of a revocation within a second, and one request at a time is enough for all of them.

#![cfg(not(target_family = "wasm"))]

mod issuer;
mod world;

use std::time::Duration;

use namespace_jwt_core::config::{Config, Environment, Trust};
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::state::Standing;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Follower;
use issuer::{Issuer, NAMESPACE};
use world::{Fault, Intruder, World};

const STALENESS: Duration = Duration::from_secs(30);

/// How long after the last thing that went wrong all is well again: workers do without what they
/// share for a minute after somebody else wrote there.
const CALM: Duration = Duration::from_secs(80);

/// How late all workers know of a revocation when all is well.
const SOON: Duration = Duration::from_secs(1);

const WORKERS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// So many tenths of a second pass.
    Pass(u16),
    /// So many tokens are revoked at once.
    Revoke(u16),
    /// A new epoch without the first so many records.
    Compact(u8),
    /// An application becomes public or private.
    Privacy(bool),
    Network(Fault),
    Shared(Intruder),
    /// A worker's VM ends and is made anew; it may have asked for something.
    Restart(usize),
    /// Nothing goes wrong any more.
    Mend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u16..200).prop_map(Step::Pass),
        4 => prop_oneof![Just(1u16), 1u16..200].prop_map(Step::Revoke),
        1 => (0u8..50).prop_map(Step::Compact),
        2 => any::<bool>().prop_map(Step::Privacy),
        3 => Fault::any().prop_map(Step::Network),
        2 => Intruder::any().prop_map(Step::Shared),
        2 => (0..WORKERS).prop_map(Step::Restart),
        3 => Just(Step::Mend),
        2 => Just(Step::Pass(900)),
    ]
}

/// What the workers are configured with.
fn trust(wait: u64) -> Trust {
    configured(json!({"wait_seconds": wait}), json!({}))
}

/// A configuration with these members of `trust`, and these beside it.
fn configured(of_trust: Value, beside: Value) -> Trust {
    let mut trust = json!({
        "cluster": "issuer", "public_keys": [Issuer::public_pem()],
        "max_staleness_seconds": STALENESS.as_secs(),
    });
    let mut members = json!({"namespace_id": NAMESPACE});
    trust.as_object_mut().unwrap().extend(of_trust.as_object().unwrap().clone());
    members.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
    members["trust"] = trust;
    let config = Config::from_json(members.to_string().as_bytes(), &Environment::default());
    config.unwrap().trust.unwrap()
}

/// All of it.
struct Scene {
    world: World,
    workers: Vec<Follower>,
    trust: Trust,
    /// Each revoked token, and when it was.
    revoked: Vec<(TokenHash, Duration)>,
    /// When the network and what is shared were last not as they should be.
    wrong: [Duration; 2],
    /// When a worker was made last.
    restarted: Duration,
}

impl Scene {
    fn start(wait: u64) -> Self {
        let (world, trust) = (World::new(), trust(wait));
        let worker = |number| Follower::new(trust.clone(), &world.proxy(number));
        let workers = (0..WORKERS).map(worker).collect();
        let [wrong, restarted] = [world.now(); 2];
        Self { world, workers, trust, revoked: Vec::new(), wrong: [wrong; 2], restarted }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Pass(tenths) => (0..*tenths).for_each(|_| self.tenth()),
            Step::Revoke(count) => {
                let first = self.revoked.len();
                let tokens =
                    (first..first + usize::from(*count)).map(|n| TokenHash::of(&n.to_string()));
                let tokens: Vec<_> = tokens.collect();
                self.world.issuer().revoke(&tokens);
                let now = self.world.now();
                self.revoked.extend(tokens.into_iter().map(|token| (token, now)));
            }
            Step::Compact(expired) => {
                let expired = usize::from(*expired).min(self.revoked.len());
                self.world.issuer().compact(expired);
                self.revoked.drain(..expired);
            }
            Step::Privacy(public) => self.world.issuer().set_public(*public),
            Step::Network(fault) => self.world.set_fault(*fault),
            Step::Shared(intruder) => self.world.set_intruder(*intruder),
            Step::Restart(number) => {
                self.world.forget(*number);
                self.workers[*number] =
                    Follower::new(self.trust.clone(), &self.world.proxy(*number));
                self.restarted = self.world.now();
            }
            Step::Mend => {
                self.world.set_fault(Fault::None);
                self.world.set_intruder(Intruder::None);
            }
        }
    }

    fn tenth(&mut self) {
        self.world.pass();
        for (number, token, answer) in self.world.answers() {
            let proxy = self.world.proxy_with(number, answer.1);
            self.workers[number].answered(&proxy, token, &answer.0);
        }
        for (number, worker) in self.workers.iter_mut().enumerate() {
            worker.tick(&self.world.proxy(number));
        }
        let now = self.world.now();
        if self.world.fault() != Fault::None {
            self.wrong[0] = now;
        }
        if self.world.intruder() != Intruder::None {
            self.wrong[1] = now;
        }
        self.check();
    }

    fn check(&self) {
        let now = self.world.now();
        let since = |at: Duration| now - at;
        let [network, shared] = self.wrong.map(since);
        let calm = network > CALM && shared > CALM && since(self.restarted) > CALM;
        for (number, worker) in self.workers.iter().enumerate() {
            let standing = worker.standing(self.world.clock());
            let view = match standing {
                Standing::Known(view) => Some(view),
                Standing::StaticKeys => panic!("there are none"),
                Standing::Unavailable => None,
            };
            for (token, at) in &self.revoked {
                let listed = view.is_none_or(|view| view.lists(*token));
                let late = since(*at);
                assert!(
                    listed || late <= STALENESS + SOON,
                    "worker {number}: let in after {late:?}"
                );
                assert!(listed || !calm || late <= SOON, "worker {number}: calm, {late:?}");
            }
            let good = view.is_none_or(|view| !view.lists(TokenHash::of("good")));
            assert!(good, "worker {number}: what nobody revoked is listed");
            // Whoever writes into what is shared makes nobody refuse anything, while the issuer
            // is there. A worker that has just been made needs a moment to ask for itself.
            let settled = since(self.restarted) > CALM || shared > CALM;
            if network > STALENESS + SOON && settled && since(self.restarted) > SOON * 15 {
                assert!(view.is_some(), "worker {number}: not known, though the issuer is there");
            }
        }
        if calm {
            assert!(self.world.checkpoints_under_way() <= 1, "several ask");
        }
        // Whatever the issuer does, nobody asks it more often than at each refresh.
        if shared > CALM && since(self.restarted) > CALM {
            let asked = self.world.checkpoints_in_the_last(Duration::from_secs(60));
            assert!(asked <= WORKERS * 13, "{asked} requests for checkpoints in a minute");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        // What once failed has a test of its own.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_that_goes_wrong_lets_in_what_is_revoked_or_refuses_what_is_not(
        steps in vec(step(), 1..25),
    ) {
        let mut scene = Scene::start(10);
        steps.iter().for_each(|it| scene.step(it));
        scene.step(&Step::Mend);
        scene.step(&Step::Pass(900));
        scene.step(&Step::Revoke(1));
        scene.step(&Step::Pass(20));
    }
}

#[test]
fn one_worker_asks_and_all_know() {
    let mut scene = Scene::start(10);
    scene.step(&Step::Pass(10));
    for count in [1, 64, 65, 9000, 1] {
        scene.step(&Step::Revoke(count));
        scene.step(&Step::Pass(10));
        let known = scene.workers.iter().all(|worker| {
            let Standing::Known(view) = worker.standing(scene.world.clock()) else { return false };
            scene.revoked.iter().all(|(token, _)| view.lists(*token))
        });
        assert!(known, "{count}");
        assert!(scene.world.most_checkpoints() <= 1, "{count}");
    }
    // A worker that comes later finds all of it, without a request.
    let asked = scene.world.asked();
    scene.step(&Step::Restart(WORKERS - 1));
    let worker = scene.workers.last().unwrap();
    let Standing::Known(view) = worker.standing(scene.world.clock()) else { panic!("unknown") };
    assert_eq!(view.revocations(), scene.revoked.len());
    assert_eq!(scene.world.asked(), asked);
}

#[test]
fn polling_is_a_refresh_later_and_no_more() {
    let mut scene = Scene::start(0);
    scene.step(&Step::Pass(10));
    let asked = scene.world.asked();
    scene.step(&Step::Pass(600));
    let polls = scene.world.asked() - asked;
    assert!((11..=13).contains(&polls), "{polls} in a minute, at every five seconds");
}

#[test]
fn the_next_worker_asks_when_the_one_that_did_is_gone() {
    let mut scene = Scene::start(10);
    scene.step(&Step::Pass(10));
    let holder = scene.world.holder().unwrap();
    scene.step(&Step::Restart(holder));
    scene.step(&Step::Pass(30));
    scene.step(&Step::Revoke(1));
    scene.step(&Step::Pass(10));
    for worker in &scene.workers {
        let Standing::Known(view) = worker.standing(scene.world.clock()) else { panic!() };
        assert_eq!(view.revocations(), 1);
    }
}

#[test]
fn a_server_of_plain_files_is_followed_too() {
    let mut scene = Scene::start(10);
    scene.world.set_fault(Fault::PlainFiles);
    scene.step(&Step::Revoke(3000));
    scene.step(&Step::Pass(100));
    for worker in &scene.workers {
        let Standing::Known(view) = worker.standing(scene.world.clock()) else { panic!() };
        assert_eq!(view.revocations(), 3000);
    }
}

#[test]
fn while_a_new_log_is_put_off_the_issuer_is_asked_at_each_refresh() {
    let mut scene = Scene::start(10);
    scene.step(&Step::Revoke(200));
    scene.step(&Step::Pass(10));
    scene.step(&Step::Compact(100));
    let asked = scene.world.asked();
    scene.step(&Step::Pass(100));
    let asked = scene.world.asked() - asked;
    assert!(asked <= 5, "{asked} requests in ten seconds");
}

#[test]
fn whoever_asks_in_another_manner_asks_for_itself_alone() {
    for manner in [
        json!({"wait_seconds": 0, "refresh_seconds": 3600, "max_staleness_seconds": 86_400}),
        json!({"access_key": "wrong"}),
    ] {
        let mut scene = Scene::start(10);
        // They come first, and hold what they can hold.
        scene.trust = configured(manner, json!({}));
        (0..2).for_each(|number| scene.step(&Step::Restart(number)));
        let proxy = |number| scene.world.proxy(number);
        (0..2).for_each(|number| scene.workers[number].tick(&proxy(number)));
        scene.step(&Step::Pass(20));
        scene.step(&Step::Revoke(1));
        scene.step(&Step::Pass(10));
        for worker in &scene.workers[2..] {
            let Standing::Known(view) = worker.standing(scene.world.clock()) else { panic!() };
            assert_eq!(view.revocations(), 1);
        }
    }
}

#[test]
fn neither_an_update_nor_a_new_vm_gives_static_keys_more_time() {
    let mut scene = Scene::start(10);
    let key = Issuer::public_pem();
    scene.trust = configured(json!({}), json!({"public_key": key}));
    (0..WORKERS).for_each(|number| scene.step(&Step::Restart(number)));
    let name = |scene: &Scene| match scene.workers[0].standing(scene.world.clock()) {
        Standing::Known(_) => "known",
        Standing::StaticKeys => "static keys",
        Standing::Unavailable => "unavailable",
    };
    assert_eq!(name(&scene), "static keys");
    scene.world.set_fault(Fault::Down);
    let [most, more] = [STALENESS, SOON].map(|time| time.as_secs());
    for second in 0..most + 2 * more {
        (0..10).for_each(|_| {
            scene.world.pass();
            (0..WORKERS).for_each(|n| scene.workers[n].tick(&scene.world.proxy(n)));
        });
        scene.step(&Step::Restart(0));
        let expected = if second < most { "static keys" } else { "unavailable" };
        assert_eq!(name(&scene), expected, "after {second} seconds");
    }
}

#[test]
fn when_the_issuer_is_back_nobody_waits_for_news_first() {
    let mut scene = Scene::start(10);
    scene.step(&Step::Pass(15));
    scene.step(&Step::Network(Fault::Down));
    scene.step(&Step::Pass(400));
    scene.step(&Step::Mend);
    // A failed request is followed by the next after five to six seconds.
    scene.step(&Step::Pass(62));
    for worker in &scene.workers {
        assert!(matches!(worker.standing(scene.world.clock()), Standing::Known(_)));
    }
}

#[test]
fn another_pinned_key_goes_on_with_what_was_known_in_every_worker_at_once() {
    let mut scene = Scene::start(10);
    scene.step(&Step::Pass(10));
    scene.step(&Step::Revoke(9000));
    scene.step(&Step::Pass(10));
    let other = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8=\n-----END PUBLIC KEY-----\n";
    let keys = json!([Issuer::public_pem(), other]);
    scene.trust = configured(json!({"public_keys": keys}), json!({}));
    // Nobody asks in between.
    scene.world.set_fault(Fault::Down);
    for number in 0..WORKERS {
        scene.step(&Step::Restart(number));
        let worker = &scene.workers[number];
        let Standing::Known(view) = worker.standing(scene.world.clock()) else {
            panic!("worker {number} knows nothing")
        };
        assert_eq!(view.revocations(), 9000);
    }
}

#[test]
fn while_the_issuer_is_away_all_workers_together_ask_little_more_often_than_one() {
    for fault in [Fault::Down, Fault::Hangs, Fault::Status(500), Fault::Frozen] {
        let mut scene = Scene::start(10);
        scene.step(&Step::Pass(10));
        scene.world.set_fault(fault);
        scene.step(&Step::Pass(1800));
        // One of them every five to six seconds, and each of the others every half a minute.
        let asked = scene.world.checkpoints_in_the_last(Duration::from_secs(60));
        assert!(asked <= 12 + 2 * WORKERS, "{fault:?}: {asked} in a minute");
    }
}

#[test]
fn what_another_plugin_wrote_meanwhile_is_not_shared_as_what_was_checked() {
    let mut scene = Scene::start(10);
    // The checkpoint has come. While the shards are asked for, something else lies in its place.
    scene.step(&Step::Pass(2));
    scene.step(&Step::Shared(Intruder::News));
    scene.step(&Step::Pass(1));
    scene.step(&Step::Shared(Intruder::None));
    scene.step(&Step::Pass(2));
    scene.world.set_fault(Fault::Down);
    scene.step(&Step::Restart(0));
    assert!(matches!(scene.workers[0].standing(scene.world.clock()), Standing::Known(_)));
}
