//! What can be asked for: the one table of operations.

use crate::model::Product;

/// An operation, with what it needs a right to. What an operation isn't in this list can't be
/// written, since every operation names its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// To make, read, list, change or delete namespaces of a product.
    Namespace(Product, Access),
    /// To make, read, list, change or delete functions or containers.
    Application(Product, Access),
    /// To make, read, list or delete tokens. Both products have one store of them.
    Token(Product, Access),
    /// To make an API key.
    ApiKey(Access),
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
        | Self::ApiKey(access)) = self;
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
            Self::ApiKey(_) => "api_key",
        }
    }
}
