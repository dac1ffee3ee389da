#!/usr/bin/env python3
"""What docker-compose.yaml's `setup` makes over the API of `issuer serve`: a namespace, a private
function and another one beside it, a token for each, and the variables that Envoy needs.

    compose.py --url URL --init-file FILE --gateway-file FILE --tokens FOLDER

What is there already is kept. Standard library only.
"""

import argparse
import os
import shlex
import sys
import time
import urllib.request
from pathlib import Path

# No __pycache__ in the source.
sys.dont_write_bytecode = True
from token_api import Api  # noqa: E402

# How long the service may take to be ready, in seconds.
PATIENCE = 60


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="the service, as it is reached from here")
    parser.add_argument("--init-file", required=True, type=Path, help="the owner's API key")
    parser.add_argument("--gateway-file", required=True, type=Path)
    parser.add_argument("--tokens", required=True, type=Path)
    options = parser.parse_args()
    try:
        make(options)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def make(options):
    wait_until_ready(f"{options.url}/ready")
    api = Api(options.init_file, options.url)
    namespace = api.namespace_of("demo") or api.create_namespace("demo")
    print(f"namespace {namespace['id']}")
    ids = []
    for name, file in (("hello", "token"), ("other", "other-token")):
        function = api.function_of(name, namespace["id"])
        function = function or api.create_function(name, namespace["id"])
        ids.append(function["id"])
        token = api.create_token(function["id"])
        # A token opens the function: for its owner alone.
        write(options.tokens / file, token["token"], 0o600)
        print(f"private function {name}: {function['id']}, its token: {token['id']}")
    variables = {
        # As the platform gives them to each of its containers.
        "SCW_NAMESPACE_ID": namespace["id"],
        "SCW_APPLICATION_ID": ids[0],
        # What proves that the service said it.
        "NAMESPACE_JWT_TRUST_KEY": api.trust_keys(),
    }
    lines = (f"{name}={shlex.quote(text)}\n" for name, text in variables.items())
    write(options.gateway_file, "".join(lines), 0o644)


def wait_until_ready(url):
    end = time.monotonic() + PATIENCE
    # Straight there, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(url, timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise OSError(f"{url} isn't ready after {PATIENCE} seconds: {error}") from None
        time.sleep(0.1)


def write(path, text, mode):
    """In one piece, for whoever reads it meanwhile."""
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main())
