//! What the issuer mints is what the filter reads.

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

use namespace_jwt_core::access::Access;
use namespace_jwt_core::claims;
use namespace_jwt_core::config::{Config, Environment};
use namespace_jwt_core::signature::guest::Guest;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::verify::verify;
use namespace_jwt_issuer::signing::keys::{KeyType, SigningKey};
use namespace_jwt_issuer::signing::mint::{Resource, TokenRequest, mint};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

const NOW: u64 = 1_700_000_000;

proptest! {
    // A failure says what its input was; there is no file to keep.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_minted_is_what_is_verified(
        id in "[A-Za-z0-9._~:+=@!&?-]{1,40}", application in any::<bool>(),
        lifetime in option::of(1..1_000_000_000_u64), issuer in ".*", audience in ".*",
    ) {
        let key = SigningKey::generate(KeyType::Ed25519).unwrap();
        let resource = if application { Resource::Application(id) } else { Resource::Namespace(id) };
        let now = UnixTime::from_secs(NOW);
        let expires_at = lifetime.map(|lifetime| UnixTime::from_secs(NOW + lifetime));
        let request = TokenRequest { issuer, audience, ..TokenRequest::new(resource, expires_at) };
        let token = mint(&key, &request, now).unwrap();
        let config = json!({"namespace_id": "n", "public_key": key.public_pem().unwrap()});
        let config = Config::from_json(config.to_string().as_bytes(), &Environment::default());
        let Access::Private(private) = config.unwrap().access else { unreachable!() };
        let keys = private.keys;
        let verified = verify(token.as_bytes(), &keys, &Guest);
        let claims = verified.map_err(|it| TestCaseError::fail(it.denial.code()))?.claims().clone();
        let expected = claims::Claims {
            expires_at,
            not_before: Some(now),
            issued_at: Some(now),
            issuer: Some(request.issuer),
            audiences: vec![request.audience],
            token_id: Some(request.token_id.to_string()),
            token_uuid: Some(request.token_id.into_bytes()),
            grants: vec![match request.resource {
                Resource::Namespace(id) => claims::Grant::Namespace(id),
                Resource::Application(id) => claims::Grant::Application(id),
            }],
        };
        prop_assert_eq!(claims, expected);
    }
}
