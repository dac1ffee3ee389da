//! Applications of IAM: programs that call as themselves.

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::iam_application::{IamApplication, IamApplicationFilter, Titled, TitledChange};
use crate::model::page::{Order, Page, PageRequest};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Makes an application, which may do nothing yet.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_iam_application(
        &self,
        caller: &Caller,
        new: Titled,
    ) -> Result<IamApplication, Refusal> {
        let id = Uuid::new_v4();
        self.change(caller, move |work| {
            let action = Action::IamApplication(Access::Create);
            let (organization_id, by) = work.permit_new(action, new.organization_id)?;
            let application = IamApplication {
                id,
                organization_id,
                name: new.name.clone(),
                description: new.description.clone(),
                tags: new.tags.clone(),
                api_keys: 0,
                created_at: work.origin.at,
                updated_at: work.origin.at,
            };
            work.apply(&by, &Change::Iam(IamChange::CreateApplication(&application)))?;
            Ok(application)
        })
        .await
    }

    /// Reads an application.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn iam_application(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<IamApplication, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_iam_application(id, Access::Read)?.0)).await
    }

    /// Lists applications.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn iam_applications(
        &self,
        caller: &Caller,
        filter: IamApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<IamApplication>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::IamApplication(Access::List))?;
            Ok(work.transaction.iam_applications(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes an application.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_iam_application(
        &self,
        caller: &Caller,
        id: Uuid,
        change: TitledChange,
    ) -> Result<IamApplication, Refusal> {
        self.change(caller, move |work| {
            let (mut it, by) = work.permitted_iam_application(id, Access::Edit)?;
            let TitledChange { name, description, tags } = change.clone();
            it.name = name.unwrap_or(it.name);
            it.description = description.unwrap_or(it.description);
            it.tags = tags.unwrap_or(it.tags);
            it.updated_at = work.origin.at;
            work.apply(&by, &Change::Iam(IamChange::UpdateApplication(&it)))?;
            Ok(it)
        })
        .await
    }

    /// Deletes an application. Its API keys go with it, groups lose it, and its policies are for
    /// nobody.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_iam_application(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (it, by) = work.permitted_iam_application(id, Access::Delete)?;
            work.apply(&by, &Change::Iam(IamChange::DeleteApplication(&it)))
        })
        .await
    }
}

impl Work<'_> {
    fn permitted_iam_application(
        &mut self,
        id: Uuid,
        access: Access,
    ) -> Result<(IamApplication, Authorized), Refusal> {
        let missing = || Resource::IamApplication.not_found(id);
        let it = self.transaction.iam_application(id)?.ok_or_else(missing)?;
        let action = Action::IamApplication(access);
        let by = self.permit_all_over(action, it.organization_id, missing())?;
        Ok((it, by))
    }
}
