"""What of an object differs from what was applied, field by field, with who changed it. Pure.

Ownership is the test, not the text: a field that `slipway` still owns holds what was applied, however the server or a
webhook spells it, because whoever changes a value takes it over. What the cluster writes (status, defaults, an
autoscaler's replicas) and what Slipway's own recorded operations wrote is no drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from apps.deployments.prune import identity, is_ours
from apps.integrations.kubernetes.client import RESTART_ANNOTATION

from .ownership import Entry, Ownership, Path, leaves, row_name, write_path

Object = Mapping[str, Any]

CHANGED, REMOVED, ADDED = "changed", "removed", "added"
MISSING, EXTRA = "missing", "extra"
MOST_FIELDS = 100
# In these an empty text is a value; elsewhere the server drops what is empty.
_TABLES = frozenset({"labels", "annotations", "data", "nodeSelector", "matchLabels", "selector"})
# Bookkeeping of kubectl, and a restart: who restarted by hand has left nothing that should be undone.
_NEVER = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", RESTART_ANNOTATION, "deployment.kubernetes.io/revision"}
)
# What the server fills in by itself; who creates an object without server-side apply is written down as its owner.
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "dnsPolicy": ("ClusterFirst",),
    "restartPolicy": ("Always",),
    "schedulerName": ("default-scheduler",),
    "imagePullPolicy": ("IfNotPresent", "Always"),
    "terminationGracePeriodSeconds": (30,),
    "progressDeadlineSeconds": (600,),
    "revisionHistoryLimit": (10,),
    "replicas": (1,),
    "maxSurge": ("25%",),
    "maxUnavailable": ("25%",),
    "type": ("RollingUpdate", "ClusterIP", "Opaque"),
    "failureThreshold": (3,),
    "successThreshold": (1,),
    "periodSeconds": (10,),
    "timeoutSeconds": (1,),
    "scheme": ("HTTP",),
    "protocol": ("TCP",),
    "sessionAffinity": ("None",),
    "internalTrafficPolicy": ("Cluster",),
    "ipFamilyPolicy": ("SingleStack",),
    "defaultMode": (420,),
    "apiVersion": ("v1",),
}


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field that is not as it was applied; values are None where they must not be shown."""

    steps: Path
    what: str
    wanted: Any = None
    live: Any = None
    hidden: bool = False
    manager: str = ""  # empty: who removes a field leaves no name
    operation: str = ""
    subresource: str = ""
    at: str = ""

    @property
    def path(self) -> str:
        """Return where the field is, as Kubernetes writes it."""
        return write_path(self.steps)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "steps"}
        return {"path": self.path, **values}


