use std::cell::Cell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use super::*;
use crate::key::{PublicKey, pem};
use crate::signature::Algorithm;
use crate::trust::log::TokenHash;
use crate::trust::name::Id;
use crate::trust::shards::{
    Application, Entry, KeyState, Namespace, NamespaceKey, Privacy, Shards, fingerprint,
};
use crate::trust::view::Tables;
use crate::verify::{Checked, Message};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: u64 = 1_700_000_000;
const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");
const P256: &str = include_str!("../../tests/keys/ec-p256.pem");
const OTHER_P256: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n\
    6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n\
    -----END PUBLIC KEY-----\n";

fn key(text: &str) -> PublicKey {
    let material = pem::public_key(text).ok().unwrap();
    PublicKey::bind(material, None, None, &AllowedAlgorithms::default()).unwrap()
}

/// A filter for the namespace `n` and its application `a`, with these keys, that asks for nothing
/// but a grant.
fn private(keys: &[&str]) -> Private {
    let keys = KeySet::new(keys.iter().map(|text| key(text)).collect());
    let protected = Protected::new("n".into(), Some("a".into()));
    let policy = Policy {
        issuer: None,
        audience: None,
        require_expiration: false,
        max_lifetime: None,
        expiration_leeway: Duration::ZERO,
        not_before_leeway: Duration::from_secs(60),
        revoked: RevokedTokens::default(),
    };
    Private::new(Protects::Configured(protected), keys, policy)
}

/// A token that says so, with a signature that nobody made.
fn signed(algorithm: &str, claims: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}"}}"#);
    let parts = [header.as_bytes(), claims.as_bytes(), &[7; 64]];
    parts.map(|part| BASE64URL.encode(part)).join(".")
}

fn token(claims: &str) -> String {
    signed("EdDSA", claims)
}

/// A back end that says the same of every signature, and counts what it is asked.
struct Says {
    answer: Checked,
    asked: Cell<usize>,
}

impl Backend for Says {
    fn verify(&self, _: &PublicKey, _: Algorithm, _: &Message<'_>, _: &[u8]) -> Checked {
        self.asked.set(self.asked.get() + 1);
        self.answer
    }
}

#[test]
fn what_was_found_of_a_token_is_not_asked_again_unless_nobody_answered() {
    let access = Access::Private(Box::new(private(&[ED25519])));
    let granting = token(r#"{"application_claim":[{"namespace_id":"n"}],"nbf":1700000100}"#);
    let malformed = token("1");
    let (early, late) = (NOW, NOW + 100);
    // Each of these is about the same two tokens, in this order, with one cache.
    for entries in [0, 10] {
        let mut memory = Memory::new(entries);
        let mut step = |token: &str, answer, now, expected, asked| {
            let backend = Says { answer, asked: Cell::new(0) };
            let presented = Presented::Token(token.as_bytes());
            let now = UnixTime::from_secs(now);
            let code = access.decide(presented.into(), None, &backend, &mut memory, now);
            let code = code.map_or_else(Denial::code, Admitted::code);
            assert_eq!((code, backend.asked.get()), (expected, asked), "{entries}, {token}");
        };
        step(&granting, Checked::Unanswered, early, "bad_signature", 1);
        step(&granting, Checked::Good, early, "not_yet_valid", 1);
        step(&granting, Checked::Unanswered, early, "not_yet_valid", 0);
        step(&granting, Checked::Unanswered, late, "allowed", 0);
        if entries > 0 {
            step(&granting, Checked::Unanswered, late, "allowed", 0);
            step(&granting, Checked::Unanswered, early, "not_yet_valid", 0);
            step(&granting, Checked::Unanswered, late, "allowed", 0);
        }
        step(&malformed, Checked::Good, late, "malformed_claims", 1);
        step(&malformed, Checked::Good, late, "malformed_claims", 0);
        let mut other = malformed.clone();
        other.replace_range(other.len() - 40..other.len() - 39, "A");
        step(&other, Checked::Bad, late, "bad_signature", 1);
        step(&other, Checked::Good, late, "bad_signature", 0);
    }
}

/// The ids of two namespaces and of an application in each.
const ONE: &str = "11111111-0000-4000-8000-000000000000";
const TWO: &str = "22222222-0000-4000-8000-000000000000";
const APPLICATION_OF_ONE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const APPLICATION_OF_TWO: &str = "aaaaaaaa-0000-4000-8000-000000000002";

/// What a feed says: keys for each namespace, keys that are revoked, marks, privacy, the log.
#[derive(Clone, Default)]
struct Feed<'a> {
    one: &'a [&'a str],
    two: &'a [&'a str],
    revoked_key: Option<&'a str>,
    mark_of_one: Option<u64>,
    mark_of_application: Option<u64>,
    public: bool,
    log: &'a [&'a str],
}

