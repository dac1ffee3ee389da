//! API keys and SSH keys.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::iam::decision::Authorized;
use namespace_jwt_issuer::model::api_key::{ApiKey, ApiKeyFilter, SecretHash};
use namespace_jwt_issuer::model::bearer::{Bearer, BearerKind};
use namespace_jwt_issuer::model::page::{Order, OrderBy, PageRequest};
use namespace_jwt_issuer::model::ssh_key::{SshKey, SshKeyFilter};
use namespace_jwt_issuer::model::user::User;
use namespace_jwt_issuer::store::iam::KeyHolder;
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::kept::get;
use super::pages::all_pages;
use super::{Database, founded};
use crate::sample::{IamStep, NOW, Organization, Step, ascending, descending, later};

pub async fn an_api_key_is_found_by_either_half(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let project = Uuid::new_v4();
    database.add_project(organization, project);
    let user = organization.new_user(&*store, "ada").await;
    let application = organization.new_iam_application(&*store, "app").await;
    let mut held = Vec::new();
    for bearer in
        [organization.bearer(), Bearer::User(user.id), Bearer::Application(application.id)]
    {
        let (key, secret) = organization.new_api_key(&*store, bearer).await;
        let holder = KeyHolder { key, is_owner: bearer == organization.bearer(), is_locked: false };
        held.push((holder, secret));
    }
    // One without an end that a command of this program made, and one that is changed.
    let (bare, secret) = organization.api_key();
    let bare = ApiKey { expires_at: None, creation_ip: None, ..bare };
    organization.does(&*store, IamStep::CreateApiKey(bare.clone(), secret.clone())).await;
    held.push((KeyHolder { key: bare, is_owner: true, is_locked: false }, secret));
    let before = held[1].0.key.clone();
    let changed = ApiKey {
        default_project_id: project,
        description: String::new(),
        expires_at: None,
        updated_at: later(9),
        ..before
    };
    organization.does(&*store, IamStep::UpdateApiKey(changed.clone())).await;
    held[1].0.key = changed;
    // Which of them never end, and where they make things.
    let (owner, ada, app) = (organization.bearer().id(), user.id, application.id);
    assert_eq!(get!(store, lasting_keys, owner), 1);
    assert_eq!(get!(store, lasting_keys, ada), 1);
    assert_eq!(get!(store, lasting_keys, app), 0);
    assert!(get!(store, is_a_default_project, project));
    let other = Uuid::new_v4();
    assert!(!get!(store, is_a_default_project, other));
    for (holder, secret) in &held {
        assert_eq!(holder_of(&*store, secret).await.as_ref(), Some(holder));
        let key = &holder.key;
        assert_eq!(key_named(&*store, &key.access_key).await.as_ref(), Some(key));
        // Neither half a second time.
        let (other, other_secret) = organization.api_key();
        let same_name = ApiKey { access_key: key.access_key.clone(), ..other.clone() };
        for (key, secret) in [(same_name, other_secret), (other, secret.clone())] {
            let step = Step::Iam(IamStep::CreateApiKey(key, secret));
            let refused = organization.make(&*store, &step).await;
            assert_eq!(refused, Err(StoreError::AlreadyExists));
        }
    }
    assert_eq!(holder_of(&*store, &SecretHash(vec![0; 32])).await, None);
    let in_lower_case = held[0].0.key.access_key.to_lowercase();
    assert_eq!(key_named(&*store, &in_lower_case).await, None);

    let locked = User { is_locked: true, ..user };
    organization.does(&*store, IamStep::UpdateUser(locked)).await;
    for (at, (holder, secret)) in held.iter().enumerate() {
        let found = holder_of(&*store, secret).await.unwrap();
        assert_eq!((found.is_locked, found.is_owner), (at == 1, holder.is_owner), "{at}");
    }
    let (holder, secret) = held[2].clone();
    organization.does(&*store, IamStep::DeleteApiKey(holder.key.clone())).await;
    assert_eq!(holder_of(&*store, &secret).await, None);
    assert_eq!(key_named(&*store, &holder.key.access_key).await, None);
}

async fn holder_of(store: &dyn Store, secret: &SecretHash) -> Option<KeyHolder> {
    let secret = secret.clone();
    read::<_, StoreError>(store, move |it| it.key_holder(&secret)).await.unwrap()
}

async fn key_named(store: &dyn Store, access_key: &str) -> Option<ApiKey> {
    let access_key = access_key.to_owned();
    read::<_, StoreError>(store, move |it| it.api_key(&access_key)).await.unwrap()
}

