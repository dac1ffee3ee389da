//! A reader's folder: what the repository has at its top, and what the commands of a page make.

use std::fs;
use std::path::PathBuf;
use std::process::{Command as Process, Output};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::markdown::Command;
use testkit::processes::*;

/// How long a promise may take to come true, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Programs that no test starts, and why.
pub const NOT_RUN: [(&str, &str); 5] = [
    ("cargo", "it runs these tests"),
    ("make", "it builds what is tested here; tests/demo.rs follows what it starts"),
    ("docker", "tests/service_files/ runs what the images run; an image needs a daemon"),
    ("kubectl", "there is no cluster; the manifests are held against their schemas"),
    ("istioctl", "there is no cluster"),
];

pub struct Folder {
    pub path: PathBuf,
    /// `umask` and the like, which hold for the commands after them.
    shell: Mutex<String>,
    /// The ports of the page, and the free ones here.
    pub ports: Vec<(&'static str, String)>,
}

impl Folder {
    pub fn new(name: &str, ports: &[&'static str]) -> Self {
        let path = scratch(&format!("docs-{name}"));
        for folder in ["target/release", "dist"] {
            fs::create_dir_all(path.join(folder)).unwrap();
        }
        link(&issuer(), &path.join("target/release/issuer"));
        link(&envoy(), &path.join("target/envoy"));
        link(&filter(), &path.join("dist/namespace-jwt.wasm"));
        link(&root("envoy"), &path.join("envoy"));
        let free = free_ports::<4>().map(|port| port.to_string());
        let ports = ports.iter().copied().zip(free).collect();
        Self { path, shell: Mutex::default(), ports }
    }

    /// With this test's ports, and with keys where the page names their files.
    pub fn localized(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.ports {
            text = text.replace(from, to);
        }
        while let Some(line) = text.lines().find(|line| line.trim_start().starts_with("(")) {
            let file = line.trim().trim_matches(['(', ')']);
            let pem = fs::read_to_string(self.path.join(file)).expect("a key that is made before");
            let body = pem.lines().filter(|line| !line.starts_with('-'));
            let indent = &line[..line.len() - line.trim_start().len()];
            let body: Vec<_> = body.map(|line| format!("{indent}{line}")).collect();
            text = text.replace(line, &body.join("\n"));
        }
        text
    }

    /// What each command runs after.
    pub fn before_each(&self, line: &str) {
        self.shell.lock().unwrap().push_str(&format!("{line}\n"));
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path.join(file), text).unwrap();
    }

    /// Starts a command that goes on until the test ends.
    pub fn start(&self, name: &str, line: &str) -> Service {
        let line = format!("cd {}; {}", self.path.display(), self.localized(line));
        Service::start(name, &self.path, &mut shell(&line))
    }

    pub fn shell(&self, line: &str) -> Output {
        let line = self.localized(line);
        let script = self.shell.lock().unwrap().clone();
        let mut process = Process::new("sh");
        process.args(["-euc", &(script + &line)]).current_dir(&self.path);
        process.output().unwrap()
    }

    /// Runs a command, unless none here can, and holds it to its promise. `envoy` is where the
    /// access log goes.
    pub fn run(&self, command: &Command, envoy: Option<&Service>) {
        let Command { line, status, decision } = command;
        let program = line.split_whitespace().next().unwrap();
        if NOT_RUN.iter().any(|(name, _)| *name == program) {
            return;
        }
        if program == "umask" {
            return self.before_each(line);
        }
        assert!(
            ["target/release/issuer", "curl", "openssl", "mv"].contains(&program)
                || line.contains(" target/release/issuer "),
            "what {line:?} does is unknown here"
        );
        let started = Instant::now();
        loop {
            let before = envoy.map_or(0, |envoy| decisions(envoy).len());
            let output = self.shell(line);
            // The shell's own failure is curl's before Envoy is there.
            let kept = output.status.success()
                && status.as_ref().is_none_or(|status| status_of(&output) == *status)
                && decision.as_ref().is_none_or(|decision| {
                    let envoy = envoy.expect("an Envoy for a decision");
                    decision_after(before, envoy) == *decision
                });
            if kept {
                return;
            }
            let log = || envoy.map(Service::log).unwrap_or_default();
            let patient = status.is_some() || decision.is_some();
            assert!(
                patient && started.elapsed() < PATIENCE,
                "{command:?}: {}\n{}",
                text_of(&output),
                log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Of the last answer in what `curl -i` prints.
fn status_of(output: &Output) -> String {
    let text = text_of(output);
    let line = text.lines().rfind(|line| line.starts_with("HTTP/")).unwrap_or_default();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The reason codes in the access log, `null` where the filter wasn't asked.
pub fn decisions(envoy: &Service) -> Vec<String> {
    let log = envoy.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let decisions = lines.filter_map(|line| Some(line.get("decision")?.clone()));
    decisions.map(|it| it.as_str().unwrap_or("null").to_owned()).collect()
}

fn decision_after(before: usize, envoy: &Service) -> String {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(5) {
        if let Some(decision) = decisions(envoy).get(before) {
            return decision.clone();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    "none".to_owned()
}
