use std::collections::BTreeSet;

use super::*;
use crate::trust::fixtures::{Feed, id, keys, sign};
use crate::trust::index::Contents;
use crate::trust::log::TokenHash;
use crate::trust::shards::{Namespace, Privacy};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const START: u64 = 1_700_000_000;
const STALENESS: u64 = 300;

fn settings() -> Settings {
    Settings {
        scope: Scope::Namespace(id(2)),
        issuer: None,
        keys: keys(&[1]),
        max_staleness: Duration::from_secs(STALENESS),
        when_stale: WhenStale::Deny,
        static_keys: false,
    }
}

fn micros(micros: i64) -> UnixTime {
    let micros = (START as i64 * 1_000_000).checked_add(micros).unwrap();
    UnixTime::new(Duration::from_micros(micros as u64))
}

/// So many microseconds after the start, by both clocks.
fn both(clock: i64, monotonic: u64) -> Now {
    Now { clock: micros(clock), monotonic: Duration::from_micros(monotonic) + MOST_AHEAD }
}

/// So many seconds after the start.
fn at(seconds: u64) -> Now {
    both(seconds as i64 * 1_000_000, seconds * 1_000_000)
}

/// Answers everything that is wanted but the checkpoint, until nothing is.
fn serve(state: &mut State, feed: &Feed, now: Now) -> (News, BTreeSet<Want>) {
    let (mut news, mut asked) = (News::Unchanged, BTreeSet::new());
    while state.wants() != [Want::Checkpoint] {
        let want = state.wants()[0];
        assert!(asked.insert(want), "asked for twice: {want:?}");
        news = answer(state, feed, want, now).unwrap();
    }
    (news, asked)
}

fn answer(state: &mut State, feed: &Feed, want: Want, now: Now) -> Result<News, Refusal> {
    match want {
        Want::Checkpoint => state.checkpoint(&feed.signed(now.clock), now),
        Want::Object(digest) => state.object(digest, &feed.objects().bytes[&digest], now),
        Want::Log { epoch, .. } => {
            state.log(LogPart { epoch, from: 0, bytes: &feed.log(), last: true }, now)
        }
    }
}

/// A state that knows all of a feed, since the start.
fn known(settings: Settings, feed: &Feed) -> State {
    let mut state = State::new(settings, at(0));
    assert_eq!(state.checkpoint(&feed.signed(at(0).clock), at(0)), Ok(News::Incomplete));
    assert_eq!(serve(&mut state, feed, at(0)).0, News::Complete);
    state
}

fn view(state: &State, now: Now) -> Option<&View> {
    match state.standing(now) {
        Standing::Known(view) => Some(view),
        _ => None,
    }
}

fn name(state: &State, now: Now) -> &'static str {
    match state.standing(now) {
        Standing::Known(_) => "known",
        Standing::StaticKeys => "static keys",
        Standing::Unavailable => "unavailable",
    }
}

fn revoked(state: &State, token_id: &str) -> bool {
    view(state, at(0)).unwrap().lists(TokenHash::of(token_id))
}

/// These bytes of the log that the newest checkpoint names.
fn log_of(state: &State, from: u64, until: u64, change_over: bool) -> Want {
    let newest = state.newest().unwrap();
    Want::Log { epoch: newest.epoch, hash: newest.log_hash, from, until, change_over }
}

#[test]
fn static_keys_count_until_the_first_checkpoint_and_no_longer_than_a_state_would() {
    let settings = Settings { static_keys: true, ..settings() };
    let most = settings.max_staleness.as_secs();
    for (waited, after, expected) in [
        (0, most, "static keys"),
        (0, most + 1, "unavailable"),
        (10, most - 10, "static keys"),
        (10, most - 9, "unavailable"),
        (most + 1, 0, "unavailable"),
    ] {
        let state = State::after(settings.clone(), at(0), Duration::from_secs(waited));
        assert_eq!(name(&state, at(after)), expected, "{waited} {after}");
    }
}

