//! The trust feed, read by a gateway's own state as a gateway would.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{TrustKeys, sequence_of_etag};
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::{Id, Scope};
use namespace_jwt_core::trust::state::{
    LogPart, News, Now, Settings, Standing, State, Want, WhenStale,
};
use serde_json::{Value, json};
use testkit::api::{good, id};
use testkit::envoy::wait_for;
use testkit::http::Response;
use testkit::service::Service;

use crate::{Scene, UNKNOWN, make_function, make_token};

/// An answer, byte by byte.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Asks for something under `/trust/v1`.
pub fn ask(service: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask_at(service.address, path, headers)
}

fn ask_at(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut head =
        format!("GET /trust/v1{path} HTTP/1.1\r\nhost: issuer.test\r\nconnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    Answer {
        status: head[9..12].parse().unwrap(),
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

/// A gateway that follows a scope.
struct Gateway {
    scope: Scope,
    state: State,
    key: Option<String>,
    started: Instant,
}

impl Gateway {
    fn new(service: &Service, scope: Scope, key: Option<String>) -> Self {
        let pem = service.run(&["trust", "key"]);
        let settings = Settings {
            scope,
            issuer: None,
            keys: TrustKeys::from_pem([pem.as_str()]).unwrap(),
            max_staleness: Duration::from_secs(300),
            when_stale: WhenStale::Deny,
            static_keys: false,
        };
        let started = Instant::now();
        Self { scope, state: State::new(settings, now(started)), key, started }
    }

    /// Fetches all that is missing, beginning with the checkpoint; the news of that.
    fn follow(&mut self, service: &Service, headers: &[(&str, &str)]) -> News {
        let key = self.key.clone();
        let with_key = key.as_deref().map(|key| ("x-auth-token", key));
        let asking: Vec<_> = headers.iter().copied().chain(with_key).collect();
        let answer = ask(service, &self.scope.path(), &asking);
        assert_eq!(answer.status, 200);
        let first = self.state.checkpoint(&answer.body, now(self.started)).unwrap();
        while self.state.is_incomplete() {
            for want in self.state.wants() {
                let asking: Vec<_> = with_key.into_iter().collect();
                match want {
                    Want::Checkpoint => {}
                    Want::Object(name) => {
                        let answer = ask(service, &want.path(self.scope), &asking);
                        assert_eq!(answer.status, 200, "{want:?}");
                        self.state.object(name, &answer.body, now(self.started)).unwrap();
                    }
                    Want::Log { epoch, from, until, .. } => {
                        let range = format!("bytes={from}-{}", until - 1);
                        let asking = [&asking[..], &[("range", range.as_str())]].concat();
                        let answer = ask(service, &want.path(self.scope), &asking);
                        assert_eq!(answer.status, 206, "{want:?}");
                        let part = LogPart { epoch, from, bytes: &answer.body, last: true };
                        self.state.log(part, now(self.started)).unwrap();
                    }
                }
            }
        }
        first
    }

    fn etag(&self) -> String {
        self.state.etag().expect("a checkpoint").to_owned()
    }

    fn is_revoked(&self, token: &Value, function: &str) -> bool {
        let Standing::Known(view) = self.state.standing(now(self.started)) else {
            panic!("nothing is known")
        };
        let place = view.place(self.namespace(), Some(core_id(function)));
        let issued_at = Some(now(self.started).clock);
        view.lists(TokenHash::of(id(token))) || place.revokes(issued_at)
    }

    fn is_public(&self, function: &str) -> bool {
        let Standing::Known(view) = self.state.standing(now(self.started)) else {
            panic!("nothing is known")
        };
        view.place(self.namespace(), Some(core_id(function))).public
    }

    fn namespace(&self) -> Id {
        match self.scope {
            Scope::Namespace(id) => id,
            Scope::All => panic!("a scope of one namespace"),
        }
    }
}

fn core_id(text: &str) -> Id {
    Id::of(text).unwrap()
}

fn now(started: Instant) -> Now {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Now { clock: UnixTime::new(clock), monotonic: started.elapsed() }
}

#[test]
fn a_gateway_hears_of_privacy_and_deletions_while_it_waits_and_of_no_others() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "followed");
    let other = Scene::make(&client, "another-tenant");
    let [token, stays] = [(); 2].map(|()| make_token(&client, &scene.function));
    let scope = Scope::Namespace(core_id(&scene.namespace));
    let mut gateway = Gateway::new(&service, scope, None);
    assert_eq!(gateway.follow(&service, &[]), News::Incomplete);
    assert!(!gateway.is_revoked(&token, &scene.function));
    assert!(!gateway.is_public(&scene.function));

    // Held until there is news, which is soon.
    let delete = || client.delete(&client.functions(&format!("/tokens/{}", id(&token))));
    let publish = || {
        let own = client.functions(&format!("/functions/{}", scene.function));
        client.patch(&own, &json!({"privacy": "public"}))
    };
    // What is deleted is in the checkpoint itself.
    let changes: [(&str, News, &(dyn Fn() -> Response + Sync)); 2] =
        [("a deletion", News::Complete, &delete), ("a privacy", News::Incomplete, &publish)];
    for (what, expected, change) in changes {
        let etag = gateway.etag();
        std::thread::scope(|scope| {
            let changed = scope.spawn(|| {
                wait_for_waiting(&service, 1);
                // Nobody else's change ends the wait.
                make_function(&client, &other.namespace, &what.replace(' ', "-"));
                std::thread::sleep(Duration::from_millis(400));
                wait_for_waiting(&service, 1);
                good(change());
                Instant::now()
            });
            let news = gateway.follow(&service, &[("prefer", "wait=20"), ("if-none-match", &etag)]);
            let heard = Instant::now();
            assert_eq!(news, expected, "{what}");
            let late = heard.saturating_duration_since(changed.join().unwrap());
            assert!(late < Duration::from_secs(1), "{what}: {late:?} after its answer");
        });
    }
    assert!(gateway.is_revoked(&token, &scene.function));
    assert!(!gateway.is_revoked(&stays, &scene.function));
    assert!(gateway.is_public(&scene.function));
}

