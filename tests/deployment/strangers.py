"""Connections that want nothing but to be held.

    strangers.py PORT COUNT headers|body|silence

Opens COUNT connections and sends each the begin of a request, or nothing, and a byte more now and
then. Says so when all are open, and lives until it is killed.
"""

import socket
import sys
import time

port, count, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

held = []
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setblocking(False)
    held.append(connection)


def send_to_each(data):
    for connection in held:
        try:
            connection.send(data)
        except OSError:
            # Closed by the other side, as it should be.
            pass


if kind == "headers":
    send_to_each(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
elif kind == "body":
    send_to_each(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n")
print("all open", flush=True)
while True:
    time.sleep(1)
    if kind != "silence":
        send_to_each(b"x")
