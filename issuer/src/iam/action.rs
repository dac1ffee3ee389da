//! What can be asked for: the one table of operations.

use crate::model::Product;

/// What an operation needs a right to. Every operation names its action, so one that isn't in this
/// list can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To make, read, list, change or delete namespaces of a product.
    Namespace(Product, Access),
    /// To make, read, list, change or delete functions or containers.
    Application(Product, Access),
    /// To make, read, list or delete tokens. Both products have one store of them.
    Token(Product, Access),
    /// To make a namespace's next key, to let it sign, or to end one.
    NamespaceKey(Product, Access),
    /// To revoke a token's id, whether the service knows the token or not.
    Revocation(Access),
    /// To revoke everything that was issued for something before a second.
    Mark(Subject, Access),
    /// To make, read, list, change or delete projects.
    Project(Access),
    /// To make an API key.
    ApiKey(Access),
    /// To make, read or drop a key that signs what gateways are told.
    TrustKey(Access),
}

/// The kinds of what can be issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A namespace of a product.
    Namespace(Product),
    /// A function or container.
    Application(Product),
    /// A user.
    Bearer,
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
}

impl Action {
    /// The action, as an error of the API names it.
    pub fn name(self) -> &'static str {
        let (Self::Namespace(_, access)
        | Self::Application(_, access)
        | Self::Token(_, access)
        | Self::NamespaceKey(_, access)
        | Self::Revocation(access)
        | Self::Mark(_, access)
        | Self::Project(access)
        | Self::ApiKey(access)
        | Self::TrustKey(access)) = self;
        match access {
            Access::Create => "create",
            Access::Read => "read",
            Access::List => "list",
            Access::Edit => "edit",
            Access::Delete => "delete",
        }
    }

    /// The kind of resource, as an error of the API and the audit log name it.
    pub fn resource(self) -> &'static str {
        match self {
            Self::Namespace(Product::Functions, _) => "function_namespace",
            Self::Namespace(Product::Containers, _) => "container_namespace",
            Self::Application(Product::Functions, _) => "function",
            Self::Application(Product::Containers, _) => "container",
            Self::Token(Product::Functions, _) => "function_token",
            Self::Token(Product::Containers, _) => "container_token",
            Self::NamespaceKey(Product::Functions, _) => "function_namespace_key",
            Self::NamespaceKey(Product::Containers, _) => "container_namespace_key",
            Self::Revocation(_) => "revocation",
            Self::Mark(Subject::Namespace(Product::Functions), _) => "function_namespace_mark",
            Self::Mark(Subject::Namespace(Product::Containers), _) => "container_namespace_mark",
            Self::Mark(Subject::Application(Product::Functions), _) => "function_mark",
            Self::Mark(Subject::Application(Product::Containers), _) => "container_mark",
            Self::Mark(Subject::Bearer, _) => "bearer_mark",
            Self::Project(_) => "project",
            Self::ApiKey(_) => "api_key",
            Self::TrustKey(_) => "trust_key",
        }
    }
}
