"""System checks that turn a missing or broken setting into a line that names the variable."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from .proxies import networks


@register()
def trusted_proxies_are_addresses(**_: Any) -> list[CheckMessage]:
    """Report a SLIPWAY_TRUSTED_PROXIES or SLIPWAY_PROXY_HOPS that cannot be what is meant."""
    found: list[CheckMessage] = []
    try:
        networks(settings.TRUSTED_PROXIES)
    except ValueError as exc:
        hint = "Give addresses or networks such as 10.0.0.0/8, comma separated."
        found.append(Error(f"SLIPWAY_TRUSTED_PROXIES: {exc}.", hint=hint, id="slipway.E003"))
    if settings.PROXY_HOPS < 1:
        hint = "Count the proxies that append to X-Forwarded-For; without any, leave SLIPWAY_TRUSTED_PROXIES empty."
        found.append(Error("SLIPWAY_PROXY_HOPS is less than 1.", hint=hint, id="slipway.E004"))
    return found


@register()
def field_keys_are_valid(**_: Any) -> list[CheckMessage]:
    """Report a SLIPWAY_FIELD_KEYS that is empty or holds something that is no Fernet key."""
    if not settings.FIELD_KEYS:
        return [
            Error(
                "SLIPWAY_FIELD_KEYS is empty.",
                hint="Give one Fernet key or several, comma separated.",
                id="slipway.E001",
            )
        ]
    try:
        for key in settings.FIELD_KEYS:
            Fernet(key)
    except ValueError:
        return [
            Error(
                "SLIPWAY_FIELD_KEYS holds a key that is no Fernet key (32 bytes, url-safe base64).", id="slipway.E002"
            )
        ]
    return []
