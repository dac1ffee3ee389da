//! The container that protects itself: container.sh and container.yaml as they are, each time
//! in a network and with processes of its own, as in a container.

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
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use testkit::processes::*;

#[path = "shipped_files/uncommented.rs"]
mod uncommented;

/// The application, and where it can be reached without the filter.
const PAST_THE_FILTER: [(&str, &str); 11] = [
    ("on_every_address", "0.0.0.0:8081"),
    ("on_every_address_of_both_families", "[::]:8081"),
    ("on_the_containers_port_over_ipv6", "[::]:8080"),
    ("on_the_outside_address", "192.0.2.1:9000"),
    ("on_the_containers_port_before_envoy", "0.0.0.0:8080"),
    ("on_the_containers_port_over_ipv6_later", "[::]:8080"),
    ("on_another_port_later", "0.0.0.0:9000"),
    ("in_a_child", "0.0.0.0:9000"),
    ("over_multipath_tcp", "0.0.0.0:9000"),
    ("by_a_thread_with_files_of_its_own", "0.0.0.0:9000"),
    ("after_the_main_thread_has_ended", "0.0.0.0:9000"),
];

#[test]
fn an_application_that_can_be_reached_past_the_filter_ends_its_container() {
    let keys = Keys::make("past-the-filter");
    std::thread::scope(|scope| {
        for (application, address) in PAST_THE_FILTER {
            let keys = &keys;
            scope.spawn(move || {
                let script = format!("exec {CONTAINER} {APPLICATION} {application}");
                let mut container = start(application, keys, &script);
                let status = container.wait();
                let log = container.log();
                assert_eq!(status.code(), Some(1), "{log}");
                let found = format!("found {address} in use by process ");
                assert_eq!(log.matches("container.sh: ").count(), 1, "{log}");
                assert!(log.contains(&found) && log.contains("on 127.0.0.1:8081\n"), "{log}");
            });
        }
    });
}

/// It runs as another user, say: what listens may be its.
#[test]
fn where_the_holder_may_be_a_process_that_cannot_be_looked_into_the_container_ends() {
    let keys = Keys::make("hidden");
    let without = "setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace";
    let script =
        format!("exec {without} {CONTAINER} {APPLICATION} in_a_process_that_cannot_be_looked_into");
    let mut container = start("hidden", &keys, &script);
    let status = container.wait();
    let log = container.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("found 0.0.0.0:9000 in use by a process whose files can't"), "{log}");
}

/// Loopback in each of its spellings, connections and datagrams of its own, a sidecar's listener.
#[test]
fn a_container_whose_application_is_on_loopback_stays() {
    let keys = Keys::make("stays");
    let script = format!(
        "{APPLICATION} sidecar &
        sleep 0.5
        unshare --pid --fork --kill-child --mount-proc {CONTAINER} {APPLICATION} on_loopback_alone &
        {CLIENT} /
        sleep 3
        {CLIENT} /later
        ! kill -0 $! || echo it stays"
    );
    let mut container = start("stays", &keys, &script);
    container.wait();
    let log = container.log();
    for line in ["/ 403\n", "/later 403\n", "it stays\n"] {
        assert!(log.contains(line), "{line}{log}");
    }
    assert!(!log.contains("container.sh: "), "{log}");
}

#[test]
fn nobody_can_share_envoys_port() {
    let keys = Keys::make("shared-port");
    let script = format!(
        "{CONTAINER} {APPLICATION} shares_envoys_port &
        {CLIENT} /
        sleep 2
        {CLIENT} /later"
    );
    let mut container = start("shared-port", &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("no share of Envoy's port: Address already in use\n"), "{log}");
    assert!(log.contains("/later 403\n"), "{log}");
}

#[test]
fn a_container_protects_its_application_and_ends_with_it() {
    protects_its_application("container", image());
}

/// Its cluster has an address too, which isn't the application's. There is no name server here:
/// until the feed is there, the configured key counts.
#[test]
fn a_container_that_follows_an_issuer_protects_its_application() {
    let configuration = uncommented::uncommented(&read("envoy/container.yaml"));
    let log = protects_its_application("follows", &image_with("follows", &configuration));
    assert!(log.contains(" by cluster issuer, "), "{log}");
}

