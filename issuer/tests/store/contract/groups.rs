//! Groups and their members.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::group::{Group, GroupFilter};
use namespace_jwt_issuer::model::page::{Order, OrderBy};
use namespace_jwt_issuer::model::policy::PolicyPrincipal;
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::kept::get;
use super::pages::all_pages;
use super::{Database, founded};
use crate::sample::{IamStep, Organization, Step, ascending, descending, later};

pub async fn a_group_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut members = Vec::new();
    for name in ["c", "a", "b"] {
        members.push(Bearer::User(organization.new_user(&*store, name).await.id));
        let application = organization.new_iam_application(&*store, name).await;
        members.push(Bearer::Application(application.id));
    }
    let mut group = organization.new_group(&*store, "one", &members).await;
    let other = organization.new_group(&*store, "two", &members[..2]).await;
    // In the order in which they were named.
    let of_kind = |from: usize| members.iter().skip(from).step_by(2).map(|it| it.id());
    assert_eq!(group.user_ids, of_kind(0).collect::<Vec<_>>());
    assert_eq!(group.application_ids, of_kind(1).collect::<Vec<_>>());
    assert_eq!(get!(store, group, group.id), Some(group.clone()));

    // What a change isn't about stays.
    let named = Group { name: "three".to_owned(), user_ids: vec![], ..group.clone() };
    organization.does(&*store, IamStep::UpdateGroup(named.clone())).await;
    group.name = named.name;
    assert_eq!(get!(store, group, group.id), Some(group.clone()));
    group.user_ids = vec![members[4].id(), members[0].id()];
    group.application_ids = vec![];
    let moved = Group { name: "four".to_owned(), updated_at: later(9), ..group.clone() };
    organization.does(&*store, IamStep::SetMembers(moved)).await;
    assert_eq!(get!(store, group, group.id), Some(group.clone()));
    group = Group { description: String::new(), tags: vec![], updated_at: later(9), ..group };
    organization.does(&*store, IamStep::UpdateGroup(group.clone())).await;
    assert_eq!(get!(store, group, group.id), Some(group.clone()));
    assert_eq!(get!(store, group, other.id), Some(other.clone()));
}

pub async fn a_groups_name_is_taken_once(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let stranger = Organization(Uuid::new_v4());
    database.add_organization(stranger);
    let one = organization.new_group(&*store, "one", &[]).await;
    let two = organization.new_group(&*store, "two", &[]).await;
    let again = organization.group("one");
    let renamed = Group { name: "one".to_owned(), ..two.clone() };
    for (group, step) in [
        (again.clone(), IamStep::CreateGroup(again.clone())),
        (renamed.clone(), IamStep::UpdateGroup(renamed)),
    ] {
        assert_eq!(like(&*store, &group).await, Some(one.id));
        let refused = organization.make(&*store, &Step::Iam(step)).await;
        assert_eq!(refused, Err(StoreError::AlreadyExists));
    }
    for free in [one.clone(), organization.group("One"), stranger.group("one")] {
        assert_eq!(like(&*store, &free).await, None, "{free:?}");
    }
    organization.new_group(&*store, "One", &[]).await;
    stranger.new_group(&*store, "one", &[]).await;
    organization.does(&*store, IamStep::DeleteGroup(one)).await;
    organization.does(&*store, IamStep::CreateGroup(again)).await;
}

async fn like(store: &dyn Store, group: &Group) -> Option<Uuid> {
    let group = group.clone();
    read::<_, StoreError>(store, move |it| it.group_like(&group)).await.unwrap()
}