#[test]
fn a_gateway_asks_for_all_that_a_checkpoint_names_and_then_knows_it() {
    let feed = Feed::new(100);
    let mut state = State::new(settings(), at(0));
    assert_eq!(state.wants(), [Want::Checkpoint]);
    assert_eq!(state.checkpoint(&feed.signed(at(0).clock), at(0)), Ok(News::Incomplete));
    let index = feed.objects().index;
    let log = log_of(&state, 0, 800, false);
    assert_eq!(state.wants(), [Want::Object(index), log]);
    assert_eq!(answer(&mut state, &feed, Want::Object(index), at(0)), Ok(News::Incomplete));
    assert_eq!(state.wants().len(), 3, "the log and two shards");
    assert_eq!(name(&state, at(0)), "unavailable");
    assert_eq!(serve(&mut state, &feed, at(0)).0, News::Complete);
    assert!(revoked(&state, "0") && revoked(&state, "99") && !revoked(&state, "100"));
    assert_eq!(state.revocations(), 100);
    assert_eq!(state.wants(), [Want::Checkpoint]);
    // What comes late isn't needed.
    assert_eq!(answer(&mut state, &feed, Want::Object(index), at(0)), Ok(News::Unneeded));
    assert_eq!(answer(&mut state, &feed, log, at(0)), Ok(News::Unneeded));
}

#[test]
fn one_more_revocation_comes_with_the_checkpoint_alone() {
    let mut feed = Feed::new(100);
    let mut state = known(settings(), &feed);
    for n in 0..200 {
        let generation = view(&state, at(1)).unwrap().generation();
        feed.revoke(&format!("more {n}"));
        assert_eq!(state.checkpoint(&feed.signed(at(1).clock), at(1)), Ok(News::Complete));
        assert!(revoked(&state, &format!("more {n}")));
        assert_ne!(view(&state, at(1)).unwrap().generation(), generation);
    }
    assert_eq!(state.revocations(), 300);
}

#[test]
fn more_than_the_checkpoint_holds_is_read_from_where_the_log_was_known() {
    let mut feed = Feed::new(100);
    let mut state = known(settings(), &feed);
    (0..65).for_each(|n| feed.revoke(&format!("more {n}")));
    assert_eq!(state.checkpoint(&feed.signed(at(1).clock), at(1)), Ok(News::Incomplete));
    let rest = log_of(&state, 800, 1320, false);
    assert_eq!(state.wants(), [rest]);
    let log = feed.log();
    let part = |from: usize, until: usize, last| LogPart {
        epoch: 1,
        from: from as u64,
        bytes: &log[from..until],
        last,
    };
    assert_eq!(state.log(part(800, 1001, false), at(1)), Ok(News::Incomplete));
    assert_eq!(state.log(part(1001, 1310, true), at(1)), Err(Refusal::Truncated));
    assert_eq!(state.wants(), [Want::Checkpoint]);
    state.in_vain(Want::Checkpoint);
    let rest = log_of(&state, 1310, 1320, false);
    assert_eq!(state.wants(), [rest]);
    assert_eq!(state.log(part(1310, 1320, true), at(1)), Ok(News::Complete));
    assert_eq!(state.revocations(), 165);
}

