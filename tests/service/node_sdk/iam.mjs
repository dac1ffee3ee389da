// IAM: who may do what.

import { setTimeout } from "node:timers/promises";
import { Accountv3 } from "@scaleway/sdk-account";
import { Errors, createClient } from "@scaleway/sdk-client";
import { Functionv1beta1 } from "@scaleway/sdk-function";
import { Iamv1alpha1 } from "@scaleway/sdk-iam";
import { UNKNOWN, claims, faulty, holds, ids, isRecent, missing, pages, refused, same } from "./checks.mjs";

// A key that nobody has the other half of.
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy";
const FINGERPRINT = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)";
const PASSWORD = "a very long secret 4711";

export async function accessManagement(profile, step) {
  const scene = await Scene.of(profile);
  const steps = { sshKeys, users, applications, groups, apiKeys, policies, permissionSets, quota };
  for (const [name, run] of Object.entries({ ...steps, jwts, logs, withoutRights, story })) {
    await run(scene);
    step(`iam: ${name}`);
  }
}

// The owner of an organization, and what their calls go through.
class Scene {
  static async of(profile) {
    const client = createClient(profile);
    const scene = new Scene();
    scene.profile = profile;
    scene.api = new Iamv1alpha1.API(client);
    scene.functions = new Functionv1beta1.API(client);
    scene.projects = new Accountv3.ProjectAPI(client);
    scene.organizationId = profile.defaultOrganizationId;
    scene.projectId = profile.defaultProjectId;
    scene.accessKey = profile.accessKey;
    scene.ownerId = (await scene.api.getAPIKey({ accessKey: scene.accessKey })).userId;
    return scene;
  }

  withKey(key) {
    return createClient({ ...this.profile, ...key });
  }

  // A client with a new API key of somebody, and that key.
  async caller(bearer) {
    const key = await this.api.createAPIKey({ description: "of a caller", ...bearer });
    const { accessKey, secretKey } = key;
    return { client: this.withKey({ accessKey, secretKey }), accessKey };
  }

  everywhere(...permissionSetNames) {
    return { permissionSetNames, condition: "", organizationId: this.organizationId };
  }
}

// What a list has with each of these filters.
async function finds(what, list, cases, key) {
  for (const [filter, expected] of cases) {
    const found = ids(await list(filter).all(), key);
    same(`${what} with ${JSON.stringify(filter)}`, found, expected);
  }
}

// The one right that whoever asks lacks.
async function denied(what, call, action, resource) {
  const { list } = await refused(what, call, Errors.PermissionsDeniedError, { status: 403 });
  same(`${what}: what is needed`, list, [{ action, resource }]);
}

async function taken(what, call, resource, resourceId) {
  const fields = { status: 409, resource, resourceId };
  const error = await refused(what, call, Errors.AlreadyExistsError, fields);
  holds(`${what}: in words`, error.helpMessage);
}

function unauthenticated(what, call, reason) {
  const fields = { status: 401, method: "api_key", reason };
  return refused(what, call, Errors.DeniedAuthenticationError, fields);
}

function soon() {
  return new Date((Math.floor(Date.now() / 1000) + 3600) * 1000);
}

