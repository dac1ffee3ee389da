//! What rules can allow: the one table of permission sets, and the actions in each.

use aws_lc_rs::digest;
use uuid::{Builder, Uuid};

use super::action::{Action, Subject};
use crate::model::Product::{self, Containers, Functions};
use crate::model::bearer::BearerKind;

/// A permission set, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionSet(&'static Entry);

/// What a rule that has a set is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeType {
    /// What belongs to an organization as a whole.
    Organization,
    /// What is in projects.
    Projects,
}

impl ScopeType {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Projects => "projects",
        }
    }
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    scope_type: ScopeType,
    description: &'static str,
    allows: fn(Action) -> bool,
}

/// By identity: a name stands once in the table.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Entry {}

impl PermissionSet {
    /// Each of them, by name.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        TABLE.iter().map(Self)
    }

    /// The set of that name.
    pub fn named(name: &str) -> Option<Self> {
        let at = TABLE.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        TABLE.get(at).map(Self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is for.
    pub fn description(self) -> &'static str {
        self.0.description
    }

    /// What a rule that has it is about.
    pub fn scope_type(self) -> ScopeType {
        self.0.scope_type
    }

    /// Whether it allows an action, where it holds.
    pub fn allows(self, action: Action) -> bool {
        (self.0.allows)(action)
    }

    /// Whether it allows everything that has to do with rights.
    pub fn manages_iam(self) -> bool {
        self.0.name == IAM_MANAGER
    }

    /// Its id: always the same, made of the name (version 8, RFC 9562 §5.8).
    pub fn id(self) -> Uuid {
        let hash = digest::digest(&digest::SHA256, self.0.name.as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        Builder::from_custom_bytes(bytes).into_uuid()
    }
}

const IAM_MANAGER: &str = "IAMManager";

const ORGANIZATION: ScopeType = ScopeType::Organization;
const PROJECTS: ScopeType = ScopeType::Projects;

/// In the order of their names. What allows nothing here is for products that aren't here: whoever
/// brings their policies along needn't change them.
#[rustfmt::skip]
static TABLE: &[Entry] = &[
    set("AbuseTicketManager", ORGANIZATION, OTHER_PRODUCT, nothing),
    set("AllProductsFullAccess", PROJECTS, "Everything to do with functions and containers, and the calling of private ones", |it| serverless(it).is_some()),
    set("AllProductsReadOnly", PROJECTS, "To list and read functions, containers, their namespaces and tokens", |it| serverless(it).is_some() && reads(it)),
    set("AppleSiliconFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("AppleSiliconReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("AuditTrailReadOnly", ORGANIZATION, "To list and read who changed what", |it| matches!(it, Action::Log(_)) && reads(it)),
    set("AutoscalingFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("AutoscalingReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("BillingManager", ORGANIZATION, OTHER_PRODUCT, nothing),
    set("BillingReadOnly", ORGANIZATION, OTHER_PRODUCT, nothing),
    set("BlockStorageFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("BlockStorageReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("CockpitManager", PROJECTS, OTHER_PRODUCT, nothing),
    set("ContainerRegistryFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ContainerRegistryReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ContainersFullAccess", PROJECTS, "To create, read, list, edit and delete containers, their namespaces, tokens and keys", |it| manages(it, Containers)),
    set("ContainersPrivateAccess", PROJECTS, "To call private containers", |it| it == Action::Call(Containers)),
    set("ContainersReadOnly", PROJECTS, "To list and read containers, their namespaces and tokens", |it| manages(it, Containers) && reads(it)),
    set("DataWarehouseFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("DataWarehouseReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("DediboxFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("DediboxReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("DomainsDNSFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("DomainsDNSReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("EdgeServicesFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("EdgeServicesReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ElasticMetalFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ElasticMetalReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("FileStorageFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("FileStorageReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("FunctionsFullAccess", PROJECTS, "To create, read, list, edit and delete functions, their namespaces, tokens and keys", |it| manages(it, Functions)),
    set("FunctionsPrivateAccess", PROJECTS, "To call private functions", |it| it == Action::Call(Functions)),
    set("FunctionsReadOnly", PROJECTS, "To list and read functions, their namespaces and tokens", |it| manages(it, Functions) && reads(it)),
    set("GenerativeApisFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("GenerativeApisModelAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("IAMApplicationManager", ORGANIZATION, "Everything to do with applications and their API keys", applications),
    set("IAMApplicationReadOnly", ORGANIZATION, "To list and read applications and their API keys", |it| applications(it) && reads(it)),
    set("IAMGroupManager", ORGANIZATION, "Everything to do with groups", |it| matches!(it, Action::Group(_))),
    set("IAMGroupReadOnly", ORGANIZATION, "To list and read groups", |it| matches!(it, Action::Group(_)) && reads(it)),
    set(IAM_MANAGER, ORGANIZATION, "Everything to do with users, groups, applications, policies, API keys and projects", |it| iam(it) || projects(it)),
    set("IAMPolicyManager", ORGANIZATION, "Everything to do with policies", policies),
    set("IAMPolicyReadOnly", ORGANIZATION, "To list and read policies", |it| policies(it) && reads(it)),
    set("IAMReadOnly", ORGANIZATION, "To list and read users, groups, applications, policies, API keys and who changed what", |it| iam(it) && reads(it)),
    set("IAMUserManager", ORGANIZATION, "Everything to do with users; their API keys to list and read", |it| users(it) || user_keys(it) && reads(it)),
    set("IAMUserReadOnly", ORGANIZATION, "To list and read users and their API keys", |it| (users(it) || user_keys(it)) && reads(it)),
    set("IPAMFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("IPAMReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("InferenceFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("InferenceReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("InstancesFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("InstancesReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("InterlinkFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("InterlinkReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("IoTFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("IoTReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("KafkaClusterFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("KafkaClusterReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("KeyManagerFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("KeyManagerReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("KubernetesExternalNodeRegister", PROJECTS, OTHER_PRODUCT, nothing),
    set("KubernetesFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("KubernetesReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("KubernetesSystemMastersGroupAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("LoadBalancersFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("LoadBalancersReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("MessagingAndQueuingFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("MessagingAndQueuingReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ObjectStorageFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ObjectStorageReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ObservabilityFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ObservabilityReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("OrganizationManager", ORGANIZATION, "Everything to do with projects, users, groups, applications, policies, API keys and quotas, and the keys that sign what gateways are told", |it| iam(it) || projects(it) || organization(it)),
    set("OrganizationReadOnly", ORGANIZATION, "To list and read quotas and the keys that sign what gateways are told", |it| organization(it) && reads(it)),
    set("PrivateNetworksFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("PrivateNetworksReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ProjectManager", ORGANIZATION, "To create, rename, list and delete projects, without what is in them", projects),
    set("ProjectReadOnly", ORGANIZATION, "To list and read projects, without what is in them", |it| projects(it) && reads(it)),
    set("RedisFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("RedisReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("RelationalDatabasesFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("RelationalDatabasesReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("SSHKeysFullAccess", PROJECTS, "Everything to do with SSH keys", |it| matches!(it, Action::SshKey(_))),
    set("SSHKeysReadOnly", PROJECTS, "To list and read SSH keys", |it| matches!(it, Action::SshKey(_)) && reads(it)),
    set("SecretManagerFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("SecretManagerReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("SecretManagerSecretAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ServerlessJobsFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ServerlessJobsReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("ServerlessSQLDatabaseFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("ServerlessSQLDatabaseReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("SupportTicketManager", ORGANIZATION, OTHER_PRODUCT, nothing),
    set("SupportTicketReadOnly", ORGANIZATION, OTHER_PRODUCT, nothing),
    set("TransactionalEmailFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("TransactionalEmailReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("VPCFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("VPCGatewayFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("VPCGatewayReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("VPCReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
    set("WebHostingFullAccess", PROJECTS, OTHER_PRODUCT, nothing),
    set("WebHostingReadOnly", PROJECTS, OTHER_PRODUCT, nothing),
];

const OTHER_PRODUCT: &str = "For a product that isn't here: it allows nothing";

const fn set(
    name: &'static str,
    scope_type: ScopeType,
    description: &'static str,
    allows: fn(Action) -> bool,
) -> Entry {
    Entry { name, scope_type, description, allows }
}

fn nothing(_: Action) -> bool {
    false
}

fn reads(action: Action) -> bool {
    action.access().is_reading()
}

/// The product that an action is about, if it is about one.
fn serverless(action: Action) -> Option<Product> {
    match action {
        Action::Namespace(product, _)
        | Action::Application(product, _)
        | Action::Token(product, _)
        | Action::NamespaceKey(product, _)
        | Action::Call(product)
        | Action::Revocation(Some(product))
        | Action::Mark(Subject::Namespace(product) | Subject::Application(product)) => {
            Some(product)
        }
        _ => None,
    }
}

/// All to do with a product but the calling of what is private, as on the platform.
fn manages(action: Action, product: Product) -> bool {
    serverless(action) == Some(product) && action != Action::Call(product)
}

fn users(action: Action) -> bool {
    matches!(action, Action::User(_) | Action::Mark(Subject::Bearer(BearerKind::User)))
}

fn user_keys(action: Action) -> bool {
    matches!(action, Action::ApiKey(BearerKind::User, _))
}

fn applications(action: Action) -> bool {
    matches!(
        action,
        Action::IamApplication(_)
            | Action::ApiKey(BearerKind::Application, _)
            | Action::Mark(Subject::Bearer(BearerKind::Application))
    )
}

fn policies(action: Action) -> bool {
    matches!(action, Action::Policy(_) | Action::PermissionSet)
}

fn iam(action: Action) -> bool {
    users(action)
        || user_keys(action)
        || applications(action)
        || policies(action)
        || matches!(action, Action::Group(_) | Action::Log(_))
}

fn projects(action: Action) -> bool {
    matches!(action, Action::Project(_))
}

fn organization(action: Action) -> bool {
    matches!(action, Action::Quota(_) | Action::TrustKey(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_lead_back() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
        }
        for set in PermissionSet::all() {
            assert_eq!(PermissionSet::named(set.name()), Some(set));
            assert_eq!(set.id().get_version_num(), 8);
        }
        assert_eq!(PermissionSet::named("ServerlessFunctionsFullAccess"), None);
    }

    /// The names of the actions that a set allows.
    fn allowed(name: &str) -> Vec<String> {
        let set = PermissionSet::named(name).unwrap();
        let actions = Action::all().filter(|action| set.allows(*action));
        let mut names: Vec<_> =
            actions.map(|it| format!("{} {}", it.name(), it.resource())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    #[test]
    fn a_set_allows_what_its_name_says() {
        assert_eq!(allowed("FunctionsPrivateAccess"), ["call function"]);
        assert_eq!(
            allowed("FunctionsReadOnly"),
            [
                "list function",
                "list function_namespace",
                "list function_namespace_key",
                "list function_token",
                "read function",
                "read function_namespace",
                "read function_namespace_key",
                "read function_token",
            ]
        );
        assert_eq!(allowed("SSHKeysReadOnly"), ["list ssh_key", "read ssh_key"]);
        assert_eq!(allowed("VPCReadOnly"), [""; 0]);
        // By the platform's words: it lists keys of users, and doesn't make them.
        let keys: Vec<_> =
            allowed("IAMUserManager").into_iter().filter(|it| it.contains("key")).collect();
        assert_eq!(keys, ["list api_key", "read api_key"]);
        assert!(allowed("IAMApplicationManager").contains(&"create api_key".to_owned()));
    }

    #[test]
    fn read_only_sets_change_nothing() {
        for set in PermissionSet::all().filter(|set| set.name().ends_with("ReadOnly")) {
            let changes = Action::all().find(|it| set.allows(*it) && !it.access().is_reading());
            assert_eq!(changes, None, "{}", set.name());
        }
    }

    /// Nobody is let revoke an id for all namespaces by a rule.
    #[test]
    fn what_the_operator_alone_may_is_in_no_set() {
        for set in PermissionSet::all() {
            assert!(!set.allows(Action::Revocation(None)), "{}", set.name());
        }
    }

    /// Each action but that one can be allowed.
    #[test]
    fn every_other_action_is_in_a_set() {
        for action in Action::all().filter(|action| *action != Action::Revocation(None)) {
            let is_there = PermissionSet::all().any(|set| set.allows(action));
            assert!(is_there, "{action:?}");
        }
    }
}
