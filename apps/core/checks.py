"""System checks that turn a missing or broken setting into a line that names the variable."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


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
