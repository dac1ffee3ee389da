"""Policies, their rules, and permission sets."""

import dataclasses

from python_checks import UNKNOWN, faulty, holds, missing, same
from python_iam_scene import finds, is_recent, names, pages
from scaleway.iam.v1alpha1.types import RuleSpecs


def principal(policy):
    """Whom a policy is for: one member alone."""
    kinds = ("application_id", "group_id", "user_id", "no_principal")
    return {kind: getattr(policy, kind) for kind in kinds if getattr(policy, kind)}


def policies(scene):
    api, before = scene.iam, names(scene.iam.list_policies_all())
    application = api.create_application(name="some", description="").id
    group = api.create_group(name="some", description="").id
    guest = api.create_user(email="guest@issuer.test").id
    other = scene.other_project()
    rules = [
        scene.everywhere("FunctionsReadOnly", "ContainersReadOnly"),
        RuleSpecs(
            condition="request.user_agent == 'terraform-test'",
            permission_set_names=["FunctionsFullAccess"],
            project_ids=[scene.project, other],
        ),
        scene.everywhere("IAMReadOnly"),
    ]
    made = [
        api.create_policy(name="a", description="the first", rules=rules, tags=["t"], application_id=application),
        api.create_policy(name="b", description="", group_id=group),
        api.create_policy(name="c", description="", user_id=guest),
        api.create_policy(description="", no_principal=True),
    ]
    holds("a name of the SDK's", made[3].name.startswith("pol"))
    for one in made:
        same("organization", one.organization_id, scene.organization)
        same("flags", (one.editable, one.deletable, one.managed), (True, True, False))
        is_recent("made", one.created_at)
    # The answer of the platform that makes one doesn't count yet.
    reads = [api.get_policy(policy_id=one.id) for one in made]
    counts = [(one.nb_rules, one.nb_scopes, one.nb_permission_sets) for one in reads]
    same("counts", counts, [(3, 3, 4), (0, 0, 0), (0, 0, 0), (0, 0, 0)])
    expected = [{"application_id": application}, {"group_id": group}, {"user_id": guest}, {"no_principal": True}]
    same("principals", [principal(one) for one in reads], expected)
    first, second, third, fourth = names(made)
    # By name, if not asked otherwise.
    pages("policies", api.list_policies, api.list_policies_all, names(made), backwards="policy_name_desc")
    pages("by time", api.list_policies, api.list_policies_all, names(made), order_by="created_at_asc", backwards=None)
    cases = [
        ({"policy_name": "b"}, [second]),
        ({"tag": "t"}, [first]),
        ({"policy_ids": [third, first]}, [first, third]),
        ({"application_ids": [application]}, [first]),
        ({"group_ids": [group]}, [second]),
        ({"user_ids": [guest]}, [third]),
        ({"no_principal": True}, [fourth]),
        ({"no_principal": False}, [first, second, third]),
        ({"editable": True}, [first, second, third, fourth]),
        ({"organization_id": UNKNOWN}, []),
    ]
    finds("policies", api.list_policies_all, cases)

    def shown(rule):
        where = (rule.organization_id, rule.project_ids)
        return (rule.permission_set_names, str(rule.permission_sets_scope_type), rule.condition) + where

    of = {"policy_id": first}
    found = api.list_rules_all(**of)
    own = (scene.organization, [])
    expected = [
        (["FunctionsReadOnly", "ContainersReadOnly"], "projects", "") + own,
        (["FunctionsFullAccess"], "projects", rules[1].condition, None, [scene.project, other]),
        (["IAMReadOnly"], "organization", "") + own,
    ]
    same("rules", [shown(rule) for rule in found], expected)
    pages("rules", api.list_rules, api.list_rules_all, names(found), backwards=None, **of)
    clone = api.clone_policy(**of)
    holds("another one", clone.id != first)
    same("like it", (clone.application_id, clone.description, clone.tags), (application, "the first", ["t"]))
    copies = api.list_rules_all(policy_id=clone.id)
    same("with its rules", [shown(rule) for rule in copies], expected)
    holds("which are others", not set(names(copies)) & set(names(found)))
    changed = api.set_rules(**of, rules=rules[2:]).rules
    same("rules", [shown(rule) for rule in changed], expected[2:])
    holds("a new id", changed[0].id not in names(found))
    same("read again", api.list_rules_all(**of), changed)
    same("the clone's as they were", api.list_rules_all(policy_id=clone.id), copies)
    same("no rules", (api.set_rules(**of, rules=[]).rules, api.get_policy(**of).nb_rules), ([], 0))

    changed = api.update_policy(**of, name="renamed", description="changed", tags=["u"])
    same("changed", (changed.name, changed.description, changed.tags), ("renamed", "changed", ["u"]))
    same("still for it", changed.application_id, application)
    same("when it was changed", changed.updated_at, made[0].updated_at)
    for another in ({"group_id": group}, {"user_id": guest}, {"no_principal": True}, {"application_id": application}):
        changed = api.update_policy(**of, **another)
        same("for another", principal(changed), another)
        same("read again", api.get_policy(**of), changed)

    create = api.create_policy
    unknown = [scene.everywhere("Everything")]
    faulty("no such set", [("rules[0].permission_set_names", "constraint")], create, description="", rules=unknown)
    faulty("set", [("rules[0].permission_set_names", "constraint")], api.set_rules, **of, rules=unknown)
    mixed = [scene.everywhere("IAMReadOnly", "FunctionsReadOnly")]
    faulty("sets of two scopes", [("rules[0].permission_set_names", "constraint")], api.set_rules, **of, rules=mixed)
    broken = [dataclasses.replace(rules[2], condition="request.")]
    faulty("a bad condition", [("rules[0].condition", "constraint")], api.set_rules, **of, rules=broken)
    missing("for nobody", "user", UNKNOWN, create, description="", user_id=UNKNOWN)
    missing("for no group", "group", UNKNOWN, api.update_policy, **of, group_id=UNKNOWN)
    elsewhere = [dataclasses.replace(rules[1], project_ids=[UNKNOWN])]
    missing("in no project", "project_id", UNKNOWN, api.set_rules, **of, rules=elsewhere)
    # Whoever a policy was for may go; it stays.
    api.delete_application(application_id=application)
    api.delete_group(group_id=group)
    api.delete_user(user_id=guest)
    for one in [*made, clone]:
        same("for nobody", api.get_policy(policy_id=one.id).no_principal, True)
        same("deleted", api.delete_policy(policy_id=one.id), None)
    for call in (api.get_policy, api.update_policy, api.delete_policy, api.clone_policy, api.list_rules):
        missing("a policy that went", "policy", first, call, **of)
    missing("its rules", "policy", first, api.set_rules, **of, rules=[])
    same("as before", names(api.list_policies_all()), before)
    scene.projects.delete_project(project_id=other)


def permission_sets(scene):
    api = scene.iam
    found = api.list_permission_sets_all()
    every = names(found, "name")
    same("by name", every, sorted(every))
    pages("sets", api.list_permission_sets, api.list_permission_sets_all, every, key="name", backwards="name_desc")
    types = {one.name: str(one.scope_type) for one in found}
    same("of projects", {types[name] for name in ("FunctionsReadOnly", "ContainersPrivateAccess")}, {"projects"})
    same("of the organization", types["IAMManager"], "organization")
    holds("in words", all(one.description for one in found))
    same("ids", len(set(names(found))), len(found))
    same("of no other organization", api.list_permission_sets_all(organization_id=UNKNOWN), [])
