"""Applications that listen where the filter could be passed by, and some that don't.

    application.py NAME

What NAME listens on is below. It gets PORT from container.sh, like any other application.
"""

import ctypes
import os
import socket
import sys
import threading
import time

PORT = int(os.environ.get("PORT", 0))
# container.yaml's own.
CONTAINER_PORT = 8080
# An address of the namespace that the tests make, off loopback.
OUTSIDE = "192.0.2.1"
SIDECAR_PORT = 15006

sockets = []


def listen(address, port, reuse_port=False, protocol=0):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    it = socket.socket(family, socket.SOCK_STREAM, protocol)
    it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if address == "::":
        it.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    it.bind((address, port))
    it.listen()
    sockets.append(it)


def good():
    listen("127.0.0.1", PORT)


def when_envoy_serves():
    while True:
        try:
            socket.create_connection((OUTSIDE, CONTAINER_PORT)).close()
            return
        except OSError:
            time.sleep(0.05)


# --- Past the filter ---------------------------------------------------------------------


def on_every_address():
    listen("0.0.0.0", PORT)


def on_every_address_of_both_families():
    # As Node does it.
    sockets.append(socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True))


def on_the_containers_port_over_ipv6():
    good()
    listen("::", CONTAINER_PORT)


def on_the_outside_address():
    good()
    listen(OUTSIDE, 9000)


def on_the_containers_port_before_envoy():
    good()
    listen("0.0.0.0", CONTAINER_PORT, reuse_port=True)


def on_the_containers_port_over_ipv6_later():
    good()
    when_envoy_serves()
    listen("::", CONTAINER_PORT)


def on_another_port_later():
    good()
    when_envoy_serves()
    listen("0.0.0.0", 9000)


def in_a_child():
    good()
    if os.fork() == 0:
        os.setsid()
        listen("0.0.0.0", 9000)
        time.sleep(60)
        os._exit(0)


def in_a_process_that_cannot_be_looked_into():
    good()
    pr_set_dumpable = 4
    assert ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0) == 0
    listen("0.0.0.0", 9000)


def by_a_thread_with_files_of_its_own():
    good()

    def serve():
        ctypes.CDLL(None, use_errno=True).unshare(0x400)  # CLONE_FILES
        listen("0.0.0.0", 9000)
        time.sleep(3600)

    threading.Thread(target=serve, daemon=True).start()


def after_the_main_thread_has_ended():
    def serve():
        good()
        listen("0.0.0.0", 9000)
        time.sleep(3600)

    threading.Thread(target=serve).start()
    ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)  # exit, of this thread alone


def over_multipath_tcp():
    # What Go listens with.
    good()
    listen("0.0.0.0", 9000, protocol=262)


# --- Harmless ----------------------------------------------------------------------------


def on_loopback_alone():
    good()
    listen("::1", 9000)
    # As Java does it.
    listen("::ffff:127.0.0.1", 9001)
    listen("127.1.2.3", 9002)
    # Connections and datagrams of its own are nobody's way in.
    sockets.append(socket.create_connection((OUTSIDE, SIDECAR_PORT)))
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].bind(("0.0.0.0", 9003))


def shares_envoys_port():
    good()
    when_envoy_serves()
    try:
        listen("0.0.0.0", CONTAINER_PORT, reuse_port=True)
        print("shares Envoy's port", flush=True)
    except OSError as error:
        print(f"no share of Envoy's port: {error.strerror}", flush=True)


def on_another_loopback_port():
    listen("127.0.0.1", 3000)


def sidecar():
    listen("0.0.0.0", SIDECAR_PORT)


globals()[sys.argv[1]]()
time.sleep(60)
