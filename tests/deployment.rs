//! The files of `envoy/`, as a user copies them.
//!
//! Envoy's validation loads the filter and hands it its configuration, so what passes here
//! starts. tests/container.rs runs the container that protects itself, tests/service_files/ what
//! serves the issuer.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

use std::fs;

use serde_json::{Value, json};
use testkit::processes::*;

#[path = "shipped_files/uncommented.rs"]
mod uncommented;

use uncommented::uncommented;

const NAMESPACE: &str = "6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10";
const APPLICATION: &str = "11111111-1111-4111-8111-111111111111";

/// As `issuer trust key` prints it: that of docs/TRUST_FORMAT.md's example.
const TRUST_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=
-----END PUBLIC KEY-----
";

#[test]
fn every_envoy_configuration_starts_with_what_it_asks_for() {
    let keys = Keys::make("starts");
    for (file, text) in envoy_configurations() {
        let environment: &[(&str, &str)] = match file.as_str() {
            "compose.yaml" | "demo.yaml" => &[
                ("NAMESPACE_JWT_TRUST_KEY", TRUST_KEY),
                ("SCW_NAMESPACE_ID", NAMESPACE),
                ("SCW_APPLICATION_ID", APPLICATION),
            ],
            "routes.yaml" => &[
                ("NAMESPACE_JWT_TRUST_KEY", TRUST_KEY),
                ("NAMESPACE_JWT_TRUST_ACCESS_KEY", APPLICATION),
            ],
            "container.yaml" => &[
                ("SCW_PUBLIC", "false"),
                ("SCW_PUBLIC_KEY", &keys.public),
                ("SCW_NAMESPACE_ID", NAMESPACE),
                ("SCW_APPLICATION_ID", APPLICATION),
            ],
            other => panic!("envoy/{other} is new: say here what environment it needs"),
        };
        let (started, log) = validate(&text, environment);
        assert!(started, "envoy/{file} is refused:\n{log}");
    }
}

#[test]
fn without_a_key_no_envoy_configuration_starts() {
    for (file, text) in envoy_configurations() {
        let (started, log) = validate(&text, &[("SCW_NAMESPACE_ID", NAMESPACE)]);
        assert!(!started, "envoy/{file} starts without a key");
        let member = match file.as_str() {
            "compose.yaml" | "demo.yaml" | "routes.yaml" => "trust.public_keys",
            _ => "public_key",
        };
        let refused = format!("configuration refused: {member}:");
        assert!(log.contains(&refused), "envoy/{file}:\n{log}");
    }
}

/// tests/shipped_files/following.rs runs it.
#[test]
fn what_follows_an_issuer_in_comments_needs_no_key_but_the_issuers() {
    let text = uncommented(&read("envoy/container.yaml"));
    let ids = [("SCW_NAMESPACE_ID", NAMESPACE), ("SCW_APPLICATION_ID", APPLICATION)];
    let (started, log) = validate(&text, &[&ids[..], &[("SCW_PUBLIC_KEY", "")]].concat());
    let refused = "configuration refused: trust.public_keys:";
    assert!(!started && log.contains(refused), "{log}");
    let environment = [&ids[..], &[("NAMESPACE_JWT_TRUST_KEY", TRUST_KEY)]].concat();
    let (started, log) = validate(&text, &environment);
    assert!(started, "{log}");
}

/// Whoever chose the issuer has chosen whom to believe: no other name is taken for it.
#[test]
fn a_container_asks_its_issuer_over_tls_and_by_name() {
    let text = uncommented(&read("envoy/container.yaml"));
    let (_, cluster) = text.split_once("    - name: issuer\n").unwrap();
    let (cluster, _) = cluster.split_once("    - name: application\n").unwrap();
    for part in ["trusted_ca:", "sni: issuer.example.com", "matcher: { exact: issuer.example.com }"]
    {
        assert!(cluster.contains(part), "{part}\n{cluster}");
    }
}

#[test]
fn a_container_without_any_variable_does_not_start() {
    let (started, log) = validate(&read("envoy/container.yaml"), &[]);
    assert!(!started, "it would serve everyone, or nobody can tell whom");
    assert!(log.contains("configuration refused: namespace_id:"), "{log}");
}

#[test]
fn a_container_that_the_platform_calls_public_starts_without_a_key() {
    let (started, log) = validate(&read("envoy/container.yaml"), &[("SCW_PUBLIC", "true")]);
    assert!(started, "{log}");
}

#[test]
fn every_filter_comes_back_after_a_failed_vm() {
    for (file, text) in envoy_configurations() {
        let settings: Vec<_> =
            text.lines().map(str::trim).filter(|l| !l.starts_with('#')).collect();
        let filters = settings.iter().filter(|l| l.contains("filters.http.wasm.v3.Wasm")).count();
        let policies: Vec<_> =
            settings.iter().filter(|l| l.starts_with("failure_policy:")).collect();
        assert_eq!(filters, 1, "envoy/{file}");
        assert_eq!(policies, [&"failure_policy: FAIL_RELOAD"], "envoy/{file}");
    }
}

/// A port, even on loopback, takes what any web page has a browser send to it.
#[test]
fn no_admin_interface_has_a_port() {
    for (file, text) in envoy_configurations() {
        let Some((_, admin)) = text.split_once("\nadmin:") else { continue };
        let (admin, _) = admin.split_once("\n\n").unwrap();
        let address = admin.lines().map(str::trim).find(|l| l.contains(": {")).expect("an address");
        let path = match file.as_str() {
            "demo.yaml" => "target/demo-admin.sock",
            "routes.yaml" => "admin.sock",
            _ => panic!("envoy/{file}: whoever reaches it can stop Envoy"),
        };
        assert_eq!(address, format!("pipe: {{ path: {path}, mode: 384 }}"));
    }
}

