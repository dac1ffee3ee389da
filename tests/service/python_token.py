"""A token's life by the official SDK, unmodified and configured by SCW_* alone.

    python_token.py make        makes a private function and a token for it, printed as JSON
    python_token.py end ID      lists that token, without its text, deletes it, and finds it gone
"""

import json
import sys

from scaleway import Client, ScalewayException
from scaleway.function.v1beta1 import FunctionV1Beta1API

api = FunctionV1Beta1API(Client.from_env())
if sys.argv[1] == "make":
    namespace = api.create_namespace(name="sdk", activate_vpc_integration=False)
    function = api.create_function(
        name="hello", namespace_id=namespace.id, runtime="node22", privacy="private",
        http_option="enabled", sandbox="v2",
    )
    token = api.create_token(function_id=function.id)
    print(json.dumps({
        "id": token.id, "token": token.token, "public_key": token.public_key,
        "function_id": function.id, "namespace_id": namespace.id,
    }))
else:
    [token] = api.list_tokens_all()
    assert (token.id, token.token) == (sys.argv[2], "<hidden>"), token
    api.delete_token(token_id=token.id)
    try:
        api.get_token(token_id=token.id)
    except ScalewayException as error:
        assert error.status_code == 404, error
    else:
        sys.exit("the token is still there")
    print("ended")