impl Feed<'_> {
    fn view(&self, generation: u64) -> View {
        fn shards<T: Entry>(entries: Vec<T>) -> Shards<T> {
            Shards::new(vec![entries.into()]).unwrap()
        }
        let id = |text| Id::of(text).unwrap();
        let key = |text: &&str| NamespaceKey {
            id: id(ONE),
            state: KeyState::Active,
            public_key: (*text).to_owned(),
        };
        let revoked = self.revoked_key.map(|text| fingerprint(key_of(text).material()));
        let namespaces = vec![
            Namespace {
                id: id(ONE),
                not_before: self.mark_of_one,
                keys: self.one.iter().map(key).collect(),
                revoked_keys: vec![],
            },
            Namespace {
                id: id(TWO),
                not_before: None,
                keys: self.two.iter().map(key).collect(),
                revoked_keys: revoked.into_iter().collect(),
            },
        ];
        let privacy = if self.public { Privacy::Public } else { Privacy::Private };
        let application = |own, namespace, not_before| Application {
            id: id(own),
            namespace: id(namespace),
            privacy,
            not_before,
        };
        let applications = vec![
            application(APPLICATION_OF_ONE, ONE, self.mark_of_application),
            application(APPLICATION_OF_TWO, TWO, None),
        ];
        let scope = crate::trust::name::Scope::All;
        let (namespaces, applications) = (shards(namespaces), shards(applications));
        let tables = Tables::new(scope, namespaces, applications, Shards::default()).unwrap();
        let records = self.log.iter().map(|id| TokenHash::of(id)).collect();
        View::after(None, generation, Some(tables), false, records)
    }
}

fn key_of(text: &str) -> PublicKey {
    key(text)
}

/// Says that each signature is by this key.
struct By<'a>(&'a str, Cell<usize>);

impl Backend for By<'_> {
    fn verify(&self, key: &PublicKey, _: Algorithm, _: &Message<'_>, _: &[u8]) -> Checked {
        self.1.set(self.1.get() + 1);
        Checked::of(fingerprint(key.material()) == fingerprint(key_of(self.0).material()))
    }
}

/// A filter by routes that follows the feed, with what it remembers.
struct Gateway {
    access: Access,
    memory: Memory,
}

impl Gateway {
    fn new(keys: &[&str], namespace_id: Option<&str>) -> Self {
        let mut private = private(keys);
        private.protects = Protects::Route { namespace_id: namespace_id.map(str::to_owned) };
        private.follows_feed = true;
        let access = Access::Private(Box::new(private));
        Self { access, memory: Memory::new(100) }
    }

    /// The code, and how many signatures were checked.
    fn ask(
        &mut self,
        feed: Standing<'_>,
        namespace_id: &str,
        application_id: &str,
        token: &str,
        signer: &str,
    ) -> (&'static str, usize) {
        let backend = By(signer, Cell::new(0));
        let target = Target::new(namespace_id, Some(application_id));
        let request = Request {
            presented: Presented::Token(token.as_bytes()),
            preflight: None,
            route: Route::Private(target),
        };
        let now = UnixTime::from_secs(NOW);
        let decision = self.access.decide(request, Some(feed), &backend, &mut self.memory, now);
        (decision.map_or_else(Denial::code, Admitted::code), backend.1.get())
    }

