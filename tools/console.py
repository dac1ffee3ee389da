"""What the build scripts say: progress and refusals, one line each."""

import sys


def say(message):
    print("==> " + message, file=sys.stderr, flush=True)


def fail(message):
    print("error: " + message, file=sys.stderr, flush=True)
    sys.exit(1)
