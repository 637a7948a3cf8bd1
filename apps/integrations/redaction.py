"""Keep secrets out of texts that people and logs see."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MESSAGE_LIMIT = 2000
MASK = "***"
# Shorter ones would mask parts of ordinary words, and no real token is that short.
SHORTEST_SECRET = 4
# A line of a secret of several lines, such as a key file: a shorter one may be anything, a brace or a blank.
SHORTEST_LINE = 8

_USERINFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
# Long enough not to take "Basic authentication" for one.
_AUTHORIZATION = re.compile(r"(?i)\b(?:bearer|basic|private-token:?)\s+(?P<value>[A-Za-z0-9._~+/=-]{16,})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

Span = tuple[int, int]


class Redactor:
    """Masks given secrets in any spelling a message may carry them: plain, quoted for URLs or JSON, base64.

    A secret of several lines is masked line by line too, for logs are read in pieces that end anywhere.
    """

    def __init__(self, secrets: Iterable[str], username: str = "") -> None:
        self._spellings: set[str] = set()
        for secret in secrets:
            if len(secret) < SHORTEST_SECRET:
                continue
            self._spellings |= _spellings(secret, username)
            lines = [line.strip() for line in secret.splitlines()]
            if len(lines) > 1:
                self._spellings.update(*(_spellings(line, "") for line in lines if len(line) >= SHORTEST_LINE))

    def __or__(self, other: Redactor) -> Redactor:
        """Return what masks the secrets of both."""
        both = Redactor([])
        both._spellings = self._spellings | other._spellings
        return both

    def __call__(self, text: str) -> str:
        """Return the text without the secrets, URL credentials and authorization values."""
        kept, end = [], 0
        for first, last in self._spans(text):
            kept += [text[end:first], MASK]
            end = last
        return "".join([*kept, text[end:]])

    def safe_cut(self, text: str, at: int) -> int:
        """Return the last position up to `at` where a text can be cut without cutting what has to be masked."""
        return next((first for first, last in self._spans(text) if first < at < last), at)

    def _spans(self, text: str) -> list[Span]:
        """Return what has to be masked, in order; secrets that overlap are one span, so that neither leaves a rest."""
        found = [match.span() for match in _USERINFO.finditer(text)]
        found += [match.span("value") for match in _AUTHORIZATION.finditer(text)]
        for spelling in self._spellings:
            # Far quicker than one pattern of them all, which tries each of them at each character.
            at = text.find(spelling)
            while at >= 0:
                found.append((at, at + len(spelling)))
                at = text.find(spelling, at + 1)
        spans: list[Span] = []
        for first, last in sorted(found):
            if spans and first < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
            else:
                spans.append((first, last))
        return spans

    def __repr__(self) -> str:
        return "Redactor()"


def _spellings(secret: str, username: str) -> set[str]:
    pair = base64.b64encode(f"{username}:{secret}".encode()).decode()
    alone = base64.b64encode(secret.encode()).decode()
    as_json = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    return {secret, quote(secret, safe=""), quote_plus(secret), pair, alone, *as_json}


def shorten(text: str) -> str:
    """Return the text without control characters and at most MESSAGE_LIMIT long."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"