fn protects_its_application(name: &str, image: &Path) -> String {
    let keys = Keys::make(name);
    let root = root("").display().to_string();
    let script = format!(
        "{CONTAINER} sh -c 'echo $$ > application.pid; exec python3 {root}/envoy/function.py --port \"$PORT\"' &
        container=$!
        {CLIENT} /healthz
        python3 {root}/envoy/demo.py walk --url=http://127.0.0.1:8080/hello \
            --function-url=http://127.0.0.1:8081 --token-file={} --other-token-file={} && echo walked
        kill $(cat application.pid)
        wait $container
        echo container: $?",
        keys.token("token", APPLICATION_ID),
        keys.token("other-token", OTHER_APPLICATION_ID),
    );
    let mut container = start_in(image, name, &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("walked\n"), "{log}");
    // A container without its application is of no use: it ends, and the platform replaces it.
    assert!(
        log.contains("container.sh: the application ended with status 143 (SIGTERM)\n"),
        "{log}"
    );
    assert!(log.contains("container: 143\n"), "{log}");
    log
}

/// A platform's probe has no token.
#[test]
fn the_health_route_is_envoys_own_and_nothing_else_is_open() {
    let keys = Keys::make("health");
    let others = [
        "/healthz?a=b",
        "/healthz/",
        "/healthz/x",
        "/Healthz",
        "/x/../healthz",
        "//healthz",
        "/%68ealthz",
        "/healthz;x",
        "/healthz%00",
        "http://127.0.0.1/healthz?x",
    ];
    let root = root("").display().to_string();
    let script = format!(
        "{CONTAINER} python3 {root}/envoy/function.py --port 8081 &
        {CLIENT} /healthz '{}'
        # Envoy writes its access log every 10 seconds, and at its end.
        kill $!
        wait $!",
        others.join("' '")
    );
    let mut container = start("health", &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("/healthz 200\n"), "{log}");
    for path in others {
        assert!(log.contains(&format!("{path} 403\n")), "{path}: {log}");
    }
    // The probe isn't worth a line each time; what was refused is.
    assert!(!log.contains(r#""path":"/healthz","status":200"#), "{log}");
    assert!(log.contains(r#""path":"/healthz/","status":403"#), "{log}");
}

#[test]
fn a_container_says_that_envoy_ended_and_how() {
    let keys = Keys::make("envoy-ends");
    let script = format!(
        "{CONTAINER} {APPLICATION} good &
        container=$!
        {CLIENT} /
        kill -KILL $(cat envoy.pid)
        wait $container
        echo container: $?"
    );
    let mut container = start("envoy-ends", &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("container.sh: Envoy ended with status 137 (SIGKILL)\n"), "{log}");
    assert!(log.contains("container: 137\n"), "{log}");
}

#[test]
fn a_container_that_is_told_to_stop_does_so_without_a_word() {
    let keys = Keys::make("told");
    let script = format!(
        "{CONTAINER} {APPLICATION} good &
        container=$!
        {CLIENT} /
        kill $container
        wait $container
        echo container: $?"
    );
    let mut container = start("told", &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("container: 143\n"), "{log}");
    assert!(!log.contains("container.sh: "), "{log}");
}

#[test]
fn a_container_says_what_it_waits_for() {
    let keys = Keys::make("waits");
    let script = format!(
        "{CONTAINER} {APPLICATION} on_another_loopback_port &
        sleep 8
        ! kill -0 $! || echo still waiting"
    );
    let mut container = start("waits", &keys, &script);
    container.wait();
    let log = container.log();
    assert!(log.contains("still waiting\n"), "{log}");
    assert_eq!(log.matches("not listened on 127.0.0.1:8081 (its PORT) for ").count(), 1, "{log}");
}

#[test]
fn without_proc_a_container_does_not_start() {
    let keys = Keys::make("no-proc");
    let script = format!("mount -t tmpfs none /proc; exec {CONTAINER} {APPLICATION} good");
    let mut container = start("no-proc", &keys, &script);
    let status = container.wait();
    assert_eq!(status.code(), Some(1), "{}", container.log());
    assert!(container.log().contains("expected /proc/net/tcp"), "{}", container.log());
}

#[test]
fn an_application_that_cannot_start_ends_its_container() {
    let keys = Keys::make("cannot-start");
    let mut container = start("cannot-start", &keys, &format!("exec {CONTAINER} sh -c 'exit 7'"));
    let status = container.wait();
    let log = container.log();
    assert_eq!(status.code(), Some(7), "{log}");
    assert!(log.contains("the application ended with status 7 before it listened"), "{log}");
}

/// Nobody would listen there but an application that has that port in its code.
#[test]
fn a_container_whose_platform_sends_requests_elsewhere_does_not_start() {
    let keys = Keys::make("elsewhere");
    let script = format!("PORT=3000 exec {CONTAINER} {APPLICATION} good");
    let mut container = start("elsewhere", &keys, &script);
    let status = container.wait();
    assert_eq!(status.code(), Some(1), "{}", container.log());
    assert!(container.log().contains("PORT=3000"), "{}", container.log());
}

// --- A container without a container engine ----------------------------------------------

const APPLICATION_ID: &str = "11111111-1111-4111-8111-111111111111";
/// Of nobody here.
const TRUST_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=
-----END PUBLIC KEY-----
";
const OTHER_APPLICATION_ID: &str = "22222222-2222-4222-8222-222222222222";

/// In the scripts below, variables of their shell.
const CONTAINER: &str = "bash \"$IMAGE/envoy/container.sh\"";
const APPLICATION: &str = "python3 \"$TESTS/application.py\"";
const CLIENT: &str = "python3 \"$TESTS/client.py\"";

/// Runs a script of `sh` where a container's processes would be, with the keys' folder as the
/// application's.
fn start(name: &str, keys: &Keys, script: &str) -> Service {
    start_in(image(), name, keys, script)
}

fn start_in(image: &Path, name: &str, keys: &Keys, script: &str) -> Service {
    let path = format!("{}:{}", image.join("bin").display(), std::env::var("PATH").unwrap());
    let tests = root("tests/container");
    let script = format!("cd \"$FOLDER\"\n{script}");
    let mut command = Command::new("unshare");
    command
        .args(namespaces())
        .arg("python3")
        .arg(tests.join("network.py"))
        .args(["sh", "-c", &script])
        .env("PATH", path)
        .env("IMAGE", image)
        .env("TESTS", &tests)
        .env("FOLDER", &keys.folder)
        .env("SCW_PUBLIC", "false")
        .env("SCW_PUBLIC_KEY", &keys.public)
        .env("SCW_NAMESPACE_ID", "6a1f6f4e-6a52-4b0e-8f0e-6d2a9c1b7e10")
        .env("SCW_APPLICATION_ID", APPLICATION_ID)
        .env("NAMESPACE_JWT_TRUST_KEY", TRUST_KEY)
        .env_remove("PORT");
    Service::start(name, &keys.folder, &mut command)
}

/// The part of the image that container.Dockerfile adds to the application's.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| image_with("as-it-is", &read("envoy/container.yaml")))
}

/// The same with this container.yaml.
fn image_with(name: &str, configuration: &str) -> PathBuf {
    let image = scratch(&format!("image-{name}"));
    for folder in ["bin", "dist", "envoy"] {
        fs::create_dir(image.join(folder)).unwrap();
    }
    link(&filter(), &image.join("dist/namespace-jwt.wasm"));
    link(&root("envoy/container.sh"), &image.join("envoy/container.sh"));
    fs::write(image.join("envoy/container.yaml"), configuration).unwrap();
    // Envoy, which leaves its process id where a test finds it.
    let program = image.join("bin/envoy");
    let script =
        format!("#!/bin/sh\necho $$ > \"$FOLDER/envoy.pid\"\nexec {} \"$@\"\n", envoy().display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    image
}

/// What `unshare` has to be told here. Where it can't do it, these tests fail rather than pass
/// without having looked.
fn namespaces() -> &'static [&'static str] {
    const AS_ROOT: &[&str] = &["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const AS_USER: &[&str] =
        &["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    static NAMESPACES: OnceLock<&[&str]> = OnceLock::new();
    NAMESPACES.get_or_init(|| {
        let mut refusals = String::new();
        for arguments in [AS_ROOT, AS_USER] {
            let output = Command::new("unshare").args(arguments).arg("true").output();
            match output {
                Ok(output) if output.status.success() => return arguments,
                Ok(output) => refusals += &text_of(&output),
                Err(error) => refusals += &error.to_string(),
            }
        }
        panic!(
            "container.sh is tested in network namespaces, and `unshare {}` makes none here: \
             {refusals}; allow unprivileged user namespaces, or run this test as root",
            AS_USER.join(" ")
        )
    })
}
