"""What demo.py starts, and stops again: with the standard library alone."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class ProcessError(OSError):
    """What went wrong and what to do about it, in one line."""


class Service:
    """A process of the demo; stdout and stderr go to files of the demo's folder."""

    def __init__(self, name, folder, command, environment):
        self.name = name
        self.out = folder / f"{name}.out"
        self.err = folder / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            # A session of its own: Ctrl-C is for this program, which then stops the rest.
            try:
                self.process = subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                    stdout=out, stderr=err, start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"{command[0]} can't be run: {error.strerror}") from None

    def require_running(self):
        if self.process.poll() is not None:
            ended = f"{self.name} ended with status {self.process.returncode}"
            raise ProcessError(f"{ended}\n{self.log_tail()}")

    def log_tail(self, lines=25):
        log = self.err.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"the end of {self.name}'s log:", *(f"  {line}" for line in log)])

    def stop(self):
        self.process.terminate()
        try:
            # `issuer serve` answers what is under way for up to 10 seconds.
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(cleanup, name, folder, command, environment=None):
    service = Service(name, folder, command, environment)
    cleanup.callback(service.stop)
    return service


def remove(file):
    with contextlib.suppress(FileNotFoundError):
        file.unlink()


def wait_until_listens(port, service, seconds=30):
    end = time.monotonic() + seconds
    while True:
        service.require_running()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        if time.monotonic() > end:
            waited = f"within {seconds} seconds"
            raise ProcessError(f"{service.name} didn't listen on port {port} {waited}")
        time.sleep(0.05)


def require_free(port):
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ProcessError(
                f"port {port} on 127.0.0.1 isn't free ({error.strerror}): stop what listens "
                f"there (`ss -ltnp sport = :{port}` names it; another `make run`?), then run "
                "this again"
            ) from None
