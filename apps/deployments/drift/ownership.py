"""Who set which field of a live object, from its managedFields. Pure.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.integrations.kubernetes.field_managers import FIELD_MANAGER, OPERATION_MANAGERS

# A step is a field's name, the position in a list that is one value, or a row told apart by its keys.
Row = tuple[tuple[str, Any], ...]
Step = str | int | Row
Path = tuple[Step, ...]

# What parts of the cluster itself write as; an autoscaler's number of replicas comes from the first.
CLUSTER_MANAGERS = frozenset(
    (
        "kube-controller-manager",
        "kube-scheduler",
        "kube-apiserver",
        "kubelet",
        "cloud-controller-manager",
        "cluster-autoscaler",
    )
)
# How lists of rows are told apart where nobody's entry shows it (any more).
_USUAL_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "containers": (("name",),),
    "initContainers": (("name",),),
    "ephemeralContainers": (("name",),),
    "env": (("name",),),
    "volumes": (("name",),),
    "volumeMounts": (("mountPath",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "imagePullSecrets": (("name",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}
_KEY_DEFAULTS = {"protocol": "TCP"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One manager's share of an object."""

    manager: str
    operation: str
    subresource: str
    time: str
    fields: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        """Return whether Slipway itself wrote it: a set, or one of its recorded operations (restart, scale, pause)."""
        return self.manager == FIELD_MANAGER or self.manager in OPERATION_MANAGERS

    @property
    def is_the_clusters(self) -> bool:
        """Return whether a part of the cluster wrote it."""
        return self.manager in CLUSTER_MANAGERS or self.subresource == "status"


class Ownership:
    """The managedFields of one object, to be asked by path."""

    def __init__(self, live: Mapping[str, Any]) -> None:
        self.entries = [
            Entry(
                manager=str(entry.get("manager", "")),
                operation=str(entry.get("operation", "")),
                subresource=str(entry.get("subresource", "")),
                time=str(entry.get("time", "")),
                fields=entry.get("fieldsV1") or {},
            )
            for entry in (live.get("metadata") or {}).get("managedFields") or []
        ]

    def owners(self, path: Path) -> list[Entry]:
        """Return whose field this is, the latest first; several may have set the same value."""
        found = [entry for entry in self.entries if _reaches(entry.fields, path)]
        return sorted(found, key=lambda entry: entry.time, reverse=True)

    def row_keys(self, path: Path, rows: Sequence[Any]) -> tuple[str, ...] | None:
        """Return by which fields the server tells the rows of a list apart; None where the list is one value."""
        if not rows or not all(isinstance(row, dict) for row in rows):
            return None
        for entry in self.entries:
            node = _node(entry.fields, path)
            for mark in node or ():
                if mark.startswith("k:"):
                    return tuple(sorted(json.loads(mark[2:])))
        usual = _USUAL_KEYS.get(path[-1], ()) if path and isinstance(path[-1], str) else ()
        for keys in usual:
            if all(key in row or key in _KEY_DEFAULTS for row in rows for key in keys):
                return tuple(sorted(keys))
        return None


def row_name(row: Mapping[str, Any], keys: Sequence[str]) -> Row:
    """Return what tells a row apart."""
    return tuple((key, row.get(key, _KEY_DEFAULTS.get(key))) for key in keys)


def leaves(fields: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value that an entry speaks of; a row or a map that is owned as such is not a value."""
    for mark, inner in fields.items():
        kind, _, name = mark.partition(":")
        if kind == "f":
            step: Step = name
        elif kind == "k":
            step = tuple(sorted(json.loads(name).items()))
        else:
            continue  # "." is the thing itself, "v:" an element of a set: the field around it is the value
        if set(inner) - {"."} and not all(each.startswith("v:") for each in inner):
            yield from leaves(inner, (*path, step))
        else:
            yield (*path, step)


def write_path(path: Path) -> str:
    """Return a path as Kubernetes writes it: `.spec.containers[name="app"].image`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif isinstance(step, tuple):
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in step) + "]"
        elif "." in step or "/" in step:
            text += f"[{json.dumps(step)}]"
        else:
            text += f".{step}"
    return text


def _mark_of(fields: Mapping[str, Any], step: Step) -> str | None:
    if isinstance(step, str):
        return f"f:{step}" if f"f:{step}" in fields else None
    if isinstance(step, tuple):
        for mark in fields:
            if mark.startswith("k:") and tuple(sorted(json.loads(mark[2:]).items())) == tuple(sorted(step)):
                return mark
    return None


def _reaches(fields: Mapping[str, Any], path: Path) -> bool:
    """Return whether an entry owns the value at a path: by name, or as part of a larger value that it owns whole."""
    for step in path:
        mark = _mark_of(fields, step)
        if mark is None:
            return not fields
        fields = fields[mark]
    return True


def _node(fields: Mapping[str, Any], path: Path) -> Mapping[str, Any] | None:
    for step in path:
        mark = _mark_of(fields, step)
        if mark is None:
            return None
        fields = fields[mark]
    return fields
