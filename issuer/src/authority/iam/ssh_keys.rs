//! SSH keys.

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::model::page::{Order, Page, PageRequest};
use crate::model::ssh_key::{NewSshKey, SshKey, SshKeyChange, SshKeyFilter};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Keeps an SSH key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_ssh_key(&self, caller: &Caller, new: NewSshKey) -> Result<SshKey, Refusal> {
        let id = Uuid::new_v4();
        self.change(caller, move |work| {
            let project_id = work.own_project(new.project_id)?;
            let organization_id = work.principal.organization_id();
            let key = SshKey {
                id,
                organization_id,
                project_id,
                name: new.name.clone(),
                public_key: new.public_key.clone(),
                fingerprint: new.fingerprint.clone(),
                is_disabled: false,
                created_at: work.origin.at,
                updated_at: work.origin.at,
            };
            let by = work.permit_ssh_key(&key, Access::Create)?;
            work.apply(&by, &Change::Iam(IamChange::CreateSshKey(&key)))?;
            Ok(key)
        })
        .await
    }

    /// Reads an SSH key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn ssh_key(&self, caller: &Caller, id: Uuid) -> Result<SshKey, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_ssh_key(id, Access::Read)?.0)).await
    }

    /// Lists SSH keys.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn ssh_keys(
        &self,
        caller: &Caller,
        filter: SshKeyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<SshKey>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::SshKey(Access::List))?;
            Ok(work.transaction.ssh_keys(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes an SSH key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_ssh_key(
        &self,
        caller: &Caller,
        id: Uuid,
        change: SshKeyChange,
    ) -> Result<SshKey, Refusal> {
        self.change(caller, move |work| {
            let (mut key, by) = work.permitted_ssh_key(id, Access::Edit)?;
            let SshKeyChange { name, is_disabled } = change.clone();
            key.name = name.unwrap_or(key.name);
            key.is_disabled = is_disabled.unwrap_or(key.is_disabled);
            key.updated_at = work.origin.at;
            work.apply(&by, &Change::Iam(IamChange::UpdateSshKey(&key)))?;
            Ok(key)
        })
        .await
    }

    /// Deletes an SSH key.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_ssh_key(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (key, by) = work.permitted_ssh_key(id, Access::Delete)?;
            work.apply(&by, &Change::Iam(IamChange::DeleteSshKey(&key)))
        })
        .await
    }
}

impl Work<'_> {
    fn permitted_ssh_key(
        &mut self,
        id: Uuid,
        access: Access,
    ) -> Result<(SshKey, Authorized), Refusal> {
        let key = self.transaction.ssh_key(id)?;
        let key = key.ok_or_else(|| Resource::SshKey.not_found(id))?;
        let by = self.permit_ssh_key(&key, access)?;
        Ok((key, by))
    }

    fn permit_ssh_key(&self, key: &SshKey, access: Access) -> Result<Authorized, Refusal> {
        let scope =
            Scope { organization_id: key.organization_id, project_id: Some(key.project_id) };
        self.permit_in(Action::SshKey(access), scope, Resource::SshKey.not_found(key.id))
    }
}