async function sshKeys({ api, projects, projectId, organizationId }) {
  const other = (await projects.createProject({ name: "for-keys", description: "" })).id;
  // The comment and the end of the line are not part of the key.
  const made = [
    await api.createSSHKey({ name: "one", publicKey: `${SSH_KEY} ada@laptop\n` }),
    await api.createSSHKey({ name: "two", publicKey: SSH_KEY }),
    await api.createSSHKey({ publicKey: SSH_KEY, projectId: other }),
  ];
  for (const key of made) {
    const { publicKey, fingerprint, disabled } = key;
    same("key", [publicKey, fingerprint, disabled], [SSH_KEY, FINGERPRINT, false]);
    same("organization", key.organizationId, organizationId);
    isRecent("made", key.createdAt);
    same("read again", await api.getSSHKey({ sshKeyId: key.id }), key);
  }
  same("projects", ids(made, "projectId"), [projectId, projectId, other]);
  holds("a name of the SDK's", made[2].name.startsWith("key"));
  const every = ids(made);
  const [one, two, three] = every;
  await pages("SSH keys", api.listSSHKeys, {}, every);
  const changed = await api.updateSSHKey({ sshKeyId: two, name: "renamed", disabled: true });
  same("changed", [changed.name, changed.disabled, changed.publicKey], ["renamed", true, SSH_KEY]);
  same("read again", await api.getSSHKey({ sshKeyId: two }), changed);
  await finds("SSH keys", api.listSSHKeys, [
    [{ name: "renamed" }, [two]],
    [{ projectId: other }, [three]],
    [{ disabled: true }, [two]],
    [{ disabled: false }, [one, three]],
    [{ organizationId: UNKNOWN }, []],
    [{ orderBy: "name_desc" }, [two, one, three]],
  ]);
  const broken = () => api.createSSHKey({ publicKey: "ssh-ed25519 AAAA" });
  await faulty("no key", broken, [["public_key", "format"]]);
  const nowhere = () => api.createSSHKey({ publicKey: SSH_KEY, projectId: UNKNOWN });
  await missing("in no project", nowhere, "project_id", UNKNOWN);
  for (const sshKeyId of every) same("deleted", await api.deleteSSHKey({ sshKeyId }), undefined);
  for (const call of [api.getSSHKey, api.updateSSHKey, api.deleteSSHKey]) {
    await missing("an SSH key that went", () => call({ sshKeyId: one }), "ssh_key", one);
  }
  const none = () => api.getSSHKey({ sshKeyId: "none" });
  await faulty("an id that is none", none, [["id", "format"]]);
  same("none left", await api.listSSHKeys().all(), []);
  await projects.deleteProject({ projectId: other });
}

