// Functions and containers v1beta1: namespaces, what is in them, and tokens.

import { Errors } from "@scaleway/sdk-client";
import { Containerv1beta1 } from "@scaleway/sdk-container";
import { Functionv1beta1 } from "@scaleway/sdk-function";
import { UNKNOWN, claims, faulty, holds, ids, isRecent, pages, refused, same } from "./checks.mjs";

// One of the two products, with the names that are not the same in both.
export const ofFunctions = {
  kind: "Function",
  API: Functionv1beta1.API,
  settings: { runtime: "node22", handler: "handler.handle" },
};
export const ofContainers = {
  kind: "Container",
  API: Containerv1beta1.API,
  settings: { registryImage: "registry.test/image:1", port: 8080 },
};

export async function wholeLife(of, client, stranger, step) {
  const product = new Product(of, client);
  const name = of.kind.toLowerCase();
  await strangers(product, new of.API(stranger));
  step(`${name}: strangers`);
  const namespace = await namespaces(product, client.settings);
  step(`${name}: namespaces`);
  const made = await applications(product, namespace);
  step(`${name}: the ${name}s`);
  const issued = await tokens(product, namespace, made);
  step(`${name}: tokens`);
  await ends(product, namespace, made, issued);
  step(`${name}: all gone`);
}

class Product {
  constructor({ kind, API, settings }, client) {
    this.api = new API(client);
    this.kind = kind;
    this.settings = settings;
    this.create = this.api[`create${kind}`];
    this.get = this.api[`get${kind}`];
    this.list = this.api[`list${kind}s`];
    this.update = this.api[`update${kind}`];
    this.delete = this.api[`delete${kind}`];
    this.waitFor = this.api[`waitFor${kind}`];
  }

  byId(id) {
    return { [`${this.kind.toLowerCase()}Id`]: id };
  }
}

// v1beta1 tells nothing of what isn't there but a message.
const missing = (what, call) => refused(what, call, Errors.ScalewayError, { status: 404 });

async function strangers(product, api) {
  const fields = { status: 401, method: "api_key", reason: "not_found" };
  await refused("a wrong key", () => api.listNamespaces(), Errors.DeniedAuthenticationError, fields);
  const many = () => product.api.listTokens({ pageSize: 101 });
  await faulty("a bad page size", many, [["page_size", "constraint"]]);
}

async function namespaces({ api, kind }, settings) {
  const name = `node-${kind.toLowerCase()}`;
  const made = await api.createNamespace({
    name,
    description: "by the SDK",
    environmentVariables: { PLAIN: "text" },
    secretEnvironmentVariables: [{ key: "HIDDEN", value: "not to be seen again" }],
    tags: ["one", "two"],
  });
  same("name", made.name, name);
  same("project", made.projectId, settings.defaultProjectId);
  same("organization", made.organizationId, settings.defaultOrganizationId);
  same("region", made.region, settings.defaultRegion);
  isRecent("made", made.createdAt);
  const ready = await api.waitForNamespace({ namespaceId: made.id });
  same("status", ready.status, "ready");
  same("variables", ready.environmentVariables, { PLAIN: "text" });
  same("tags", ready.tags, ["one", "two"]);
  same("keys of secrets", ready.secretEnvironmentVariables.map((it) => it.key), ["HIDDEN"]);
  holds("a hash", ready.secretEnvironmentVariables[0].hashedValue.startsWith("$argon2id$"));

  await pages("namespaces of that name", api.listNamespaces, { name }, [made.id]);
  const { projectId } = made;
  holds("of the project", ids(await api.listNamespaces({ projectId }).all()).includes(made.id));
  same("of another name", await api.listNamespaces({ name: `${name}-not` }).all(), []);

  const changed = await api.updateNamespace({
    namespaceId: made.id,
    description: "changed",
    secretEnvironmentVariables: [{ key: "HIDDEN" }, { key: "OTHER", value: "x" }],
  });
  same("description", changed.description, "changed");
  isRecent("changed", changed.updatedAt);
  holds("changed after it was made", changed.updatedAt >= made.createdAt);
  const read = await api.getNamespace({ namespaceId: made.id });
  same("keys of secrets", read.secretEnvironmentVariables.map((it) => it.key), ["OTHER"]);
  same("tags as they were", read.tags, ["one", "two"]);
  const again = () => api.createNamespace({ name });
  await refused("a name that is taken", again, Errors.ScalewayError, { status: 409 });
  return made;
}

