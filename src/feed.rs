//! Follows the trust feed for one plugin in one worker.
//!
//! What the issuer says goes through [`State`], which decides. Here is when it is asked, by
//! whom, and how what one worker fetched comes to the others: [`lease`] chooses who asks,
//! [`fetched`] takes the answers, [`shared`] has what came, and [`inherited`] takes it in each of
//! the others, which checks all of it again. No request of a client waits for any of this.

pub mod answer;
mod fetched;
#[cfg(target_os = "wasi")]
pub mod host;
mod inherited;
mod lease;
pub mod proxy;
mod reliance;
mod shared;
#[cfg(test)]
#[allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]
mod simulation;
mod told;

use std::collections::BTreeMap;
use std::time::Duration;

use namespace_jwt_core::config::Trust;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::pace::Ended;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{Now, Standing, State, Want};

use answer::Answer;
use lease::Lease;
use proxy::{Counted, Failure, Proxy, Request};
use reliance::Reliance;
use shared::Shared;
use told::Told;

/// How often a worker looks at what the others have, and at the clock.
pub const TICK: Duration = Duration::from_millis(100);

/// The most requests for what a checkpoint names at one time.
const AT_ONCE: usize = 6;

/// How long an answer may take beside the wait that was asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one plugin knows of its feed in one worker.
pub struct Follower {
    trust: Trust,
    state: State,
    shared: Shared,
    lease: Lease,
    /// Whether it was this worker's at the last tick.
    leads: bool,
    /// The requests that have no answer yet, by their numbers.
    under_way: BTreeMap<u32, UnderWay>,
    /// When the checkpoint is asked for next.
    next: Duration,
    /// From when on a new epoch's log is read, and of which.
    change_over: Option<(u64, Duration)>,
    /// Whether the server has no path for logs: see [`Want::path_of_file`].
    plain_files: bool,
    /// The bytes of the newest checkpoint that was verified.
    newest: Vec<u8>,
    /// What lay in the place of the newest checkpoint when it was looked at last, good or not.
    seen: Option<Vec<u8>>,
    /// The objects that were fetched and not shared yet: not before all is there.
    fetched: Vec<(Digest, Vec<u8>)>,
    reliance: Reliance,
    told: Told,
    now: Now,
}

struct UnderWay {
    want: Want,
    since: Duration,
    until: Duration,
}

impl Follower {
    /// A worker that knows what the others have shared.
    pub fn new(trust: Trust, proxy: &impl Proxy) -> Self {
        let now =
            proxy.now().unwrap_or(Now { clock: UnixTime::from_secs(0), monotonic: Duration::ZERO });
        let shared = Shared::new(trust.identity());
        // Neither an update of the configuration nor a new VM gives static keys more time.
        let age = shared.age(proxy, now.clock);
        let lease = shared.lease(trust.manner());
        let reliance = Reliance::new(trust.pace, trust.settings.max_staleness, now.monotonic);
        let mut follower = Self {
            state: State::after(trust.settings.clone(), now, age),
            lease: Lease::new(lease, proxy.random(), now.monotonic),
            leads: false,
            told: Told::new(&trust),
            trust,
            shared,
            under_way: BTreeMap::new(),
            next: Duration::ZERO,
            change_over: None,
            plain_files: false,
            newest: Vec::new(),
            seen: None,
            fetched: Vec::new(),
            reliance,
            now,
        };
        follower.inherit(proxy);
        follower.take_shared(proxy);
        follower.told.state(proxy, &follower.state, now, false);
        follower
    }

