//! What holds for every input of a kind, tried on many of them.
//!
//! `fuzz/` tries the same contract on bytes without a shape; what a request's headers and a
//! token's claims mean is read a second time there, and is shared.

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

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::access::{Access, Memory};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::key::jwk;
use namespace_jwt_core::key::pem;
use namespace_jwt_core::key::{AllowedAlgorithms, KeyError, KeySet, PublicKey};
use namespace_jwt_core::request::{Presented, TokenCookie, TokenHeader};
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::token::Token;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use testkit::contract::{self, Asked, headers};
use testkit::mint::{Key, Kind, base64url, from_base64url};
use testkit::protected::{NAMESPACE, claims_at, merged};

const NOW: u64 = 1_700_000_000;

/// The private key that signs what the generators made up.
static SIGNER: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::from_seed(Seed::new([7; 32])));

fn settings() -> ProptestConfig {
    // A failure says what its input was; there is no file to keep.
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn signed(payload: &[u8]) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = SIGNER.sk.sign(&signed, None);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The signer's public key as a JWK.
fn public_jwk() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(SIGNER.pk.as_ref())})
}

fn access(members: &Value) -> Access {
    Config::from_json(members.to_string().as_bytes(), &Environment::default()).unwrap().access
}

/// The filter that asks for that.
fn filter(asked: &Asked) -> Access {
    let mut members = json!({
        "namespace_id": asked.namespace_id, "jwks": {"keys": [public_jwk()]},
        "require_expiration": asked.require_expiration,
        "expiration_leeway_seconds": asked.expiration_leeway_seconds,
        "not_before_leeway_seconds": asked.not_before_leeway_seconds,
        "revoked_token_ids": Vec::from_iter(asked.revoked_token_id),
    });
    let mut member = |name: &str, value: Option<Value>| {
        members.as_object_mut().unwrap().extend(value.map(|value| (name.to_owned(), value)));
    };
    member("application_id", asked.application_id.map(Value::from));
    member("issuer", asked.issuer.map(Value::from));
    member("audience", asked.audience.map(Value::from));
    member("max_lifetime_seconds", asked.max_lifetime_seconds.map(Value::from));
    access(&members)
}

fn decide(access: &Access, token: &[u8], memory: &mut Memory, now: u64) -> &'static str {
    let decision = access.decide(
        Presented::Token(token).into(),
        None,
        &Guest,
        memory,
        UnixTime::from_secs(now),
    );
    decision.map_or_else(|denial| denial.code(), |admitted| admitted.code())
}

#[test]
fn one_changed_bit_is_never_admitted() {
    for kind in [Kind::Rsa(2048), Kind::P256, Kind::Ed25519] {
        let key = Key::named(kind, "namespace");
        let access = access(&json!({"namespace_id": NAMESPACE, "public_key": key.public_pem()}));
        let token = key.token(&claims_at(NOW));
        // The good token is remembered: nothing may pass for it.
        let mut memory = Memory::new(10);
        let mut code = |token: &[u8]| decide(&access, token, &mut memory, NOW);
        assert_eq!(code(token.as_bytes()), "allowed");

        for bit in 0..token.len() * 8 {
            let mut changed = token.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(code(&changed), "allowed", "{kind:?}, bit {bit} of the text");
        }
        let segments: Vec<_> =
            token.split('.').map(|it| URL_SAFE_NO_PAD.decode(it).unwrap()).collect();
        for (number, segment) in segments.iter().enumerate() {
            for bit in 0..segment.len() * 8 {
                let mut changed = segments.clone();
                changed[number][bit / 8] ^= 1 << (bit % 8);
                let code = code(compact(&changed).as_bytes());
                assert_ne!(code, "allowed", "{kind:?}, bit {bit} of segment {number}");
            }
        }
        assert_eq!(code(token.as_bytes()), "allowed");
    }
}

/// The compact form of these segments.
fn compact(segments: &[Vec<u8>]) -> String {
    segments.iter().map(|it| URL_SAFE_NO_PAD.encode(it)).collect::<Vec<_>>().join(".")
}

/// An id that is often the protected one's, seldom another, or left out in one of the ways.
fn id(protected: &'static str) -> BoxedStrategy<Option<Value>> {
    let other = select(vec!["n", "a", "N", "a ", "x"]).prop_map(Value::from);
    option::of(prop_oneof![
        4 => Just(json!(protected)), 2 => other, 2 => Just(json!("")), 1 => Just(Value::Null)
    ])
    .boxed()
}

fn members(of: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = of.into_iter().unzip();
    let object = move |values: Vec<Option<Value>>| {
        let members = names.iter().zip(values);
        let given = members.filter_map(|(name, value)| Some((name.to_string(), value?)));
        Value::Object(given.collect())
    };
    values.prop_map(object).boxed()
}