#[test]
fn each_refused_checkpoint_has_its_reason_and_changes_nothing() {
    let feed = Feed::new(3);
    let now = at(10);
    let with = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = feed.checkpoint(now.clock);
        change(&mut checkpoint);
        sign(&checkpoint, &[1])
    };
    let later = |checkpoint: &mut Checkpoint, micros: u64| {
        checkpoint.sequence += 1;
        checkpoint.issued = now.clock.saturating_add(Duration::from_micros(micros));
    };
    let half = feed.signed(now.clock);
    let half = half[..half.len() / 2].to_vec();
    for (what, bytes, expected) in [
        ("cut off", half, Err(Refusal::Truncated)),
        ("garbage", b"<html>".to_vec(), Err(Refusal::Malformed)),
        ("endless", vec![b' '; 4097], Err(Refusal::Oversized)),
        ("another key's", sign(&feed.checkpoint(now.clock), &[2]), Err(Refusal::BadSignature)),
        ("another issuer's", with(&|it| it.issuer = id(9)), Err(Refusal::WrongIssuer)),
        (
            "another scope's",
            with(&|it| it.scope = Scope::Namespace(id(9))),
            Err(Refusal::WrongScope),
        ),
        ("all", with(&|it| it.scope = Scope::All), Err(Refusal::WrongScope)),
        ("60 s and 1 µs ahead", with(&|it| later(it, 60_000_001)), Err(Refusal::FromTheFuture)),
        ("older", with(&|it| it.sequence -= 1), Err(Refusal::Older)),
        ("another index", with(&|it| it.index = Digest::of(b"")), Err(Refusal::Conflict)),
        ("another epoch", with(&|it| it.epoch += 1), Err(Refusal::Conflict)),
        ("fewer in it", with(&|it| it.recent.truncate(2)), Err(Refusal::Conflict)),
        ("the same", feed.signed(at(0).clock), Ok(News::Unchanged)),
        ("the same, issued before", feed.signed(micros(-1)), Ok(News::Unchanged)),
    ] {
        let mut state = known(settings(), &feed);
        let etag = state.etag().unwrap().to_owned();
        assert_eq!(state.checkpoint(&bytes, now), expected, "{what}");
        assert_eq!(state.wants(), [Want::Checkpoint], "{what}");
        assert_eq!(state.etag(), Some(etag.as_str()), "{what}");
        assert_eq!(state.current().unwrap().issued, at(0).clock, "{what}");
        assert_eq!(state.revocations(), 3, "{what}");
        // Nothing was renewed.
        assert_eq!(name(&state, at(STALENESS)), "known", "{what}");
        assert_eq!(name(&state, at(STALENESS + 1)), "unavailable", "{what}");
        let ahead = expected == Err(Refusal::FromTheFuture);
        assert_eq!(state.ahead(), ahead.then_some(Duration::from_micros(60_000_001)));
    }
}

#[test]
fn a_checkpoint_may_be_60_seconds_ahead() {
    let feed = Feed::new(3);
    for (ahead, expected) in
        [(60_000_000, Ok(News::Renewed)), (60_000_001, Err(Refusal::FromTheFuture))]
    {
        let mut state = known(settings(), &feed);
        assert_eq!(state.checkpoint(&feed.signed(micros(ahead)), at(0)), expected);
        // Ahead of the clock it ages by the time since it was verified.
        assert_eq!(name(&state, at(STALENESS)), "known");
        assert_eq!(name(&state, both(0, STALENESS * 1_000_000 + 1)), "unavailable");
    }
}

#[test]
fn the_first_checkpoint_may_be_as_old_as_a_state_may() {
    let feed = Feed::new(0);
    let most = (STALENESS * 1_000_000) as i64;
    for when_stale in [WhenStale::Deny, WhenStale::Keep] {
        for (age, expected) in [(most, Ok(News::Incomplete)), (most + 1, Err(Refusal::Stale))] {
            let mut state = State::new(Settings { when_stale, ..settings() }, at(0));
            assert_eq!(state.checkpoint(&feed.signed(micros(-age)), at(0)), expected, "{age}");
            if expected.is_ok() {
                // It was in time, and what it names wasn't.
                let mut late = State::new(Settings { when_stale, ..settings() }, at(0));
                late.checkpoint(&feed.signed(micros(-age)), at(0)).unwrap();
                let asked = late.wants();
                assert_eq!(serve(&mut state, &feed, at(0)).0, News::Complete);
                let mut last = answer(&mut late, &feed, asked[0], both(1, 1));
                while late.wants() != [Want::Checkpoint] {
                    let want = late.wants()[0];
                    last = answer(&mut late, &feed, want, both(1, 1));
                }
                assert_eq!(last, Err(Refusal::Stale));
                assert_eq!(name(&late, both(1, 1)), "unavailable");
                // Signed anew it is taken.
                late.checkpoint(&feed.signed(micros(1)), both(1, 1)).unwrap();
                assert_eq!(serve(&mut late, &feed, both(1, 1)).0, News::Complete);
            }
        }
    }
    // A later one may be: it says more than the one before.
    let mut feed = feed;
    let mut state = known(settings(), &feed);
    feed.revoke("a");
    assert_eq!(state.checkpoint(&feed.signed(micros(-most - 1)), at(0)), Ok(News::Complete));
    assert_eq!(name(&state, at(0)), "unavailable");
}

