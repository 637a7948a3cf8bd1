"""Take secrets out of content that is stored or logged. What is secret, each row knows (`Lifecycle.redactor`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Redact = Callable[[str], str]


def masked(content: Any, redact: Redact) -> Any:
    """Return JSON content with every text in it redacted, however deep; names of fields stay."""
    if isinstance(content, str):
        return redact(content)
    if isinstance(content, Mapping):
        return {name: masked(value, redact) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [masked(each, redact) for each in content]
    return content


def unchanged(text: str) -> str:
    """Return a text as it is: about what has no secrets."""
    return text


def nothing(_text: str) -> str:
    """Return a mask for any text: for when it cannot be found out what is secret."""
    return "***"
