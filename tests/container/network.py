"""Runs a command in a network of its own that looks like a container's.

    unshare --net python3 network.py COMMAND...

Loopback is up, and has an address that isn't loopback's. Standard library only: `ip` isn't
everywhere.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS, SIOCSIFADDR = 0x8914, 0x8916
IFF_UP, IFF_RUNNING = 0x1, 0x40
OUTSIDE = "192.0.2.1"

with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING))
    address = socket.inet_aton(OUTSIDE)
    request = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, address)
    fcntl.ioctl(any_socket, SIOCSIFADDR, request)
os.execvp(sys.argv[1], sys.argv[1:])
