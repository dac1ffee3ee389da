"""The service's API as demo.py and compose.py ask it, with the standard library alone."""

import json
import time
import urllib.error
import urllib.request


class ApiError(OSError):
    """An answer that isn't the expected one."""


class Api:
    """The functions of one region, for whoever has the key of an init file."""

    def __init__(self, init_file, url=None):
        """`url` is where the service is reached from here, if not at the file's address."""
        lines = init_file.read_text().splitlines()
        self.variables = dict(line.split("=", 1) for line in lines)
        self.project_id = self.variables["SCW_DEFAULT_PROJECT_ID"]
        self.url = url or self.variables["SCW_API_URL"]
        self.base = f"{self.url}/functions/v1beta1/regions/{self.variables['SCW_DEFAULT_REGION']}"

    def send(self, method, path, body=None):
        """Gives the status, its reason, and the body of the answer. A path that begins with `/` is
        none of the functions' API."""
        headers, data = {"X-Auth-Token": self.variables["SCW_SECRET_KEY"]}, None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        url = self.url + path if path.startswith("/") else f"{self.base}/{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        # Straight to 127.0.0.1, whatever proxy the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            response = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return response.getcode(), response.reason, json.loads(response.read())

    def ask(self, method, path, **body):
        """Gives the body of a good answer."""
        for _ in range(5):
            status, _, answer = self.send(method, path, body or None)
            if status != 503:
                break
            # Too much to do, above all with keys that take long: to be sent again.
            time.sleep(1)
        if status != 200:
            raise ApiError(f"{method} {path}: expected status 200, found {status}: {answer}")
        return answer

    def create_namespace(self, name):
        return self.ask("POST", "namespaces", name=name, project_id=self.project_id)

    def namespace_of(self, name):
        """The namespace of that name, if there is one."""
        found = self.ask("GET", f"namespaces?name={name}")["namespaces"]
        return found[0] if found else None

    def function_of(self, name, namespace_id):
        """The function of that name, if there is one."""
        query = f"namespace_id={namespace_id}&name={name}"
        found = self.ask("GET", f"functions?{query}")["functions"]
        return found[0] if found else None

    def create_function(self, name, namespace_id):
        return self.ask(
            "POST", "functions", name=name, namespace_id=namespace_id, runtime="python3",
            privacy="private",
        )

    def create_token(self, function_id):
        return self.ask("POST", "tokens", function_id=function_id, expires_at=self.in_an_hour())

    def issue_jwt(self, function_id):
        """The older way to a token, which newer clients of the platform don't have any more."""
        query = f"function_id={function_id}&expires_at={self.in_an_hour()}"
        return self.ask("GET", f"issue-jwt?{query}")

    def trust_keys(self):
        """What proves what the service tells gateways: as `issuer trust key` prints it."""
        keys = self.ask("GET", "/issuer/v1/trust-keys")["trust_keys"]
        return "".join(key["public_key"] for key in keys)

    @staticmethod
    def in_an_hour():
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
