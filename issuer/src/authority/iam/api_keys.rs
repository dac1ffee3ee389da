//! API keys.

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{FaultReason, Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::iam::rights::Rights;
use crate::model::api_key::{
    ApiKey, ApiKeyChange, ApiKeyFilter, NewApiKey, SecretKey, new_access_key,
};
use crate::model::bearer::{Bearer, BearerKind};
use crate::model::page::{Order, Page, PageRequest};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Makes an API key. Whoever has it acts as its bearer, so the caller must be able to do all
    /// that the bearer can. The secret is told this once.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        new: NewApiKey,
    ) -> Result<(ApiKey, SecretKey), Refusal> {
        let (access_key, secret) = (new_access_key(), SecretKey::generate());
        let hash = secret.hash();
        let key = self
            .change(caller, move |work| {
                let NewApiKey { bearer, expires_at, .. } = new;
                let organization_id = work.principal.organization_id();
                let at = work.origin.at;
                let by = work.permit_own(Action::ApiKey(bearer.kind(), Access::Create))?;
                work.check_bearer(bearer, organization_id)?;
                if expires_at.is_some_and(|end| end <= at) {
                    let help =
                        "expected a time in the future, or none for a key that never expires";
                    return Err(Refusal::argument("expires_at", FaultReason::Constraint, help));
                }
                work.check_cover_of(bearer, by.action())?;
                // As on the platform the organization's, and not that of the caller's key.
                let project_id = new.default_project_id.unwrap_or(organization_id);
                let request = work.origin.request.as_ref();
                let key = ApiKey {
                    access_key: access_key.clone(),
                    bearer,
                    organization_id,
                    default_project_id: project_id,
                    description: new.description.clone(),
                    expires_at,
                    creation_ip: request.map(|request| request.address.to_string()),
                    created_at: at,
                    updated_at: at,
                };
                work.own_project(Some(project_id))?;
                work.apply(&by, &Change::Iam(IamChange::CreateApiKey(&key, &hash)))?;
                Ok(key)
            })
            .await?;
        Ok((key, secret))
    }

    /// Reads an API key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn api_key(&self, caller: &Caller, access_key: String) -> Result<ApiKey, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_api_key(&access_key, Access::Read)?.0))
            .await
    }

    /// Lists API keys.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn api_keys(
        &self,
        caller: &Caller,
        filter: ApiKeyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Refusal> {
        self.look(caller, move |work| {
            let kinds = [BearerKind::User, BearerKind::Application];
            let by = work.permit_lists(kinds.map(|kind| Action::ApiKey(kind, Access::List)))?;
            Ok(work.transaction.api_keys(&by, &filter, work.origin.at, order, page)?)
        })
        .await
    }

    /// Changes an API key. To let it live longer, or to choose where it makes things, is like making
    /// one.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_api_key(
        &self,
        caller: &Caller,
        access_key: String,
        change: ApiKeyChange,
    ) -> Result<ApiKey, Refusal> {
        self.change(caller, move |work| {
            let (before, by) = work.permitted_api_key(&access_key, Access::Edit)?;
            let ApiKeyChange { description, expires_at, default_project_id } = change.clone();
            if let Some(id) = default_project_id {
                work.own_project(Some(id))?;
            }
            let key = ApiKey {
                description: description.unwrap_or_else(|| before.description.clone()),
                expires_at: expires_at.or(before.expires_at),
                default_project_id: default_project_id.unwrap_or(before.default_project_id),
                updated_at: work.origin.at,
                ..before.clone()
            };
            let lives_longer =
                before.expires_at.is_some_and(|end| key.expires_at.is_none_or(|it| it > end));
            // What its bearer makes next would be in a project of the caller's choice.
            if lives_longer || key.default_project_id != before.default_project_id {
                work.check_cover_of(key.bearer, by.action())?;
            }
            if key.expires_at.is_some() {
                work.check_owner_keeps_a_key(&before)?;
            }
            work.apply(&by, &Change::Iam(IamChange::UpdateApiKey(&key)))?;
            Ok(key)
        })
        .await
    }

    /// Deletes an API key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_api_key(&self, caller: &Caller, access_key: String) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (key, by) = work.permitted_api_key(&access_key, Access::Delete)?;
            work.check_owner_keeps_a_key(&key)?;
            work.apply(&by, &Change::Iam(IamChange::DeleteApiKey(&key)))
        })
        .await
    }
}

impl Work<'_> {
    /// Whether the owner can come in without a key that is to end: otherwise whoever may end keys
    /// could shut the owner out.
    fn check_owner_keeps_a_key(&mut self, key: &ApiKey) -> Result<(), Refusal> {
        if let Bearer::User(id) = key.bearer
            && key.expires_at.is_none()
            && self.rights_of(key.bearer)? == Rights::All
            && self.transaction.lasting_keys(id)? <= 1
        {
            return Err(Refusal::IsOwner(
                "of the owner's API keys one that never expires has to stay; make another one first",
            ));
        }
        Ok(())
    }

    fn permitted_api_key(
        &mut self,
        access_key: &str,
        access: Access,
    ) -> Result<(ApiKey, Authorized), Refusal> {
        let missing = || Resource::ApiKey.not_found(access_key);
        let key = self.transaction.api_key(access_key)?.ok_or_else(missing)?;
        let action = Action::ApiKey(key.bearer.kind(), access);
        let by = self.permit_all_over(action, key.organization_id, missing())?;
        Ok((key, by))
    }
}