async function users(scene) {
  const { api, ownerId } = scene;
  const owner = await api.getUser({ userId: ownerId });
  same("the owner", [owner.type, owner.deletable, owner.locked], ["owner", false, false]);
  const guest = await api.createUser({ email: "guest@node.test", tags: ["one", "two"] });
  same("a guest", [guest.type, guest.status, guest.username], ["guest", "invitation_pending", guest.email]);
  same("tags", guest.tags, ["one", "two"]);
  const settings = { sendPasswordEmail: false, sendWelcomeEmail: false, phoneNumber: "", locale: "" };
  const names = { username: "ada", firstName: "Ada", lastName: "Lovelace" };
  const member = { email: "ada@node.test", password: PASSWORD, ...names, ...settings };
  const ada = await api.createUser({ member });
  same("a member", [ada.type, ada.status, ada.locale], ["member", "activated", "en_US"]);
  same("names", [ada.username, ada.firstName, ada.lastName], ["ada", "Ada", "Lovelace"]);
  same("rights", [ada.deletable, ada.mfa, ada.lastLoginAt], [true, false, undefined]);
  isRecent("made", ada.createdAt);
  for (const user of [guest, ada]) same("read again", await api.getUser({ userId: user.id }), user);
  const userId = ada.id;
  const every = [ownerId, guest.id, userId];
  await pages("users", api.listUsers, {}, every);
  await finds("users", api.listUsers, [
    [{ userIds: [userId, guest.id] }, [guest.id, userId]],
    [{ type: "member" }, [userId]],
    [{ type: "owner" }, [ownerId]],
    [{ type: "unknown_type" }, every],
    [{ tag: "two" }, [guest.id]],
    [{ mfa: true }, []],
    [{ mfa: false }, every],
    [{ userIds: [userId, guest.id], orderBy: "username_asc" }, [userId, guest.id]],
  ]);

  const change = { tags: ["three"], firstName: "Augusta", locale: "fr_FR" };
  const changed = await api.updateUser({ userId, ...change });
  const { tags, firstName, lastName, locale } = changed;
  same("changed", { tags, firstName, locale }, change);
  same("as it was", lastName, "Lovelace");
  same("read again", await api.getUser({ userId }), changed);
  same("no tags", (await api.updateUser({ userId, tags: [] })).tags, []);
  same("username", (await api.updateUserUsername({ userId, username: "augusta" })).username, "augusta");
  same("password", (await api.updateUserPassword({ userId, password: `${PASSWORD}!` })).id, userId);
  same("grace periods", (await api.listGracePeriods({ userId })).gracePeriods, []);
  same("one's own", (await api.listGracePeriods()).gracePeriods, []);

  const { client } = await scene.caller({ userId });
  const its = new Iamv1alpha1.API(client);
  const tries = () => its.listUsers();
  await denied("without rights", tries, "list", "user");
  same("locked", (await api.lockUser({ userId })).locked, true);
  // There is no other word for it.
  await unauthenticated("a key of whoever is locked", tries, "unknown_reason");
  same("unlocked", (await api.unlockUser({ userId })).locked, false);
  await denied("no longer locked", tries, "list", "user");

  await faulty("nobody", () => api.createUser(), [["email", "required"]]);
  await faulty("no address", () => api.createUser({ email: "guest" }), [["email", "format"]]);
  const short = () => api.createUser({ member: { ...member, email: "b@node.test", username: "bob", password: "short" } });
  await faulty("a bad password", short, [["member.password", "constraint"]]);
  const weak = () => api.updateUserPassword({ userId, password: "my-augusta-1" });
  await faulty("a password with the name", weak, [["password", "constraint"]]);
  await taken("an address", () => api.createUser({ email: guest.email }), "user", guest.id);
  const rename = () => api.updateUserUsername({ userId, username: guest.username });
  await taken("a username", rename, "user", guest.id);
  for (const call of [api.deleteUser, api.lockUser]) {
    const fields = { status: 412, precondition: "unknown_precondition" };
    const own = () => call({ userId: ownerId });
    const error = await refused("the owner", own, Errors.PreconditionFailedError, fields);
    holds("in words", error.helpMessage);
  }
  for (const { id } of [guest, ada]) same("deleted", await api.deleteUser({ userId: id }), undefined);
  await unauthenticated("a key of whoever went", tries, "not_found");
  for (const call of [api.getUser, api.updateUser, api.deleteUser, api.lockUser, api.unlockUser, api.listGracePeriods]) {
    await missing("a user who went", () => call({ userId }), "user", userId);
  }
  await missing("username", () => api.updateUserUsername({ userId, username: "x" }), "user", userId);
  await missing("password", () => api.updateUserPassword({ userId, password: PASSWORD }), "user", userId);
  same("as before", ids(await api.listUsers().all()), [ownerId]);
}