#[test]
fn age_is_the_greater_of_what_the_two_clocks_say() {
    let most = STALENESS * 1_000_000;
    let feed = Feed::new(3);
    for (clock, monotonic, expected) in [
        (0, 0, "known"),
        (most as i64, most, "known"),
        (most as i64 + 1, 0, "unavailable"),
        (0, most + 1, "unavailable"),
        // Clocks that were set back, or stand.
        (-600_000_000, most, "known"),
        (-600_000_000, most + 1, "unavailable"),
        (600_000_000, 0, "unavailable"),
    ] {
        let now = both(clock, monotonic);
        let state = known(settings(), &feed);
        assert_eq!(name(&state, now), expected, "{clock} {monotonic}");
        assert_eq!(state.is_stale(now), expected != "known");
        let state = known(Settings { when_stale: WhenStale::Keep, ..settings() }, &feed);
        assert_eq!(name(&state, now), "known", "{clock} {monotonic}");
        assert_eq!(state.is_stale(now), expected != "known");
    }
}

#[test]
fn only_the_same_content_signed_later_renews() {
    let feed = Feed::new(3);
    let mut state = known(settings(), &feed);
    let old = feed.signed(at(0).clock);
    for seconds in (10..STALENESS).step_by(10) {
        assert_eq!(state.checkpoint(&old, at(seconds)), Ok(News::Unchanged));
        state.in_vain(Want::Checkpoint);
    }
    assert_eq!(name(&state, at(STALENESS + 1)), "unavailable");
    // By a microsecond: the age is that of the later clock.
    let one = both(1, STALENESS * 1_000_000 + 1_000_000);
    assert_eq!(state.checkpoint(&feed.signed(micros(1)), one), Ok(News::Renewed));
    assert_eq!(name(&state, both(1, one.monotonic.as_micros() as u64 - 60_000_000)), "known");
    assert_eq!(name(&state, at(STALENESS + 1)), "unavailable");
    let now = at(STALENESS + 2);
    assert_eq!(state.checkpoint(&feed.signed(now.clock), now), Ok(News::Renewed));
    assert_eq!(name(&state, at(2 * STALENESS + 2)), "known");
    assert_eq!(name(&state, at(2 * STALENESS + 3)), "unavailable");
}

#[test]
fn before_the_first_checkpoint_static_keys_count_for_as_long_as_a_state_would() {
    use WhenStale::{Deny, Keep};
    let most = STALENESS * 1_000_000;
    for (static_keys, when_stale, after, expected) in [
        (true, Deny, 0, "static keys"),
        (true, Deny, most, "static keys"),
        (true, Deny, most + 1, "unavailable"),
        (true, Keep, most + 1, "static keys"),
        (false, Deny, 0, "unavailable"),
        (false, Keep, 0, "unavailable"),
        (false, Keep, most + 1, "unavailable"),
    ] {
        let state = State::new(Settings { static_keys, when_stale, ..settings() }, at(0));
        // The clock on the wall has no say.
        let now = both(-5, after);
        assert_eq!(name(&state, now), expected, "{static_keys} {when_stale:?} {after}");
        assert!(state.is_stale(now));
    }
}

#[test]
fn the_last_good_state_is_whole_until_the_next_one_is() {
    let mut feed = Feed::new(3);
    let mut state = known(settings(), &feed);
    feed.set(Privacy::Public);
    feed.revoke("new");
    assert_eq!(state.checkpoint(&feed.signed(at(1).clock), at(1)), Ok(News::Incomplete));
    let public = |state: &State| view(state, at(1)).unwrap().place(id(2), Some(id(3))).public;
    // What is revoked in the checkpoint itself is so at once.
    assert!(revoked(&state, "new") && !public(&state));
    // What is pending renews nothing.
    assert_eq!(name(&state, at(STALENESS + 1)), "unavailable");
    let index = state.wants()[0];
    answer(&mut state, &feed, index, at(1)).unwrap();
    assert!(!public(&state));
    let (news, asked) = serve(&mut state, &feed, at(1));
    assert_eq!((news, asked.len()), (News::Complete, 1), "the shard that changed");
    assert!(public(&state) && revoked(&state, "new"));
    assert_eq!(state.revocations(), 4);
    assert_eq!(name(&state, at(STALENESS + 1)), "known");
}

