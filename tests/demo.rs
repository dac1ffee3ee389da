//! `make demo` and `make run`, but for what they build: envoy/demo.py on ports of its own.

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
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use testkit::processes::*;

/// A clone's top, with what the demo needs, and other ports.
struct Clone {
    top: PathBuf,
    ports: [u16; 3],
}

impl Clone {
    fn new(test: &str, changes: &[(&str, &str)]) -> Self {
        let top = scratch(&format!("demo-{test}"));
        for folder in ["target/release", "dist", "envoy"] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        link(&issuer(), &top.join("target/release/issuer"));
        link(&envoy(), &top.join("target/envoy"));
        link(&filter(), &top.join("dist/namespace-jwt.wasm"));
        for file in ["function.py", "processes.py", "token_api.py"] {
            fs::copy(root("envoy").join(file), top.join("envoy").join(file)).unwrap();
        }
        let ports: [u16; 3] = free_ports();
        let texts = ports.map(|port| port.to_string());
        let ports_here =
            ["10000", "10001", "10002"].into_iter().zip(texts.iter().map(String::as_str));
        let ports_here: Vec<_> = ports_here.collect();
        let demo = replace_all(read("envoy/demo.py"), &[&ports_here, changes].concat());
        fs::write(top.join("envoy/demo.py"), demo).unwrap();
        let demo = replace_all(read("envoy/demo.yaml"), &ports_here);
        fs::write(top.join("envoy/demo.yaml"), demo).unwrap();
        Self { top, ports }
    }

    fn demo(&self) -> Output {
        let mut command = Command::new("python3");
        command.args(["envoy/demo.py", "demo"]).current_dir(&self.top);
        // What a caller has set for the platform is of no account here.
        command.env("SCW_PUBLIC", "true").env("ISSUER_LISTEN", "0.0.0.0:1");
        command.output().unwrap()
    }

    /// Nothing is left of it, and nothing listens any more.
    fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.top.join("target")).unwrap().flatten().collect();
        let mut left: Vec<_> = left.iter().map(|it| it.file_name()).collect();
        left.sort();
        assert_eq!(left, ["envoy", "release"]);
        for port in self.ports {
            std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }
}

#[test]
fn the_demo_shows_each_answer_and_leaves_nothing_behind() {
    let clone = Clone::new("demo", &[]);
    let output = clone.demo();
    let shown = text_of(&output);
    assert!(output.status.success(), "{shown}");
    let statuses: Vec<_> = shown
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("HTTP/1.1 ")?.get(..3))
        .collect();
    assert_eq!(statuses, ["403", "200", "403", "200", "403", "404"], "{shown}");
    for part in ["not_granted", "\"deleting\"", "has been revoked", "Token was not found"] {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    let (_, took) = shown.split_once("✓ refused ").expect("the time that it took");
    let (seconds, _) = took.split_once(" s after it was deleted, by every worker; ").unwrap();
    assert!(seconds.parse::<f64>().unwrap() > 0.0, "{seconds}");
    assert!(!shown.contains("eyJ"), "a token is shown:\n{shown}");
    clone.assert_clean();
}

/// Else it would say nothing that it exits with 0.
#[test]
fn the_demo_fails_where_an_answer_is_another_one() {
    // The request with a good token gets the other one's answer.
    let from = r#"token, other_token = gateway.token["token"], gateway.other_token["token"]"#;
    let to = r#"other_token, token = gateway.token["token"], gateway.other_token["token"]"#;
    let clone = Clone::new("another-answer", &[(from, to)]);
    let output = clone.demo();
    let shown = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("✗ expected status 200"), "{shown}");
    assert!(shown.contains("error: an answer wasn't the expected one\n"), "{shown}");
    clone.assert_clean();
}

#[test]
fn the_demo_fails_where_a_token_is_not_refused() {
    // It deletes another one than it sends.
    let deleted = ("token_id = gateway.token[\"id\"]", "token_id = gateway.other_token[\"id\"]");
    let clone = Clone::new("not-refused", &[deleted, ("PATIENCE = 30", "PATIENCE = 10")]);
    let output = clone.demo();
    let shown = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    let expected =
        "✗ expected Envoy to refuse it within 10 seconds, a body that says that it was revoked\n";
    assert!(shown.contains(expected), "{shown}");
    clone.assert_clean();
}

#[test]
fn the_lines_that_it_prints_can_be_pasted_until_it_is_interrupted() {
    let clone = Clone::new("run", &[]);
    let script = format!("cd '{}'; exec python3 envoy/demo.py run", clone.top.display());
    let mut demo = Service::start("demo", &clone.top, &mut shell(&script));
    let end = Instant::now() + Duration::from_secs(60);
    while !demo.log().contains("Ctrl-C stops everything") {
        assert!(Instant::now() < end, "{}", demo.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let shown = demo.log();
    let (_, to_paste) = shown.split_once("To repeat it").unwrap();
    let lines: Vec<_> = to_paste.lines().filter_map(|line| line.strip_prefix("   ")).collect();
    assert_eq!(lines.len(), 11, "{shown}");

    let key = init_file_value(&clone.top, "SCW_SECRET_KEY");
    assert!(!shown.contains(&key), "the owner's key is shown");
    let script = lines.join("\n");
    let output = Command::new("sh").args(["-eu", "-c", &script]).current_dir(&clone.top).output();
    let output = output.unwrap();
    let pasted = text_of(&output);
    assert!(output.status.success(), "{script}\n{pasted}");
    let statuses: Vec<_> =
        pasted.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect();
    assert_eq!(statuses, ["403", "200", "403", "200", "200", "200", "200", "403"], "{pasted}");
    // Those that were made for the function, and the two that were made just now.
    assert_eq!(pasted.matches("\"token\":\"eyJ").count(), 2, "{pasted}");
    assert_eq!(pasted.matches("\"token\":\"<hidden>\"").count(), 3, "{pasted}");
    assert!(pasted.contains("\"total_count\":3"), "{pasted}");
    assert!(pasted.contains("admitted (allowed)"), "{pasted}");

    // What the demo itself sent isn't shown: it would push these lines off a screen.
    let end = Instant::now() + Duration::from_secs(20);
    while !demo.log().contains("\"revoked\"") {
        assert!(Instant::now() < end, "{}", demo.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(demo.log().matches("\"decision\":").count(), 4, "{}", demo.log());

    demo.signal("-INT");
    assert!(demo.wait().success(), "{}", demo.log());
    clone.assert_clean();
}

/// Of the one folder that the demo has.
fn init_file_value(top: &Path, name: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let folders = fs::read_dir(top.join("target")).unwrap().flatten();
    let folder = folders.map(|it| it.path()).find(|it| it.join("issuer.env").exists()).unwrap();
    for file in ["issuer.env", "issuer.key", "issuer.db", "token", "other-token", "gateway.env"] {
        let mode = fs::metadata(folder.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let text = fs::read_to_string(folder.join("issuer.env")).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap().to_owned()
}
