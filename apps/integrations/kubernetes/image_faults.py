"""Tell apart why an image cannot be had: what the registry answered, or that it did not answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .causes import Cause, Severity
from .pod_parts import text

IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)

_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(?:: (?:ErrImagePull|ImagePullBackOff))?:? ?')
_EVENT = re.compile(r'^Failed to pull image "[^"]*": ')
_PREFIXES = re.compile(
    r'(?:rpc error: code = \w+ desc = |failed to pull and unpack image "[^"]*": |failed to resolve image: '
    r'|failed to resolve reference "[^"]*": |Error response from daemon: )'
)
# In this order: the text for a refused connection may hold a URL with "not found" in it, not the other way round.
_FAULTS = (
    ("pod.image_platform", re.compile(r"no match for platform|no matching manifest for")),
    ("pod.image_rate_limited", re.compile(r"(?i)toomanyrequests|too many requests|rate limit|\b429\b|QPS exceeded")),
    ("pod.image_no_space", re.compile(r"no space left on device")),
    (
        "pod.image_unreachable",
        re.compile(
            r"dial tcp|connection refused|connection reset|no such host|i/o timeout|deadline exceeded|x509|tls:|EOF"
            r"|unreachable|HTTP response to HTTPS client|\b50\d\b"
        ),
    ),
    (
        "pod.image_denied",
        re.compile(r"(?i)denied|unauthorized|authorization|forbidden|no basic auth|authentication required|\b40[13]\b"),
    ),
    ("pod.image_missing", re.compile(r"(?i)not ?found|manifest unknown|name unknown|does not exist|\b404\b")),
)


def image_cause(container: str, image: str, reason: str, message: str, events: Sequence[Mapping[str, Any]]) -> Cause:
    """Return why the image of a container cannot be had, with the registry's own answer.

    `events` about the container, oldest first: older servers tell the answer only there once the pull backs off.
    """
    params = {"container": container, "image": image}
    if reason == "ErrImageNeverPull":
        return Cause("pod.image_never_pulled", Severity.ERROR, params)
    if reason == "InvalidImageName":
        return Cause("pod.image_name_invalid", Severity.ERROR, params)
    answer = _PREFIXES.sub("", _BACK_OFF.sub("", message) or _told_before(events)).strip()
    params["answer"] = text(answer)
    for code, pattern in _FAULTS:
        if pattern.search(answer):
            return Cause(code, Severity.ERROR, params)
    if not answer:
        # Only the back-off is left; the events that held the answer are gone or may not be read.
        return Cause("pod.image_unexplained", Severity.ERROR, params)
    return Cause("pod.image_failed", Severity.ERROR, params)


def _told_before(events: Sequence[Mapping[str, Any]]) -> str:
    for event in reversed(events):
        message = event.get("message") or ""
        if event.get("reason") == "Failed" and _EVENT.match(message):
            return _EVENT.sub("", message)
    return ""
