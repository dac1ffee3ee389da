//! Go programs of the tests', built with what their modules pin.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::processes::{run, say_skipped, skip, text_of};
use crate::root;

/// The program in a folder of tests that has a `go.mod`, or none where it can't be had: that skips
/// `what` needs it. What Go downloads and compiles stays under `target/`.
pub fn program(of: &str, what: &str) -> Option<PathBuf> {
    program_of(of, ".", what)
}

/// The same of a package in one of the modules that the folder's `go.mod` pins.
pub fn program_of(of: &str, package: &str, what: &str) -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        say_skipped(what, "no go");
        return None;
    }
    // It downloads what the package is built of, and no more.
    let download = go(of, &["list", "-deps", package]).output().expect("go runs");
    if !download.status.success() {
        skip(what, &format!("its modules can't be had: {}", line_of(&download)));
        return None;
    }
    let program = root("target/go").join(of.replace('/', "-"));
    run(go(of, &["build", "-trimpath", "-o"]).arg(&program).arg(package));
    Some(program)
}

fn go(of: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(arguments).current_dir(root(of));
    command.env("GOMODCACHE", root("target/go/mod")).env("GOCACHE", root("target/go/build"));
    // Else `make clean` couldn't remove what was downloaded.
    command.env("GOFLAGS", "-mod=readonly -modcacherw -buildvcs=false");
    command.env("GOWORK", "off").env("CGO_ENABLED", "0");
    command
}

fn line_of(output: &Output) -> String {
    text_of(output).lines().last().unwrap_or_default().to_owned()
}
