"""Rust's standard library for wasm, built from the Debian source packages.

For machines that reach a Debian archive but not the Rust release server. The
source of exactly the compiler's version (`rust-src`) and `wasi-libc` are
downloaded with apt's signature checks, unpacked without being installed, and
built once into target/sysroot/<compiler>. Its layout is that of a toolchain,
so `--sysroot` is all that a later build needs. Nothing needs root, and nothing
outside target/ is written but cargo's own caches.
"""

import glob
import os
import re
import shutil
import subprocess

from console import fail, say

TARGETS = ["wasm32-wasip1", "wasm32-unknown-unknown"]

# The smallest index first: `stable-backports` lists few packages.
SUITES = [
    "stable-backports",
    "stable",
    "testing",
    "unstable",
    "oldstable-backports",
    "oldstable",
    "experimental",
]

KEYRINGS = [
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
]

APT_SECONDS = 600


def existing():
    """The sysroot that was built for this compiler, if there is one."""
    sysroot = location(compiler())
    return sysroot if os.path.isdir(sysroot) else None


def build():
    version = compiler()
    sysroot = location(version)
    work = sysroot + ".building"
    shutil.rmtree(work, ignore_errors=True)
    tree = os.path.join(work, "tree")
    os.makedirs(tree)

    library = os.path.join(output(["rustc", "--print", "sysroot"]), "lib/rustlib/src/rust/library")
    packages = ["wasi-libc"]
    if not os.path.isfile(os.path.join(library, "Cargo.lock")):
        packages.append("rust-src")
    for package, archive in download(packages, version["release"], work).items():
        unpack(package, archive, tree)
    if "rust-src" in packages:
        library = only(os.path.join(tree, "usr/src/rustc-*/library"))

    say("building the standard library for %s" % " and ".join(TARGETS))
    compile_library(version, library, os.path.join(work, "build"), tree)
    lay_out(version, os.path.join(work, "build"), tree, os.path.join(work, "sysroot"))
    # Whole or not at all: a build that was interrupted leaves no sysroot behind.
    os.rename(os.path.join(work, "sysroot"), sysroot)
    shutil.rmtree(work)
    return sysroot


def location(version):
    key = "%s-%s" % (version["release"], version["commit-hash"][:9])
    return os.path.abspath(os.path.join("target", "sysroot", key))


def compiler():
    text = output(["rustc", "-vV"])
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def download(packages, release, work):
    """Each package's archive, from the first suite that has the right `rust-src`."""
    advice = (
        "Get the target with `rustup target add %s` where the Rust release server can be reached, "
        "or use a Rust toolchain that has it" % " ".join(TARGETS)
    )
    for tool in ["apt-get", "apt-cache", "dpkg-deb"]:
        if not shutil.which(tool):
            fail("the wasm target is missing, and there is no %s to get its source with. %s" % (tool, advice))
    mirrors = debian_mirrors()
    if not mirrors:
        fail("the wasm target is missing, and apt knows no Debian archive to get its source from. %s" % advice)

    reached = missed = 0
    for mirror, suite in [(mirror, suite) for mirror in mirrors for suite in SUITES]:
        say("looking for %s in Debian's %s" % (" and ".join(packages), suite))
        environment = private_apt(mirror, suite, os.path.join(work, "apt"))
        if not apt(["update"], environment):
            missed += 1
            if missed == 2 and not reached:
                break
            continue
        reached += 1
        versions = {name: offered(name, environment) for name in packages}
        if "rust-src" in packages:
            exact = re.compile(r"%s[+~-]" % re.escape(release))
            versions["rust-src"] = [found for found in versions["rust-src"] if exact.match(found)]
        if not all(versions.values()):
            continue
        archives = {}
        for name in packages:
            say("downloading %s %s" % (name, versions[name][0]))
            if not apt(["download", "%s=%s" % (name, versions[name][0])], environment, work):
                fail("the download of %s broke off: run the same command again" % name)
            archives[name] = only(os.path.join(work, name + "_*.deb"))
        return archives
    if not reached:
        fail("the wasm target is missing, and neither rustup nor apt reaches a server to get it from. %s" % advice)
    fail("the wasm target is missing, and Debian has no %s for Rust %s. %s" % (" and ".join(packages), release, advice))


