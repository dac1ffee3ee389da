// SSH and API keys.

import { Iamv1alpha1 } from "@scaleway/sdk-iam";
import { UNKNOWN, faulty, holds, ids, isRecent, missing, pages, same } from "./checks.mjs";
import { SSH_KEY, denied, finds, soon, unauthenticated } from "./iam_scene.mjs";

const FINGERPRINT = "256 MD5:df:8c:a8:13:99:15:bb:25:1d:2e:49:c2:47:36:c0:68 (ssh-ed25519)";

export async function sshKeys({ api, projects, projectId, organizationId }) {
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

export async function apiKeys(scene) {
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
