"""Tell apart why an image cannot be had: what the registry answered, or that it did not answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .causes import Cause, Severity

ANSWER_LIMIT = 500

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(?:: (?:ErrImagePull|ImagePullBackOff))?:? ?')
_EVENT = re.compile(r'^Failed to pull image "[^"]*": ')
_PREFIXES = re.compile(
    r'(?:rpc error: code = \w+ desc = |failed to pull and unpack image "[^"]*": |failed to resolve image: )'
)
# In this order: the text for a refused connection may hold a URL with "not found" in it, not the other way round.
_UNREACHABLE = re.compile(
    r"dial tcp|connection refused|no such host|i/o timeout|deadline exceeded|x509|tls:|EOF|unreachable|\b50\d\b"
)
_DENIED = re.compile(r"(?i)denied|unauthorized|authorization|forbidden|no basic auth|\b40[13]\b")
_MISSING = re.compile(r"(?i)not ?found|manifest unknown|name unknown|\b404\b")
_FAULTS = (
    ("pod.image_unreachable", _UNREACHABLE),
    ("pod.image_denied", _DENIED),
    ("pod.image_missing", _MISSING),
)


def image_cause(container: str, image: str, reason: str, message: str, events: Sequence[Mapping[str, Any]]) -> Cause:
    """Return why the image of a container cannot be had, with the registry's own answer.

    `events` of the pod, oldest first: older servers tell the answer only there once the pull backs off.
    """
    params = {"container": container, "image": image}
    if reason == "ErrImageNeverPull":
        return Cause("pod.image_never_pulled", Severity.ERROR, params)
    if reason == "InvalidImageName":
        return Cause("pod.image_name_invalid", Severity.ERROR, params)
    answer = _BACK_OFF.sub("", message) or _told_before(events)
    answer = _PREFIXES.sub("", answer).strip()
    params["answer"] = answer[:ANSWER_LIMIT]
    for code, pattern in _FAULTS:
        if pattern.search(answer):
            return Cause(code, Severity.ERROR, params)
    return Cause("pod.image_failed", Severity.ERROR, params)


def _told_before(events: Sequence[Mapping[str, Any]]) -> str:
    for event in reversed(events):
        message = str(event.get("message", ""))
        if event.get("reason") == "Failed" and _EVENT.match(message):
            return _EVENT.sub("", message)
    return ""
