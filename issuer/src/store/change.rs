//! What changes the database: a list of changes, each of which is one entry of the audit log.

pub mod iam;

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use iam::IamChange;

use super::StoreError;
use crate::iam::action::{Access, Action, Subject};
use crate::iam::decision::{Authorized, Scope};
use crate::model::Product;
use crate::model::application::Application;
use crate::model::audit::{AuditEntry, Verb};
use crate::model::bearer::Bearer;
use crate::model::id;
use crate::model::namespace::Namespace;
use crate::model::namespace_key::NamespaceKey;
use crate::model::project::Project;
use crate::model::quota::Quota;
use crate::model::token::{Token, TokenSubject};
use crate::model::trust::{TokenId, TrustKey};
use crate::request_context::RequestContext;

/// What the first start makes, but for the owner's API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// The organization, and its default project: as on the platform, both have one id.
    pub organization_id: Uuid,
    /// The user who may do everything.
    pub owner_id: Uuid,
    /// When.
    pub created_at: UnixTime,
    /// How clients reach the service, as it was told when it last started.
    pub api_url: String,
    /// A text that the secrets key of this database encrypted: another key can't open it.
    pub sealed_check: Vec<u8>,
}

/// A change of the database. Values are as they are to be afterwards, those that are deleted as
/// they were.
pub enum Change<'a> {
    /// A new namespace, with its first key.
    CreateNamespace(&'a Namespace, &'a NamespaceKey),
    /// A namespace.
    UpdateNamespace(&'a Namespace),
    /// A namespace goes, with its keys and all that is in it, and its tokens are revoked.
    DeleteNamespace(&'a Namespace),
    /// A new function or container.
    CreateApplication(&'a Application),
    /// A function or container.
    UpdateApplication(&'a Application),
    /// A function or container goes, and its tokens are revoked.
    DeleteApplication(&'a Application),
    /// A new token, through the API of a product.
    CreateToken(&'a Token, Product),
    /// A token is revoked, through the API of a product.
    DeleteToken(&'a Token, Product),
    /// A new project.
    CreateProject(&'a Project),
    /// A project.
    UpdateProject(&'a Project),
    /// A project goes, in which nothing is.
    DeleteProject(&'a Project),
    /// Who may do what.
    Iam(IamChange<'a>),
    /// A namespace's next key, and when the active one ends.
    AddKey(&'a Namespace, &'a NamespaceKey, UnixTime),
    /// A namespace's next key signs from now on. The one before it is retired, until it ends.
    ActivateKey(&'a Namespace, &'a NamespaceKey, UnixTime),
    /// Nothing that a key of a namespace signed is good any longer. Its tokens go with it.
    EndKey(&'a Namespace, &'a NamespaceKey),
    /// A new key that signs from now on. Every other key of the namespace is revoked, and the tokens
    /// go with them.
    ReplaceKeys(&'a Namespace, &'a NamespaceKey),
    /// The id of a token that the database doesn't know is revoked.
    RevokeId(&'a RevokedId),
    /// Everything issued for a namespace before a second is revoked.
    MarkNamespace(&'a Namespace, UnixTime),
    /// Everything issued for a function or container before a second is revoked.
    MarkApplication(&'a Application, UnixTime),
    /// Everything issued for the user or application of an organization before a second is revoked.
    MarkBearer(Bearer, Uuid, UnixTime),
    /// A new key of an organization's that signs what gateways are told.
    AddTrustKey(&'a TrustKey, Uuid),
    /// A key of an organization's that signs what gateways are told signs no more.
    DropTrustKey(&'a TrustKey, Uuid),
}

/// The id of a token that is revoked without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedId {
    /// The id.
    pub id: TokenId,
    /// The namespace that the token is for, and its product, or any.
    pub namespace: Option<(Uuid, Product)>,
    /// When the token expires, as far as somebody says so.
    pub expires_at: Option<UnixTime>,
    /// Whose it is.
    pub organization_id: Uuid,
}

impl Change<'_> {
    /// The action that has to be allowed.
    pub fn action(&self) -> Action {
        match self {
            Self::CreateNamespace(it, _) => Action::Namespace(it.product, Access::Create),
            Self::UpdateNamespace(it) => Action::Namespace(it.product, Access::Edit),
            Self::DeleteNamespace(it) => Action::Namespace(it.product, Access::Delete),
            Self::CreateApplication(it) => Action::Application(it.product, Access::Create),
            Self::UpdateApplication(it) => Action::Application(it.product, Access::Edit),
            Self::DeleteApplication(it) => Action::Application(it.product, Access::Delete),
            Self::CreateToken(_, product) => Action::Token(*product, Access::Create),
            Self::DeleteToken(_, product) => Action::Token(*product, Access::Delete),
            Self::CreateProject(_) => Action::Project(Access::Create),
            Self::UpdateProject(_) => Action::Project(Access::Edit),
            Self::DeleteProject(_) => Action::Project(Access::Delete),
            Self::Iam(change) => change.action(),
            Self::AddKey(it, ..) | Self::ReplaceKeys(it, _) => {
                Action::NamespaceKey(it.product, Access::Create)
            }
            Self::ActivateKey(it, ..) => Action::NamespaceKey(it.product, Access::Edit),
            Self::EndKey(it, _) => Action::NamespaceKey(it.product, Access::Delete),
            Self::RevokeId(it) => Action::Revocation(it.namespace.map(|(_, product)| product)),
            Self::MarkNamespace(it, _) => Action::Mark(Subject::Namespace(it.product)),
            Self::MarkApplication(it, _) => Action::Mark(Subject::Application(it.product)),
            Self::MarkBearer(it, ..) => Action::Mark(Subject::Bearer(it.kind())),
            Self::AddTrustKey(..) => Action::TrustKey(Access::Create),
            Self::DropTrustKey(..) => Action::TrustKey(Access::Delete),
        }
    }

    /// Whose what is changed is.
    pub fn owner(&self) -> Owner {
        let organization = |id| Owner::Scope(Scope { organization_id: id, project_id: None });
        match self {
            Self::CreateNamespace(it, _) => Owner::Scope(Scope {
                organization_id: it.organization_id,
                project_id: Some(it.project_id),
            }),
            Self::CreateProject(it) => organization(it.organization_id),
            Self::UpdateProject(it) | Self::DeleteProject(it) => Owner::Project(it.id),
            Self::Iam(change) => change.resource().0,
            Self::RevokeId(it) => match it.namespace {
                Some((id, _)) => Owner::Namespace(id),
                None => organization(it.organization_id),
            },
            Self::MarkBearer(_, id, _) | Self::AddTrustKey(_, id) | Self::DropTrustKey(_, id) => {
                organization(*id)
            }
            Self::AddKey(it, ..)
            | Self::ActivateKey(it, ..)
            | Self::EndKey(it, _)
            | Self::ReplaceKeys(it, _)
            | Self::MarkNamespace(it, _) => Owner::Namespace(it.id),
            Self::MarkApplication(it, _) => Owner::Namespace(it.namespace_id),
            Self::UpdateNamespace(it) | Self::DeleteNamespace(it) => Owner::Namespace(it.id),
            Self::CreateApplication(it)
            | Self::UpdateApplication(it)
            | Self::DeleteApplication(it) => Owner::Namespace(it.namespace_id),
            Self::CreateToken(it, _) | Self::DeleteToken(it, _) => {
                Owner::Namespace(it.namespace_id)
            }
        }
    }

    /// What there is more of afterwards: how many, and of what or whom. Where that is nobody, it is
    /// of the organization.
    pub fn counted(&self) -> Vec<(Quota, Option<Uuid>, u64)> {
        match self {
            Self::CreateNamespace(..) => vec![(Quota::Namespaces, None, 1)],
            Self::CreateApplication(it) => match it.product {
                Product::Functions => vec![(Quota::Functions, None, 1)],
                Product::Containers => vec![(Quota::Containers, None, 1)],
            },
            Self::CreateToken(it, _) => match it.subject {
                TokenSubject::Application(id) => vec![(Quota::TokensPerApplication, Some(id), 1)],
                TokenSubject::Namespace(_) => Vec::new(),
            },
            Self::Iam(change) => change
                .counted()
                .into_iter()
                .map(|(quota, of, more)| (quota, Some(of), more))
                .collect(),
            Self::UpdateNamespace(_)
            | Self::DeleteNamespace(_)
            | Self::UpdateApplication(_)
            | Self::DeleteApplication(_)
            | Self::DeleteToken(..)
            | Self::CreateProject(_)
            | Self::UpdateProject(_)
            | Self::DeleteProject(_)
            | Self::AddKey(..)
            | Self::ActivateKey(..)
            | Self::EndKey(..)
            | Self::ReplaceKeys(..)
            | Self::RevokeId(_)
            | Self::MarkNamespace(..)
            | Self::MarkApplication(..)
            | Self::MarkBearer(..)
            | Self::AddTrustKey(..)
            | Self::DropTrustKey(..) => Vec::new(),
        }
    }

    fn verb(&self) -> Verb {
        match self.action().access() {
            Access::Create => Verb::Created,
            Access::Edit | Access::Read | Access::List | Access::Call => Verb::Updated,
            Access::Delete => Verb::Deleted,
        }
    }

    fn resource_id(&self) -> String {
        match self {
            Self::CreateNamespace(it, _)
            | Self::UpdateNamespace(it)
            | Self::DeleteNamespace(it) => it.id.to_string(),
            Self::CreateApplication(it)
            | Self::UpdateApplication(it)
            | Self::DeleteApplication(it) => it.id.to_string(),
            Self::CreateToken(it, _) | Self::DeleteToken(it, _) => it.id.to_string(),
            Self::CreateProject(it) | Self::UpdateProject(it) | Self::DeleteProject(it) => {
                it.id.to_string()
            }
            Self::Iam(change) => change.resource().1,
            Self::AddKey(_, it, _)
            | Self::ActivateKey(_, it, _)
            | Self::EndKey(_, it)
            | Self::ReplaceKeys(_, it) => it.id.to_string(),
            Self::RevokeId(it) => it.id.as_str().to_owned(),
            Self::MarkNamespace(it, _) => it.id.to_string(),
            Self::MarkApplication(it, _) => it.id.to_string(),
            Self::MarkBearer(it, ..) => it.id().to_string(),
            Self::AddTrustKey(it, _) | Self::DropTrustKey(it, _) => it.id.to_string(),
        }
    }
}

/// Whose something is, as far as a change alone says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// What is named here.
    Scope(Scope),
    /// The project of the namespace with this id, which the database knows.
    Namespace(Uuid),
    /// The project with this id, whose organization the database knows.
    Project(Uuid),
}

/// When and from where a change comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// When.
    pub at: UnixTime,
    /// The request, or none where a command of this program made the change.
    pub request: Option<RequestContext>,
}

/// The entry of the audit log for a change of what is in a scope: the one that [`Change::owner`]
/// names or leads to.
///
/// # Errors
///
/// [`StoreError::NotPermitted`] if the permission isn't for this change.
pub fn audit_entry(
    by: &Authorized,
    change: &Change<'_>,
    scope: Scope,
    origin: &Origin,
) -> Result<AuditEntry, StoreError> {
    if by.action() != change.action() || by.scope() != scope {
        return Err(StoreError::NotPermitted);
    }
    let request = origin.request.as_ref();
    Ok(AuditEntry {
        id: id::in_order(origin.at),
        created_at: origin.at,
        organization_id: scope.organization_id,
        bearer_id: by.principal().bearer_id(),
        access_key: by.principal().access_key().map(str::to_owned),
        address: request.map(|request| request.address),
        user_agent: match request {
            Some(request) => request.user_agent.clone(),
            None => concat!("issuer/", env!("CARGO_PKG_VERSION")).to_owned(),
        },
        request_id: request.map(|request| request.id),
        verb: change.verb(),
        resource_type: by.action().resource(),
        resource_id: change.resource_id(),
    })
}
