"""What the storefront answers: a function per path."""

import hashlib
import socket

from . import __version__
from .catalogue import list_products


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


def products(settings, query):
    """List what we sell."""
    return {"products": list_products(settings.feature, *query.get("q", [])[:1])}


PAGES = {"/": front, "/products": products, "/secret-check": secret_check}
