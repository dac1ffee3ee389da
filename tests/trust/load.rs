//! A steady load of good requests, and the fate of a token that is revoked meanwhile, as each
//! connection sees it. Envoy gives the connections to its workers by turns, so what every
//! connection sees, every worker does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testkit::envoy::{Envoy, wait_for};
use testkit::http::Http1;

use crate::gateway::{WORKERS, decision};

/// How long a change may take to arrive before a test fails for want of it, and how long a
/// gateway may take to know anything at all: a machine that is busy isn't a defect.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The load, until it is dropped or ended.
pub struct Load {
    shared: Arc<Shared>,
    connections: Vec<JoinHandle<Report>>,
}

struct Shared {
    tokens: RwLock<Vec<Vec<u8>>>,
    watched: RwLock<Option<Arc<Watch>>>,
    stopped: AtomicBool,
    pace: Duration,
}

/// What became of good requests.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub admitted: usize,
    /// When, and with which status and reason.
    pub refused: Vec<(Instant, u16, String)>,
    pub slowest: Duration,
}

/// A token that is going to be refused, and how each connection fares with it.
pub struct Watch {
    request: Vec<u8>,
    fates: Mutex<Vec<Fate>>,
}

#[derive(Clone, Debug, Default)]
struct Fate {
    /// When a request that was admitted was sent, the last time.
    admitted: Option<Instant>,
    /// When the first refusal came, and its reason.
    refused: Option<(Instant, String)>,
    admitted_again: bool,
}

impl Load {
    /// Waits until each connection is served, and goes on with one request per connection and
    /// `pace`.
    pub fn start(envoy: &Envoy, listener: &str, tokens: &[String], pace: Duration) -> Self {
        let count = WORKERS * 2;
        let shared = Arc::new(Shared {
            tokens: RwLock::new(tokens.iter().map(|token| request(token)).collect()),
            watched: RwLock::new(None),
            stopped: AtomicBool::new(false),
            pace,
        });
        let address = envoy.address(listener);
        let mut connections: Vec<_> = (0..count).map(|_| Http1::open(address)).collect();
        let first = request(&tokens[0]);
        for connection in &mut connections {
            wait_for("a gateway that knows its issuer", || {
                (connection.exchange(&first, false).status == 200).then_some(())
            });
        }
        let numbered = connections.into_iter().enumerate();
        let connections = numbered.map(|(number, connection)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.send(connection, number, count))
        });
        let connections = connections.collect();
        let load = Self { shared, connections };
        assert_every_worker_serves(envoy, listener);
        load
    }

    /// Another good token.
    pub fn add(&self, token: &str) {
        self.shared.tokens.write().unwrap().push(request(token));
    }

    /// Good tokens in the place of those so far.
    pub fn replace(&self, tokens: &[String]) {
        *self.shared.tokens.write().unwrap() = tokens.iter().map(|it| request(it)).collect();
        // Those under way are over.
        std::thread::sleep(Duration::from_millis(200));
    }

    /// Sends this token too, on every connection, and waits until it is admitted on each.
    pub fn watch(&self, token: &str) -> Arc<Watch> {
        let fates = Mutex::new(vec![Fate::default(); self.connections.len()]);
        let watch = Arc::new(Watch { request: request(token), fates });
        *self.shared.watched.write().unwrap() = Some(Arc::clone(&watch));
        wait_for("the token to be admitted", || {
            let fates = watch.fates.lock().unwrap();
            fates.iter().all(|fate| fate.admitted.is_some()).then_some(())
        });
        watch
    }

    /// Ends it, and gives what became of its requests.
    pub fn end(mut self) -> Report {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let ended = self.connections.drain(..).map(|it| it.join().expect("a connection"));
        ended.fold(Report::default(), |mut all, one| {
            all.admitted += one.admitted;
            all.refused.extend(one.refused);
            all.slowest = all.slowest.max(one.slowest);
            all
        })
    }

    /// Ends it; not one good request may have been refused.
    #[track_caller]
    pub fn end_with_none_refused(self) -> Report {
        let report = self.end();
        let first = report.refused.first();
        assert!(first.is_none(), "{} good requests: {first:?}", report.refused.len());
        assert!(report.admitted > 0, "there was no load");
        report
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn send(&self, mut connection: Http1, number: usize, count: usize) -> Report {
        let mut report = Report::default();
        for round in 0.. {
            if self.stopped.load(Ordering::SeqCst) {
                break;
            }
            let begin = Instant::now();
            let good = {
                let tokens = self.tokens.read().unwrap();
                // Each connection, and so each worker, comes to all of them.
                let first = number * tokens.len() / count;
                tokens[(first + round) % tokens.len()].clone()
            };
            let answer = connection.exchange(&good, false);
            report.slowest = report.slowest.max(begin.elapsed());
            match answer.status {
                200 => report.admitted += 1,
                status => report.refused.push((begin, status, decision(&answer))),
            }
            let watched = self.watched.read().unwrap().clone();
            if let Some(watch) = watched {
                watch.send(&mut connection, number);
            }
            std::thread::sleep(self.pace.saturating_sub(begin.elapsed()));
        }
        report
    }
}

