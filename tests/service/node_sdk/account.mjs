// Account v3: projects.

import { Accountv3 } from "@scaleway/sdk-account";
import { Errors } from "@scaleway/sdk-client";
import { Functionv1beta1 } from "@scaleway/sdk-function";
import { UNKNOWN, holds, ids, isRecent, missing, pages, refused, same } from "./checks.mjs";

export async function projects(client, step) {
  const api = new Accountv3.ProjectAPI(client);
  const { defaultOrganizationId, defaultProjectId } = client.settings;
  // Without an id it is that of the settings.
  const byDefault = await api.getProject();
  same("the default one", [byDefault.id, byDefault.name], [defaultProjectId, "default"]);
  const before = ids(await api.listProjects().all());
  holds("it is in the list", before.includes(defaultProjectId));

  const made = [];
  for (const name of ["first", "second", "third"]) {
    made.push(await api.createProject({ name, description: `the ${name}` }));
  }
  for (const project of made) {
    same("organization", project.organizationId, defaultOrganizationId);
    isRecent("made", project.createdAt);
  }
  await pages("projects", api.listProjects, {}, [...before, ...ids(made)]);
  const few = { projectIds: [made[0].id, made[2].id] };
  await pages("projects of these ids", api.listProjects, few, few.projectIds);
  same("by name", ids(await api.listProjects({ name: "second" }).all()), [made[1].id]);
  step("projects: lists");

  const projectId = made[0].id;
  const changed = await api.updateProject({ projectId, name: "renamed" });
  same("changed", [changed.name, changed.description], ["renamed", "the first"]);
  const read = await api.getProject({ projectId });
  same("read again", [read.name, read.description], ["renamed", "the first"]);
  isRecent("changed", read.updatedAt);

  const functions = new Functionv1beta1.API(client);
  const namespace = await functions.createNamespace({ name: "in-a-project", projectId });
  same("its project", namespace.projectId, projectId);
  same("in it", ids(await functions.listNamespaces({ projectId }).all()), [namespace.id]);
  const fields = { status: 412, precondition: "resource_still_in_use" };
  const full = () => api.deleteProject({ projectId });
  const error = await refused("with a namespace", full, Errors.PreconditionFailedError, fields);
  holds("in words", error.helpMessage);
  await functions.deleteNamespace({ namespaceId: namespace.id });
  for (const project of made) {
    same("deleted", await api.deleteProject({ projectId: project.id }), undefined);
  }
  await missing("a project that went", () => api.getProject({ projectId }), "project_id", projectId);
  await missing("deleted twice", () => api.deleteProject({ projectId }), "project_id", projectId);
  await missing("no project", () => api.getProject({ projectId: UNKNOWN }), "project_id", UNKNOWN);
  same("as before", ids(await api.listProjects().all()), before);
  step("projects: one");
}
