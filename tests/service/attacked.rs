//! What a stranger, or a bad day, does to the service: nothing is lost, and little used up.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::api::{good, id};
use testkit::envoy::wait_for;
use testkit::service::Service;

use crate::{Scene, make_token, token_ids};

/// What a process takes of memory, in KiB.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
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