/// Envoy 1.38 and older hand filters of one `vm_id` one environment. In the log, a plugin without
/// a name has none.
#[test]
fn every_filter_has_a_name_and_a_vm_of_its_own() {
    let mut ids = Vec::new();
    for (file, text) in envoy_configurations() {
        let (_, plugin) = text.split_once("filters.http.wasm.v3.Wasm\n").unwrap();
        let (plugin, _) = plugin.split_once("filters.http.router").unwrap();
        assert!(plugin.contains("\n                        name: namespace-jwt\n"), "{file}");
        let id = plugin.lines().find_map(|line| line.trim().strip_prefix("vm_id: "));
        ids.push(id.unwrap_or_else(|| panic!("{file} has no vm_id")).to_owned());
    }
    assert!(ids.iter().all(|id| !id.is_empty()), "{ids:?}");
}

/// Who follows the README from the top of the repository has a private key and a token there.
#[test]
fn the_secrets_that_the_readme_makes_are_not_committed_and_not_put_into_an_image() {
    let readme = read("README.md");
    assert!(readme.contains("issuer keygen --out keys\n"));
    assert!(readme.contains(" > token\n"));
    assert!(readme.contains("mkdir -m 700 service\n"));
    for (file, lines) in [
        (".gitignore", ["/keys", "/token", "/service"]),
        ("envoy/compose.Dockerfile.dockerignore", ["keys", "token", "service"]),
        ("envoy/issuer.Dockerfile.dockerignore", ["keys", "token", "service"]),
    ] {
        let text = read(file);
        for line in lines {
            assert!(text.lines().any(|it| it == line), "{file} lacks {line}");
        }
    }
}

#[test]
fn the_istio_manifests_fit_the_published_schemas() {
    let Some(node) = node_with_packages() else { return };
    let output = node.run(&["tests/deployment/manifests.mjs", "envoy/istio.yaml"]);
    assert!(output.status.success(), "{}", text_of(&output));
    let manifests: Value = serde_json::from_slice(&output.stdout).unwrap();
    let plugin = &manifests[0]["spec"];
    assert_eq!(plugin["phase"], "AUTHN");
    assert_eq!(plugin["failStrategy"], "FAIL_CLOSE");
    // Else the function's own requests to others would need a token.
    assert_eq!(plugin["match"][0]["mode"], "SERVER");

    // On a port whose protocol nobody declared, Istio's proxy looks at a connection's first bytes
    // and passes on what it doesn't take for HTTP, past every HTTP filter. Applications take more.
    let deployment = &manifests[1]["spec"]["template"];
    let service = &manifests[2]["spec"];
    assert_eq!(plugin["selector"]["matchLabels"], deployment["metadata"]["labels"]);
    assert_eq!(service["selector"], deployment["metadata"]["labels"]);
    let declared = |port: &Value| {
        let ports = service["ports"].as_array().unwrap();
        ports.iter().any(|it| it["targetPort"] == *port && it["appProtocol"] == "http")
    };
    for port in deployment["spec"]["containers"][0]["ports"].as_array().unwrap() {
        assert!(declared(&port["containerPort"]), "{port}");
    }

    // Nothing comes from an environment: Istio's control plane sets no vm_id, without which
    // Envoy may hand a filter another one's. And no Secret is here for `apply` to overwrite.
    assert_eq!(plugin["vmConfig"], Value::Null);
    let kinds: Vec<_> =
        manifests.as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["WasmPlugin", "Deployment", "Service"]);

    // As Istio hands it to Envoy: the plugin configuration as a string of JSON.
    let frame = read("envoy/compose.yaml");
    let (before, rest) = frame.split_once("configuration:\n").unwrap();
    let (_, after) = rest.split_once("vm_config:").unwrap();
    let as_istio_does = |configuration: &Value| {
        let json = json!({
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration.to_string(),
        });
        format!("{before}configuration: {json}\n                        vm_config:{after}")
    };
    let mut configuration = plugin["pluginConfig"].clone();
    let (started, log) = validate(&as_istio_does(&configuration), &[]);
    assert!(!started && log.contains("configuration refused: public_key:"), "{log}");
    configuration["public_key"] = Keys::make("istio").public.into();
    let (started, log) = validate(&as_istio_does(&configuration), &[]);
    assert!(started, "{log}");

    // With what stands there in comments, and without what that is instead of.
    let file = scratch("istio-trust").join("istio.yaml");
    fs::write(&file, uncommented(&read("envoy/istio.yaml"))).unwrap();
    let output = node.run(&["tests/deployment/manifests.mjs", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text_of(&output));
    let manifests: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut configuration = manifests[0]["spec"]["pluginConfig"].clone();
    configuration.as_object_mut().unwrap().remove("public_key").unwrap();
    let (started, log) = validate(&as_istio_does(&configuration), &[]);
    assert!(!started && log.contains("configuration refused: trust.public_keys[0]:"), "{log}");
    configuration["trust"]["public_keys"] = json!([TRUST_KEY]);
    let (started, log) = validate(&as_istio_does(&configuration), &[]);
    assert!(started, "{log}");
}

#[test]
fn the_plugin_image_is_one_layer_with_one_file() {
    let recipe = read("envoy/Dockerfile");
    let instructions: Vec<_> =
        recipe.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    assert_eq!(instructions, ["FROM scratch", "COPY dist/namespace-jwt.wasm /plugin.wasm"]);
}
