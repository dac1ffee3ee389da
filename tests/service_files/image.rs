//! envoy/issuer.Dockerfile: what its last stage has is enough.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use testkit::api::good;
use testkit::processes::*;

use crate::confined::{Container, VOLUMES, is_root};
use crate::recipe::{Image, argument, instructions};
use crate::{client, commands_after, make_a_token, wait_until_ready};

const RECIPE: &str = "envoy/issuer.Dockerfile";

#[test]
fn the_service_runs_with_what_its_image_has_as_a_user_without_rights() {
    let mut container = Container::new("serves");
    assert_eq!(container.image.command, ["serve"]);
    let [port] = free_ports();
    container.set("ISSUER_LISTEN", &format!("127.0.0.1:{port}"));
    let start = || Service::start("issuer", &container.folder, &mut container.command(&["serve"]));
    let mut service = start();
    wait_until_ready(port, || service.log());
    assert_confined(&container, &service);

    let made = container.run(&["namespace", "create", "shop", "--algorithm", "ES256", "--json"]);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let client = client(port, &fs::read_to_string(container.file("/data/issuer.env")).unwrap());
    make_a_token(&client, made["id"].as_str().unwrap());

    // As its head shows them.
    let mut followed = 0;
    for line in commands_after(&read(RECIPE), "docker exec issuer issuer ") {
        let command = line.split(" && ").next().unwrap();
        container.run(&command.split(' ').collect::<Vec<_>>());
        followed += 1;
    }
    assert_eq!(followed, 2);
    assert!(container.file("/data/copy.db").exists());

    // Nothing but a volume can be written.
    let refused = finished(&mut container.command(&["keygen", "--out", "/keys"]));
    let said = text_of(&refused);
    assert!(!refused.status.success() && said.contains("Read-only file system"), "{said}");

    for name in ["issuer.db", "issuer.key", "issuer.env", "copy.db"] {
        let metadata = fs::metadata(container.file("/data").join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        if is_root() {
            assert_eq!(Some(metadata.uid()), container.image.user, "{name}");
        }
    }

    service.signal("-TERM");
    assert_eq!(service.wait().code(), Some(0), "{}", service.log());
    let mut service = start();
    wait_until_ready(port, || service.log());
    let kept = good(client.get(&client.functions("/namespaces?name=shop")));
    assert_eq!(kept["namespaces"][0]["id"], made["id"]);
    service.signal("-TERM");
    assert_eq!(service.wait().code(), Some(0), "{}", service.log());
}

/// As the kernel sees the process.
fn assert_confined(container: &Container, service: &Service) {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
    };
    assert_eq!(field("Name"), "issuer");
    assert_eq!(field("NoNewPrivs"), "1");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set).trim_start_matches('0'), "", "{set}");
    }
    if is_root() {
        let user = container.image.user.unwrap().to_string();
        for ids in ["Uid", "Gid"] {
            assert_eq!(
                field(ids).split_whitespace().collect::<Vec<_>>(),
                [user.as_str(); 4],
                "{ids}"
            );
        }
        assert_eq!(field("Groups"), "");
    }
}

/// A user that isn't root, and no name that a file would have to explain.
#[test]
fn the_image_has_one_program_and_what_it_writes_is_a_volume() {
    let image = Image::read(RECIPE);
    assert_eq!(image.base, "scratch");
    assert!(image.user.unwrap() > 0);
    let program = &image.copied[0];
    assert_eq!((program.from.to_str(), program.owner), (Some("/built/issuer"), None));
    // Root's, so that the service can't change it.
    assert_eq!(image.entrypoint, [program.to.to_str().unwrap()]);
    let [_, folders] = &image.copied[..] else { panic!("{:?}", image.copied) };
    assert_eq!((folders.from.to_str(), folders.to.to_str()), (Some("/volumes/"), Some("/")));
    assert_eq!(folders.owner, image.user);
    let data = Path::new(VOLUMES[0]);
    assert_eq!((image.folder.as_path(), &image.volumes), (data, &vec![data.to_owned()]));
    let variables: Vec<_> = image.environment.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(variables, ["PATH", "ISSUER_DATABASE", "ISSUER_LISTEN"]);
    let path = &image.environment[0].1;
    assert_eq!(program.to.parent().unwrap().to_str(), Some(path.as_str()));
    let database = format!("sqlite:{}/issuer.db", data.display());
    assert_eq!(image.environment[1].1, database);
}

/// As a release is built, by the Rust that releases are built with.
#[test]
fn the_images_program_is_the_one_of_a_release() {
    let rust = argument("envoy/compose.Dockerfile", "RUST_IMAGE");
    assert_eq!(argument(RECIPE, "RUST_IMAGE"), rust);
    let runs: Vec<_> = instructions(RECIPE).into_iter().filter(|(name, _)| name == "RUN").collect();
    let [(_, tools), (_, build), (_, folders)] = &runs[..] else { panic!("{runs:?}") };
    assert!(tools.contains(" musl-tools ") && tools.contains("-unknown-linux-musl"), "{tools}");
    for part in
        ["--locked --release", "-unknown-linux-musl", "=musl-gcc", "-p namespace-jwt-issuer"]
    {
        assert!(build.contains(part), "{part}: {build}");
    }
    let made = VOLUMES.map(|it| format!("/volumes{it}")).join(" ");
    assert_eq!(*folders, format!("mkdir /volumes && mkdir -m 700 {made}"));
}
