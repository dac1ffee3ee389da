#!/usr/bin/env python3
"""A private function behind Envoy on this machine, and the service that makes its tokens.

    demo.py run     start it, show refused and admitted requests, keep serving
    demo.py demo    the same, then stop: exit 0 only if each answer was the expected one
    demo.py walk    the requests alone, against an Envoy that already runs

`make run` and `make demo` build what this needs first. Standard library only.
"""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ISSUER = ROOT / "target" / "release" / "issuer"
ENVOY = ROOT / "target" / "envoy"
FILTER = ROOT / "dist" / "namespace-jwt.wasm"

# As in demo.yaml.
LISTENER, FUNCTION, SERVICE = 10000, 10001, 10002
ADMIN = ROOT / "target" / "demo-admin.sock"

# How long something may take to happen, in seconds, before that counts as a failure.
PATIENCE = 30
# After how many answers in a row, each over a connection of its own, which any worker may take, it
# is what every worker answers.
IN_A_ROW = 20

TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ


class Failure(Exception):
    """What went wrong and what to do about it, in one line."""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run")
    commands.add_parser("demo")
    walk = commands.add_parser("walk")
    walk.add_argument("--url", required=True, help="the protected function, through Envoy")
    walk.add_argument("--function-url", required=True, help="the function itself")
    walk.add_argument("--token-file", required=True, type=Path)
    walk.add_argument("--other-token-file", required=True, type=Path)
    walk.add_argument("--shown-url", help="--url as the reader reaches it")
    walk.add_argument("--shown-cat", help="a command that prints a token file to the reader")
    options = parser.parse_args()

    # A cleanup that a plain `kill` or a closed terminal would skip isn't one.
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda number, frame: sys.exit(128 + number))
    # A shell that starts this in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if options.command == "walk":
            return walk_only(options)
        return serve(keep_serving=options.command == "run")
    except BrokenPipeError:
        # Whoever read this had enough, as `head` has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (Failure, OSError) as error:
        sys.stdout.flush()
        print(f"{red('error:')} {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 0 if options.command == "run" else 130


# --- Starting and stopping ---------------------------------------------------------------


def serve(keep_serving):
    """Starts the service, the function and Envoy, walks through the answers, and cleans up."""
    # Here, for `walk` has this file alone; and no __pycache__ in the source.
    sys.dont_write_bytecode = True
    from processes import remove, require_free, start, wait_until_listens

    print(bold("namespace-jwt: a private function behind Envoy\n"))
    for file in (ISSUER, ENVOY, FILTER):
        if not file.exists():
            command = "make run" if keep_serving else "make demo"
            raise Failure(f"{file.relative_to(ROOT)} is missing: `{command}` builds it first")
    for port in (LISTENER, FUNCTION, SERVICE):
        require_free(port)
    done(f"ports {LISTENER} to {SERVICE} are free")

    with contextlib.ExitStack() as cleanup:
        folder = Path(tempfile.mkdtemp(prefix="demo-", dir=ROOT / "target"))
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        # Nothing from the caller's own variables reaches what is started here.
        environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("SCW_", "ISSUER_"))
        }
        service, api = start_service(cleanup, folder, environment)
        gateway = make_function(api, folder)

        function = start(
            cleanup, "function", folder,
            [sys.executable, str(ROOT / "envoy" / "function.py"), "--port", str(FUNCTION)],
        )
        wait_until_listens(FUNCTION, function)
        done(f"the function on 127.0.0.1:{FUNCTION}")

        envoy = start(
            cleanup, "envoy", folder,
            [str(ENVOY), "--config-path", "envoy/demo.yaml", "--disable-hot-restart",
             "--concurrency", "2", "--file-flush-interval-msec", "100",
             "--log-level", "warning", "--component-log-level", "wasm:info"],
            {**environment, **gateway.variables},
        )
        # Envoy replaces the file if it is there, but leaves it behind.
        cleanup.callback(remove, ADMIN)
        wait_until_listens(LISTENER, envoy)
        url = f"http://127.0.0.1:{LISTENER}/hello"
        # Until a worker knows which keys count it answers 503.
        answer, ready = wait_until_all_answer(url, None, lambda answer: answer.status != 503)
        if ready is None:
            raise Failure(f"Envoy goes on answering {answer.status}\n{envoy.log_tail()}")
        done(f"Envoy on 127.0.0.1:{LISTENER}, its admin at {ADMIN.relative_to(ROOT)}")

        token, other_token = gateway.token["token"], gateway.other_token["token"]
        try:
            status = walk_through(url, f"http://127.0.0.1:{FUNCTION}", token, other_token)
            status |= explain(folder, {**environment, **gateway.variables})
            status |= delete(api, gateway, url, envoy)
        except urllib.error.URLError as error:
            raise Failure(f"a request failed ({error})\n{envoy.log_tail()}") from None
        if status != 0:
            raise Failure(
                f"an answer wasn't the expected one\n{envoy.log_tail()}\n{service.log_tail()}"
            )
        if keep_serving:
            write_private(folder / "token", gateway.token["token"])
            # The hundreds of requests that waited for a change would push the lines to paste off the
            # screen. Envoy writes them within the interval that it was started with.
            time.sleep(0.3)
            since = envoy.out.stat().st_size
            show_run(url, folder.relative_to(ROOT), gateway, api.in_an_hour())
            follow(envoy, since, function, service)
            print()
        service.stop()
        if service.process.returncode != 0:
            raise Failure(f"the service ended with status {service.process.returncode}, not 0\n"
                          f"{service.log_tail()}")
        return status