#[test]
fn a_checkpoint_is_signed_anew_and_held_as_it_is_asked_for() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "asked");
    let path = format!("/namespaces/{}", scene.namespace);
    let first = ask(&service, &path, &[]);
    assert_eq!((first.status, first.headers["cache-control"].as_str()), (200, "max-age=1"));
    assert_eq!(first.headers["content-type"], "application/json");
    assert!(first.body.len() < 4096, "{} bytes", first.body.len());
    let etag = first.headers["etag"].clone();
    // Within the second nothing is signed again; after it, it is another.
    let fresh = wait_for("a fresh one", || {
        let again = ask(&service, &path, &[]).headers["etag"].clone();
        let same = ask(&service, &path, &[("if-none-match", &again)]);
        (same.status == 304).then_some(again)
    });
    std::thread::sleep(Duration::from_millis(1_050));
    let later = ask(&service, &path, &[("if-none-match", &fresh)]);
    assert_eq!(later.status, 200);
    assert_ne!(later.headers["etag"], etag);

    // A wait without news ends with the same state, freshly signed; a replica that is behind holds.
    let sequence = later.headers["etag"].trim_matches('"').split('-').next().unwrap().to_owned();
    let ahead = format!("\"{}-0123456789abcdef\"", sequence.parse::<u64>().unwrap() + 7);
    for asked in [&later.headers["etag"], &ahead] {
        let begin = Instant::now();
        let headers = [("prefer", "wait=2"), ("if-none-match", asked.as_str())];
        let held = ask(&service, &path, &headers);
        assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
        assert_eq!((held.status, held.headers["preference-applied"].as_str()), (200, "wait=2"));
        assert!(held.headers["etag"].starts_with(&format!("\"{sequence}-")));
    }

    for unknown in [UNKNOWN, "x", ""] {
        assert_eq!(ask(&service, &format!("/namespaces/{unknown}"), &[]).status, 404);
    }
    assert_eq!(ask(&service, &format!("{path}/log/9"), &[]).status, 404);
    let object = format!("/objects/{}", "0".repeat(64));
    assert_eq!(ask(&service, &object, &[]).status, 404);

    // Who is held is answered when the service ends.
    let etag = ask(&service, &path, &[]).headers["etag"].clone();
    std::thread::scope(|scope| {
        let (address, path) = (service.address, path.as_str());
        let held = scope.spawn(move || {
            let headers = [("prefer", "wait=20"), ("if-none-match", etag.as_str())];
            ask_at(address, path, &headers).status
        });
        wait_for_waiting(&service, 1);
        let begin = Instant::now();
        service.stop();
        assert_eq!(held.join().unwrap(), 200);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    });
}

#[test]
fn all_namespaces_are_for_those_with_a_key() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "one-of-all");
    let token = make_token(&client, &scene.function);
    for path in ["/all", "/all/log/1"] {
        assert_eq!(ask(&service, path, &[]).status, 401);
        assert_eq!(ask(&service, path, &[("x-auth-token", UNKNOWN)]).status, 401);
    }
    let key = service.variables()["SCW_SECRET_KEY"].clone();
    let mut gateway = Gateway::new(&service, Scope::All, Some(key));
    gateway.follow(&service, &[]);
    good(client.delete(&client.functions(&format!("/tokens/{}", id(&token)))));
    wait_for("the deletion in the feed", || {
        gateway.follow(&service, &[]);
        (gateway.state.revocations() == 1).then_some(())
    });
}

