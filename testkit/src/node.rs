//! Node with packages of npm's, as a folder of tests pins them by its lock file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use crate::processes::{skip, text_of};
use crate::root;

/// Node in a folder under `target/`: the packages, and the scripts of the tests' folder beside
/// them, where they find those.
pub struct Node {
    folder: PathBuf,
}

/// With the packages of `tests/deployment`.
pub fn node_with_packages() -> Option<Node> {
    Node::with_packages("tests/deployment", "the schemas of Istio and Kubernetes")
}

impl Node {
    /// Installs them, once. A machine where they can't be had skips `what` needs them.
    pub fn with_packages(of: &str, what: &str) -> Option<Self> {
        static PREPARED: Mutex<BTreeMap<String, Result<PathBuf, String>>> =
            Mutex::new(BTreeMap::new());
        // A test that may not skip panics in here.
        let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
        match prepared.entry(of.to_owned()).or_insert_with(|| prepare(of)) {
            Ok(folder) => Some(Self { folder: folder.clone() }),
            Err(reason) => {
                skip(what, reason);
                None
            }
        }
    }

    /// A script of the tests' folder, by its name there.
    pub fn command(&self, script: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(script).current_dir(&self.folder);
        command
    }

    /// What Node says with these arguments; files are named from the top.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let arguments = arguments.iter().map(|argument| match *argument {
            script if script.starts_with("tests/") => {
                script.rsplit('/').next().unwrap_or_default().into()
            }
            file if file.starts_with("envoy/") => root(file).into_os_string(),
            other => other.into(),
        });
        Command::new("node").args(arguments).current_dir(&self.folder).output().expect("node runs")
    }
}

fn prepare(of: &str) -> Result<PathBuf, String> {
    let name = of.strip_prefix("tests/").unwrap_or(of).replace('/', "-");
    let folder = root("target/node").join(name);
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(root(of)).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|it| it == "json" || it == "mjs") {
            fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
        }
    }
    let lock = fs::read_to_string(folder.join("package-lock.json")).unwrap();
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    let install = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .env("npm_config_cache", root("target/npm"))
        .current_dir(&folder)
        .output();
    match install {
        Ok(output) if output.status.success() => {
            fs::write(stamp, lock).unwrap();
            Ok(folder)
        }
        Ok(output) => Err(format!("`npm ci` failed: {}", text_of(&output))),
        Err(error) => Err(format!("no npm: {error}")),
    }
}