async function applications(scene) {
  const { api, organizationId } = scene;
  const made = [
    await api.createApplication({ name: "one", description: "the first", tags: ["a", "b"] }),
    await api.createApplication({ description: "" }),
    await api.createApplication({ name: "three", description: "" }),
  ];
  for (const one of made) {
    same("organization", one.organizationId, organizationId);
    same("flags", [one.editable, one.deletable, one.managed, one.nbApiKeys], [true, true, false, 0]);
    isRecent("made", one.createdAt);
    same("read again", await api.getApplication({ applicationId: one.id }), one);
  }
  holds("a name of the SDK's", made[1].name.startsWith("app"));
  const every = ids(made);
  const [applicationId, second, third] = every;
  await pages("applications", api.listApplications, {}, every);
  await finds("applications", api.listApplications, [
    [{ name: "three" }, [third]],
    [{ tag: "b" }, [applicationId]],
    [{ applicationIds: [third, second] }, [second, third]],
    [{ editable: true }, every],
    [{ editable: false }, []],
    [{ organizationId: UNKNOWN }, []],
    [{ orderBy: "name_desc" }, [third, applicationId, second]],
  ]);
  const changed = await api.updateApplication({ applicationId, name: "renamed", tags: [] });
  same("changed", [changed.name, changed.tags, changed.description], ["renamed", [], "the first"]);
  holds("changed after it was made", changed.updatedAt >= changed.createdAt);
  same("read again", await api.getApplication({ applicationId }), changed);
  const { accessKey } = await scene.caller({ applicationId });
  same("keys", (await api.getApplication({ applicationId })).nbApiKeys, 1);

  const create = (request) => () => api.createApplication({ description: "", ...request });
  await faulty("a long name", create({ name: "x".repeat(65) }), [["name", "constraint"]]);
  await faulty("a long description", create({ description: "x".repeat(201) }), [["description", "constraint"]]);
  await faulty("many tags", create({ tags: Array(11).fill("x") }), [["tags", "constraint"]]);
  const list = (request) => () => api.listApplications(request);
  await faulty("a bad page size", list({ pageSize: 101 }), [["page_size", "constraint"]]);
  await faulty("a bad order", list({ orderBy: "tag_asc" }), [["order_by", "constraint"]]);
  for (const id of every) same("deleted", await api.deleteApplication({ applicationId: id }), undefined);
  for (const call of [api.getApplication, api.updateApplication, api.deleteApplication]) {
    const gone = () => call({ applicationId });
    await missing("an application that went", gone, "application", applicationId);
  }
  await missing("its key", () => api.getAPIKey({ accessKey }), "access_key", accessKey);
  same("none left", await api.listApplications().all(), []);
}

