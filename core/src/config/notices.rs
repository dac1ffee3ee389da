//! What an operator should know about a configuration that is good.

use std::time::Duration;

use super::members::excerpt;
use super::{Config, Mode, Trust};
use crate::access::{Access, Policy, Protected, Protects};
use crate::claims::{PLATFORM_AUDIENCE, PLATFORM_ISSUER};
use crate::identifier;
use crate::key::{KeySet, PublicKey};
use crate::signature::Algorithm;
use crate::trust::state::WhenStale;

/// One line for whoever reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: NoticeLevel,
    /// A sentence. It holds no key, and nothing that is invisible or breaks the line.
    pub text: String,
}

/// How much a [`Notice`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeLevel {
    /// Nothing is wrong.
    Info,
    /// Probably not what was meant.
    Warning,
}

impl Notice {
    pub(super) fn info(text: impl Into<String>) -> Self {
        Self { level: NoticeLevel::Info, text: text.into() }
    }

    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { level: NoticeLevel::Warning, text: text.into() }
    }
}

/// Longer than any leeway for clocks that differ.
const DAY: Duration = Duration::from_secs(SECONDS_OF_A_DAY);
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;
/// How many entries of one list are told apart, so that a long one doesn't flood the log.
pub(super) const TOLD: usize = 16;
/// Longer than any token lives: a limit of it limits nothing.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// [`Config::summary`].
pub(super) fn summary(config: &Config, by_guest: &[Algorithm]) -> String {
    let mode = config.mode.name();
    let metrics = match &config.metrics_name {
        None => String::new(),
        Some(name) => format!(", metrics name {name}"),
    };
    let Access::Private(private) = &config.access else {
        return format!("configured: public, mode {mode}{metrics}");
    };
    let id = |id: &Option<String>, what: &str| match id {
        None => format!("no {what}"),
        Some(id) => format!("{what} {}", excerpt(id)),
    };
    let protects = match &private.protects {
        Protects::Configured(Protected { namespace_id, application_id, .. }) => {
            let application = id(application_id, "application");
            format!("namespace {}, {application}", excerpt(namespace_id))
        }
        Protects::Route { namespace_id: None } => "what routes name".to_owned(),
        Protects::Route { namespace_id } => {
            format!("what routes name in {}", id(namespace_id, "namespace"))
        }
    };
    let key = |key: &PublicKey| {
        let kid = key.id().map_or("no kid".to_owned(), |kid| format!("kid \"{}\"", excerpt(kid)));
        format!("{} ({kid})", key.material().describe())
    };
    let keys = private.keys.keys();
    let of_feed = config.trust.as_ref().map(|_| "those of the trust feed".to_owned());
    let names: Vec<_> = keys.iter().map(key).chain(of_feed).collect();
    let in_use = |key: &PublicKey| key.algorithms().iter().all(|it| by_guest.contains(it));
    let signatures = if by_guest.is_empty() {
        "the proxy".to_owned()
    } else if !keys.is_empty() && keys.iter().all(in_use) {
        "the built-in verification".to_owned()
    } else {
        let names: Vec<_> = by_guest.iter().map(|algorithm| algorithm.name()).collect();
        format!("the proxy, but {} by the built-in verification", names.join(", "))
    };
    let trust = config.trust.as_ref().map(trust_summary).unwrap_or_default();
    format!(
        "configured: mode {mode}, {protects}, keys: {}, signatures by {signatures}{trust}{metrics}",
        names.join(", "),
    )
}

fn trust_summary(trust: &Trust) -> String {
    let settings = &trust.settings;
    let when_stale = match settings.when_stale {
        WhenStale::Deny => "deny",
        WhenStale::Keep => "keep",
    };
    let staleness = settings.max_staleness.as_secs();
    format!(
        ", trust feed of {} by cluster {}, stale after {staleness} seconds ({when_stale})",
        settings.scope,
        excerpt(&trust.cluster)
    )
}

