// What the official SDKs do with a service, configured by SCW_* variables alone.
//
// Prints a line for each step; ends with 1 at the first that goes wrong.

import { randomUUID } from "node:crypto";
import process from "node:process";
import { createClient } from "@scaleway/sdk-client";
import { loadProfileFromEnvironmentValues } from "@scaleway/configuration-loader";
import { Wrong, holds } from "./checks.mjs";
import { projects } from "./account.mjs";
import { accessManagement } from "./iam.mjs";
import { ofContainers, ofFunctions, wholeLife } from "./v1beta1.mjs";

async function main() {
  const profile = loadProfileFromEnvironmentValues();
  holds("all settings come from the environment", profile.apiURL?.startsWith("http://"));
  const client = createClient(profile);
  const stranger = createClient({ ...profile, secretKey: randomUUID() });
  const step = (name) => console.log(name);
  for (const of of [ofFunctions, ofContainers]) await wholeLife(of, client, stranger, step);
  await projects(client, step);
  await accessManagement(profile, step);
  console.log("all passed");
}

try {
  await main();
} catch (error) {
  // The SDK's own errors hold the answer's body, and no key.
  console.error(error instanceof Wrong ? `wrong: ${error.message}` : error);
  process.exitCode = 1;
}