async function groups({ api, ownerId }) {
  const made = [
    await api.createGroup({ name: "one", description: "the first", tags: ["a"] }),
    await api.createGroup({ description: "" }),
    await api.createGroup({ name: "three", description: "" }),
  ];
  for (const one of made) {
    same("nobody in it", [one.userIds, one.applicationIds], [[], []]);
    same("flags", [one.editable, one.deletable, one.managed], [true, true, false]);
    isRecent("made", one.createdAt);
    same("read again", await api.getGroup({ groupId: one.id }), one);
  }
  holds("a name of the SDK's", made[1].name.startsWith("grp"));
  const every = ids(made);
  const [groupId, second, third] = every;
  const changed = await api.updateGroup({ groupId, description: "changed", tags: ["b", "c"] });
  same("changed", [changed.name, changed.description, changed.tags], ["one", "changed", ["b", "c"]]);

  const some = [];
  for (let n = 0; n < 3; n++) {
    some.push((await api.createApplication({ name: `some-${n}`, description: "" })).id);
  }
  const guest = (await api.createUser({ email: "guest@node.test" })).id;
  const members = async (what, group, userIds, applicationIds) => {
    same(what, [group.userIds, group.applicationIds], [userIds, applicationIds]);
    same(`${what}: read again`, await api.getGroup({ groupId }), group);
    same(`${what}: when it was changed`, group.updatedAt, changed.updatedAt);
  };
  const add = (bearer) => api.addGroupMember({ groupId, ...bearer });
  await members("one user", await add({ userId: guest }), [guest], []);
  await members("an application", await add({ applicationId: some[2] }), [guest], [some[2]]);
  await members("twice", await add({ userId: guest }), [guest], [some[2]]);
  const many = { groupId, userIds: [ownerId], applicationIds: some.slice(0, 2) };
  await members("many", await api.addGroupMembers(many), [guest, ownerId], [some[2], some[0], some[1]]);
  const remove = (bearer) => api.removeGroupMember({ groupId, ...bearer });
  await members("one less", await remove({ userId: guest }), [ownerId], [some[2], some[0], some[1]]);
  await members("two less", await remove({ applicationId: some[0] }), [ownerId], [some[2], some[1]]);
  const others = { groupId, userIds: [guest], applicationIds: some.slice(0, 1) };
  await members("others", await api.setGroupMembers(others), [guest], some.slice(0, 1));
  await pages("groups", api.listGroups, {}, every);
  await finds("groups", api.listGroups, [
    [{ name: "three" }, [third]],
    [{ tag: "c" }, [groupId]],
    [{ groupIds: [third, second] }, [second, third]],
    [{ userIds: [guest] }, [groupId]],
    [{ userIds: [ownerId] }, []],
    [{ applicationIds: some }, [groupId]],
    [{ applicationIds: some.slice(1) }, []],
  ]);

  await taken("a name", () => api.createGroup({ name: "three", description: "" }), "group", third);
  await taken("changed to it", () => api.updateGroup({ groupId, name: "three" }), "group", third);
  // As recorded.
  await missing("somebody who isn't in it", () => remove({ userId: ownerId }), "", ownerId);
  await missing("nobody", () => add({ userId: UNKNOWN }), "user", UNKNOWN);
  const stranger = { groupId, applicationIds: [UNKNOWN] };
  await missing("no application", () => api.addGroupMembers(stranger), "application", UNKNOWN);
  const neither = [["user_id", "required"], ["application_id", "required"]];
  await faulty("neither", () => add({}), neither);
  const nobody = { groupId, userIds: [], applicationIds: [] };
  await members("nobody", await api.setGroupMembers(nobody), [], []);
  for (const id of every) same("deleted", await api.deleteGroup({ groupId: id }), undefined);
  for (const call of [api.getGroup, api.updateGroup, api.deleteGroup, api.addGroupMembers]) {
    await missing("a group that went", () => call({ groupId }), "group", groupId);
  }
  await missing("its members", () => api.setGroupMembers(nobody), "group", groupId);
  await missing("one more", () => add({ userId: guest }), "group", groupId);
  await missing("one less", () => remove({ userId: guest }), "group", groupId);
  for (const applicationId of some) await api.deleteApplication({ applicationId });
  await api.deleteUser({ userId: guest });
  same("none left", await api.listGroups().all(), []);
}

