//! The open connections, and which of them make room when they run short.
//!
//! A connection whose client keeps the service waiting costs nothing but its place, and anybody can
//! have as many of those as he likes: silent ones, headers and bodies that come byte by byte,
//! answers that aren't read. As long as there are places, each may take the time that the
//! [limits](super::Limits) give it. When few are left, those make room that have kept the service
//! waiting the longest. Whose they are doesn't matter: who has something to ask asks at once, so
//! he is the last whose turn it would be, behind a proxy with many others as well. A request that
//! is being answered, or held, is nobody's who keeps the service waiting.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::Id;

use super::progress::Progress;

/// How long a connection may keep the service waiting however few places are left, and how soon
/// the next ones are looked for after too few were found.
pub const AT_LEAST: Duration = Duration::from_millis(100);

/// One place of so many is kept free.
const RESERVE: usize = 64;

/// Of so many connections one is remembered as next. Whenever one of those has had its turn, so many
/// are looked at for the ones to come after: as a rule all have been when the last of those is told.
const NEXT: usize = 16;

/// The open connections.
pub struct Open {
    slots: Arc<Semaphore>,
    reserve: usize,
    /// In the order in which they came.
    connections: BTreeMap<u64, Connection>,
    /// How many came before.
    before: u64,
    /// Which of them each task has.
    tasks: HashMap<Id, u64>,
    /// How many have been told to make room and haven't ended yet.
    leaving: usize,
    /// Whose turn is next, and since when they kept the service waiting, the last one first.
    next: Vec<(Instant, u64)>,
    after: Search,
    /// Until when it is no use to look for others.
    fruitless_until: Option<Instant>,
    /// How many times one was looked at.
    #[cfg(test)]
    looked_at: usize,
}

struct Connection {
    progress: Arc<Progress>,
    /// Whether it is one of [`Open::next`].
    is_next: bool,
}

/// The search for those whose turn comes after [`Open::next`]. It goes a few at a time: to look at all
/// connections takes a millisecond, for which everybody would wait. Its price is that who begins to
/// wait while it goes on may be found by the next search only, after others who are a little younger.
#[derive(Default)]
struct Search {
    /// The last one that was looked at.
    at: Option<u64>,
    found: Vec<(Instant, u64)>,
}

