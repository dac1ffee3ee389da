"""Runs a command as a container engine would: with an image's files and no others, which it can't
change, as a user that isn't root, without capabilities, and with no way to get any.

    unshare --mount python3 confined.py '{"root": …, "volumes": {…}, …}' COMMAND...

Whoever isn't root adds `--user --map-root-user`. Nothing is there that the image hasn't: no /proc,
no /dev, no /tmp. Standard library only.
"""

import ctypes
import json
import os
import subprocess
import sys

CLONE_NEWUSER = 0x10000000
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38

libc = ctypes.CDLL(None, use_errno=True)


def main():
    given, command = json.loads(sys.argv[1]), sys.argv[2:]
    root, user = given["root"], given["user"]
    mount("--bind", root, root)
    for path, folder in given["volumes"].items():
        mount("--bind", folder, root + path)
    mount("-o", "remount,bind,ro", root)
    # One that is mapped to the caller alone: there is no other user to become.
    if not is_mapped(user):
        become_in_a_namespace(user)
    os.chroot(root)
    os.chdir(given["folder"])
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if os.getuid() != user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    os.execve(command[0], command, given["environment"])


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def is_mapped(user):
    with open("/proc/self/uid_map") as lines:
        ranges = [[int(number) for number in line.split()] for line in lines]
    return any(first <= user < first + count for first, _, count in ranges)


def become_in_a_namespace(user):
    outside = os.getuid()
    check(libc.unshare(CLONE_NEWUSER))
    for file, text in (
        ("setgroups", "deny"), ("uid_map", f"{user} {outside} 1"), ("gid_map", f"{user} {outside} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as map_file:
            map_file.write(text)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


main()