async function apiKeys(scene) {
  const { api, projectId } = scene;
  const applicationId = (await api.createApplication({ name: "some", description: "" })).id;
  const userId = (await api.createUser({ email: "guest@node.test" })).id;
  const expiresAt = soon();
  const made = [
    await api.createAPIKey({ description: "one", applicationId }),
    await api.createAPIKey({ description: "ends", applicationId, expiresAt, defaultProjectId: projectId }),
    await api.createAPIKey({ description: "a guest's", userId }),
  ];
  for (const key of made) {
    holds("a secret key, once", key.secretKey.length === 36);
    same("project", key.defaultProjectId, projectId);
    const { editable, deletable, managed, creationIp } = key;
    same("flags", [editable, deletable, managed, creationIp], [true, true, false, "127.0.0.1"]);
    isRecent("made", key.createdAt);
    const read = await api.getAPIKey({ accessKey: key.accessKey });
    same("read again", read, { ...key, secretKey: null });
  }
  same("applications", ids(made, "applicationId"), [applicationId, applicationId, undefined]);
  same("users", ids(made, "userId"), [undefined, undefined, userId]);
  same("ends", ids(made, "expiresAt"), [undefined, expiresAt, undefined]);
  const its = ids(made, "accessKey");
  const every = [scene.accessKey, ...its];
  const [accessKey, second, third] = its;
  await pages("API keys", api.listAPIKeys, {}, every, { key: "accessKey" });
  const cases = [
    [{ applicationId }, [accessKey, second]],
    [{ userId }, [third]],
    [{ bearerId: applicationId }, [accessKey, second]],
    [{ bearerType: "user" }, [scene.accessKey, third]],
    [{ bearerType: "application" }, [accessKey, second]],
    [{ bearerType: "unknown_bearer_type" }, every],
    [{ accessKey: second }, [second]],
    [{ accessKeys: [third, accessKey] }, [accessKey, third]],
    [{ description: "ends" }, [second]],
    [{ expired: true }, []],
    [{ expired: false }, every],
    [{ editable: true }, every],
    [{ editable: false }, []],
    [{ organizationId: UNKNOWN }, []],
  ];
  await finds("API keys", api.listAPIKeys, cases, "accessKey");

  const changed = await api.updateAPIKey({ accessKey, description: "changed", expiresAt });
  same("changed", [changed.description, changed.expiresAt, changed.secretKey], ["changed", expiresAt, null]);
  same("read again", await api.getAPIKey({ accessKey }), changed);
  const create = (request) => () => api.createAPIKey({ description: "", ...request });
  await faulty("for nobody", create({}), [["user_id", "required"], ["application_id", "required"]]);
  const long = create({ applicationId, description: "x".repeat(201) });
  await faulty("a long description", long, [["description", "constraint"]]);
  const past = create({ applicationId, expiresAt: new Date(Date.now() - 86_400_000) });
  await faulty("a time that is past", past, [["expires_at", "constraint"]]);
  await missing("for nobody", create({ userId: UNKNOWN }), "user", UNKNOWN);
  const nowhere = create({ applicationId, defaultProjectId: UNKNOWN });
  await missing("in no project", nowhere, "project_id", UNKNOWN);

  const { secretKey } = made[0];
  const caller = new Iamv1alpha1.API(scene.withKey({ accessKey, secretKey }));
  await denied("it is somebody", () => caller.listUsers(), "list", "user");
  for (const one of its) same("deleted", await api.deleteAPIKey({ accessKey: one }), undefined);
  await unauthenticated("a key that went", () => caller.listUsers(), "not_found");
  for (const call of [api.getAPIKey, api.updateAPIKey, api.deleteAPIKey]) {
    await missing("a key that went", () => call({ accessKey }), "access_key", accessKey);
  }
  await api.deleteApplication({ applicationId });
  await api.deleteUser({ userId });
  same("as before", ids(await api.listAPIKeys().all(), "accessKey"), [scene.accessKey]);
}

