"""What etcd and the registry are to a real cluster: objects with versions, kept on disk, and news of their changes.

Flow of a write: check preconditions -> admission (defaults, limits, quota) -> new resourceVersion -> SQLite
(write-ahead log, so a killed process loses nothing that was answered) -> memory -> history -> subscribers, in order.
All is synchronous and belongs to one event loop thread; no reader ever sees half a write.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from . import objects
from .resources import BY_KEY, Resource
from .selectors import Selector, compile_labels, matches
from .status import AlreadyExists, Conflict, Expired, NotFound

Object = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Propagation = Literal["Background", "Foreground", "Orphan"]
FIRST_VERSION = 1000  # so that small versions are too old from the start, as in a cluster with a past
HISTORY = 8192  # changes kept per resource for watches that start in the past


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `object` and `previous` are shared by all who listen: read them, do not change them."""

    type: EventType
    object: Object
    previous: Object | None
    resource: str
    version: int


Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes over HTTP, for managedFields; `applied` says that apply has noted the owners already."""

    manager: str
    subresource: str = ""
    applied: bool = False


class Admission(Protocol):
    """What may change or refuse a write before it is kept."""

    def on_create(self, resource: Resource, obj: Object, writer: Writer | None) -> Object:
        """Return the object to create, with defaults; raise ApiError to refuse it."""

    def on_update(self, resource: Resource, obj: Object, old: Object, writer: Writer | None, *, status: bool) -> Object:
        """Return the object to keep in place of `old`; raise ApiError to refuse it."""


@dataclass(slots=True)
class _Entry:
    object: Object
    raw: bytes
    version: int


class Store:
    """The objects of one cluster, in `path` (SQLite) and in memory."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.admission: Admission | None = None
        self._entries: dict[str, dict[tuple[str, str], _Entry]] = defaultdict(dict)
        self._history: dict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=HISTORY))
        self._floor: dict[str, int] = defaultdict(int)
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._owned: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS objects (resource TEXT, namespace TEXT, name TEXT, version INTEGER, raw BLOB,"
            " PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS counter (only INTEGER PRIMARY KEY CHECK (only = 1), version INTEGER);"
        )
        self._database.execute("INSERT OR IGNORE INTO counter VALUES (1, ?)", (FIRST_VERSION,))
        self._load()

    def _load(self) -> None:
        (self.version,) = self._database.execute("SELECT version FROM counter").fetchone()
        self._started_at = self.version
        rows = self._database.execute("SELECT resource, namespace, name, version, raw FROM objects")
        for resource, namespace, name, version, raw in rows:
            obj = msgspec.json.decode(raw)
            self._entries[resource][namespace, name] = _Entry(obj, raw, version)
            self._index_owners(resource, namespace, name, None, obj)

    def close(self) -> None:
        """Close the database; the store cannot be used any more."""
        self._database.close()

    # Reading

    def get(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Return a copy of one object, or None."""
        entry = self._entries[resource].get((namespace or "", name))
        return None if entry is None else msgspec.json.decode(entry.raw)

    def peek(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Return the kept object itself, or None: quick, to be read only."""
        entry = self._entries[resource].get((namespace or "", name))
        return None if entry is None else entry.object

    def raw(self, resource: str, namespace: str | None, name: str) -> bytes | None:
        """Return one object as its JSON bytes, or None."""
        entry = self._entries[resource].get((namespace or "", name))
        return None if entry is None else entry.raw

    def list(
        self,
        resource: str,
        namespace: str | None = None,
        labels: str | Mapping[str, str] | Selector | None = None,
    ) -> list[Object]:
        """Return copies of all objects of a resource, sorted by namespace and name."""
        return [msgspec.json.decode(entry.raw) for entry in self._select(resource, namespace, labels)]

    def scan(
        self,
        resource: str,
        namespace: str | None = None,
        labels: str | Mapping[str, str] | Selector | None = None,
    ) -> list[Object]:
        """Return the kept objects themselves: quick, to be read only."""
        return [entry.object for entry in self._select(resource, namespace, labels)]

    def owned_by(self, uid: str) -> list[tuple[str, Object]]:
        """Return (resource, copy) of every object that names `uid` as an owner."""
        found = sorted(self._owned.get(uid, ()))
        return [(resource, msgspec.json.decode(self._entries[resource][ns, name].raw)) for resource, ns, name in found]

    def _select(
        self, resource: str, namespace: str | None, labels: str | Mapping[str, str] | Selector | None
    ) -> Iterator[_Entry]:
        selector = compile_labels(labels)
        entries = self._entries[resource]
        for key in sorted(entries):
            if namespace and key[0] != namespace:
                continue
            entry = entries[key]
            if not selector or matches(selector, entry.object["metadata"].get("labels")):
                yield entry

    # Writing

    def create(self, resource: str, obj: Object, *, writer: Writer | None = None, dry_run: bool = False) -> Object:
        """Keep a new object and return it with uid, version, time and generation.

        Raises:
            AlreadyExists: there is one of that name.
            ApiError: admission refuses it.
        """
        described = BY_KEY[resource]
        obj = _copy(obj)
        objects.begin(described, obj)
        if self.admission is not None:
            obj = self.admission.on_create(described, obj, writer)
        metadata = obj["metadata"]
        key = (metadata.get("namespace", ""), metadata["name"])
        existing = self._entries[described.storage].get(key)
        if existing is not None:
            deleting = "deletionTimestamp" in existing.object["metadata"]
            raise AlreadyExists(resource, metadata["name"], deleting=deleting)
        return self._commit("ADDED", described.storage, key, obj, dry_run=dry_run)

    def update(
        self,
        resource: str,
        obj: Object,
        *,
        status: bool = False,
        writer: Writer | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Replace an object and return it; with `status` only `.status` and the annotations are taken.

        An update that changes nothing keeps the resourceVersion and makes no news. One that takes the last
        finalizer from an object being deleted removes it.

        Raises:
            NotFound: there is no such object.
            Conflict: metadata.resourceVersion or metadata.uid is not the kept one's.
            ApiError: admission refuses it.
        """
        described = BY_KEY[resource]
        key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        entry = self._entries[described.storage].get(key)
        if entry is None:
            raise NotFound(resource, key[1])
        old = entry.object
        self._check_preconditions(resource, old, obj["metadata"].get("uid"), obj["metadata"].get("resourceVersion"))
        new = objects.carry_over(described, _copy(obj), _copy(old), status=status)
        if self.admission is not None:
            new = self.admission.on_update(described, new, old, writer, status=status)
        new = objects.ordered(described, new)
        if not status and objects.needs_new_generation(described, new, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        if objects.same(new, old):
            return _copy(old)
        if "deletionTimestamp" in new["metadata"] and objects.may_go(described, new):
            return self._commit("DELETED", described.storage, key, new, dry_run=dry_run)
        return self._commit("MODIFIED", described.storage, key, new, dry_run=dry_run)

    def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        grace: int | None = None,
        propagation: Propagation = "Background",
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Object | None:
        """Delete an object, or mark it as being deleted while finalizers or a pod's grace period hold it.

        Return its last state (with deletionTimestamp where it stays for now), or None where there is none.

        Raises:
            Conflict: `uid` or `version` is not the kept one's.
        """
        described = BY_KEY[resource]
        key = (namespace or "", name)
        entry = self._entries[described.storage].get(key)
        if entry is None:
            return None
        self._check_preconditions(resource, entry.object, uid, version, precondition=True)
        new = objects.ordered(described, objects.mark_deleted(described, _copy(entry.object), grace, propagation))
        if objects.may_go(described, new):
            return self._commit("DELETED", described.storage, key, new, dry_run=dry_run)
        if objects.same(new, entry.object):
            return _copy(entry.object)
        return self._commit("MODIFIED", described.storage, key, new, dry_run=dry_run)

    def _check_preconditions(
        self, resource: str, old: Object, uid: str | None, version: str | None, *, precondition: bool = False
    ) -> None:
        kept = old["metadata"]
        if uid and uid != kept["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {kept['uid']}"
            raise Conflict(resource, kept["name"], why)
        if version and version != kept["resourceVersion"]:
            why = Conflict.MODIFIED
            if precondition:
                why = (
                    f"Precondition failed: ResourceVersion in precondition: {version}, "
                    f"ResourceVersion in object meta: {kept['resourceVersion']}"
                )
            raise Conflict(resource, kept["name"], why)

    def _commit(self, type: EventType, resource: str, key: tuple[str, str], obj: Object, *, dry_run: bool) -> Object:
        if dry_run:
            if type == "ADDED":
                del obj["metadata"]["resourceVersion"]
            return obj
        entry = self._entries[resource].get(key)
        version = self.version + 1
        obj["metadata"]["resourceVersion"] = str(version)
        raw = msgspec.json.encode(obj)
        execute = self._database.execute
        execute("BEGIN IMMEDIATE")
        try:
            if type == "DELETED":
                execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", (resource, *key))
            else:
                execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (resource, *key, version, raw))
            execute("UPDATE counter SET version = ?", (version,))
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")
        self.version = version
        if type == "DELETED":
            del self._entries[resource][key]
        else:
            self._entries[resource][key] = _Entry(obj, raw, version)
        previous = entry.object if entry is not None else None
        self._index_owners(resource, *key, previous, None if type == "DELETED" else obj)
        told = _with_finalizers(obj, previous) if type == "DELETED" else obj
        self._announce(Event(type, told, previous, resource, version))
        return msgspec.json.decode(raw)

    def _index_owners(self, resource: str, namespace: str, name: str, old: Object | None, new: Object | None) -> None:
        for obj, change in ((old, set.discard), (new, set.add)):
            for owner in (obj or {}).get("metadata", {}).get("ownerReferences") or ():
                change(self._owned[owner["uid"]], (resource, namespace, name))

    # News

    def subscribe(self, callback: Listener, resource: str | None = None) -> Callable[[], None]:
        """Call back synchronously after each change (of one resource or of all); return how to stop that."""
        listeners = self._listeners[resource or ""]
        listeners.append(callback)

        def stop() -> None:
            if callback in listeners:
                listeners.remove(callback)

        return stop

    def since(self, resource: str, version: int) -> list[Event]:
        """Return the changes of a resource after `version`, oldest first.

        Raises:
            Expired: some of them are not kept any more.
        """
        floor = max(self._floor[resource], self._started_at)
        if version < floor:
            raise Expired(f"too old resource version: {version} ({floor})")
        events: list[Event] = []
        for event in reversed(self._history[resource]):
            if event.version <= version:
                break
            events.append(event)
        events.reverse()
        return events

    def snapshot(self, resource: str, version: int) -> list[Object]:
        """Return the objects (to be read only) of a resource as they were at `version`.

        Raises:
            Expired: the changes since then are not kept any more.
        """
        current = {key: entry.object for key, entry in self._entries[resource].items()}
        for event in reversed(self.since(resource, version)):
            metadata = event.object["metadata"]
            key = (metadata.get("namespace", ""), metadata["name"])
            if event.previous is None:
                current.pop(key, None)
            else:
                current[key] = event.previous
        return [current[key] for key in sorted(current)]

    async def watch(self, resource: str, since: int | str | None = None) -> AsyncIterator[Event]:
        """Yield the changes of a resource after `since` (or from now on) for as long as the caller listens.

        Raises:
            Expired: `since` is older than the kept history.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue()
        past = self.since(resource, int(since)) if since is not None else []
        stop = self.subscribe(queue.put_nowait, resource)
        try:
            for event in past:
                yield event
            while True:
                yield await queue.get()
        finally:
            stop()

    def forget_history(self) -> None:
        """Compact: watches can no longer start at a version before now (as etcd does every few minutes)."""
        self._history.clear()
        self._floor.clear()
        self._started_at = self.version

    def _announce(self, event: Event) -> None:
        history = self._history[event.resource]
        if len(history) == HISTORY:
            self._floor[event.resource] = history[0].version
        history.append(event)
        for listener in (*self._listeners[event.resource], *self._listeners[""]):
            listener(event)


def _with_finalizers(obj: Object, previous: Object | None) -> Object:
    """Return a removed object as watches see it: with the finalizers that were the last to hold it."""
    finalizers = (previous or {}).get("metadata", {}).get("finalizers")
    return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}} if finalizers else obj


def _copy(obj: Object) -> Object:
    copied: Object = msgspec.json.decode(msgspec.json.encode(obj))
    return copied
