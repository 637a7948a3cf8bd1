"""What all controllers share: the queue of keys, owned objects, pods by kind.

https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/controllers.md
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Iterable
from typing import Any, ClassVar

from deploy.sandbox.kubernetes import objects, selectors
from deploy.sandbox.kubernetes.events import Recorder
from deploy.sandbox.kubernetes.status import ApiError
from deploy.sandbox.kubernetes.store import Event, Store

Object = dict[str, Any]
Key = tuple[str, str]  # namespace and name
FINAL = ("Succeeded", "Failed")
RETRY_FIRST, RETRY_LONGEST = 0.5, 60.0
_log = logging.getLogger(__name__)


class Controller:
    """Brings the objects of `resource` to what they ask for; `also` are other resources whose changes concern them."""

    resource: ClassVar[str]
    also: ClassVar[tuple[str, ...]] = ()
    component: ClassVar[str] = "kube-controller-manager"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.events = Recorder(store, self.component)
        self._dirty: dict[Key, None] = {}  # a dict keeps the order
        self._wake = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: list[Any] = []

    def concerned(self, event: Event) -> Iterable[Key]:
        """Return the objects that a change of one of `also` concerns; by default the owners of this kind."""
        for obj in (event.object, event.previous):
            for owner in (obj or {}).get("metadata", {}).get("ownerReferences") or ():
                if owner.get("controller"):
                    yield (event.object["metadata"].get("namespace", ""), owner["name"])

    def sync(self, obj: Object) -> float | None:
        """Bring one object (a copy) to what it asks for; return in how many seconds to look again, if nothing changes."""
        raise NotImplementedError

    def removed(self, obj: Object) -> None:
        """Take note that an object is gone."""

    # The queue

    async def start(self) -> None:
        """Look at everything once, and from then on at what changes."""
        self._unsubscribe = [self.store.subscribe(self._on_own, self.resource)]
        self._unsubscribe += [self.store.subscribe(self._on_other, each) for each in self.also]
        for obj in self.store.scan(self.resource):
            self.enqueue((obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def enqueue(self, key: Key) -> None:
        """Look at an object soon."""
        self._dirty[key] = None
        self._wake.set()

    def enqueue_in(self, key: Key, seconds: float) -> None:
        """Look at an object then, unless something happens before."""
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.enqueue, key)

    def _on_own(self, event: Event) -> None:
        metadata = event.object["metadata"]
        if event.type == "DELETED":
            self.removed(event.object)
        self.enqueue((metadata.get("namespace", ""), metadata["name"]))

    def _on_other(self, event: Event) -> None:
        for key in self.concerned(event):
            self.enqueue(key)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                key = next(iter(self._dirty))
                del self._dirty[key]
                self._look_at(key)
                await asyncio.sleep(0)  # let requests in between

    def _look_at(self, key: Key) -> None:
        obj = self.store.get(self.resource, *key)
        if obj is None:
            self._failures.pop(key, None)
            return
        try:
            again = self.sync(obj)
        except ApiError as exc:  # a conflict, a refusal: later it may do
            self._retry(key, str(exc))
            return
        except Exception:  # noqa: BLE001 - one object must not stop a controller
            _log.exception("%s %s", self.resource, key)
            self._retry(key, "see above")
            return
        self._failures.pop(key, None)
        if again is not None:
            self.enqueue_in(key, max(0.05, again))

    def _retry(self, key: Key, why: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(RETRY_LONGEST, RETRY_FIRST * 2 ** min(failures - 1, 20))
        _log.debug("%s %s: %s; again in %.1f s", self.resource, key, why, delay)
        self.enqueue_in(key, delay)


# Objects and their owners


def controller_of(obj: Object) -> Object | None:
    """Return the ownerReference of the one that controls an object."""
    return next((owner for owner in obj["metadata"].get("ownerReferences") or () if owner.get("controller")), None)


def claim(store: Store, resource: str, owner: Object) -> list[Object]:
    """Return the objects that `owner` controls, taking over orphans that its selector matches and letting go of those it does not."""
    namespace, uid = owner["metadata"]["namespace"], owner["metadata"]["uid"]
    selector = selectors.from_label_selector(owner["spec"].get("selector"))
    deleting = "deletionTimestamp" in owner["metadata"]
    mine = []
    for obj in store.scan(resource, namespace):
        controller = controller_of(obj)
        fits = selectors.matches(selector, obj["metadata"].get("labels"))
        if controller is not None and controller["uid"] == uid:
            if fits:
                mine.append(obj)
            elif not deleting:
                _change_owners(store, resource, obj, lambda owners: [each for each in owners if each["uid"] != uid])
        elif controller is None and fits and not deleting and "deletionTimestamp" not in obj["metadata"]:
            adopted = _change_owners(store, resource, obj, lambda owners: [*owners, objects.owner_reference(owner)])
            if adopted is not None:
                mine.append(adopted)
    return [store.get(resource, namespace, obj["metadata"]["name"]) or obj for obj in mine]


def _change_owners(store: Store, resource: str, obj: Object, change: Any) -> Object | None:
    fresh = store.get(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
    if fresh is None:
        return None
    fresh["metadata"]["ownerReferences"] = change(fresh["metadata"].get("ownerReferences") or [])
    return store.update(resource, fresh)


def pod_from(template: Object, owner: Object, *, name: str | None = None) -> Object:
    """Return a new pod of a template, owned by `owner`."""
    metadata = template.get("metadata") or {}
    prefix = f"{owner['metadata']['name']}-"
    named = {"name": name} if name else {"name": prefix[:58] + objects.suffix(), "generateName": prefix}
    return {
        "metadata": {
            **named, "namespace": owner["metadata"]["namespace"], "labels": dict(metadata.get("labels") or {}),
            "annotations": dict(metadata.get("annotations") or {}), "finalizers": list(metadata.get("finalizers") or []),
            "ownerReferences": [objects.owner_reference(owner)],
        },
        "spec": template["spec"],
    }  # fmt: skip


# Pods


def is_active(pod: Object) -> bool:
    """Return whether a pod counts: neither ended nor being deleted."""
    return phase_of(pod) not in FINAL and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Object) -> bool:
    """Return whether a pod is being deleted and has not ended yet."""
    return phase_of(pod) not in FINAL and "deletionTimestamp" in pod["metadata"]


def phase_of(pod: Object) -> str:
    """Return a pod's phase."""
    return str((pod.get("status") or {}).get("phase", "Pending"))


