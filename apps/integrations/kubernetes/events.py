"""Reading Event objects, which every component fills in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def event_time(event: Mapping[str, Any]) -> str:
    """Return when an event was last seen: the kubelet and the scheduler fill different fields."""
    series = event.get("series") or {}
    metadata = event.get("metadata") or {}
    times = (
        event.get("lastTimestamp"),
        series.get("lastObservedTime"),
        event.get("eventTime"),
        metadata.get("creationTimestamp"),
    )
    return str(next((time for time in times if time), ""))