/// What a claim is now and then, whatever it should be.
fn wrong() -> impl Strategy<Value = Value> {
    select(vec![Value::Null, json!(true), json!([]), json!({}), json!(-1), json!(-0.5), json!("1")])
}

/// A claim that is there or not, and seldom of another type.
fn claim(good: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    option::of(prop_oneof![20 => good, 1 => wrong()]).boxed()
}

fn text(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    select(of).prop_map(Value::from)
}

/// A time around now, whole or not.
fn date() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => (NOW - 70..NOW + 70).prop_map(Value::from),
        1 => (NOW - 70..NOW + 70).prop_map(|whole| json!(whole as f64 + 0.5)),
        1 => select(vec![json!(0), json!(u64::MAX), json!(1e300)]),
    ]
}

fn grants() -> impl Strategy<Value = Value> {
    let grant = members(vec![
        ("namespace_id", id("n")),
        ("application_id", id("a")),
        ("function_id", prop_oneof![3 => Just(None), 1 => id("a")].boxed()),
        ("container_id", prop_oneof![3 => Just(None), 1 => id("a")].boxed()),
    ]);
    vec(grant, 0..4).prop_map(Value::from)
}

fn claims_set() -> BoxedStrategy<Value> {
    let audience = prop_oneof![text(&["functions", "x"]), {
        vec(text(&["functions", "x", ""]), 0..3).prop_map(Value::from)
    }];
    members(vec![
        ("exp", claim(date())),
        ("nbf", claim(date())),
        ("iat", claim(date())),
        ("iss", claim(text(&["SCALEWAY", "scaleway"]))),
        ("aud", claim(audience)),
        ("jti", claim(text(&["j", "k"]))),
        (
            "application_claim",
            prop_oneof![9 => grants().prop_map(Some), 1 => claim(wrong())].boxed(),
        ),
        ("other", claim(wrong())),
    ])
}

