//! The files of `envoy/`, as a user copies them.
//!
//! Envoy's validation loads the filter and hands it its configuration, so what passes here
//! starts. Docker Compose can't be started without Docker; what it runs in its containers is run
//! here instead, on free ports. tests/container.rs does so for the container that protects itself.

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
use std::process::Command;

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
            "compose.yaml" => &[("SCW_PUBLIC_KEY", &keys.public)],
            "demo.yaml" => &[
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
            "demo.yaml" | "routes.yaml" => "trust.public_keys",
            _ => "public_key",
        };
        let refused = format!("configuration refused: {member}:");
        assert!(log.contains(&refused), "envoy/{file}:\n{log}");
    }
}

/// tests/shipped_files/following.rs runs them.
#[test]
fn what_follows_an_issuer_in_comments_needs_no_key_but_the_issuers() {
    for file in ["compose.yaml", "container.yaml"] {
        let text = uncommented(&read(&format!("envoy/{file}")));
        let ids = [("SCW_NAMESPACE_ID", NAMESPACE), ("SCW_APPLICATION_ID", APPLICATION)];
        let (started, log) = validate(&text, &[&ids[..], &[("SCW_PUBLIC_KEY", "")]].concat());
        let refused = "configuration refused: trust.public_keys:";
        assert!(!started && log.contains(refused), "envoy/{file}:\n{log}");
        let environment = [&ids[..], &[("NAMESPACE_JWT_TRUST_KEY", TRUST_KEY)]].concat();
        let (started, log) = validate(&text, &environment);
        assert!(started, "envoy/{file} is refused:\n{log}");
    }
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

#[test]
fn the_compose_services_do_the_same_walk_through_as_the_demo() {
    let Some(node) = node_with_packages() else { return };
    let script = r#"
        import { readFileSync } from "node:fs";
        import { parse } from "yaml";
        console.log(JSON.stringify(parse(readFileSync(process.argv[1], "utf8"), { merge: true })));
    "#;
    let parsed = node.run(&["--input-type=module", "-e", script, "envoy/docker-compose.yaml"]);
    assert!(parsed.status.success(), "{}", text_of(&parsed));
    let compose: Value = serde_json::from_slice(&parsed.stdout).unwrap();
    // With both, `up` alone asks a registry for the image before it builds it: the name would be
    // anybody's who registers it there, and the issuer's image is given the private key.
    for (name, service) in compose["services"].as_object().unwrap() {
        assert!(service["build"].is_null() != service["image"].is_null(), "{name}");
    }
    let words = |service: &str| -> Vec<String> {
        let words = compose["services"][service]["command"].as_array().expect("a command");
        // Compose writes a dollar as two.
        words.iter().map(|w| w.as_str().unwrap().replace("$$", "$")).collect()
    };

    // The volumes are folders here, and the keys of a kind that is made in no time.
    let folder = scratch("compose");
    for volume in ["private", "public", "tokens"] {
        fs::create_dir_all(folder.join(volume)).unwrap();
    }
    let in_folder = |text: &str| {
        let mut text = text.replace("--algorithm RS256", "--algorithm ES256");
        for volume in ["/private/", "/public/", "/tokens/"] {
            text = text.replace(volume, &format!("{}{volume}", folder.display()));
        }
        text
    };
    let issuer_folder = issuer().parent().unwrap().display().to_string();
    let path = format!("{issuer_folder}:{}", std::env::var("PATH").unwrap());
    let issue = in_folder(&words("issuer")[0]);
    let issue = || run(Command::new("sh").args(["-euc", &issue]).env("PATH", &path));
    issue();
    let public_key = fs::read_to_string(folder.join("public/public.pem")).unwrap();
    issue();
    let kept = fs::read_to_string(folder.join("public/public.pem")).unwrap();
    assert_eq!(public_key, kept, "a second `up` keeps the keys");
    assert!(!folder.join("public/private.pem").exists());

    let [port, function_port] = free_ports();
    let function_words = replace_all(
        words("function").join(" "),
        &[
            ("/function.py", "envoy/function.py"),
            ("0.0.0.0", "127.0.0.1"),
            ("10001", &function_port.to_string()),
        ],
    );
    let mut function = Service::start("function", &folder, &mut shell(&function_words));

    let configuration = folder.join("compose.yaml");
    let edited = replace_all(
        read("envoy/compose.yaml"),
        &[
            ("0.0.0.0, port_value: 10000", &format!("127.0.0.1, port_value: {port}")),
            (
                "address: function, port_value: 10001",
                &format!("address: 127.0.0.1, port_value: {function_port}"),
            ),
        ],
    );
    fs::write(&configuration, edited).unwrap();
    let envoy_script = replace_all(
        in_folder(&words("envoy")[0]),
        &[
            (
                "/docker-entrypoint.sh envoy ",
                &format!("{} --disable-hot-restart ", envoy().display()),
            ),
            ("envoy/compose.yaml", &configuration.display().to_string()),
        ],
    );
    let mut envoy = Service::start("envoy", &folder, &mut shell(&envoy_script));

    let walk = words("walk-through").join("\n");
    let walk = replace_all(
        in_folder(&walk),
        &[
            ("/demo/envoy/demo.py", "envoy/demo.py"),
            ("http://envoy:10000", &format!("http://127.0.0.1:{port}")),
            ("http://function:10001", &format!("http://127.0.0.1:{function_port}")),
        ],
    );
    let walk: Vec<String> = walk.lines().map(str::to_owned).collect();
    assert_eq!(walk[0], "python3");
    let walk = python(&walk[1..]);
    let shown = text_of(&walk);
    assert!(walk.status.success(), "{shown}\n{}\n{}", envoy.log(), function.log());
    // What the reader is told to type has the reader's side of the ports and tokens.
    assert!(shown.contains("curl -i http://127.0.0.1:10000/hello\n"), "{shown}");
    assert!(shown.contains("run --rm --no-deps -T walk-through cat "), "{shown}");
    envoy.stop();
    function.stop();
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
    ] {
        let text = read(file);
        for line in lines {
            assert!(text.lines().any(|it| it == line), "{file} lacks {line}");
        }
    }
}

/// cargo would build every package otherwise, and the one for tests has no WebAssembly.
#[test]
fn the_compose_images_are_built_from_one_package_each_and_by_the_same_linker() {
    let recipe = read("envoy/compose.Dockerfile");
    let builds = recipe.split("cargo build ").skip(1).map(|rest| rest.lines().next().unwrap());
    let packages = builds.map(|options| options.split_once("-p ").unwrap_or_default().1);
    let packages: Vec<_> = packages.filter_map(|rest| rest.split(' ').next()).collect();
    assert_eq!(packages, ["namespace-jwt", "namespace-jwt-issuer"]);
    assert!(recipe.contains("WASM32_WASIP1_LINKER=tools/wasm-linker "));
}

#[test]
fn docker_compose_reads_its_file() {
    let candidates: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    let works = |words: &&&[&str]| {
        let version = Command::new(words[0]).args(&words[1..]).arg("version").output();
        version.is_ok_and(|output| output.status.success())
    };
    let Some(words) = candidates.iter().find(works) else {
        return skip("docker_compose_reads_its_file", "no docker compose here");
    };
    run(Command::new(words[0])
        .args(&words[1..])
        .args(["--file", "envoy/docker-compose.yaml", "config", "--quiet"])
        .current_dir(root("")));
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
