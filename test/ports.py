#!/usr/bin/python3
"""Ports for the servers of tests: nobody else gets one while the process that asked for it lives.

A port that was free a moment ago is not enough: its server binds it tens of milliseconds later, and
the tests next door ask all the time.

    ports.py tcp|udp    prints one, for a script without such neighbours: it is free again
"""

import fcntl
import os
import random
import socket
import sys
import tempfile

LOWEST, HIGHEST = 10000, 65535
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
# Byte N is locked by the process that has port N; the kernel unlocks it when that process ends.
reservations = open(f"{tempfile.gettempdir()}/lwm2mqtt-test-ports-{os.getuid()}", "ab")
ours = set()


def not_given_by_the_kernel():
    """Ports that no socket gets by itself: they stay free while a server restarts."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as limits:
        first, last = map(int, limits.read().split())
    outside = [*range(LOWEST, first), *range(last + 1, HIGHEST + 1)]
    return outside if len(outside) >= 1000 else range(LOWEST, HIGHEST + 1)


SERVERS = not_given_by_the_kernel()


def reserve(port):
    """Whether the port is now this process's; not if it was before."""
    if port in ours:
        return False
    try:
        fcntl.lockf(reservations, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    ours.add(port)
    return True


def is_free(kind, port):
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("", port))
            return True
        except OSError:
            return False


def free_port(kind=socket.SOCK_STREAM, candidates=None):
    candidates = candidates or SERVERS
    begin = random.randrange(len(candidates))
    for i in range(len(candidates)):
        port = candidates[(begin + i) % len(candidates)]
        if reserve(port) and is_free(kind, port):
            return port
    raise RuntimeError("every port is taken")


if __name__ == "__main__":
    print(free_port(KINDS[sys.argv[1]]))
