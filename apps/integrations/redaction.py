"""Keep secrets out of texts that people and logs see."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MESSAGE_LIMIT = 2000
MASK = "***"
# Shorter ones would mask parts of ordinary words, and no real token is that short.
SHORTEST_SECRET = 4

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
# Long enough not to take "Basic authentication" for one.
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|private-token:?)\s+[A-Za-z0-9._~+/=-]{16,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Redactor:
    """Masks given secrets in any spelling a message may carry them: plain, URL-quoted, base64 of basic auth."""

    def __init__(self, secrets: Iterable[str], username: str = "") -> None:
        spellings: set[str] = set()
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                continue
            pair = base64.b64encode(f"{username}:{secret}".encode()).decode()
            alone = base64.b64encode(secret.encode()).decode()
            spellings |= {secret, quote(secret, safe=""), quote_plus(secret), pair, alone}
        # Longest first, so that a secret inside another leaves no rest behind.
        ordered = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(spelling) for spelling in ordered)) if ordered else None

    def __call__(self, text: str) -> str:
        """Return the text without the secrets, URL credentials and authorization values."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        text = _USERINFO.sub(f"{MASK}@", text)
        return _AUTHORIZATION.sub(lambda match: f"{match[1]} {MASK}", text)

    def __repr__(self) -> str:
        return "Redactor()"


def shorten(text: str) -> str:
    """Return the text without control characters and at most MESSAGE_LIMIT long."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
