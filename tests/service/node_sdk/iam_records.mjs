// Quotas, issued tokens, and who changed what.

import { setTimeout } from "node:timers/promises";
import { Errors } from "@scaleway/sdk-client";
import { UNKNOWN, claims, faulty, holds, ids, isRecent, missing, pages, refused, same } from "./checks.mjs";
import { finds, soon } from "./iam_scene.mjs";

export async function quota({ api }) {
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

export async function jwts({ api, functions, ownerId: audienceId }) {
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

export async function logs({ api, ownerId, organizationId }) {
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
