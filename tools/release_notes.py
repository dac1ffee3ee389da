#!/usr/bin/env python3
"""What a release says of itself: its section of CHANGELOG.md.

    python3 tools/release_notes.py TAG

prints it, if the tag, the version in Cargo.toml and CHANGELOG.md agree.
"""

import json
import re
import subprocess
import sys

from console import fail


def main():
    if len(sys.argv) != 2:
        fail("usage: tools/release_notes.py TAG")
    tag = sys.argv[1]
    versions = packages()
    for name, version in versions.items():
        if tag != "v" + version:
            fail("%s has version %s in Cargo.toml, and the tag is %s: expected v%s" % (name, version, tag, version))
    version = tag[1:]
    with open("CHANGELOG.md", encoding="utf-8") as file:
        sections = re.split(r"^## ", file.read(), flags=re.MULTILINE)
    for section in sections[1:]:
        heading, _, text = section.partition("\n")
        if not heading.startswith(version + " "):
            continue
        if not re.fullmatch(re.escape(version) + r" \(\d{4}-\d\d-\d\d\)", heading):
            fail("CHANGELOG.md: expected the heading `%s (YYYY-MM-DD)`, found `%s`" % (version, heading))
        print(text.strip())
        return
    fail("CHANGELOG.md has no section for %s" % version)


def packages():
    """The version of each package of the workspace."""
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        fail("cargo could not read Cargo.toml, see above")
    return {package["name"]: package["version"] for package in json.loads(ran.stdout)["packages"]}


if __name__ == "__main__":
    main()
