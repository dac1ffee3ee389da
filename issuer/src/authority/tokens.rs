//! Tokens. Both products have one store of them, so each can be read and deleted through either.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::refusal::{FaultReason, Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::Product;
use crate::model::id;
use crate::model::namespace::Namespace;
use crate::model::namespace_key::{KeyState, NamespaceKey};
use crate::model::page::{Page, PageRequest};
use crate::model::region::Region;
use crate::model::token::{NewToken, Token, TokenFilter, TokenSubject};
use crate::signing::mint;
use crate::store::change::Change;

/// A token that was just made.
pub struct IssuedToken {
    /// What is kept of it.
    pub token: Token,
    /// The token itself, which isn't kept.
    pub text: Zeroizing<String>,
    /// The public key of its namespace, in PEM.
    pub public_pem: String,
}

impl Authority {
    /// Makes a token, signed by its namespace's active key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_token(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        new: NewToken,
    ) -> Result<IssuedToken, Refusal> {
        let at = (self.clock)();
        if new.expires_at.is_some_and(|end| end <= at) {
            return Err(Refusal::argument(
                "expires_at",
                FaultReason::Constraint,
                "expected a time in the future; choose a later one, or none for a token that \
                 never expires",
            ));
        }
        // Signed first, and outside of the transaction: a signature takes a core for
        // milliseconds. A token whose row isn't committed afterwards is thrown away.
        let (there, subject) = (region.clone(), new.subject);
        let (namespace_id, key) = self
            .look(caller, move |work| {
                let namespace = work.namespace_of(product, &there, subject)?;
                work.permit_token(&namespace, product, Access::Create, unknown(product, subject))?;
                Ok((namespace.id, work.signing_key(&namespace)?))
            })
            .await?;
        let id = id::in_order(at);
        let resource = match subject {
            TokenSubject::Namespace(id) => mint::Resource::Namespace(id.to_string()),
            TokenSubject::Application(id) => mint::Resource::Application(id.to_string()),
        };
        let request = mint::TokenRequest {
            token_id: id,
            ..mint::TokenRequest::new(resource, new.expires_at)
        };
        let signing_key = self.keys.open(&key).await?;
        let text = self.keys.mint(signing_key, request, at).await?;

        let token = Token {
            id,
            subject,
            namespace_id,
            key_id: key.id,
            description: new.description,
            expires_at: new.expires_at,
            created_at: at,
            bearer_id: None,
        };
        let (there, key_id, public_pem) = (region.clone(), key.id, key.public_pem);
        let token = self
            .change(caller, move |work| {
                let namespace = work.namespace_of(product, &there, subject)?;
                let by = work.permit_token(
                    &namespace,
                    product,
                    Access::Create,
                    unknown(product, subject),
                )?;
                // Meanwhile another key may have become the active one; not so long ago that
                // what this one signed isn't good.
                let keys = work.transaction.namespace_keys(namespace.id)?;
                let mut good = keys.iter().filter(|key| key.state != KeyState::Revoked);
                if !good.any(|key| key.id == key_id) {
                    return Err(Refusal::Busy);
                }
                // A mark that was set meanwhile hits it.
                let bearer_id = work.principal.bearer_id();
                let application_id = match subject {
                    TokenSubject::Namespace(_) => None,
                    TokenSubject::Application(id) => Some(id),
                };
                let mark = work.transaction.latest_mark(namespace.id, application_id, bearer_id)?;
                if mark.is_some_and(|mark| at < mark) {
                    return Err(Refusal::Busy);
                }
                let token = Token { bearer_id, ..token.clone() };
                work.apply(&by, &Change::CreateToken(&token, product))?;
                Ok(token)
            })
            .await?;
        Ok(IssuedToken { token, text, public_pem })
    }

    /// Reads what is kept of a token.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn token(
        &self,
        caller: &Caller,
        region: &Region,
        id: Uuid,
    ) -> Result<Token, Refusal> {
        let region = region.clone();
        self.look(caller, move |work| {
            Ok(work.permitted_token(Resource::Token, Some(&region), id, Access::Read)?.token)
        })
        .await
    }

    /// Lists what is kept of tokens.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn tokens(
        &self,
        caller: &Caller,
        product: Product,
        filter: TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, Refusal> {
        self.look(caller, move |work| {
            let other = match product {
                Product::Functions => Product::Containers,
                Product::Containers => Product::Functions,
            };
            let list = [product, other].map(|product| Action::Token(product, Access::List));
            let by = work.permit_lists(list)?;
            Ok(work.transaction.tokens(&by, &filter, page)?)
        })
        .await
    }

    /// Deletes a token, which revokes it for good.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_token(
        &self,
        caller: &Caller,
        region: &Region,
        id: Uuid,
    ) -> Result<Token, Refusal> {
        let region = region.clone();
        self.change(caller, move |work| {
            let found = work.permitted_token(Resource::Token, Some(&region), id, Access::Delete)?;
            work.apply(&found.by, &Change::DeleteToken(&found.token, found.product))?;
            Ok(found.token)
        })
        .await
    }
}

/// A token that the caller may do something to.
pub(super) struct PermittedToken {
    pub(super) token: Token,
    pub(super) product: Product,
    pub(super) by: Authorized,
}

impl Work<'_> {
    /// The namespace that a token for something would belong to.
    fn namespace_of(
        &mut self,
        product: Product,
        region: &Region,
        subject: TokenSubject,
    ) -> Result<Namespace, Refusal> {
        match subject {
            TokenSubject::Namespace(id) => self.namespace(product, region, id),
            TokenSubject::Application(id) => {
                let application = self.transaction.application(id)?;
                let here = application.filter(|it| it.product == product && it.region == *region);
                let here = here.ok_or_else(|| Resource::Application(product).not_found(id))?;
                self.namespace(product, region, here.namespace_id)
            }
        }
    }

    fn permit_token(
        &self,
        namespace: &Namespace,
        product: Product,
        access: Access,
        missing: Refusal,
    ) -> Result<Authorized, Refusal> {
        self.permit(Action::Token(product, access), namespace, missing)
    }

    /// A token that the caller may do something to: by a right to its own product, whichever API
    /// they ask, and in that region if the API has regions.
    pub(super) fn permitted_token(
        &mut self,
        called: Resource,
        region: Option<&Region>,
        id: Uuid,
        access: Access,
    ) -> Result<PermittedToken, Refusal> {
        let missing = || called.not_found(id);
        let token = self.transaction.token(id)?.ok_or_else(missing)?;
        let namespace = self.transaction.namespace(token.namespace_id)?;
        let is_here = |it: &Namespace| region.is_none_or(|region| it.region == *region);
        let namespace = namespace.filter(is_here).ok_or_else(missing)?;
        let product = namespace.product;
        let by = self.permit_token(&namespace, product, access, missing())?;
        Ok(PermittedToken { token, product, by })
    }

    fn signing_key(&mut self, namespace: &Namespace) -> Result<NamespaceKey, Refusal> {
        let keys = self.transaction.namespace_keys(namespace.id)?;
        let active = keys.into_iter().find(|key| key.state == KeyState::Active);
        active.ok_or(Refusal::Internal("a namespace has no active key"))
    }
}

/// That there is nothing such as a token is asked for.
fn unknown(product: Product, subject: TokenSubject) -> Refusal {
    match subject {
        TokenSubject::Namespace(id) => Resource::Namespace.not_found(id),
        TokenSubject::Application(id) => Resource::Application(product).not_found(id),
    }
}
