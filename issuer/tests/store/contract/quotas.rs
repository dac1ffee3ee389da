//! How much there may be of something, and how much there is.

use std::collections::BTreeMap;

use namespace_jwt_issuer::model::Product::{Containers, Functions};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::quota::{Limit, Quota};
use namespace_jwt_issuer::store::{Store, StoreError, read};
use uuid::Uuid;

use super::kept::get;
use super::{Database, founded};
use crate::sample::{IamStep, Organization, Step, application, key};

pub async fn a_limit_is_what_was_set_last_for_an_organization(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    for quota in Quota::ALL {
        assert_eq!(get!(store, limit, organization.0, quota), None);
        other.does(&*store, IamStep::SetQuota(other.0, quota, Limit::AtMost(1))).await;
        let most = i64::MAX.unsigned_abs();
        for limit in [Limit::AtMost(0), Limit::Unlimited, Limit::AtMost(7), Limit::AtMost(most)] {
            let step = IamStep::SetQuota(organization.0, quota, limit);
            organization.does(&*store, step).await;
            assert_eq!(get!(store, limit, organization.0, quota), Some(limit), "{quota:?}");
        }
        assert_eq!(get!(store, limit, other.0, quota), Some(Limit::AtMost(1)));
    }
    let id = Uuid::new_v4();
    assert_eq!(get!(store, limit, id, Quota::Users), None);
}

/// All that is there of each kind, of an organization and of whom a quota is for each of.
async fn usage(
    store: &dyn Store,
    organization: Organization,
    of: &[(Quota, Uuid)],
) -> BTreeMap<&'static str, u64> {
    let of = of.to_vec();
    let found = read::<_, StoreError>(store, move |transaction| {
        let usage = Quota::ALL.into_iter().map(|quota| {
            let own = of.iter().find(|(it, _)| *it == quota).map(|(_, id)| *id);
            Ok((quota.name(), transaction.usage(quota, own.unwrap_or(organization.0))?))
        });
        usage.collect::<Result<BTreeMap<_, _>, StoreError>>()
    });
    found.await.unwrap()
}

