//! The state under a simulated clock and network, in which anything goes wrong at random.
//!
//! The issuer's clock is right. What may be known late is bounded: by the most staleness, by how
//! far a replica lags, and by how far the gateway's clock was ever behind.

#![cfg(not(target_family = "wasm"))]

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::trust::fixtures::{Feed, id, keys, sign};
use crate::trust::log::TokenHash;
use crate::trust::shards::Privacy;

const SECOND: u64 = 1_000_000;
const START: u64 = 1_700_000_000 * SECOND;
const STALENESS: u64 = 60 * SECOND;

/// How far a replica's database is behind at most.
const LAG: u64 = 10 * SECOND;

/// Exchanges with nothing wrong, after which everything is known again.
const ENOUGH: usize = 12;

#[derive(Clone, Debug)]
enum Step {
    /// So many milliseconds pass.
    Pass(u32),
    Revoke(u8),
    SetPrivacy(bool),
    /// A new epoch without the first so many records, whose tokens have expired.
    Compact(u8),
    /// The database of so many changes ago comes back.
    Restore(u8),
    /// The gateway asks for one of what it wants.
    Ask(u8, Fault),
    /// An answer of before comes once more, or late.
    Repeat(u8),
    /// The gateway's clock is set so many seconds from the issuer's.
    SetClock(i16),
    /// A good exchange and a second, so many times.
    Calm(u8),
}

#[derive(Clone, Debug)]
enum Fault {
    Nothing,
    Lost,
    CutOff(u16),
    Flipped(u16),
    Garbage,
    /// An earlier answer to the same request, or another one.
    Earlier(u8),
    OtherKey,
    OtherScope,
    OtherIssuer,
    /// A replica that lags so many milliseconds.
    Replica(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        4 => Just(Fault::Nothing),
        1 => Just(Fault::Lost),
        1 => any::<u16>().prop_map(Fault::CutOff),
        1 => any::<u16>().prop_map(Fault::Flipped),
        1 => Just(Fault::Garbage),
        2 => any::<u8>().prop_map(Fault::Earlier),
        1 => prop_oneof![Just(Fault::OtherKey), Just(Fault::OtherScope), Just(Fault::OtherIssuer)],
        2 => (0..=10_000_u16).prop_map(Fault::Replica),
    ];
    prop_oneof![
        6 => prop_oneof![0..3_000_u32, 0..60_000_u32].prop_map(Step::Pass),
        4 => prop_oneof![Just(1), 1..100_u8].prop_map(Step::Revoke),
        2 => any::<bool>().prop_map(Step::SetPrivacy),
        1 => any::<u8>().prop_map(Step::Compact),
        1 => (1..10_u8).prop_map(Step::Restore),
        12 => (any::<u8>(), fault).prop_map(|(which, fault)| Step::Ask(which, fault)),
        2 => any::<u8>().prop_map(Step::Repeat),
        1 => prop_oneof![Just(0), Just(600), Just(-600), -70..70_i16].prop_map(Step::SetClock),
        3 => (1..20_u8).prop_map(Step::Calm),
    ]
}

struct World {
    /// The issuer's clock, in microseconds.
    now: u64,
    /// Each version of the feed, with the time from which on it is the newest.
    versions: Vec<(u64, Feed)>,
    /// Their checkpoints, by their numbers, for want of time to hash them each time.
    checkpoints: BTreeMap<u64, Checkpoint>,
    /// When each token was revoked that still is.
    revoked: BTreeMap<TokenHash, u64>,
    tokens: usize,
    /// Everything that was ever answered.
    answers: Vec<(Want, Vec<u8>)>,
    objects: HashMap<Digest, Vec<u8>>,
    state: State,
    /// The gateway's clock, against the issuer's.
    offset: i64,
    most_behind: u64,
    /// When a checkpoint with that `issued` and sequence number first came.
    came: BTreeMap<(UnixTime, u64), Duration>,
    /// The highest number that was in use.
    highest: u64,
    /// The tokens that were refused as revoked.
    refused: BTreeSet<TokenHash>,
}

impl World {
    fn new(static_keys: bool) -> Self {
        let settings = Settings {
            scope: Scope::Namespace(id(2)),
            issuer: None,
            keys: keys(&[1]),
            max_staleness: Duration::from_micros(STALENESS),
            when_stale: WhenStale::Deny,
            static_keys,
        };
        let feed = Feed::new(0);
        let now = Now { clock: micros(START), monotonic: Duration::ZERO };
        Self {
            now: START,
            objects: feed.objects().bytes.into_iter().collect(),
            checkpoints: [(feed.sequence, feed.checkpoint(micros(START)))].into(),
            versions: vec![(START, feed)],
            revoked: BTreeMap::new(),
            tokens: 0,
            answers: Vec::new(),
            state: State::new(settings, now),
            offset: 0,
            most_behind: 0,
            came: BTreeMap::new(),
            highest: 0,
            refused: BTreeSet::new(),
        }
    }