def debian_mirrors():
    """The archives of Debian itself that this machine's own apt uses."""
    listing = output(["apt-get", "indextargets", "--format", "$(CREATED_BY)|$(ORIGIN)|$(RELEASE)|$(REPO_URI)"])
    targets = [line.split("|") for line in listing.splitlines() if line.count("|") == 3]
    packages = [
        (origin, uri)
        for created_by, origin, release, uri in targets
        if created_by == "Packages" and "security" not in release and "/updates" not in release
    ]
    # The origin is known once `apt-get update` has run; before that the address has to do.
    certain = [uri for origin, uri in packages if origin == "Debian"]
    likely = [uri for _, uri in packages if uri.rstrip("/").endswith("debian")]
    return list(dict.fromkeys(certain or likely))


def private_apt(mirror, suite, folder):
    """An environment in which apt reads one suite, with lists and caches of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "state/lists/partial"))
    os.makedirs(os.path.join(folder, "cache/archives/partial"))
    # The signature is checked as ever. Its expiry is not: the compiler fixes the
    # version that is wanted, so an archive that stands still is as good as a live one.
    options = ["check-valid-until=no"]
    keyring = next((path for path in KEYRINGS if os.path.exists(path)), None)
    if keyring:
        options.append("signed-by=" + keyring)
    source = os.path.join(folder, "sources.list")
    with open(source, "w") as file:
        file.write("deb [%s] %s %s main\n" % (" ".join(options), mirror, suite))

    settings = {
        "Dir::State": os.path.join(folder, "state"),
        "Dir::State::status": "/dev/null",
        "Dir::Cache": os.path.join(folder, "cache"),
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::Main": "/dev/null",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::http::Timeout": "30",
        "Acquire::https::Timeout": "30",
        # Else an archive that can't be reached is a warning.
        "APT::Update::Error-Mode": "any",
    }
    lines = ['%s "%s";' % pair for pair in settings.items()]
    # How this machine reaches the archive (a proxy, certificates), and nothing else of its
    # settings: its update hooks are for root.
    dump = output(["apt-config", "dump"])
    lines += [line for line in dump.splitlines() if re.match(r"Acquire::(https?|Retries|Force)", line)]
    path = os.path.join(folder, "apt.conf")
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return dict(os.environ, APT_CONFIG=path, LC_ALL="C")


def offered(package, environment):
    listing = output(["apt-cache", "madison", package], environment)
    return [line.split("|")[1].strip() for line in listing.splitlines() if line.count("|") == 2]


def unpack(package, archive, tree):
    say("unpacking %s" % package)
    wanted = {"rust-src": "./usr/src/*/library/*", "wasi-libc": "./usr/lib/wasm32-wasi*/*"}[package]
    # rust-src also holds the compiler's source, ten times the library's.
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as contents:
        tar = subprocess.run(["tar", "-x", "-C", tree, "--wildcards", wanted], stdin=contents.stdout)
    if tar.returncode != 0 or contents.returncode != 0:
        fail("%s could not be unpacked (is the disk full?): run the same command again" % package)


def compile_library(version, library, folder, tree):
    """Builds std as a dependency of an empty crate, which is what -Zbuild-std offers."""
    home = os.path.join(folder, "home")
    source = os.path.join(home, "lib/rustlib/src/rust")
    os.makedirs(source)
    os.symlink(library, os.path.join(source, "library"))
    link_host(version, home)
    # cargo looks for the library's source in the compiler's sysroot.
    wrapper = os.path.join(folder, "rustc")
    with open(wrapper, "w") as file:
        file.write('#!/bin/sh\nexec rustc --sysroot "%s" "$@"\n' % home)
    os.chmod(wrapper, 0o755)

    os.makedirs(os.path.join(folder, "src"))
    open(os.path.join(folder, "src/lib.rs"), "w").close()
    with open(os.path.join(folder, "Cargo.toml"), "w") as file:
        file.write('[package]\nname = "empty"\nedition = "2021"\n[workspace]\n')

    locked = ["--locked", "--manifest-path", os.path.join(library, "Cargo.toml")]
    if subprocess.run(["cargo", "fetch"] + locked, env=dict(os.environ, RUSTC_BOOTSTRAP="1")).returncode != 0:
        fail("cargo could not fetch what the standard library needs: see above; run the same command again")
    flags = registry_remaps("/rust/deps") + [
        # As in the toolchains that rustup gives: the release profile's LTO needs the bitcode.
        "-Cembed-bitcode=yes",
        "--remap-path-prefix=%s=/rustc/%s/library" % (library, version["commit-hash"]),
        "--remap-path-prefix=%s=/rustc/%s/library" % (os.path.join(source, "library"), version["commit-hash"]),
    ]
    environment = dict(
        os.environ,
        RUSTC=wrapper,
        RUSTC_BOOTSTRAP="1",
        CARGO_TARGET_DIR=os.path.join(folder, "target"),
        CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags),
    )
    command = ["cargo", "build", "--release", "-Zbuild-std=std,panic_abort,test"]
    for target in TARGETS:
        command += ["--target", target]
    if subprocess.run(command, env=environment, cwd=folder).returncode != 0:
        fail("the standard library could not be built: see above")


def registry_remaps(replacement):
    """The flags that name cargo's unpacked crates in the same way on every machine."""
    home = os.environ.get("CARGO_HOME") or os.path.join(os.path.expanduser("~"), ".cargo")
    folders = sorted(glob.glob(os.path.join(home, "registry/src/*")))
    return ["--remap-path-prefix=%s=%s" % (folder, replacement) for folder in folders]


