#!/usr/bin/env python3
"""The end-to-end tests in releases of Envoy, and a table of how they went.

    python3 .ci/envoys.py [VERSION ...]

runs every tests/envoy_*.rs, but for those below, in each of the releases, which
.ci/fetch.py leaves under target/envoys/.
"""

import glob
import os
import re
import subprocess
import sys

import fetch
from console import fail, say

LEFT_OUT = {
    "envoy_releases": "it chooses its releases itself",
    "envoy_jwt_authn": "it has a table of what Envoy's own filter does, which changes with Envoy",
}


def main():
    versions = sys.argv[1:] or fetch.releases()
    names = sorted(os.path.basename(path)[: -len(".rs")] for path in glob.glob("tests/envoy_*.rs"))
    names = [name for name in names if name not in LEFT_OUT]
    results = {version: run(version, names) for version in versions}

    print("\n%-24s" % "" + "".join("%12s" % version for version in versions))
    for name in names:
        cells = [told(results[version].get(name)) for version in versions]
        print("%-24s" % name + "".join("%12s" % cell for cell in cells))
    bad = [version for version in versions if any(not good(results[version].get(name)) for name in names)]
    if bad:
        fail("tests failed in Envoy %s: see above" % " and ".join(bad))
    say("all of them passed in Envoy " + ", ".join(versions))


def run(version, names):
    """For each file: how many tests passed, and how many failed."""
    say("tests: the filter in Envoy " + version)
    envoy = os.path.abspath("target/envoys/%s/envoy" % version)
    if not os.path.exists(envoy):
        fail("no target/envoys/%s/envoy: `make test-envoys` gets it" % version)
    command = ["cargo", "test", "--locked", "--no-fail-fast"]
    for name in names:
        command += ["--test", name]
    environment = dict(os.environ, ENVOY=envoy)
    counts, name = {}, None
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as tests:
        for line in tests.stdout:
            sys.stdout.write(line)
            started = re.search(r"Running tests/(\w+)\.rs", line)
            ended = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed", line)
            if started:
                name = started.group(1)
            elif ended:
                counts[name] = (int(ended.group(1)), int(ended.group(2)))
    return counts


def good(result):
    return result is not None and result[0] > 0 and result[1] == 0


def told(result):
    if result is None:
        return "not run"
    return "%d passed" % result[0] if good(result) else "%d FAILED" % result[1]


if __name__ == "__main__":
    main()