pub async fn usage_is_how_much_there_is_and_nobody_elses(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let user = organization.new_user(&*store, "ada").await;
    let bearer = Bearer::User(user.id);
    let (namespace, signing) = organization.new_namespace(&*store, "one").await;
    let app = organization.new_application(&*store, &namespace, "app").await;
    let of = [(Quota::ApiKeysPerBearer, user.id), (Quota::TokensPerApplication, app.id)];
    let mut expected: BTreeMap<_, u64> = Quota::ALL.map(|quota| (quota.name(), 0)).into();
    // The owner, and what was made just now.
    for (quota, count) in [(Quota::Users, 2), (Quota::Namespaces, 1), (Quota::Functions, 1)] {
        expected.insert(quota.name(), count);
    }
    assert_eq!(usage(&*store, organization, &of).await, expected);

    // Of everything some more, of another organization's one.
    let containers = Namespace { product: Containers, ..organization.namespace("two") };
    let theirs = other.namespace("one");
    let theirs_of_containers = Namespace { product: Containers, ..other.namespace("one") };
    for (owner, namespace) in
        [(organization, &containers), (other, &theirs), (other, &theirs_of_containers)]
    {
        let step = Step::CreateNamespace(namespace.clone(), key(namespace));
        owner.make(&*store, &step).await.unwrap();
    }
    let mut apps = Vec::new();
    for (owner, namespace, name) in [
        (organization, &namespace, "b"),
        (organization, &containers, "a"),
        (organization, &containers, "b"),
        (organization, &containers, "c"),
        (other, &theirs, "a"),
        (other, &theirs_of_containers, "a"),
    ] {
        let app = application(namespace, name);
        owner.make(&*store, &Step::CreateApplication(app.clone())).await.unwrap();
        apps.push(app);
    }
    let mut tokens = Vec::new();
    for app in [Some(&app), Some(&app), Some(&app), Some(&apps[0]), None] {
        tokens.push(organization.new_token(&*store, &signing, app, None).await);
    }
    for owner in [organization, other] {
        owner.new_iam_application(&*store, "app").await;
        let group = owner.new_group(&*store, "one", &[]).await;
        owner.does(&*store, IamStep::DeleteGroup(group)).await;
        owner.new_group(&*store, "two", &[owner.bearer()]).await;
        let rules = [owner.rule(&["IAMManager"]), owner.rule(&["IAMManager"])];
        owner.new_policy(&*store, None, &rules).await;
        owner.does(&*store, IamStep::CreateSshKey(owner.ssh_key("one"))).await;
        owner.new_api_key(&*store, owner.bearer()).await;
    }
    let twin = organization.new_iam_application(&*store, "app").await;
    for bearer in [bearer, bearer, Bearer::Application(twin.id)] {
        organization.new_api_key(&*store, bearer).await;
    }
    for (quota, count) in [
        (Quota::Namespaces, 2),
        (Quota::Functions, 2),
        (Quota::Containers, 3),
        (Quota::TokensPerApplication, 3),
        (Quota::ApiKeysPerBearer, 2),
        (Quota::Applications, 2),
        (Quota::Groups, 1),
        (Quota::Policies, 1),
        // They are replaced at once, so there are never others beside those that come.
        (Quota::RulesPerPolicy, 0),
        (Quota::SshKeys, 1),
    ] {
        expected.insert(quota.name(), count);
    }
    assert_eq!(usage(&*store, organization, &of).await, expected);
    let of_application = [(Quota::ApiKeysPerBearer, twin.id)];
    assert_eq!(usage(&*store, organization, &of_application).await["api_keys_per_bearer"], 1);
    assert_eq!(usage(&*store, other, &[]).await["containers"], 1);

    organization.make(&*store, &Step::DeleteToken(tokens[1].clone(), Functions)).await.unwrap();
    organization.make(&*store, &Step::DeleteNamespace(containers)).await.unwrap();
    organization.does(&*store, IamStep::DeleteApplication(twin)).await;
    for (quota, count) in [
        (Quota::TokensPerApplication, 2),
        (Quota::Containers, 0),
        (Quota::Namespaces, 1),
        (Quota::Applications, 1),
    ] {
        expected.insert(quota.name(), count);
    }
    assert_eq!(usage(&*store, organization, &of).await, expected);
    organization.does(&*store, IamStep::DeleteUser(user)).await;
    expected.insert(Quota::Users.name(), 1);
    expected.insert(Quota::ApiKeysPerBearer.name(), 0);
    assert_eq!(usage(&*store, organization, &of).await, expected);
}

/// Each change says what there is more of, so that the limits can be asked before it.
pub async fn what_a_change_adds_is_what_is_used_afterwards(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let mut counted = 0;
    for step in super::changes::steps(organization) {
        let added = step.change().counted();
        let of = added.iter().map(|(quota, of, _)| (*quota, of.unwrap_or(organization.0)));
        let of: Vec<_> = of.collect();
        let before = usage(&*store, organization, &of).await;
        organization.make(&*store, &step).await.unwrap();
        let after = usage(&*store, organization, &of).await;
        let action = step.change().action();
        for quota in Quota::ALL {
            let more = added.iter().find(|(it, ..)| *it == quota).map_or(0, |(_, _, more)| *more);
            let (before, after) = (before[quota.name()], after[quota.name()]);
            if quota == Quota::RulesPerPolicy {
                counted += more;
            } else if more > 0 {
                assert_eq!(after, before + more, "{action:?} {quota:?}");
                counted += more;
            } else {
                assert!(after <= before, "{action:?} {quota:?}");
            }
        }
    }
    // A namespace, a function, its token, a user, an application, a group, a policy, its rule and
    // the one in its place, a key of each of the two, and an SSH key.
    assert_eq!(counted, 12);
}
