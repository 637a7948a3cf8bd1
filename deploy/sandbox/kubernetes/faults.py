"""How faults of fields are worded, and the rules of names that several kinds share."""

from __future__ import annotations

from typing import Any

import msgspec

from .status import Cause

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_FAULT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
SUBDOMAIN_FAULT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{LABEL}(\.{LABEL})*')"
)


def invalid_value(field: str, value: Any, why: str) -> Cause:
    """Return the cause for a value that breaks a rule."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {why}", field)


def required(field: str, why: str = "") -> Cause:
    """Return the cause for a value that is missing."""
    return Cause("FieldValueRequired", f"Required value{': ' + why if why else ''}", field)


def shown(value: Any) -> str:
    """Return a value as the real server quotes it."""
    return msgspec.json.encode(value).decode()
