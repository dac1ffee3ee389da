"""Holds a running service to its description.

    schemathesis_run.py URL EXAMPLES

with the secret key in SCW_SECRET_KEY. What schemathesis finds wrong is printed and makes the
status 1.
"""

import os
import sys
from urllib.parse import parse_qs, urlsplit

import schemathesis
from jsonschema_rs import Draft202012Validator
from schemathesis.cli import schemathesis as command
from schemathesis.specs.openapi.checks import negative_data_rejection

# What an answer may be wrong in. Whether a request ought to have been accepted isn't among it: that
# there is no such thing, or one of this name already, no description of a request can say.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "bad_data_rejection",
    "unsupported_method",
]


@schemathesis.check
def bad_data_rejection(ctx, response, case):
    """Whether bad data was accepted.

    schemathesis' own check judges what a request was made from, of which a query may show nothing: an
    empty object isn't in it, and null in a list is an empty text.
    """
    bad = [part.value for part, it in case.meta.components.items() if it.mode.is_negative]
    if bad == ["query"] and is_described(urlsplit(response.request.url).query, case.operation):
        return
    negative_data_rejection(ctx, response, case)


def is_described(query, operation):
    """Whether the description allows a query as it was sent."""
    sent = parse_qs(query, keep_blank_values=True)
    for parameter in operation.query:
        it = parameter.definition
        texts = sent.get(it["name"])
        if texts is None:
            if it["required"]:
                return False
            continue
        valid = Draft202012Validator(it["schema"], validate_formats=True).is_valid
        if it["schema"].get("type") == "array":
            is_valid = valid(texts)
        else:
            is_valid = len(texts) == 1 and any(map(valid, readings(texts[0])))
        if not is_valid:
            return False
    return True


def readings(text):
    """What a text in a query may stand for."""
    yield text
    if text.isdecimal():
        yield int(text)


def main():
    url, examples = sys.argv[1:]
    command(
        [
            "run",
            url + "/openapi.json",
            "--header",
            "X-Auth-Token: " + os.environ["SCW_SECRET_KEY"],
            "--checks",
            ",".join(CHECKS),
            "--phases",
            "examples,coverage,fuzzing",
            "--max-examples",
            examples,
            # The same requests each time, so that what fails here fails there.
            "--seed",
            "1",
            "--request-timeout",
            "40",
        ]
    )


if __name__ == "__main__":
    main()
