//! What a stranger, or a bad day, does to the service: nothing is lost, and little used up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::api::{Client, exchange, good, id};
use testkit::attack::{ATTACKS, Attack, Attackers, Seen};
use testkit::envoy::wait_for;
use testkit::service::Service;

use crate::{Scene, make_token, token_ids};

/// What a process takes of memory, in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Does something while the service is attacked.
fn beside<T>(attackers: Attackers, act: impl FnOnce(&Seen) -> T) -> T {
    let seen = Arc::new(Seen::default());
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn({
            let seen = Arc::clone(&seen);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    tokio::select! {
                        () = attackers.run(seen) => {}
                        _ = ended => {}
                    }
                });
            }
        });
        let outcome = act(&seen);
        // Also where that has panicked: the attackers end with their channel.
        drop(end);
        outcome
    })
}

/// Those who attack a service, a few of them.
fn attackers(service: &Service, attack: Attack) -> Attackers {
    let client = service.client();
    let (connections, each_second) = if attack.holds() { (250, 100) } else { (10, 40) };
    Attackers {
        attack,
        target: service.address,
        connections,
        addresses: 20,
        each_second,
        path: client.functions("/tokens"),
        key: service.variables()["SCW_SECRET_KEY"].clone(),
    }
}

/// A service that accepts a hundred connections: it keeps 100 files for itself.
fn with_a_hundred_connections() -> Service {
    let mut service = Service::new();
    let serve = service.command(&["serve", "--listen", &service.address.to_string()]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 200; exec \"$@\"", "sh"]).arg(serve.get_program());
    command.args(serve.get_args()).current_dir(&service.folder);
    service.try_run(&mut command).unwrap_or_else(|log| panic!("{log}"));
    service
}

fn figure(client: &Client, name: &str) -> u64 {
    let shown = String::from_utf8(client.get("/metrics").body).unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(&format!("issuer_{name} ")));
    line.unwrap_or_else(|| panic!("{name} in {shown}")).parse().unwrap()
}

#[test]
fn whatever_attacks_a_good_client_is_answered() {
    let service = with_a_hundred_connections();
    let client = service.client();
    let scene = Scene::make(&client, "attacked");
    let path = client.functions(&format!("/namespaces/{}", scene.namespace));
    let checkpoint = format!("/trust/v1/namespaces/{}", scene.namespace);
    for attack in ATTACKS {
        wait_for("those before to end", || {
            (figure(&client, "http_connections") < 10).then_some(())
        });
        let before = resident(service.process_id());
        let closed_before = figure(&client, "http_connections_closed_early_total");
        let etag = client.get(&checkpoint).header("etag").unwrap();
        let held = format!(
            "GET {checkpoint} HTTP/1.1\r\nhost: issuer.test\r\nif-none-match: {etag}\r\n\
             prefer: wait=25\r\nconnection: close\r\n\r\n"
        );
        std::thread::scope(|scope| {
            let gateway = scope.spawn(|| exchange(service.address, held.as_bytes()).unwrap());
            wait_for("the gateway", || (figure(&client, "waiting_gateways") == 1).then_some(()));
            beside(attackers(&service, attack), |seen| {
                wait_for("the attack", || {
                    let done = if attack.holds() { &seen.opened } else { &seen.answered };
                    let enough = if attack.holds() { 250 } else { 20 };
                    (done.load(Ordering::Relaxed) >= enough).then_some(())
                });
                for _ in 0..20 {
                    good(client.get(&path));
                }
                assert!(figure(&client, "http_connections") <= 100, "{attack:?}");
                let closed = || figure(&client, "http_connections_closed_early_total");
                if attack.holds() {
                    // Nobody's turn is before he has kept the service waiting for 0.1 s.
                    wait_for("room to be made", || (closed() > closed_before).then_some(()));
                } else {
                    assert_eq!(closed(), closed_before, "{attack:?}");
                }
                let more = resident(service.process_id()).saturating_sub(before) / 1024;
                assert!(more < 40, "{attack:?}: {more} MiB");
                assert_eq!(seen.failed.load(Ordering::Relaxed), 0, "{attack:?}");
                good(client.patch(&path, &json!({"description": attack.name()})));
            });
            let token = make_token(&client, &scene.function);
            good(client.delete(&client.functions(&format!("/tokens/{}", id(&token)))));
            let status = gateway.join().unwrap().status;
            assert!([200, 304].contains(&status), "{attack:?}: {status}");
        });
    }
}

#[test]
fn long_bodies_with_a_good_key_are_not_kept_all_at_once() {
    let service = Service::started();
    let client = service.client();
    let process = service.process_id();
    let before = resident(process);
    let key = &service.variables()["SCW_SECRET_KEY"];
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: issuer.test\r\nx-auth-token: {key}\r\n\
         content-length: 1048576\r\n\r\n",
        client.functions("/tokens")
    );
    let body = vec![b' '; (1 << 20) - 1];
    let go_on = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = TcpStream::connect(service.address).unwrap();
                    stream.write_all(head.as_bytes()).unwrap();
                    stream.write_all(&body).unwrap();
                    while !go_on.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    stream.write_all(b" ").unwrap();
                    let mut status = [0; 12];
                    stream.read_exact(&mut status).unwrap();
                    String::from_utf8_lossy(&status[9..]).into_owned()
                })
            })
            .collect();
        let mut most = 0;
        loop {
            std::thread::sleep(Duration::from_millis(500));
            let now = resident(process);
            if now < most + 1024 {
                break;
            }
            most = now;
        }
        let more = most.saturating_sub(before) / 1024;
        // Short ones aren't kept waiting.
        good(client.get(&client.functions("/namespaces")));
        let short = client.post(&client.functions("/tokens"), &json!({}));
        go_on.store(true, Ordering::Relaxed);
        let answers: Vec<_> = senders.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(short.status, 400);
        assert!(answers.iter().all(|status| status == "400"), "{answers:?}");
        assert!(more < 100, "{more} MiB");
    });
}

