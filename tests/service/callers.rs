//! Who calls: a key in `X-Auth-Token`, and what its absence or another one is answered.

use serde_json::json;
use testkit::service::Service;

use crate::UNKNOWN;

#[test]
fn a_key_that_is_missing_malformed_or_unknown_is_401_in_the_platform_s_shape() {
    let service = Service::started();
    let client = service.client();
    let variables = service.variables();
    let access_key = &variables["SCW_ACCESS_KEY"];
    for (what, key, reason) in [
        ("none", None, "invalid_argument"),
        ("an empty one", Some(""), "invalid_argument"),
        ("no UUID", Some("secret"), "invalid_argument"),
        ("the access key", Some(access_key.as_str()), "invalid_argument"),
        ("another one", Some(UNKNOWN), "not_found"),
    ] {
        for path in [client.functions("/namespaces"), client.containers("/tokens/nope")] {
            let answer = client.with_key(key).get(&path);
            assert_eq!(answer.status, 401, "{what}");
            let expected = json!({
                "message": "authentication is denied",
                "type": "denied_authentication",
                "method": "api_key",
                "reason": reason,
            });
            assert_eq!(answer.json(), expected, "{what}");
        }
    }
}

#[test]
fn after_30_failures_a_minute_further_ones_are_429_and_a_good_key_is_served() {
    let service = Service::started();
    let client = service.client();
    let stranger = client.with_key(Some(UNKNOWN));
    let path = client.functions("/namespaces");
    for n in 1..=30 {
        assert_eq!(stranger.get(&path).status, 401, "failure {n}");
        assert_eq!(client.get(&path).status, 200, "after failure {n}");
    }
    for what in ["the first", "the second"] {
        let answer = stranger.get(&path);
        assert_eq!(answer.status, 429, "{what} after 30");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
        let body = answer.json();
        assert!(body["message"].is_string() && body["type"].is_string(), "{body}");
        assert_eq!(client.get(&path).status, 200, "the good key after {what}");
    }
}
