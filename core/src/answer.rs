//! What a refused client gets: the one place where a reason becomes an HTTP response.

use crate::reason::{Denial, Fault};

/// The statuses that a refusal may have (RFC 9110 §15.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 401: the client is told how to authenticate.
    Unauthorized = 401,
    /// 403.
    Forbidden = 403,
    /// 404: as if there were nothing here.
    NotFound = 404,
    /// 503: the client may try again. It can't be configured.
    ServiceUnavailable = 503,
}

/// When, in seconds: about when a filter asks its issuer again.
const RETRY_AFTER: &str = "5";

/// The configured statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// Of a request without a token.
    pub missing_token: Status,
    /// Of a request with a token that doesn't open this application.
    pub invalid_token: Status,
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: Status,
    /// Names and values.
    pub headers: Vec<(&'static str, &'static str)>,
    /// JSON, in the platform's error shape. It holds nothing that the client sent.
    pub body: String,
}

impl Statuses {
    /// The response to a refused request.
    pub fn answer(self, denial: Denial) -> Answer {
        let message = denial.message();
        let authentication = |reason| {
            format!(
                r#"{{"type":"denied_authentication","method":"jwt","reason":"{reason}","message":"{message}"}}"#
            )
        };
        let permissions_denied =
            || format!(r#"{{"type":"permissions_denied","message":"{message}","details":[]}}"#);
        let (status, body) = match denial.fault() {
            Fault::NotFound => (self.missing_token, authentication("not_found")),
            Fault::Expired => (self.invalid_token, authentication("expired")),
            Fault::InvalidArgument => (self.invalid_token, authentication("invalid_argument")),
            Fault::PermissionsDenied => (self.invalid_token, permissions_denied()),
            // Neither says anything of a token, so neither has a token's status.
            Fault::UnprotectedRoute => (Status::Forbidden, permissions_denied()),
            Fault::Unavailable => (
                Status::ServiceUnavailable,
                format!(r#"{{"type":"unavailable","message":"{message}"}}"#),
            ),
        };
        let mut headers = vec![("content-type", "application/json"), ("cache-control", "no-store")];
        if status == Status::Unauthorized {
            headers.push(("www-authenticate", challenge(denial)));
        }
        if status == Status::ServiceUnavailable {
            headers.push(("retry-after", RETRY_AFTER));
        }
        Answer { status, headers, body }
    }
}

/// RFC 6750 §3: no error code where the client sent no token. `insufficient_scope` goes
/// with 403 alone (§3.1).
fn challenge(denial: Denial) -> &'static str {
    match denial.fault() {
        Fault::NotFound => "Bearer",
        // The last two never come with 401.
        Fault::Expired
        | Fault::InvalidArgument
        | Fault::PermissionsDenied
        | Fault::UnprotectedRoute
        | Fault::Unavailable => r#"Bearer error="invalid_token""#,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_answer_has_the_platforms_shape_and_the_configured_status() {
        let statuses =
            Statuses { missing_token: Status::Unauthorized, invalid_token: Status::NotFound };
        for denial in Denial::ALL {
            let answer = statuses.answer(denial);
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["message"], denial.message());
            let (status, kind, reason) = match denial {
                Denial::MissingToken => {
                    (Status::Unauthorized, "denied_authentication", Some("not_found"))
                }
                Denial::Expired => (Status::NotFound, "denied_authentication", Some("expired")),
                Denial::NotGranted => (Status::NotFound, "permissions_denied", None),
                Denial::UnprotectedRoute => (Status::Forbidden, "permissions_denied", None),
                Denial::TrustUnavailable => (Status::ServiceUnavailable, "unavailable", None),
                _ => (Status::NotFound, "denied_authentication", Some("invalid_argument")),
            };
            assert_eq!(answer.status, status, "{denial:?}");
            assert_eq!(body["type"], kind, "{denial:?}");
            assert_eq!(body["reason"].as_str(), reason, "{denial:?}");
            assert_eq!(body["method"].as_str(), reason.map(|_| "jwt"), "{denial:?}");
            let details = kind == "permissions_denied";
            assert_eq!(body.get("details").is_some(), details, "{denial:?}");
            let retry = answer.headers.contains(&("retry-after", "5"));
            assert_eq!(retry, denial == Denial::TrustUnavailable, "{denial:?}");
        }
    }

    #[test]
    fn only_a_401_challenges() {
        let challenge = |status, denial| {
            let statuses = Statuses { missing_token: status, invalid_token: status };
            let headers = statuses.answer(denial).headers;
            headers
                .into_iter()
                .find_map(|(name, value)| (name == "www-authenticate").then_some(value))
        };
        let bad = Some(r#"Bearer error="invalid_token""#);
        assert_eq!(challenge(Status::Unauthorized, Denial::MissingToken), Some("Bearer"));
        assert_eq!(challenge(Status::Unauthorized, Denial::Expired), bad);
        assert_eq!(challenge(Status::Unauthorized, Denial::MultipleTokens), bad);
        assert_eq!(challenge(Status::Unauthorized, Denial::NotGranted), bad);
        assert_eq!(challenge(Status::Unauthorized, Denial::UnprotectedRoute), None);
        assert_eq!(challenge(Status::Unauthorized, Denial::TrustUnavailable), None);
        assert_eq!(challenge(Status::Forbidden, Denial::MissingToken), None);
        assert_eq!(challenge(Status::NotFound, Denial::BadSignature), None);
    }
}
