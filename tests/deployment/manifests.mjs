// Checks Kubernetes manifests against the published schemas of their kinds.
//
//     node manifests.mjs FILE
//
// @kubernetes-models/istio holds the validators that were generated from Istio's own custom
// resource definitions (3.0.1: those of Istio 1.29.2). Prints the documents as JSON for the
// test to read on; exits with 1 and one line per fault.

import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { DestinationRule } from "@kubernetes-models/istio/networking.istio.io/v1/DestinationRule";
import { ServiceEntry } from "@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry";
import { WasmPlugin } from "@kubernetes-models/istio/extensions.istio.io/v1alpha1/WasmPlugin";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { Service } from "kubernetes-models/v1/Service";

const kinds = {
  "extensions.istio.io/v1alpha1 WasmPlugin": WasmPlugin,
  "networking.istio.io/v1 DestinationRule": DestinationRule,
  "networking.istio.io/v1 ServiceEntry": ServiceEntry,
  "apps/v1 Deployment": Deployment,
  "v1 Service": Service,
};

// What a schema leaves open: the plugin's own configuration, and maps of the user's names.
const open = new Set(["pluginConfig", "labels", "matchLabels"]);

function faults(Kind, manifest) {
  try {
    new Kind(manifest).validate();
    return [];
  } catch (error) {
    return [error.message];
  }
}

// A schema of a custom resource doesn't refuse unknown members: the cluster drops them in
// silence, and with them what they were to do. No member here is a fraction, so one whose
// value could as well be 0.5 is one that the schema doesn't know.
function* unknownMembers(Kind, manifest, node = manifest, path = "") {
  for (const [name, value] of Object.entries(node)) {
    if (open.has(name)) continue;
    node[name] = 0.5;
    const known = faults(Kind, manifest).length > 0;
    node[name] = value;
    if (!known) yield `${path}/${name} is unknown to the schema`;
    else if (typeof value === "object") yield* unknownMembers(Kind, manifest, value, `${path}/${name}`);
  }
}

const documents = parseAllDocuments(readFileSync(process.argv[2], "utf8"));
const found = [];
const manifests = documents.map((document) => {
  found.push(...document.errors.map((error) => error.message));
  const manifest = document.toJS();
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  if (!kinds[kind]) return found.push(`${kind}: no schema for this kind`);
  const own = [...faults(kinds[kind], manifest)];
  if (own.length === 0) own.push(...unknownMembers(kinds[kind], manifest));
  found.push(...own.map((fault) => `${kind}: ${fault}`));
  return manifest;
});

if (found.length > 0) {
  console.error(found.join("\n"));
  process.exit(1);
}
console.log(JSON.stringify(manifests));
