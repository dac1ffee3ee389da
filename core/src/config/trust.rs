//! `trust`: how a gateway follows its issuer's trust feed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::members::Members;
use super::{ConfigError, Environment, Notice, TRUST_MEMBERS, given};
use crate::key::pem;
use crate::trust::checkpoint::{MAX_TRUST_KEYS, TrustKeyError, TrustKeys};
use crate::trust::name::{Digest, Scope};
use crate::trust::pace::Pace;
use crate::trust::state::{Settings, WhenStale};

/// The longest wait that can be asked for, and the longest time between two requests.
const HOUR: Duration = Duration::from_secs(3600);

/// How a gateway follows the feed.
#[derive(Clone)]
pub struct Trust {
    /// The proxy's cluster that leads to the issuer or a mirror.
    pub cluster: String,
    /// `:authority` of the requests.
    pub authority: String,
    /// What the paths of the requests begin with, without a `/` at its end.
    pub path: String,
    /// The gateway's key, where the feed needs one.
    pub access_key: Option<AccessKey>,
    /// When it asks.
    pub pace: Pace,
    /// What it asks for, and what it makes of the answers.
    pub settings: Settings,
}

/// A secret: whoever has it reads all of the feed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey(String);

impl AccessKey {
    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for AccessKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

/// Never shown.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey")
    }
}

/// For what tells one configuration from another.
impl Hash for AccessKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Trust {
    /// Reads the member, if it is there. The keys that are configured beside it are `static_keys`.
    pub(super) fn read(
        members: &mut Members,
        environment: &Environment,
        scope: Option<Scope>,
        static_keys: bool,
        notices: &mut Vec<Notice>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(mut members) = members.object("trust", "trust.", &TRUST_MEMBERS)? else {
            return Ok(None);
        };
        let cluster = text(&mut members, "cluster", "the name of one of the proxy's clusters")?;
        let cluster = cluster.ok_or_else(|| {
            let expected = "the proxy's cluster that leads to the issuer";
            ConfigError::new("trust.cluster", expected, "nothing")
        })?;
        let authority = text(&mut members, "authority", "a host, with or without a port")?;
        let authority = authority.unwrap_or_else(|| host_of(&cluster).to_owned());
        if authority.contains(['/', '@', '|']) {
            let expected = "a host, with or without a port";
            return Err(ConfigError::new("trust.authority", expected, "another character"));
        }
        let keys = keys(&mut members, environment)?;
        let access_key = match text(&mut members, "access_key", "a gateway's secret key")? {
            Some(key) => Some(AccessKey(key)),
            None => environment.trust_access_key.clone().filter(|key| !key.0.is_empty()),
        };
        if access_key.as_ref().is_some_and(|key| !is_visible(&key.0)) {
            let expected = "a gateway's secret key, in visible ASCII";
            let name = "NAMESPACE_JWT_TRUST_ACCESS_KEY";
            return Err(ConfigError::new(name, expected, "other characters"));
        }
        let path = path(&mut members)?;
        let within = |time: Option<Duration>, default| time.unwrap_or(Duration::from_secs(default));
        let wait = within(seconds(&mut members, "wait_seconds", 0, HOUR)?, 25);
        let refresh = within(seconds(&mut members, "refresh_seconds", 1, HOUR)?, 5);
        let most = Duration::from_secs(u64::from(u32::MAX));
        let staleness = within(seconds(&mut members, "max_staleness_seconds", 1, most)?, 300);
        let pace = Pace::new(wait, refresh, staleness);
        if pace.wait_seconds() < wait.as_secs() {
            let used = pace.wait_seconds();
            notices.push(Notice::info(format!(
                "trust.wait_seconds: {used} is used, a third of max_staleness_seconds"
            )));
        }
        let choices = [("deny", WhenStale::Deny), ("keep", WhenStale::Keep)];
        let when_stale = members.choice("when_stale", &choices)?.unwrap_or(WhenStale::Deny);
        members.refuse_rest()?;
        let scope = scope.ok_or_else(|| {
            let expected = "a UUID, since the trust feed has a checkpoint for each of them";
            ConfigError::new("namespace_id", expected, "another form")
        })?;
        let max_staleness = staleness;
        let settings =
            Settings { scope, issuer: None, keys, max_staleness, when_stale, static_keys };
        Ok(Some(Self { cluster, authority, path, access_key, pace, settings }))
    }

    /// What tells the feed that is followed from others, for what gateways' workers share.
    pub fn identity(&self) -> Digest {
        let Self { cluster, authority, path, settings, .. } = self;
        let scope = settings.scope.to_string();
        let mut ids: Vec<_> = settings.keys.ids().map(|id| id.to_string()).collect();
        ids.sort_unstable();
        digest([cluster, authority, path, &scope].into_iter().chain(&ids))
    }