@dataclass(frozen=True, slots=True)
class ObjectDrift:
    """One object that differs, is missing, or is ours and should not be there."""

    kind: str
    name: str
    what: str
    fields: tuple[FieldDrift, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        said = [field.as_dict() for field in self.fields]
        return {"kind": self.kind, "name": self.name, "what": self.what, "fields": said}


def compare_sets(wanted: Sequence[Object], live: Iterable[Object]) -> list[ObjectDrift]:
    """Return how `live` differs from the set that was applied.

    `live` are the objects of the application that were found; of those that are not in the set only those that Slipway
    made count. Give both with secret values in place: they are compared, and never are part of the answer.
    """
    found = {identity(item): item for item in live if not item["metadata"].get("deletionTimestamp")}
    drifts: list[ObjectDrift] = []
    for item in wanted:
        match = found.pop(identity(item), None)
        if match is None:
            drifts.append(ObjectDrift(*identity(item), MISSING))
        elif different := compare(item, match):
            drifts.append(ObjectDrift(*identity(item), CHANGED, tuple(different[:MOST_FIELDS])))
    drifts += [ObjectDrift(*key, EXTRA) for key, item in found.items() if is_ours(item)]
    return drifts


def compare(wanted: Object, live: Object) -> list[FieldDrift]:
    """Return the fields of one object that differ from what was applied."""
    comparison = _Comparison(wanted, live)
    return sorted(comparison.drifts(), key=lambda drift: (drift.path, drift.what))


class _Comparison:
    def __init__(self, wanted: Object, live: Object) -> None:
        self._wanted, self._live = wanted, live
        self._ownership = Ownership(live)
        self._secret = wanted.get("kind") == "Secret"

    def drifts(self) -> Iterator[FieldDrift]:
        for key in self._wanted:
            if key not in ("apiVersion", "kind", "status"):
                yield from self._differences(self._wanted[key], self._live.get(key), (key,))
        yield from self._additions()

    # -- what was applied and is different, or gone ------------------------------------------------------------

    def _differences(self, wanted: Any, live: Any, path: Path) -> Iterator[FieldDrift]:
        if live is None:
            if not _dropped_by_the_server(wanted, path):
                yield self._drift(REMOVED, path, wanted, None, None)
        elif isinstance(wanted, dict) and isinstance(live, dict):
            for key, value in wanted.items():
                yield from self._differences(value, live.get(key), (*path, key))
        elif isinstance(wanted, list) and isinstance(live, list):
            yield from self._rows(wanted, live, path)
        elif wanted != live and (owner := self._stranger(path)) is not None:
            yield self._drift(CHANGED, path, wanted, live, owner)

    def _rows(self, wanted: list[Any], live: list[Any], path: Path) -> Iterator[FieldDrift]:
        keys = self._ownership.row_keys(path, [*wanted, *live])
        if keys is not None:
            rows = {row_name(row, keys): row for row in live}
            for row in wanted:
                name = row_name(row, keys)
                yield from self._differences(row, rows.get(name), (*path, name))
        elif len(wanted) == len(live):
            for index, pair in enumerate(zip(wanted, live, strict=True)):
                yield from self._differences(*pair, (*path, index))
        elif (owner := self._stranger(path)) is not None:
            yield self._drift(CHANGED, path, wanted, live, owner)

    def _stranger(self, path: Path) -> Entry | None:
        """Return who made a value what it is; None where that was Slipway, the server at our request, or the cluster."""
        owners = self._ownership.owners(path)
        if any(owner.is_ours or owner.is_the_clusters for owner in owners):
            return None
        return owners[0] if owners else _NOBODY

    # -- what others put there ---------------------------------------------------------------------------------

    def _additions(self) -> Iterator[FieldDrift]:
        seen: set[Path] = set()
        for entry in sorted(self._ownership.entries, key=lambda entry: entry.time, reverse=True):
            if entry.is_ours or entry.is_the_clusters:
                continue
            for path in leaves(entry.fields):
                top = self._first_unknown(path)
                if top is None or top in seen or any(owner.is_ours for owner in self._ownership.owners(path)):
                    continue
                value = value_at(self._live, top)
                if value is not None and not _is_default(path, value_at(self._live, path)):
                    seen.add(top)
                    yield self._drift(ADDED, top, None, value, entry)

    def _first_unknown(self, path: Path) -> Path | None:
        """Return the shortest beginning of a path that the set says nothing about; None where it speaks of it all."""
        if path[:1] in (("status",), ("apiVersion",), ("kind",)) or path[-1] in _NEVER:
            return None
        for length in range(1, len(path) + 1):
            if value_at(self._wanted, path[:length]) is None:
                # A whole map may hold one thing that matters and one that never does: say it value by value.
                whole = isinstance(path[length - 1], tuple)
                return path[:length] if whole else path
        return None

    def _drift(self, what: str, path: Path, wanted: Any, live: Any, owner: Entry | None) -> FieldDrift:
        hidden = self._is_hidden(path)
        return FieldDrift(
            steps=path,
            what=what,
            wanted=None if hidden else wanted,
            live=None if hidden else live,
            hidden=hidden,
            manager=owner.manager if owner else "",
            operation=owner.operation if owner else "",
            subresource=owner.subresource if owner else "",
            at=owner.time if owner else "",
        )

    def _is_hidden(self, path: Path) -> bool:
        """Return whether a value may be a secret: one of a Secret, or what stands where a variable read one."""
        if self._secret and path[0] in ("data", "stringData"):
            return True
        for length, step in enumerate(path, start=1):
            if isinstance(step, tuple) and path[length - 2] == "env":
                row = value_at(self._wanted, path[:length]) or {}
                return "secretKeyRef" in (row.get("valueFrom") or {})
        return False


_NOBODY = Entry("", "", "", "", {})


def _dropped_by_the_server(wanted: Any, path: Path) -> bool:
    in_table = len(path) > 1 and path[-2] in _TABLES
    return wanted is None or (wanted in ("", 0, False, [], {}) and not in_table)


def _is_default(path: Path, value: Any) -> bool:
    name = path[-1]
    if value in (None, {}, []):
        return True
    return isinstance(name, str) and value in _DEFAULTS.get(name, ())


def value_at(item: Any, path: Path) -> Any:
    """Return the value at a path of an object, None where there is none."""
    for step in path:
        if isinstance(step, str):
            item = item.get(step) if isinstance(item, Mapping) else None
        elif isinstance(step, int):
            item = item[step] if isinstance(item, list) and step < len(item) else None
        else:
            keys = [key for key, _ in step]
            rows = item if isinstance(item, list) else []
            item = next((row for row in rows if isinstance(row, Mapping) and row_name(row, keys) == step), None)
        if item is None:
            return None
    return item
