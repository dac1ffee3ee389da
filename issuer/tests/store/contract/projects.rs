//! Projects.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::page::{Order, OrderBy, PageRequest};
use namespace_jwt_issuer::model::project::{Project, ProjectFilter};
use namespace_jwt_issuer::store::{StoreError, Transaction, read};
use uuid::Uuid;

use super::kept::get;
use super::{Database, founded};
use crate::sample::{IamStep, Organization, Step, descending, key, later};

pub async fn a_project_is_read_changed_and_deleted(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let project = organization.project("one");
    organization.make(&*store, &Step::CreateProject(project.clone())).await.unwrap();
    assert_eq!(get!(store, project, project.id), Some(project.clone()));
    let again = organization.make(&*store, &Step::CreateProject(project.clone())).await;
    assert_eq!(again, Err(StoreError::AlreadyExists));

    let changed = Project {
        name: "two".to_owned(),
        description: String::new(),
        updated_at: later(9),
        ..project.clone()
    };
    organization.make(&*store, &Step::UpdateProject(changed.clone())).await.unwrap();
    assert_eq!(get!(store, project, project.id), Some(changed.clone()));

    // A key whose default project it is has the organization's afterwards.
    let (mut api_key, secret) = organization.api_key();
    api_key.default_project_id = project.id;
    let step = Step::Iam(IamStep::CreateApiKey(api_key, secret.clone()));
    organization.make(&*store, &step).await.unwrap();
    // What is in it keeps it.
    let inside = organization.namespace("inside");
    let inside =
        namespace_jwt_issuer::model::namespace::Namespace { project_id: project.id, ..inside };
    let step = Step::CreateNamespace(inside.clone(), key(&inside));
    organization.make(&*store, &step).await.unwrap();
    assert!(get!(store, project_is_used, project.id));
    let step = Step::DeleteProject(changed);
    assert_eq!(organization.make(&*store, &step).await, Err(StoreError::Missing));
    organization.make(&*store, &Step::DeleteNamespace(inside)).await.unwrap();
    assert!(!get!(store, project_is_used, project.id));
    organization.make(&*store, &step).await.unwrap();
    assert_eq!(get!(store, project, project.id), None);
    let found = get!(store, key_holder, &secret).unwrap();
    assert_eq!(found.key.default_project_id, organization.0);
}

pub async fn projects_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let mut made = vec![get!(store, project, organization.0).unwrap()];
    for (at, name) in (1..).zip(["b", "a", "b"]) {
        let project = Project { created_at: later(at), ..organization.project(name) };
        organization.make(&*store, &Step::CreateProject(project.clone())).await.unwrap();
        made.push(project);
    }
    let stranger = other.project("b");
    other.make(&*store, &Step::CreateProject(stranger.clone())).await.unwrap();

    let all = ProjectFilter::default();
    let (own, no) = (Some(organization.0), Some(other.0));
    let named = |name: &str| ProjectFilter { name: Some(name.to_owned()), ..all.clone() };
    let among = |ids: &[Uuid]| ProjectFilter { ids: ids.to_vec(), ..all.clone() };
    let ids: Vec<_> = made.iter().map(|it| it.id).collect();
    let (oldest, newest) = (Order::default(), descending(OrderBy::CreatedAt));
    for (filter, order, expected) in [
        (all.clone(), oldest, vec![0, 1, 2, 3]),
        (all.clone(), newest, vec![3, 2, 1, 0]),
        (ProjectFilter { organization_id: own, ..all.clone() }, oldest, vec![0, 1, 2, 3]),
        (ProjectFilter { organization_id: no, ..all.clone() }, oldest, vec![]),
        (named("b"), oldest, vec![1, 3]),
        (named("B"), oldest, vec![]),
        (named("' OR 1"), oldest, vec![]),
        (among(&[ids[3], ids[0]]), oldest, vec![0, 3]),
        (among(&[stranger.id]), oldest, vec![]),
    ] {
        let by = organization.may(Action::Project(Access::List));
        let asked = filter.clone();
        let page = PageRequest { page: 1, size: 100 };
        let list = move |it: &mut dyn Transaction| it.projects(&by, &asked, order, page);
        let found = read::<_, StoreError>(&*store, list).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| made[at].clone()).collect();
        assert_eq!((found.total, &found.items), (expected.len() as u64, &expected), "{filter:?}");
    }
}
