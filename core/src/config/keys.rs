//! The configured keys: those of every member, and what they may be used with.

use serde_json::Value;

use super::members::{self, Members};
use super::notices::Notice;
use super::{ConfigError, Environment, given, jwks};
use crate::key::{AllowedAlgorithms, KeySet, MAX_KEYS, PublicKey, pem};
use crate::signature::Algorithm;

/// The keys of every member, in the order in which they are tried.
pub(super) fn read(
    members: &mut Members,
    environment: &Environment,
    listed: Option<&[Algorithm]>,
    notices: &mut Vec<Notice>,
) -> Result<KeySet, ConfigError> {
    let allowed = listed.map(|it| AllowedAlgorithms::listed(it.to_vec())).unwrap_or_default();
    let mut keys = Vec::new();
    let mut pems = Vec::new();
    match members.text("public_key")? {
        Some(pem) => pems.push(("public_key".to_owned(), pem)),
        None => pems
            .extend(given(&environment.public_key).map(|pem| ("SCW_PUBLIC_KEY".to_owned(), pem))),
    }
    let more = members.texts("public_keys")?.unwrap_or_default();
    pems.extend(more.into_iter().enumerate().map(|(n, pem)| (format!("public_keys[{n}]"), pem)));
    for (member, pem) in pems {
        let key = pem::public_key(&pem).and_then(|key| PublicKey::bind(key, None, None, &allowed));
        keys.push(key.map_err(|error| ConfigError::unusable_key(member, "a PEM", error))?);
    }
    let from_pem = keys.len();
    keys.extend(jwks::usable_keys(members, &allowed, notices)?);
    if keys.len() > MAX_KEYS {
        let member = if from_pem > MAX_KEYS { "public_keys" } else { "jwks" };
        let found = format!("{} of them", keys.len());
        return Err(ConfigError::new(member, format!("at most {MAX_KEYS} keys in all"), found));
    }
    let follows_feed = members.has("trust");
    let is_listed =
        |it: &Algorithm| !follows_feed && listed.is_some_and(|listed| listed.contains(it));
    for algorithm in Algorithm::ALL.into_iter().filter(is_listed) {
        if !keys.iter().any(|key: &PublicKey| key.algorithms().contains(&algorithm)) {
            let name = algorithm.name();
            notices.push(Notice::info(format!("algorithms: no key is used with {name}")));
        }
    }
    Ok(KeySet::new(keys))
}

pub(super) fn algorithms(members: &mut Members) -> Result<Option<Vec<Algorithm>>, ConfigError> {
    let Some(names) = members.texts("algorithms")? else { return Ok(None) };
    let expected = || format!("names out of {}", Algorithm::ALL.map(Algorithm::name).join(", "));
    if names.is_empty() {
        return Err(ConfigError::new("algorithms", expected(), "an empty array"));
    }
    let known = |name: &String| {
        let found = || members::quote(&Value::from(name.as_str()));
        Algorithm::from_name(name)
            .ok_or_else(|| ConfigError::new("algorithms", expected(), found()))
    };
    names.iter().map(known).collect::<Result<_, _>>().map(Some)
}
