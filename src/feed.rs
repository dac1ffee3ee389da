//! Follows the trust feed for one plugin in one worker.
//!
//! What the issuer says goes through [`State`], which decides. Here is when it is asked, by
//! whom, and how what one worker fetched comes to the others: [`lease`] chooses who asks, and
//! [`shared`] has what came. Each worker checks all of it again. No request of a client waits
//! for any of this.

pub mod answer;
#[cfg(target_os = "wasi")]
pub mod host;
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
use namespace_jwt_core::trust::MAX_OBJECT_BYTES;
use namespace_jwt_core::trust::checkpoint::{Checkpoint, MAX_BYTES};
use namespace_jwt_core::trust::log::RECORD_BYTES;
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::pace::Ended;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{LogPart, News, Now, Standing, State, Want};

use answer::Answer;
use lease::Lease;
use proxy::{Counted, Failure, Proxy, Request};
use reliance::Reliance;
use shared::{PIECE, Shared};
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
    /// The newest checkpoint, as it was looked at last.
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

    // --- asking ------------------------------------------------------------------------

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
        let may_wait = self.may_wait(proxy);
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

    // --- what came ---------------------------------------------------------------------

    fn take_checkpoint(&mut self, proxy: &impl Proxy, answer: &Answer, took: Duration) {
        if answer.body_size > MAX_BYTES {
            return self.refused(proxy, Want::Checkpoint, Refusal::Oversized);
        }
        let bytes = proxy.body(0, MAX_BYTES);
        let sequence = |state: &State| state.newest().map(|checkpoint| checkpoint.sequence);
        let before = sequence(&self.state);
        let no_news = self.trust.pace.without_news(took, answer.wait_applied);
        match self.state.checkpoint(&bytes, self.now) {
            Err(refusal) => return self.refused(proxy, Want::Checkpoint, refusal),
            Ok(News::Unchanged | News::Unneeded) => self.pause_in_vain(proxy, no_news),
            Ok(_) => {
                let is_news = sequence(&self.state) != before;
                self.pause(proxy, if is_news { Ended::News } else { no_news });
                self.shared.share_news(proxy, &bytes);
                self.seen = Some(bytes);
                let state = &self.state;
                self.fetched.retain(|(object, _)| state.place(*object).is_some());
                self.share(proxy);
            }
        }
        self.told.works(proxy);
    }

    fn take_object(&mut self, proxy: &impl Proxy, hash: Digest, answer: &Answer) {
        let want = Want::Object(hash);
        if answer.body_size > MAX_OBJECT_BYTES {
            return self.refused(proxy, want, Refusal::Oversized);
        }
        let bytes = proxy.body(0, answer.body_size);
        match self.state.object(hash, &bytes, self.now) {
            Ok(news) => {
                self.fetched.push((hash, bytes));
                self.completed(proxy, news);
            }
            Err(refusal) => self.refused(proxy, want, refusal),
        }
    }

    /// In pieces, so that no more than one of them is held beside what is made of them.
    fn take_log(&mut self, proxy: &impl Proxy, want: Want, answer: &Answer) {
        let Want::Log { epoch, from, until, .. } = want else { return };
        let begin = match (answer.status, answer.range_start) {
            (Some(206), Some(start)) if start != from => {
                return self.failed(proxy, want, Failure::Status(206));
            }
            (Some(206), _) => from,
            _ => 0,
        };
        for at in (0..answer.body_size.max(1)).step_by(PIECE) {
            let bytes = proxy.body(at, PIECE);
            let last = at.saturating_add(PIECE) >= answer.body_size;
            let part = LogPart { epoch, from: after(begin, at), bytes: &bytes, last };
            match self.state.log(part, self.now) {
                Err(refusal) => return self.refused(proxy, want, refusal),
                Ok(News::Incomplete) => {}
                Ok(News::Complete) => break,
                Ok(_) => return,
            }
        }
        // Nobody is to read what may still turn out to be wrong.
        if self.state.is_incomplete() {
            return;
        }
        // What a server sent beyond the end that was signed is nothing that was checked.
        let checked = usize::try_from(until.saturating_sub(begin)).unwrap_or(0);
        for at in (0..checked.min(answer.body_size)).step_by(PIECE) {
            let bytes = proxy.body(at, PIECE.min(checked.saturating_sub(at)));
            self.shared.share_log(proxy, epoch, after(begin, at), &bytes);
        }
        self.completed(proxy, News::Complete);
    }

    /// All is there: what comes next is news.
    fn completed(&mut self, proxy: &impl Proxy, news: News) {
        if news == News::Complete {
            self.pause(proxy, Ended::News);
            self.share(proxy);
        }
    }

    /// Shares a state that is whole: what it names, then the checkpoint.
    fn share(&mut self, proxy: &impl Proxy) {
        let (Some(bytes), Some(checkpoint)) = (&self.seen, self.state.current()) else { return };
        if self.state.is_incomplete() {
            return;
        }
        for (hash, object) in self.fetched.drain(..) {
            if let Some(place) = self.state.place(hash) {
                self.shared.share_object(proxy, place, &object);
            }
        }
        self.shared.share_checkpoint(proxy, bytes, checkpoint);
        self.shared.stay(proxy, self.trust.address());
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

    // --- what the others fetched ---------------------------------------------------------

    /// Takes what others have whole, or had before another key was pinned, and then shares it here.
    /// It is judged as if it came now.
    fn inherit(&mut self, proxy: &impl Proxy) {
        self.take_whole(proxy, self.shared.checkpoint(proxy), None);
        let before = Shared::before(proxy, self.trust.address());
        let Some(before) = before.filter(|_| self.state.current().is_none()) else { return };
        self.take_whole(proxy, before.checkpoint(proxy), Some(&before));
        if let Some(Checkpoint { epoch, log_length, .. }) = self.state.current() {
            let end = u64::from(*log_length).saturating_mul(RECORD_BYTES);
            self.shared.copy_log(proxy, &before, *epoch, end);
            self.share(proxy);
        }
    }

    fn take_whole(&mut self, proxy: &impl Proxy, whole: Option<Vec<u8>>, of: Option<&Shared>) {
        let Some(bytes) = whole else { return };
        if self.state.checkpoint(&bytes, self.now).is_ok() {
            self.seen = Some(bytes);
            self.take_parts(proxy, of);
        }
    }

    fn take_shared(&mut self, proxy: &impl Proxy) {
        let Some(bytes) = self.shared.news(proxy) else { return };
        if self.seen.as_ref() != Some(&bytes) {
            let found = self.state.checkpoint(&bytes, self.now);
            self.seen = Some(bytes);
            if let Err(refusal) = found {
                return self.disturbed_by(proxy, refusal);
            }
        }
        self.take_parts(proxy, None);
    }

    /// Takes what is missing, as far as it is there, or in another place.
    fn take_parts(&mut self, proxy: &impl Proxy, other: Option<&Shared>) {
        while self.state.is_incomplete() && self.take_part(proxy, other) {}
    }

    fn take_part(&mut self, proxy: &impl Proxy, other: Option<&Shared>) -> bool {
        let places = [Some(&self.shared), other];
        let places = || places.iter().flatten();
        for want in self.state.missing() {
            let found = match want {
                Want::Checkpoint => None,
                Want::Object(hash) => self.state.place(hash).and_then(|place| {
                    let bytes = places().find_map(|it| it.object(proxy, place, hash))?;
                    let taken = self.state.object(hash, &bytes, self.now);
                    if other.is_some() && taken.is_ok() {
                        self.fetched.push((hash, bytes));
                    }
                    Some(taken)
                }),
                Want::Log { epoch, from, .. } => {
                    let piece = places().find_map(|it| it.log(proxy, epoch, from));
                    piece.map(|(from, bytes)| {
                        let part = LogPart { epoch, from, bytes: &bytes, last: false };
                        self.state.log(part, self.now)
                    })
                }
            };
            match found {
                None => {}
                Some(Ok(_)) => return true,
                Some(Err(refusal)) => {
                    self.disturbed_by(proxy, refusal);
                    return false;
                }
            }
        }
        false
    }

    fn disturbed_by(&mut self, proxy: &impl Proxy, refusal: Refusal) {
        // What an issuer signed for these workers comes from one of them, though it is late, or the
        // clocks differ, or they have heard of different replicas.
        let signed = matches!(
            refusal,
            Refusal::WrongIssuer
                | Refusal::FromTheFuture
                | Refusal::Older
                | Refusal::Conflict
                | Refusal::Stale
        );
        if signed {
            return;
        }
        proxy.count(Counted::Refused(refusal));
        self.told.disturbed(proxy, refusal);
        self.reliance.wanting(self.now.monotonic);
    }
}

/// So many bytes later.
fn after(byte: u64, bytes: usize) -> u64 {
    byte.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
}

#[allow(clippy::cast_possible_truncation, reason = "any bits of it will do")]
fn random(proxy: &impl Proxy) -> u16 {
    proxy.random() as u16
}
