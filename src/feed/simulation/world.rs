//! The network and the proxy of the simulation.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::state::Now;
use proptest::prelude::*;

use super::issuer::Issuer;
use crate::feed::answer::Answer;
use crate::feed::proxy::{Counted, Failure, Gauge, Level, Proxy, Request};

/// When the simulation begins, by the clock.
const START: Duration = Duration::from_secs(1_700_000_000);

/// What is wrong between workers and issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nobody listens.
    Down,
    /// Requests are taken and not answered.
    Hangs,
    Status(u16),
    Garbage,
    Truncated,
    OtherKey,
    /// Checkpoints say how it was when this began, with the same time for ever.
    Frozen,
    /// There are no objects and no log.
    NoParts,
    /// The paths of logs aren't there: a mirror that serves files. It is no fault.
    PlainFiles,
}

impl Fault {
    pub fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::Down),
            Just(Self::Hangs),
            Just(Self::Status(500)),
            Just(Self::Status(304)),
            Just(Self::Garbage),
            Just(Self::Truncated),
            Just(Self::OtherKey),
            Just(Self::Frozen),
            Just(Self::NoParts),
        ]
    }
}

/// Another plugin that writes into what the workers share, ten times a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intruder {
    None,
    /// Bytes that mean nothing, everywhere.
    Garbage,
    /// The same in the place of the newest checkpoint.
    News,
    /// Other bytes each time, into the lease.
    Lease,
    /// A lease that somebody holds who asks for nothing.
    Holder,
    /// The checkpoint that was there when it began.
    OldCheckpoint,
    /// Everything that was there when it began.
    Old,
}

impl Intruder {
    pub fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            Just(Self::Garbage),
            Just(Self::News),
            Just(Self::Lease),
            Just(Self::Holder),
            Just(Self::OldCheckpoint),
            Just(Self::Old),
        ]
    }
}

type Store = BTreeMap<String, (Vec<u8>, u32)>;

pub struct World {
    now: Cell<Duration>,
    issuer: RefCell<Issuer>,
    fault: Cell<Fault>,
    frozen: RefCell<Vec<u8>>,
    intruder: Cell<Intruder>,
    old: RefCell<Store>,
    store: RefCell<Store>,
    numbers: Cell<u32>,
    calls: RefCell<Vec<Call>>,
    asked: Cell<usize>,
    /// When checkpoints were asked for.
    checkpoints: RefCell<Vec<Duration>>,
    most_checkpoints: Cell<usize>,
}

struct Call {
    worker: usize,
    number: u32,
    path: String,
    headers: BTreeMap<String, String>,
    since: Duration,
    timeout: Duration,
}

impl World {
    pub fn new() -> Self {
        Self {
            now: Cell::new(Duration::from_secs(1000)),
            issuer: RefCell::new(Issuer::new()),
            fault: Cell::new(Fault::None),
            frozen: RefCell::default(),
            intruder: Cell::new(Intruder::None),
            old: RefCell::default(),
            store: RefCell::default(),
            numbers: Cell::new(0),
            calls: RefCell::default(),
            asked: Cell::new(0),
            checkpoints: RefCell::default(),
            most_checkpoints: Cell::new(0),
        }
    }

    pub fn now(&self) -> Duration {
        self.now.get()
    }

    pub fn clock(&self) -> UnixTime {
        UnixTime::new(START + self.now.get())
    }

