// What the files about IAM share: who asks, and how lists and refusals are looked at.

import { Accountv3 } from "@scaleway/sdk-account";
import { Errors, createClient } from "@scaleway/sdk-client";
import { Functionv1beta1 } from "@scaleway/sdk-function";
import { Iamv1alpha1 } from "@scaleway/sdk-iam";
import { holds, ids, refused, same } from "./checks.mjs";

// A key that nobody has the other half of.
export const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy";

// The owner of an organization, and what their calls go through.
export class Scene {
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
export async function finds(what, list, cases, key) {
  for (const [filter, expected] of cases) {
    const found = ids(await list(filter).all(), key);
    same(`${what} with ${JSON.stringify(filter)}`, found, expected);
  }
}

// The one right that whoever asks lacks.
export async function denied(what, call, action, resource) {
  const { list } = await refused(what, call, Errors.PermissionsDeniedError, { status: 403 });
  same(`${what}: what is needed`, list, [{ action, resource }]);
}

export async function taken(what, call, resource, resourceId) {
  const fields = { status: 409, resource, resourceId };
  const error = await refused(what, call, Errors.AlreadyExistsError, fields);
  holds(`${what}: in words`, error.helpMessage);
}

export function unauthenticated(what, call, reason) {
  const fields = { status: 401, method: "api_key", reason };
  return refused(what, call, Errors.DeniedAuthenticationError, fields);
}

export function soon() {
  return new Date((Math.floor(Date.now() / 1000) + 3600) * 1000);
}
