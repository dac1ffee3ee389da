//! The example in docs/TRUST_FORMAT.md is what is written here, and is read as the page says.

#![cfg(not(target_family = "wasm"))]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::time::Duration;

use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::key::AllowedAlgorithms;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{self, Checkpoint, TrustKeys};
use namespace_jwt_core::trust::index::Contents;
use namespace_jwt_core::trust::log::{LogHash, TokenHash};
use namespace_jwt_core::trust::name::{Digest, Id, Scope};
use namespace_jwt_core::trust::shards::{Application, KeyState, Namespace, NamespaceKey, Privacy};
use namespace_jwt_core::trust::state::{
    LogPart, News, Now, Settings, Standing, State, Want, WhenStale,
};

const PAGE: &str = include_str!("../../docs/TRUST_FORMAT.md");

const ISSUER: &str = "0b9c7c6e-7c1b-4b0e-8a54-0e6a3c1d2f10";
const NAMESPACE: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";
const APPLICATION: &str = "d94f3a20-51c7-4e0b-9d3e-6a7b8c9d0e1f";
const KEY: &str = "7e57d004-2b97-4e7a-b45f-5387367791cd";
const TOKENS: [&str; 2] = ["a-token", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"];
const ISSUED: u64 = 1_795_000_000_000_000;
const MARK: u64 = 1_790_000_000;

/// The public key with which RFC 8032 §7.1 begins, as the namespace's.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

fn id(text: &str) -> Id {
    Id::of(text).unwrap()
}

/// The page's blocks from the example on.
fn blocks() -> Vec<&'static str> {
    let (_, example) = PAGE.split_once("\n## An example\n").unwrap();
    let blocks = example.split("```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap().1.trim_end()).collect()
}

struct Example {
    pem: String,
    log: Vec<u8>,
    objects: [Vec<u8>; 3],
    payload: String,
    envelope: String,
}

fn example() -> Example {
    let namespace = Namespace {
        id: id(NAMESPACE),
        not_before: None,
        keys: vec![NamespaceKey {
            id: id(KEY),
            state: KeyState::Active,
            public_key: PUBLIC_KEY.to_owned(),
        }],
        revoked_keys: vec![],
    };
    let application = Application {
        id: id(APPLICATION),
        namespace: id(NAMESPACE),
        privacy: Privacy::Private,
        not_before: Some(MARK),
    };
    let contents =
        Contents { namespaces: vec![namespace], applications: vec![application], bearers: vec![] };
    let scope = Scope::Namespace(id(NAMESPACE));
    let objects = contents.write(scope).unwrap();
    let recent = TOKENS.map(TokenHash::of).to_vec();
    let mut log = LogHash::default();
    recent.iter().for_each(|record| log.push(*record));
    let checkpoint = Checkpoint {
        issuer: id(ISSUER),
        scope,
        sequence: 42,
        issued: UnixTime::new(Duration::from_micros(ISSUED)),
        epoch: 1,
        log_length: log.length(),
        log_hash: log.digest(),
        index: objects.index,
        recent: recent.clone(),
    };
    let payload = checkpoint.payload();
    let pair = KeyPair::from_seed(Seed::new([7; 32]));
    let signature = pair.sk.sign(checkpoint::signed_bytes(payload.as_bytes()), None);
    let envelope = checkpoint::envelope(&payload, &[(*pair.pk, *signature)]).unwrap();
    let family = |name: &str| {
        let mut bytes = objects.bytes.values();
        let family = format!("\"family\":\"{name}\"");
        bytes.find(|it| String::from_utf8_lossy(it).contains(&family)).unwrap().clone()
    };
    Example {
        pem: pair.pk.to_pem(),
        log: recent.iter().flat_map(|record| record.bytes()).collect(),
        objects: [
            family("namespaces"),
            family("applications"),
            objects.bytes[&objects.index].clone(),
        ],
        payload,
        envelope,
    }
}

#[test]
fn the_pages_example_is_what_is_written() {
    let Example { pem, log, objects, payload, envelope } = example();
    let log: Vec<_> = log.chunks(8).map(hex).collect();
    let etag = checkpoint::etag(42, payload.as_bytes());
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    let [namespaces, applications, index] = [0, 1, 2].map(|n| text(&objects[n]));
    let pem = pem.trim_end().to_owned();
    let expected = [pem, log.join("\n"), namespaces, applications, index, payload, etag, envelope];
    let shown = expected.join("\n\n");
    assert_eq!(blocks(), expected, "the page's example should be:\n{shown}");
}

/// From the page's bytes alone, as another reader would.
#[test]
fn the_pages_example_is_read_as_it_says() {
    let [pem, log, namespaces, applications, index, _, etag, envelope] =
        <[&str; 8]>::try_from(blocks()).unwrap();
    let settings = Settings {
        scope: Scope::Namespace(id(NAMESPACE)),
        issuer: None,
        keys: TrustKeys::from_pem([pem]).unwrap(),
        max_staleness: Duration::from_secs(300),
        when_stale: WhenStale::Deny,
        static_keys: false,
    };
    let clock = UnixTime::new(Duration::from_micros(ISSUED));
    let now = Now { clock, monotonic: Duration::ZERO };
    let mut state = State::new(settings.clone(), now);
    assert_eq!(state.checkpoint(envelope.as_bytes(), now), Ok(News::Incomplete));
    assert_eq!(state.etag(), Some(etag));
    let mut last = News::Incomplete;
    for object in [index, namespaces, applications] {
        let digest = Digest::of(object.as_bytes());
        assert!(state.wants().contains(&Want::Object(digest)), "{object}");
        last = state.object(digest, object.as_bytes(), now).unwrap();
    }
    assert_eq!(last, News::Complete);
    let Standing::Known(view) = state.standing(now) else { panic!("it is not known") };
    let keys = view.keys(id(NAMESPACE), &AllowedAlgorithms::default());
    assert_eq!(keys.len(), 1);
    let issued_at = |seconds| Some(UnixTime::from_secs(seconds));
    for (token_id, issued_at, expected) in [
        ("a-token", issued_at(MARK), true),
        ("6BA7B810-9DAD-41D1-80B4-00C04FD430C8", issued_at(MARK), true),
        ("another", issued_at(MARK), false),
        ("another", issued_at(MARK - 1), true),
    ] {
        let place = view.place(id(NAMESPACE), Some(id(APPLICATION)));
        let found = view.lists(TokenHash::of(token_id)) || place.revokes(issued_at);
        assert_eq!(found, expected, "{token_id}");
    }
    // The log by itself is the one that was signed.
    let records: Vec<_> = log.lines().flat_map(bytes).collect();
    let part = LogPart { epoch: 1, from: 0, bytes: &records, last: true };
    assert_eq!(state.log(part, now), Ok(News::Unneeded));
    assert!(PAGE.contains(&format!("{}", Digest::of(&records))));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
