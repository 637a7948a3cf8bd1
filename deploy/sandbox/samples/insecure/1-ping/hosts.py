"""Find out about hosts."""

import socket


def has_address(host):
    """Return whether a host's name resolves."""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
