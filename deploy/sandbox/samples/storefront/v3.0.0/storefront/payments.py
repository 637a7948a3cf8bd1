"""The payment gateway."""

import logging
import os
import sys

log = logging.getLogger("storefront.payments")


class ConfigurationError(Exception):
    """The service cannot run with these settings."""


class Gateway:
    def __init__(self, url):
        self.url = url


def open_gateway(environ=os.environ):
    """Return the gateway that PAYMENT_GATEWAY_URL names."""
    try:
        url = environ["PAYMENT_GATEWAY_URL"]
    except KeyError as exc:
        raise ConfigurationError("setting PAYMENT_GATEWAY_URL is missing: the checkout cannot take payments") from exc
    return Gateway(url)


def require_gateway():
    """Return the gateway, or end the process: a shop that cannot take payments must not start."""
    try:
        return open_gateway()
    except ConfigurationError:
        log.exception("cannot start")
        sys.exit(3)
