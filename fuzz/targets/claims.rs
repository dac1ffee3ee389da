//! The form of the claims: what is read, and what is refused, is what the contract says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::claims::{Claims, Grant};
use testkit::contract::json::Json;
use testkit::contract::{self, Asked};

fuzz_target!(|payload: &[u8]| {
    let claims = Claims::parse(payload);
    // A policy that asks for nothing, at a time when nothing has expired.
    let Some(code) = contract::judge(payload, &Asked::default(), 0) else { return };
    assert_eq!(claims.is_err(), code == "malformed_claims", "{code}");
    let Ok(claims) = claims else { return };

    let read = Json::read(payload).expect("claims that are no JSON");
    let text = |name| read.get(name).and_then(Json::as_str);
    assert_eq!(claims.issuer.as_deref(), text("iss"));
    assert_eq!(claims.token_id.as_deref(), text("jti"));
    assert_eq!(claims.expires_at.is_some(), read.get("exp").is_some());
    assert_eq!(claims.not_before.is_some(), read.get("nbf").is_some());
    assert_eq!(claims.issued_at.is_some(), read.get("iat").is_some());
    for grant in &claims.grants {
        let ids = match grant {
            Grant::Namespace(id) | Grant::Application(id) => vec![id],
            Grant::ApplicationIn { namespace_id, application_id } => {
                vec![namespace_id, application_id]
            }
        };
        assert!(ids.into_iter().all(|id| !id.is_empty()), "a grant of nothing");
    }
});
