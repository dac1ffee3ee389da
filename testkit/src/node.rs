//! Node with its packages.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::processes::{read, skip, text_of};
use crate::root;

/// Node with the packages of tests/deployment, or none where they can't be had.
pub struct Node {
    packages: PathBuf,
}

/// Installs them into `target/` once. A machine without Node skips what needs it.
pub fn node_with_packages() -> Option<Node> {
    use std::sync::OnceLock;
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();

    let installed = INSTALLED.get_or_init(|| {
        let folder = root("target/deployment");
        fs::create_dir_all(&folder).unwrap();
        let lock = read("tests/deployment/package-lock.json");
        let stamp = folder.join("installed.json");
        for file in ["package.json", "package-lock.json"] {
            fs::copy(root("tests/deployment").join(file), folder.join(file)).unwrap();
        }
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
    });
    match installed {
        Ok(packages) => Some(Node { packages: packages.clone() }),
        Err(reason) => {
            skip("the schemas of Istio and Kubernetes", reason);
            None
        }
    }
}

impl Node {
    /// Runs in the packages' folder, where a script finds them; files are named from the top.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let script = "manifests.mjs";
        fs::copy(root("tests/deployment").join(script), self.packages.join(script)).unwrap();
        let arguments = arguments.iter().map(|argument| match *argument {
            "tests/deployment/manifests.mjs" => script.into(),
            file if file.starts_with("envoy/") => root(file).into_os_string(),
            other => other.into(),
        });
        Command::new("node")
            .args(arguments)
            .current_dir(&self.packages)
            .output()
            .expect("node runs")
    }
}
