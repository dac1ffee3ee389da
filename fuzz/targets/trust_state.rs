//! The gateway's state, driven by any order of changes, answers and faults: it never goes back,
//! and what is in use is one version, whole.
//!
//! Each byte of the input is a step: its low three bits say which, the others with what.

#![no_main]

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::trust::checkpoint::Checkpoint;
use namespace_jwt_core::trust::index::Contents;
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::shards::{Application, Privacy};
use namespace_jwt_core::trust::state::{LogPart, Standing, State, Want};
use namespace_jwt_fuzz::keys::Signer;
use namespace_jwt_fuzz::trust;

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

#[derive(Clone)]
struct Version {
    epoch: u64,
    records: Vec<TokenHash>,
    public: bool,
    index: Digest,
}

struct Issuer {
    versions: Vec<Version>,
    objects: HashMap<Digest, Vec<u8>>,
    seconds: u64,
}

impl Issuer {
    fn change(&mut self, change: impl FnOnce(&mut Version)) {
        let mut version = self.versions.last().cloned().unwrap_or_else(|| Version {
            epoch: 1,
            records: vec![],
            public: false,
            index: Digest::of(b""),
        });
        change(&mut version);
        let application = Application {
            id: Id::new([3; 16]),
            namespace: Id::new([2; 16]),
            privacy: if version.public { Privacy::Public } else { Privacy::Private },
            not_before: None,
        };
        let contents = Contents { applications: vec![application], ..Contents::default() };
        let objects = contents.write(Scope::All).expect("contents that can be written");
        version.index = objects.index;
        self.objects.extend(objects.bytes);
        self.versions.push(version);
    }

    fn answer(&self, want: Want, back: usize) -> Vec<u8> {
        match want {
            Want::Checkpoint => {
                let at = self.versions.len().saturating_sub(1 + back);
                let Version { epoch, records, index, .. } = &self.versions[at];
                let recent = records[records.len().saturating_sub(64)..].to_vec();
                let issued = trust::at(self.seconds).clock;
                let checkpoint = trust::checkpoint(at as u64, *epoch, records, *index);
                let checkpoint = Checkpoint { recent, issued, ..checkpoint };
                trust::sign(&SIGNER, &checkpoint.payload()).expect("a short checkpoint")
            }
            Want::Object(object) => self.objects[&object].clone(),
            Want::Log { epoch, .. } => {
                let mut versions = self.versions.iter().rev();
                let newest = versions.find(|it| it.epoch == epoch).expect("an epoch");
                newest.records.iter().flat_map(|record| record.bytes()).collect()
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let mut issuer = Issuer { versions: vec![], objects: HashMap::new(), seconds: 0 };
    issuer.change(|_| {});
    let mut state = trust::state(&SIGNER);
    let mut highest = 0;
    for (step, byte) in input.iter().take(200).enumerate() {
        let with = usize::from(byte >> 3);
        let wants = state.wants();
        let want = wants[with % wants.len()];
        match byte & 7 {
            0 => issuer.change(|version| {
                let token = |n| TokenHash::of(&format!("{step} {n}"));
                version.records.extend((0..=with * 5).map(token));
            }),
            1 => issuer.change(|version| version.public ^= true),
            2 => issuer.change(|version| {
                version.epoch += 1;
                version.records.drain(..with.min(version.records.len()));
            }),
            3 => issuer.seconds += (with * with) as u64,
            4 => state.in_vain(want),
            5 => deliver(&mut state, want, &issuer.answer(want, with % 4), issuer.seconds),
            6 => {
                let mut bytes = issuer.answer(want, 0);
                let at = with * bytes.len() / 32;
                if with % 2 == 0 {
                    bytes.truncate(at);
                } else if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                }
                deliver(&mut state, want, &bytes, issuer.seconds);
            }
            _ => deliver(&mut state, want, &issuer.answer(want, 0), issuer.seconds),
        }
        let now = trust::at(issuer.seconds);
        let Some(current) = state.current() else { continue };
        assert!(current.sequence >= highest, "it goes back");
        highest = current.sequence;
        let age = now.clock.saturating_since(current.issued);
        let Standing::Known(view) = state.standing(now) else {
            continue;
        };
        assert!(age <= Duration::from_secs(300), "it counts though it is stale");
        let version = &issuer.versions[usize::try_from(current.sequence).expect("a version")];
        let revoked = |hash| view.lists(hash);
        let place = view.place(Id::new([2; 16]), Some(Id::new([3; 16])));
        assert_eq!(place.public, version.public);
        assert!(version.records.iter().all(|hash| revoked(*hash)), "a part of the log is missing");
        assert!(!revoked(TokenHash::of("good")));
    }
    // And then all goes well.
    for _ in 0..12 {
        issuer.seconds += 1;
        let want = state.wants()[0];
        deliver(&mut state, want, &issuer.answer(want, 0), issuer.seconds);
    }
    let newest = issuer.versions.len() as u64 - 1;
    assert_eq!(state.current().map(|it| it.sequence), Some(newest), "what is newest isn't known");
});

fn deliver(state: &mut State, want: Want, bytes: &[u8], seconds: u64) {
    let now = trust::at(seconds);
    let _ = match want {
        Want::Checkpoint => state.checkpoint(bytes, now),
        Want::Object(object) => state.object(object, bytes, now),
        Want::Log { epoch, .. } => state.log(LogPart { epoch, from: 0, bytes, last: true }, now),
    };
}
