//! Projects.

use uuid::Uuid;

use super::refusal::{Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::iam::rights::Rights;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::project::{NewProject, Project, ProjectChange, ProjectFilter};
use crate::store::change::Change;

impl Authority {
    /// Makes a project.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_project(
        &self,
        caller: &Caller,
        new: NewProject,
    ) -> Result<Project, Refusal> {
        let id = Uuid::new_v4();
        self.change(caller, move |work| {
            let own = work.principal.organization_id();
            let organization_id = new.organization_id.unwrap_or(own);
            let scope = Scope { organization_id, project_id: None };
            let missing = Resource::Organization.not_found(organization_id);
            let by = work.permit_in(Action::Project(Access::Create), scope, missing)?;
            let project = Project {
                id,
                organization_id,
                name: new.name.clone(),
                description: new.description.clone(),
                created_at: work.origin.at,
                updated_at: work.origin.at,
            };
            work.apply(&by, &Change::CreateProject(&project))?;
            Ok(project)
        })
        .await
    }

    /// Reads a project.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn project(&self, caller: &Caller, id: Uuid) -> Result<Project, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_project(id, Access::Read)?.0)).await
    }

    /// Lists projects.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn projects(
        &self,
        caller: &Caller,
        filter: ProjectFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Project>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::Project(Access::List))?;
            Ok(work.transaction.projects(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes a project.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_project(
        &self,
        caller: &Caller,
        id: Uuid,
        change: ProjectChange,
    ) -> Result<Project, Refusal> {
        self.change(caller, move |work| {
            let (mut project, by) = work.permitted_project(id, Access::Edit)?;
            project.name = change.name.clone().unwrap_or(project.name);
            project.description = change.description.clone().unwrap_or(project.description);
            project.updated_at = work.origin.at;
            work.apply(&by, &Change::UpdateProject(&project))?;
            Ok(project)
        })
        .await
    }

    /// Deletes a project that nothing is in. API keys whose default project it is have the
    /// organization's default one from then on, so that whoever deletes it chooses that for them.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_project(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (project, by) = work.permitted_project(id, Access::Delete)?;
            if project.is_default() {
                let help = "an organization's default project stays as long as the organization";
                return Err(Refusal::StillInUse(Resource::Project, help));
            }
            if work.transaction.project_is_used(id)? {
                let help = "delete the namespaces in it first";
                return Err(Refusal::StillInUse(Resource::Project, help));
            }
            if work.transaction.is_a_default_project(id)? && !work.rights.cover(&Rights::All) {
                let help = "it is the default project of API keys; choose another one for them, or \
                            have the owner or an IAMManager delete it";
                return Err(Refusal::StillInUse(Resource::Project, help));
            }
            work.apply(&by, &Change::DeleteProject(&project))?;
            Ok(())
        })
        .await
    }
}

impl Work<'_> {
    /// A project that the caller may do something to.
    fn permitted_project(
        &mut self,
        id: Uuid,
        access: Access,
    ) -> Result<(Project, Authorized), Refusal> {
        let missing = || Resource::Project.not_found(id);
        let project = self.transaction.project(id)?.ok_or_else(missing)?;
        let scope = Scope { organization_id: project.organization_id, project_id: Some(id) };
        let by = self.permit_in(Action::Project(access), scope, missing())?;
        Ok((project, by))
    }
}
