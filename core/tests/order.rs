//! The order in which a request meets the reasons to refuse it is that of [`Denial::ALL`].

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

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_compact::{KeyPair, Seed};
use namespace_jwt_core::access::{Access, Memory, Request, Route, Target};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::reason::{Denial, Outcome};
use namespace_jwt_core::request::{Presented, TokenHeader};
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::token::MAX_TOKEN_BYTES;
use namespace_jwt_core::trust::state::Standing;
use serde_json::json;

const NOW: u64 = 1_700_000_000;
const NAMESPACE: &str = "3c8710f8-0643-42b6-9275-3b0ad4bf6b75";

/// The reasons that no request has at once.
const APART: [(Denial, Denial, &str); 2] = [
    (Denial::Expired, Denial::MissingExpiration, "what has no `exp` doesn't expire"),
    (
        Denial::MissingExpiration,
        Denial::LifetimeTooLong,
        "without `exp` there is no end to measure",
    ),
];

/// Whether a request can have both.
fn meet(one: Denial, other: Denial) -> bool {
    // A request without a token has nothing else that could be wrong.
    let no_token = [one, other].contains(&Denial::MissingToken);
    !no_token && !APART.iter().any(|(a, b, _)| [(*a, *b), (*b, *a)].contains(&(one, other)))
}

fn signer() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; 32]))
}

/// The public key of the feed, in PEM.
fn trust_key() -> String {
    let body = "MCowBQYDK2VwAyEA47Qq2whEQkBWKiGNEy9foVzi6B9jnXjCTuO7CI7j5x8=";
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// A filter that asks for everything that can be asked for. Its key has a `kid`: a key without
/// one may be meant by any token, and none would be unknown.
fn filter() -> Access {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k",
                     "x": BASE64URL.encode(signer().pk.as_ref())});
    let members = json!({
        "protect": "route", "trust": {"cluster": "c", "public_keys": [trust_key()]},
        "namespace_id": NAMESPACE, "jwks": {"keys": [jwk]}, "issuer": "I", "audience": "A",
        "require_expiration": true, "max_lifetime_seconds": 1000, "revoked_token_ids": ["J"],
    });
    Config::from_json(members.to_string().as_bytes(), &Environment::default()).unwrap().access
}

/// The values of the header of a request with these faults and no other. Of two that are
/// [`APART`], it has the first.
fn request(faults: &[Denial]) -> Vec<String> {
    let has = |fault: Denial| faults.contains(&fault);
    let either = |fault, bad: &'static str, good| if has(fault) { bad } else { good };
    if has(Denial::MissingToken) {
        return Vec::new();
    }
    // `none` is an algorithm that no key has. One that another key has is refused as well, but
    // only once the key is known, since the key says what may be used with it.
    let header = json!({
        "alg": either(Denial::UnsupportedAlgorithm, "none", "EdDSA"),
        "kid": either(Denial::UnknownKey, "other", "k"),
    });
    let mut claims = json!({
        "iss": either(Denial::WrongIssuer, "i", "I"),
        "aud": either(Denial::WrongAudience, "a", "A"),
        "jti": either(Denial::Revoked, "J", "j"),
        "application_claim": [{"namespace_id": either(Denial::NotGranted, "m", NAMESPACE)}],
        "iat": if has(Denial::LifetimeTooLong) { NOW - 2000 } else { NOW - 100 },
        "nbf": if has(Denial::NotYetValid) { NOW + 1000 } else { NOW },
    });
    if has(Denial::Expired) || !has(Denial::MissingExpiration) {
        claims["exp"] = json!(if has(Denial::Expired) { NOW } else { NOW + 100 });
    }
    if has(Denial::OversizedToken) {
        claims["sub"] = json!("s".repeat(MAX_TOKEN_BYTES));
    }
    let mut claims = claims.to_string();
    if has(Denial::MalformedClaims) {
        claims = claims.replacen('{', r#"{"name":1,"name":1,"#, 1);
    }
    let signed = [header.to_string(), claims].map(|part| BASE64URL.encode(part)).join(".");
    let signs = if has(Denial::BadSignature) { "something else" } else { &signed };
    let signature = BASE64URL.encode(signer().sk.sign(signs, None));
    let padding = either(Denial::MalformedToken, "==", "");
    let token = format!("{signed}.{signature}{padding}");
    let other = has(Denial::MultipleTokens).then(|| format!("{token}="));
    [token].into_iter().chain(other).collect()
}

#[test]
fn a_request_meets_the_reasons_in_the_order_of_the_list() {
    let (access, header) = (filter(), TokenHeader::new("x-auth-token").unwrap());
    let mut memory = Memory::new(10);
    let mut decide = |faults: &[Denial]| {
        let values = request(faults);
        let headers = values.iter().map(|value| (&b"x-auth-token"[..], value.as_bytes()));
        let presented = Presented::find(std::slice::from_ref(&header), &[], headers);
        let has = |fault: Denial| faults.contains(&fault);
        let target = Target::new(NAMESPACE, None);
        let route = match has(Denial::UnprotectedRoute) {
            true => Route::Unusable,
            false => Route::Private(target),
        };
        let request = Request { route, ..presented.into() };
        let now = UnixTime::from_secs(NOW);
        let mut ask = || {
            let feed = match has(Denial::TrustUnavailable) {
                true => Standing::Unavailable,
                false => Standing::StaticKeys,
            };
            access.decide(request, Some(feed), &Guest, &mut memory, now)
        };
        let decisions = [ask(), ask()].map(|it| Outcome::from(it).code());
        assert_eq!(decisions[0], decisions[1], "{faults:?}: what is remembered changes nothing");
        decisions[0]
    };
    // A request that has every fault is mended, one fault after the other.
    for met in 0..Denial::ALL.len() {
        let faults = &Denial::ALL[met..];
        assert_eq!(decide(faults), faults[0].code(), "the first of {faults:?}");
    }
    assert_eq!(decide(&[]), "allowed");
    // Each fault is one by itself, and comes before each later one, whatever stands between.
    for (place, first) in Denial::ALL.into_iter().enumerate() {
        assert_eq!(decide(&[first]), first.code());
        for later in Denial::ALL.into_iter().skip(place + 1).filter(|it| meet(first, *it)) {
            assert_eq!(decide(&[first, later]), first.code(), "{first:?} before {later:?}");
        }
    }
}
