"""Write Events as the components of a cluster do: counted when they repeat, combined when they are alike, dropped when too many.

https://github.com/kubernetes/client-go/blob/master/tools/record/events_cache.go
"""

from __future__ import annotations

import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from typing import Any

from . import objects
from .status import ApiError
from .store import Store

Object = dict[str, Any]
BURST = 25  # events of one component about one object at once
REFILL_SECONDS = 300  # then one more in this time
ALIKE = 10  # different messages of one reason within ALIKE_SECONDS, before they are combined
ALIKE_SECONDS = 600
REMEMBERED = 4096


@dataclass
class _Spam:
    left: float = BURST
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) / REFILL_SECONDS)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Recorder:
    """The events of one component (on one host, for the kubelet)."""

    def __init__(self, store: Store, component: str, host: str | None = None) -> None:
        self._store = store
        self._component = component
        self._host = host
        self._spam: dict[str, _Spam] = defaultdict(_Spam)
        self._alike: dict[tuple[str, ...], tuple[float, set[str]]] = {}
        self._known: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()

    def record(self, obj: Object, type: str, reason: str, message: str, field_path: str | None = None) -> None:
        """Record an event about `obj`; one that was recorded before is counted up."""
        message = message[:1024]
        uid = obj["metadata"]["uid"]
        if not self._spam[uid].take():
            return
        message, key = self._combine((uid, type, reason, field_path or ""), message)
        known = self._known.get(key)
        if known is not None and self._count_up(*known, message):
            self._known.move_to_end(key)
            return
        event = self._new(obj, type, reason, message, field_path)
        try:
            created = self._store.create("events", event)
        except ApiError:  # the namespace is going or gone: nobody can read it there
            return
        self._known[key] = (created["metadata"]["namespace"], created["metadata"]["name"])
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        if len(self._spam) > REMEMBERED:
            self._spam.clear()

    def announce(self, obj: Object, type: str, reason: str, message: str, action: str) -> None:
        """Record an event in the newer form, which has a time and an action but no count (the scheduler's)."""
        event = self._new(obj, type, reason, message[:1024], None)
        event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": objects.micro_now(), "action": action,
                  "reportingInstance": f"{self._component}-{self._host}"}  # fmt: skip
        event.pop("count")
        try:
            self._store.create("events", event)
        except ApiError:
            return

    def _combine(self, key: tuple[str, ...], message: str) -> tuple[str, tuple[str, ...]]:
        now = time.monotonic()
        since, messages = self._alike.get(key, (now, set()))
        if now - since > ALIKE_SECONDS:
            since, messages = now, set()
        messages.add(message)
        self._alike[key] = (since, messages)
        if len(self._alike) > REMEMBERED:
            self._alike.clear()
        if len(messages) >= ALIKE:
            return f"(combined from similar events): {message}", (*key, "combined")
        return message, (*key, message)

    def _count_up(self, namespace: str, name: str, message: str) -> bool:
        event = self._store.get("events", namespace, name)
        if event is None:
            return False
        event["count"] = event.get("count", 1) + 1
        event["lastTimestamp"] = objects.now()
        event["message"] = message
        self._store.update("events", event)
        return True

    def _new(self, obj: Object, type: str, reason: str, message: str, field_path: str | None) -> Object:
        metadata = obj["metadata"]
        now = objects.now()
        involved = {
            "kind": obj["kind"], "namespace": metadata.get("namespace"), "name": metadata["name"], "uid": metadata["uid"],
            "apiVersion": obj["apiVersion"], "resourceVersion": metadata.get("resourceVersion"), "fieldPath": field_path,
        }  # fmt: skip
        source = {"component": self._component} | ({"host": self._host} if self._host else {})
        return {
            "metadata": {"name": f"{metadata['name']}.{time.time_ns():x}", "namespace": metadata.get("namespace") or "default"},
            "involvedObject": {key: value for key, value in involved.items() if value is not None},
            "reason": reason, "message": message, "source": source, "firstTimestamp": now, "lastTimestamp": now, "count": 1,
            "type": type, "eventTime": None, "reportingComponent": self._component, "reportingInstance": self._host or "",
        }  # fmt: skip