    fn ask_one(&mut self, view: &View, token: &str, signer: &str) -> (&'static str, usize) {
        self.ask(Standing::Known(view), ONE, APPLICATION_OF_ONE, token, signer)
    }

    fn ask_two(&mut self, view: &View, token: &str, signer: &str) -> (&'static str, usize) {
        self.ask(Standing::Known(view), TWO, APPLICATION_OF_TWO, token, signer)
    }
}

/// A token for all of both namespaces.
fn for_both(jti: &str, iat: u64) -> String {
    token(&format!(
        r#"{{"application_claim":[{{"namespace_id":"{ONE}"}},{{"namespace_id":"{TWO}"}}],"jti":"{jti}","iat":{iat}}}"#
    ))
}

#[test]
fn a_key_vouches_for_its_own_namespace_alone_also_for_a_token_that_is_remembered() {
    let view = Feed { one: &[ED25519], two: &[P256], ..Feed::default() }.view(1);
    let mut gateway = Gateway::new(&[], None);
    let token = for_both("j", NOW);
    for checked in [1, 0] {
        assert_eq!(gateway.ask_one(&view, &token, ED25519), ("allowed", checked));
        assert_eq!(gateway.ask_two(&view, &token, ED25519), ("unsupported_algorithm", 0));
    }
    // Two keys of one kind, so that the signature alone tells them apart.
    let view = Feed { one: &[P256], two: &[OTHER_P256], ..Feed::default() }.view(1);
    let mut gateway = Gateway::new(&[], None);
    let claims = token.split('.').nth(1).unwrap();
    let claims = String::from_utf8(BASE64URL.decode(claims).unwrap()).unwrap();
    let token = signed("ES256", &claims);
    for checked in [1, 0] {
        assert_eq!(gateway.ask_one(&view, &token, P256), ("allowed", checked));
        assert_eq!(gateway.ask_two(&view, &token, P256), ("bad_signature", checked));
    }
    // What was refused in the other namespace took nothing from the one that it is good for.
    assert_eq!(gateway.ask_one(&view, &token, P256), ("allowed", 0));
}

#[test]
fn a_configured_key_vouches_for_the_configured_namespace_until_the_feed_revokes_it() {
    let token = for_both("j", NOW);
    let mut gateway = Gateway::new(&[ED25519], Some(ONE));
    let good = Feed::default().view(1);
    assert_eq!(gateway.ask_one(&good, &token, ED25519), ("allowed", 1));
    assert_eq!(gateway.ask_two(&good, &token, ED25519), ("unprotected_route", 0));
    // Listed anywhere, it vouches no more.
    let revoked = Feed { revoked_key: Some(ED25519), ..Feed::default() }.view(2);
    assert_eq!(gateway.ask_one(&revoked, &token, ED25519), ("unknown_key", 0));
    let revoked = Feed { revoked_key: Some(ED25519), one: &[ED25519], ..Feed::default() }.view(3);
    assert_eq!(gateway.ask_one(&revoked, &token, ED25519), ("unknown_key", 0));
}

#[test]
fn revocation_is_judged_at_each_hit_of_the_cache_and_marks_too() {
    let token = for_both("j", NOW);
    let mut gateway = Gateway::new(&[ED25519], Some(ONE));
    let good = Feed { one: &[ED25519], ..Feed::default() };
    for (number, (feed, expected)) in [
        (good.clone(), ("allowed", 1)),
        (good.clone(), ("allowed", 0)),
        (Feed { log: &["j"], ..good.clone() }, ("revoked", 0)),
        (good.clone(), ("allowed", 0)),
        (Feed { mark_of_one: Some(NOW), ..good.clone() }, ("allowed", 0)),
        (Feed { mark_of_one: Some(NOW + 1), ..good.clone() }, ("revoked", 0)),
        (Feed { mark_of_application: Some(NOW + 1), ..good.clone() }, ("revoked", 0)),
        (Feed { public: true, ..good.clone() }, ("public", 0)),
        (Feed { one: &[ED25519, P256], ..good.clone() }, ("allowed", 1)),
        (Feed { one: &[P256, ED25519], ..good.clone() }, ("allowed", 0)),
    ]
    .into_iter()
    .enumerate()
    {
        let view = feed.view(number as u64 + 1);
        assert_eq!(gateway.ask_one(&view, &token, ED25519), expected, "step {number}");
    }
}