// Five of them, so that there are three pages of two.
async function applications(product, { id: namespaceId }) {
  const made = [];
  for (let n = 0; n < 5; n++) {
    const name = `number-${n}`;
    made.push(await product.create({ namespaceId, name, privacy: "private", ...product.settings }));
  }
  for (const one of made) {
    same("privacy", one.privacy, "private");
    holds("a host without a scheme", one.domainName && !one.domainName.includes("://"));
    isRecent("made", one.createdAt);
  }
  same("hosts", new Set(made.map((one) => one.domainName)).size, 5);
  await pages("in the namespace", product.list, { namespaceId }, ids(made));
  same("by name", ids(await product.list({ namespaceId, name: "number-3" }).all()), [made[3].id]);

  const first = product.byId(made[0].id);
  const change = { description: "changed", privacy: "public", timeout: "60s" };
  const changed = await product.update({ ...first, ...change, environmentVariables: { A: "b" } });
  const ready = await product.waitFor(first);
  for (const { description, privacy, timeout, environmentVariables } of [changed, ready]) {
    same("changed", { description, privacy, timeout }, change);
    same("variables", environmentVariables, { A: "b" });
  }
  same("name", ready.name, "number-0");
  const last = product.byId(made.pop().id);
  same("status", (await product.delete(last)).status, "deleting");
  await missing("one that went", () => product.get(last));
  await missing("deleted twice", () => product.delete(last));
  return ids(made);
}

async function tokens(product, { id: namespaceId }, made) {
  const { api } = product;
  const of = product.byId(made[1]);
  const soon = new Date((Math.floor(Date.now() / 1000) + 3600) * 1000);
  const issued = [
    await api.createToken(of),
    await api.createToken({ ...of, description: "ends", expiresAt: soon }),
    await api.createToken(of),
    await api.createToken({ namespaceId, description: "for all" }),
  ];
  same("one key for a namespace", new Set(issued.map((token) => token.publicKey)).size, 1);
  const [endless, ending, , wide] = issued;
  same("without an end", [endless.expiresAt, "exp" in claims(endless.token)], [undefined, false]);
  same("its end", [ending.expiresAt, claims(ending.token).exp], [soon, soon.getTime() / 1000]);
  same("description", [endless.description, ending.description], ["", "ends"]);
  const claimed = (token) => claims(token.token).application_claim;
  same("for one", claimed(endless), [{ namespace_id: "", application_id: made[1] }]);
  same("for all", claimed(wide), [{ namespace_id: namespaceId, application_id: "" }]);
  for (const token of issued) {
    same("jti", claims(token.token).jti, token.id);
    const read = await api.waitForToken({ tokenId: token.id });
    const { id, token: text, publicKey, status, expiresAt } = read;
    const expected = { id: token.id, text: "<hidden>", publicKey: "", status: "ready" };
    same("read again", { id, text, publicKey, status }, expected);
    same("its end, read again", expiresAt, token.expiresAt);
  }
  await pages("tokens", api.listTokens, of, ids(issued.slice(0, 3)));
  const all = await api.listTokens().all();
  holds("no text in a list", all.every((token) => token.token === "<hidden>"));
  holds("by namespace", ids(await api.listTokens({ namespaceId }).all()).includes(wide.id));

  const tokenId = ending.id;
  const gone = await api.deleteToken({ tokenId });
  same("deleted", [gone.id, gone.token, gone.status], [tokenId, "", "deleting"]);
  await missing("a token that went", () => api.getToken({ tokenId }));
  await missing("deleted twice", () => api.deleteToken({ tokenId }));
  same("the others", ids(await api.listTokens(of).all()), [issued[0].id, issued[2].id]);

  const past = () => api.createToken({ ...of, expiresAt: new Date(Date.now() - 86_400_000) });
  await faulty("a time that is past", past, [["expires_at", "constraint"]]);
  const none = () => api.createToken({});
  await refused("for nothing", none, Errors.InvalidArgumentsError, { status: 400 });
  await missing("for what there is not", () => api.createToken(product.byId(UNKNOWN)));
  await missing("for no namespace", () => api.createToken({ namespaceId: UNKNOWN }));
  return issued;
}

async function ends(product, { id: namespaceId }, made, issued) {
  const { api } = product;
  await product.delete(product.byId(made[1]));
  await missing("a token of what went", () => api.getToken({ tokenId: issued[0].id }));
  await api.getToken({ tokenId: issued[3].id });
  same("status", (await api.deleteNamespace({ namespaceId })).status, "deleting");
  await missing("a namespace that went", () => api.getNamespace({ namespaceId }));
  await missing("what was in it", () => product.get(product.byId(made[0])));
  await missing("its token", () => api.getToken({ tokenId: issued[3].id }));
}
