"""The function that the demo protects: it answers with what reached it.

It has no notion of tokens. /-/count tells how many requests came, itself not counted,
so that the walk-through can show that a refused request never got here.
"""

import argparse
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

count = 0
count_lock = threading.Lock()


class Function(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        global count
        self.rfile.read(int(self.headers.get("content-length") or 0))
        with count_lock:
            if self.path != "/-/count":
                count += 1
            seen = count
        if self.path == "/-/count":
            body = {"count": seen}
        else:
            body = {
                "message": "hello from the private function",
                "method": self.command,
                "path": self.path,
                "headers": [f"{name.lower()}: {value}" for name, value in self.headers.items()],
            }
        payload = (json.dumps(body, indent=2) + "\n").encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, format, *args):
        """Quiet: Envoy's access log has each request."""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--address", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=10001)
    options = arguments.parse_args()
    try:
        ThreadingHTTPServer((options.address, options.port), Function).serve_forever()
    except KeyboardInterrupt:
        pass
