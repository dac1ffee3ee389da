"""How a step of a script says that something went wrong."""

import base64
import json
import sys
import uuid

from scaleway import ScalewayException

UNKNOWN = str(uuid.uuid4())


class Wrong(Exception):
    pass


def same(what, found, expected):
    if found != expected:
        raise Wrong("%s: expected %r, found %r" % (what, expected, found))


def holds(what, condition):
    if not condition:
        raise Wrong(what)


def refused(what, status, call, **arguments):
    """The JSON of the exception that the call has to raise."""
    try:
        found = call(**arguments)
    except ScalewayException as error:
        same(what, error.status_code, status)
        body = error.response.json()
        holds("%s: no message in %r" % (what, body), isinstance(body.get("message"), str) and body["message"])
        return body
    except Exception as error:
        raise Wrong("%s: expected a ScalewayException with status %d, found %s" % (what, status, type(error).__name__))
    raise Wrong("%s: expected status %d, found an answer of type %s" % (what, status, type(found).__name__))


def faulty(what, reasons, call, **arguments):
    """400, of these arguments for these reasons, each in words too."""
    body = refused(what, 400, call, **arguments)
    same(what, body["type"], "invalid_arguments")
    same(what, [(one["argument_name"], one["reason"]) for one in body["details"]], reasons)
    holds("%s: in words" % what, all(one["help_message"] for one in body["details"]))


def missing(what, resource, found, call, **arguments):
    """404, as the APIs tell it that say what it is that isn't there, and its id."""
    body = refused(what, 404, call, **arguments)
    same(what, (body["type"], body["resource"], body["resource_id"]), ("not_found", resource, found))


def denied(what, action, resource, call, **arguments):
    """403, and the one right that whoever asks lacks."""
    body = refused(what, 403, call, **arguments)
    same(what, (body["type"], body["details"]), ("permissions_denied", [{"action": action, "resource": resource}]))


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def run(main):
    try:
        main()
    except Wrong as wrong:
        print("wrong: %s" % wrong, file=sys.stderr)
        sys.exit(1)