def start_service(cleanup, folder, environment):
    """Starts `issuer serve` on an empty database, and reads its owner's key."""
    from processes import start, wait_until_listens
    from token_api import Api

    service = start(
        cleanup, "issuer", folder,
        [str(ISSUER), "serve", "--listen", f"127.0.0.1:{SERVICE}",
         "--database", f"sqlite:{folder / 'issuer.db'}"],
        environment,
    )
    wait_until_listens(SERVICE, service)
    wait_until_answers(f"http://127.0.0.1:{SERVICE}/ready", lambda answer: answer.status == 200)
    done(f"the service on 127.0.0.1:{SERVICE}, its database in {folder.relative_to(ROOT)}")
    return service, Api(folder / "issuer.env")


class Gateway:
    """What the service said, as far as a gateway needs it, and the tokens."""

    def __init__(self, namespace, function_id, token, other_token, trust_key):
        self.function_id, self.token, self.other_token = function_id, token, other_token
        self.variables = {
            # As the platform gives them to each of its containers.
            "SCW_NAMESPACE_ID": namespace["id"],
            "SCW_APPLICATION_ID": function_id,
            # What proves that the service said it.
            "NAMESPACE_JWT_TRUST_KEY": trust_key,
        }


def make_function(api, folder):
    """A namespace, a private function, another beside it, and a token for each."""
    begin = time.monotonic()
    with progress("waiting for the namespace's key pair (RSA-4096 can take a second or two)"):
        namespace = api.create_namespace("demo")
    took = time.monotonic() - begin
    done(f"namespace {namespace['id']}, with a key pair of its own ({took:.1f} s)")
    ids = [api.create_function(name, namespace["id"])["id"] for name in ("hello", "other")]
    done(f"private function {ids[0]}, and another one beside it")

    token, other_token = api.create_token(ids[0]), api.issue_jwt(ids[1])
    for name, made in (("token", token), ("other-token", other_token)):
        write_private(folder / name, made["token"])
    done("a token for each of the two, for one hour")

    gateway = Gateway(namespace, ids[0], token, other_token, api.trust_keys())
    done("the trust key, which proves what the service tells gateways")
    lines = (f"{name}={shlex.quote(text)}\n" for name, text in gateway.variables.items())
    write_private(folder / "gateway.env", "".join(lines))
    return gateway


def write_private(path, text):
    """For its owner alone: a token opens the function."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def wait_until_answers(url, expected=lambda answer: True):
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(OSError):
            if expected(send(url)):
                return
        if time.monotonic() > end:
            raise Failure(f"{url} didn't answer as expected within {PATIENCE} seconds")
        time.sleep(0.05)


def follow(envoy, since, *others):
    """Shows Envoy's access log from there on, until Ctrl-C."""
    with open(envoy.out) as log, contextlib.suppress(KeyboardInterrupt):
        log.seek(since)
        while True:
            for service in (envoy, *others):
                service.require_running()
            for line in log:
                print(dim(line.rstrip()), flush=True)
            time.sleep(0.2)


# --- The walk-through --------------------------------------------------------------------


