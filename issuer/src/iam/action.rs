//! What can be asked for: the one table of operations.

use crate::model::Product;
use crate::model::bearer::BearerKind;

/// What an operation needs a right to. Every operation names its action, so one that isn't in this
/// list can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To make, read, list, change or delete namespaces of a product.
    Namespace(Product, Access),
    /// To make, read, list, change or delete functions or containers.
    Application(Product, Access),
    /// To make, read, list or delete tokens of a product.
    Token(Product, Access),
    /// To call private functions or containers with an API key in place of a token.
    Call(Product),
    /// To make a namespace's next key, to let it sign, or to end one.
    NamespaceKey(Product, Access),
    /// To revoke the id of a token of a product that the service doesn't know; or of any, which
    /// only the operator may.
    Revocation(Option<Product>),
    /// To revoke everything that was issued for something before a second.
    Mark(Subject),
    /// To make, read, list, change or delete projects.
    Project(Access),
    /// To make, read, list or drop a key that signs what gateways are told.
    TrustKey(Access),
    /// To make, read, list, change or delete users.
    User(Access),
    /// To make, read, list, change or delete applications of IAM.
    IamApplication(Access),
    /// To make, read, list, change or delete groups.
    Group(Access),
    /// To make, read, list, change or delete policies, or to list and change their rules.
    Policy(Access),
    /// To make, read, list, change or delete API keys of a kind of bearers.
    ApiKey(BearerKind, Access),
    /// To make, read, list, change or delete SSH keys.
    SshKey(Access),
    /// To list what rules can allow.
    PermissionSet,
    /// To read, list or change how much there may be of something.
    Quota(Access),
    /// To read or list who changed what.
    Log(Access),
}

/// The kinds of what can be issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A namespace of a product.
    Namespace(Product),
    /// A function or container.
    Application(Product),
    /// Whoever made tokens.
    Bearer(BearerKind),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// One is made.
    Create,
    /// One is read.
    Read,
    /// They are listed.
    List,
    /// One is changed.
    Edit,
    /// One is deleted.
    Delete,
    /// One is called.
    Call,
}

impl Access {
    /// What can be done to most things.
    const MOST: [Self; 5] = [Self::Create, Self::Read, Self::List, Self::Edit, Self::Delete];

    /// Its name, as an error of the API has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::List => "list",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Call => "call",
        }
    }

    /// Whether it leaves everything as it was.
    pub fn is_reading(self) -> bool {
        matches!(self, Self::Read | Self::List)
    }
}

impl Action {
    /// Each action that there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let each = Access::MOST.into_iter().flat_map(|access| {
            let of_products = Product::ALL.into_iter().flat_map(move |product| {
                [
                    Self::Namespace(product, access),
                    Self::Application(product, access),
                    Self::Token(product, access),
                    Self::NamespaceKey(product, access),
                ]
            });
            let of_bearers = [BearerKind::User, BearerKind::Application];
            let of_bearers = of_bearers.into_iter().map(move |kind| Self::ApiKey(kind, access));
            let others = [
                Self::Project(access),
                Self::TrustKey(access),
                Self::User(access),
                Self::IamApplication(access),
                Self::Group(access),
                Self::Policy(access),
                Self::SshKey(access),
                Self::Quota(access),
                Self::Log(access),
            ];
            of_products.chain(of_bearers).chain(others)
        });
        let single = Product::ALL.into_iter().flat_map(|product| {
            [
                Self::Call(product),
                Self::Revocation(Some(product)),
                Self::Mark(Subject::Namespace(product)),
                Self::Mark(Subject::Application(product)),
            ]
        });
        each.chain(single).chain([
            Self::Revocation(None),
            Self::Mark(Subject::Bearer(BearerKind::User)),
            Self::Mark(Subject::Bearer(BearerKind::Application)),
            Self::PermissionSet,
        ])
    }

    /// What is done.
    pub fn access(self) -> Access {
        match self {
            Self::Namespace(_, access)
            | Self::Application(_, access)
            | Self::Token(_, access)
            | Self::NamespaceKey(_, access)
            | Self::Project(access)
            | Self::TrustKey(access)
            | Self::User(access)
            | Self::IamApplication(access)
            | Self::Group(access)
            | Self::Policy(access)
            | Self::ApiKey(_, access)
            | Self::SshKey(access)
            | Self::Quota(access)
            | Self::Log(access) => access,
            Self::Call(_) => Access::Call,
            Self::Revocation(_) => Access::Create,
            Self::Mark(_) => Access::Edit,
            Self::PermissionSet => Access::List,
        }
    }

    /// The action, as an error of the API names it.
    pub fn name(self) -> &'static str {
        self.access().name()
    }

    /// The kind of resource, as an error of the API and the audit log name it.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Namespace(Product::Functions, _) => "function_namespace",
            Self::Namespace(Product::Containers, _) => "container_namespace",
            Self::Application(Product::Functions, _) | Self::Call(Product::Functions) => "function",
            Self::Application(Product::Containers, _) | Self::Call(Product::Containers) => {
                "container"
            }
            Self::Token(Product::Functions, _) => "function_token",
            Self::Token(Product::Containers, _) => "container_token",
            Self::NamespaceKey(Product::Functions, _) => "function_namespace_key",
            Self::NamespaceKey(Product::Containers, _) => "container_namespace_key",
            Self::Revocation(_) => "revocation",
            Self::Mark(Subject::Namespace(Product::Functions)) => "function_namespace_mark",
            Self::Mark(Subject::Namespace(Product::Containers)) => "container_namespace_mark",
            Self::Mark(Subject::Application(Product::Functions)) => "function_mark",
            Self::Mark(Subject::Application(Product::Containers)) => "container_mark",
            Self::Mark(Subject::Bearer(_)) => "bearer_mark",
            Self::Project(_) => "project",
            Self::TrustKey(_) => "trust_key",
            Self::User(_) => "user",
            Self::IamApplication(_) => "application",
            Self::Group(_) => "group",
            Self::Policy(_) => "policy",
            Self::ApiKey(..) => "api_key",
            Self::SshKey(_) => "ssh_key",
            Self::PermissionSet => "permission_set",
            Self::Quota(_) => "quota",
            Self::Log(_) => "log",
        }
    }

    /// The actions of that name, such as `create function_token`: two where users and applications
    /// are told apart.
    pub fn named(name: &str, resource: &str) -> impl Iterator<Item = Self> {
        Self::all().filter(move |it| it.name() == name && it.resource() == resource)
    }
}
