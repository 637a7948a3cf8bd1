"""Events are one kind of object with two faces: core/v1 and events.k8s.io/v1. They are kept in the core form."""

from __future__ import annotations

from typing import Any

from .resources import Resource

Object = dict[str, Any]
_TO_EVENTS = {
    "involvedObject": "regarding", "message": "note", "source": "deprecatedSource", "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp", "lastTimestamp": "deprecatedLastTimestamp",
    "reportingComponent": "reportingController",
}  # fmt: skip
_TO_CORE = {new: old for old, new in _TO_EVENTS.items()}


def outward(resource: Resource, obj: Object) -> Object:
    """Return a kept object as it looks through `resource`."""
    if not resource.stored_as:
        return obj
    renamed = {_TO_EVENTS.get(key, key): value for key, value in obj.items()}
    if not renamed.get("reportingInstance"):  # here it may be left out, in core/v1 it is always there
        renamed.pop("reportingInstance", None)
    return {**renamed, "kind": resource.kind, "apiVersion": resource.api_version}


def inward(resource: Resource, obj: Object) -> Object:
    """Return an object that came in through `resource` as it is kept."""
    if not resource.stored_as:
        return obj
    renamed = {_TO_CORE.get(key, key): value for key, value in obj.items()}
    renamed.setdefault("involvedObject", {})
    return {**renamed, "kind": "Event", "apiVersion": "v1"}