fn asked() -> impl Strategy<Value = Asked> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let numbers = (option::of(select(vec![1_u64, 2, 50, 100])), 0..3_u64, select(vec![0_u64, 60]));
    (flags, numbers).prop_map(
        |((application, issuer, audience, exp, revoked), (max, late, early))| Asked {
            namespace_id: "n",
            application_id: application.then_some("a"),
            issuer: issuer.then_some("SCALEWAY"),
            audience: audience.then_some("functions"),
            require_expiration: exp,
            max_lifetime_seconds: max,
            expiration_leeway_seconds: late,
            not_before_leeway_seconds: early,
            revoked_token_id: revoked.then_some("j"),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..settings() })]

    #[test]
    fn a_decision_is_what_the_contract_says(
        asked in asked(), claims in claims_set(), now in NOW - 5..NOW + 5,
    ) {
        let payload = claims.to_string();
        // No fraction of `date()` ends on a boundary, so there always is a verdict.
        let expected = contract::judge(payload.as_bytes(), &asked, now);
        let token = signed(payload.as_bytes());
        let code = decide(&filter(&asked), token.as_bytes(), &mut Memory::new(0), now);
        prop_assert_eq!(Some(code), expected);
    }

    #[test]
    fn a_grant_admits_as_the_contract_says(grants in grants(), application in any::<bool>()) {
        let payload = json!({"application_claim": grants}).to_string();
        let application_id = application.then_some("a");
        let asked = Asked { namespace_id: "n", application_id, ..Asked::default() };
        let expected = contract::judge(payload.as_bytes(), &asked, NOW);
        let token = signed(payload.as_bytes());
        let code = decide(&filter(&asked), token.as_bytes(), &mut Memory::new(0), NOW);
        prop_assert_eq!(Some(code), expected);
    }

    /// Once expired is expired for good, once begun is begun, and what is let in at two
    /// times is let in between them.
    #[test]
    fn time_goes_one_way(
        asked in asked(), claims in claims_set(), times in vec(NOW - 140..NOW + 140, 3),
    ) {
        let (access, token) = (filter(&asked), signed(claims.to_string().as_bytes()));
        let mut times = times;
        times.sort_unstable();
        let code = |now: &u64| decide(&access, token.as_bytes(), &mut Memory::new(0), *now);
        let codes: Vec<_> = times.iter().map(code).collect();
        let [first, between, last] = codes[..] else { unreachable!() };
        prop_assert!(first != "expired" || last == "expired", "{codes:?} at {times:?}");
        prop_assert!(first == "not_yet_valid" || last != "not_yet_valid", "{codes:?} at {times:?}");
        prop_assert!(
            first != "allowed" || last != "allowed" || between == "allowed",
            "{codes:?} at {times:?}"
        );
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_cache_changes_no_decision(
        asked in asked(),
        claims in vec(claims_set(), 1..5),
        entries in 1..4_usize,
        steps in vec((any::<prop::sample::Index>(), NOW - 70..NOW + 70), 1..40),
    ) {
        let access = filter(&asked);
        let mut tokens: Vec<_> =
            claims.iter().map(|claims| signed(claims.to_string().as_bytes())).collect();
        // Each of them once more, with the end of another's signature.
        for n in 0..claims.len() {
            let (body, _) = tokens[n].rsplit_once('.').unwrap();
            let (_, other) = tokens[(n + 1) % claims.len()].rsplit_once('.').unwrap();
            tokens.push(format!("{body}.{other}"));
        }
        let mut memory = Memory::new(entries);
        for (which, now) in steps {
            let token = which.get(&tokens).as_bytes();
            let expected = decide(&access, token, &mut Memory::new(0), now);
            prop_assert_eq!(decide(&access, token, &mut memory, now), expected);
        }
    }

    #[test]
    fn what_was_encoded_is_what_is_decoded(
        kid in option::of(".*"), payload in vec(any::<u8>(), 1..400), signature in vec(any::<u8>(), 1..200),
    ) {
        let mut header = json!({"alg": "RS256"});
        header.as_object_mut().unwrap().extend(kid.iter().map(|kid| ("kid".into(), json!(kid))));
        let header = header.to_string().into_bytes();
        let parts = [header.clone(), payload.clone(), signature.clone()];
        let text = compact(&parts);
        prop_assert_eq!(contract::token(text.as_bytes()), Some(Ok(parts)));
        let token = Token::parse(text.as_bytes()).map_err(|it| TestCaseError::fail(it.code()))?;
        prop_assert_eq!(token.header(), header);
        prop_assert_eq!(token.payload(), payload);
        prop_assert_eq!(token.signature(), signature);
        prop_assert_eq!(token.key_id(), kid.as_deref());
    }

    /// Where two texts were the same token, a list of revoked ones, or a cache, would miss one.
    #[test]
    fn a_token_can_be_written_in_one_way(
        payload in vec(any::<u8>(), 1..9), signature in vec(any::<u8>(), 1..9),
        place in any::<prop::sample::Index>(), removed in 0..2_usize,
        added in option::of(select(b"=+/-_.AB \n\0".to_vec())),
    ) {
        let mut text = compact(&[br#"{"alg":"RS256"}"#.to_vec(), payload, signature]).into_bytes();
        // As often as not, where a segment ends.
        let ends = (0..=text.len()).filter(|at| matches!(text.get(*at), None | Some(b'.')));
        let places: Vec<_> = ends.flat_map(|at| [at, at - 1]).chain(text.len() / 2..text.len()).collect();
        let place = *place.get(&places);
        text.splice(place..(place + removed).min(text.len()), added);
        if let Ok(token) = Token::parse(&text) {
            let parts = [token.header(), token.payload(), token.signature()].map(<[u8]>::to_vec);
            prop_assert_eq!(compact(&parts).into_bytes(), text.clone());
        }
        let ours = Token::parse(&text).map(|it| [it.header(), it.payload(), it.signature()].map(<[u8]>::to_vec));
        prop_assert_eq!(Some(ours.map_err(|denial| denial.code())), contract::token(&text));
    }

    #[test]
    fn the_candidates_are_those_of_the_contract(
        ids in vec(option::of(select(vec!["", "a", "b", "A"])), 0..6),
        kid in option::of(select(vec!["", "a", "b", "A", "c"])),
    ) {
        let key = |id: &Option<&str>| {
            let mut jwk = public_jwk();
            jwk.as_object_mut().unwrap().extend(id.map(|id| ("kid".into(), id.into())));
            jwk::public_key(&jwk, &AllowedAlgorithms::default()).unwrap()
        };
        let keys = KeySet::new(ids.iter().map(key).collect());
        // "a token with a `kid` that some configured key has is checked with those keys only;
        // otherwise every key without a `kid` is tried, and when the token has no `kid`,
        // every key."
        let expected: Vec<_> = match kid {
            None => (0..ids.len()).collect(),
            Some(_) if ids.contains(&kid) => (0..ids.len()).filter(|n| ids[*n] == kid).collect(),
            Some(_) => (0..ids.len()).filter(|n| ids[*n].is_none()).collect(),
        };
        let place = |key: &PublicKey| keys.keys().iter().position(|it| std::ptr::eq(it, key));
        let found: Vec<_> = keys.candidates(kid).filter_map(place).collect();
        prop_assert_eq!(found, expected);
    }
}

/// A header that may hold tokens, or nearly does.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    let whole = (select(vec!["x-auth-token", "X-AUTH-TOKEN", "x-scw"]), "[TU]?");
    let credentials = (
        select(vec!["AuthorizatioN", "authorization", "authorizations"]),
        prop_oneof![
            "([x,\"' ]?(Bearer|bearer|BEARER|Basic)[ \t\u{a0}]{0,2}[TU,:]{0,3},?){0,3}",
            "( ?Bearer [TU]?,){0,2}Bearer [TU]?",
            "(Basic x|Digest a=\"b\"),[ ,]?Bearer[ \t][TU]",
        ],
    );
    let cookies = (
        select(vec!["cookie", "Cookie"]),
        "([ \t]?(c|d|C|cd)[ \t\u{a0}]?(=[ \t]?\"?[TU]?\"?)?;?){0,4}",
    );
    prop_oneof![whole, credentials, cookies]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..settings() })]

    #[test]
    fn the_tokens_in_a_request_are_those_of_the_contract_and_go_without_a_trace(
        names in vec(select(vec!["x-auth-token", "X-Scw", "authorization", "Authorization"]), 1..4),
        cookies in vec(select(vec!["c", "d"]), 0..3),
        request in vec(header(), 0..5),
    ) {
        let request: Vec<_> = request
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
            .collect();
        let token_headers: Vec<_> =
            names.iter().map(|name| TokenHeader::new(name).unwrap()).collect();
        let token_cookies: Vec<_> =
            cookies.iter().map(|name| TokenCookie::new(name).unwrap()).collect();
        let pairs = request.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let expected = headers::tokens(&names, &cookies, &request);
        let presented = Presented::find(&token_headers, &token_cookies, pairs.clone());
        let found = match presented {
            Presented::Nothing => Ok(vec![]),
            Presented::Token(token) => Ok(vec![token.to_vec()]),
            Presented::Several => Err("several"),
        };
        prop_assert_eq!(found, if expected.len() > 1 { Err("several") } else { Ok(expected) });

        let mut left = request.clone();
        for removal in presented.removals(&token_headers, &token_cookies, pairs) {
            let name = removal.name.as_bytes();
            left.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            left.extend(removal.left.iter().map(|value| (name.to_vec(), value.to_vec())));
        }
        let pairs = left.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        let again = Presented::find(&token_headers, &token_cookies, pairs);
        prop_assert_eq!(again, Presented::Nothing, "{:?}", left);
        prop_assert_eq!(headers::fault(&names, &cookies, &request, &left), None, "{:?}", left);
    }
}

