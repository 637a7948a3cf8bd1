"""What the storefront answers: a function per path."""

import hashlib
import socket

from . import __version__


def front(settings, query):
    """Say what runs here."""
    return {
        "app": "storefront",
        "version": __version__,
        "commit": settings.commit,
        "greeting": settings.greeting,
        "feature": settings.feature,
        "host": socket.gethostname(),
    }


def secret_check(settings, query):
    """Let an operator check the password without seeing it."""
    return {"sha256": hashlib.sha256(settings.db_password.encode()).hexdigest()}


PAGES = {"/": front, "/secret-check": secret_check}