#[test]
fn json_that_takes_more_than_its_length_is_refused() {
    let service = Service::started();
    let client = service.client();
    let before = resident(service.process_id());
    let many = format!("{{\"a\":[{{\"\":0}}{}]}}", ",{\"\":0}".repeat(149_000));
    let deep = "{\"a\":".repeat(200_000);
    let cases = [
        (many, "expected at most 10000 members and items"),
        (deep, "expected at most 10000 members and items"),
        ("[".repeat(9_000), "expected a JSON object"),
    ];
    for (body, expected) in cases {
        let answer = client.send("POST", &client.functions("/tokens"), Some(body.as_bytes()));
        assert_eq!(answer.status, 400);
        let detail = &answer.json()["details"][0];
        assert_eq!(
            (&detail["argument_name"], &detail["help_message"]),
            (&json!("body"), &json!(expected))
        );
    }
    let more = resident(service.process_id()).saturating_sub(before) / 1024;
    assert!(more < 40, "{more} MiB");
}

#[test]
fn a_start_without_the_database_leaves_its_journal_alone() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "journal");
    let old = id(&make_token(&client, &scene.function)).to_owned();
    // In the database's file itself.
    service.restart();
    let new = id(&make_token(&client, &scene.function)).to_owned();
    good(client.delete(&client.functions(&format!("/tokens/{old}"))));
    // Both in the journal alone.
    service.kill();
    let aside = service.folder.join("aside.db");
    fs::rename(service.database(), &aside).unwrap();
    for name in ["issuer.env", "elsewhere.env"] {
        let init_file = service.folder.join(name).display().to_string();
        let said = service.refuses_to_start(&["--init-file", &init_file]);
        assert!(said.contains("issuer.db"), "{said}");
        assert!(!service.database().exists(), "an empty database in its place");
    }
    fs::rename(&aside, service.database()).unwrap();
    service.start();
    assert_eq!(token_ids(&client), [new]);
}

#[test]
fn strangers_bodies_are_not_kept() {
    let service = Service::started();
    let process = service.process_id();
    let before = resident(process);
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: issuer.test\r\ncontent-length: 1048576\r\n\r\n",
        service.client().functions("/tokens")
    );
    let body = vec![b' '; (1 << 20) - 1];
    let connections: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(service.address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
            stream
        })
        .collect();
    let more = resident(process).saturating_sub(before) / 1024;
    // Kept, they would be 100 MiB.
    assert!(more < 40, "{more} MiB for {} strangers", connections.len());
    for mut stream in connections {
        stream.write_all(b" ").unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert!(matches!(&status[9..], b"401" | b"429"), "{}", String::from_utf8_lossy(&status));
    }
}

#[test]
fn many_secrets_take_no_more_memory_than_a_few() {
    let service = Service::started();
    let client = service.client();
    let secrets = |count: usize| {
        let pairs = (0..count).map(|n| json!({"key": format!("K{n}"), "value": "hidden"}));
        json!({"secret_environment_variables": pairs.collect::<Vec<_>>()})
    };
    let scene = Scene::make(&client, "secrets");
    let own = client.functions(&format!("/functions/{}", scene.function));
    good(client.patch(&own, &secrets(2)));
    let before = resident(service.process_id());
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| good(client.patch(&own, &secrets(20))));
        }
    });
    let more = resident(service.process_id()).saturating_sub(before) / 1024;
    assert!(more < 60, "{more} MiB");
}

#[test]
fn readiness_is_tried_once_a_second_however_often_it_is_asked_for() {
    let service = Service::started();
    let tried = || {
        let script = "import sqlite3, sys
row = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=20).execute(
    'SELECT number FROM readiness').fetchone()
print(row[0] if row else 0)";
        let mut python = Command::new("python3");
        let output = python.args(["-c", script]).arg(service.database()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u64>().unwrap()
    };
    let (begin, before) = (Instant::now(), tried());
    for _ in 0..300 {
        // Gone before it is answered.
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: issuer.test\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_micros(300));
    }
    let answer = service.client().get("/ready");
    assert_eq!(answer.status, 200);
    let times = tried() - before;
    assert!(times <= begin.elapsed().as_secs() + 2, "{times} times in {:?}", begin.elapsed());
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let service = Service::new();
    let mut command = service.command(&["serve", "--listen", &service.address.to_string()]);
    let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let client = testkit::api::Client::new(service.address, "fr-par", "");
    wait_for("the service", || client.try_send("GET", "/health", None).ok());
    // More than a pipe holds, several times.
    for _ in 0..2_000 {
        assert_eq!(client.get("/health").status, 200);
    }
    let begin = Instant::now();
    let kill = Command::new("kill").args(["-TERM", &process.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let status = wait_for("its end", || process.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn a_database_under_the_journal_of_another_is_refused() {
    let mut service = Service::started();
    let client = service.client();
    let scene = Scene::make(&client, "copied");
    for _ in 0..3 {
        make_token(&client, &scene.function);
    }
    let copy = service.folder.join("copy.db");
    service.run(&["backup", copy.to_str().unwrap()]);
    service.restart();
    for _ in 0..40 {
        make_token(&client, &scene.function);
    }
    service.kill();
    // By hand, without the journal that belongs to the other one.
    fs::copy(&copy, service.database()).unwrap();
    let said = service.refuses_to_start(&[]);
    assert!(said.contains("issuer.db is damaged"), "{said}");
}
