//! Policies, their rules, and for whom these hold.

use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::page::{Order, OrderBy};
use namespace_jwt_issuer::model::policy::{
    Policy, PolicyFilter, PolicyPrincipal, PolicyRule, Rule, RuleCounts, RuleScope,
};
use namespace_jwt_issuer::model::ssh_key::SshKey;
use namespace_jwt_issuer::store::{Store, StoreError, Transaction, read};
use uuid::Uuid;

use super::kept::get;
use super::pages::all_pages;
use super::{Database, founded};
use crate::sample::{IamStep, Organization, Step, ascending, descending, later, rule_in};

pub async fn a_policy_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let user = Bearer::User(organization.new_user(&*store, "ada").await.id);
    let application = organization.new_iam_application(&*store, "app").await;
    let group = organization.new_group(&*store, "all", &[]).await;
    for principal in [
        Some(PolicyPrincipal::Bearer(user)),
        Some(PolicyPrincipal::Bearer(Bearer::Application(application.id))),
        Some(PolicyPrincipal::Group(group.id)),
        None,
    ] {
        let mut policy = organization.policy("one", principal);
        let rules = vec![organization.rule(&["IAMManager"])];
        let step = IamStep::CreatePolicy(policy.clone(), rules.clone());
        organization.does(&*store, step.clone()).await;
        policy.counts = RuleCounts { rules: 1, scopes: 1, permission_sets: 1 };
        assert_eq!(get!(store, policy, policy.id), Some(policy.clone()));
        let again = organization.make(&*store, &Step::Iam(step)).await;
        assert_eq!(again, Err(StoreError::AlreadyExists));

        for principal in [Some(PolicyPrincipal::Group(group.id)), None, principal] {
            policy = Policy {
                name: "two\"".to_owned(),
                description: String::new(),
                tags: vec![],
                principal,
                updated_at: later(9),
                ..policy
            };
            let counts = RuleCounts { rules: 7, ..policy.counts };
            let counted = Policy { counts, ..policy.clone() };
            organization.does(&*store, IamStep::UpdatePolicy(counted)).await;
            assert_eq!(get!(store, policy, policy.id), Some(policy.clone()));
        }
        assert_eq!(get!(store, rules_of_policy, policy.id), rules);
        organization.does(&*store, IamStep::DeletePolicy(policy.clone())).await;
        assert_eq!(get!(store, policy, policy.id), None);
        assert_eq!(get!(store, rules_of_policy, policy.id), []);
    }
}

pub async fn the_counts_of_a_policy_are_of_rules_of_scopes_once_and_of_sets(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    let bystander = organization.new_policy(&*store, None, &[organization.rule(&[])]).await;
    let policy = organization.new_policy(&*store, None, &[]).await;
    let whole = || organization.rule(&["IAMManager", "ProjectManager"]);
    let within = |projects: &[Uuid]| rule_in(&["FunctionsReadOnly"], projects);
    for (rules, scopes, permission_sets) in [
        (vec![], 0, 0),
        (vec![organization.rule(&[])], 1, 0),
        (vec![whole(), whole()], 1, 4),
        (vec![within(&[])], 0, 1),
        (vec![within(&[one, two, one])], 2, 1),
        (vec![within(&[one]), within(&[one, two]), whole()], 3, 4),
        // The default project has the organization's id, and isn't the organization.
        (vec![whole(), within(&[organization.0])], 2, 3),
    ] {
        organization.does(&*store, IamStep::SetRules(policy.clone(), rules.clone())).await;
        let counts = RuleCounts { rules: rules.len() as u64, scopes, permission_sets };
        let expected = Policy { counts, ..policy.clone() };
        assert_eq!(get!(store, policy, policy.id), Some(expected.clone()), "{rules:?}");
        let by = organization.may(Action::Policy(Access::List));
        let filter = PolicyFilter { ids: vec![policy.id], ..PolicyFilter::default() };
        let list =
            move |it: &mut dyn Transaction, page| it.policies(&by, &filter, Order::default(), page);
        assert_eq!(all_pages(&*store, list).await, [expected]);
    }
    assert_eq!(get!(store, policy, bystander.id).unwrap().counts.rules, 1);
}

