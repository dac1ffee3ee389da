// Policies, their rules, and permission sets.

import { UNKNOWN, faulty, holds, ids, isRecent, missing, pages, same } from "./checks.mjs";
import { finds } from "./iam_scene.mjs";

export async function policies(scene) {
  const { api, projects, projectId, organizationId } = scene;
  const before = await api.listPolicies().all();
  const applicationId = (await api.createApplication({ name: "some", description: "" })).id;
  const groupId = (await api.createGroup({ name: "some", description: "" })).id;
  const userId = (await api.createUser({ email: "guest@node.test" })).id;
  const other = (await projects.createProject({ name: "for-policies", description: "" })).id;
  const condition = "request.user_agent == 'terraform-test'";
  const rules = [
    scene.everywhere("FunctionsReadOnly", "ContainersReadOnly"),
    { permissionSetNames: ["FunctionsFullAccess"], condition, projectIds: [projectId, other] },
    scene.everywhere("IAMReadOnly"),
  ];
  const principals = [{ applicationId }, { groupId }, { userId }, { noPrincipal: true }];
  const create = (request) => api.createPolicy({ description: "", ...request });
  const made = [
    await create({ name: "a", description: "the first", rules, tags: ["t"], ...principals[0] }),
    await create({ name: "b", ...principals[1] }),
    await create({ name: "c", ...principals[2] }),
    await create(principals[3]),
  ];
  holds("a name of the SDK's", made[3].name.startsWith("pol"));
  const every = ids(made);
  const [policyId, second, third, fourth] = every;
  for (const [index, { id }] of made.entries()) {
    // The answer of the platform that makes one doesn't count yet.
    const read = await api.getPolicy({ policyId: id });
    same("principal", principal(read), principals[index]);
    same("organization", read.organizationId, organizationId);
    same("flags", [read.editable, read.deletable, read.managed], [true, true, false]);
    const { nbRules, nbScopes, nbPermissionSets } = read;
    same("counts", [nbRules, nbScopes, nbPermissionSets], index === 0 ? [3, 3, 4] : [0, 0, 0]);
    isRecent("made", read.createdAt);
  }
  // By name, if not asked otherwise.
  await pages("policies", api.listPolicies, {}, every, { backwards: "policy_name_desc" });
  await pages("by time", api.listPolicies, { orderBy: "created_at_asc" }, every, { backwards: null });
  await finds("policies", api.listPolicies, [
    [{ policyName: "b" }, [second]],
    [{ tag: "t" }, [policyId]],
    [{ policyIds: [third, policyId] }, [policyId, third]],
    [{ applicationIds: [applicationId] }, [policyId]],
    [{ groupIds: [groupId] }, [second]],
    [{ userIds: [userId] }, [third]],
    [{ noPrincipal: true }, [fourth]],
    [{ noPrincipal: false }, [policyId, second, third]],
    [{ editable: true }, every],
    [{ organizationId: UNKNOWN }, []],
  ]);

  const found = await api.listRules({ policyId }).all();
  const specs = ({ permissionSetNames, condition, organizationId, projectIds }) => {
    return { permissionSetNames, condition, organizationId, projectIds };
  };
  same("rules", found.map(specs), rules.map(specs));
  same("scope types", ids(found, "permissionSetsScopeType"), ["projects", "projects", "organization"]);
  await pages("rules", api.listRules, { policyId }, ids(found), { backwards: null });
  const clone = await api.clonePolicy({ policyId });
  holds("another one", clone.id !== policyId);
  same("like it", [principal(clone), clone.description, clone.tags], [{ applicationId }, "the first", ["t"]]);
  const copies = await api.listRules({ policyId: clone.id }).all();
  same("with its rules", copies.map(specs), rules.map(specs));
  holds("which are others", !ids(copies).some((id) => ids(found).includes(id)));
  const set = await api.setRules({ policyId, rules: rules.slice(2) });
  same("rules", set.rules.map(specs), rules.slice(2).map(specs));
  holds("a new id", !ids(found).includes(set.rules[0].id));
  same("read again", await api.listRules({ policyId }).all(), set.rules);
  same("the clone's as they were", await api.listRules({ policyId: clone.id }).all(), copies);
  same("no rules", (await api.setRules({ policyId, rules: [] })).rules, []);

  const changed = await api.updatePolicy({ policyId, name: "renamed", description: "changed", tags: ["u"] });
  same("changed", [changed.name, changed.description, changed.tags], ["renamed", "changed", ["u"]]);
  same("still for it", principal(changed), { applicationId });
  same("when it was changed", changed.updatedAt, made[0].updatedAt);
  for (const another of [...principals.slice(1), principals[0]]) {
    const now = await api.updatePolicy({ policyId, ...another });
    same("for another", principal(now), another);
    same("read again", await api.getPolicy({ policyId }), now);
  }

  const refuse = (rule) => () => api.setRules({ policyId, rules: [rule] });
  const sets = [["rules[0].permission_set_names", "constraint"]];
  await faulty("no such set", refuse(scene.everywhere("Everything")), sets);
  await faulty("made so", () => create({ rules: [scene.everywhere("Everything")] }), sets);
  await faulty("sets of two scopes", refuse(scene.everywhere("IAMReadOnly", "FunctionsReadOnly")), sets);
  const broken = refuse({ ...rules[2], condition: "request." });
  await faulty("a bad condition", broken, [["rules[0].condition", "constraint"]]);
  const nowhere = [["rules[0].organization_id", "required"], ["rules[0].project_ids", "required"]];
  await faulty("nowhere", refuse({ ...rules[1], projectIds: undefined }), nowhere);
  await missing("in no project", refuse({ ...rules[1], projectIds: [UNKNOWN] }), "project_id", UNKNOWN);
  await missing("for nobody", () => create({ userId: UNKNOWN }), "user", UNKNOWN);
  await missing("for no group", () => api.updatePolicy({ policyId, groupId: UNKNOWN }), "group", UNKNOWN);
  // Whoever a policy was for may go; it stays.
  await api.deleteApplication({ applicationId });
  await api.deleteGroup({ groupId });
  await api.deleteUser({ userId });
  for (const { id } of [...made, clone]) {
    same("for nobody", principal(await api.getPolicy({ policyId: id })), { noPrincipal: true });
    same("deleted", await api.deletePolicy({ policyId: id }), undefined);
  }
  for (const call of [api.getPolicy, api.updatePolicy, api.deletePolicy, api.clonePolicy, api.listRules]) {
    await missing("a policy that went", () => call({ policyId }), "policy", policyId);
  }
  await missing("its rules", () => api.setRules({ policyId, rules: [] }), "policy", policyId);
  same("as before", await api.listPolicies().all(), before);
  await projects.deleteProject({ projectId: other });
}

// Whom a policy is for: one member alone.
function principal(policy) {
  const kinds = ["applicationId", "groupId", "userId", "noPrincipal"];
  const said = kinds.filter((kind) => policy[kind] !== undefined);
  return Object.fromEntries(said.map((kind) => [kind, policy[kind]]));
}

export async function permissionSets({ api }) {
  const found = await api.listPermissionSets().all();
  const every = ids(found, "name");
  same("by name", every, every.toSorted());
  const byName = { key: "name", backwards: "name_desc" };
  await pages("permission sets", api.listPermissionSets, {}, every, byName);
  const type = (name) => found.find((set) => set.name === name)?.scopeType;
  same("of projects", [type("FunctionsReadOnly"), type("ContainersPrivateAccess")], ["projects", "projects"]);
  same("of the organization", type("IAMManager"), "organization");
  holds("in words", found.every((set) => set.description));
  const elsewhere = api.listPermissionSets({ organizationId: UNKNOWN });
  same("of no other organization", await elsewhere.all(), []);
}
