"""Ports on 127.0.0.1: the usual one, or any free one where it is taken; remembered from then on."""

from __future__ import annotations

import socket
from pathlib import Path

from .errors import Refusal
from .home import read_json, write_json

HOST = "127.0.0.1"


class Ports:
    """The ports of one installation, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = read_json(path) or {}

    def choose(self, name: str, usual: int, *, in_use_by_us: bool, demanded: int | None = None) -> int:
        """Return the port of a service.

        Raises:
            Refusal: the user demanded a port that somebody else has.
        """
        known = self._known.get(name)
        if known is not None and in_use_by_us and demanded in (None, known):
            return known
        if demanded is not None and not is_free(demanded):
            raise Refusal(f"port {demanded} is taken by another program: free it, or set SLIPWAY_PORT to another one")
        candidates = (demanded,) if demanded is not None else (known, usual)
        port = next((candidate for candidate in candidates if candidate and is_free(candidate)), None) or free_port()
        self._known[name] = port
        write_json(self._path, self._known)
        return port


def is_free(port: int) -> bool:
    """Return whether a server could listen there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port that nobody has at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
        return port