#[test]
fn without_a_view_static_keys_count_or_nothing_does() {
    let token = for_both("j", NOW);
    let mut gateway = Gateway::new(&[ED25519], Some(ONE));
    let mut ask = |standing| gateway.ask(standing, ONE, APPLICATION_OF_ONE, &token, ED25519);
    assert_eq!(ask(Standing::StaticKeys), ("allowed", 1));
    assert_eq!(ask(Standing::Unavailable), ("trust_unavailable", 0));
    assert_eq!(ask(Standing::StaticKeys), ("allowed", 0));
}

#[test]
fn of_several_settings_the_first_in_the_order_counts() {
    let public = Feed { public: true, one: &[ED25519], ..Feed::default() }.view(1);
    let token = for_both("j", NOW);
    let of_route = |namespace_id, application_id| {
        Route::Private(Target::new(namespace_id, Some(application_id)))
    };
    let one = of_route(ONE, APPLICATION_OF_ONE);
    let preflight = || {
        let headers = [
            (&b":method"[..], &b"OPTIONS"[..]),
            (b"origin", b"o"),
            (b"access-control-request-method", b"GET"),
        ];
        Preflight::find(true, headers.into_iter())
    };
    let known = || Some(Standing::Known(&public));
    let unavailable = || Some(Standing::Unavailable);
    for (route, preflight, feed, expected) in [
        (Route::Unusable, preflight(), known(), "unprotected_route"),
        (Route::Public, None, unavailable(), "public"),
        (one, preflight(), unavailable(), "preflight"),
        (one, None, unavailable(), "trust_unavailable"),
        (one, None, None, "trust_unavailable"),
        (one, None, known(), "public"),
        // The application is another namespace's, or known to nobody, or none.
        (of_route(TWO, APPLICATION_OF_ONE), None, known(), "unknown_key"),
        (of_route(ONE, TWO), None, known(), "allowed"),
        (of_route("not-a-uuid", APPLICATION_OF_ONE), None, known(), "unknown_key"),
    ] {
        let mut gateway = Gateway::new(&[], None);
        let presented = Presented::Token(token.as_bytes());
        let request = Request { presented, preflight, route };
        let backend = By(ED25519, Cell::new(0));
        let now = UnixTime::from_secs(NOW);
        let found = gateway.access.decide(request, feed, &backend, &mut gateway.memory, now);
        let code = found.map_or_else(Denial::code, Admitted::code);
        assert_eq!(code, expected, "{route:?}");
    }
    // What a configuration makes public asks for none of it.
    let request = Presented::Nothing.into();
    let mut memory = Memory::new(0);
    let now = UnixTime::from_secs(NOW);
    let backend = By(ED25519, Cell::new(0));
    let found = Access::Public.decide(request, unavailable(), &backend, &mut memory, now);
    assert_eq!(found.map(Admitted::code), Ok("public"));
}

#[test]
fn the_feed_counts_where_it_is_followed_alone() {
    let access = Access::Private(Box::new(private(&[ED25519])));
    let public = Feed { public: true, ..Feed::default() }.view(1);
    let mut memory = Memory::new(0);
    let backend = By(ED25519, Cell::new(0));
    for feed in [None, Some(Standing::Unavailable), Some(Standing::Known(&public))] {
        let now = UnixTime::from_secs(NOW);
        let found = access.decide(Presented::Nothing.into(), feed, &backend, &mut memory, now);
        assert_eq!(found.map(Admitted::code), Err(Denial::MissingToken));
    }
}