#[test]
fn what_came_for_one_checkpoint_need_not_come_for_the_next() {
    let mut feed = Feed::new(100);
    let mut state = State::new(settings(), at(0));
    state.checkpoint(&feed.signed(at(0).clock), at(0)).unwrap();
    let index = feed.objects().index;
    answer(&mut state, &feed, Want::Object(index), at(0)).unwrap();
    let log = feed.log();
    let part = LogPart { epoch: 1, from: 0, bytes: &log[..400], last: false };
    state.log(part, at(0)).unwrap();
    let shards = state.wants()[1..].to_vec();
    answer(&mut state, &feed, shards[0], at(0)).unwrap();
    feed.revoke("more");
    assert_eq!(state.checkpoint(&feed.signed(at(1).clock), at(1)), Ok(News::Incomplete));
    // 51 records are missing, which the checkpoint holds.
    assert_eq!(state.wants(), shards[1..]);
    assert_eq!(serve(&mut state, &feed, at(1)).0, News::Complete);
    assert_eq!(state.revocations(), 101);
}

#[test]
fn after_a_request_in_vain_the_checkpoint_is_asked_for_first() {
    let feed = Feed::new(100);
    let mut state = State::new(settings(), at(0));
    state.checkpoint(&feed.signed(at(0).clock), at(0)).unwrap();
    let wants = state.wants();
    let index = feed.objects().index;
    let failures: [&dyn Fn(&mut State); 4] = [
        &|state| state.in_vain(wants[0]),
        &|state| assert_eq!(state.object(index, b"no", at(0)), Err(Refusal::BadHash)),
        &|state| {
            let long = vec![0; crate::trust::MAX_OBJECT_BYTES + 1];
            assert_eq!(state.object(index, &long, at(0)), Err(Refusal::Oversized));
        },
        &|state| {
            let part = LogPart { epoch: 1, from: 8, bytes: &[0; 800], last: true };
            assert_eq!(state.log(part, at(0)), Err(Refusal::Truncated));
        },
    ];
    for fail in failures {
        assert_eq!(state.wants(), wants);
        fail(&mut state);
        assert_eq!(state.wants(), [Want::Checkpoint]);
        assert!(state.is_incomplete());
        // Whatever becomes of that.
        assert_eq!(state.checkpoint(b"<html>", at(0)), Err(Refusal::Malformed));
    }
    assert_eq!(serve(&mut state, &feed, at(0)).0, News::Complete);
    assert!(!state.is_incomplete());
}

#[test]
fn a_new_epochs_log_may_be_read_later_when_it_revokes_nothing_that_is_not_known() {
    let old = Feed::new(100);
    for (more, may_wait) in [(0, true), (63, true), (64, false), (65, false)] {
        let mut feed = Feed { epoch: 2, sequence: 11, ..old.clone() };
        feed.records.drain(..20);
        feed.records.extend((1000..1000 + more).map(|n| TokenHash::of(&n.to_string())));
        let mut state = known(settings(), &old);
        for _ in 0..2 {
            state.checkpoint(&feed.signed(at(1).clock), at(1)).unwrap();
            let until = feed.log().len() as u64;
            assert_eq!(state.wants(), [log_of(&state, 0, until, may_wait)], "{more}");
            // What the first one told is known by the second, and what lies between still isn't.
            feed.revoke("another");
        }
    }
}

#[test]
fn a_new_epochs_log_is_whole_before_the_old_one_is_given_up() {
    let old = Feed::new(100);
    let mut feed = Feed { epoch: 2, sequence: 11, ..old.clone() };
    feed.records.drain(..20);
    // It is longer than the old one, and still not its end.
    feed.records.extend((1000..1100).map(|n| TokenHash::of(&n.to_string())));
    let mut state = known(settings(), &old);
    state.checkpoint(&feed.signed(at(1).clock), at(1)).unwrap();
    let want = log_of(&state, 0, 1440, false);
    assert_eq!(state.wants(), [want]);
    let mut log = feed.log();
    log[0] ^= 1;
    let part = LogPart { epoch: 2, from: 0, bytes: &log, last: true };
    assert_eq!(state.log(LogPart { epoch: 1, ..part }, at(1)), Ok(News::Unneeded));
    assert_eq!(state.log(part, at(1)), Err(Refusal::BadHash));
    assert!(revoked(&state, "0") && revoked(&state, "99"));
    state.in_vain(Want::Checkpoint);
    assert_eq!(state.wants(), [want], "all of it, once more");
    assert_eq!(answer(&mut state, &feed, want, at(1)), Ok(News::Complete));
    assert!(!revoked(&state, "0") && revoked(&state, "20") && revoked(&state, "1099"));
    assert_eq!(state.revocations(), 180);
}

