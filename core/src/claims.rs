//! What a token says (RFC 7519 §4): strict JSON to types that exist only when valid.

use serde::Deserialize;

use crate::identifier;
use crate::json::{self, Object};
use crate::time::UnixTime;

/// The `iss` of the platform's tokens.
pub const PLATFORM_ISSUER: &str = "SCALEWAY";

/// The `aud` of the platform's tokens.
pub const PLATFORM_AUDIENCE: &str = "functions";

/// The claims that decide something. The others may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `exp`; none when the token never expires.
    pub expires_at: Option<UnixTime>,
    /// `nbf`.
    pub not_before: Option<UnixTime>,
    /// `iat`.
    pub issued_at: Option<UnixTime>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`: a string or an array of them; empty when there is none.
    pub audiences: Vec<String>,
    /// `jti`.
    pub token_id: Option<String>,
    /// The UUID that `jti` is, if it is one: the same in any case of its digits.
    pub token_uuid: Option<[u8; 16]>,
    /// `application_claim`, without the entries that can't grant anything.
    pub grants: Vec<Grant>,
}

/// What one entry of `application_claim` opens. There is no value for an entry that
/// names nothing or contradicts itself: such an entry is not a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Every application of this namespace.
    Namespace(String),
    /// This application.
    Application(String),
    /// This application, if it is in this namespace.
    ApplicationIn {
        /// The namespace's id.
        namespace_id: String,
        /// The application's id.
        application_id: String,
    },
}

/// The claims are not of the form that they must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Claims {
    /// Reads a verified token's payload.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it isn't one JSON object with distinct names, or when a claim
    /// of [`Claims`] is there without being of its type; `null` is no claim's type.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let raw: RawClaims = json::object(payload).map_err(|_| Malformed)?;
        let entries = raw.application_claim.unwrap_or_default();
        Ok(Self {
            expires_at: raw.exp,
            not_before: raw.nbf,
            issued_at: raw.iat,
            issuer: raw.iss,
            audiences: raw.aud.map(Audience::into_vec).unwrap_or_default(),
            token_uuid: raw.jti.as_deref().and_then(identifier::uuid),
            token_id: raw.jti,
            grants: entries.into_iter().filter_map(|Object(entry)| entry.into_grant()).collect(),
        })
    }
}

#[derive(Deserialize)]
struct RawClaims {
    #[serde(default, deserialize_with = "json::present")]
    exp: Option<UnixTime>,
    #[serde(default, deserialize_with = "json::present")]
    nbf: Option<UnixTime>,
    #[serde(default, deserialize_with = "json::present")]
    iat: Option<UnixTime>,
    #[serde(default, deserialize_with = "json::present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    aud: Option<Audience>,
    #[serde(default, deserialize_with = "json::present")]
    jti: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    application_claim: Option<Vec<Object<RawGrant>>>,
}

/// RFC 7519 §4.1.3.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(audience) => vec![audience],
            Self::Several(audiences) => audiences,
        }
    }
}

/// An entry as it is written. An id that is absent, `null` or empty is not given.
#[derive(Deserialize)]
struct RawGrant {
    #[serde(default)]
    namespace_id: Option<String>,
    #[serde(default)]
    application_id: Option<String>,
    /// An older name of `application_id`.
    #[serde(default)]
    function_id: Option<String>,
    /// An older name of `application_id`.
    #[serde(default)]
    container_id: Option<String>,
}

impl RawGrant {
    fn into_grant(self) -> Option<Grant> {
        let given = |id: Option<String>| id.filter(|id| !id.is_empty());
        let names = [self.application_id, self.function_id, self.container_id];
        let mut applications = names.into_iter().filter_map(given);
        let application_id = applications.next();
        if applications.any(|other| Some(other) != application_id) {
            return None;
        }
        match (given(self.namespace_id), application_id) {
            (Some(namespace_id), None) => Some(Grant::Namespace(namespace_id)),
            (None, Some(application_id)) => Some(Grant::Application(application_id)),
            (Some(namespace_id), Some(application_id)) => {
                Some(Grant::ApplicationIn { namespace_id, application_id })
            }
            (None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn grants(application_claim: &str) -> Option<Vec<Grant>> {
        let payload = format!(r#"{{"application_claim":{application_claim}}}"#);
        Claims::parse(payload.as_bytes()).ok().map(|claims| claims.grants)
    }

    #[test]
    fn an_entry_grants_what_its_non_empty_ids_name() {
        let namespace = || Grant::Namespace("n".into());
        let application = || Grant::Application("a".into());
        let both = Grant::ApplicationIn { namespace_id: "n".into(), application_id: "a".into() };
        for (entry, expected) in [
            (r#"{"namespace_id":"n","application_id":""}"#, Some(namespace())),
            (r#"{"namespace_id":"n","application_id":null}"#, Some(namespace())),
            (r#"{"namespace_id":"n"}"#, Some(namespace())),
            (r#"{"namespace_id":"","application_id":"a"}"#, Some(application())),
            (r#"{"namespace_id":null,"application_id":"a"}"#, Some(application())),
            (r#"{"application_id":"a"}"#, Some(application())),
            (r#"{"function_id":"a"}"#, Some(application())),
            (r#"{"container_id":"a"}"#, Some(application())),
            (r#"{"container_id":"a","application_id":"a","function_id":"a"}"#, Some(application())),
            (r#"{"application_id":"","function_id":"a"}"#, Some(application())),
            (r#"{"namespace_id":"n","application_id":"a"}"#, Some(both)),
            (r#"{"application_id":"a","function_id":"b"}"#, None),
            (r#"{"function_id":"a","container_id":"b"}"#, None),
            (r#"{"namespace_id":"n","application_id":"a","container_id":"b"}"#, None),
            (r#"{"namespace_id":"","application_id":""}"#, None),
            (r#"{"namespace_id":null}"#, None),
            (r#"{}"#, None),
            (r#"{"Namespace_id":"n","NAMESPACE_ID":"n"}"#, None),
        ] {
            assert_eq!(grants(&format!("[{entry}]")), Some(Vec::from_iter(expected)), "{entry}");
        }
    }

    #[test]
    fn application_claim_is_an_array_of_objects_with_string_ids() {
        assert_eq!(Claims::parse(b"{}").map(|claims| claims.grants), Ok(vec![]));
        assert_eq!(grants("[]"), Some(vec![]));
        for malformed in [
            "null",
            r#"{"namespace_id":"n"}"#,
            r#""n""#,
            r#""[{\"namespace_id\":\"n\"}]""#,
            "1",
            r#"[["n"]]"#,
            r#"["n"]"#,
            "[null]",
            r#"[{"namespace_id":1}]"#,
            r#"[{"namespace_id":["n"]}]"#,
            r#"[{"namespace_id":"n","namespace_id":"m"}]"#,
        ] {
            assert_eq!(grants(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn a_claim_that_is_there_has_its_type() {
        for (payload, good) in [
            (r#"{"exp":1,"nbf":1.5,"iat":0,"iss":"i","aud":"a","jti":"j"}"#, true),
            (r#"{"aud":["a","b"],"sub":7,"version":null,"x":[{}]}"#, true),
            (r#"{"exp":null}"#, false),
            (r#"{"exp":"1"}"#, false),
            (r#"{"nbf":true}"#, false),
            (r#"{"iat":[1]}"#, false),
            (r#"{"exp":-1}"#, false),
            (r#"{"exp":1e400}"#, false),
            (r#"{"exp":1,"exp":2}"#, false),
            (r#"{"iss":1}"#, false),
            (r#"{"iss":null}"#, false),
            (r#"{"aud":{}}"#, false),
            (r#"{"aud":["a",1]}"#, false),
            (r#"{"jti":1}"#, false),
            (r#"[1]"#, false),
            (r#""{}""#, false),
            ("1", false),
            ("", false),
        ] {
            assert_eq!(Claims::parse(payload.as_bytes()).is_ok(), good, "{payload}");
        }
    }
}
