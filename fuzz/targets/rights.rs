//! Rules made of bytes, and what they let somebody do: the same as a second, slower reading of
//! them, and never more for less of them.
//!
//! The first bytes of the input choose what is asked; each rule takes four, and a condition.

#![no_main]

use libfuzzer_sys::fuzz_target;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::iam::action::Action;
use namespace_jwt_issuer::iam::condition::{Facts, holds};
use namespace_jwt_issuer::iam::decision::{Asking, Denied, Extent, Scope, decide, decide_list};
use namespace_jwt_issuer::iam::permission_set::{PermissionSet, ScopeType};
use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::iam::rights::Rights;
use namespace_jwt_issuer::model::policy::{PolicyRule, Rule, RuleScope};
use uuid::Uuid;

const HERE: Uuid = Uuid::from_u128(1);
const PROJECTS: [Uuid; 3] = [Uuid::from_u128(11), Uuid::from_u128(12), Uuid::from_u128(13)];
const CONDITIONS: [&str; 4] =
    ["", "request.user_agent == 'fuzz'", "request.ip == '10.0.0.1'", "1 / 0 == 1"];

fuzz_target!(|input: &[u8]| {
    let [which, project, rest @ ..] = input else { return };
    let actions: Vec<_> = Action::all().collect();
    let action = actions[usize::from(*which) % actions.len()];
    let project_id = PROJECTS.get(usize::from(project % 4)).copied();
    let rules: Vec<_> = rest.chunks_exact(4).map(rule).collect();

    let allowed = |rules: &[PolicyRule], project_id| {
        let scope = Scope { organization_id: HERE, project_id };
        asked(&Rights::By(rules.to_vec()), |asking| decide(asking, action, scope))
    };
    let expected = rules.iter().any(|it| is_allowed(&it.rule, action, project_id));
    let decided = allowed(&rules, project_id);
    assert_eq!(decided.is_ok(), expected, "{action:?} {project_id:?} {rules:?}");
    if let Err(denied) = decided {
        assert_eq!(denied, Denied::NoRule);
    }
    // Another organization's things aren't there, whatever the rules.
    let elsewhere = Scope { organization_id: Uuid::from_u128(2), project_id };
    for rights in [Rights::All, Rights::By(rules.clone())] {
        let denied = asked(&rights, |asking| decide(asking, action, elsewhere));
        assert_eq!(denied.err(), Some(Denied::OtherOrganization));
    }
    // A list is of what may be listed in each project.
    let seen = asked(&Rights::By(rules.clone()), |asking| decide_list(asking, action)).ok();
    for project in PROJECTS {
        let is_seen = match seen.as_ref().map(|by| by.extent()) {
            Some(Extent::Organization) => true,
            Some(Extent::Projects(ids)) => ids.contains(&project),
            None => false,
        };
        assert_eq!(is_seen, allowed(&rules, Some(project)).is_ok(), "{rules:?}");
    }
    for left_out in 0..rules.len() {
        let mut fewer = rules.clone();
        fewer.remove(left_out);
        assert!(allowed(&fewer, project_id).is_err() || expected, "more by fewer rules");
    }
    // Who covers the rights of others may do what they may.
    let (own, others) = rules.split_at(rules.len() / 2);
    let manages_iam = own.iter().any(|it| it.rule.sets.iter().any(|set| set.manages_iam()));
    let covers = Rights::By(own.to_vec()).cover(&Rights::By(others.to_vec()));
    if covers && !manages_iam && allowed(others, project_id).is_ok() {
        assert!(allowed(own, project_id).is_ok(), "{own:?} doesn't cover {others:?}");
    }
});

fn rule(bytes: &[u8]) -> PolicyRule {
    let all: Vec<_> = PermissionSet::all().collect();
    let set = |byte: u8| all[usize::from(byte) % all.len()];
    let projects = PROJECTS.iter().enumerate().filter(|(at, _)| bytes[2] >> at & 1 == 1);
    let scope = match bytes[2] & 8 {
        0 => RuleScope::Organization(HERE),
        _ => RuleScope::Projects(projects.map(|(_, id)| *id).collect()),
    };
    let condition = CONDITIONS[usize::from(bytes[3] % 4)].to_owned();
    let rule = Rule { id: Uuid::nil(), sets: vec![set(bytes[0]), set(bytes[1])], scope, condition };
    PolicyRule { policy_id: Uuid::nil(), rule }
}

/// What a rule says, read once more.
fn is_allowed(rule: &Rule, action: Action, project_id: Option<Uuid>) -> bool {
    let is_named = rule.sets.iter().any(|set| {
        let is_there = match (&rule.scope, set.scope_type()) {
            (RuleScope::Organization(_), _) => true,
            (RuleScope::Projects(ids), ScopeType::Projects) => {
                project_id.is_some_and(|id| ids.contains(&id))
            }
            (RuleScope::Projects(_), ScopeType::Organization) => false,
        };
        is_there && set.allows(action)
    });
    is_named && holds(&rule.condition, &facts())
}

fn facts() -> Facts<'static> {
    Facts {
        address: Some([10, 0, 0, 1].into()),
        user_agent: "curl",
        time: UnixTime::from_secs(1_800_000_000),
    }
}

fn asked<T>(rights: &Rights, ask: impl FnOnce(&Asking<'_>) -> T) -> T {
    let principal = Principal::Operator { organization_id: HERE };
    ask(&Asking { principal: &principal, rights, facts: facts() })
}
