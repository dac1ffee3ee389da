//! The trust feed as files, which a gateway reads from any server of static files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, TrustKeys};
use namespace_jwt_core::trust::log::TokenHash;
use namespace_jwt_core::trust::name::{Id, Scope};
use namespace_jwt_core::trust::state::{
    LogPart, News, Now, Settings, Standing, State, Want, WhenStale,
};
use serde_json::{Value, json};
use testkit::api::{Client, good, id};
use testkit::envoy::wait_for;
use testkit::processes;
use testkit::service::Service;

use crate::feed::ask;
use crate::{Scene, make_token};

/// The folder of a copy.
struct Published {
    root: PathBuf,
    keys: TrustKeys,
}

impl Published {
    fn of(service: &Service) -> Self {
        let pem = service.run(&["trust", "key"]);
        let keys = TrustKeys::from_pem([pem.as_str()]).unwrap();
        Self { root: service.folder.join("copy"), keys }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn read(&self, path: &str) -> Vec<u8> {
        let file = self.file(path);
        fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    fn checkpoint(&self, scope: Scope) -> Checkpoint {
        self.verified(&self.read(&scope.path()))
    }

    fn verified(&self, bytes: &[u8]) -> Checkpoint {
        checkpoint::verify(bytes, &self.keys).unwrap().checkpoint().clone()
    }

    /// What the service itself tells a scope's gateways.
    fn served(&self, service: &Service, scope: Scope) -> Checkpoint {
        let key = service.variables()["SCW_SECRET_KEY"].clone();
        let answer = ask(service, &scope.path(), &[("x-auth-token", &key)]);
        assert_eq!(answer.status, 200);
        self.verified(&answer.body)
    }
}

/// A gateway that reads files.
struct Reader {
    scope: Scope,
    state: State,
    started: Instant,
    logs_read: usize,
}

impl Reader {
    fn new(published: &Published, scope: Scope) -> Self {
        let settings = Settings {
            scope,
            issuer: None,
            keys: published.keys.clone(),
            max_staleness: Duration::from_secs(300),
            when_stale: WhenStale::Deny,
            static_keys: false,
        };
        let started = Instant::now();
        Self { scope, state: State::new(settings, now(started)), started, logs_read: 0 }
    }

    fn follow(&mut self, published: &Published) -> News {
        let bytes = published.read(&self.scope.path());
        let first = self.state.checkpoint(&bytes, now(self.started)).unwrap();
        while self.state.is_incomplete() {
            for want in self.state.wants() {
                match want {
                    Want::Checkpoint => panic!("it came just now"),
                    Want::Object(name) => {
                        let bytes = published.read(&want.path(self.scope));
                        self.state.object(name, &bytes, now(self.started)).unwrap();
                    }
                    Want::Log { epoch, .. } => {
                        assert!(!published.file(&want.path(self.scope)).exists());
                        let bytes = published.read(&want.path_of_file(self.scope));
                        let part = LogPart { epoch, from: 0, bytes: &bytes, last: true };
                        self.state.log(part, now(self.started)).unwrap();
                        self.logs_read += 1;
                    }
                }
            }
        }
        first
    }

    fn is_revoked(&self, token: &Value, namespace: &str) -> bool {
        let Standing::Known(view) = self.state.standing(now(self.started)) else {
            panic!("nothing is known")
        };
        let place = view.place(Id::of(namespace).unwrap(), None);
        let issued_at = Some(now(self.started).clock);
        view.lists(TokenHash::of(id(token))) || place.revokes(issued_at)
    }
}

fn now(started: Instant) -> Now {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now { clock: UnixTime::new(clock), monotonic: started.elapsed() }
}

fn scope(namespace: &str) -> Scope {
    Scope::Namespace(Id::of(namespace).unwrap())
}

/// A namespace whose keys take no time, and a token for it.
fn quick_namespace(service: &Service, name: &str) -> String {
    let made = service.run(&["namespace", "create", name, "--algorithm", "ES256"]);
    made.lines().next().unwrap().to_owned()
}

fn namespace_token(client: &Client, namespace: &str) -> Value {
    good(client.post(&client.functions("/tokens"), &json!({"namespace_id": namespace})))
}

fn delete(client: &Client, token: &Value) {
    good(client.delete(&client.functions(&format!("/tokens/{}", id(token)))));
}

/// Publishes once; what it says.
fn publish(service: &Service, options: &[&str]) -> String {
    let arguments = [&["trust", "publish", "copy"], options].concat();
    let output = service.command(&arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{said}");
    said
}

/// A process that goes on publishing.
fn keep_publishing(service: &Service, every: &str) -> processes::Service {
    let arguments = ["trust", "publish", "copy", "--all", "--every", every];
    // The harness runs processes elsewhere.
    let folder = service.folder.join("copy");
    let mut command = service.command(&arguments.map(|argument| match argument {
        "copy" => folder.to_str().unwrap(),
        other => other,
    }));
    let process = processes::Service::start("publish", &service.folder, &mut command);
    wait_for("a first round", || process.log().contains("published").then_some(()));
    process
}

#[test]
fn a_gateway_follows_files_alone_and_reads_the_log_by_its_hash() {
    let service = Service::started();
    let client = service.client();
    let namespace = quick_namespace(&service, "one");
    let tokens: Vec<_> = (0..70).map(|_| namespace_token(&client, &namespace)).collect();
    let published = Published::of(&service);
    let said = publish(&service, &[]);
    assert!(said.contains("1 checkpoint published"), "{said}");
    assert!(said.contains("--every") && said.contains("stale from 2"), "{said}");
    assert!(!published.file("all").exists(), "every tenant's ids, unasked");

    let mut reader = Reader::new(&published, scope(&namespace));
    assert_eq!(reader.follow(&published), News::Incomplete);
    delete(&client, &tokens[0]);
    publish(&service, &[]);
    // A few stand in the checkpoint itself.
    assert_eq!((reader.follow(&published), reader.logs_read), (News::Complete, 0));
    assert!(reader.is_revoked(&tokens[0], &namespace));
    assert!(!reader.is_revoked(&tokens[1], &namespace));
    tokens[1..].iter().for_each(|token| delete(&client, token));
    publish(&service, &[]);
    reader.follow(&published);
    assert_eq!((reader.logs_read, reader.state.revocations()), (1, 70));
    assert!(tokens.iter().all(|token| reader.is_revoked(token, &namespace)));

    // Whoever comes anew reads it whole, and every file can be read by the server's user.
    let mut newcomer = Reader::new(&published, scope(&namespace));
    newcomer.follow(&published);
    assert_eq!((newcomer.logs_read, newcomer.state.revocations()), (1, 70));
    for folder in ["namespaces", "objects"] {
        for entry in fs::read_dir(published.file(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o644, "{}", path.display());
        }
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// Gateways take two checkpoints of one number with different contents for a conflict.
#[test]
fn a_number_has_one_content_whoever_signs_it_and_however_it_was_read() {
    let service = Service::started();
    let client = service.client();
    let namespace = quick_namespace(&service, "one");
    let function = crate::make_function(&client, &namespace, "first");
    let published = Published::of(&service);
    // Both have read the state from early on, and follow each change.
    let mut process = keep_publishing(&service, "3600");
    let mut seen = 0;
    let mut same = |what: &str| {
        for scope in [Scope::All, scope(&namespace)] {
            // Each notices a change in its own time.
            let before = if scope == Scope::All { seen } else { 0 };
            let (served, copied) = wait_for("one number", || {
                let served = published.served(&service, scope);
                let copied = published.checkpoint(scope);
                let is_same = served.sequence == copied.sequence && served.sequence > before;
                is_same.then_some((served, copied))
            });
            assert!(copied.has_the_content_of(&served), "{what}: {copied:?} and {served:?}");
            seen = served.sequence.max(seen);
        }
    };
    same("at the start");
    for step in 0..3 {
        let tokens: Vec<_> = (0..30).map(|_| namespace_token(&client, &namespace)).collect();
        tokens.iter().for_each(|token| delete(&client, token));
        same(&format!("deletions, {step}"));
    }
    let own = client.functions(&format!("/functions/{function}"));
    good(client.patch(&own, &json!({"privacy": "public"})));
    same("a privacy");
    let mark = ["revoke", "--issued-before", "now", "--namespace-id", &namespace];
    service.run(&mark);
    service.run(&["revoke", "--jti", "of-all-namespaces"]);
    service.run(&["namespace", "rotate", &namespace]);
    same("a mark, an id and a key");
    let other = quick_namespace(&service, "another");
    same("another namespace");
    good(client.delete(&client.functions(&format!("/namespaces/{other}"))));
    good(client.delete(&client.functions(&format!("/namespaces/{namespace}"))));
    same("the end of its namespace");
    // A deleted namespace's gateways go on hearing that its keys are revoked, as of the service.
    assert_eq!(ask(&service, &scope(&namespace).path(), &[]).status, 200);
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    publish(&service, &["--all"]);
    for scope in [Scope::All, scope(&namespace)] {
        let (served, copied) = (published.served(&service, scope), published.checkpoint(scope));
        assert!(copied.has_the_content_of(&served), "read anew: {copied:?} and {served:?}");
    }
}

#[test]
fn whoever_keeps_publishing_tells_of_changes_and_signs_afresh() {
    let service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "kept");
    let token = make_token(&client, &scene.function);
    let published = Published::of(&service);
    let mut process = keep_publishing(&service, "2");
    assert!(process.log().contains("everything afresh every 2 seconds"), "{}", process.log());
    let said = service.refused(&["trust", "publish", "copy"]);
    assert!(said.contains("another `issuer trust publish`"), "{said}");

    let of_scene = scope(&scene.namespace);
    let before = published.checkpoint(of_scene);
    delete(&client, &token);
    let changed = wait_for("the deletion in the copy", || {
        let now = published.checkpoint(of_scene);
        (now.sequence > before.sequence).then_some(now)
    });
    assert_eq!(changed.recent.last(), Some(&TokenHash::of(id(&token))));
    wait_for("a fresh signature", || {
        let now = published.checkpoint(of_scene);
        (now.has_the_content_of(&changed) && now.issued > changed.issued).then_some(())
    });
    // A namespace that is made meanwhile is there without a restart.
    let late = quick_namespace(&service, "late");
    let path = scope(&late).path();
    wait_for("the new namespace", || published.file(&path).exists().then_some(()));
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0), "{}", process.log());
    assert!(process.log().contains("ended; what is published goes stale"), "{}", process.log());
}

#[test]
fn a_restored_database_is_followed_without_a_restart() {
    let mut service = Service::started();
    let client = service.client();
    let kept = quick_namespace(&service, "kept");
    service.run(&["backup", "backup.db"]);
    let lost = quick_namespace(&service, "lost");
    let token = namespace_token(&client, &kept);
    delete(&client, &token);
    let published = Published::of(&service);
    let process = keep_publishing(&service, "60");
    let before = published.checkpoint(scope(&kept));
    assert!(published.file(&scope(&lost).path()).exists());
    service.stop();
    service.run(&["restore", "backup.db"]);
    let after = wait_for("the restored state", || {
        let now = published.checkpoint(scope(&kept));
        (now.sequence > before.sequence).then_some(now)
    });
    assert_eq!(after.log_length, 0);
    // The service knows nothing of it any more and would say so.
    wait_for("the lost namespace to go", || {
        (!published.file(&scope(&lost).path()).exists()).then_some(())
    });
    assert!(process.log().contains("it is tried again"), "{}", process.log());
}

#[test]
fn what_does_not_fit_is_refused_and_left_alone() {
    let service = Service::started();
    let namespace = quick_namespace(&service, "one");
    let published = Published::of(&service);
    publish(&service, &["--all"]);
    assert!(published.file("all").exists());
    // Without it all tenants' ids don't stay.
    let said = publish(&service, &[]);
    assert!(said.contains("the checkpoint of all isn't published any more"), "{said}");
    assert!(!published.file("all").exists());
    assert!(published.file(&scope(&namespace).path()).exists());

    let page = service.folder.join("site");
    fs::create_dir(&page).unwrap();
    fs::write(page.join("index.html"), "mine").unwrap();
    let stranger = Service::started();
    let copy = published.root.to_str().unwrap();
    for (by, arguments, words) in [
        (&service, vec!["publish", "site"], "found site/index.html"),
        (&stranger, vec!["publish", copy], "of another service"),
        (&service, vec!["publish", "no/such/folder"], "make it first"),
        (&service, vec!["publish"], "expected `issuer trust key`"),
        (&service, vec!["publish", "copy", "--drop-old"], "expected `issuer trust key`"),
        (&service, vec!["key", "copy"], "expected `issuer trust key`"),
        (&service, vec!["key", "--all"], "expected `issuer trust key`"),
        (&service, vec!["publish", "copy", "--every", "0"], "a number of seconds from 1"),
        (&service, vec!["publish", "copy", "--every", "1m"], "a number of seconds from 1"),
    ] {
        let said = by.refused(&[&["trust"], arguments.as_slice()].concat());
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read_dir(&page).unwrap().count(), 1);
}