#[test]
fn the_lowest_number_of_those_that_wait_is_none_that_a_stranger_made_up() {
    let mut service = Service::started();
    let client = service.client();
    let [one, two] = ["one", "two"].map(|name| Scene::make(&client, name));
    make_function(&client, &two.namespace, "second");
    let paths = [&one, &two].map(|scene| format!("/namespaces/{}", scene.namespace));
    let tags = paths.clone().map(|path| ask(&service, &path, &[]).headers["etag"].clone());
    let numbers = tags.clone().map(|tag| sequence_of_etag(&tag).unwrap());
    assert!(numbers[0] < numbers[1], "{numbers:?}");
    assert_eq!(figure(&service, "lowest_waiting_sequence"), 0);
    let made_up = format!("\"{}-0123456789abcdef\"", u64::MAX);
    let address = service.address;
    let wait = |path: &str, etag: &str| {
        let headers = [("prefer", "wait=25"), ("if-none-match", etag)];
        assert_eq!(ask_at(address, path, &headers).status, 200);
    };
    std::thread::scope(|scope| {
        let stranger = scope.spawn(|| wait(&paths[0], &made_up));
        wait_for_waiting(&service, 1);
        assert_eq!(figure(&service, "lowest_waiting_sequence"), 0);
        let later = scope.spawn(|| wait(&paths[1], &tags[1]));
        wait_for_waiting(&service, 2);
        assert_eq!(figure(&service, "lowest_waiting_sequence"), numbers[1]);
        let lowest = scope.spawn(|| wait(&paths[0], &tags[0]));
        wait_for_waiting(&service, 3);
        assert_eq!(figure(&service, "lowest_waiting_sequence"), numbers[0]);
        // A number of the past is news at once.
        wait(&paths[0], "\"0-0123456789abcdef\"");
        wait_for_waiting(&service, 3);
        // Whoever waited for the change doesn't any more; who made up a number would.
        make_function(&client, &one.namespace, "second");
        lowest.join().unwrap();
        wait_for("the number to go", || {
            (figure(&service, "lowest_waiting_sequence") == numbers[1]).then_some(())
        });
        make_function(&client, &two.namespace, "third");
        later.join().unwrap();
        wait_for("no number", || (figure(&service, "lowest_waiting_sequence") == 0).then_some(()));
        assert_eq!(figure(&service, "waiting_gateways"), 1);
        service.stop();
        stranger.join().unwrap();
    });
}

#[test]
fn who_would_be_held_beyond_four_of_five_connections_is_answered_at_once() {
    let mut service = Service::new();
    // The service keeps 100 files for itself: ten connections, of which eight may be held.
    let address = service.address.to_string();
    let serve = service.command(&["serve", "--listen", &address]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 110; exec \"$@\"", "sh"]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(&service.folder);
    service.try_run(&mut command).unwrap_or_else(|log| panic!("{log}"));
    let path = format!("/namespaces/{}", Scene::make(&service.client(), "one").namespace);
    let address = service.address;
    let wait =
        |etag: &str| ask_at(address, &path, &[("prefer", "wait=25"), ("if-none-match", etag)]);
    let made_up = format!("\"{}-0123456789abcdef\"", u64::MAX);
    std::thread::scope(|scope| {
        let strangers: Vec<_> = (0..8).map(|_| scope.spawn(|| wait(&made_up))).collect();
        wait_for_waiting(&service, 8);
        assert_eq!(figure(&service, "waits_not_granted_total"), 0);
        let checkpoint = wait(&made_up);
        assert_eq!(checkpoint.status, 200);
        assert!(!checkpoint.headers.contains_key("preference-applied"));
        // Unless the second is over just now, in which it is signed anew.
        let unchanged = wait_for("a 304", || {
            let answer = wait(&wait(&made_up).headers["etag"]);
            (answer.status == 304).then_some(answer)
        });
        assert!(!unchanged.headers.contains_key("preference-applied"));
        assert!(figure(&service, "waits_not_granted_total") >= 3);
        assert_eq!(figure(&service, "waiting_gateways"), 8);
        service.stop();
        for stranger in strangers {
            assert_eq!(stranger.join().unwrap().status, 200);
        }
    });
}

/// One of the service's figures.
fn figure(service: &Service, name: &str) -> u64 {
    let shown = String::from_utf8(service.client().get("/metrics").body).unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(&format!("issuer_{name} ")));
    line.unwrap_or_else(|| panic!("{name} in {shown}")).parse().unwrap()
}

/// Waits until that many gateways are held.
fn wait_for_waiting(service: &Service, count: u64) {
    wait_for("gateways that wait", || (figure(service, "waiting_gateways") == count).then_some(()));
}

/// Thousands of gateways ask several times a minute: a line for each would drown the others.
#[test]
fn a_gateway_that_was_answered_is_no_line_of_the_log_and_one_that_was_not_is() {
    let service = Service::started();
    let client = service.client();
    let Scene { namespace, .. } = Scene::make(&client, "shop");
    let ask = |id: &str| client.get(&format!("/trust/v1/namespaces/{id}")).status;
    assert_eq!((ask(&namespace), ask(crate::UNKNOWN)), (200, 404));
    let lines = wait_for("the line of the other", || {
        let log = service.log();
        let lines = log.lines().filter(|line| line.contains("/trust/v1/"));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        (!lines.is_empty()).then_some(lines)
    });
    assert!(lines.len() == 1 && lines[0].contains("404"), "{lines:?}");
}
