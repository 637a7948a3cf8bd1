"""Look things up in a pod: its containers, what it was told about them, and texts short enough to be stored. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]

TEXT_LIMIT = 500


def text(message: str | None) -> str:
    """Return a message without its surrounding space, and no longer than a row should keep."""
    message = (message or "").strip()
    return message if len(message) <= TEXT_LIMIT else message[: TEXT_LIMIT - 1] + "…"


def container_specs(pod: Object) -> list[Object]:
    """Return what the pod says of its containers, the init containers last. Ephemeral ones are somebody's debugging."""
    spec = pod.get("spec") or {}
    return [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]


def container_spec(pod: Object, name: str) -> Object:
    """Return what the pod says of one container, empty where it says nothing."""
    return next((each for each in container_specs(pod) if each.get("name") == name), {})


def condition(pod: Object, kind: str) -> Object:
    """Return a condition of an object's status, empty where it has none of that type."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return next((each for each in conditions if each.get("type") == kind), {})


def is_about(event: Object, container: str) -> bool:
    """Return whether an event of the pod speaks of that container."""
    return f"{{{container}}}" in ((event.get("involvedObject") or {}).get("fieldPath") or "")