    pub fn issuer(&self) -> RefMut<'_, Issuer> {
        self.issuer.borrow_mut()
    }

    pub fn fault(&self) -> Fault {
        self.fault.get()
    }

    pub fn set_fault(&self, fault: Fault) {
        self.fault.set(fault);
        *self.frozen.borrow_mut() = self.issuer.borrow().signed(self.clock(), 1);
    }

    pub fn intruder(&self) -> Intruder {
        self.intruder.get()
    }

    pub fn set_intruder(&self, intruder: Intruder) {
        self.intruder.set(intruder);
        *self.old.borrow_mut() = self.store.borrow().clone();
    }

    /// A tenth of a second passes.
    pub fn pass(&self) {
        self.now.set(self.now.get() + Duration::from_millis(100));
        let old = self.old.borrow();
        for (name, (value, version)) in self.store.borrow_mut().iter_mut() {
            let put = match self.intruder.get() {
                Intruder::None => None,
                Intruder::Garbage => Some(b"garbage".to_vec()),
                Intruder::News if name.ends_with(".news") => Some(b"garbage".to_vec()),
                Intruder::Lease if name.contains(".lease.") => {
                    Some(self.number().to_le_bytes().repeat(6))
                }
                Intruder::Holder if name.contains(".lease.") => {
                    let beat = u64::from(self.number());
                    Some([7, beat, 0].map(u64::to_le_bytes).concat())
                }
                Intruder::News | Intruder::Lease | Intruder::Holder => None,
                Intruder::OldCheckpoint
                    if !name.ends_with(".checkpoint") && !name.ends_with(".news") =>
                {
                    None
                }
                Intruder::OldCheckpoint | Intruder::Old => {
                    old.get(name).map(|(value, _)| value.clone())
                }
            };
            if let Some(put) = put {
                *value = put;
                *version = self.number();
            }
        }
    }

    /// The answers that are there by now: whose, to which call, with which body.
    pub fn answers(&self) -> Vec<(usize, u32, (Answer, Vec<u8>))> {
        let mut answers = Vec::new();
        self.calls.borrow_mut().retain(|call| match self.answer(call) {
            None => true,
            Some(answer) => {
                answers.push((call.worker, call.number, answer));
                false
            }
        });
        answers
    }

    /// A worker's VM has ended: nobody takes the answers to what it asked.
    pub fn forget(&self, worker: usize) {
        self.calls.borrow_mut().retain(|call| call.worker != worker);
    }

    pub fn checkpoints_under_way(&self) -> usize {
        self.calls.borrow().iter().filter(|call| call.is_for_checkpoint()).count()
    }

    pub fn checkpoints_in_the_last(&self, time: Duration) -> usize {
        let now = self.now.get();
        self.checkpoints.borrow().iter().filter(|at| now - **at <= time).count()
    }

    pub fn most_checkpoints(&self) -> usize {
        self.most_checkpoints.get()
    }

    /// How many requests there were.
    pub fn asked(&self) -> usize {
        self.asked.get()
    }

    /// Which worker asks for checkpoints.
    pub fn holder(&self) -> Option<usize> {
        let calls = self.calls.borrow();
        calls.iter().find(|call| call.is_for_checkpoint()).map(|call| call.worker)
    }

    /// The proxy, as a worker sees it.
    pub fn proxy(&self, worker: usize) -> Seen<'_> {
        self.proxy_with(worker, Vec::new())
    }

    /// The same while it has an answer's body.
    pub fn proxy_with(&self, worker: usize, body: Vec<u8>) -> Seen<'_> {
        Seen { world: self, worker, body }
    }

    fn number(&self) -> u32 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    fn answer(&self, call: &Call) -> Option<(Answer, Vec<u8>)> {
        let waited = self.now.get() - call.since;
        let said = |status, body: Vec<u8>| {
            let answer = Answer {
                status: Some(status),
                range_start: None,
                wait_applied: None,
                body_size: body.len(),
            };
            Some((answer, body))
        };
        if waited >= call.timeout {
            return Some((Answer::default(), Vec::new()));
        }
        let issuer = self.issuer.borrow();
        match self.fault.get() {
            Fault::Down => return Some((Answer::default(), Vec::new())),
            Fault::Hangs => return None,
            Fault::Status(status) => return said(status, b"{}".to_vec()),
            Fault::Garbage => return said(200, b"garbage".to_vec()),
            Fault::NoParts if !call.is_for_checkpoint() => return said(404, Vec::new()),
            Fault::PlainFiles if call.path.contains("/log/") => return said(404, Vec::new()),
            _ => {}
        }
        if let Some((_, object)) = call.path.split_once("/objects/") {
            let object = issuer.object(Digest::read(object).unwrap());
            let Some(object) = object else { return said(404, Vec::new()) };
            return call.part_of(object);
        }
        if let Some((_, epoch)) = call.path.split_once("/log/") {
            if epoch != issuer.epoch().to_string() {
                return said(404, Vec::new());
            }
            return call.part_of(issuer.log());
        }
        let wait = call.headers.get("prefer").and_then(|it| it.strip_prefix("wait="));
        let wait = wait.map_or(Duration::ZERO, |it| Duration::from_secs(it.parse().unwrap()));
        let known = call.headers.get("if-none-match");
        let known = known.and_then(|it| it.trim_start_matches('"').split('-').next()?.parse().ok());
        if known.is_some_and(|known: u64| issuer.sequence() <= known) && waited < wait {
            return None;
        }
        match self.fault.get() {
            Fault::Frozen => said(200, self.frozen.borrow().clone()),
            Fault::OtherKey => said(200, issuer.signed(self.clock(), 2)),
            Fault::Truncated => {
                let mut bytes = issuer.signed(self.clock(), 1);
                bytes.truncate(bytes.len() / 2);
                said(200, bytes)
            }
            _ => said(200, issuer.signed(self.clock(), 1)),
        }
    }
}

