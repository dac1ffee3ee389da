//! Issued tokens by whoever made them.

use uuid::Uuid;

use super::Authority;
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
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
        self.look(caller, move |work| {
            work.permitted_token(Resource::Jwt, None, jti, Access::Read)?;
            let record = work.transaction.token_record(jti)?;
            record.ok_or_else(|| Resource::Jwt.not_found(jti))
        })
        .await
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
            let found = work.permitted_token(Resource::Jwt, None, jti, Access::Delete)?;
            work.apply(&found.by, &Change::DeleteToken(&found.token, found.product))
        })
        .await
    }
}
