"""Who owns which field of a live object, and how ownership is handed over. Pure.

`metadata.managedFields` holds for each manager the set of fields it decided, as nested steps: `f:name` into a field,
`k:{…}` to a row of a list by its key fields, `v:…` a value of a set, `.` the thing itself.
https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

Steps = Mapping[str, Any]
Object = Mapping[str, Any]

ITSELF: Final = "."
# Tools in a person's hand that wrote whole objects or single fields by an update. What they wrote stays on the object for
# ever unless its ownership moves. `kubectl-rollout` is not among them: its mark on the pods would go, which replaces them.
HAND_TOOLS: Final = frozenset(
    (
        "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-run", "kubectl-expose", "kubectl-edit",
        "kubectl-patch", "kubectl-replace", "kubectl-set", "kubectl-label", "kubectl-annotate", "helm", "before-first-apply",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Owner:
    """One entry of managedFields: who, how, when, through which subresource, and the fields."""

    manager: str
    operation: str
    subresource: str
    time: str
    fields: Steps


def owners(live: Object) -> list[Owner]:
    """Return the owners of an object's fields, in the server's order."""
    return [
        Owner(
            manager=str(entry.get("manager", "")),
            operation=str(entry.get("operation", "")),
            subresource=str(entry.get("subresource") or ""),
            time=str(entry.get("time") or ""),
            fields=entry.get("fieldsV1") or {},
        )
        for entry in (live.get("metadata") or {}).get("managedFields") or []
    ]


def applied_by(live: Object, manager: str) -> Steps:
    """Return the fields that a manager applied; empty where it applied none."""
    for owner in owners(live):
        if (owner.manager, owner.operation, owner.subresource) == (manager, "Apply", ""):
            return owner.fields
    return {}


def owns(fields: Steps, *names: str) -> bool:
    """Return whether a set of fields holds the one that the names lead to."""
    for name in names:
        step = f"f:{name}"
        if step not in fields:
            return False
        fields = fields[step]
    return True


def row_mark(fields: Steps, row: Any) -> str | None:
    """Return the step by which a set of fields speaks of a row, or None where it does not."""
    for mark in fields:
        kind, _, text = mark.partition(":")
        if kind == "v" and _decode(text) == row:
            return mark
        if kind == "k" and isinstance(row, Mapping):
            keys = _decode(text)
            if isinstance(keys, Mapping) and all(row.get(name) == value for name, value in keys.items()):
                return mark
    return None


def row_keys(fields: Steps) -> tuple[str, ...]:
    """Return the names of the fields that tell the rows of this list apart; empty where it says nothing about rows."""
    for mark in fields:
        if mark.startswith("k:") and isinstance(keys := _decode(mark[2:]), Mapping):
            return tuple(sorted(keys))
    return ()


def handed_over(
    live: Object, *, to: str, tools: Iterable[str] = HAND_TOOLS, others: Iterable[str] = ()
) -> list[dict[str, Any]] | None:
    """Return managedFields where everything that `tools` wrote by updates belongs to `to`, as if it had applied it.

    Of `others`, who are named one by one, what they applied is handed over as well.

    Then the next apply of `to` removes what it does not mention, as people expect it: force alone leaves both as owners of
    equal fields, and the other one as owner of the rest. None where there is nothing to hand over. It is what client-go's
    `csaupgrade` does: https://pkg.go.dev/k8s.io/client-go/util/csaupgrade
    """
    entries = copy.deepcopy(list((live.get("metadata") or {}).get("managedFields") or []))
    named = frozenset(others)
    given = [
        entry
        for entry in entries
        if _is_update_of(entry, named.union(tools)) or any(_is_application_of(entry, manager) for manager in named)
    ]
    if not given:
        return None
    kept = [entry for entry in entries if entry not in given]
    mine = next((entry for entry in kept if _is_application_of(entry, to)), None)
    if mine is None:
        mine = given[-1] | {"manager": to, "operation": "Apply"}
        kept.append(mine)
    for entry in given:
        # Sets of another version name their fields otherwise; such an entry only goes.
        if entry["apiVersion"] == mine["apiVersion"]:
            mine["fieldsV1"] = union(mine.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    return kept


def union(one: Steps, other: Steps) -> dict[str, Any]:
    """Return the fields that are in either set."""
    return {
        step: union(one.get(step) or {}, other.get(step) or {})
        for step in sorted(one.keys() | other.keys(), key=_order)
    }


def _order(step: str) -> tuple[bool, str]:
    return step != ITSELF, step


def _is_update_of(entry: Object, tools: frozenset[str]) -> bool:
    return entry.get("manager") in tools and entry.get("operation") == "Update" and not entry.get("subresource")


def _is_application_of(entry: Object, manager: str) -> bool:
    return (entry.get("manager"), entry.get("operation")) == (manager, "Apply") and not entry.get("subresource")


def _decode(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
