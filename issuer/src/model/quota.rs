//! How much there may be of something.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Namespaces of both products.
    Namespaces,
    /// Functions.
    Functions,
    /// Containers.
    Containers,
    /// Tokens of one function or container.
    TokensPerApplication,
    /// API keys of one user or application.
    ApiKeysPerBearer,
    /// Applications of IAM.
    Applications,
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Policies.
    Policies,
    /// Rules of one policy.
    RulesPerPolicy,
    /// SSH keys.
    SshKeys,
}

/// The most that there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many.
    AtMost(u64),
    /// As many as anybody likes.
    Unlimited,
}

impl Limit {
    /// Whether there may be one more beside so many.
    pub fn admits(self, others: u64, more: u64) -> bool {
        match self {
            Self::AtMost(most) => others.checked_add(more).is_some_and(|sum| sum <= most),
            Self::Unlimited => true,
        }
    }
}

impl Quota {
    /// Each of them, by name.
    pub const ALL: [Self; 11] = [
        Self::ApiKeysPerBearer,
        Self::Applications,
        Self::Containers,
        Self::Functions,
        Self::Groups,
        Self::Namespaces,
        Self::Policies,
        Self::RulesPerPolicy,
        Self::SshKeys,
        Self::TokensPerApplication,
        Self::Users,
    ];

    /// Its name, in the database, the API and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Functions => "functions",
            Self::Containers => "containers",
            Self::TokensPerApplication => "tokens_per_application",
            Self::ApiKeysPerBearer => "api_keys_per_bearer",
            Self::Applications => "applications",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Policies => "policies",
            Self::RulesPerPolicy => "rules_per_policy",
            Self::SshKeys => "ssh_keys",
        }
    }

    /// The quota of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quota| quota.name() == name)
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Namespaces => "Namespaces",
            Self::Functions => "Functions",
            Self::Containers => "Containers",
            Self::TokensPerApplication => "Tokens of a function or container",
            Self::ApiKeysPerBearer => "API keys of a user or application",
            Self::Applications => "IAM applications",
            Self::Users => "Users",
            Self::Groups => "Groups",
            Self::Policies => "Policies",
            Self::RulesPerPolicy => "Rules of a policy",
            Self::SshKeys => "SSH keys",
        }
    }

    /// What holds where nobody set anything.
    pub fn default_limit(self) -> Limit {
        match self {
            Self::TokensPerApplication => Limit::AtMost(1_000_000),
            _ => Limit::AtMost(10_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limit, Quota};

    #[test]
    fn a_limit_admits_what_fits() {
        for (limit, others, more, fits) in [
            (Limit::AtMost(2), 1, 1, true),
            (Limit::AtMost(2), 2, 1, false),
            (Limit::AtMost(2), 3, 0, false),
            (Limit::AtMost(0), 0, 1, false),
            (Limit::AtMost(u64::MAX), u64::MAX, 1, false),
            (Limit::Unlimited, u64::MAX, 1, true),
        ] {
            assert_eq!(limit.admits(others, more), fits, "{limit:?} {others} {more}");
        }
    }

    #[test]
    fn names_are_in_order_and_lead_back() {
        assert!(Quota::ALL.is_sorted_by_key(|quota| quota.name()));
        for quota in Quota::ALL {
            assert_eq!(Quota::from_name(quota.name()), Some(quota));
        }
    }
}
