"""What differs between an object now and as it would be, field by field, and who decided it. Pure.

Rows of lists are told apart by the keys that the server itself uses: they stand in managedFields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from . import ownership
from .field_managers import FIELD_MANAGER
from .field_paths import ABSENT, field_step, row_step
from .ownership import ITSELF, Owner, Steps

Object = Mapping[str, Any]

# Written by the server for every object, or the state of things and nobody's wish.
_NOT_COMPARED: Final = frozenset(("status", "apiVersion", "kind"))
_SERVER_METADATA: Final = frozenset(
    ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink", "deletionTimestamp")
)
_REVISION: Final = "deployment.kubernetes.io/revision"
# Everything below an owned leaf is owned with it: a map or a list that is written as a whole.
_WHOLE: Final[Steps] = {"*": {}}


@dataclass(frozen=True)
class Change:
    """One field before and after (`ABSENT` where it is not there), and whether our manifest decides it or the cluster."""

    path: str
    old: Any
    new: Any
    ours: bool


@dataclass(frozen=True)
class Foreign:
    """A field that is none of ours: who decided it, when, and its value. `by_hand`: a tool in a person's hand."""

    path: str
    value: Any
    manager: str
    subresource: str
    at: str
    by_hand: bool


def compare(before: Object, after: Object) -> list[Change]:
    """Return what an apply changes: `before` is the live object, `after` the answer of a dry run."""
    known: dict[str, Any] = {}
    for owner in (*ownership.owners(before), *ownership.owners(after)):
        known = ownership.union(known, owner.fields)
    had = ownership.applied_by(before, FIELD_MANAGER)
    has = ownership.applied_by(after, FIELD_MANAGER)
    return list(_compare(_decided(before), _decided(after), "", known, had, has))


def foreign_fields(live: Object, ours: Steps) -> list[Foreign]:
    """Return the fields of a live object that others decided and our set of fields does not hold."""
    state = _decided(live)
    found = {
        path: Foreign(path, value, owner.manager, owner.subresource, owner.time, _is_by_hand(owner))
        for owner in ownership.owners(live)
        if owner.manager != FIELD_MANAGER and owner.subresource != "status"
        for path, value in _leaves(state, owner.fields, ours, "")
    }
    return [found[path] for path in sorted(found)]


def _decided(state: Object) -> dict[str, Any]:
    """Return the part of an object that somebody decided."""
    metadata = {name: part for name, part in (state.get("metadata") or {}).items() if name not in _SERVER_METADATA}
    annotations = {name: text for name, text in (metadata.pop("annotations", None) or {}).items() if name != _REVISION}
    if annotations:
        metadata["annotations"] = annotations
    return {name: part for name, part in state.items() if name not in _NOT_COMPARED} | {"metadata": metadata}


def _compare(old: Any, new: Any, path: str, known: Steps, had: Steps | None, has: Steps | None) -> Iterator[Change]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted(old.keys() | new.keys()):
            step = f"f:{name}"
            yield from _compare(
                old.get(name, ABSENT),
                new.get(name, ABSENT),
                path + field_step(name),
                known.get(step) or {},
                _inside(had, step),
                _inside(has, step),
            )
        return
    rows = _rows(old, new, ownership.row_keys(known))
    if rows is None:
        ours = has is not None if new is not ABSENT else had is not None
        yield Change(path, old, new, ours)
        return
    for keys, (before, after) in rows.items():
        row = after if after is not ABSENT else before
        mark = ownership.row_mark(known, row) or ""
        yield from _compare(
            before,
            after,
            path + row_step(dict(zip(ownership.row_keys(known), keys, strict=True))),
            known.get(mark) or {},
            _inside(had, mark),
            _inside(has, mark),
        )


def _rows(old: Any, new: Any, names: tuple[str, ...]) -> dict[tuple[Any, ...], tuple[Any, Any]] | None:
    """Return the rows of two lists in pairs, by their keys; None where they are not lists of such rows."""
    if not names or not isinstance(old, list) or not isinstance(new, list):
        return None
    if not all(isinstance(row, Mapping) and all(name in row for name in names) for row in (*old, *new)):
        return None
    before, after = ({tuple(row[name] for name in names): row for row in side} for side in (old, new))
    if len(before) != len(old) or len(after) != len(new):
        return None
    # Equal rows in another order are a change too, one that only the list as a whole shows.
    if before == after:
        return None
    return {keys: (before.get(keys, ABSENT), after.get(keys, ABSENT)) for keys in dict.fromkeys([*after, *before])}


def _inside(fields: Steps | None, step: str) -> Steps | None:
    """Return the part of a set of fields below a step; None where the set does not hold it."""
    if fields is None or fields is _WHOLE:
        return fields
    if step not in fields:
        return None
    return fields[step] or _WHOLE


def _leaves(state: Any, fields: Steps, ours: Steps | None, path: str) -> Iterator[tuple[str, Any]]:
    if ours is _WHOLE:
        return
    inner = [step for step in fields if step != ITSELF]
    if not inner:
        if ours is None and state is not ABSENT:
            yield path, state
        return
    for step in inner:
        kind, _, text = step.partition(":")
        if kind == "f" and isinstance(state, Mapping) and text in state:
            yield from _leaves(state[text], fields[step], _inside(ours, step), path + field_step(text))
        elif kind == "k" and isinstance(state, list):
            keys = msgspec.json.decode(text)
            row = next((each for each in state if all(each.get(name) == keys[name] for name in keys)), ABSENT)
            yield from _leaves(row, fields[step], _inside(ours, step), path + row_step(keys))
        elif kind == "v" and _inside(ours, step) is None:
            yield path + f"[={text}]", msgspec.json.decode(text)


def _is_by_hand(owner: Owner) -> bool:
    return owner.manager in ownership.HAND_TOOLS and owner.operation == "Update" and not owner.subresource
