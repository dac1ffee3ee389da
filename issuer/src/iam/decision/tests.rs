//! What decides, against what it has to be: by examples, and by laws that hold of any rules.

use namespace_jwt_core::time::UnixTime;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::iam::action::Access;
use crate::iam::permission_set::PermissionSet;
use crate::model::Product::{Containers, Functions};
use crate::model::bearer::BearerKind;
use crate::model::policy::Rule;

const HERE: Uuid = Uuid::from_u128(1);
const ELSEWHERE: Uuid = Uuid::from_u128(2);
const PROJECTS: [Uuid; 3] = [Uuid::from_u128(11), Uuid::from_u128(12), Uuid::from_u128(13)];
const FALSE: &str = "request.user_agent == 'nobody'";
const TRUE: &str = "request.user_agent == 'somebody'";

fn rule(sets: &[&str], scope: RuleScope, condition: &str) -> PolicyRule {
    let sets = sets.iter().map(|name| PermissionSet::named(name).unwrap()).collect();
    let rule = Rule { id: Uuid::new_v4(), sets, scope, condition: condition.to_owned() };
    PolicyRule { policy_id: Uuid::new_v4(), rule }
}

fn everywhere(set: &str) -> PolicyRule {
    rule(&[set], RuleScope::Organization(HERE), "")
}

