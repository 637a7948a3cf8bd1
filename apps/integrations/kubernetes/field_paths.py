"""Paths of fields as an API server writes them, such as `.spec.template.spec.containers[name="web"].image`. Pure.

https://pkg.go.dev/sigs.k8s.io/structured-merge-diff/v6/fieldpath#PathElement : a field's name, the keys of a row in a
list (`[port=80,protocol="TCP"]`), a value of a set (`[="x"]`) or an index. Names are not quoted, so a dot in a label's
name is only told from a step by looking at the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

ABSENT: Final = object()
_VALUE = r'"(?:[^"\\]|\\.)*"|[^,\]]*'
_BRACKET = re.compile(rf"\[(?P<inside>(?:[A-Za-z0-9_.-]*=(?:{_VALUE})(?:,(?=[A-Za-z0-9_.-]+=))?)+|\d+)\]")
_PAIR = re.compile(rf"(?P<key>[A-Za-z0-9_.-]*)=(?P<value>{_VALUE})")


def value_at(state: Any, path: str) -> Any:
    """Return what stands at a path, or `ABSENT`."""
    return next(_reach(state, path), ABSENT)


def _reach(state: Any, path: str) -> Iterator[Any]:
    """Yield the values that the path may mean: more than one only where names hold dots."""
    if not path:
        yield state
    elif path.startswith("["):
        yield from _into_list(state, path)
    elif isinstance(state, Mapping):
        rest = path.removeprefix(".")
        # The longest name first: `a.b` is meant rather than `b` in `a`, where both are there.
        for name in sorted(state, key=len, reverse=True):
            if rest.startswith(name) and rest[len(name) : len(name) + 1] in ("", ".", "["):
                yield from _reach(state[name], rest[len(name) :])


def _into_list(state: Any, path: str) -> Iterator[Any]:
    found = _BRACKET.match(path)
    if found is None or not isinstance(state, list):
        return
    inside, rest = found["inside"], path[found.end() :]
    if inside.isdigit():
        yield from _reach(state[int(inside)], rest) if int(inside) < len(state) else ()
        return
    keys = {pair["key"]: _decoded(pair["value"]) for pair in _PAIR.finditer(inside)}
    for row in state:
        if (keys == {"": row}) or (isinstance(row, Mapping) and all(row.get(name) == keys[name] for name in keys)):
            yield from _reach(row, rest)


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def field_step(name: str) -> str:
    """Return the step into a field of an object."""
    return f".{name}"


def row_step(keys: Mapping[str, Any]) -> str:
    """Return the step to the row of a list that has these values in its key fields."""
    return "[" + ",".join(f"{name}={msgspec.json.encode(keys[name]).decode()}" for name in sorted(keys)) + "]"
