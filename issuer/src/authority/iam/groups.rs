//! Groups.

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::iam::rights::Rights;
use crate::model::group::{Group, GroupFilter, MembersChange};
use crate::model::iam_application::{Titled, TitledChange};
use crate::model::page::{Order, Page, PageRequest};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Makes a group, in which nobody is yet.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_group(&self, caller: &Caller, new: Titled) -> Result<Group, Refusal> {
        let id = Uuid::new_v4();
        self.change(caller, move |work| {
            let action = Action::Group(Access::Create);
            let (organization_id, by) = work.permit_new(action, new.organization_id)?;
            let group = Group {
                id,
                organization_id,
                name: new.name.clone(),
                description: new.description.clone(),
                tags: new.tags.clone(),
                user_ids: Vec::new(),
                application_ids: Vec::new(),
                created_at: work.origin.at,
                updated_at: work.origin.at,
            };
            work.check_group_name(&group)?;
            work.apply(&by, &Change::Iam(IamChange::CreateGroup(&group)))?;
            Ok(group)
        })
        .await
    }

    /// Reads a group.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn group(&self, caller: &Caller, id: Uuid) -> Result<Group, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_group(id, Access::Read)?.0)).await
    }

    /// Lists groups.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn groups(
        &self,
        caller: &Caller,
        filter: GroupFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Group>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::Group(Access::List))?;
            Ok(work.transaction.groups(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes a group, other than its members.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_group(
        &self,
        caller: &Caller,
        id: Uuid,
        change: TitledChange,
    ) -> Result<Group, Refusal> {
        self.change(caller, move |work| {
            let (mut group, by) = work.permitted_group(id, Access::Edit)?;
            let TitledChange { name, description, tags } = change.clone();
            group.name = name.unwrap_or(group.name);
            group.description = description.unwrap_or(group.description);
            group.tags = tags.unwrap_or(group.tags);
            group.updated_at = work.origin.at;
            work.check_group_name(&group)?;
            work.apply(&by, &Change::Iam(IamChange::UpdateGroup(&group)))?;
            Ok(group)
        })
        .await
    }

    /// Changes who is in a group. Whoever comes in has all that its policies allow, so the caller
    /// must have it too.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn change_members(
        &self,
        caller: &Caller,
        id: Uuid,
        change: MembersChange,
    ) -> Result<Group, Refusal> {
        self.change(caller, move |work| {
            let (before, by) = work.permitted_group(id, Access::Edit)?;
            let mut group = before.clone();
            match &change {
                MembersChange::Replace(members) => {
                    group.user_ids.clear();
                    group.application_ids.clear();
                    members.iter().for_each(|member| group.add(*member));
                }
                MembersChange::Add(members) => members.iter().for_each(|it| group.add(*it)),
                MembersChange::Remove(member) => {
                    if !group.remove(*member) {
                        return Err(Resource::Member.not_found(member.id()));
                    }
                }
            }
            let mut is_wider = false;
            for member in group.members() {
                if !before.members().any(|it| it == member) {
                    work.check_bearer(member, group.organization_id)?;
                    is_wider = true;
                }
            }
            if is_wider {
                let rights = Rights::By(work.transaction.rules_of_group(id)?);
                work.check_cover(&rights, by.action())?;
            }
            work.apply(&by, &Change::Iam(IamChange::SetMembers(&group)))?;
            Ok(group)
        })
        .await
    }

    /// Deletes a group. Its policies are for nobody.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_group(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (group, by) = work.permitted_group(id, Access::Delete)?;
            work.apply(&by, &Change::Iam(IamChange::DeleteGroup(&group)))
        })
        .await
    }
}

impl Work<'_> {
    fn permitted_group(
        &mut self,
        id: Uuid,
        access: Access,
    ) -> Result<(Group, Authorized), Refusal> {
        let missing = || Resource::Group.not_found(id);
        let group = self.transaction.group(id)?.ok_or_else(missing)?;
        let action = Action::Group(access);
        let by = self.permit_all_over(action, group.organization_id, missing())?;
        Ok((group, by))
    }

    fn check_group_name(&mut self, group: &Group) -> Result<(), Refusal> {
        match self.transaction.group_like(group)? {
            Some(id) => Err(Resource::Group.already_exists(id)),
            None => Ok(()),
        }
    }
}
