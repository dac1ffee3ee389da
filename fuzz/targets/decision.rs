//! The whole decision, about tokens that are signed as they should be and say anything.
//!
//! The first byte of the input chooses what the filter asks for, the second what time it is,
//! the rest is the payload.

#![no_main]

use std::sync::LazyLock;

use jwt_simple::prelude::{Duration, Ed25519PublicKey, EdDSAPublicKeyLike, VerificationOptions};
use libfuzzer_sys::{Corpus, fuzz_target};
use namespace_jwt_core::access::{Access, Memory};
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::request::Presented;
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_fuzz::keys::{HEADER, Signer};
use serde_json::{Value, json};
use testkit::contract::json::Json;
use testkit::contract::{self, Asked};

struct Filter {
    asked: Asked,
    access: Access,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(|| (0..=255).map(filter).collect());

/// A filter with the parts of its policy that the bits choose.
fn filter(bits: u8) -> Filter {
    let bit = |n: u8| bits >> n & 1 == 1;
    let asked = Asked {
        namespace_id: "n",
        application_id: bit(0).then_some("a"),
        issuer: bit(1).then_some("SCALEWAY"),
        audience: bit(2).then_some("functions"),
        require_expiration: bit(3),
        max_lifetime_seconds: bit(4).then_some(50),
        expiration_leeway_seconds: if bit(5) { 5 } else { 0 },
        not_before_leeway_seconds: if bit(6) { 0 } else { 60 },
        revoked_token_id: bit(7).then_some("j"),
    };
    let mut members = json!({
        "namespace_id": asked.namespace_id, "public_key": SIGNER.public_pem(),
        "require_expiration": asked.require_expiration,
        "expiration_leeway_seconds": asked.expiration_leeway_seconds,
        "not_before_leeway_seconds": asked.not_before_leeway_seconds,
    });
    let mut member = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members[name] = value;
        }
    };
    member("application_id", asked.application_id.map(Value::from));
    member("issuer", asked.issuer.map(Value::from));
    member("audience", asked.audience.map(Value::from));
    member("max_lifetime_seconds", asked.max_lifetime_seconds.map(Value::from));
    member("revoked_token_ids", asked.revoked_token_id.map(|id| json!([id])));
    let config = Config::from_json(members.to_string().as_bytes(), &Environment::default());
    Filter { asked, access: config.expect("a good configuration").access }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let [bits, second, payload @ ..] = input else { return Corpus::Reject };
    let now = 1_700_000_000 - 64 + u64::from(*second);
    let Filter { asked, access } = &FILTERS[usize::from(*bits)];
    let token = SIGNER.token(HEADER, payload);
    let mut memory = Memory::new(10);
    let mut decide = |token: &str| {
        let presented = Presented::Token(token.as_bytes());
        let decision =
            access.decide(presented.into(), None, &Guest, &mut memory, UnixTime::from_secs(now));
        decision.map_or_else(|denial| denial.code(), |admitted| admitted.code())
    };
    let code = decide(&token);
    let expected = match contract::token(token.as_bytes()) {
        Some(Ok(_)) => contract::judge(payload, asked, now),
        Some(Err(code)) => Some(code),
        None => None,
    };
    if let Some(expected) = expected {
        assert_eq!(code, expected, "at {now}, asked for {asked:?}");
    }
    if code == "allowed" {
        assert_eq!(decide(&token), "allowed", "from the cache");
        // One bit of it, wherever the payload's length says.
        let mut changed = token.clone().into_bytes();
        let place = payload.len().wrapping_mul(31) % changed.len();
        changed[place] ^= 1;
        if let Ok(changed) = String::from_utf8(changed) {
            assert_ne!(decide(&changed), "allowed", "with the bit at {place} changed");
        }
        assert_library_agrees(&token, payload, now, asked.expiration_leeway_seconds);
    }
    Corpus::Keep
});

/// What is let in is good by jwt-simple's own judgement too, as far as it reads the same:
/// it knows no fractions of a second, and other claims of fixed types.
fn assert_library_agrees(token: &str, payload: &[u8], now: u64, leeway: u64) {
    let Some(Json::Object(claims)) = Json::read(payload) else { unreachable!() };
    let same = claims.iter().all(|(name, value)| match name.as_str() {
        "exp" | "nbf" | "iat" => {
            matches!(value, Json::Number(it) if it.whole.is_some_and(|it| it < 1 << 32))
        }
        "iss" | "aud" | "jti" | "application_claim" => true,
        _ => false,
    });
    if !same {
        return;
    }
    let options = VerificationOptions {
        accept_future: true,
        time_tolerance: Some(Duration::from_secs(leeway)),
        max_token_length: None,
        artificial_time: Some(Duration::from_secs(now)),
        ..VerificationOptions::default()
    };
    let key = Ed25519PublicKey::from_bytes(SIGNER.public()).expect("a good key");
    let library = key.verify_token::<Value>(token, Some(options));
    assert!(library.is_ok(), "jwt-simple refuses: {:?}", library.err());
}
