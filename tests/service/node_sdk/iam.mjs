// IAM: who may do what.

import { Functionv1beta1 } from "@scaleway/sdk-function";
import { Iamv1alpha1 } from "@scaleway/sdk-iam";
import { ids, same } from "./checks.mjs";
import { apiKeys, sshKeys } from "./iam_keys.mjs";
import { permissionSets, policies } from "./iam_policies.mjs";
import { PASSWORD, applications, groups, users } from "./iam_principals.mjs";
import { jwts, logs, quota } from "./iam_records.mjs";
import { SSH_KEY, Scene, denied, unauthenticated } from "./iam_scene.mjs";

export async function accessManagement(profile, step) {
  const scene = await Scene.of(profile);
  const steps = { sshKeys, users, applications, groups, apiKeys, policies, permissionSets, quota };
  for (const [name, run] of Object.entries({ ...steps, jwts, logs, withoutRights, story })) {
    await run(scene);
    step(`iam: ${name}`);
  }
}

// Each kind of thing says that it may not be seen or changed, and what would be needed.
async function withoutRights(scene) {
  const { api, ownerId: userId } = scene;
  const applicationId = (await api.createApplication({ name: "nobody", description: "" })).id;
  const { client, accessKey } = await scene.caller({ applicationId });
  const groupId = (await api.createGroup({ name: "some", description: "" })).id;
  const policyId = (await api.createPolicy({ name: "some", description: "" })).id;
  const its = new Iamv1alpha1.API(client);
  const rules = [scene.everywhere("IAMManager")];
  for (const [action, resource, call, request] of [
    ["create", "ssh_key", its.createSSHKey, { publicKey: SSH_KEY }],
    ["list", "ssh_key", its.listSSHKeys],
    ["create", "user", its.createUser, { email: "more@node.test" }],
    ["read", "user", its.getUser, { userId }],
    ["edit", "user", its.lockUser, { userId }],
    ["edit", "user", its.updateUserPassword, { userId, password: PASSWORD }],
    ["list", "application", its.listApplications],
    ["edit", "application", its.updateApplication, { applicationId, name: "x" }],
    ["list", "group", its.listGroups],
    ["edit", "group", its.addGroupMember, { groupId, applicationId }],
    ["delete", "group", its.deleteGroup, { groupId }],
    ["create", "policy", its.createPolicy, { description: "", applicationId, rules }],
    ["edit", "policy", its.setRules, { policyId, rules }],
    ["read", "policy", its.listRules, { policyId }],
    ["create", "policy", its.clonePolicy, { policyId }],
    ["read", "api_key", its.getAPIKey, { accessKey }],
    ["create", "api_key", its.createAPIKey, { description: "", userId }],
    ["list", "quota", its.listQuota],
    ["read", "quota", its.getQuotum, { quotumName: "users" }],
    ["list", "permission_set", its.listPermissionSets],
    ["list", "log", its.listLogs],
  ]) {
    await denied(`${action} ${resource}`, () => call(request), action, resource);
  }
  await api.deleteApplication({ applicationId });
  await api.deleteGroup({ groupId });
  await api.deletePolicy({ policyId });
}

// An application reads tokens, may make some by a new rule, and nothing once its policy is gone.
async function story(scene) {
  const { api, functions } = scene;
  const namespaceId = (await functions.createNamespace({ name: "node-story" })).id;
  const functionId = (await functions.createFunction({ namespaceId, name: "f", runtime: "node22" })).id;
  const owners = (await functions.createToken({ functionId })).id;
  const applicationId = (await api.createApplication({ name: "deployer", description: "" })).id;
  const rules = [scene.everywhere("FunctionsReadOnly")];
  const of = { name: "of-the-deployer", description: "", applicationId };
  const policyId = (await api.createPolicy({ ...of, rules })).id;
  const { client } = await scene.caller({ applicationId });
  const its = new Functionv1beta1.API(client);
  const tries = () => its.createToken({ functionId });
  same("it reads", ids(await its.listTokens({ functionId }).all()), [owners]);
  await denied("it may not make one", tries, "create", "function_token");
  await api.setRules({ policyId, rules: [scene.everywhere("FunctionsFullAccess")] });
  const made = (await tries()).id;
  same("it may make one", ids(await its.listTokens({ functionId }).all()), [owners, made]);
  same("whose it is", ids(await api.listJWTs({ audienceId: applicationId }).all(), "jti"), [made]);
  await api.deletePolicy({ policyId });
  await denied("it may make none any more", tries, "create", "function_token");
  await denied("nor read any", () => its.listTokens({ functionId }), "list", "function_token");
  await api.deleteApplication({ applicationId });
  await unauthenticated("nor is it anybody", tries, "not_found");
  await functions.deleteNamespace({ namespaceId });
}
