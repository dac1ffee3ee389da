// Users, applications and groups.

import { Errors } from "@scaleway/sdk-client";
import { Iamv1alpha1 } from "@scaleway/sdk-iam";
import { UNKNOWN, faulty, holds, ids, isRecent, missing, pages, refused, same } from "./checks.mjs";
import { denied, finds, taken, unauthenticated } from "./iam_scene.mjs";

export const PASSWORD = "a very long secret 4711";

export async function users(scene) {
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

export async function applications(scene) {
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

export async function groups({ api, ownerId }) {
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
