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
use std::collections::HashMap;
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

/// Of one connection of so many it is remembered that its turn is next.
const NEXT: usize = 16;

/// The open connections, by the task of each.
pub struct Open {
    slots: Arc<Semaphore>,
    reserve: usize,
    connections: HashMap<Id, Arc<Progress>>,
    /// How many of them have been told to make room and haven't ended yet.
    leaving: usize,
    /// Whose turn is next, and since when they kept the service waiting, the last one first. To look
    /// at all connections for each that comes would be work that those who come can multiply.
    next: Vec<(Instant, Id)>,
    /// Until when it is no use to look for others.
    fruitless_until: Option<Instant>,
}

impl Open {
    /// None yet, of as many as there are slots.
    pub fn new(slots: Arc<Semaphore>) -> Self {
        let reserve = slots.available_permits().div_ceil(RESERVE);
        let (connections, next) = (HashMap::new(), Vec::new());
        Self { slots, reserve, connections, leaving: 0, next, fruitless_until: None }
    }

    /// A connection has begun, in the task `id`.
    pub fn begin(&mut self, id: Id, progress: Arc<Progress>) {
        self.connections.insert(id, progress);
    }

    /// The task `id` has ended.
    pub fn end(&mut self, id: Id) {
        if self.connections.remove(&id).is_some_and(|connection| connection.is_wanted()) {
            self.leaving = self.leaving.saturating_sub(1);
        }
    }

    /// Tells as many connections to make room as are lacking at `now`, and says how many.
    ///
    /// One for each that comes, as a rule: to end many at once would keep others waiting.
    pub fn make_room(&mut self, now: Instant) -> usize {
        let mut told = 0_usize;
        while !self.has_room() {
            let Some((since, id)) = self.next.pop() else {
                if self.look(now) {
                    continue;
                }
                break;
            };
            // It may have ended or been sent a request since then.
            if let Some(connection) = self.connections.get(&id)
                && connection.waiting_since() == Some(since)
                && !connection.is_wanted()
            {
                connection.give_way();
                self.leaving = self.leaving.saturating_add(1);
                told = told.saturating_add(1);
            }
        }
        told
    }

    /// The same when there has been no place for a while: one that was told and is at work after
    /// all doesn't count as leaving.
    pub fn make_room_after_all(&mut self, now: Instant) -> usize {
        let connections = self.connections.values();
        let leaving = connections.filter(|it| it.is_wanted() && it.waiting_since().is_some());
        self.leaving = leaving.count();
        self.make_room(now)
    }

    /// Looks for those whose turn is next, and says whether there are any.
    fn look(&mut self, now: Instant) -> bool {
        if self.fruitless_until.is_some_and(|until| now < until) {
            return false;
        }
        let waiting = self.connections.iter().filter_map(|(id, connection)| {
            let since = connection.waiting_since().filter(|_| !connection.is_wanted())?;
            let long = now.saturating_duration_since(since) >= AT_LEAST;
            long.then_some((since, *id))
        });
        let mut waiting: Vec<_> = waiting.collect();
        let most = self.connections.len().div_ceil(NEXT);
        if waiting.len() > most {
            waiting.select_nth_unstable_by_key(most, |(since, _)| *since);
            waiting.truncate(most);
        }
        waiting.sort_unstable_by_key(|(since, _)| Reverse(*since));
        let found = !waiting.is_empty();
        self.next = waiting;
        self.fruitless_until = (!found).then(|| now.checked_add(AT_LEAST)).flatten();
        found
    }

    /// Whether the reserve is there, or will be once those have ended that were told to.
    fn has_room(&self) -> bool {
        self.slots.available_permits().saturating_add(self.leaving) >= self.reserve
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