pub async fn api_keys_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let (strange, _) = other.new_api_key(&*store, other.bearer()).await;
    let user = organization.new_user(&*store, "ada").await.id;
    let app = organization.new_iam_application(&*store, "app").await.id;
    let mut made = Vec::new();
    for (name, bearer, end, created, updated) in [
        ("SCWB", Bearer::User(user), Some(20), 2, 5),
        ("SCWA", organization.bearer(), Some(21), 3, 6),
        ("SCWa", Bearer::Application(app), None, 4, 7),
        ("SCWC", Bearer::Application(app), Some(30), 1, 8),
    ] {
        let (key, secret) = organization.api_key_of(bearer);
        let key = ApiKey {
            access_key: name.to_owned(),
            description: name.to_lowercase(),
            expires_at: end.map(later),
            created_at: later(created),
            updated_at: later(updated),
            ..key
        };
        organization.does(&*store, IamStep::CreateApiKey(key.clone(), secret)).await;
        made.push(key);
    }
    let all = ApiKeyFilter::default();
    let of_user = |id| ApiKeyFilter { user_id: Some(id), ..all.clone() };
    let of_app = |id| ApiKeyFilter { application_id: Some(id), ..all.clone() };
    let of_bearer = |id| ApiKeyFilter { bearer_id: Some(id), ..all.clone() };
    let of_kind = |kind| ApiKeyFilter { bearer_kind: Some(kind), ..all.clone() };
    let expired = |it| ApiKeyFilter { is_expired: Some(it), ..all.clone() };
    let editable = |it| ApiKeyFilter { is_editable: Some(it), ..all.clone() };
    let of = |it: Organization| ApiKeyFilter { organization_id: Some(it.0), ..all.clone() };
    let described = |it: &str| ApiKeyFilter { description: Some(it.to_owned()), ..all.clone() };
    let among = |keys: &[&str]| ApiKeyFilter {
        access_keys: keys.iter().map(|it| (*it).to_owned()).collect(),
        ..all.clone()
    };
    let may = |kind| organization.may(Action::ApiKey(kind, Access::List));
    let users = [may(BearerKind::User)];
    let apps = [may(BearerKind::Application)];
    let both = [users[0].clone(), apps[0].clone()];
    let oldest = Order::default();
    for (by, filter, order, expected) in [
        (&both[..], all.clone(), oldest, &[3, 0, 1, 2][..]),
        (&both, all.clone(), descending(OrderBy::CreatedAt), &[2, 1, 0, 3]),
        (&both, all.clone(), ascending(OrderBy::UpdatedAt), &[0, 1, 2, 3]),
        (&both, all.clone(), descending(OrderBy::UpdatedAt), &[3, 2, 1, 0]),
        (&both, all.clone(), ascending(OrderBy::ExpiresAt), &[2, 0, 1, 3]),
        (&both, all.clone(), descending(OrderBy::ExpiresAt), &[3, 1, 0, 2]),
        (&both, all.clone(), ascending(OrderBy::AccessKey), &[1, 0, 3, 2]),
        (&both, all.clone(), descending(OrderBy::AccessKey), &[2, 3, 0, 1]),
        // Of each kind those that a permission is for, whatever is asked for.
        (&users, all.clone(), oldest, &[0, 1]),
        (&apps, all.clone(), oldest, &[3, 2]),
        (&users, of_kind(BearerKind::Application), oldest, &[]),
        (&users, of_app(app), oldest, &[]),
        (&users, of_bearer(app), oldest, &[]),
        (&users, among(&["SCWA", "SCWC"]), oldest, &[1]),
        (&apps, of_user(user), oldest, &[]),
        (&both, of_kind(BearerKind::User), oldest, &[0, 1]),
        (&both, of_kind(BearerKind::Application), oldest, &[3, 2]),
        (&both, of_user(user), oldest, &[0]),
        (&both, of_user(app), oldest, &[]),
        (&both, of_app(app), oldest, &[3, 2]),
        (&both, of_app(user), oldest, &[]),
        (&both, of_bearer(user), oldest, &[0]),
        (&both, of_bearer(app), oldest, &[3, 2]),
        (&both, of_bearer(other.owner()), oldest, &[]),
        (&both, ApiKeyFilter { bearer_id: Some(app), ..of_user(user) }, oldest, &[]),
        // Asked at 20 seconds, when the first one has just ended.
        (&both, expired(true), oldest, &[0]),
        (&both, expired(false), oldest, &[3, 1, 2]),
        (&both, editable(true), oldest, &[3, 0, 1, 2]),
        (&both, editable(false), oldest, &[]),
        (&both, of(organization), oldest, &[3, 0, 1, 2]),
        (&both, of(other), oldest, &[]),
        (&both, described("scwb"), oldest, &[0]),
        (&both, described("scw%"), oldest, &[]),
        (&both, described("SCWB"), oldest, &[]),
        (&both, among(&["SCWC", "SCWa", &strange.access_key]), oldest, &[3, 2]),
        (&both, among(&[&strange.access_key]), oldest, &[]),
    ] {
        let (asking, asked) = (by.to_vec(), filter.clone());
        let found = all_pages(&*store, move |it, page| {
            it.api_keys(&asking, &asked, later(20), order, page)
        });
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found.await, expected, "{filter:?} {order:?} by {by:?}");
    }
    // What is for something else, or for a project alone, is no permission to see any.
    let project = organization.may_in(users[0].action(), Some(organization.0));
    let user = organization.may(Action::User(Access::List));
    for by in [vec![], vec![user.clone()], vec![project], vec![users[0].clone(), user]] {
        assert_eq!(api_keys(&*store, by).await, Err(StoreError::NotPermitted));
    }
}

