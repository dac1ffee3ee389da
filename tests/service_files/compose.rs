//! envoy/docker-compose.yaml, its containers as processes, and the issuer's confined as in one.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

use serde_json::{Value, json};
use testkit::envoy::wait_for;
use testkit::http::{Request, send, text};
use testkit::processes::*;

use crate::confined::Container;
use crate::recipe::instructions;
use crate::{commands_after, wait_until_ready};

const FILE: &str = "envoy/docker-compose.yaml";

/// The file as Docker Compose reads it, or none where there is no Node.
fn services() -> Option<Value> {
    let script = r#"
        import { readFileSync } from "node:fs";
        import { parse } from "yaml";
        console.log(JSON.stringify(parse(readFileSync(process.argv[1], "utf8"), { merge: true })));
    "#;
    let parsed = node_with_packages()?.run(&["--input-type=module", "-e", script, FILE]);
    assert!(parsed.status.success(), "{}", text_of(&parsed));
    let mut compose: Value = serde_json::from_slice(&parsed.stdout).unwrap();
    Some(compose["services"].take())
}

#[test]
fn the_services_show_the_demos_walk_through_and_end_a_token_as_the_head_says() {
    let Some(services) = services() else { return };
    let words = |service: &str| -> Vec<String> {
        let words = services[service]["command"].as_array().expect("a command");
        // Compose writes a dollar as two.
        words.iter().map(|w| w.as_str().unwrap().replace("$$", "$")).collect()
    };

    // The volumes are folders here.
    let folder = scratch("compose");
    let mut container = Container::new("compose");
    let [port, function_port, issuer_port] = free_ports();
    for (name, value) in services["issuer"]["environment"].as_object().unwrap() {
        container.set(name, value.as_str().unwrap());
    }
    container.set("ISSUER_LISTEN", &format!("127.0.0.1:{issuer_port}"));
    let mut command = container.command(&["serve"]);
    let mut issuer = Service::start("issuer", &folder, &mut command);
    wait_until_ready(issuer_port, || issuer.log());
    for volume in ["gateway", "tokens"] {
        fs::create_dir(folder.join(volume)).unwrap();
    }
    let owner = container.file("/owner").display().to_string();
    let in_folder = |text: &str| {
        let mut text = text.replace("/owner", &owner);
        for volume in ["/gateway/", "/tokens"] {
            text = text.replace(volume, &format!("{}{volume}", folder.display()));
        }
        text
    };

    let setup = replace_all(
        in_folder(&words("setup").join("\n")),
        &[
            ("/demo/compose.py", "envoy/compose.py"),
            ("http://issuer:8080", &format!("http://127.0.0.1:{issuer_port}")),
        ],
    );
    let setup = || {
        let words: Vec<_> = setup.lines().map(str::to_owned).collect();
        assert_eq!(words[0], "python3");
        let output = python(&words[1..]);
        assert!(output.status.success(), "{}\n{}", text_of(&output), issuer.log());
        text_of(&output)
    };
    let gateway = || fs::read_to_string(folder.join("gateway/gateway.env")).unwrap();
    setup();
    let made = gateway();
    let shown = setup();
    assert_eq!(made, gateway(), "a second `up` keeps what is there");
    let of_token = shown.lines().find_map(|it| it.strip_prefix("private function hello: "));
    let (_, token_id) = of_token.unwrap().split_once(", its token: ").unwrap();

    let function = replace_all(
        words("function").join(" "),
        &[
            ("/function.py", "envoy/function.py"),
            ("0.0.0.0", "127.0.0.1"),
            ("10001", &function_port.to_string()),
        ],
    );
    let mut function = Service::start("function", &folder, &mut shell(&function));

    let configuration = folder.join("compose.yaml");
    let here = |port: u16| format!("address: 127.0.0.1, port_value: {port}");
    let edited = replace_all(
        read("envoy/compose.yaml"),
        &[
            ("address: 0.0.0.0, port_value: 10000", &here(port)),
            ("address: function, port_value: 10001", &here(function_port)),
            ("address: issuer, port_value: 8080", &here(issuer_port)),
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
    filter();
    let mut envoy = Service::start("envoy", &folder, &mut shell(&envoy_script));

    let walk = replace_all(
        in_folder(&words("walk-through").join("\n")),
        &[
            ("/demo/envoy/demo.py", "envoy/demo.py"),
            ("http://envoy:10000", &format!("http://127.0.0.1:{port}")),
            ("http://function:10001", &format!("http://127.0.0.1:{function_port}")),
        ],
    );
    let walk: Vec<String> = walk.lines().map(str::to_owned).collect();
    let walk = python(&walk[1..]);
    let shown = text_of(&walk);
    assert!(walk.status.success(), "{shown}\n{}\n{}", envoy.log(), function.log());
    // What the reader is told to type has the reader's side of the ports and tokens.
    assert!(shown.contains("curl -i http://127.0.0.1:10000/hello\n"), "{shown}");
    assert!(shown.contains("run --rm --no-deps -T walk-through cat "), "{shown}");

    let token = fs::read_to_string(folder.join("tokens/token")).unwrap();
    let request = Request::with_token(&token);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(send(address, &request).status, 200);
    let begin = format!("docker compose --file {FILE} exec issuer issuer ");
    let commands = commands_after(&read(FILE), &begin);
    assert_eq!(commands.len(), 3);
    for line in commands {
        let line = line.replace("ID", token_id);
        container.run(&line.split(' ').collect::<Vec<_>>());
    }
    wait_for(&format!("a refusal\n{}", envoy.log()), || {
        let answer = send(address, &request);
        (answer.status == 403 && text(&answer.body).contains("revoked")).then_some(())
    });
    assert!(container.file("/owner/issuer.env").exists());
    assert!(!container.file("/data/issuer.env").exists());
    envoy.stop();
    function.stop();
    issuer.signal("-TERM");
    assert_eq!(issuer.wait().code(), Some(0), "{}", issuer.log());
}

#[test]
fn no_service_has_rights_that_it_does_not_need() {
    let Some(services) = services() else { return };
    for (name, service) in services.as_object().unwrap() {
        // With both, `up` alone asks a registry for the image before it builds it: the name would be
        // anybody's who registers it there, and the issuer's image has the private keys.
        assert!(service["build"].is_null() != service["image"].is_null(), "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(service["read_only"], json!(true), "{name}");
        assert!(service["privileged"].is_null() && service["tmpfs"].is_null(), "{name}");
        let added = match name.as_str() {
            "issuer" | "envoy" => Value::Null,
            _ => json!(["DAC_READ_SEARCH"]),
        };
        assert_eq!(service["cap_add"], added, "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
        }
    }
    // Who has what signs, and what opens the API.
    let mounts = |volume: &str| -> Vec<&str> {
        let has = |service: &Value| {
            let volumes = service["volumes"].as_array().cloned().unwrap_or_default();
            volumes.iter().any(|it| it.as_str().unwrap().starts_with(&format!("{volume}:")))
        };
        let all = services.as_object().unwrap().iter();
        all.filter(|(_, service)| has(service)).map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(mounts("database"), ["issuer"]);
    assert_eq!(mounts("owner"), ["issuer", "setup"]);
    assert_eq!(mounts("gateway"), ["envoy", "setup"]);
    assert_eq!(mounts("tokens"), ["setup", "walk-through"]);
    let grace = services["issuer"]["stop_grace_period"].as_str().unwrap();
    // Docker itself ends a container after 10 seconds, which is what the service may take.
    assert!(grace.strip_suffix('s').unwrap().parse::<u32>().unwrap() > 10, "{grace}");
}

/// cargo would build every package otherwise, and the one for tests has no WebAssembly.
#[test]
fn the_images_are_built_from_one_package_each_and_what_is_fetched_is_fetched_by_one() {
    let builds = [
        (
            "envoy/compose.Dockerfile",
            "-p namespace-jwt ",
            "WASM32_WASIP1_LINKER=tools/wasm-linker ",
        ),
        ("envoy/issuer.Dockerfile", "-p namespace-jwt-issuer ", ""),
    ];
    let mut caches = Vec::new();
    for (file, package, other) in builds {
        let runs = instructions(file).into_iter().filter(|(_, rest)| rest.contains("cargo build "));
        let runs: Vec<_> = runs.collect();
        let [(_, build)] = &runs[..] else { panic!("{file}: {runs:?}") };
        assert!(build.contains(package) && build.contains(other), "{file}: {build}");
        assert_eq!(build.matches(" -p ").count(), 1, "{file}");
        let mounts = build.split(' ').filter_map(|word| word.strip_prefix("--mount="));
        let [registry, target] = mounts.collect::<Vec<_>>()[..] else { panic!("{file}: {build}") };
        // Nothing else keeps two from unpacking one source at once.
        assert_eq!(
            registry, "type=cache,target=/usr/local/cargo/registry,sharing=locked",
            "{file}"
        );
        assert!(!caches.contains(&target.to_owned()), "{file}");
        caches.push(target.to_owned());
    }
    let both =
        ["compose", "issuer"].map(|name| read(&format!("envoy/{name}.Dockerfile.dockerignore")));
    assert_eq!(both[0], both[1]);
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
        .args(["--file", FILE, "config", "--quiet"])
        .current_dir(root("")));
}