impl Open {
    /// None yet, of as many as there are slots.
    pub fn new(slots: Arc<Semaphore>) -> Self {
        let reserve = slots.available_permits().div_ceil(RESERVE);
        Self {
            slots,
            reserve,
            connections: BTreeMap::new(),
            before: 0,
            tasks: HashMap::new(),
            leaving: 0,
            next: Vec::new(),
            after: Search::default(),
            fruitless_until: None,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// A connection has begun, in the task `id`.
    pub fn begin(&mut self, id: Id, progress: Arc<Progress>) {
        self.tasks.insert(id, self.before);
        self.connections.insert(self.before, Connection { progress, is_next: false });
        self.before = self.before.saturating_add(1);
    }

    /// The task `id` has ended.
    pub fn end(&mut self, id: Id) {
        let ended = self.tasks.remove(&id).and_then(|number| self.connections.remove(&number));
        if ended.is_some_and(|connection| connection.progress.is_wanted()) {
            self.leaving = self.leaving.saturating_sub(1);
        }
    }

    /// Tells as many connections to make room as are lacking at `now`, and says how many.
    ///
    /// One for each that comes, as a rule: to end many at once would keep others waiting.
    pub fn make_room(&mut self, now: Instant) -> usize {
        let mut told = 0_usize;
        while !self.has_room() {
            let Some((since, number)) = self.next.pop() else {
                if self.advance(now) {
                    continue;
                }
                break;
            };
            self.search(now, NEXT);
            let Some(connection) = self.connections.get_mut(&number) else { continue };
            connection.is_next = false;
            // It may have been sent a request since then.
            let progress = &connection.progress;
            if progress.waiting_since() == Some(since) && !progress.is_wanted() {
                progress.give_way();
                self.leaving = self.leaving.saturating_add(1);
                told = told.saturating_add(1);
            }
        }
        told
    }

    /// The same when there has been no place for a while: one that was told and is at work after
    /// all doesn't count as leaving.
    pub fn make_room_after_all(&mut self, now: Instant) -> usize {
        let all = self.connections.values().map(|connection| &connection.progress);
        let leaving = all.filter(|it| it.is_wanted() && it.waiting_since().is_some());
        self.leaving = leaving.count();
        self.make_room(now)
    }

    /// Has those be next who were found to come after, and says whether there are any.
    fn advance(&mut self, now: Instant) -> bool {
        if self.fruitless_until.is_some_and(|until| now < until) {
            return false;
        }
        let has_begun = self.after.at.is_some();
        self.search(now, usize::MAX);
        if has_begun && self.after.found.is_empty() {
            // Those who were looked at first have waited for longer by now.
            self.after = Search::default();
            self.search(now, usize::MAX);
        }
        let most = self.most();
        let mut found = std::mem::take(&mut self.after).found;
        keep_longest(&mut found, most);
        found.sort_unstable_by_key(|(since, _)| Reverse(*since));
        for (_, number) in &found {
            if let Some(connection) = self.connections.get_mut(number) {
                connection.is_next = true;
            }
        }
        let is_fruitless = found.is_empty();
        self.next = found;
        self.fruitless_until = is_fruitless.then(|| now.checked_add(AT_LEAST)).flatten();
        !is_fruitless
    }

    /// Looks at some more connections.
    fn search(&mut self, now: Instant, some: usize) {
        let most = self.most();
        let Search { at, found } = &mut self.after;
        let others = (at.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        for (number, Connection { progress, is_next }) in self.connections.range(others).take(some)
        {
            *at = Some(*number);
            #[cfg(test)]
            {
                self.looked_at = self.looked_at.saturating_add(1);
            }
            let since = progress.waiting_since().filter(|_| !is_next && !progress.is_wanted());
            let waits = |since| now.saturating_duration_since(since) >= AT_LEAST;
            found.extend(since.filter(|since| waits(*since)).map(|since| (since, *number)));
            if found.len() >= most.saturating_mul(2) {
                keep_longest(found, most);
            }
        }
    }

    /// How many are next at most.
    fn most(&self) -> usize {
        self.connections.len().div_ceil(NEXT)
    }

    /// Whether the reserve is there, or will be once those have ended that were told to.
    fn has_room(&self) -> bool {
        self.slots.available_permits().saturating_add(self.leaving) >= self.reserve
    }
}

/// Keeps those who have waited the longest.
fn keep_longest(found: &mut Vec<(Instant, u64)>, most: usize) {
    if found.len() > most {
        found.select_nth_unstable_by_key(most, |(since, _)| *since);
        found.truncate(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crowd of so many, each a moment after the one before.
    struct Crowd {
        open: Open,
        members: Vec<(Id, Arc<Progress>)>,
        /// Late enough for all of them.
        later: Instant,
    }

    impl Crowd {
        fn of(members: usize, slots: usize) -> Self {
            let semaphore = Arc::new(Semaphore::new(slots));
            let mut open = Open::new(Arc::clone(&semaphore));
            let members: Vec<_> = (0..members)
                .map(|_| {
                    let (id, progress) = (tokio::spawn(async {}).id(), Arc::new(Progress::new()));
                    open.begin(id, Arc::clone(&progress));
                    semaphore.try_acquire().unwrap().forget();
                    (id, progress)
                })
                .collect();
            Self { open, members, later: Instant::now() + AT_LEAST }
        }

        fn is_told(&self) -> Vec<usize> {
            let members = self.members.iter().enumerate();
            members.filter(|(_, (_, it))| it.is_wanted()).map(|(place, _)| place).collect()
        }

        fn end(&mut self, place: usize) {
            self.open.end(self.members[place].0);
            self.open.slots.add_permits(1);
        }
    }

    #[tokio::test]
    async fn nobody_makes_room_while_there_is_some() {
        for (members, slots) in [(0, 1), (1, 2), (2, 2), (63, 64), (189, 192), (190, 192)] {
            let mut crowd = Crowd::of(members, slots);
            let told = crowd.open.make_room(crowd.later);
            let short = members > slots - slots.div_ceil(64);
            assert_eq!(told, usize::from(short), "{members} of {slots}");
        }
    }

    #[tokio::test]
    async fn who_keeps_the_service_waiting_the_longest_makes_room_first() {
        let mut crowd = Crowd::of(6, 6);
        // The first one has sent its request, the second one has another pause after one.
        crowd.members[0].1.head_is_read();
        crowd.members[1].1.head_is_read();
        crowd.members[1].1.head_is_awaited();
        for expected in [vec![2], vec![2, 3], vec![2, 3, 4]] {
            assert_eq!(crowd.open.make_room(crowd.later + AT_LEAST), 1);
            assert_eq!(crowd.is_told(), expected);
            // Until that one has left, the next one stays.
            assert_eq!(crowd.open.make_room(crowd.later + AT_LEAST), 0);
            crowd.end(*expected.last().unwrap());
            assert_eq!(crowd.open.make_room(crowd.later + AT_LEAST), 0);
            crowd.open.slots.try_acquire().unwrap().forget();
        }
        for expected in [vec![2, 3, 4, 5], vec![1, 2, 3, 4, 5]] {
            assert_eq!(crowd.open.make_room(crowd.later + AT_LEAST), 1);
            assert_eq!(crowd.is_told(), expected);
            let place = if expected.len() == 4 { 5 } else { 1 };
            crowd.end(place);
            crowd.open.slots.try_acquire().unwrap().forget();
        }
        // What is left is at work.
        assert_eq!(crowd.open.make_room(crowd.later + AT_LEAST), 0);
    }

    #[tokio::test]
    async fn a_connection_that_has_just_begun_stays() {
        let mut crowd = Crowd::of(1, 1);
        let began = crowd.members[0].1.waiting_since().unwrap();
        let moment = Duration::from_millis(1);
        assert_eq!(crowd.open.make_room(began + AT_LEAST - moment), 0);
        // And isn't looked at again for a while.
        assert_eq!(crowd.open.make_room(began + AT_LEAST), 0);
        assert_eq!(crowd.open.make_room(began + AT_LEAST * 2), 1);
    }

    #[tokio::test]
    async fn one_that_is_at_work_after_all_is_not_waited_for() {
        let mut crowd = Crowd::of(2, 2);
        assert_eq!(crowd.open.make_room(crowd.later), 1);
        assert_eq!(crowd.is_told(), [0]);
        assert_eq!(crowd.open.make_room_after_all(crowd.later), 0);
        crowd.members[0].1.head_is_read();
        assert_eq!(crowd.open.make_room_after_all(crowd.later), 1);
        assert_eq!(crowd.is_told(), [0, 1]);
    }

    #[tokio::test]
    async fn who_comes_has_a_few_looked_at_and_none_is_forgotten() {
        let mut crowd = Crowd::of(1600, 1600);
        let reserve = crowd.open.make_room(crowd.later);
        assert_eq!(crowd.is_told(), (0..reserve).collect::<Vec<_>>());
        (0..reserve).for_each(|place| crowd.end(place));
        for place in reserve..1600 {
            crowd.open.begin(tokio::spawn(async {}).id(), Arc::new(Progress::new()));
            crowd.open.slots.try_acquire().unwrap().forget();
            let before = crowd.open.looked_at;
            assert_eq!(crowd.open.make_room(crowd.later), 1);
            assert!(crowd.members[place].1.is_wanted(), "{place}");
            // Those who came during a search are its end.
            let looked_at = crowd.open.looked_at - before;
            assert!(looked_at <= 1600 / NEXT + NEXT, "{place}: {looked_at}");
            crowd.end(place);
        }
    }

    #[tokio::test]
    async fn who_was_looked_at_too_early_is_looked_at_again() {
        let mut crowd = Crowd::of(8, 8);
        std::thread::sleep(AT_LEAST / 2);
        for (_, progress) in &crowd.members[1..] {
            progress.head_is_awaited();
        }
        assert_eq!(crowd.open.make_room(crowd.later), 1);
        assert_eq!(crowd.is_told(), [0]);
        crowd.end(0);
        crowd.open.slots.try_acquire().unwrap().forget();
        let long_enough = crowd.members[7].1.waiting_since().unwrap() + AT_LEAST;
        assert_eq!(crowd.open.make_room(long_enough), 1);
        assert_eq!(crowd.is_told(), [0, 1]);
    }

    #[tokio::test]
    async fn one_whose_turn_is_next_is_passed_over_if_it_is_at_work_or_gone() {
        // Of forty the three that are next are remembered.
        let mut crowd = Crowd::of(40, 40);
        assert_eq!(crowd.open.make_room(crowd.later), 1);
        crowd.members[1].1.head_is_read();
        for place in [0, 2] {
            crowd.end(place);
            crowd.open.slots.try_acquire().unwrap().forget();
        }
        assert_eq!(crowd.open.make_room(crowd.later), 1);
        assert_eq!(crowd.is_told(), [0, 3]);
    }
}