pub async fn rules_are_kept_in_order_with_their_scopes_and_conditions(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let projects = [3, 1, 2].map(Uuid::from_u128);
    let condition = "request.ip == \"::1\" && request.user_agent != 'ü'; --";
    // As many as make ten come after nine.
    let mut rules: Vec<_> = (0..12).map(|_| organization.rule(&["IAMManager"])).collect();
    rules[3] = rule_in(&["FunctionsReadOnly", "ContainersReadOnly"], &projects);
    rules[4] = rule_in(&["ContainersReadOnly", "FunctionsReadOnly"], &[]);
    rules[5].condition = condition.to_owned();
    let policy = organization.new_policy(&*store, None, &rules).await;
    let others = [organization.rule(&["ProjectManager"])];
    let other = organization.new_policy(&*store, None, &others).await;
    assert_rules(&*store, policy.id, &rules).await;

    rules.reverse();
    rules.truncate(8);
    organization.does(&*store, IamStep::SetRules(policy.clone(), rules.clone())).await;
    assert_rules(&*store, policy.id, &rules).await;
    assert_rules(&*store, other.id, &others).await;
    let (own, stranger, beside, none) = (organization.0, Uuid::new_v4(), policy.id, Uuid::nil());
    assert_eq!(get!(store, number_of_rules, own, none), 9);
    assert_eq!(get!(store, number_of_rules, own, beside), 1);
    assert_eq!(get!(store, number_of_rules, stranger, none), 0);
    organization.does(&*store, IamStep::SetRules(policy.clone(), vec![])).await;
    assert_rules(&*store, policy.id, &[]).await;
    assert_rules(&*store, Uuid::new_v4(), &[]).await;
    assert_rules(&*store, other.id, &others).await;
}

async fn assert_rules(store: &dyn Store, policy_id: Uuid, expected: &[Rule]) {
    let found = read::<_, StoreError>(store, move |it| it.rules_of_policy(policy_id)).await;
    assert_eq!(found.as_deref(), Ok(expected));
    let found = all_pages(store, move |it, page| it.rules(policy_id, page)).await;
    assert_eq!(found, expected);
}

pub async fn somebodys_rules_are_those_of_their_policies_and_of_their_groups(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let user = organization.new_user(&*store, "ada").await;
    let application = organization.new_iam_application(&*store, "app").await;
    let stranger = Bearer::User(organization.new_user(&*store, "eve").await.id);
    for bearer in [Bearer::User(user.id), Bearer::Application(application.id)] {
        let name = |it: &str| format!("{it} {bearer:?}");
        let group = organization.new_group(&*store, &name("one"), &[stranger, bearer]).await;
        let second = organization.new_group(&*store, &name("two"), &[bearer]).await;
        let apart = organization.new_group(&*store, &name("apart"), &[]).await;
        let mut expected = Vec::new();
        let mut policies = Vec::new();
        for principal in [
            PolicyPrincipal::Bearer(bearer),
            PolicyPrincipal::Bearer(bearer),
            PolicyPrincipal::Group(group.id),
            PolicyPrincipal::Group(second.id),
            PolicyPrincipal::Group(apart.id),
        ] {
            let mut rules =
                vec![organization.rule(&["IAMManager"]), rule_in(&["FunctionsReadOnly"], &[])];
            rules[0].condition = "false".to_owned();
            let policy = organization.new_policy(&*store, Some(principal), &rules).await;
            let rules = rules.into_iter().map(|rule| PolicyRule { policy_id: policy.id, rule });
            if principal != PolicyPrincipal::Group(apart.id) {
                expected.extend(rules);
            }
            policies.push(policy);
        }
        organization.new_policy(&*store, None, &[organization.rule(&["IAMManager"])]).await;
        let check = async |expected: &[PolicyRule], what: &str| {
            let mut expected = expected.to_vec();
            // In the order of their policies, and there in their own.
            expected.sort_by_key(|it| it.policy_id);
            assert_eq!(get!(store, rules_of_bearer, bearer), expected, "{what}");
        };
        check(&expected, "all").await;
        let theirs = &expected[4..6];
        assert_eq!(get!(store, rules_of_group, group.id), theirs);
        let stranger_has = get!(store, rules_of_bearer, stranger);
        assert!(theirs.iter().all(|it| stranger_has.contains(it)), "{stranger_has:?}");
        assert_eq!(get!(store, rules_of_bearer, swapped(bearer)), [], "the other kind");

        organization.does(&*store, IamStep::DeletePolicy(policies[0].clone())).await;
        check(&expected[2..], "a policy is deleted").await;
        let for_nobody = Policy { principal: None, ..policies[1].clone() };
        organization.does(&*store, IamStep::UpdatePolicy(for_nobody)).await;
        check(&expected[4..], "a policy is for nobody").await;
        let mut without = group.clone();
        assert!(without.remove(bearer));
        organization.does(&*store, IamStep::SetMembers(without)).await;
        check(&expected[6..], "a member is out").await;
        assert_eq!(get!(store, rules_of_group, group.id), theirs);
        organization.does(&*store, IamStep::DeleteGroup(second)).await;
        check(&[], "a group is deleted").await;
        let moved =
            Policy { principal: Some(PolicyPrincipal::Bearer(bearer)), ..policies[3].clone() };
        organization.does(&*store, IamStep::UpdatePolicy(moved)).await;
        check(&expected[6..], "a policy is for them again").await;
        organization
            .does(
                &*store,
                match bearer {
                    Bearer::User(_) => IamStep::DeleteUser(user.clone()),
                    Bearer::Application(_) => IamStep::DeleteApplication(application.clone()),
                },
            )
            .await;
        check(&[], "they are deleted").await;
        organization.does(&*store, IamStep::DeleteGroup(group)).await;
    }
    assert_eq!(get!(store, rules_of_bearer, stranger), []);
}

