"""Remove what has lost its owners; finish foreground and orphaning deletions.

https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

import asyncio
from typing import Any

from deploy.sandbox.kubernetes.resources import BY_KIND, RESOURCES
from deploy.sandbox.kubernetes.status import ApiError
from deploy.sandbox.kubernetes.store import Event, Store

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Garbage:
    """Listens to every change. Reactions run a moment later, one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._todo: asyncio.Queue[tuple[str, Object, bool]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Any = None

    async def start(self) -> None:
        """Look at everything once, and from then on at what changes."""
        self._unsubscribe = self._store.subscribe(self._on_change)
        for resource in RESOURCES:
            if resource.review or resource.stored_as:
                continue
            for obj in self._store.scan(resource.key):
                if _interesting(obj):
                    self._todo.put_nowait((resource.key, obj, False))
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _on_change(self, event: Event) -> None:
        if event.type == "DELETED":
            self._todo.put_nowait((event.resource, event.object, True))
        elif _interesting(event.object) and (event.type == "ADDED" or _deletion_changed(event)):
            self._todo.put_nowait((event.resource, event.object, False))

    async def _run(self) -> None:
        while True:
            resource, obj, gone = await self._todo.get()
            try:
                if gone:
                    self._owner_gone(obj)
                else:
                    self._look_at(resource, obj)
            except ApiError:  # it changed meanwhile; the change brings it here again
                continue
            await asyncio.sleep(0)

    def _owner_gone(self, owner: Object) -> None:
        for resource, dependent in self._store.owned_by(owner["metadata"]["uid"]):
            self._collect(resource, dependent)
        for reference in owner["metadata"].get("ownerReferences") or ():  # an owner may wait for this one
            found = self._find(reference, owner["metadata"].get("namespace"))
            if found is not None and FOREGROUND in (found[1]["metadata"].get("finalizers") or ()):
                self._finish_foreground(*found)

    def _look_at(self, resource: str, obj: Object) -> None:
        metadata = obj["metadata"]
        fresh = self._store.get(resource, metadata.get("namespace"), metadata["name"])
        if fresh is None or fresh["metadata"]["uid"] != metadata["uid"]:
            return
        finalizers = fresh["metadata"].get("finalizers") or ()
        if "deletionTimestamp" in fresh["metadata"]:
            if ORPHAN in finalizers:
                self._orphan(resource, fresh)
            elif FOREGROUND in finalizers:
                self._finish_foreground(resource, fresh)
        elif fresh["metadata"].get("ownerReferences"):
            self._collect(resource, fresh)

    def _collect(self, resource: str, obj: Object) -> None:
        """Delete an object none of whose owners is there any more."""
        metadata = obj["metadata"]
        if any(self._find(reference, metadata.get("namespace")) for reference in metadata.get("ownerReferences") or ()):
            return
        self._store.delete(resource, metadata.get("namespace"), metadata["name"], uid=metadata["uid"])

    def _find(self, reference: Object, namespace: str | None) -> tuple[str, Object] | None:
        resource = BY_KIND.get((reference["apiVersion"], reference["kind"]))
        if resource is None:
            return None
        where = namespace if resource.namespaced else None
        found = self._store.get(resource.key, where, reference["name"])
        return (resource.key, found) if found is not None and found["metadata"]["uid"] == reference["uid"] else None

    def _orphan(self, resource: str, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        for kind, dependent in self._store.owned_by(uid):
            kept = [each for each in dependent["metadata"]["ownerReferences"] if each["uid"] != uid]
            dependent["metadata"]["ownerReferences"] = kept
            self._store.update(kind, dependent)
        self._drop_finalizer(resource, owner, ORPHAN)

    def _finish_foreground(self, resource: str, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        dependents = self._store.owned_by(uid)
        for kind, dependent in dependents:
            if "deletionTimestamp" not in dependent["metadata"]:
                metadata = dependent["metadata"]
                has_own = bool(self._store.owned_by(metadata["uid"]))
                how = "Foreground" if has_own else "Background"
                self._store.delete(kind, metadata.get("namespace"), metadata["name"], propagation=how)  # type: ignore[arg-type]
        blocking = [
            each for _, each in self._store.owned_by(uid)
            if any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in each["metadata"]["ownerReferences"])
        ]  # fmt: skip
        if not blocking:
            self._drop_finalizer(resource, owner, FOREGROUND)

    def _drop_finalizer(self, resource: str, obj: Object, finalizer: str) -> None:
        fresh = self._store.get(resource, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        if fresh is None:
            return
        fresh["metadata"]["finalizers"] = [
            each for each in fresh["metadata"].get("finalizers") or () if each != finalizer
        ]
        self._store.update(resource, fresh)


def _interesting(obj: Object) -> bool:
    metadata = obj["metadata"]
    return bool(metadata.get("ownerReferences")) or "deletionTimestamp" in metadata


def _deletion_changed(event: Event) -> bool:
    before = (event.previous or {}).get("metadata", {})
    after = event.object["metadata"]
    return ("deletionTimestamp" in after) != ("deletionTimestamp" in before) or (
        before.get("ownerReferences") != after.get("ownerReferences")
    )