#[test]
fn a_log_that_does_not_go_on_from_the_known_one_is_read_anew() {
    let old = Feed::new(100);
    let [mut shorter, mut other, mut longer] = [old.clone(), old.clone(), old.clone()];
    shorter.records.truncate(90);
    other.records[5] = TokenHash::of("other");
    longer.records[5] = TokenHash::of("other");
    (0..70).for_each(|n| longer.revoke(&format!("more {n}")));
    for mut feed in [shorter, other, longer] {
        // A restored backup goes on at the microseconds of the clock.
        feed.sequence = START * 1_000_000;
        let mut state = known(settings(), &old);
        state.checkpoint(&feed.signed(at(1).clock), at(1)).unwrap();
        let mut tries = 0;
        while state.wants() != [Want::Checkpoint] {
            let want = state.wants()[0];
            if answer(&mut state, &feed, want, at(1)).is_err() {
                state.in_vain(Want::Checkpoint);
            }
            tries += 1;
            assert!(tries < 4);
        }
        assert_eq!(state.current().unwrap().sequence, feed.sequence);
        assert_eq!(state.revocations(), feed.records.len());
    }
}

#[test]
fn the_issuer_is_the_configured_one_or_that_of_the_first_checkpoint() {
    let feed = Feed::new(0);
    let other = Feed { issuer: id(9), sequence: 99, ..feed.clone() };
    let mut state = known(settings(), &feed);
    assert_eq!(state.checkpoint(&other.signed(at(1).clock), at(1)), Err(Refusal::WrongIssuer));
    let mut state = State::new(Settings { issuer: Some(id(9)), ..settings() }, at(0));
    assert_eq!(state.checkpoint(&feed.signed(at(0).clock), at(0)), Err(Refusal::WrongIssuer));
    assert_eq!(state.checkpoint(&other.signed(at(0).clock), at(0)), Ok(News::Incomplete));
    // One that is refused pins nobody.
    let mut state = State::new(settings(), at(0));
    let future = micros(61_000_000);
    assert_eq!(state.checkpoint(&other.signed(future), at(0)), Err(Refusal::FromTheFuture));
    assert_eq!(state.checkpoint(&feed.signed(at(0).clock), at(0)), Ok(News::Incomplete));
}

#[test]
fn nothing_older_counts_once_a_newer_one_was_verified() {
    let old = Feed::new(3);
    let mut new = old.clone();
    new.set(Privacy::Public);
    let mut state = known(settings(), &old);
    state.checkpoint(&new.signed(at(1).clock), at(1)).unwrap();
    // A replica that lags signs afresh what is known to be over.
    assert_eq!(state.checkpoint(&old.signed(at(9).clock), at(9)), Err(Refusal::Older));
    assert_eq!(name(&state, at(STALENESS + 1)), "unavailable");
}

#[test]
fn an_index_with_another_namespace_is_refused_whole() {
    let feed = Feed::new(0);
    let mut state = known(settings(), &feed);
    let foreign = Namespace { id: id(9), not_before: None, keys: vec![], revoked_keys: vec![] };
    let mut bad = feed.clone();
    bad.sequence += 1;
    let namespaces = [bad.contents.namespaces, vec![foreign]].concat();
    bad.contents = Contents { namespaces, ..bad.contents };
    state.checkpoint(&bad.signed(at(1).clock), at(1)).unwrap();
    let index = state.wants()[0];
    answer(&mut state, &bad, index, at(1)).unwrap();
    let shard = state.wants()[0];
    assert_eq!(answer(&mut state, &bad, shard, at(1)), Err(Refusal::Malformed));
    assert_eq!(state.current().unwrap().sequence, feed.sequence);
    assert_eq!(state.wants(), [Want::Checkpoint]);
    bad.contents = feed.contents;
    bad.sequence += 1;
    assert_eq!(state.checkpoint(&bad.signed(at(2).clock), at(2)), Ok(News::Complete));
}
