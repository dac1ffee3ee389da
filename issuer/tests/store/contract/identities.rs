//! Users, applications of IAM and groups.

use std::sync::Arc;

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::iam_application::{IamApplication, IamApplicationFilter};
use namespace_jwt_issuer::model::page::{Order, OrderBy};
use namespace_jwt_issuer::model::policy::PolicyPrincipal;
use namespace_jwt_issuer::model::user::{PasswordHash, Profile, User, UserFilter, UserKind};
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::kept::get;
use super::pages::all_pages;
use super::{Database, founded};
use crate::sample::{IamStep, NOW, Organization, Step, ascending, descending, later};

pub async fn a_user_is_read_as_they_were_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut user = organization.user("ada");
    let hash = Arc::new(PasswordHash("$argon2id$one".to_owned()));
    organization.does(&*store, IamStep::CreateUser(user.clone(), Some(hash))).await;
    assert_eq!(get!(store, user, user.id), Some(user.clone()));
    assert_eq!(database.password(user.id).as_deref(), Some("$argon2id$one"));

    user.email = "a@example.org".to_owned();
    user.username = "countess".to_owned();
    user.profile = Profile::default();
    user.tags.clear();
    user.is_locked = true;
    user.updated_at = later(9);
    organization.does(&*store, IamStep::UpdateUser(user.clone())).await;
    assert_eq!(get!(store, user, user.id), Some(user.clone()));
    assert_eq!(database.password(user.id).as_deref(), Some("$argon2id$one"));

    // It tells when, and nothing else of the value that comes with it.
    let hash = Arc::new(PasswordHash("$argon2id$two".to_owned()));
    let stale = User { username: "stale".to_owned(), ..user.clone() };
    organization.does(&*store, IamStep::SetPassword(stale, hash)).await;
    assert_eq!(get!(store, user, user.id), Some(User { updated_at: NOW, ..user.clone() }));
    assert_eq!(database.password(user.id).as_deref(), Some("$argon2id$two"));

    let guest = User { kind: UserKind::Guest, ..organization.user("guest") };
    organization.does(&*store, IamStep::CreateUser(guest.clone(), None)).await;
    assert_eq!(database.password(guest.id), None);
    assert_eq!(get!(store, user, guest.id), Some(guest.clone()));
    let owner = get!(store, user, organization.owner()).unwrap();
    assert_eq!((owner.kind, owner.username.as_str()), (UserKind::Owner, "owner"));
    assert_eq!(get!(store, user, organization.0), None);
}

pub async fn a_username_and_an_address_are_taken_once_however_they_are_written(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let ada = organization.new_user(&*store, "ada").await;
    let eve = organization.new_user(&*store, "eve").await;
    let called = |username: &str, email: &str| User {
        username: username.to_owned(),
        email: email.to_owned(),
        ..organization.user("template")
    };
    for (username, email) in [
        ("ada", "new@example.com"),
        ("Ada", "new@example.com"),
        ("new", "ada@example.com"),
        ("new", "ADA@Example.com"),
    ] {
        let new = called(username, email);
        let renamed = User { id: eve.id, ..new.clone() };
        assert_eq!(like(&*store, &new).await, Some(ada.id), "{username} {email}");
        assert_eq!(like(&*store, &renamed).await, Some(ada.id), "{username} {email}");
        for step in [IamStep::CreateUser(new, None), IamStep::UpdateUser(renamed)] {
            let refused = organization.make(&*store, &Step::Iam(step)).await;
            assert_eq!(refused, Err(StoreError::AlreadyExists), "{username} {email}");
        }
    }
    // No pattern, and no part; and a name is no address.
    for (username, email) in
        [("ada@example.com", "ada"), ("ad", "da@example.com"), ("a%", "_da@example.com")]
    {
        let new = called(username, email);
        assert_eq!(like(&*store, &new).await, None, "{username} {email}");
        organization.does(&*store, IamStep::CreateUser(new, None)).await;
    }
    // Nobody stands in their own way, and another organization has its own.
    let shouted = User { username: "ADA".to_owned(), ..ada.clone() };
    assert_eq!(like(&*store, &shouted).await, None);
    organization.does(&*store, IamStep::UpdateUser(shouted)).await;
    assert_eq!(like(&*store, &other.user("ada")).await, None);
    other.new_user(&*store, "ada").await;
}

async fn like(store: &dyn Store, user: &User) -> Option<Uuid> {
    let user = user.clone();
    read::<_, StoreError>(store, move |it| it.user_like(&user)).await.unwrap()
}

