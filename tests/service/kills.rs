//! Nothing that was answered is lost, however the service ends.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use testkit::api::{Client, good, id};
use testkit::http::text;
use testkit::processes::text_of;
use testkit::random::Random;
use testkit::service::Service;

use crate::{Scene, tell, token_ids};

const CLIENTS: u64 = 4;

/// The longest that the service is under load before it is killed.
const LONGEST_MILLISECONDS: usize = 600;

/// The one place that knows how the audit log is stored.
const AUDIT: &str = "SELECT action, resource_id FROM audit WHERE resource_type = 'function_token'";

/// What the service answered, and what it was asked without an answer.
#[derive(Default)]
struct Answered {
    created: BTreeSet<String>,
    deleted: BTreeSet<String>,
    /// Their deletion was asked for, and what became of it is unknown.
    unknown: BTreeSet<String>,
}

/// Creates and deletes tokens until the service doesn't answer any more.
fn load(client: &Client, function: &str, seed: u64, answered: &Mutex<Answered>) {
    let mut random = Random(seed);
    let mut own = Vec::new();
    let tokens = client.functions("/tokens");
    let body = json!({"function_id": function}).to_string();
    loop {
        if own.is_empty() || random.below(3) > 0 {
            let Ok(answer) = client.try_send("POST", &tokens, Some(body.as_bytes())) else {
                return;
            };
            let token = id(&good(answer)).to_owned();
            answered.lock().unwrap().created.insert(token.clone());
            own.push(token);
        } else {
            let token = own.swap_remove(random.below(own.len()));
            answered.lock().unwrap().unknown.insert(token.clone());
            let path = format!("{tokens}/{token}");
            let Ok(answer) = client.try_send("DELETE", &path, None) else { return };
            good(answer);
            let mut answered = answered.lock().unwrap();
            answered.unknown.remove(&token);
            answered.deleted.insert(token);
        }
    }
}

fn rounds() -> usize {
    let Ok(asked) = std::env::var("KILLS") else { return 10 };
    let rounds = asked.parse().ok().filter(|rounds| *rounds > 0);
    rounds.unwrap_or_else(|| panic!("KILLS: expected a number from 1, found {asked:?}"))
}

#[test]
fn nothing_that_was_answered_is_lost_when_the_service_is_killed() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap() | 1;
    let rounds = rounds();
    let mut random = Random(seed);
    let mut service = Service::started();
    let scene = Scene::make(&service.client(), "killed");
    let answered = Mutex::new(Answered::default());
    for round in 1..=rounds {
        let client = service.client();
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                let seed = random.number() | 1;
                let (client, scene, answered) = (&client, &scene, &answered);
                scope.spawn(move || load(client, &scene.function, seed, answered));
            }
            // Not a wait for anything: it is the moment that is random.
            std::thread::sleep(Duration::from_millis(random.below(LONGEST_MILLISECONDS) as u64));
            service.kill();
        });
        service.start();
        check(&service, &answered.lock().unwrap(), &format!("round {round} of seed {seed}"));
    }
    service.stop();
    let answered = answered.into_inner().unwrap();
    // Else it was killed before it had anything to lose.
    let (created, deleted) = (answered.created.len(), answered.deleted.len());
    assert!(created > 5 * rounds && deleted > rounds, "only {created} created, {deleted} deleted");
    tell(&format!("{rounds} kills: none lost of {created} tokens created and {deleted} deleted"));
}

fn check(service: &Service, answered: &Answered, when: &str) {
    let client = service.client();
    let listed: BTreeSet<_> = token_ids(&client).into_iter().collect();
    for token in &answered.created {
        let may_be_gone = answered.deleted.contains(token) || answered.unknown.contains(token);
        assert!(may_be_gone || listed.contains(token), "{when}: {token} is lost");
    }
    if let Some(token) = answered.deleted.intersection(&listed).next() {
        panic!("{when}: {token}, which was deleted, is back");
    }
    // Not in the lists alone: the last of each, by themselves.
    for (tokens, status) in [(&answered.deleted, 404), (&listed, 200)] {
        for token in tokens.iter().rev().take(2) {
            let answer = client.get(&client.functions(&format!("/tokens/{token}")));
            assert_eq!(answer.status, status, "{when}: {token}: {}", text(&answer.body));
        }
    }
    let audit = audit(service);
    for (action, tokens) in [("created", &answered.created), ("deleted", &answered.deleted)] {
        for token in tokens {
            let entry = (action.to_owned(), token.clone());
            assert!(audit.contains(&entry), "{when}: no audit entry that {token} was {action}");
        }
    }
    // And the other way round: the log tells no more than what is so.
    for (action, token) in &audit {
        let there = listed.contains(token);
        let gone = audit.contains(&("deleted".to_owned(), token.clone()));
        assert_eq!(there, !gone, "{when}: {token}, {action}, in the log and not in the list");
    }
}

/// The action and the id of each entry about a function's token, read from the file.
fn audit(service: &Service) -> BTreeSet<(String, String)> {
    let script = "import sqlite3, sys
for row in sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=20).execute(sys.argv[2]):
    print(*row)";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(service.database())
        .arg(AUDIT)
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{}", text_of(&output));
    text(&output.stdout)
        .lines()
        .map(|line| line.split_once(' ').expect("an action and an id"))
        .map(|(action, token)| (action.to_owned(), token.to_owned()))
        .collect()
}
