//! A container without a container engine: the image's last stage as a folder, and the program in
//! it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use testkit::processes::*;

use crate::recipe::Image;

/// The folders that its first stage makes for volumes.
pub const VOLUMES: [&str; 2] = ["/data", "/owner"];

/// What envoy/issuer.Dockerfile's last stage is made of here.
pub struct Container {
    pub image: Image,
    pub folder: PathBuf,
    environment: Map<String, Value>,
}

impl Container {
    /// The image, with empty volumes.
    pub fn new(test: &str) -> Self {
        let image = Image::read("envoy/issuer.Dockerfile");
        assert_eq!(image.base, "scratch");
        let folder = scratch(&format!("image-{test}"));
        let root = folder.join("root");
        fs::create_dir(&root).unwrap();
        for copied in &image.copied {
            match (copied.from.to_str().unwrap(), copied.to.to_str().unwrap()) {
                ("/built/issuer", _) => put_program(&root, &inside(&root, &copied.to)),
                ("/volumes/", "/") => {
                    for volume in VOLUMES {
                        fs::create_dir(inside(&root, Path::new(volume))).unwrap();
                        make_volume(&inside(&folder, Path::new(volume)), copied.owner);
                    }
                }
                other => panic!("what is {other:?} in the stage before?"),
            }
        }
        let variables = image.environment.iter().cloned();
        let environment = variables.map(|(name, value)| (name, value.into())).collect();
        Self { image, folder, environment }
    }

    /// In place of what the image says, as `--env` does it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// Where a file of a volume is on this machine.
    pub fn file(&self, path: &str) -> PathBuf {
        inside(&self.folder, Path::new(path))
    }

    /// The program in the container, with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_under(&[], arguments)
    }

    /// The same, started by something that watches it.
    pub fn command_under(&self, watch: &[&str], arguments: &[&str]) -> Command {
        let given = json!({
            "root": self.folder.join("root"),
            "user": self.image.user.expect("a user"),
            "folder": self.image.folder,
            "volumes": Map::from_iter(VOLUMES.map(|it| (it.to_owned(), json!(self.file(it))))),
            "environment": self.environment,
        });
        let words: Vec<_> = watch.iter().copied().chain(namespaces().iter().copied()).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("python3").arg(root("tests/service_files/confined.py"));
        command.arg(given.to_string()).args(&self.image.entrypoint).args(arguments);
        command
    }

    /// What a command beside the service prints.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = finished(&mut self.command(arguments));
        assert!(output.status.success(), "{arguments:?}: {}", text_of(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// As an engine makes a new volume: with the owner and the mode that the image has there.
fn make_volume(path: &Path, owner: Option<u32>) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    if is_root() {
        chown(path, owner, owner).unwrap();
    }
}

/// An absolute path, below a folder.
fn inside(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("/").expect("an absolute path"))
}

/// The shipped program is static. That of the tests may need libraries, and what loads them.
fn put_program(root: &Path, to: &Path) {
    let program = issuer();
    let put = |from: &Path, to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    put(&program, to);
    let output = Command::new("ldd").arg(&program).output().expect("ldd runs");
    let listed = text_of(&output);
    for word in listed.split_whitespace().filter(|word| word.starts_with('/')) {
        put(Path::new(word), &inside(root, Path::new(word)));
    }
    assert!(listed.contains("/ld-") || listed.contains("static"), "{listed}");
}

pub fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    text_of(&output).trim() == "0"
}

/// What `unshare` has to be told here. Where it can't do it, these tests fail rather than pass
/// without having looked.
fn namespaces() -> &'static [&'static str] {
    const AS_ROOT: &[&str] = &["unshare", "--mount"];
    const AS_USER: &[&str] = &["unshare", "--user", "--map-root-user", "--mount"];
    static NAMESPACES: OnceLock<&[&str]> = OnceLock::new();
    NAMESPACES.get_or_init(|| {
        let arguments = if is_root() { AS_ROOT } else { AS_USER };
        let output = Command::new(arguments[0]).args(&arguments[1..]).arg("true").output();
        let made = output.is_ok_and(|output| output.status.success());
        assert!(
            made,
            "the issuer's image is tested in a namespace, and `{}` makes none here; allow \
             unprivileged user namespaces, or run this test as root",
            arguments.join(" ")
        );
        arguments
    })
}
