#!/usr/bin/env python3
"""cargo for a wasm target, on a machine that may not have the target yet.

    python3 tools/wasm.py TARGET SUBCOMMAND [ARGUMENT ...]

runs `cargo SUBCOMMAND --target TARGET ARGUMENT ...` after making sure that
TARGET's standard library is there: in the compiler's sysroot, else by
`rustup target add`, else in a private sysroot (see private_sysroot.py).
"""

import os
import subprocess
import sys

import private_sysroot
from console import fail, say

# A release server that can't be reached may hang instead of refusing.
RUSTUP_SECONDS = 300


def main():
    if len(sys.argv) < 3:
        fail("usage: tools/wasm.py TARGET SUBCOMMAND [ARGUMENT ...]")
    target, subcommand, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]

    sysroot = None
    if not has_target(rustc("--print", "sysroot"), target):
        # One that was built before saves asking a server that wasn't reached then.
        sysroot = private_sysroot.existing()
        if not sysroot and not add_with_rustup(target):
            sysroot = private_sysroot.build()
        if sysroot and not has_target(sysroot, target):
            fail("%s has no %s: run `make clean`, then the same command again" % (sysroot, target))

    fetch = subprocess.run(["cargo", "fetch", "--locked", "--target", target])
    if fetch.returncode != 0:
        fail("cargo could not fetch the dependencies: see above; run the same command again")

    # No path of the building machine may end in the module.
    flags = ["--remap-path-prefix=%s=." % os.getcwd()] + private_sysroot.registry_remaps("/cargo")
    if target == "wasm32-wasip1":
        flags += ["-Clinker=" + os.path.join(os.path.dirname(os.path.abspath(__file__)), "wasm-linker")]
    if sysroot:
        flags += ["--sysroot", sysroot]
        # rustdoc has flags of its own.
        documentation = os.environ.get("RUSTDOCFLAGS", "").split() + ["--sysroot", sysroot]
        os.environ["CARGO_ENCODED_RUSTDOCFLAGS"] = "\x1f".join(documentation)
    # The encoded form takes paths with spaces, and wins over a RUSTFLAGS meant for native code.
    os.environ["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
    os.execvp("cargo", ["cargo", subcommand, "--locked", "--target", target] + arguments)


def rustc(*arguments):
    try:
        run = subprocess.run(["rustc", *arguments], stdout=subprocess.PIPE, text=True)
    except FileNotFoundError:
        fail("no rustc on the PATH: install Rust (https://rustup.rs), then run this again")
    if run.returncode != 0:
        fail("`rustc %s` failed: see above" % " ".join(arguments))
    return run.stdout.strip()


def has_target(sysroot, target):
    libraries = os.path.join(sysroot, "lib", "rustlib", target, "lib")
    return os.path.isdir(libraries) and any(
        name.startswith("libstd-") for name in os.listdir(libraries)
    )


def add_with_rustup(target):
    say("adding the target %s with rustup" % target)
    try:
        run = subprocess.run(
            ["rustup", "target", "add", target],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=RUSTUP_SECONDS,
        )
    except FileNotFoundError:
        say("there is no rustup")
        return False
    except subprocess.TimeoutExpired:
        say("rustup did not finish within %d seconds" % RUSTUP_SECONDS)
        return False
    if run.returncode != 0:
        errors = [line for line in run.stderr.splitlines() if line.startswith("error:")]
        say("rustup could not add it (%s)" % (errors or ["no reason given"])[0])
        return False
    return has_target(rustc("--print", "sysroot"), target)


if __name__ == "__main__":
    main()