pub async fn users_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let stranger = other.new_user(&*store, "bob").await;
    let mut made = vec![get!(store, user, organization.owner()).unwrap()];
    for (username, email, kind, tag, created, updated) in [
        ("bob", "z@example.com", UserKind::Member, "x", 2, 9),
        ("Ada", "Y@example.com", UserKind::Guest, "x", 3, 8),
        ("cleo", "x@example.com", UserKind::Member, "X", 1, 7),
    ] {
        let user = User {
            username: username.to_owned(),
            email: email.to_owned(),
            kind,
            tags: vec![tag.to_owned(), "all".to_owned()],
            created_at: later(created),
            updated_at: later(updated),
            ..organization.user("template")
        };
        organization.does(&*store, IamStep::CreateUser(user.clone(), None)).await;
        made.push(user);
    }
    let all = UserFilter::default();
    let tagged = |tag: &str| UserFilter { tag: Some(tag.to_owned()), ..all.clone() };
    let of_kind = |kind| UserFilter { kind: Some(kind), ..all.clone() };
    let among = |ids: &[Uuid]| UserFilter { ids: ids.to_vec(), ..all.clone() };
    let of = |it: Organization| UserFilter { organization_id: Some(it.0), ..all.clone() };
    let oldest = Order::default();
    let ids: Vec<_> = made.iter().map(|it| it.id).collect();
    for (filter, order, expected) in [
        (all.clone(), oldest, &[0, 3, 1, 2][..]),
        (all.clone(), descending(OrderBy::CreatedAt), &[2, 1, 3, 0]),
        (all.clone(), ascending(OrderBy::UpdatedAt), &[0, 3, 2, 1]),
        (all.clone(), descending(OrderBy::UpdatedAt), &[1, 2, 3, 0]),
        // As they are compared where they have to be unique.
        (all.clone(), ascending(OrderBy::Username), &[2, 1, 3, 0]),
        (all.clone(), descending(OrderBy::Username), &[0, 3, 1, 2]),
        (all.clone(), ascending(OrderBy::Email), &[0, 3, 2, 1]),
        (all.clone(), descending(OrderBy::Email), &[1, 2, 3, 0]),
        (of(organization), oldest, &[0, 3, 1, 2]),
        (of(other), oldest, &[]),
        (of_kind(UserKind::Owner), oldest, &[0]),
        (of_kind(UserKind::Member), oldest, &[3, 1]),
        (of_kind(UserKind::Guest), oldest, &[2]),
        (tagged("all"), oldest, &[3, 1, 2]),
        (tagged("x"), oldest, &[1, 2]),
        (tagged("X"), oldest, &[3]),
        (tagged("al"), oldest, &[]),
        (tagged(""), oldest, &[]),
        (among(&[ids[2], ids[3]]), oldest, &[3, 2]),
        (among(&[ids[2], stranger.id]), oldest, &[2]),
        (among(&[stranger.id]), oldest, &[]),
        (UserFilter { mfa: Some(false), ..all.clone() }, oldest, &[0, 3, 1, 2]),
        (UserFilter { mfa: Some(true), ..all.clone() }, oldest, &[]),
        (UserFilter { kind: Some(UserKind::Member), ..tagged("x") }, oldest, &[1]),
    ] {
        let by = organization.may(Action::User(Access::List));
        let asked = filter.clone();
        let found = all_pages(&*store, move |it, page| it.users(&by, &asked, order, page)).await;
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found, expected, "{filter:?} {order:?}");
    }
    // Nobody has signed in yet, so their ids alone tell them apart.
    made.sort_by_key(|it| it.id);
    for order in [ascending(OrderBy::LastLogin), descending(OrderBy::LastLogin)] {
        let (by, asked) = (organization.may(Action::User(Access::List)), all.clone());
        let found = all_pages(&*store, move |it, page| it.users(&by, &asked, order, page)).await;
        assert_eq!(found, made);
        made.reverse();
    }
}

pub async fn an_application_of_iam_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut it = organization.new_iam_application(&*store, "app").await;
    assert_eq!(get!(store, iam_application, it.id), Some(it.clone()));
    // Of a name there may be several.
    let twin = organization.new_iam_application(&*store, "app").await;

    let bearer = Bearer::Application(it.id);
    let (key, _) = organization.new_api_key(&*store, bearer).await;
    organization.new_api_key(&*store, bearer).await;
    organization.new_api_key(&*store, Bearer::Application(twin.id)).await;
    it.api_keys = 2;
    assert_eq!(get!(store, iam_application, it.id), Some(it.clone()));
    organization.does(&*store, IamStep::DeleteApiKey(key)).await;
    it = IamApplication {
        name: "B\"".to_owned(),
        description: String::new(),
        tags: vec![],
        api_keys: 1,
        updated_at: later(9),
        ..it
    };
    organization.does(&*store, IamStep::UpdateApplication(it.clone())).await;
    assert_eq!(get!(store, iam_application, it.id), Some(it.clone()));
    assert_eq!(get!(store, bearer, it.id), Some((bearer, organization.0)));
    assert_eq!(get!(store, user, it.id), None);
    assert_eq!(get!(store, iam_application, organization.owner()), None);
}

