"""How a status looks: its tone (the colour of its meaning) and its shape, so that colour is never the only sign.

Neutral waits, blue is in progress, green is well, amber needs attention, red failed, violet waits for a person or
policy.
"""

from __future__ import annotations

from typing import NamedTuple


class Look(NamedTuple):
    """A tone of the design system and an icon of the sprite."""

    tone: str
    icon: str


UNKNOWN = Look("neutral", "circle")

# Builds, deployments, release orders, pods and workloads share words; where they do, the word means the same.
LOOKS: dict[str, Look] = {
    "draft": Look("neutral", "pencil"),
    "pending": Look("neutral", "circle-dashed"),
    "queued": Look("neutral", "clock"),
    "waiting": Look("neutral", "clock"),
    "scheduled": Look("neutral", "calendar-clock"),
    "canceled": Look("neutral", "ban"),
    "superseded": Look("neutral", "replace"),
    "skipped": Look("neutral", "circle-slash"),
    "unknown": Look("neutral", "circle-dashed"),
    "running": Look("blue", "loader-circle"),
    "verifying": Look("blue", "loader-circle"),
    "applying": Look("blue", "loader-circle"),
    "progressing": Look("blue", "loader-circle"),
    "executing": Look("blue", "loader-circle"),
    "succeeded": Look("green", "circle-check"),
    "ready": Look("green", "circle-check"),
    "healthy": Look("green", "circle-check"),
    "active": Look("green", "circle-check"),
    "passed": Look("green", "circle-check"),
    "approved": Look("green", "user-check"),
    "degraded": Look("amber", "triangle-alert"),
    "warning": Look("amber", "triangle-alert"),
    "drifted": Look("amber", "diff"),
    "errored": Look("amber", "octagon-alert"),
    "unreachable": Look("amber", "wifi-off"),
    "failed": Look("red", "circle-x"),
    "failing": Look("red", "circle-x"),
    "rejected": Look("red", "circle-x"),
    "paused": Look("violet", "circle-pause"),
    "submitted": Look("violet", "user-check"),
    "blocked": Look("violet", "lock"),
    "maintenance": Look("violet", "lock"),
}

ENVIRONMENT_ICONS = {"test": "flask-conical", "staging": "layers", "production": "shield-check"}

MESSAGE_TONES = {"debug": "neutral", "info": "blue", "success": "green", "warning": "amber", "error": "red"}

TONE_ICONS = {
    "neutral": "info",
    "blue": "info",
    "green": "circle-check",
    "amber": "triangle-alert",
    "red": "octagon-alert",
    "violet": "lock",
}


def look_of(status: str) -> Look:
    """Return how a status looks; an unknown one is neutral, never an error on the page."""
    return LOOKS.get(status, UNKNOWN)
