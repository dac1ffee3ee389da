//! The filter's configuration: JSON and environment in, types that are valid out.

mod jwks;
mod keys;
mod members;
mod notices;
mod texts;
mod trust;

use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::access::{Access, Policy, Private, Protected, Protects};
use crate::answer::{Status, Statuses};
use crate::cache;
use crate::key::AllowedAlgorithms;
use crate::request::{TokenCookie, TokenHeader};
use crate::signature::Algorithm;
use crate::signature::rsa;
use crate::trust::name::{Id, Scope};
use members::Members;
pub use notices::{Notice, NoticeLevel};
pub use trust::{AccessKey, Trust};

/// The name of every member. A name that isn't here is never read, whatever asks for it.
pub const MEMBERS: [&str; 27] = [
    "namespace_id",
    "application_id",
    "public",
    "public_key",
    "public_keys",
    "jwks",
    "algorithms",
    "token_headers",
    "token_cookies",
    "forward_token",
    "allow_cors_preflight",
    "missing_token_status",
    "invalid_token_status",
    "issuer",
    "audience",
    "require_expiration",
    "max_lifetime_seconds",
    "expiration_leeway_seconds",
    "not_before_leeway_seconds",
    "revoked_token_ids",
    "mode",
    "signature_verification",
    "token_cache_size",
    "metrics_name",
    "protect",
    "credentials",
    "trust",
];

/// The name of every member of `trust`.
pub const TRUST_MEMBERS: [&str; 9] = [
    "cluster",
    "authority",
    "path",
    "public_keys",
    "access_key",
    "wait_seconds",
    "refresh_seconds",
    "max_staleness_seconds",
    "when_stale",
];

/// The variables that stand in for members, each with its member.
pub const VARIABLES: [(&str, &str); 6] = [
    ("SCW_PUBLIC", "public"),
    ("SCW_PUBLIC_KEY", "public_key"),
    ("SCW_NAMESPACE_ID", "namespace_id"),
    ("SCW_APPLICATION_ID", "application_id"),
    ("NAMESPACE_JWT_TRUST_KEY", "trust.public_keys"),
    ("NAMESPACE_JWT_TRUST_ACCESS_KEY", "trust.access_key"),
];

/// Everything that the filter is told.
pub struct Config {
    /// Who may pass.
    pub access: Access,
    /// How the trust feed is followed, if it is.
    pub trust: Option<Trust>,
    /// The request headers that may carry the token.
    pub token_headers: Vec<TokenHeader>,
    /// The cookies that may carry the token.
    pub token_cookies: Vec<TokenCookie>,
    /// Whether the application sees the token.
    pub forward_token: bool,
    /// Whether CORS preflights need no token.
    pub allow_cors_preflight: bool,
    /// The statuses of refusals.
    pub statuses: Statuses,
    /// What happens to a request that is refused.
    pub mode: Mode,
    /// Whose crypto checks signatures.
    pub signature_verification: SignatureVerification,
    /// How many verified tokens each worker remembers.
    pub token_cache_size: usize,
    /// What tells this plugin's counters from others' of the same proxy.
    pub metrics_name: Option<String>,
    /// What an operator should know about it.
    pub notices: Vec<Notice>,
    /// The variables that stood in for members: `SCW_PUBLIC`.
    pub from_environment: Vec<&'static str>,
}

/// What happens to a request that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A refused request is answered and goes no further.
    Enforce,
    /// A refused request is counted and logged, and goes on to the application.
    ReportOnly,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Enforce, Self::ReportOnly];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::ReportOnly => "report_only",
        }
    }
}

/// Whose crypto checks signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVerification {
    /// The proxy's if it passes a self-test at start, else the crypto compiled in.
    Auto,
    /// Only the proxy's.
    Host,
    /// Only the crypto compiled in.
    Guest,
}