async fn api_keys(store: &dyn Store, by: Vec<Authorized>) -> Result<u64, StoreError> {
    let page = PageRequest { page: 1, size: 1 };
    read(store, move |transaction| {
        let filter = ApiKeyFilter::default();
        Ok(transaction.api_keys(&by, &filter, NOW, Order::default(), page)?.total)
    })
    .await
}

pub async fn an_ssh_key_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut key = organization.ssh_key("one");
    organization.does(&*store, IamStep::CreateSshKey(key.clone())).await;
    assert_eq!(get!(store, ssh_key, key.id), Some(key.clone()));
    let again = organization.make(&*store, &Step::Iam(IamStep::CreateSshKey(key.clone()))).await;
    assert_eq!(again, Err(StoreError::AlreadyExists));
    let twin = SshKey { id: Uuid::new_v4(), ..key.clone() };
    organization.does(&*store, IamStep::CreateSshKey(twin.clone())).await;

    key.name = "two\"".to_owned();
    key.is_disabled = true;
    key.updated_at = later(9);
    let replaced = SshKey { public_key: "ssh-rsa BBBB".to_owned(), ..key.clone() };
    organization.does(&*store, IamStep::UpdateSshKey(replaced)).await;
    assert_eq!(get!(store, ssh_key, key.id), Some(key.clone()), "another key is another key");
    organization.does(&*store, IamStep::DeleteSshKey(key.clone())).await;
    assert_eq!(get!(store, ssh_key, key.id), None);
    assert_eq!(get!(store, ssh_key, twin.id), Some(twin.clone()));
}

pub async fn ssh_keys_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let strange = other.ssh_key("b");
    other.does(&*store, IamStep::CreateSshKey(strange)).await;
    let project = Uuid::new_v4();
    database.add_project(organization, project);
    let mut made = Vec::new();
    for (name, project_id, is_disabled, created, updated) in [
        ("b", organization.0, false, 2, 8),
        ("a", organization.0, true, 1, 9),
        ("B", project, false, 3, 7),
    ] {
        let key = SshKey {
            project_id,
            is_disabled,
            created_at: later(created),
            updated_at: later(updated),
            ..organization.ssh_key(name)
        };
        organization.does(&*store, IamStep::CreateSshKey(key.clone())).await;
        made.push(key);
    }
    let all = SshKeyFilter::default();
    let named = |name: &str| SshKeyFilter { name: Some(name.to_owned()), ..all.clone() };
    let inside = |id| SshKeyFilter { project_id: Some(id), ..all.clone() };
    let disabled = |it| SshKeyFilter { is_disabled: Some(it), ..all.clone() };
    let of = |it: Organization| SshKeyFilter { organization_id: Some(it.0), ..all.clone() };
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
        (inside(organization.0), oldest, &[1, 0]),
        (inside(project), oldest, &[2]),
        (inside(other.0), oldest, &[]),
        (disabled(true), oldest, &[1]),
        (disabled(false), oldest, &[0, 2]),
        (SshKeyFilter { project_id: Some(project), ..named("b") }, oldest, &[]),
    ] {
        let by = organization.may(Action::SshKey(Access::List));
        let asked = filter.clone();
        let found = all_pages(&*store, move |it, page| it.ssh_keys(&by, &asked, order, page)).await;
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found, expected, "{filter:?} {order:?}");
    }
}
