//! `/account/v3`: projects.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::answer::{Answered, Json, List, Listed, NoContent, Time};
use super::call::{Call, Everywhere};
use super::error::Errors;
use super::reader::Reader;
use super::routes::Routes;
use crate::authority::refusal::Resource;
use crate::iam::action::{Access, Action};
use crate::model::page::{Order, PageRequest};
use crate::model::project::{NewProject, Project, ProjectChange, ProjectFilter};

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let mut at = routes.group("/account/v3", "Account v3", Errors::Typed, Everywhere);
    let to = Action::Project;
    let path = "/projects";
    at.get(path, ("ListProjects", "List projects"), to(Access::List), filter, list);
    at.post(path, ("CreateProject", "Make a project"), to(Access::Create), new, create);
    let path = "/projects/{id}";
    at.get(path, ("GetProject", "Read a project"), to(Access::Read), id, read);
    at.patch(path, ("UpdateProject", "Change a project"), to(Access::Edit), change, update);
    let words = ("DeleteProject", "Delete a project that nothing is in");
    at.delete(path, words, to(Access::Delete), id, delete);
}

fn new(it: &mut Reader, _: &Everywhere) -> NewProject {
    let body = &mut it.body;
    NewProject {
        organization_id: body.id("organization_id"),
        name: body.required_title("name"),
        description: body.description_text().unwrap_or_default(),
    }
}

async fn create(call: Call<Everywhere>, new: NewProject) -> Answered<Json<ProjectView>> {
    let made = call.api.authority.create_project(&call.caller, new).await?;
    Ok(Json(ProjectView::of_change(made)))
}

fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::Project)
}

async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<ProjectView>> {
    Ok(Json(ProjectView::of(call.api.authority.project(&call.caller, id).await?)))
}

type Asked = (ProjectFilter, Order, PageRequest);

fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let filter = ProjectFilter {
        organization_id: query.id("organization_id"),
        name: query.text("name"),
        ids: query.ids("project_ids"),
    };
    (filter, query.order(), query.page())
}

async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<ProjectView>>> {
    let found = call.api.authority.projects(&call.caller, filter, order, page).await?;
    Ok(List::of(found, ProjectView::of))
}

fn change(it: &mut Reader, place: &Everywhere) -> (Uuid, ProjectChange) {
    let id = id(it, place);
    let body = &mut it.body;
    (id, ProjectChange { name: body.title("name"), description: body.description_text() })
}

async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, ProjectChange),
) -> Answered<Json<ProjectView>> {
    let changed = call.api.authority.update_project(&call.caller, id, change).await?;
    Ok(Json(ProjectView::of_change(changed)))
}

async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_project(&call.caller, id).await?;
    Ok(NoContent)
}

/// A project, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "account.Project")]
struct ProjectView {
    created_at: Time,
    description: String,
    id: Uuid,
    name: String,
    organization_id: Uuid,
    /// Nothing in the answer to a change, as on the platform.
    qualification: Option<Qualification>,
    updated_at: Time,
}

/// What the platform knows of what a project is used for: nothing here.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Qualification {
    architecture_type: &'static str,
}

impl ProjectView {
    fn of(it: Project) -> Self {
        let qualification = Qualification { architecture_type: "unknown_architecture_type" };
        Self { qualification: Some(qualification), ..Self::of_change(it) }
    }

    fn of_change(it: Project) -> Self {
        Self {
            created_at: Time::micros(it.created_at),
            description: it.description,
            id: it.id,
            name: it.name,
            organization_id: it.organization_id,
            qualification: None,
            updated_at: Time::micros(it.updated_at),
        }
    }
}

impl Listed for ProjectView {
    const NAME: &'static str = "projects";
}