impl Watch {
    fn send(&self, connection: &mut Http1, number: usize) {
        let sent = Instant::now();
        let answer = connection.exchange(&self.request, false);
        let fate = &mut self.fates.lock().unwrap()[number];
        if answer.status == 200 {
            fate.admitted_again |= fate.refused.is_some();
            fate.admitted = Some(sent);
        } else if fate.refused.is_none() {
            fate.refused = Some((Instant::now(), decision(&answer)));
        }
    }

    /// Waits until every connection refuses the token, for this reason. How long after `since`
    /// each did.
    #[track_caller]
    pub fn until_refused(&self, since: Instant, reason: &str) -> Vec<Duration> {
        let refused = |fate: &Fate| {
            let (at, code) = fate.refused.as_ref()?;
            assert_eq!(code, reason, "the reason for which the token is refused");
            Some(at.saturating_duration_since(since))
        };
        let begin = Instant::now();
        loop {
            let all: Option<_> = self.fates.lock().unwrap().iter().map(refused).collect();
            if let Some(all) = all {
                return all;
            }
            let fates = self.fates.lock().unwrap().clone();
            assert!(begin.elapsed() < PATIENCE, "not refused on every worker: {fates:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.fates.lock().unwrap().len()
    }

    /// Why those refuse it that do.
    pub fn reasons(&self) -> Vec<String> {
        let fates = self.fates.lock().unwrap();
        let refused = fates.iter().filter_map(|fate| fate.refused.as_ref());
        refused.map(|(_, reason)| reason.clone()).collect()
    }

    /// That the token stayed refused where it was.
    #[track_caller]
    pub fn assert_never_admitted_again(&self) {
        let fates = self.fates.lock().unwrap();
        let again = fates.iter().any(|fate| fate.admitted_again);
        assert!(!again, "admitted after it was refused: {fates:?}");
    }
}

/// A request with a token, as it is sent.
fn request(token: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: function.test\r\nx-auth-token: {token}\r\n\r\n").into_bytes()
}

/// That each worker has some of the connections to a listener.
fn assert_every_worker_serves(envoy: &Envoy, listener: &str) {
    for worker in 0..WORKERS {
        let name = format!("listener.{listener}.worker_{worker}.downstream_cx_active");
        assert!(envoy.counter(&name) > 0, "worker {worker} has no connection");
    }
}

/// The times in order, and where the half of them ends, 99 of 100, and the last one.
pub struct Times(Vec<Duration>);

impl Times {
    pub fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort();
        Self(times)
    }

    fn at(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100).saturating_sub(1)]
    }

    pub fn p99(&self) -> Duration {
        self.at(99)
    }

    pub fn most(&self) -> Duration {
        self.at(100)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, most] = [50, 99, 100].map(|percent| self.at(percent).as_millis());
        write!(f, "p50 {p50} ms, p99 {p99} ms, at most {most} ms")
    }
}

/// Says it past the test harness, which keeps the output of tests that pass to itself.
pub fn tell(what: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(format!("{what}\n").as_bytes());
}

/// What these tests stand on is itself tested, with a token that ends by itself.
#[test]
fn the_load_sees_when_every_worker_refuses_a_token_and_that_no_other_was() {
    use serde_json::json;
    use testkit::envoy::{Filter, Plan};
    use testkit::protected::{claims_with, configuration, namespace_key, now};
    use testkit::upstream::Upstream;

    let upstream = Upstream::start();
    let plan = Plan::new(&upstream).workers(WORKERS).quiet();
    let envoy = crate::gateway::listener(plan, "main", Filter::new(&configuration())).start();
    let load = Load::start(&envoy, "main", &crate::gateway::tokens(20), Duration::from_millis(10));
    let ends = now() + 3;
    let token = namespace_key().token(&claims_with(json!({"exp": ends})));
    let watch = load.watch(&token);
    let refused = watch.until_refused(Instant::now(), "expired");
    assert_eq!(refused.len(), WORKERS * 2);
    watch.assert_never_admitted_again();
    load.add(&token);
    std::thread::sleep(Duration::from_millis(500));
    let report = load.end();
    assert!(report.admitted > 100, "{report:?}");
    let (_, status, reason) = report.refused.first().expect("the token that has ended");
    assert_eq!((*status, reason.as_str()), (403, "expired"));
    assert!(now() >= ends, "refused too early");
}