/// The environment variables that the platform sets, and those of the trust feed. A member of the
/// plugin configuration wins over its variable. An empty id or key counts as not set.
#[derive(Clone, Debug, Default, Hash)]
pub struct Environment {
    /// `SCW_PUBLIC`: exactly `true` or `false`.
    pub public: Option<String>,
    /// `SCW_PUBLIC_KEY`: PEM.
    pub public_key: Option<String>,
    /// `SCW_NAMESPACE_ID`.
    pub namespace_id: Option<String>,
    /// `SCW_APPLICATION_ID`.
    pub application_id: Option<String>,
    /// `NAMESPACE_JWT_TRUST_KEY`: one or several PEM.
    pub trust_key: Option<String>,
    /// `NAMESPACE_JWT_TRUST_ACCESS_KEY`.
    pub trust_access_key: Option<AccessKey>,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A member or variable doesn't hold what it should.
    Unusable {
        /// Its name and place: `public_keys[1]`, `SCW_PUBLIC`.
        member: String,
        /// What it should have been.
        expected: String,
        /// What it was. A key is never quoted.
        found: String,
    },
    /// The configuration has no member of that name.
    Unknown {
        /// The name as written, escaped and cut.
        name: String,
        /// The member whose name is most like it.
        meant: Option<&'static str>,
    },
}

impl ConfigError {
    fn new(
        member: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Unusable { member: member.into(), expected: expected.into(), found: found.into() }
    }

    /// A key that can't be used, in such a form.
    fn unusable_key(member: String, form: &str, found: impl fmt::Display) -> Self {
        let (least, most) = (rsa::BITS.start(), rsa::BITS.end());
        let expected = format!(
            "{form} public key: RSA ({least} to {most} bits), EC P-256, EC P-384 or Ed25519"
        );
        Self::new(member, expected, found.to_string())
    }

    /// The member or variable at fault.
    pub fn member(&self) -> &str {
        match self {
            Self::Unusable { member: name, .. } | Self::Unknown { name, .. } => name,
        }
    }

    /// Whether there was nothing where something is needed.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Unusable { found, .. } if matches!(found.as_str(), "nothing" | "none"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable { member, expected, found } => {
                write!(f, "{member}: expected {expected}, found {found}")
            }
            Self::Unknown { name, meant: None } => write!(f, "unknown member `{name}`"),
            Self::Unknown { name, meant: Some(meant) } => {
                write!(f, "unknown member `{name}`; did you mean `{meant}`?")
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Environment {
    /// Reads the variables through `lookup`, usually [`std::env::var_os`].
    ///
    /// # Errors
    ///
    /// A variable that isn't UTF-8.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let variable = |name: &str| match lookup(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(ConfigError::new(name, "UTF-8", "other bytes")),
        };
        Ok(Self {
            public: variable("SCW_PUBLIC")?,
            public_key: variable("SCW_PUBLIC_KEY")?,
            namespace_id: variable("SCW_NAMESPACE_ID")?,
            application_id: variable("SCW_APPLICATION_ID")?,
            trust_key: variable("NAMESPACE_JWT_TRUST_KEY")?,
            trust_access_key: variable("NAMESPACE_JWT_TRUST_ACCESS_KEY")?.map(AccessKey::from),
        })
    }

    /// What of it counts where routes say what is protected: nothing that names it.
    fn of_routes(&self) -> Self {
        let Self { trust_key, trust_access_key, .. } = self.clone();
        Self { trust_key, trust_access_key, ..Self::default() }
    }

    /// The variables that are set and whose member is left out.
    fn standing_in(&self, members: &Members) -> Vec<&'static str> {
        let Self { public, public_key, namespace_id, application_id, trust_key, trust_access_key } =
            self;
        let trust = members.has("trust");
        let set: [bool; VARIABLES.len()] = [
            public.is_some(),
            public_key.is_some(),
            namespace_id.is_some(),
            application_id.is_some(),
            trust && trust_key.is_some(),
            trust && trust_access_key.is_some(),
        ];
        let mut variables = VARIABLES.into_iter().zip(set).collect::<Vec<_>>();
        variables.retain(|((_, member), set)| *set && !members.has(member));
        variables.into_iter().map(|((name, _), _)| name).collect()
    }
}