def walk_only(options):
    """Walks through the answers of an Envoy that something else started."""
    tokens = [options.token_file, options.other_token_file]
    for file in tokens:
        if not file.is_file():
            raise Failure(f"{file} is missing: mint it with `issuer issue`")
    wait_until_answers(options.url)
    # Until a worker knows which keys count it answers 503.
    answer, ready = wait_until_all_answer(options.url, None, lambda answer: answer.status != 503)
    if ready is None:
        raise Failure(f"{options.url} goes on answering {answer.status}")
    shown_url = options.shown_url or options.url
    status = walk_through(
        options.url, options.function_url, *(file.read_text().strip() for file in tokens),
        shown_url=shown_url,
    )
    if status == 0:
        show_how_to_repeat(shown_url, options.shown_cat or "cat", *tokens)
    return status


class Answer:
    def __init__(self, status, reason, body):
        self.status, self.reason, self.body = status, reason, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


def send(url, token=None):
    request = urllib.request.Request(url, headers={"X-Auth-Token": token} if token else {})
    # Straight to 127.0.0.1, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        response = opener.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        body = response.read().decode(errors="replace")
        return Answer(response.getcode(), response.reason, body)


def walk_through(url, function_url, token, other_token, shown_url=None):
    """Sends the requests, shows the answers, and returns 0 if each was the expected one."""

    def ask(title, curl_header, header_token):
        print(f"\n{bold(title)}\n{dim(f'   $ curl -i {curl_header}{shown_url or url}')}")
        before = reached(function_url)
        answer = send(url, header_token)
        print(f"   HTTP/1.1 {answer.status} {answer.reason}")
        for line in answer.body.strip().splitlines():
            print(f"   {line}")
        return answer, reached(function_url) - before

    answer, arrived = ask("1. Without a token", "", None)
    refusal = answer.json()
    correct = check("refused, and the function wasn't reached", {
        "status 403": answer.status == 403,
        'a body with type "denied_authentication"': refusal.get("type") == "denied_authentication",
        'a body with reason "not_found"': refusal.get("reason") == "not_found",
        "no request at the function": arrived == 0,
    })

    answer, arrived = ask("2. With a token for this function", '-H "X-Auth-Token: $TOKEN" ', token)
    correct &= check("admitted; the function saw the request, and no token in it", {
        "status 200": answer.status == 200,
        "the function's own answer": answer.json().get("path") == "/hello",
        "one request at the function": arrived == 1,
        "no token header at the function": "x-auth-token" not in answer.body.lower(),
        "no token at the function": token not in answer.body,
    })

    answer, arrived = ask(
        "3. With a token for another function", '-H "X-Auth-Token: $OTHER_TOKEN" ', other_token
    )
    correct &= check("refused, and the function wasn't reached", {
        "status 403": answer.status == 403,
        'a body with type "permissions_denied"': answer.json().get("type") == "permissions_denied",
        "no request at the function": arrived == 0,
    })
    print(flush=True)
    return 0 if correct else 1


def explain(folder, environment):
    """Shows why the last request was refused, and returns 0 if it is the expected reason."""
    print(bold("4. Why?"))
    options = f"--config envoy/demo.yaml --trust http://127.0.0.1:{SERVICE}"
    print(dim(f"   $ issuer inspect - {options} < other-token"))
    with open(folder / "other-token") as token:
        result = subprocess.run(
            [str(ISSUER), "inspect", "-", *options.split()], cwd=ROOT, env=environment,
            stdin=token, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
        )
    for line in (result.stdout + result.stderr).rstrip().splitlines():
        print(f"   {line}".rstrip())
    correct = check("the filter's own reading, with the service's keys", {
        "exit status 1": result.returncode == 1,
        'the reason "not_granted"': "not_granted" in result.stdout,
    })
    print(flush=True)
    return 0 if correct else 1


def delete(api, gateway, url, envoy):
    """Deletes the function's token at the service, and shows how soon Envoy refuses it. Then there
    is a new one in its place. Returns 0 if each answer was the expected one."""
    print(bold("5. The function's token, deleted over the service's API"))
    token_id = gateway.token["id"]

    def ask(method, option):
        print(dim(f'   $ curl -i {option}-H "X-Auth-Token: $SCW_SECRET_KEY" $API/tokens/$ID'))
        status, reason, body = api.send(method, f"tokens/{token_id}")
        answered = time.monotonic()
        print(f"   HTTP/1.1 {status} {reason}\n   {json.dumps(body)}")
        return status, body, answered

    deleted, body, since = ask("DELETE", "-X DELETE ")
    answer, refused = wait_until_all_answer(
        url, gateway.token["token"], lambda answer: answer.status == 403
    )
    print(dim(f'   $ curl -i -H "X-Auth-Token: $TOKEN" {url}'))
    print(f"   HTTP/1.1 {answer.status} {answer.reason}\n   {answer.body}")
    gone, _, _ = ask("GET", "")
    gateway.token = api.create_token(gateway.function_id)
    another = send(url, gateway.token["token"])
    expectations = {
        "status 200 of its deletion": deleted == 200,
        'a body with status "deleting"': body.get("status") == "deleting",
        f"Envoy to refuse it within {PATIENCE} seconds": refused is not None,
        "a body that says that it was revoked": "revoked" in answer.json().get("message", ""),
        "status 404 from the API afterwards": gone == 404,
        "status 200 with a new token for the function": another.status == 200,
        "the process of Envoy that was there before": envoy.process.poll() is None,
    }
    took = f"refused {(refused or since) - since:.2f} s after it was deleted, by every worker"
    correct = check(f"{took}; nothing was restarted, and a new token is admitted", expectations)
    print(flush=True)
    return 0 if correct else 1


