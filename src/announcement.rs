//! What a configuration comes to, said once in the log. The proxy configures each of its
//! workers and a VM of trial, all with the same words; they tell each other through the data
//! that VMs share.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use namespace_jwt_core::config::Environment;
use namespace_jwt_core::time::UnixTime;

/// How long the workers may take, one after another.
const TOGETHER: Duration = Duration::from_secs(10);

/// The key of the time at which a configuration was last announced.
pub fn key(configuration: &[u8], environment: &Environment) -> String {
    let mut hasher = DefaultHasher::new();
    (configuration, environment).hash(&mut hasher);
    format!("namespace-jwt.announced.{:016x}", hasher.finish())
}

/// A time as the shared value of [`key`].
pub fn value(now: UnixTime) -> [u8; 8] {
    now.since_epoch().as_secs().to_le_bytes()
}

/// Whether nobody announced it a moment ago, given what the others left. What can't be read,
/// or lies ahead, is from nobody.
pub fn is_due(left: Option<&[u8]>, now: UnixTime) -> bool {
    let left = left.and_then(|value| value.try_into().ok()).map(u64::from_le_bytes);
    let age = left.and_then(|then| now.since_epoch().as_secs().checked_sub(then));
    age.is_none_or(|seconds| seconds > TOGETHER.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn it_is_said_once_in_ten_seconds_whatever_the_others_left() {
        let now = UnixTime::from_secs(1_700_000_000);
        let at = |seconds: u64| value(UnixTime::from_secs(seconds));
        for (left, due) in [
            (None, true),
            (Some(&at(1_700_000_000)[..]), false),
            (Some(&at(1_699_999_990)[..]), false),
            (Some(&at(1_699_999_989)[..]), true),
            (Some(&at(1_700_000_001)[..]), true),
            (Some(&at(0)[..]), true),
            (Some(&[0xff; 8][..]), true),
            (Some(&[0; 7][..]), true),
            (Some(&[][..]), true),
        ] {
            assert_eq!(is_due(left, now), due, "{left:?}");
        }
    }

    #[test]
    fn another_configuration_has_another_key() {
        let environment =
            |id: &str| Environment { namespace_id: Some(id.to_owned()), ..Environment::default() };
        assert_eq!(key(b"{}", &environment("n")), key(b"{}", &environment("n")));
        assert_ne!(key(b"{}", &environment("n")), key(b"{}", &environment("m")));
        assert_ne!(key(b"{}", &environment("n")), key(b"{ }", &environment("n")));
    }
}