impl Config {
    /// Reads a plugin configuration, a JSON object in UTF-8 or nothing at all, with the
    /// environment for the members that it leaves out.
    ///
    /// # Errors
    ///
    /// The first member that is unknown, of the wrong type, out of range, unusable, or
    /// missing.
    pub fn from_json(json: &[u8], environment: &Environment) -> Result<Self, ConfigError> {
        let mut members = Members::parse(json)?;
        let by_route = by_route(&mut members)?;
        let environment = &if by_route { environment.of_routes() } else { environment.clone() };
        let from_environment = environment.standing_in(&members);
        let public = match members.flag("public")? {
            Some(public) => public,
            None => public_variable(environment)?,
        };
        let variable = ("SCW_NAMESPACE_ID", given(&environment.namespace_id));
        let namespace_id = texts::id(&mut members, "namespace_id", variable)?;
        let variable = ("SCW_APPLICATION_ID", given(&environment.application_id));
        let application_id = texts::id(&mut members, "application_id", variable)?;
        let mut notices = Vec::new();
        let allowed = keys::algorithms(&mut members)?;
        let keys = keys::read(&mut members, environment, allowed.as_deref(), &mut notices)?;
        credentials(&mut members)?;
        let scope = match &namespace_id {
            None => Some(Scope::All),
            Some(id) => Id::of(id).map(Scope::Namespace),
        };
        let static_keys = !keys.keys().is_empty();
        let trust = Trust::read(&mut members, environment, scope, static_keys, &mut notices)?;
        let ids = [namespace_id.as_deref(), application_id.as_deref()];
        let policy = policy(&mut members, ids, trust.is_some(), &mut notices)?;
        let is_named = namespace_id.is_some();
        let protects = if by_route {
            Protects::Route { namespace_id }
        } else {
            // A public application needs no namespace and no key, but what is there is checked.
            let namespace_id = namespace_id.unwrap_or_default();
            Protects::Configured(Protected::new(namespace_id, application_id))
        };
        let mut private = Private::new(protects, keys, policy);
        private.allowed = allowed.map(AllowedAlgorithms::listed).unwrap_or_default();
        private.follows_feed = trust.is_some();
        let mut config = Self {
            access: if public { Access::Public } else { Access::Private(Box::new(private)) },
            trust,
            token_headers: texts::token_headers(&mut members, &mut notices)?,
            token_cookies: texts::token_cookies(&mut members)?,
            forward_token: members.flag("forward_token")?.unwrap_or(false),
            allow_cors_preflight: members.flag("allow_cors_preflight")?.unwrap_or(false),
            statuses: Statuses {
                missing_token: status(&mut members, "missing_token_status")?,
                invalid_token: status(&mut members, "invalid_token_status")?,
            },
            mode: members
                .choice("mode", &Mode::ALL.map(|mode| (mode.name(), mode)))?
                .unwrap_or(Mode::Enforce),
            signature_verification: members
                .choice(
                    "signature_verification",
                    &[
                        ("auto", SignatureVerification::Auto),
                        ("host", SignatureVerification::Host),
                        ("guest", SignatureVerification::Guest),
                    ],
                )?
                .unwrap_or(SignatureVerification::Auto),
            token_cache_size: members
                .count("token_cache_size", cache::MAX_ENTRIES)?
                .unwrap_or(10_000),
            metrics_name: texts::metrics_name(&mut members)?,
            notices,
            from_environment,
        };
        members.refuse_rest()?;
        if let Access::Private(private) = &config.access {
            private.refuse_incomplete(by_route, is_named)?;
        }
        config.notices.extend(notices::about(&config));
        Ok(config)
    }

    /// What it comes to, on one line: what is protected, and by which keys. `by_guest` are
    /// the algorithms in use that the crypto compiled in checks, not the proxy's.
    pub fn summary(&self, by_guest: &[Algorithm]) -> String {
        notices::summary(self, by_guest)
    }

    /// The name of the counter of decisions with this code.
    pub fn counter_name(&self, code: &str) -> String {
        self.metric("decision", code)
    }

    /// The name of a counter or gauge of the trust feed's.
    pub fn trust_metric(&self, name: &str) -> String {
        self.metric("trust", name)
    }

    fn metric(&self, about: &str, name: &str) -> String {
        match &self.metrics_name {
            None => format!("namespace_jwt.{about}.{name}"),
            Some(of) => format!("namespace_jwt.{of}.{about}.{name}"),
        }
    }
}

impl Private {
    /// Refuses what could let nobody in.
    fn refuse_incomplete(&self, by_route: bool, is_named: bool) -> Result<(), ConfigError> {
        let has_keys = !self.keys.keys().is_empty();
        if by_route && has_keys && !is_named {
            let expected = "the id of the namespace that the configured keys vouch for, or no keys";
            return Err(ConfigError::new("namespace_id", expected, "nothing"));
        }
        if !by_route && !is_named {
            let expected =
                "the id of the namespace to protect (or SCW_NAMESPACE_ID, or `public`: true)";
            return Err(ConfigError::new("namespace_id", expected, "nothing"));
        }
        if has_keys || self.follows_feed {
            return Ok(());
        }
        let (member, expected) = match by_route {
            true => ("trust", "the feed that has the keys (or `namespace_id` and a key)"),
            false => (
                "public_key",
                "a key in `public_key`, `public_keys`, `jwks` or SCW_PUBLIC_KEY, or `trust`",
            ),
        };
        Err(ConfigError::new(member, expected, "none"))
    }
}

