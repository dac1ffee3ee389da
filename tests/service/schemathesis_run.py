"""Holds a running service to its description.

    schemathesis_run.py URL EXAMPLES

with the secret key in SCW_SECRET_KEY. What schemathesis finds wrong is printed and makes the
status 1.
"""

import os
import sys

from schemathesis.cli import schemathesis

# What an answer may be wrong in. Whether a request ought to have been accepted isn't among it: that
# there is no such thing, or one of this name already, no description of a request can say.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
]


def main():
    url, examples = sys.argv[1:]
    schemathesis(
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
