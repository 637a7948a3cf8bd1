"""The addresses of a node's pods.

With network namespaces they are the cluster's own (10.…); without, loopback addresses that no other pod on the machine uses.
"""

from __future__ import annotations

import random
import socket
import zlib


class Addresses:
    """Gives each pod an address and remembers which are taken."""

    def __init__(self, cluster: str, *, own_network: bool) -> None:
        self._own_network = own_network
        self._prefix = f"10.{64 + zlib.crc32(cluster.encode()) % 128}" if own_network else ""
        self._taken: dict[str, str] = {}

    def take(self, pod_uid: str) -> str:
        """Return a free address for a pod."""
        while True:
            address = self._candidate()
            if address not in self._taken.values() and (self._own_network or _is_free(address)):
                self._taken[pod_uid] = address
                return address

    def keep(self, pod_uid: str, address: str) -> None:
        """Note the address of a pod that is running already."""
        self._taken[pod_uid] = address

    def give_back(self, pod_uid: str) -> None:
        """Free a pod's address."""
        self._taken.pop(pod_uid, None)

    def _candidate(self) -> str:
        low = f"{random.randint(0, 250)}.{random.randint(2, 250)}"
        return f"{self._prefix}.{low}" if self._own_network else f"127.{random.randint(64, 126)}.{low}"


def _is_free(address: str) -> bool:
    """Return whether nobody listens where most containers do; a node without namespaces cannot know more."""
    for port in (80, 8000, 8080):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            if sock.connect_ex((address, port)) == 0:
                return False
    return True