/// Whether routes say what is protected. Then nothing else may.
fn by_route(members: &mut Members) -> Result<bool, ConfigError> {
    let by_route = members.choice("protect", &[("configured", false), ("route", true)])?;
    let by_route = by_route.unwrap_or(false);
    for member in ["public", "application_id"] {
        if by_route && members.has(member) {
            let expected = "no such member beside `protect`: \"route\", where routes say it";
            return Err(ConfigError::new(member, expected, "one"));
        }
    }
    Ok(by_route)
}

/// What a request may come with: a token, so far.
fn credentials(members: &mut Members) -> Result<(), ConfigError> {
    const EXPECTED: &str = "[\"jwt\"]";
    let Some(names) = members.texts("credentials")? else { return Ok(()) };
    match names.iter().find(|name| *name != "jwt") {
        Some(other) if other == "api_key" => {
            let found = "\"api_key\", which this version doesn't take yet";
            Err(ConfigError::new("credentials", EXPECTED, found))
        }
        Some(other) => {
            let found = members::quote(&Value::from(other.as_str()));
            Err(ConfigError::new("credentials", EXPECTED, found))
        }
        None if names.len() == 1 => Ok(()),
        None => {
            let found = if names.is_empty() { "an empty array" } else { "a name twice" };
            Err(ConfigError::new("credentials", EXPECTED, found))
        }
    }
}

/// The longest that an expired token may be let in where the feed is followed: it forgets a
/// revocation a day after the token expired.
const MOST_LEEWAY: Duration = Duration::from_secs(3600);

fn policy(
    members: &mut Members,
    ids: [Option<&str>; 2],
    follows_feed: bool,
    notices: &mut Vec<Notice>,
) -> Result<Policy, ConfigError> {
    let expiration_leeway = members.seconds("expiration_leeway_seconds")?;
    if follows_feed && expiration_leeway.is_some_and(|leeway| leeway > MOST_LEEWAY) {
        let expected = "at most 3600 beside `trust`";
        let found = expiration_leeway.unwrap_or_default().as_secs().to_string();
        return Err(ConfigError::new("expiration_leeway_seconds", expected, found));
    }
    let not_before_leeway = members.seconds("not_before_leeway_seconds")?;
    let revoked = texts::revoked_token_ids(members, ids, notices)?;
    let max_lifetime = members.seconds("max_lifetime_seconds")?;
    if max_lifetime == Some(Duration::ZERO) {
        let expected = "a whole number of seconds, 1 or more: no token lives 0 seconds";
        return Err(ConfigError::new("max_lifetime_seconds", expected, "0"));
    }
    Ok(Policy {
        issuer: texts::compared(members, "issuer")?,
        audience: texts::compared(members, "audience")?,
        require_expiration: members.flag("require_expiration")?.unwrap_or(false),
        max_lifetime,
        expiration_leeway: expiration_leeway.unwrap_or(Duration::ZERO),
        not_before_leeway: not_before_leeway.unwrap_or(Duration::from_secs(60)),
        revoked,
    })
}

/// A variable's value, unless it is empty.
fn given(variable: &Option<String>) -> Option<String> {
    variable.clone().filter(|value| !value.is_empty())
}

fn public_variable(environment: &Environment) -> Result<bool, ConfigError> {
    match environment.public.as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let found = members::quote(&Value::from(other));
            Err(ConfigError::new("SCW_PUBLIC", "exactly `true` or `false`", found))
        }
    }
}

fn status(members: &mut Members, member: &str) -> Result<Status, ConfigError> {
    match members.take(member) {
        None => Ok(Status::Forbidden),
        Some(value) => match value.as_u64() {
            Some(401) => Ok(Status::Unauthorized),
            Some(403) => Ok(Status::Forbidden),
            Some(404) => Ok(Status::NotFound),
            _ => Err(ConfigError::new(member, "401, 403 or 404", members::quote(&value))),
        },
    }
}

#[cfg(test)]
mod tests;