    /// What counts for a request at this time of the clock. The time that only goes on is that of
    /// the last tick: asking for it costs as much as the rest.
    pub fn standing(&self, clock: UnixTime) -> Standing<'_> {
        self.state.standing(Now { clock, monotonic: self.now.monotonic })
    }

    /// Some time has passed.
    pub fn tick(&mut self, proxy: &impl Proxy) {
        let Some(now) = proxy.now() else { return };
        self.now = now;
        self.take_shared(proxy);
        self.give_up_late(proxy);
        let knows = self.knows();
        let led = std::mem::replace(&mut self.leads, self.lease.keep(proxy, now.monotonic, knows));
        if self.leads && !led {
            let soon = now.monotonic.saturating_add(self.trust.pace.refresh());
            self.next = self.next.min(soon);
        }
        self.reliance.learn(knows, now.monotonic);
        self.reliance.compare(self.lease.told(), now.monotonic);
        self.ask(proxy);
        self.told.state(proxy, &self.state, now, self.leads);
    }

    /// The answer to a request is there.
    pub fn answered(&mut self, proxy: &impl Proxy, number: u32, answer: &Answer) {
        let Some(UnderWay { want, since, .. }) = self.under_way.remove(&number) else { return };
        if let Some(now) = proxy.now() {
            self.now = now;
        }
        let took = self.now.monotonic.saturating_sub(since);
        match (want, answer.status) {
            (_, None) => self.failed(proxy, want, Failure::NoAnswer),
            (Want::Checkpoint, Some(304)) => {
                self.state.in_vain(want);
                self.pause_in_vain(proxy, self.trust.pace.without_news(took, answer.wait_applied));
                self.told.works(proxy);
            }
            (Want::Checkpoint, Some(200)) => self.take_checkpoint(proxy, answer, took),
            (Want::Object(hash), Some(200)) => self.take_object(proxy, hash, answer),
            (Want::Log { .. }, Some(200 | 206)) => self.take_log(proxy, want, answer),
            (Want::Log { .. }, Some(404)) if !self.plain_files => self.plain_files = true,
            (_, Some(status)) => {
                self.plain_files = false;
                self.failed(proxy, want, Failure::Status(status));
            }
        }
        let (knows, now) = (self.knows(), self.now.monotonic);
        match self.leads {
            true => self.reliance.learn(knows, now),
            false => self.reliance.learn_alone(knows, self.lease.told(), now),
        }
        self.ask(proxy);
        self.told.state(proxy, &self.state, self.now, self.leads);
    }

    /// How much this worker knows: when the checkpoint of its state was issued. A stale one is of no
    /// use to others.
    fn knows(&self) -> u64 {
        let current = self.state.current().filter(|_| !self.state.is_stale(self.now));
        let issued = current.map(|current| current.issued.since_epoch().as_micros());
        issued.and_then(|micros| u64::try_from(micros).ok()).unwrap_or(0)
    }

    fn ask(&mut self, proxy: &impl Proxy) {
        for want in self.due(proxy) {
            let room = self.under_way.len() < AT_ONCE;
            if room && self.under_way.values().all(|it| it.want != want) {
                self.send(proxy, want);
            }
        }
    }

    /// What it is time to ask for, whether it is asked for already or not.
    fn due(&mut self, proxy: &impl Proxy) -> Vec<Want> {
        let now = self.now.monotonic;
        if !self.leads && !self.reliance.is_broken(now) && !self.lease.is_in_disorder(now) {
            return Vec::new();
        }
        let mut wants = self.state.wants();
        wants.retain(|want| !self.is_put_off(proxy, *want));
        // The log comes last: with it all is there, and its bytes are at hand to be shared.
        if wants.iter().any(|want| matches!(want, Want::Object(_))) {
            wants.retain(|want| matches!(want, Want::Object(_)));
        }
        if wants.is_empty() {
            wants.push(Want::Checkpoint);
        }
        wants.retain(|want| *want != Want::Checkpoint || now >= self.next);
        wants
    }

    /// Whether a new epoch's log had better be read later, so that gateways don't all at once.
    fn is_put_off(&mut self, proxy: &impl Proxy, want: Want) -> bool {
        let Want::Log { epoch, change_over: true, .. } = want else { return false };
        let at = match self.change_over {
            Some((of, at)) if of == epoch => at,
            _ => {
                let wait = self.trust.pace.change_over(random(proxy));
                self.now.monotonic.saturating_add(wait)
            }
        };
        self.change_over = Some((epoch, at));
        self.now.monotonic < at
    }

    fn send(&mut self, proxy: &impl Proxy, want: Want) {
        let may_wait = want == Want::Checkpoint && self.may_wait(proxy);
        let Trust { cluster, authority, path, access_key, pace, settings } = &self.trust;
        let of_want = match self.plain_files {
            true => want.path_of_file(settings.scope),
            false => want.path(settings.scope),
        };
        let path = format!("{path}{of_want}");
        let mut headers = vec![
            (":method", "GET"),
            (":path", path.as_str()),
            (":authority", authority.as_str()),
            ("user-agent", concat!("namespace-jwt/", env!("CARGO_PKG_VERSION"))),
        ];
        if let Some(key) = access_key {
            headers.push(("x-auth-token", key.expose()));
        }
        let (wait, range);
        let mut timeout = PATIENCE.min(settings.max_staleness);
        match want {
            Want::Checkpoint => {
                headers.extend(self.state.etag().map(|etag| ("if-none-match", etag)));
                if may_wait {
                    wait = format!("wait={}", pace.wait_seconds());
                    headers.push(("prefer", &wait));
                    timeout = timeout.saturating_add(Duration::from_secs(pace.wait_seconds()));
                }
            }
            Want::Object(_) => {}
            Want::Log { from, until, .. } => {
                range = format!("bytes={from}-{}", until.saturating_sub(1));
                headers.push(("range", &range));
            }
        }
        match proxy.send(&Request { cluster, headers: &headers, timeout }) {
            Ok(number) => {
                let since = self.now.monotonic;
                // The proxy keeps to the timeout. If it forgets, so does this.
                let until = since.saturating_add(timeout).saturating_add(PATIENCE);
                self.under_way.insert(number, UnderWay { want, since, until });
            }
            Err(failure) => self.failed(proxy, want, failure),
        }
    }

    /// Whether the issuer may hold a request for the checkpoint until there is news. What is known
    /// has to count until then, and all of it has to be there but what is put off.
    fn may_wait(&mut self, proxy: &impl Proxy) -> bool {
        let wait = Duration::from_secs(self.trust.pace.wait_seconds());
        let Now { clock, monotonic } = self.now;
        let later =
            Now { clock: clock.saturating_add(wait), monotonic: monotonic.saturating_add(wait) };
        let is_whole = self.state.missing().into_iter().all(|it| self.is_put_off(proxy, it));
        !wait.is_zero() && is_whole && !self.state.is_stale(later)
    }

    fn give_up_late(&mut self, proxy: &impl Proxy) {
        let now = self.now.monotonic;
        let late = |(number, it): (&u32, &UnderWay)| (it.until < now).then_some((*number, it.want));
        let late: Vec<_> = self.under_way.iter().filter_map(late).collect();
        for (number, want) in late {
            self.under_way.remove(&number);
            self.failed(proxy, want, Failure::NoAnswer);
        }
    }

    fn pause(&mut self, proxy: &impl Proxy, ended: Ended) {
        let pause = self.trust.pace.pause(ended, random(proxy));
        self.next = self.now.monotonic.saturating_add(pause);
    }

    /// The same after a request that brought nothing at all.
    fn pause_in_vain(&mut self, proxy: &impl Proxy, ended: Ended) {
        let now = self.now.monotonic;
        let pause = self.trust.pace.pause(ended, random(proxy));
        let pause = if self.leads { pause } else { self.reliance.pause(pause, now) };
        self.next = now.saturating_add(pause);
    }

    fn refused(&mut self, proxy: &impl Proxy, want: Want, refusal: Refusal) {
        proxy.count(Counted::Refused(refusal));
        self.told.refused(proxy, refusal, self.state.ahead());
        self.in_vain(proxy, want);
    }

    fn failed(&mut self, proxy: &impl Proxy, want: Want, failure: Failure) {
        proxy.count(Counted::Failed(failure));
        self.told.failed(proxy, failure);
        self.in_vain(proxy, want);
    }

    fn in_vain(&mut self, proxy: &impl Proxy, want: Want) {
        self.state.in_vain(want);
        self.pause_in_vain(proxy, Ended::Failed);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "any bits of it will do")]
fn random(proxy: &impl Proxy) -> u16 {
    proxy.random() as u16
}
