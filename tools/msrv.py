#!/usr/bin/env python3
"""Each package with the oldest Rust that its manifest says it builds with.

    python3 tools/msrv.py

reads `rust-version` from every package of the workspace, gets that toolchain
with rustup, and checks the package's library and programs with it: natively,
and the filter also for its own target.
"""

import json
import os
import shutil
import subprocess

from console import fail, say

FILTER = "namespace-jwt"
FILTERS_TARGET = "wasm32-wasip1"


def main():
    if not shutil.which("rustup"):
        fail("no rustup, which gets older toolchains: install it, see https://rustup.rs")
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    for package in metadata["packages"]:
        name, version = package["name"], package["rust_version"]
        if not version:
            fail("%s has no rust-version: say in its Cargo.toml which Rust it needs" % name)
        get(version)
        check(name, version, ["cargo", "check", "--locked"])
        if name == FILTER:
            check(name, version, ["python3", "tools/wasm.py", FILTERS_TARGET, "check", "--lib"])


def get(version):
    """Installs the toolchain, unless it is there."""
    there = ["rustup", "run", version, "rustc", "--version"]
    if subprocess.run(there, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        return
    say("getting Rust " + version)
    install = ["rustup", "toolchain", "install", version, "--profile", "minimal"]
    if subprocess.run(install).returncode != 0:
        fail("Rust %s could not be installed, see above; run the same command again" % version)


def check(name, version, command):
    say("%s with Rust %s: %s" % (name, version, " ".join(command)))
    environment = dict(os.environ, RUSTUP_TOOLCHAIN=version)
    if subprocess.run(command + ["-p", name], env=environment).returncode != 0:
        fail("%s does not build with Rust %s, see above: use less, or raise its rust-version" % (name, version))


if __name__ == "__main__":
    main()