    /// The same without the keys, of which others may be pinned to go on with it.
    pub fn address(&self) -> Digest {
        let Self { cluster, authority, path, settings, .. } = self;
        digest([cluster, authority, path, &settings.scope.to_string()])
    }

    /// What tells how it is asked for: one that asks in another way, or may not, doesn't ask for
    /// this one too.
    pub fn manner(&self) -> Digest {
        let Self { access_key, pace, settings, .. } = self;
        let key = access_key.as_ref().map_or("", AccessKey::expose).to_owned();
        let [refresh, staleness] = [pace.refresh(), settings.max_staleness];
        let times = format!("{} {refresh:?} {staleness:?}", pace.wait_seconds());
        digest([&key, &times])
    }
}

fn digest<'a>(parts: impl IntoIterator<Item = &'a String>) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    Digest::new(hasher.finalize().into())
}

/// The host in the name that Istio gives a cluster: `outbound|80||host`.
fn host_of(cluster: &str) -> &str {
    match cluster.rsplit_once('|') {
        Some((_, host)) if !host.is_empty() => host,
        _ => cluster,
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn text(
    members: &mut Members,
    member: &str,
    expected: &str,
) -> Result<Option<String>, ConfigError> {
    let Some(text) = members.text(member)? else { return Ok(None) };
    if is_visible(&text) {
        return Ok(Some(text));
    }
    let found = "white space or other characters";
    Err(ConfigError::new(members.name(member), format!("{expected}, in visible ASCII"), found))
}

fn path(members: &mut Members) -> Result<String, ConfigError> {
    const EXPECTED: &str = "a path that begins with `/`, without `?` and `#`";
    let Some(path) = text(members, "path", EXPECTED)? else { return Ok("/trust/v1".to_owned()) };
    if !path.starts_with('/') || path.contains(['?', '#']) {
        return Err(ConfigError::new("trust.path", EXPECTED, "another form"));
    }
    Ok(path.trim_end_matches('/').to_owned())
}

fn seconds(
    members: &mut Members,
    member: &str,
    least: u64,
    most: Duration,
) -> Result<Option<Duration>, ConfigError> {
    let Some(found) = members.seconds(member)? else { return Ok(None) };
    if (Duration::from_secs(least)..=most).contains(&found) {
        return Ok(Some(found));
    }
    let expected = format!("a whole number of seconds from {least} to {}", most.as_secs());
    Err(ConfigError::new(members.name(member), expected, found.as_secs().to_string()))
}

fn keys(members: &mut Members, environment: &Environment) -> Result<TrustKeys, ConfigError> {
    const MEMBER: &str = "trust.public_keys";
    const EXPECTED: &str = "an Ed25519 public key in PEM, as `issuer trust key` prints it";
    let count = format!("1 to {MAX_TRUST_KEYS} keys in PEM, as `issuer trust key` prints them");
    let (named, pems) = match (members.texts("public_keys")?, given(&environment.trust_key)) {
        (Some(pems), _) => (MEMBER, pems),
        (None, Some(text)) => ("NAMESPACE_JWT_TRUST_KEY", pem::blocks(&text)),
        (None, None) => {
            let expected = format!("{count} (or NAMESPACE_JWT_TRUST_KEY)");
            return Err(ConfigError::new(MEMBER, expected, "none"));
        }
    };
    if !(1..=MAX_TRUST_KEYS).contains(&pems.len()) {
        return Err(ConfigError::new(named, count, format!("{} of them", pems.len())));
    }
    for (n, pem) in pems.iter().enumerate() {
        if let Err(error) = TrustKeys::from_pem([pem.as_str()]) {
            let found = match error {
                TrustKeyError::Key(error) => error.to_string(),
                other => other.to_string(),
            };
            let name = format!("{named}[{n}]");
            return Err(ConfigError::new(name, EXPECTED, found));
        }
    }
    let all = TrustKeys::from_pem(pems.iter().map(String::as_str));
    all.map_err(|error| ConfigError::new(named, EXPECTED, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_host_of_a_clusters_name_is_istios() {
        for (cluster, host) in [
            ("issuer", "issuer"),
            ("outbound|80||issuer.ns.svc.cluster.local", "issuer.ns.svc.cluster.local"),
            ("outbound|80|v1|h", "h"),
            ("odd|", "odd|"),
        ] {
            assert_eq!(host_of(cluster), host);
        }
    }
}
