"""Server-side apply and the bookkeeping of who owns which field (`metadata.managedFields`).

Flow of an apply: typed configuration -> merge into the live object -> remove what this manager stated last time and
nobody states now -> compare with the live object -> conflicts (one cause a field) or, with force, take over.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import copy
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import msgspec

from . import objects, typed
from .resources import Resource
from .schema import Node, of_kind
from .status import ApiError, Cause
from .typed import Path, Paths

Object = dict[str, Any]
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_STRIPPED: Paths = {
    ("f:apiVersion",), ("f:kind",), ("f:metadata",),
    *(("f:metadata", f"f:{name}") for name in (
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion",
        "deletionTimestamp", "deletionGracePeriodSeconds", "generateName",
    )),
}  # fmt: skip


@dataclass(frozen=True)
class Manager:
    """Who owns fields: a name, how it came to own them, and through which door."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def described(self) -> str:
        """Return the owner as conflict messages name it."""
        text = f'"{self.name}"'
        if self.operation == "Update":
            if self.subresource:
                text += f' with subresource "{self.subresource}"'
            text += f" using {self.api_version}"
        return text


@dataclass
class Managed:
    """The decoded `managedFields` of one object."""

    sets: dict[Manager, Paths] = field(default_factory=dict)
    times: dict[Manager, str] = field(default_factory=dict)

    @classmethod
    def of(cls, obj: Object) -> Managed:
        """Return the bookkeeping that an object carries."""
        managed = cls()
        for entry in obj["metadata"].get("managedFields") or ():
            manager = Manager(
                entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
            )
            managed.sets[manager] = typed.from_fields(entry.get("fieldsV1") or {})
            if "time" in entry:
                managed.times[manager] = entry["time"]
        return managed

    def encoded(self) -> list[Object]:
        """Return the entries in the order of the real server: applies first, then by time and name."""
        entries = []
        for manager, paths in self.sets.items():
            if not paths:
                continue
            entry: Object = {"manager": manager.name, "operation": manager.operation}
            entry["apiVersion"] = manager.api_version
            if manager in self.times:
                entry["time"] = self.times[manager]
            entry |= {"fieldsType": "FieldsV1", "fieldsV1": typed.to_fields(paths)}
            if manager.subresource:
                entry["subresource"] = manager.subresource
            entries.append(entry)
        entries.sort(key=lambda e: (e["operation"], e.get("time", ""), e["manager"], e.get("subresource", "")))
        return entries


def node_of(resource: Resource) -> Node:
    """Return the schema of a resource's objects."""
    return of_kind(resource.group, resource.version, resource.kind)


def apply(
    resource: Resource, live: Object | None, config: Object, manager: str, *, force: bool, subresource: str = ""
) -> Object:
    """Return the live object (None: a new one) with the configuration applied and its owners noted.

    Raises:
        ApiError: 409 with a cause for each field that another manager owns with another value.
    """
    node = node_of(resource)
    applier = Manager(manager, "Apply", resource.api_version, subresource)
    managed = Managed.of(live) if live is not None else Managed()
    base = _stripped_live(live) if live is not None else {}
    if live is not None and not managed.sets:
        first = Manager("before-first-apply", "Update", resource.api_version)
        managed.sets[first] = set(typed.flatten(node, base, containers=True)) - _STRIPPED
        managed.times[first] = objects.now()
    config = copy.deepcopy(config)
    last = managed.sets.get(applier, set())
    stated = typed.paths_of(node, config) - _STRIPPED
    if resource.has_status and not subresource:
        config.pop("status", None)
        stated = {path for path in stated if path[0] != "f:status"}
    elif subresource == "status":
        stated = {path for path in stated if path[0] == "f:status"}
    merged = typed.merge(node, base, config)
    managed.sets[applier] = stated
    owned = typed.prefixes(path for paths in managed.sets.values() for path in paths)
    dropped = {path for path in typed.with_named_parents(node, last) if path not in owned} - _STRIPPED
    result: Object = typed.remove(node, merged, dropped)
    difference = typed.compare(node, base, result)
    _settle(managed, applier, difference, force=force, allowed=_handed_over(node, live, manager))
    if difference:
        managed.times[applier] = objects.now()
    result["metadata"] = {**result.get("metadata", {}), "managedFields": managed.encoded()}
    return result


def _stripped_live(live: Object) -> Object:
    base = dict(live)
    base["metadata"] = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return base


def _handed_over(node: Node, live: Object | None, manager: str) -> Paths:
    """Return what `kubectl apply --server-side` may take without force: what kubectl applied on the client before."""
    text = ((live or {}).get("metadata", {}).get("annotations") or {}).get(_LAST_APPLIED)
    if manager != "kubectl" or not text:
        return set()
    try:
        return typed.paths_of(node, msgspec.json.decode(text))
    except msgspec.DecodeError:
        return set()


def _settle(
    managed: Managed, writer: Manager, difference: typed.Difference, *, force: bool, allowed: Set[Path] = frozenset()
) -> None:
    """Find who else owns what changes: refuse, or take it from them; forget what is no longer there."""
    changed = (difference.modified | difference.added) - _STRIPPED
    conflicts: list[tuple[Manager, list[str]]] = []
    for manager, paths in managed.sets.items():
        if manager == writer:
            continue
        contested = paths & changed
        if (refused := contested - allowed) and not force:
            conflicts.append((manager, sorted(typed.readable(path) for path in refused)))
        managed.sets[manager] = paths - contested - difference.removed
    if conflicts:
        raise _conflict(conflicts)
    managed.sets = {manager: paths for manager, paths in managed.sets.items() if paths}


def _conflict(conflicts: list[tuple[Manager, list[str]]]) -> ApiError:
    conflicts.sort(key=lambda conflict: conflict[0].name)
    causes = [
        Cause("FieldManagerConflict", f"conflict with {manager.described()}", path)
        for manager, paths in conflicts
        for path in paths
    ]
    if len(causes) == 1:
        told = f"conflict with {conflicts[0][0].described()}: {causes[0].field}"
        message = f"Apply failed with 1 conflict: {told}"
    else:
        told = "\n".join(
            "\n".join((f"conflicts with {manager.described()}:", *(f"- {path}" for path in paths)))
            for manager, paths in conflicts
        )
        message = f"Apply failed with {len(causes)} conflicts: {told}"
    return ApiError(409, "Conflict", message, {"causes": [cause.as_dict() for cause in causes]})


def track_update(resource: Resource, old: Object | None, new: Object, manager: str, subresource: str = "") -> None:
    """Note in `new` that `manager` changed it by something other than apply, and whose fields it took."""
    node = node_of(resource)
    writer = Manager(manager, "Update", resource.api_version, subresource)
    managed = Managed.of(new)
    before = _stripped_live(old) if old is not None else {"metadata": {}}
    difference = typed.compare(node, before, _stripped_live(new))
    if difference:
        taken = (difference.added | difference.modified) - _STRIPPED
        if subresource == "status":
            taken = {path for path in taken if path[0] in ("f:status", "f:metadata")}
        mine = managed.sets.pop(writer, set()) - difference.removed
        _settle(managed, writer, difference, force=True)
        if taken or mine:
            managed.sets[writer] = mine | taken
        if taken:
            managed.times[writer] = objects.now()
    new["metadata"]["managedFields"] = managed.encoded()