fn swapped(bearer: Bearer) -> Bearer {
    match bearer {
        Bearer::User(id) => Bearer::Application(id),
        Bearer::Application(id) => Bearer::User(id),
    }
}

pub async fn policies_are_filtered_and_in_order(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let strange_user = PolicyPrincipal::Bearer(other.bearer());
    let strange = other.new_policy(&*store, Some(strange_user), &[]).await.id;
    let user = organization.new_user(&*store, "ada").await.id;
    let app = organization.new_iam_application(&*store, "app").await.id;
    let group = organization.new_group(&*store, "all", &[Bearer::User(user)]).await.id;
    let mut made = Vec::new();
    for (name, tag, principal, created) in [
        ("b", "x", Some(PolicyPrincipal::Bearer(Bearer::User(user))), 2),
        ("a", "x", Some(PolicyPrincipal::Bearer(Bearer::Application(app))), 1),
        ("B", "y", Some(PolicyPrincipal::Group(group)), 4),
        ("c", "y", None, 3),
    ] {
        let policy = Policy {
            tags: vec![tag.to_owned(), "all".to_owned()],
            created_at: later(created),
            ..organization.policy(name, principal)
        };
        organization.does(&*store, IamStep::CreatePolicy(policy.clone(), vec![])).await;
        made.push(policy);
    }
    let all = PolicyFilter::default();
    let named = |name: &str| PolicyFilter { name: Some(name.to_owned()), ..all.clone() };
    let tagged = |tag: &str| PolicyFilter { tag: Some(tag.to_owned()), ..all.clone() };
    let among = |ids: &[Uuid]| PolicyFilter { ids: ids.to_vec(), ..all.clone() };
    let of = |it: Organization| PolicyFilter { organization_id: Some(it.0), ..all.clone() };
    let editable = |it| PolicyFilter { is_editable: Some(it), ..all.clone() };
    let of_nobody = |it| PolicyFilter { has_no_principal: Some(it), ..all.clone() };
    let users = |ids: &[Uuid]| PolicyFilter { user_ids: ids.to_vec(), ..all.clone() };
    let groups = |ids: &[Uuid]| PolicyFilter { group_ids: ids.to_vec(), ..all.clone() };
    let apps = |ids: &[Uuid]| PolicyFilter { application_ids: ids.to_vec(), ..all.clone() };
    let oldest = Order::default();
    for (filter, order, expected) in [
        (all.clone(), oldest, &[1, 0, 3, 2][..]),
        (all.clone(), descending(OrderBy::CreatedAt), &[2, 3, 0, 1]),
        (all.clone(), ascending(OrderBy::PolicyName), &[2, 1, 0, 3]),
        (all.clone(), descending(OrderBy::PolicyName), &[3, 0, 1, 2]),
        (of(organization), oldest, &[1, 0, 3, 2]),
        (of(other), oldest, &[]),
        (named("b"), oldest, &[0]),
        (named("%"), oldest, &[]),
        (tagged("all"), oldest, &[1, 0, 3, 2]),
        (tagged("y"), oldest, &[3, 2]),
        (tagged("Y"), oldest, &[]),
        (among(&[made[2].id, made[1].id, strange]), oldest, &[1, 2]),
        (among(&[strange]), oldest, &[]),
        (editable(true), oldest, &[1, 0, 3, 2]),
        (editable(false), oldest, &[]),
        (of_nobody(true), oldest, &[3]),
        (of_nobody(false), oldest, &[1, 0, 2]),
        // Those for the user alone, and none of their groups'.
        (users(&[user]), oldest, &[0]),
        (users(&[user, other.owner()]), oldest, &[0]),
        (users(&[other.owner()]), oldest, &[]),
        (users(&[app, group]), oldest, &[]),
        (apps(&[app]), oldest, &[1]),
        (apps(&[user]), oldest, &[]),
        (groups(&[group, user]), oldest, &[2]),
        (groups(&[app]), oldest, &[]),
        (PolicyFilter { user_ids: vec![user], ..groups(&[group]) }, oldest, &[]),
        (PolicyFilter { has_no_principal: Some(true), ..users(&[user]) }, oldest, &[]),
    ] {
        let by = organization.may(Action::Policy(Access::List));
        let asked = filter.clone();
        let found = all_pages(&*store, move |it, page| it.policies(&by, &asked, order, page)).await;
        let expected: Vec<_> = expected.iter().map(|at| made[*at].clone()).collect();
        assert_eq!(found, expected, "{filter:?} {order:?}");
    }
}