fn asked<T>(rights: &Rights, ask: impl FnOnce(&Asking<'_>) -> T) -> T {
    let principal = Principal::Operator { organization_id: HERE };
    let facts = Facts {
        address: Some([10, 0, 0, 1].into()),
        user_agent: "somebody",
        time: UnixTime::from_secs(1_800_000_000),
    };
    ask(&Asking { principal: &principal, rights, facts })
}

fn allowed(rights: &Rights, action: Action, project_id: Option<Uuid>) -> bool {
    let scope = Scope { organization_id: HERE, project_id };
    asked(rights, |asking| decide(asking, action, scope)).is_ok()
}

/// What of a list is seen: everything, some projects, or nothing.
fn seen(rights: &Rights, action: Action) -> Option<Extent> {
    asked(rights, |asking| decide_list(asking, action)).ok().map(|by| by.extent().clone())
}

#[test]
fn the_owner_may_do_everything_and_nothing_in_another_organization() {
    for action in Action::all() {
        assert!(allowed(&Rights::All, action, None));
        for rights in [Rights::All, Rights::By(vec![everywhere("OrganizationManager")])] {
            let scope = Scope { organization_id: ELSEWHERE, project_id: None };
            let denied = asked(&rights, |asking| decide(asking, action, scope)).unwrap_err();
            assert_eq!(denied, Denied::OtherOrganization);
        }
    }
}

#[test]
fn whoever_has_no_rule_may_do_nothing() {
    for action in Action::all() {
        assert!(!allowed(&Rights::By(vec![]), action, None));
        assert!(!allowed(&Rights::By(vec![]), action, Some(PROJECTS[0])));
        assert_eq!(seen(&Rights::By(vec![]), action), None);
    }
}

#[test]
fn a_rule_allows_what_its_sets_name_where_and_when_it_holds() {
    let mint = Action::Token(Functions, Access::Create);
    let list = Action::Token(Functions, Access::List);
    let users = Action::User(Access::List);
    let projects = |ids: &[Uuid]| RuleScope::Projects(ids.to_vec());
    let [one, two, _] = PROJECTS;
    for (what, rules, action, project, expected) in [
        ("everywhere", vec![everywhere("FunctionsFullAccess")], mint, Some(one), true),
        ("the other product", vec![everywhere("ContainersFullAccess")], mint, Some(one), false),
        ("read only", vec![everywhere("FunctionsReadOnly")], mint, Some(one), false),
        ("read only lists", vec![everywhere("FunctionsReadOnly")], list, Some(one), true),
        (
            "in its project",
            vec![rule(&["FunctionsFullAccess"], projects(&[one]), "")],
            mint,
            Some(one),
            true,
        ),
        (
            "in another project",
            vec![rule(&["FunctionsFullAccess"], projects(&[one]), "")],
            mint,
            Some(two),
            false,
        ),
        (
            "in the organization as a whole",
            vec![rule(&["FunctionsFullAccess"], projects(&[one]), "")],
            mint,
            None,
            false,
        ),
        (
            "a set of the organization in a project",
            vec![rule(&["IAMManager"], projects(&[one]), "")],
            users,
            Some(one),
            false,
        ),
        (
            "another organization's",
            vec![rule(&["IAMManager"], RuleScope::Organization(ELSEWHERE), "")],
            users,
            None,
            false,
        ),
        (
            "under a true condition",
            vec![rule(&["FunctionsFullAccess"], RuleScope::Organization(HERE), TRUE)],
            mint,
            Some(one),
            true,
        ),
        (
            "under a false condition",
            vec![rule(&["FunctionsFullAccess"], RuleScope::Organization(HERE), FALSE)],
            mint,
            Some(one),
            false,
        ),
        (
            "under a condition that fails",
            vec![rule(&["FunctionsFullAccess"], RuleScope::Organization(HERE), "1 / 0 == 1")],
            mint,
            Some(one),
            false,
        ),
        (
            "the second of two",
            vec![everywhere("ContainersReadOnly"), everywhere("FunctionsFullAccess")],
            mint,
            Some(two),
            true,
        ),
    ] {
        assert_eq!(allowed(&Rights::By(rules), action, project), expected, "{what}");
    }
}

#[test]
fn a_list_shows_what_the_rules_together_let_one_see() {
    let list = Action::Namespace(Containers, Access::List);
    let [one, two, three] = PROJECTS;
    let in_projects = |ids: &[Uuid], condition| {
        rule(&["ContainersReadOnly"], RuleScope::Projects(ids.to_vec()), condition)
    };
    let only = |ids: &[Uuid]| Some(Extent::Projects(ids.iter().copied().collect()));
    for (rules, expected) in [
        (vec![everywhere("ContainersReadOnly")], Some(Extent::Organization)),
        (vec![in_projects(&[one], ""), in_projects(&[two], "")], only(&[one, two])),
        (vec![in_projects(&[one], TRUE), in_projects(&[two, three], FALSE)], only(&[one])),
        (
            vec![in_projects(&[one], ""), everywhere("AllProductsReadOnly")],
            Some(Extent::Organization),
        ),
        (vec![in_projects(&[], "")], None),
        (vec![in_projects(&[one], FALSE)], None),
        (vec![everywhere("FunctionsReadOnly")], None),
    ] {
        assert_eq!(seen(&Rights::By(rules), list), expected);
    }
}

#[test]
fn the_reason_is_the_rule_that_allows() {
    let rules = vec![everywhere("FunctionsReadOnly"), everywhere("FunctionsFullAccess")];
    let expected = because(&rules[1]);
    let scope = Scope { organization_id: HERE, project_id: Some(PROJECTS[0]) };
    let action = Action::Application(Functions, Access::Create);
    let by = asked(&Rights::By(rules), |asking| decide(asking, action, scope)).unwrap();
    assert_eq!((by.reason(), by.action(), by.scope()), (expected, action, scope));
}

fn any_action() -> impl Strategy<Value = Action> {
    select(Action::all().collect::<Vec<_>>())
}

fn any_project() -> impl Strategy<Value = Option<Uuid>> {
    proptest::option::of(select(PROJECTS.to_vec()))
}

fn any_rule() -> impl Strategy<Value = PolicyRule> {
    // Those that allow nothing are most of all, and say little.
    let sets: Vec<_> =
        PermissionSet::all().filter(|set| Action::all().any(|action| set.allows(action))).collect();
    let scope = prop_oneof![
        Just(RuleScope::Organization(HERE)),
        subsequence(PROJECTS.to_vec(), 0..=3).prop_map(RuleScope::Projects),
    ];
    let condition = prop_oneof![3 => Just(""), 1 => Just(TRUE), 1 => Just(FALSE)];
    (subsequence(sets, 1..4), scope, condition).prop_map(|(sets, scope, condition)| {
        let condition = condition.to_owned();
        let rule = Rule { id: Uuid::new_v4(), sets, scope, condition };
        PolicyRule { policy_id: Uuid::new_v4(), rule }
    })
}

fn any_rules() -> impl Strategy<Value = Vec<PolicyRule>> {
    proptest::collection::vec(any_rule(), 0..6)
}

/// Whether a smaller permission shows no more of a list than a larger one.
fn is_part(smaller: Option<&Extent>, larger: Option<&Extent>) -> bool {
    match (smaller, larger) {
        (None, _) | (_, Some(Extent::Organization)) => true,
        (Some(Extent::Projects(few)), Some(Extent::Projects(many))) => few.is_subset(many),
        (Some(_), _) => false,
    }
}

proptest! {
    /// A rule that allows nothing of what is asked changes no decision, wherever it stands.
    #[test]
    fn an_unrelated_rule_changes_nothing(
        rules in any_rules(),
        more in any_rule(),
        at in any::<prop::sample::Index>(),
        action in any_action(),
        project in any_project(),
    ) {
        prop_assume!(!more.rule.sets.iter().any(|set| set.allows(action)));
        let before = Rights::By(rules.clone());
        let mut rules = rules;
        rules.insert(at.index(rules.len() + 1), more);
        let after = Rights::By(rules);
        prop_assert_eq!(allowed(&before, action, project), allowed(&after, action, project));
        prop_assert_eq!(seen(&before, action), seen(&after, action));
    }

    /// Without one of the rules nothing more is allowed, and nothing more is seen.
    #[test]
    fn removing_a_rule_allows_no_more(
        rules in any_rules(),
        at in any::<prop::sample::Index>(),
        action in any_action(),
        project in any_project(),
    ) {
        prop_assume!(!rules.is_empty());
        let before = Rights::By(rules.clone());
        let mut rules = rules;
        rules.remove(at.index(rules.len()));
        let after = Rights::By(rules);
        prop_assert!(!allowed(&after, action, project) || allowed(&before, action, project));
        prop_assert!(is_part(seen(&after, action).as_ref(), seen(&before, action).as_ref()));
    }

    /// The order of rules makes no difference.
    #[test]
    fn the_order_of_rules_means_nothing(
        (rules, shuffled) in any_rules().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
        action in any_action(),
        project in any_project(),
    ) {
        let (one, other) = (Rights::By(rules), Rights::By(shuffled));
        prop_assert_eq!(allowed(&one, action, project), allowed(&other, action, project));
        prop_assert_eq!(seen(&one, action), seen(&other, action));
    }

    /// Whoever may hand rights out may do all that is done by them; unless they manage IAM, and
    /// could give them to themselves.
    #[test]
    fn what_is_covered_is_allowed(
        own in any_rules(),
        others in any_rules(),
        action in any_action(),
        project in any_project(),
    ) {
        let manages_iam = own.iter().any(|it| it.rule.sets.iter().any(|set| set.manages_iam()));
        prop_assume!(!manages_iam);
        let (own, others) = (Rights::By(own), Rights::By(others));
        if own.cover(&others) && allowed(&others, action, project) {
            prop_assert!(allowed(&own, action, project), "{own:?} {others:?}");
        }
    }

    /// By no steps in between does anybody come to more than at once.
    #[test]
    fn what_is_covered_covers_no_more(
        one in any_rules(),
        two in any_rules(),
        three in prop_oneof![4 => any_rules().prop_map(Rights::By), 1 => Just(Rights::All)],
    ) {
        let (one, two) = (Rights::By(one), Rights::By(two));
        if one.cover(&two) && two.cover(&three) {
            prop_assert!(one.cover(&three), "{one:?} {two:?} {three:?}");
        }
    }

    /// What one has without conditions covers itself and any part of it.
    #[test]
    fn rights_without_conditions_cover_themselves(rules in any_rules()) {
        let mut rules = rules;
        rules.iter_mut().for_each(|it| it.rule.condition.clear());
        let all = Rights::By(rules.clone());
        prop_assert!(all.cover(&all));
        rules.pop();
        prop_assert!(all.cover(&Rights::By(rules)), "{all:?}");
    }

    /// A list shows the things of a project exactly if each of them may be listed there.
    #[test]
    fn a_list_is_of_what_may_be_listed_in_each_project(rules in any_rules(), action in any_action()) {
        let rights = Rights::By(rules);
        let extent = seen(&rights, action);
        for project in PROJECTS {
            let is_seen = match &extent {
                Some(Extent::Organization) => true,
                Some(Extent::Projects(ids)) => ids.contains(&project),
                None => false,
            };
            prop_assert_eq!(is_seen, allowed(&rights, action, Some(project)));
        }
    }
}

#[test]
fn keys_of_users_and_of_applications_are_told_apart() {
    let rights = Rights::By(vec![everywhere("IAMApplicationManager")]);
    assert!(allowed(&rights, Action::ApiKey(BearerKind::Application, Access::Create), None));
    assert!(!allowed(&rights, Action::ApiKey(BearerKind::User, Access::Create), None));
    assert!(!allowed(&rights, Action::ApiKey(BearerKind::User, Access::List), None));
}
