//! Whether a worker can rely on the others: on the one that asks, and on what all of them share.
//!
//! Other plugins of the VM can write there too. They can't make a worker believe anything, but they
//! could keep it from hearing of anything. A worker that has a reason to think so asks for itself.

use std::time::Duration;

use namespace_jwt_core::trust::pace::Pace;

/// How long a worker waits for what the one that asks has known for so long.
const LEFT_OUT: Duration = Duration::from_secs(2);

/// How long a worker that knows nothing yet waits for anything at all.
const FIRST: Duration = Duration::from_secs(10);

/// How long a worker that found the others wanting does without them.
const DISTRUST: Duration = Duration::from_secs(60);

/// How long the worker that asks may have waited for an answer in vain before it asks again.
const HANGING: Duration = Duration::from_secs(10);

/// How long the worker that asks has to hear what this one heard by its own asking.
const SLOWER: Duration = Duration::from_secs(15);

/// How many times as long as others a worker pauses that isn't to ask and has heard nothing from
/// who is: all of them together ask little more often than that one, if it does in vain.
const SELDOM: u32 = 6;

/// What it goes by. All times are those of the clock that only goes on.
pub struct Reliance {
    /// How long no news may come from the others.
    patience: Duration,
    /// How much this worker knows: a number that rises with time.
    knows: u64,
    /// Since when it knows so much, or nothing.
    since: Duration,
    /// Since when the worker that asks has known more.
    behind: Option<Duration>,
    /// When this worker heard something that the one that asks should have heard, and what that one
    /// knew then.
    suspects: Option<(Duration, u64)>,
    /// When the others were found wanting.
    wanting: Option<Duration>,
}

impl Reliance {
    /// That of a worker that begins now.
    pub fn new(pace: Pace, max_staleness: Duration, now: Duration) -> Self {
        let wait = Duration::from_secs(pace.wait_seconds());
        let twice = wait.saturating_add(pace.refresh()).saturating_mul(2).saturating_add(HANGING);
        // There has to be time to ask before what is known is stale.
        let most = max_staleness.saturating_mul(2).checked_div(3).unwrap_or_default();
        let patience = twice.min(most);
        let (behind, suspects, wanting) = Default::default();
        Self { patience, knows: 0, since: now, behind, suspects, wanting }
    }

    /// This worker knows so much now.
    pub fn learn(&mut self, knows: u64, now: Duration) {
        if knows > self.knows {
            self.knows = knows;
            self.since = now;
        }
    }

    /// The same by its own asking, though another one, which knew so much, was to ask.
    pub fn learn_alone(&mut self, knows: u64, told: u64, now: Duration) {
        if knows > self.knows && self.is_forsaken(now) {
            self.suspects = Some((now, told));
        }
        self.learn(knows, now);
    }

    /// Something among what is shared can't be from a worker.
    pub fn wanting(&mut self, now: Duration) {
        self.wanting = Some(now);
    }

    /// The worker that asks knows so much.
    pub fn compare(&mut self, told: u64, now: Duration) {
        self.behind = (told > self.knows).then(|| self.behind.unwrap_or(now));
        match self.suspects {
            Some((_, before)) if told != before => self.suspects = None,
            // It is there, and asks for nothing.
            Some((at, _)) if now.saturating_sub(at) > SLOWER => {
                self.suspects = None;
                self.wanting(now);
            }
            _ => {}
        }
    }

    /// Whether this worker has to ask for itself, where it isn't the one that asks for all.
    pub fn is_broken(&self, now: Duration) -> bool {
        let since = |at: Duration| now.saturating_sub(at);
        self.wanting.is_some_and(|at| since(at) <= DISTRUST)
            || self.behind.is_some_and(|at| since(at) > LEFT_OUT)
            || self.is_forsaken(now)
    }

    /// How long it pauses then after a request that brought nothing, where others would so long.
    pub fn pause(&self, usual: Duration, now: Duration) -> Duration {
        if self.is_forsaken(now) { usual.saturating_mul(SELDOM) } else { usual }
    }

    /// Whether nothing has come for so long that nobody seems to ask, or all do in vain.
    fn is_forsaken(&self, now: Duration) -> bool {
        let patience = if self.knows > 0 { self.patience } else { FIRST.min(self.patience) };
        now.saturating_sub(self.since) > patience
    }
}
