"""Asks the container for each path, without a token, and prints what it answers.

    client.py PATH...

Waits until the container listens, as its platform does.
"""

import http.client
import socket
import sys
import time

CONTAINER = ("127.0.0.1", 8080)

end = time.monotonic() + 30
while True:
    try:
        socket.create_connection(CONTAINER).close()
        break
    except OSError:
        if time.monotonic() > end:
            sys.exit("the container doesn't listen")
        time.sleep(0.05)
for path in sys.argv[1:]:
    connection = http.client.HTTPConnection(*CONTAINER, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    print(path, connection.getresponse().status, flush=True)