pub async fn groups_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let stranger = Organization(Uuid::new_v4());
    database.add_organization(stranger);
    let (ada, eve) = (
        organization.new_user(&*store, "ada").await.id,
        organization.new_user(&*store, "eve").await.id,
    );
    let app = organization.new_iam_application(&*store, "app").await.id;
    let theirs = stranger.new_user(&*store, "ada").await.id;
    let strange = stranger.new_group(&*store, "b", &[Bearer::User(theirs)]).await.id;
    let mut made = Vec::new();
    for (name, tag, members, created, updated) in [
        ("b", "x", vec![Bearer::User(ada), Bearer::Application(app)], 2, 8),
        ("a", "x", vec![Bearer::User(eve), Bearer::User(ada)], 1, 9),
        ("B", "y", vec![], 3, 7),
    ] {
        let mut group = Group {
            tags: vec![tag.to_owned(), "all".to_owned()],
            created_at: later(created),
            updated_at: later(updated),
            ..organization.group(name)
        };
        organization.does(&*store, IamStep::CreateGroup(group.clone())).await;
        members.into_iter().for_each(|it| group.add(it));
        organization.does(&*store, IamStep::SetMembers(group.clone())).await;
        made.push(group);
    }
    let all = GroupFilter::default();
    let named = |name: &str| GroupFilter { name: Some(name.to_owned()), ..all.clone() };
    let tagged = |tag: &str| GroupFilter { tag: Some(tag.to_owned()), ..all.clone() };
    let among = |ids: &[Uuid]| GroupFilter { ids: ids.to_vec(), ..all.clone() };
    let with_users = |ids: &[Uuid]| GroupFilter { user_ids: ids.to_vec(), ..all.clone() };
    let with_apps = |ids: &[Uuid]| GroupFilter { application_ids: ids.to_vec(), ..all.clone() };
    let of = |it: Organization| GroupFilter { organization_id: Some(it.0), ..all.clone() };
    let oldest = Order::default();
    for (filter, order, expected) in [
        (all.clone(), oldest, &[1, 0, 2][..]),
        (all.clone(), descending(OrderBy::CreatedAt), &[2, 0, 1]),
        (all.clone(), ascending(OrderBy::UpdatedAt), &[2, 0, 1]),
        (all.clone(), descending(OrderBy::UpdatedAt), &[1, 0, 2]),
        (all.clone(), ascending(OrderBy::Name), &[2, 1, 0]),
        (all.clone(), descending(OrderBy::Name), &[0, 1, 2]),
        (of(organization), oldest, &[1, 0, 2]),
        (of(stranger), oldest, &[]),
        (named("b"), oldest, &[0]),
        (named("%"), oldest, &[]),
        (tagged("all"), oldest, &[1, 0, 2]),
        (tagged("x"), oldest, &[1, 0]),
        (tagged("X"), oldest, &[]),
        (among(&[made[2].id, made[1].id, strange]), oldest, &[1, 2]),
        (among(&[strange]), oldest, &[]),
        // One who is in two, and two who are in one.
        (with_users(&[ada]), oldest, &[1, 0]),
        (with_users(&[eve, ada]), oldest, &[1, 0]),
        (with_users(&[eve, theirs]), oldest, &[1]),
        (with_users(&[theirs]), oldest, &[]),
        (with_users(&[app]), oldest, &[]),
        (with_apps(&[app]), oldest, &[0]),
        (with_apps(&[ada]), oldest, &[]),
        (GroupFilter { user_ids: vec![eve], ..with_apps(&[app]) }, oldest, &[]),
        (GroupFilter { user_ids: vec![ada], ..with_apps(&[app]) }, oldest, &[0]),
    ] {
        let by = organization.may(Action::Group(Access::List));
        let asked = filter.clone();
        let found = all_pages(&*store, move |it, page| it.groups(&by, &asked, order, page)).await;
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found, expected, "{filter:?} {order:?}");
    }
}

pub async fn a_group_that_is_deleted_leaves_its_members_and_its_policies(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let user = organization.new_user(&*store, "ada").await;
    let bearer = Bearer::User(user.id);
    let group = organization.new_group(&*store, "one", &[bearer]).await;
    let other = organization.new_group(&*store, "two", &[bearer]).await;
    let rule = organization.rule(&["FunctionsReadOnly"]);
    let principal = Some(PolicyPrincipal::Group(group.id));
    let policy = organization.new_policy(&*store, principal, &[rule]).await;
    assert_eq!(get!(store, rules_of_bearer, bearer).len(), 1);
    organization.does(&*store, IamStep::DeleteGroup(group.clone())).await;

    assert_eq!(get!(store, group, group.id), None);
    assert_eq!(get!(store, rules_of_bearer, bearer), []);
    assert_eq!(get!(store, rules_of_group, group.id), []);
    assert_eq!(get!(store, user, user.id), Some(user.clone()));
    assert_eq!(get!(store, group, other.id), Some(other.clone()));
    let found = get!(store, policy, policy.id).unwrap();
    assert_eq!((found.principal, found.counts.rules), (None, 1));
}