impl Call {
    fn is_for_checkpoint(&self) -> bool {
        !self.path.contains("/objects/") && !self.path.contains("/log/")
    }

    fn part_of(&self, whole: Vec<u8>) -> Option<(Answer, Vec<u8>)> {
        let range = self.headers.get("range").and_then(|it| it.strip_prefix("bytes="));
        let Some((from, to)) = range.and_then(|it| it.split_once('-')) else {
            let answer = Answer {
                status: Some(200),
                range_start: None,
                wait_applied: None,
                body_size: whole.len(),
            };
            return Some((answer, whole));
        };
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        let part = whole.get(from..whole.len().min(to + 1)).unwrap_or_default().to_vec();
        let range_start = Some(from as u64);
        Some((
            Answer { status: Some(206), range_start, wait_applied: None, body_size: part.len() },
            part,
        ))
    }
}

/// The proxy, with the body of the answer at hand.
pub struct Seen<'a> {
    world: &'a World,
    worker: usize,
    body: Vec<u8>,
}

impl Proxy for Seen<'_> {
    fn now(&self) -> Option<Now> {
        Some(Now { clock: self.world.clock(), monotonic: self.world.now() })
    }

    fn random(&self) -> u64 {
        // A good hash is of no use here.
        u64::from(self.world.number()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn shared(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.world.store.borrow().get(name).cloned()
    }

    fn share(&self, name: &str, value: &[u8], version: Option<u32>) -> bool {
        let mut store = self.world.store.borrow_mut();
        let known = store.get(name).map(|(_, version)| *version);
        if version.is_some() && version != known {
            return false;
        }
        store.insert(name.to_owned(), (value.to_vec(), self.world.number()));
        true
    }

    fn send(&self, request: &Request<'_>) -> Result<u32, Failure> {
        self.world.asked.set(self.world.asked.get() + 1);
        let path = request.headers.iter().find(|(name, _)| *name == ":path").unwrap().1;
        if !path.contains("/objects/") && !path.contains("/log/") {
            self.world.checkpoints.borrow_mut().push(self.world.now());
        }
        if self.world.fault.get() == Fault::Down {
            return Err(Failure::NoAnswer);
        }
        let headers: BTreeMap<_, _> = request
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let call = Call {
            worker: self.worker,
            number: self.world.number(),
            path: headers[":path"].clone(),
            headers,
            since: self.world.now(),
            timeout: request.timeout,
        };
        let number = call.number;
        self.world.calls.borrow_mut().push(call);
        let most = self.world.most_checkpoints.get().max(self.world.checkpoints_under_way());
        self.world.most_checkpoints.set(most);
        Ok(number)
    }

    fn body(&self, start: usize, most: usize) -> Vec<u8> {
        let rest = self.body.get(start..).unwrap_or_default();
        rest[..rest.len().min(most)].to_vec()
    }

    fn say(&self, _: Level, _: &str) {}

    fn count(&self, _: Counted) {}

    fn gauge(&self, _: Gauge, _: u64) {}
}