def wait_until_all_answer(url, token, expected):
    """Asks until every worker answers so. Gives the last answer, and when the first of those in a
    row was there, or none if they aren't."""
    begin, in_a_row, end = None, 0, time.monotonic() + PATIENCE
    while in_a_row < IN_A_ROW:
        answer, now = send(url, token), time.monotonic()
        if not expected(answer):
            begin, in_a_row = None, 0
            if now > end:
                break
            time.sleep(0.005)
            continue
        begin, in_a_row = begin or now, in_a_row + 1
    return answer, begin


def reached(function_url):
    """How many requests the function has had so far."""
    return send(f"{function_url}/-/count").json()["count"]


def check(title, expectations):
    """Says whether all hold, and names those that don't."""
    missed = [expectation for expectation, holds in expectations.items() if not holds]
    if missed:
        print(f"   {red('✗')} expected {', '.join(missed)}")
    else:
        print(f"   {green('✓')} {title}")
    return not missed


def show_how_to_repeat(url, cat, token_file, other_token_file):
    print(f"""{bold("To repeat it, in another terminal, from the top of the repository:")}

   curl -i {url}
   curl -i -H "X-Auth-Token: $({cat} {token_file})" {url}
   curl -i -H "X-Auth-Token: $({cat} {other_token_file})" {url}
""", flush=True)


def show_run(url, folder, gateway, expires_at):
    """The lines that repeat what was shown, and those that ask the service."""
    show_how_to_repeat(url, "cat", folder / "token", folder / "other-token")
    function_id = gateway.function_id
    body = json.dumps({"function_id": function_id, "expires_at": expires_at})
    key = '-H "X-Auth-Token: $SCW_SECRET_KEY"'
    inspect = "target/release/issuer inspect - --config envoy/demo.yaml"
    inspect += f" --trust http://127.0.0.1:{SERVICE}"
    print(f"""   (set -a; . {folder}/gateway.env; {inspect} < {folder}/token)
   curl -s --unix-socket {ADMIN.relative_to(ROOT)} 'http://admin/stats?filter=namespace_jwt'

{bold("The service's API: create a token, the same by issue-jwt, list, delete; Envoy refuses it:")}

   . {folder}/issuer.env; API=$SCW_API_URL/functions/v1beta1/regions/$SCW_DEFAULT_REGION
   curl -i {key} -d {shlex.quote(body)} "$API/tokens"
   curl -i {key} "$API/issue-jwt?function_id={function_id}&expires_at={expires_at}"
   curl -i {key} "$API/tokens?function_id={function_id}"
   curl -i {key} -X DELETE "$API/tokens/{gateway.token['id']}"
   sleep 1; curl -i -H "X-Auth-Token: $(cat {folder}/token)" {url}

What Envoy logs of your requests follows. Ctrl-C stops everything, and removes the database, keys and tokens.
""", flush=True)


# --- Output ------------------------------------------------------------------------------


def done(text):
    print(f"  {green('✓')} {text}", flush=True)


@contextlib.contextmanager
def progress(text):
    """Shows that a long step is under way; on a terminal, for how long."""
    if not TERMINAL:
        print(f"  … {text}", flush=True)
        yield
        return
    begin, finished = time.monotonic(), threading.Event()

    def tick():
        while not finished.wait(0.2):
            print(f"\r  … {text} {time.monotonic() - begin:.0f} s", end="", flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        finished.set()
        ticker.join()
        print("\r\x1b[K", end="", flush=True)


def paint(code):
    return lambda text: f"\x1b[{code}m{text}\x1b[0m" if TERMINAL else text


bold, dim, red, green = paint(1), paint(2), paint(31), paint(32)

if __name__ == "__main__":
    sys.exit(main())