def lay_out(version, folder, tree, sysroot):
    for target in TARGETS:
        libraries = os.path.join(sysroot, "lib/rustlib", target, "lib")
        os.makedirs(libraries)
        for path in glob.glob(os.path.join(folder, "target", target, "release/deps/*.rlib")):
            if not os.path.basename(path).startswith("libempty"):
                shutil.copy(path, libraries)
    libc = only(os.path.join(tree, "usr/lib/wasm32-wasi/libc.a"))
    contained = os.path.join(sysroot, "lib/rustlib/wasm32-wasip1/lib/self-contained")
    os.makedirs(contained)
    for name in ["libc.a", "crt1-command.o", "crt1-reactor.o"]:
        shutil.copy(os.path.join(os.path.dirname(libc), name), contained)
    link_host(version, sysroot)


def link_host(version, sysroot):
    """The host's own libraries and linker stay where they are."""
    real = os.path.join(output(["rustc", "--print", "sysroot"]), "lib/rustlib", version["host"])
    os.makedirs(os.path.join(sysroot, "lib/rustlib"), exist_ok=True)
    os.symlink(real, os.path.join(sysroot, "lib/rustlib", version["host"]))


def only(pattern):
    found = glob.glob(pattern)
    if len(found) != 1:
        fail("expected one %s, found %d: run `make clean`, then the same command again" % (pattern, len(found)))
    return found[0]


def output(command, environment=None):
    ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        fail("`%s` failed: see above" % " ".join(command))
    return ran.stdout.strip()


def apt(arguments, environment, folder=None):
    command = ["apt-get", "-qq"] + arguments
    try:
        ran = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=APT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        say("apt did not finish within %d seconds" % APT_SECONDS)
        return False
    if ran.returncode != 0:
        say((ran.stderr.strip().splitlines() or ["apt gave no reason"])[0])
    return ran.returncode == 0