#[test]
fn a_public_key_is_the_same_in_every_form() {
    for kind in [Kind::Rsa(2048), Kind::OddRsa, Kind::P256, Kind::P384] {
        let key = Key::named(kind, "namespace");
        let pems = [key.public_pem(), key.spki_pem()];
        let mut jwks = vec![key.jwk()];
        if let Some(n) = key.jwk()["n"].as_str() {
            // Zeros before the modulus, which RFC 7518 §6.3.1.1 doesn't want.
            let longer = [vec![0; 9], from_base64url(n)].concat();
            jwks.push(merged(key.jwk(), json!({"n": base64url(&longer)})));
        }
        let from_pem = pems.iter().map(|pem| pem::public_key(pem).ok().unwrap());
        let from_jwk = jwks.iter().map(|jwk| {
            let key = jwk::public_key(jwk, &AllowedAlgorithms::default()).unwrap();
            key.material().clone()
        });
        let spki = pem_content(&key.spki_pem());
        for read in from_pem.chain(from_jwk) {
            assert_eq!(read.to_spki_der().as_ref(), Some(&spki), "{kind:?}");
            assert_eq!(read.signature_bytes(), key.signature(key.algorithm(), b"").len());
        }
    }
}

fn pem_content(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}

/// Under such a key a signature that anybody can write down is good for one message in
/// eight, or for all.
#[test]
fn every_ed25519_point_of_small_order_is_refused() {
    let (zeros, ones) = ("00".repeat(31), "ff".repeat(30));
    // Of order 4, 1, 8, 8 and 2; then those of order 4 and 1 with a coordinate past the prime.
    for point in [
        format!("00{zeros}"),
        format!("01{zeros}"),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".into(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".into(),
        format!("ec{ones}7f"),
        format!("ed{ones}7f"),
        format!("ee{ones}7f"),
    ] {
        let byte = |n: usize| u8::from_str_radix(&point[2 * n..2 * n + 2], 16).unwrap();
        let mut point: Vec<_> = (0..32).map(byte).collect();
        for _ in 0..2 {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&point)});
            let read = jwk::public_key(&jwk, &AllowedAlgorithms::default());
            assert_eq!(read.err(), Some(KeyError::Point), "{point:x?}");
            // The same, with the other sign.
            point[31] ^= 0x80;
        }
    }
}