pub async fn a_project_goes_with_its_ssh_keys_and_out_of_every_rule(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let (gone, stays) = (organization.project("gone"), organization.project("stays"));
    let (mut keys, mut secrets) = (Vec::new(), Vec::new());
    for project in [&gone, &stays] {
        organization.make(&*store, &Step::CreateProject(project.clone())).await.unwrap();
        let mut key = organization.ssh_key("one");
        key.project_id = project.id;
        organization.does(&*store, IamStep::CreateSshKey(key.clone())).await;
        keys.push(key);
        let (mut api_key, secret) = organization.api_key();
        api_key.default_project_id = project.id;
        organization.does(&*store, IamStep::CreateApiKey(api_key, secret.clone())).await;
        secrets.push(secret);
    }
    let sets = ["FunctionsReadOnly"];
    let mut rules = vec![
        rule_in(&sets, &[gone.id]),
        rule_in(&sets, &[stays.id, gone.id, organization.0, gone.id]),
        rule_in(&sets, &[stays.id]),
        organization.rule(&["IAMManager"]),
    ];
    let policy = organization.new_policy(&*store, None, &rules).await;
    let elsewhere = [rule_in(&sets, &[other.0])];
    let untouched = other.new_policy(&*store, None, &elsewhere).await;
    organization.make(&*store, &Step::DeleteProject(gone.clone())).await.unwrap();

    let [lost, kept]: [SshKey; 2] = keys.try_into().unwrap();
    assert_eq!(get!(store, ssh_key, lost.id), None);
    assert_eq!(get!(store, ssh_key, kept.id), Some(kept.clone()));
    for (secret, project_id) in secrets.into_iter().zip([organization.0, stays.id]) {
        let holder = get!(store, key_holder, &secret).unwrap();
        assert_eq!(holder.key.default_project_id, project_id);
    }
    // A rule for no project stays, and allows nothing.
    rules[0].scope = RuleScope::Projects(vec![]);
    rules[1].scope = RuleScope::Projects(vec![stays.id, organization.0]);
    assert_rules(&*store, policy.id, &rules).await;
    assert_rules(&*store, untouched.id, &elsewhere).await;
    let counts = get!(store, policy, policy.id).unwrap().counts;
    assert_eq!(counts, RuleCounts { rules: 4, scopes: 3, permission_sets: 4 });
}
