"""Layers of a DeployYml and how they become one document: platform ⊕ base ⊕ environment ⊕ target.

The rules are those of a JSON merge patch (https://www.rfc-editor.org/rfc/rfc7386), with two more that people expect:

- Objects merge key by key; ``null`` removes what lower layers said; any other value replaces.
- The lists `ports`, `env`, `secrets` and `files` are merged by name (files by path): an item replaces the lower item of
  that name as a whole, ``{"name": …, "remove": true}`` removes it, new ones are added at the end. Other lists replace.
- A probe replaces the lower probe as a whole: half an HTTP probe and half a TCP one make no sense.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.manifests import fields
from apps.manifests.fields import Path

Json = Any

KEYED_LISTS: Mapping[Path, str] = {("ports",): "name", ("env",): "name", ("secrets",): "name", ("files",): "path"}
_WHOLE = {("probes", "readiness"), ("probes", "liveness"), ("probes", "startup")}
REMOVE = "remove"

PLATFORM = "platform"
BASE = "base"


@dataclass(frozen=True, slots=True)
class Layer:
    """One document of the stack; `name` is ``platform``, ``base``, ``environment:<slug>`` or ``target:<slug>``."""

    name: str
    document: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value of the resolved document was written: the layer, and the path inside that layer's document."""

    layer: str
    path: str


def merge(lower: Json, upper: Json, path: Path = ()) -> Json:
    """Return `upper` laid over `lower`; neither is changed."""
    if isinstance(upper, dict):
        under = lower if isinstance(lower, dict) and path not in _WHOLE else {}
        merged = {key: value for key, value in under.items() if key not in upper or upper[key] is not None}
        for key, value in upper.items():
            if value is not None:
                merged[key] = merge(under.get(key), value, (*path, key))
        return merged
    if isinstance(upper, list) and path in KEYED_LISTS:
        return _merge_rows(lower if isinstance(lower, list) else [], upper, KEYED_LISTS[path])
    return upper


def difference(lower: Json, wanted: Json, path: Path = ()) -> Json:
    """Return what has to be laid over `lower` to make it `wanted`: the other way round than `merge`, but for the order of rows."""
    if isinstance(wanted, dict) and isinstance(lower, dict) and path not in _WHOLE:
        changed: dict[str, Json] = {key: None for key in lower if key not in wanted}
        for key, value in wanted.items():
            if key not in lower or lower[key] != value:
                changed[key] = difference(lower.get(key), value, (*path, key))
        return changed
    if isinstance(wanted, list) and isinstance(lower, list) and path in KEYED_LISTS:
        key = KEYED_LISTS[path]
        names = {_key_of(row, key) for row in wanted}
        gone = [{key: row[key], REMOVE: True} for row in lower if _key_of(row, key) not in names]
        return [row for row in wanted if row not in lower] + gone
    return wanted


def _key_of(row: Json, key: str) -> str | None:
    """Return the name of a row; None for what is no proper row, which is kept for `parse` to complain about."""
    name = row.get(key) if isinstance(row, dict) else None
    return name if isinstance(name, str) else None


def _merge_rows(lower: list[Json], upper: list[Json], key: str) -> list[Json]:
    named: dict[str, list[Json]] = {}
    for row in upper:
        name = _key_of(row, key)
        if name is not None:
            named.setdefault(name, []).append(row)
    merged: list[Json] = []
    placed: set[str] = set()
    for row in lower:
        name = _key_of(row, key)
        if name is None or name not in named:
            merged.append(row)
        elif name not in placed:
            placed.add(name)
            merged.extend(named[name])
    merged.extend(row for row in upper if (name := _key_of(row, key)) is None or name not in placed)
    return [row for row in merged if not (isinstance(row, dict) and row.get(REMOVE) is True)]


def resolve(layers: Sequence[Layer]) -> dict[str, Json]:
    """Return the document that `layers`, lowest first, make together."""
    document: dict[str, Json] = {}
    for layer in layers:
        document = merge(document, dict(layer.document))
    return document


def explain(layers: Sequence[Layer], path: str) -> Source:
    """Return where the value at `path` of the resolved document comes from.

    For a value that is not there the answer is the layer that removed it, else the highest one that wrote something
    around it: the place where a person would mend an error.
    """
    named = _by_name(resolve(layers), fields.parse_path(path))
    candidates = _owners(layers, named)
    for length in range(len(named), 0, -1):
        for layer in reversed(candidates):
            found = _find(layer.document, named[:length])
            if found is not None:
                return Source(layer.name, fields.format_path((*found, *_indexes(named[length:]))))
    fallback = next((layer.name for layer in layers if layer.name == BASE), layers[0].name if layers else BASE)
    return Source(fallback, path)


@dataclass(frozen=True, slots=True)
class _Row:
    """A step into a keyed list: the `nth` row of a name, or a nameless row by its index in the resolved document."""

    name: str | None
    index: int
    nth: int = 0


def _owners(layers: Sequence[Layer], named: Sequence[fields.Step | _Row]) -> Sequence[Layer]:
    """Return the layers that can have written a path: just one where a row or a probe is replaced as a whole."""
    for length in range(1, len(named) + 1):
        whole = isinstance(named[length - 1], _Row) or tuple(named[:length]) in _WHOLE
        if whole and (owner := next((one for one in reversed(layers) if _find(one.document, named[:length])), None)):
            return [owner]
    return layers


def _by_name(document: Json, path: Path) -> tuple[fields.Step | _Row, ...]:
    """Return `path` with the indexes of keyed lists replaced by names, which all layers share."""
    named: list[fields.Step | _Row] = []
    for depth, step in enumerate(path):
        key = KEYED_LISTS.get(path[:depth])
        rows, document = document, _child(document, step)
        if key and isinstance(step, int) and isinstance(rows, list):
            name = _key_of(document, key)
            named.append(_Row(name, step, sum(_key_of(row, key) == name for row in rows[:step])))
        else:
            named.append(step)
    return tuple(named)


def _has(value: Json, step: fields.Step) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _child(value: Json, step: fields.Step) -> Json:
    return value[step] if _has(value, step) else None


def _find(document: Json, named: Sequence[fields.Step | _Row]) -> Path | None:
    """Return the path of the named value inside one layer; None where the layer does not mention it."""
    value = document
    found: list[fields.Step] = []
    for step in named:
        if isinstance(step, _Row):
            index = _index_of(value, step, KEYED_LISTS.get(tuple(found), "name"))
            if index is None:
                return None
            value = value[index]
            found.append(index)
        elif _has(value, step):
            value = value[step]
            found.append(step)
        else:
            return None
    return tuple(found)


def _index_of(rows: Json, wanted: _Row, key: str) -> int | None:
    if not isinstance(rows, list):
        return None
    if wanted.name is None:
        return wanted.index if wanted.index < len(rows) and _key_of(rows[wanted.index], key) is None else None
    matching = [index for index, row in enumerate(rows) if _key_of(row, key) == wanted.name]
    return matching[min(wanted.nth, len(matching) - 1)] if matching else None


def _indexes(steps: Sequence[fields.Step | _Row]) -> Path:
    return tuple(step.index if isinstance(step, _Row) else step for step in steps)
