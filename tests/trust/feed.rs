//! What these tests stand on is itself tested: the feed that they hold in their hands, which is
//! written apart from the product, is one that the product's reader takes, and its faults are
//! those that the reader names.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::TrustKeys;
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{
    LogPart, News, Now, Settings, Standing, State, Want, WhenStale,
};
use testkit::feed::{Fault, Feed, Forgery, Part};
use testkit::http::{Request, Response, send};
use testkit::protected::{APPLICATION, NAMESPACE, OTHER_APPLICATION, namespace_key, now};

/// A reader of the feed, without a proxy.
struct Reader<'a> {
    feed: &'a Feed,
    scope: Scope,
    state: State,
    started: Instant,
}

impl<'a> Reader<'a> {
    fn new(feed: &'a Feed, scope: Scope) -> Self {
        let settings = Settings {
            scope,
            issuer: None,
            keys: TrustKeys::from_pem([feed.public_pem().as_str()]).unwrap(),
            max_staleness: Duration::from_secs(300),
            when_stale: WhenStale::Deny,
            static_keys: false,
        };
        let started = Instant::now();
        let now = Now { clock: UnixTime::new(Duration::ZERO), monotonic: Duration::ZERO };
        Self { feed, scope, state: State::new(settings, now), started }
    }

    fn now(&self) -> Now {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Now { clock: UnixTime::new(clock), monotonic: self.started.elapsed() }
    }

    fn ask(&self, want: Want, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get();
        request.path = format!("/trust/v1{}", want.path(self.scope));
        let request = headers.iter().fold(request, |it, (name, value)| it.header(name, value));
        send(self.feed.address, &request)
    }

    /// Takes the checkpoint and all that it names, or says what is refused.
    fn follow(&mut self) -> Result<News, Refusal> {
        let answer = self.ask(Want::Checkpoint, &[]);
        let mut news = self.state.checkpoint(&answer.body, self.now())?;
        while self.state.is_incomplete() {
            for want in self.state.wants() {
                let now = self.now();
                news = match want {
                    Want::Checkpoint => unreachable!("the last answer was taken"),
                    Want::Object(name) => {
                        let answer = self.ask(want, &[]);
                        self.state.object(name, &answer.body, now)?
                    }
                    Want::Log { epoch, from, until, .. } => {
                        let range = format!("bytes={from}-{}", until - 1);
                        let answer = self.ask(want, &[("range", &range)]);
                        assert_eq!(answer.status, 206);
                        let part = LogPart { epoch, from, bytes: &answer.body, last: true };
                        self.state.log(part, now)?
                    }
                };
            }
        }
        Ok(news)
    }

    fn refuses(&self, token_id: &str, issued_at: u64) -> bool {
        let Standing::Known(view) = self.state.standing(self.now()) else { panic!("no state") };
        let place = view.place(id(NAMESPACE), Some(id(APPLICATION)));
        let issued_at = Some(UnixTime::from_secs(issued_at));
        view.lists(TokenHash::of(token_id)) || place.revokes(issued_at)
    }

    fn is_public(&self, application: &str) -> bool {
        let Standing::Known(view) = self.state.standing(self.now()) else { panic!("no state") };
        view.place(id(NAMESPACE), Some(id(application))).public
    }
}

fn id(text: &str) -> Id {
    Id::of(text).unwrap()
}

/// Says something of everything, so much that an index alone doesn't have it.
fn full() -> Feed {
    let feed = Feed::start(NAMESPACE);
    feed.change(|contents| {
        contents.set_keys(NAMESPACE, [namespace_key().spki_pem().as_str()]);
        contents.set_privacy(NAMESPACE, APPLICATION, "private");
        for n in 0..1000_u64 {
            let id = format!("{:08x}-0000-4000-8000-{n:012}", n.wrapping_mul(4_294_967));
            contents.set_privacy(NAMESPACE, &id, "private");
            contents.revoke(&n.to_string());
        }
    });
    feed
}

#[test]
fn what_the_feed_says_is_understood_and_its_changes_are_too() {
    let feed = full();
    let mut reader = Reader::new(&feed, Scope::Namespace(id(NAMESPACE)));
    assert_eq!(reader.follow(), Ok(News::Complete));
    assert_eq!(reader.state.revocations(), 1000);
    assert!(reader.refuses("999", now()) && !reader.refuses("1000", now()));
    assert!(!reader.is_public(APPLICATION) && !reader.is_public(OTHER_APPLICATION));
    feed.revoke("1000");
    feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "public"));
    feed.change(|contents| contents.mark_application(APPLICATION, 5000));
    assert_eq!(reader.follow(), Ok(News::Complete));
    assert!(reader.refuses("1000", now()) && reader.is_public(APPLICATION));
    assert!(reader.refuses("1001", 4999) && !reader.refuses("1001", 5000));
    // A new epoch, whose log leaves most of them out.
    feed.change(|contents| {
        contents.compact(["7", "8"]);
        contents.mark_namespace(NAMESPACE, 6000);
        contents.revoke_key(NAMESPACE, &namespace_key().spki_pem());
    });
    assert_eq!(reader.follow(), Ok(News::Complete));
    assert!(reader.refuses("7", now()) && !reader.refuses("1000", now()));
    assert!(reader.refuses("1001", 5999));
    let Standing::Known(view) = reader.state.standing(reader.now()) else { panic!("no state") };
    assert!(view.keys(id(NAMESPACE), &Default::default()).is_empty());
}