pub async fn applications_of_iam_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let stranger = other.new_iam_application(&*store, "b").await;
    let mut made = Vec::new();
    for (name, tag, created, updated) in [("b", "x", 2, 8), ("a", "x", 1, 9), ("B", "y", 3, 7)] {
        let it = IamApplication {
            tags: vec![tag.to_owned(), "all".to_owned()],
            created_at: later(created),
            updated_at: later(updated),
            ..organization.iam_application(name)
        };
        organization.does(&*store, IamStep::CreateApplication(it.clone())).await;
        made.push(it);
    }
    organization.new_api_key(&*store, Bearer::Application(made[1].id)).await;
    made[1].api_keys = 1;
    let all = IamApplicationFilter::default();
    let named = |name: &str| IamApplicationFilter { name: Some(name.to_owned()), ..all.clone() };
    let tagged = |tag: &str| IamApplicationFilter { tag: Some(tag.to_owned()), ..all.clone() };
    let among = |ids: &[Uuid]| IamApplicationFilter { ids: ids.to_vec(), ..all.clone() };
    let of = |it: Organization| IamApplicationFilter { organization_id: Some(it.0), ..all.clone() };
    let editable = |it| IamApplicationFilter { is_editable: Some(it), ..all.clone() };
    let oldest = Order::default();
    for (filter, order, expected) in [
        (all.clone(), oldest, &[1, 0, 2][..]),
        (all.clone(), descending(OrderBy::CreatedAt), &[2, 0, 1]),
        (all.clone(), ascending(OrderBy::UpdatedAt), &[2, 0, 1]),
        (all.clone(), descending(OrderBy::UpdatedAt), &[1, 0, 2]),
        (all.clone(), ascending(OrderBy::Name), &[2, 1, 0]),
        (all.clone(), descending(OrderBy::Name), &[0, 1, 2]),
        (of(organization), oldest, &[1, 0, 2]),
        (of(other), oldest, &[]),
        (named("b"), oldest, &[0]),
        (named("%"), oldest, &[]),
        (tagged("all"), oldest, &[1, 0, 2]),
        (tagged("x"), oldest, &[1, 0]),
        (tagged("X"), oldest, &[]),
        (among(&[made[2].id, made[1].id, stranger.id]), oldest, &[1, 2]),
        (among(&[stranger.id]), oldest, &[]),
        (editable(true), oldest, &[1, 0, 2]),
        (editable(false), oldest, &[]),
    ] {
        let by = organization.may(Action::IamApplication(Access::List));
        let asked = filter.clone();
        let list =
            all_pages(&*store, move |it, page| it.iam_applications(&by, &asked, order, page));
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(list.await, expected, "{filter:?} {order:?}");
    }
}

pub async fn whoever_is_deleted_goes_with_their_keys_and_leaves_groups_and_policies(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let user = organization.new_user(&*store, "ada").await;
    let application = organization.new_iam_application(&*store, "app").await;
    let both = [Bearer::User(user.id), Bearer::Application(application.id)];
    let stays = organization.new_user(&*store, "eve").await;
    let members = [both[0], both[1], Bearer::User(stays.id)];
    let mut group = organization.new_group(&*store, "all", &members).await;
    let alone = organization.new_group(&*store, "alone", &both[..1]).await;
    let (kept, _) = organization.new_api_key(&*store, Bearer::User(stays.id)).await;
    let of = |bearer| Some(PolicyPrincipal::Bearer(bearer));
    let theirs = organization.new_policy(&*store, of(members[2]), &[]).await;
    for (bearer, step) in [
        (both[0], IamStep::DeleteUser(user.clone())),
        (both[1], IamStep::DeleteApplication(application.clone())),
    ] {
        let (key, secret) = organization.new_api_key(&*store, bearer).await;
        let rule = organization.rule(&["FunctionsReadOnly"]);
        let mut policy = organization.new_policy(&*store, of(bearer), &[rule]).await;
        organization.does(&*store, step).await;

        assert_eq!(get!(store, bearer, bearer.id()), None);
        assert_eq!(get!(store, key_holder, &secret), None);
        let access_key = key.access_key;
        assert_eq!(get!(store, api_key, &access_key), None);
        assert_eq!(get!(store, rules_of_bearer, bearer), []);
        assert!(group.remove(bearer));
        assert_eq!(get!(store, group, group.id), Some(group.clone()));
        policy.principal = None;
        policy.counts = get!(store, policy, policy.id).unwrap().counts;
        assert_eq!(get!(store, policy, policy.id), Some(policy.clone()));
        assert_eq!(policy.counts.rules, 1);
    }
    assert_eq!(get!(store, user, user.id), None);
    assert_eq!(get!(store, iam_application, application.id), None);
    assert!(get!(store, group, alone.id).unwrap().user_ids.is_empty());
    let kept_key = kept.access_key.clone();
    assert_eq!(get!(store, api_key, &kept_key), Some(kept.clone()));
    assert_eq!(get!(store, policy, theirs.id), Some(theirs.clone()));
    assert_eq!(get!(store, group, group.id).unwrap().user_ids, [stays.id]);
}