def condition(obj: Object, type: str) -> Object | None:
    """Return a condition of an object."""
    return next((each for each in (obj.get("status") or {}).get("conditions") or () if each["type"] == type), None)


def is_ready(pod: Object) -> bool:
    """Return whether a pod is ready."""
    found = condition(pod, "Ready")
    return found is not None and found["status"] == "True"


def ready_for(pod: Object) -> float:
    """Return for how many seconds a pod has been ready; below zero where it is not."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return -1.0
    return max(0.0, seconds_since(found["lastTransitionTime"]))


def seconds_since(stamp: str) -> float:
    """Return the seconds since a time that an object holds."""
    return (dt.datetime.now(dt.UTC) - objects.parse_time(stamp)).total_seconds()


def delete_pod(store: Store, pod: Object) -> None:
    """Delete a pod with its own grace period."""
    store.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"], uid=pod["metadata"]["uid"])


def write_status(store: Store, resource: str, obj: Object, status: Object) -> None:
    """Write an object's status where it differs; the object's version is not checked."""
    if obj.get("status") == status:
        return
    fresh = store.get(resource, obj["metadata"].get("namespace"), obj["metadata"]["name"])
    if fresh is None or fresh["metadata"]["uid"] != obj["metadata"]["uid"]:
        return
    fresh["status"] = status
    fresh["metadata"].pop("resourceVersion", None)
    store.update(resource, fresh, status=True)


def resolve_count(value: int | str | None, total: int, default: int | str, *, up: bool) -> int:
    """Return a count that may be written as a percentage of `total`."""
    value = default if value is None else value
    if isinstance(value, int):
        return value
    percent = int(value.rstrip("%"))
    return -(-total * percent // 100) if up else total * percent // 100