    fn gateway(&self) -> Now {
        let clock = micros(self.now.checked_add_signed(self.offset).unwrap());
        Now { clock, monotonic: Duration::from_micros(self.now - START) }
    }

    fn newest(&self) -> &Feed {
        &self.versions.last().unwrap().1
    }

    fn change(&mut self, change: impl FnOnce(&mut Feed)) {
        let mut feed = self.newest().clone();
        feed.sequence += 1;
        change(&mut feed);
        self.objects.extend(feed.objects().bytes);
        self.checkpoints.insert(feed.sequence, feed.checkpoint(micros(self.now)));
        self.versions.push((self.now, feed));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Pass(millis) => self.now += u64::from(millis) * 1000,
            Step::Revoke(count) => {
                let tokens = self.tokens..self.tokens + usize::from(count);
                self.tokens = tokens.end;
                let tokens: Vec<_> = tokens.map(|n| TokenHash::of(&n.to_string())).collect();
                self.revoked.extend(tokens.iter().map(|token| (*token, self.now)));
                self.change(|feed| feed.records.extend(tokens));
            }
            Step::SetPrivacy(public) => {
                let privacy = if public { Privacy::Public } else { Privacy::Private };
                self.change(|feed| feed.contents.applications[0].privacy = privacy);
            }
            Step::Compact(count) => {
                let count = usize::from(count).min(self.newest().records.len());
                let expired = self.newest().records[..count].to_vec();
                self.revoked.retain(|token, _| !expired.contains(token));
                let epoch = self.versions.iter().map(|(_, feed)| feed.epoch).max().unwrap() + 1;
                self.change(|feed| {
                    feed.epoch = epoch;
                    feed.records.drain(..count);
                });
            }
            Step::Restore(back) => {
                let at = self.versions.len().saturating_sub(1 + usize::from(back));
                let backup = self.versions[at].1.clone();
                let sequence = self.now.max(self.newest().sequence + 1);
                // Tokens that were deleted since come back; so does the number of the epoch.
                self.revoked.retain(|token, _| backup.records.contains(token));
                self.change(|feed| *feed = Feed { sequence, ..backup });
            }
            Step::Ask(which, ref fault) => {
                let wants = self.state.wants();
                let want = wants[usize::from(which) % wants.len()];
                self.ask(want, fault);
            }
            Step::Repeat(which) => {
                if let Some((want, bytes)) = self.earlier(which) {
                    self.deliver(want, &bytes);
                }
            }
            Step::SetClock(seconds) => {
                self.offset = i64::from(seconds) * SECOND as i64;
                self.most_behind = self.most_behind.max(self.offset.min(0).unsigned_abs());
            }
            Step::Calm(times) => {
                for _ in 0..times {
                    self.now += SECOND;
                    let want = self.state.wants()[0];
                    self.ask(want, &Fault::Nothing);
                    self.check();
                }
            }
        }
    }

    fn earlier(&self, which: u8) -> Option<(Want, Vec<u8>)> {
        let at = usize::from(which).checked_rem(self.answers.len())?;
        self.answers.get(at).cloned()
    }

    fn ask(&mut self, want: Want, fault: &Fault) {
        let mut bytes = self.answer(want, fault);
        match *fault {
            Fault::Lost => return self.state.in_vain(want),
            Fault::CutOff(at) => {
                bytes.truncate(usize::from(at).checked_rem(bytes.len()).unwrap_or(0))
            }
            Fault::Flipped(at) => {
                let at = usize::from(at).checked_rem(bytes.len());
                if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
                    *byte ^= 1;
                }
            }
            Fault::Garbage => bytes = b"<html>".repeat(100),
            Fault::Earlier(which) => {
                bytes = self.earlier(which).map(|(_, bytes)| bytes).unwrap_or_default();
            }
            _ => self.answers.push((want, bytes.clone())),
        }
        self.deliver(want, &bytes);
    }

    fn answer(&self, want: Want, fault: &Fault) -> Vec<u8> {
        let lag = match fault {
            Fault::Replica(millis) => u64::from(*millis) * 1000,
            _ => 0,
        };
        let mut known = self.versions.iter().rev().filter(|(at, _)| *at + lag <= self.now);
        let feed = known.next().map_or(&self.versions[0].1, |(_, feed)| feed);
        match want {
            Want::Checkpoint => {
                let issued = micros(self.now);
                let known = self.checkpoints[&feed.sequence].clone();
                let mut checkpoint = Checkpoint { issued, ..known };
                let mut key = 1;
                match fault {
                    Fault::OtherKey => {
                        key = 2;
                        checkpoint.sequence += 5;
                    }
                    Fault::OtherScope => checkpoint.scope = Scope::All,
                    // The first would be taken, and be the only one from then on.
                    Fault::OtherIssuer if self.state.etag().is_some() => checkpoint.issuer = id(7),
                    _ => {}
                }
                sign(&checkpoint, &[key])
            }
            Want::Object(object) => self.objects[&object].clone(),
            Want::Log { epoch, .. } => {
                let mut logs = self.versions.iter().rev().map(|(_, feed)| feed);
                logs.find(|feed| feed.epoch == epoch).map(Feed::log).unwrap_or_default()
            }
        }
    }

    fn deliver(&mut self, want: Want, bytes: &[u8]) {
        let now = self.gateway();
        match want {
            Want::Checkpoint => {
                if let Ok(verified) = checkpoint::verify(bytes, &keys(&[1])) {
                    let Checkpoint { issued, sequence, .. } = *verified.checkpoint();
                    let known = self.state.etag() == Some(verified.etag());
                    let result = self.state.checkpoint(bytes, now);
                    // Whatever is refused renews nothing, however often it comes.
                    if result.is_ok() && !known && result != Ok(News::Unchanged) {
                        self.came.insert((issued, sequence), now.monotonic);
                    }
                } else {
                    assert!(self.state.checkpoint(bytes, now).is_err());
                }
            }
            Want::Object(object) => {
                let _ = self.state.object(object, bytes, now);
            }
            Want::Log { epoch, .. } => {
                // As a proxy hands over a body.
                let parts = bytes.chunks(101).enumerate();
                for (at, bytes) in parts {
                    let from = at as u64 * 101;
                    let _ = self.state.log(LogPart { epoch, from, bytes, last: false }, now);
                }
                let from = bytes.len() as u64;
                let _ = self.state.log(LogPart { epoch, from, bytes: b"", last: true }, now);
            }
        }
    }

    fn check(&mut self) {
        let now = self.gateway();
        let current = self.state.current();
        let fresh = current.is_some_and(|current| {
            let since = now.monotonic - self.came[&(current.issued, current.sequence)];
            let most = Duration::from_micros(STALENESS);
            since <= most && now.clock.saturating_since(current.issued) <= most
        });
        let Standing::Known(view) = self.state.standing(now) else {
            assert!(!fresh, "a good token is refused while the state is fresh");
            return;
        };
        assert!(fresh, "the state counts though it is stale");
        let revoked = |token: &TokenHash| view.lists(*token);
        assert!(!revoked(&TokenHash::of("a good token")));
        let late = STALENESS + LAG + self.most_behind;
        for (token, at) in &self.revoked {
            if self.now - at > late {
                assert!(revoked(token), "{token} was revoked {} µs ago", self.now - at);
            }
            if revoked(token) {
                self.refused.insert(*token);
            }
        }
        // Expired ones, and those that came back with a backup, need not be refused for good.
        self.refused.retain(|token| self.revoked.contains_key(token));
        assert!(self.refused.iter().all(revoked), "a revocation was forgotten");
        // It is one version, and whole.
        let sequence = current.unwrap().sequence;
        assert!(sequence >= self.highest, "it goes back");
        self.highest = sequence;
        let mut versions = self.versions.iter().map(|(_, feed)| feed);
        let version = versions.find(|feed| feed.sequence == sequence).unwrap();
        let public = version.contents.applications[0].privacy == Privacy::Public;
        assert_eq!(view.place(id(2), Some(id(3))).public, public);
        assert!(version.records.iter().all(revoked), "a part of the log is missing");
    }

    /// After the faults all is known again, soon.
    fn recover(&mut self) {
        self.offset = 0;
        for _ in 0..ENOUGH {
            self.now += SECOND;
            let want = self.state.wants()[0];
            self.ask(want, &Fault::Nothing);
            self.check();
        }
        let current = self.state.current().expect("nothing is known");
        assert_eq!(current.sequence, self.newest().sequence, "what is newest isn't known");
        assert!(!self.state.is_stale(self.gateway()));
    }
}

fn micros(micros: u64) -> UnixTime {
    UnixTime::new(Duration::from_micros(micros))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_fault_lets_a_revoked_token_in_for_long_or_refuses_a_good_one(
        steps in vec(step(), 1..60),
        static_keys: bool,
    ) {
        let mut world = World::new(static_keys);
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.recover();
    }
}