/// Warnings about a configuration as a whole.
pub(super) fn about(config: &Config) -> Vec<Notice> {
    let mut notices = Vec::new();
    match &config.access {
        Access::Public => {
            notices
                .push(Notice::warning("public: every request is let in, with or without a token"));
        }
        Access::Private(private) => {
            if let Protects::Configured(protected) = &private.protects {
                about_ids(protected, &mut notices);
            }
            about_times(&private.policy, &mut notices);
            about_texts(&private.policy, &mut notices);
            about_kids(&private.keys, &mut notices);
        }
    }
    if let Some(trust) = &config.trust {
        about_trust(trust, &mut notices);
    }
    if config.mode == Mode::ReportOnly {
        let mode = config.mode.name();
        notices.push(Notice::warning(format!(
            "mode: {mode}: no request is refused, whatever token it carries"
        )));
    }
    notices
}

fn about_trust(trust: &Trust, notices: &mut Vec<Notice>) {
    let settings = &trust.settings;
    if settings.when_stale == WhenStale::Keep {
        let text = "trust.when_stale: keep: while the issuer can't be reached, what it revokes is \
                    let in, for however long";
        notices.push(Notice::warning(text));
    }
    if settings.max_staleness > DAY {
        let days = settings.max_staleness.as_secs() / SECONDS_OF_A_DAY;
        notices.push(Notice::warning(format!(
            "trust.max_staleness_seconds: what is revoked may be let in for {days} days"
        )));
    }
}

fn about_ids(protected: &Protected, notices: &mut Vec<Notice>) {
    let ids = [
        ("namespace_id", Some(&protected.namespace_id)),
        ("application_id", protected.application_id.as_ref()),
    ];
    for (member, id) in ids {
        let Some(id) = id else { continue };
        if identifier::uuid(id).is_some() && id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            notices.push(Notice::warning(format!(
                "{member}: a UUID with capital letters; the platform writes small ones, and ids \
                 are compared byte for byte"
            )));
        }
        if identifier::is_damaged_uuid(id) || identifier::is_uuid_without_hyphens(id) {
            notices.push(Notice::warning(format!(
                "{member}: it looks like a UUID, but has {} characters in place of 36, or its \
                 hyphens elsewhere",
                id.len()
            )));
        }
        if identifier::holds_uuid_and_more(id) && !identifier::is_damaged_uuid(id) {
            notices.push(Notice::warning(format!(
                "{member}: it holds a UUID and more; only a grant of all of it matches"
            )));
        }
    }
    if protected.application_id.as_ref() == Some(&protected.namespace_id) {
        notices.push(Notice::warning("application_id: it is the same as namespace_id"));
    }
}

fn about_times(policy: &Policy, notices: &mut Vec<Notice>) {
    let days = |time: Duration| time.as_secs() / SECONDS_OF_A_DAY;
    let leeway = policy.expiration_leeway;
    if leeway > DAY {
        let days = days(leeway);
        let text = format!(
            "expiration_leeway_seconds: tokens are let in for {days} days after they expire"
        );
        notices.push(Notice::warning(text));
    }
    let leeway = policy.not_before_leeway;
    if leeway > DAY {
        let days = days(leeway);
        let text = format!(
            "not_before_leeway_seconds: tokens are let in {days} days before they become valid"
        );
        notices.push(Notice::warning(text));
    }
    if policy.max_lifetime.is_some_and(|most| most > CENTURY) {
        let text = "max_lifetime_seconds: more than a hundred years; is it in seconds?";
        notices.push(Notice::warning(text));
    }
}

fn about_texts(policy: &Policy, notices: &mut Vec<Notice>) {
    let texts = [
        ("issuer", &policy.issuer, PLATFORM_ISSUER),
        ("audience", &policy.audience, PLATFORM_AUDIENCE),
    ];
    for (member, text, platforms) in texts {
        let Some(text) = text else { continue };
        if text.eq_ignore_ascii_case(platforms) && text != platforms {
            notices.push(Notice::warning(format!(
                "{member}: the platform writes {platforms:?}, and the case of letters counts"
            )));
        }
        if text.contains([',', '[', ']']) {
            notices.push(Notice::warning(format!(
                "{member}: it is one value, not a list: a token has to have this text as a whole"
            )));
        }
    }
}

fn about_kids(keys: &KeySet, notices: &mut Vec<Notice>) {
    for kid in keys.keys().iter().filter_map(|key| key.id()) {
        let odd = |it: char| it.is_whitespace() || identifier::is_invisible(it);
        if kid.is_empty() || kid.contains(odd) {
            notices.push(Notice::warning(format!(
                "jwks: the kid \"{}\" is empty or holds white space or an invisible character; \
                 no token may have it",
                excerpt(kid)
            )));
        }
    }
}