#[test]
fn all_namespaces_are_one_scope_for_those_with_a_key() {
    let feed = Feed::start("all");
    feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "public"));
    let mut reader = Reader::new(&feed, Scope::All);
    assert_eq!(reader.follow(), Ok(News::Complete));
    assert!(reader.is_public(APPLICATION));
    feed.require("a-key");
    assert_eq!(reader.ask(Want::Checkpoint, &[]).status, 401);
    assert_eq!(reader.ask(Want::Checkpoint, &[("x-auth-token", "a-key")]).status, 200);
    assert_eq!(feed.seen().last().unwrap().access_key.as_deref(), Some("a-key"));
}

#[test]
fn a_request_is_held_until_there_is_news_and_304_is_said_for_a_second() {
    let feed = full();
    let mut reader = Reader::new(&feed, Scope::Namespace(id(NAMESPACE)));
    reader.follow().unwrap();
    let etag = reader.state.etag().unwrap().to_owned();
    let answer = reader.ask(Want::Checkpoint, &[("if-none-match", &etag)]);
    assert_eq!((answer.status, answer.header("etag").as_deref()), (304, Some(etag.as_str())));
    feed.most_open();
    let begin = Instant::now();
    let held = [("if-none-match", etag.as_str()), ("prefer", "wait=1")];
    let answer = reader.ask(Want::Checkpoint, &held);
    assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
    assert_eq!(answer.header("preference-applied").as_deref(), Some("wait=1"));
    assert_ne!(answer.header("etag"), Some(etag.clone()), "it is signed anew");
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let waits = || reader.ask(Want::Checkpoint, &[held[0], ("prefer", "wait=20")]).status;
        let waiting = scope.spawn(waits);
        testkit::envoy::wait_for("a held request", || (feed.open() == 1).then_some(()));
        feed.revoke("news");
        assert_eq!(waiting.join().unwrap(), 200);
    });
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!((feed.most_open(), feed.open()), (1, 0));
}

#[test]
fn each_fault_is_the_one_that_it_is_called() {
    use Part::{Checkpoint, Log, Object};
    let feed = full();
    for (fault, expected) in [
        (Fault::Garbage, Refusal::Malformed),
        (Fault::Truncated(Checkpoint), Refusal::Truncated),
        (Fault::Truncated(Object), Refusal::BadHash),
        (Fault::Truncated(Log), Refusal::Truncated),
        (Fault::Altered(Object), Refusal::BadHash),
        (Fault::Altered(Log), Refusal::BadHash),
        (Fault::Oversized(Checkpoint), Refusal::Oversized),
        (Fault::Oversized(Object), Refusal::Oversized),
        (Fault::Clock(600), Refusal::FromTheFuture),
        (Fault::Forged(Forgery::Key), Refusal::BadSignature),
        (Fault::Forged(Forgery::Scope), Refusal::WrongScope),
        (Fault::Forged(Forgery::Issuer), Refusal::WrongIssuer),
        (Fault::Forged(Forgery::Older), Refusal::Older),
        (Fault::Forged(Forgery::Conflict), Refusal::Conflict),
        (Fault::Forged(Forgery::Version), Refusal::UnknownVersion),
    ] {
        let mut reader = Reader::new(&feed, Scope::Namespace(id(NAMESPACE)));
        reader.follow().unwrap();
        // So that an object and the log are asked for.
        feed.change(|contents| {
            contents.set_privacy(NAMESPACE, APPLICATION, "public");
            (0..100).for_each(|n| contents.revoke(&format!("{n} more")));
        });
        if matches!(fault, Fault::Forged(Forgery::Older | Forgery::Conflict)) {
            reader.follow().unwrap();
        }
        feed.misbehave(fault.clone());
        assert_eq!(reader.follow(), Err(expected), "{fault:?}");
        feed.behave();
        feed.change(|contents| contents.set_privacy(NAMESPACE, APPLICATION, "private"));
        assert_eq!(reader.follow(), Ok(News::Complete), "after {fault:?}");
    }
    for (fault, status) in
        [(Fault::Status(500), 500), (Fault::NotModified, 304), (Fault::Missing(Checkpoint), 404)]
    {
        feed.misbehave(fault);
        let reader = Reader::new(&feed, Scope::Namespace(id(NAMESPACE)));
        assert_eq!(reader.ask(Want::Checkpoint, &[]).status, status);
    }
    feed.misbehave(Fault::Frozen);
    let mut reader = Reader::new(&feed, Scope::Namespace(id(NAMESPACE)));
    reader.follow().unwrap();
    feed.revoke("not to be heard of");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(reader.follow(), Ok(News::Unchanged));
    feed.misbehave(Fault::Refuse);
    assert!(std::net::TcpStream::connect(feed.address).is_err());
    feed.behave();
    assert_eq!(reader.follow(), Ok(News::Complete));
    feed.misbehave(Fault::LogByHash);
    let hash = Digest::read(&feed.contents().log_hash()).unwrap();
    let log = Want::Log { epoch: 1, hash, from: 0, until: 8, change_over: false };
    assert_eq!(reader.ask(log, &[]).status, 404);
    let mut by_hash = Request::get();
    by_hash.path = format!("/trust/v1{}", log.path_of_file(reader.scope));
    assert_eq!(send(feed.address, &by_hash).body, feed.contents().log());
}
