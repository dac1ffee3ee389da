#!/usr/bin/env python3
"""The end-to-end tests in releases of Envoy, and a table of how they went.

    python3 tools/envoys.py [VERSION ...]

runs tests/envoy, but for the files below, in each of the releases, which
tools/fetch.py leaves under target/envoys/.
"""

import os
import re
import subprocess
import sys

import fetch
from console import fail, say

LEFT_OUT = {
    "releases": "it chooses its releases itself",
    "jwt_authn": "it has a table of what Envoy's own filter does, which changes with Envoy",
}


def main():
    versions = sys.argv[1:] or fetch.releases()
    names = sorted(name[: -len(".rs")] for name in os.listdir("tests/envoy"))
    names = [name for name in names if name != "main" and name not in LEFT_OUT]
    results = {version: run(version) for version in versions}

    print("\n%-24s" % "" + "".join("%12s" % version for version in versions))
    for name in names:
        cells = [told(results[version].get(name)) for version in versions]
        print("%-24s" % name + "".join("%12s" % cell for cell in cells))
    bad = [version for version in versions if any(not good(results[version].get(name)) for name in names)]
    if bad:
        fail("tests failed in Envoy %s: see above" % " and ".join(bad))
    say("all of them passed in Envoy " + ", ".join(versions))


def run(version):
    """For each file: how many tests passed, and how many failed."""
    say("tests: the filter in Envoy " + version)
    envoy = os.path.abspath("target/envoys/%s/envoy" % version)
    if not os.path.exists(envoy):
        fail("no target/envoys/%s/envoy: `make test-envoys` gets it" % version)
    command = ["cargo", "test", "--locked", "--test", "envoy", "--"]
    for name in LEFT_OUT:
        command += ["--skip", name + "::"]
    environment = dict(os.environ, ENVOY=envoy)
    counts = {}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as tests:
        for line in tests.stdout:
            sys.stdout.write(line)
            ended = re.match(r"test (\w+)::\S+ \.\.\. (ok|FAILED)$", line)
            if ended:
                passed, failed = counts.get(ended.group(1), (0, 0))
                ok = ended.group(2) == "ok"
                counts[ended.group(1)] = (passed + ok, failed + (not ok))
    return counts


def good(result):
    return result is not None and result[0] > 0 and result[1] == 0


def told(result):
    if result is None:
        return "not run"
    return "%d passed" % result[0] if good(result) else "%d FAILED" % result[1]


if __name__ == "__main__":
    main()
