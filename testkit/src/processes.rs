//! What the tests of `envoy/` stand on: Envoy's validation, processes that end with their
//! test, keys and files.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take for one step on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

// --- Envoy -------------------------------------------------------------------------------

/// Each file of `envoy/` that Envoy reads, by name.
pub fn envoy_configurations() -> Vec<(String, String)> {
    let mut found: Vec<_> = fs::read_dir(root("envoy"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .map(|name| (name.clone(), read(&format!("envoy/{name}"))))
        .filter(|(_, text)| text.contains("\nstatic_resources:"))
        .collect();
    found.sort();
    assert!(found.len() >= 3, "{found:?}");
    found
}

/// What `envoy --mode validate` says of a configuration in this environment and no other.
pub fn validate(configuration: &str, environment: &[(&str, &str)]) -> (bool, String) {
    filter();
    let output = Command::new(envoy())
        .args(["--mode", "validate", "--log-level", "error", "--config-yaml", configuration])
        .current_dir(root(""))
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .expect("Envoy runs");
    (output.status.success(), text_of(&output))
}

/// `make envoy` leaves it in target/; an ENVOY that is a path goes before.
pub fn envoy() -> PathBuf {
    let chosen = std::env::var_os("ENVOY").map(PathBuf::from).filter(|file| file.is_file());
    let file = chosen.unwrap_or_else(|| root("target/envoy"));
    fs::canonicalize(file).expect("target/envoy is missing: `make envoy` gets it, or set ENVOY")
}

pub use crate::built::{issuer, module as filter};
pub use crate::node::node_with_packages;
pub use crate::root;

// --- Processes ---------------------------------------------------------------------------

/// A process and all it starts, stopped at the end of the test however that comes.
pub struct Service {
    process: Child,
    log: PathBuf,
}

impl Service {
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        use std::os::unix::process::CommandExt as _;

        let log = folder.join(format!("{name}.log"));
        let file = fs::File::create(&log).unwrap();
        let process = command
            .current_dir(root(""))
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap();
        Self { process, log }
    }

    pub fn log(&self) -> String {
        format!("{}:\n{}", self.log.display(), fs::read_to_string(&self.log).unwrap_or_default())
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, once it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "still running\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&mut self) {
        if self.process.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal("-TERM");
            self.wait();
        }
    }

    pub fn signal(&self, signal: &str) {
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.process.wait();
    }
}

pub fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-euc", script]);
    command
}

pub fn python(arguments: &[String]) -> Output {
    Command::new("python3").args(arguments).current_dir(root("")).output().expect("python3 runs")
}

/// A script of the tests' with the modules of `tools/python.txt`, the official SDK among them,
/// and none of the machine's own.
pub fn python_with_modules(script: &Path) -> Command {
    python_with("python", script)
}

/// The same with the modules of another list of `tools/fetch.py`.
pub fn python_with(list: &str, script: &Path) -> Command {
    let modules = root("target/pypi").join(list);
    assert!(modules.exists(), "no {}: run `make python-modules`", modules.display());
    let mut command = Command::new("python3");
    command.arg("-s").arg(script).current_dir(root(""));
    command.env("PYTHONPATH", modules).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// What a command printed that has to end by itself, and soon.
pub fn finished(command: &mut Command) -> Output {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let end = Instant::now() + PATIENCE;
    while process.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            process.kill().unwrap();
            let output = process.wait_with_output().unwrap();
            panic!("{command:?} runs on after {PATIENCE:?}: {}", text_of(&output));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.wait_with_output().unwrap()
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text_of(&output));
}

pub fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

pub fn free_ports<const N: usize>() -> [u16; N] {
    // All at once, so that no two are the same.
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// What CI can't do either. `.ci/run` counts what was skipped.
const SKIPPED_IN_CI: [&str; 3] = [
    "docker_compose_reads_its_file",
    "a_disk_that_is_full_is_an_error_until_there_is_room",
    "systemd_runs_the_service_confined_and_starts_it_anew_when_it_is_killed",
];

/// For a test that can't be done on this machine. One that says it is CI has to do each.
pub fn skip(test: &str, reason: &str) {
    let in_ci = std::env::var_os("CI").is_some();
    assert!(!in_ci || SKIPPED_IN_CI.contains(&test), "{test} can't be skipped in CI: {reason}");
    say_skipped(test, reason);
}

/// Says so past the test harness, which keeps the output of tests that pass to itself, and in
/// one piece, for other tests write as well.
pub fn say_skipped(test: &str, reason: &str) {
    let _ = std::io::stderr().write_all(format!("skipped: {test}: {reason}\n").as_bytes());
}

// --- Keys and files ----------------------------------------------------------------------

pub struct Keys {
    pub folder: PathBuf,
    pub public: String,
}

impl Keys {
    pub fn make(test: &str) -> Self {
        let folder = scratch(test);
        let out = folder.join("keys");
        run(Command::new(issuer()).args(["keygen", "--algorithm", "ES256", "--out"]).arg(&out));
        Self { public: fs::read_to_string(out.join("public.pem")).unwrap(), folder }
    }

    /// A file with a fresh token for an application.
    pub fn token(&self, name: &str, application: &str) -> String {
        let output = Command::new(issuer())
            .args(["issue", "--expires-in", "1h", "--function-id", application, "--key"])
            .arg(self.folder.join("keys/private.pem"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text_of(&output));
        let file = self.folder.join(name);
        fs::write(&file, output.stdout).unwrap();
        file.display().to_string()
    }
}

/// An empty folder of this test's own.
pub fn scratch(test: &str) -> PathBuf {
    let folder = crate::scratch().join(format!("deployment-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn link(from: &Path, to: &Path) {
    std::os::unix::fs::symlink(fs::canonicalize(from).unwrap(), to).unwrap();
}

/// Each of these must be there: a file that changed isn't tested with ports of its own.
pub fn replace_all(mut text: String, replacements: &[(&str, &str)]) -> String {
    for (from, to) in replacements {
        assert!(text.contains(from), "no {from:?} in:\n{text}");
        text = text.replace(from, to);
    }
    text
}