async function policies(scene) {
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
  const sets = [["rules.permission_set_names", "constraint"]];
  await faulty("no such set", refuse(scene.everywhere("Everything")), sets);
  await faulty("made so", () => create({ rules: [scene.everywhere("Everything")] }), sets);
  await faulty("sets of two scopes", refuse(scene.everywhere("IAMReadOnly", "FunctionsReadOnly")), sets);
  const broken = refuse({ ...rules[2], condition: "request." });
  await faulty("a bad condition", broken, [["rules.condition", "constraint"]]);
  const nowhere = [["rules.organization_id", "required"], ["rules.project_ids", "required"]];
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

async function permissionSets({ api }) {
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

async function quota({ api }) {
  const found = await api.listQuota().all();
  const every = ids(found, "name");
  same("by name", every, every.toSorted());
  await pages("quota", api.listQuota, {}, every, { key: "name", backwards: "name_desc" });
  await finds("quota", api.listQuota, [[{ quotumNames: ["users", "groups"] }, ["groups", "users"]]], "name");
  for (const one of found) {
    same("one", await api.getQuotum({ quotumName: one.name }), one);
    holds("a number", Number.isInteger(one.limit) && one.unlimited === undefined);
    same("everywhere", [one.limits[0].global, one.limits[0].limit], [true, one.limit]);
    same("locality", one.localityType, "global");
  }
  await missing("of nothing", () => api.getQuotum({ quotumName: "nothing" }), "quotum", "nothing");
  const list = () => api.listQuota({ orderBy: "limit_asc" });
  await faulty("a bad order", list, [["order_by", "constraint"]]);
}

async function jwts({ api, functions, ownerId: audienceId }) {
  const namespaceId = (await functions.createNamespace({ name: "node-iam" })).id;
  const functionId = (await functions.createFunction({ namespaceId, name: "f", runtime: "node22" })).id;
  const expiresAt = soon();
  const issued = [
    await functions.createToken({ functionId }),
    await functions.createToken({ namespaceId, expiresAt }),
    await functions.createToken({ functionId }),
  ];
  const every = issued.map(({ token }) => claims(token).jti);
  const [jti, second, third] = every;
  await pages("tokens", api.listJWTs, { audienceId }, every, { key: "jti" });
  const cases = [
    [{ audienceId, expired: true }, []],
    [{ audienceId, expired: false }, every],
    [{ audienceId, orderBy: "updated_at_desc" }, every.toReversed()],
    [{ audienceId: UNKNOWN }, []],
  ];
  await finds("tokens", api.listJWTs, cases, "jti");
  const read = await api.getJWT({ jti: second });
  same("one", [read.jti, read.issuerId, read.audienceId], [second, audienceId, audienceId]);
  same("how", [read.ip, read.expiresAt], ["127.0.0.1", expiresAt]);
  holds("by the SDK", read.userAgent.includes("scaleway"));
  isRecent("made", read.createdAt);
  same("without an end", (await api.getJWT({ jti })).expiresAt, undefined);
  same("deleted", await api.deleteJWT({ jti }), undefined);
  for (const call of [api.getJWT, api.deleteJWT]) {
    await missing("a token that went", () => call({ jti }), "jwt", jti);
  }
  const gone = () => functions.getToken({ tokenId: jti });
  await refused("gone there too", gone, Errors.ScalewayError, { status: 404 });
  same("the others", ids(await api.listJWTs({ audienceId }).all(), "jti"), [second, third]);
  await faulty("an id that is none", () => api.getJWT({ jti: "none" }), [["jti", "format"]]);
  await faulty("whose", () => api.listJWTs({}), [["audience_id", "required"]]);
  await functions.deleteNamespace({ namespaceId });
  same("none of what went", await api.listJWTs({ audienceId }).all(), []);
}

async function logs({ api, ownerId, organizationId }) {
  const groupId = (await api.createGroup({ name: "logged", description: "" })).id;
  // A Date has no more than milliseconds.
  await setTimeout(5);
  await api.updateGroup({ groupId, name: "renamed" });
  await api.deleteGroup({ groupId });
  const search = groupId;
  const found = await api.listLogs({ search }).all();
  same("what was done", ids(found, "action"), ["created", "updated", "deleted"]);
  const every = ids(found);
  const [first, { createdAt }] = found;
  same("to what", [first.resourceType, first.resourceId], ["group", groupId]);
  same("by whom", [first.bearerId, first.organizationId, first.ip], [ownerId, organizationId, "127.0.0.1"]);
  holds("with the SDK", first.userAgent.includes("scaleway"));
  isRecent("when", first.createdAt);
  await pages("logs", api.listLogs, { search }, every);
  await finds("logs", api.listLogs, [
    [{ search, action: "created" }, [first.id]],
    [{ search, action: "unknown_action" }, every],
    [{ search, resourceType: "group" }, every],
    [{ search, resourceType: "unknown_resource_type" }, every],
    [{ search, resourceType: "user" }, []],
    [{ search, createdBefore: createdAt }, [first.id]],
    [{ search, createdAfter: createdAt }, every.slice(1)],
    [{ search, organizationId: UNKNOWN }, []],
  ]);
  same("one", await api.getLog({ logId: first.id }), first);
  await missing("no entry", () => api.getLog({ logId: UNKNOWN }), "log", UNKNOWN);
  await faulty("a bad action", () => api.listLogs({ action: "read" }), [["action", "constraint"]]);
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
