//! Issued tokens by whoever made them.

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::Product;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::token::{TokenRecord, TokenRecordFilter};
use crate::store::change::Change;

impl Authority {
    /// Reads what is known of a token.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn jwt(&self, caller: &Caller, jti: Uuid) -> Result<TokenRecord, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_jwt(jti, Access::Read)?.record)).await
    }

    /// Lists the tokens that somebody made.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn jwts(
        &self,
        caller: &Caller,
        filter: TokenRecordFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<TokenRecord>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_lists(Product::ALL.map(|it| Action::Token(it, Access::List)))?;
            Ok(work.transaction.token_records(&by, &filter, work.origin.at, order, page)?)
        })
        .await
    }

    /// Deletes a token, which revokes it for good.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_jwt(&self, caller: &Caller, jti: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let found = work.permitted_jwt(jti, Access::Delete)?;
            work.apply(&found.by, &Change::DeleteToken(&found.record.token, found.product))
        })
        .await
    }
}

struct PermittedJwt {
    record: TokenRecord,
    product: Product,
    by: Authorized,
}

impl Work<'_> {
    fn permitted_jwt(&mut self, jti: Uuid, access: Access) -> Result<PermittedJwt, Refusal> {
        let missing = || Resource::Jwt.not_found(jti);
        let record = self.transaction.token_record(jti)?.ok_or_else(missing)?;
        let namespace = self.transaction.namespace(record.token.namespace_id)?;
        let namespace = namespace.ok_or_else(missing)?;
        let product = namespace.product;
        let by = self.permit(Action::Token(product, access), &namespace, missing())?;
        Ok(PermittedJwt { record, product, by })
    }
}
