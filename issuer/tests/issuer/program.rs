//! The program as the tests run it, in a folder of their own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use namespace_jwt_core::config::VARIABLES;
use serde_json::{Map, Value, json};

pub const NAMESPACE: &str = "3a8b3cd5-b340-46f9-a763-a37fa7a6f635";
pub const APPLICATION: &str = "f2b0d840-043b-4d2f-a3c2-3c0454f1b1db";

/// A folder of a test's own, gone when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("issuer-{}-{count}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), content).unwrap();
        self.path(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What one run of the program left.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that nothing was done, and that one line says why, with these words in it.
    #[track_caller]
    pub fn fails(&self, words: &str) {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{self:?}");
        assert!(self.stderr.starts_with("issuer: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        let says_what_to_do = ["; ", ": expected "].iter().any(|it| self.stderr.contains(it));
        assert!(says_what_to_do, "{self:?}");
        assert!(self.stderr.contains(words), "{words:?} in {self:?}");
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_issuer"));
    command.args(arguments);
    for (name, _) in VARIABLES {
        command.env_remove(name);
    }
    command
}

pub fn run(command: &mut Command, input: &[u8]) -> Run {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has read enough closes its end.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Run {
        status: output.status.code().expect("no signal ends it"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn issuer(arguments: &[&str]) -> Run {
    run(&mut command(arguments), b"")
}

pub fn run_with_input(arguments: &[&str], input: &str) -> Run {
    run(&mut command(arguments), input.as_bytes())
}

/// A new ES256 key pair in `folder`.
pub fn keygen(folder: &Folder) -> String {
    let run = issuer(&["keygen", "--algorithm", "ES256", "--out", &folder.path("")]);
    run.succeeds();
    folder.path("private.pem")
}

/// A token for the namespace, minted with more arguments.
pub fn mint(key: &str, more: &[&str]) -> String {
    let grant =
        match more.iter().any(|argument| argument.ends_with("-id") && *argument != "--token-id") {
            true => vec![],
            false => vec!["--namespace-id", NAMESPACE],
        };
    let run = issuer(&[&["issue", "--key", key], &grant[..], more].concat()).succeeds();
    run.stdout.strip_suffix('\n').unwrap().to_owned()
}

pub fn segment(token: &str, place: usize) -> String {
    let segment = token.split('.').nth(place).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

pub fn header(token: &str) -> Value {
    serde_json::from_str(&segment(token, 0)).unwrap()
}

pub fn claims(token: &str) -> Map<String, Value> {
    serde_json::from_str(&segment(token, 1)).unwrap()
}

/// A token that nobody signed.
pub fn forged(header: &[u8], payload: &[u8]) -> String {
    let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(payload))
}

pub fn config(folder: &Folder, members: &Value) -> String {
    let mut config = json!({"namespace_id": NAMESPACE});
    if folder.0.join("public.pem").exists() {
        config["public_key"] = folder.read("public.pem").into();
    }
    config.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    folder.write("plugin.json", config.to_string())
}

pub fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

pub struct PlatformToken {
    pub token: String,
    pub public_key: String,
}

/// Tokens that the platform itself minted, if they are at hand.
pub fn platform_tokens() -> Option<Vec<PlatformToken>> {
    let tokens = testkit::vectors::platform_tokens()?;
    let tokens = tokens.iter().map(|token| PlatformToken {
        token: token["token"].as_str().unwrap().to_owned(),
        public_key: token["public_key"].as_str().unwrap().to_owned(),
    });
    Some(tokens.collect())
}
