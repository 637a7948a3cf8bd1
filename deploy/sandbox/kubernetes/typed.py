"""Values seen through their schema: sets of paths, merging, comparing, removing.

The model is structured-merge-diff's. A path is a tuple of elements as `fieldsV1` writes them: `f:spec` for a field,
`k:{"name":"web"}` for an entry of a keyed list, `v:"x"` for a member of a set.
https://github.com/kubernetes-sigs/structured-merge-diff
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .schema import Node

Path = tuple[str, ...]
Paths = set[Path]
_ANY = Node({})
_KEY_DEFAULTS = {"protocol": "TCP"}
# Structs that a real server's types hold by value: they are there from the start, so nobody comes to own them.
_BY_VALUE = {"f:metadata", "f:spec", "f:status", "f:template", "f:strategy", "f:resources", "f:updateStrategy",
             "f:jobTemplate", "f:loadBalancer"}  # fmt: skip


class DuplicateKeyError(ValueError):
    """Two entries of a list have the same key."""


def element_key(node: Node, entry: Any) -> str:
    """Return the path element of a list's entry."""
    if node.is_set:
        return "v:" + _compact(entry)
    keys = {key: entry.get(key, _KEY_DEFAULTS.get(key)) for key in node.keys if key in entry or key in _KEY_DEFAULTS}
    return "k:" + _compact(dict(sorted(keys.items())))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def child(node: Node, key: str) -> Node:
    """Return the node of a field; one that takes anything where the schema does not know it."""
    return node.field(key) or _ANY


def flatten(node: Node, value: Any, *, containers: bool) -> dict[Path, Any]:
    """Return every owned path with its value (None for entries of lists and for containers).

    `containers` adds maps and structs themselves, as the bookkeeping of plain updates does.
    """
    result: dict[Path, Any] = {}
    _flatten(node, value, (), result, containers=containers)
    return result


def _flatten(node: Node, value: Any, path: Path, result: dict[Path, Any], *, containers: bool) -> None:
    if node.atomic or not isinstance(value, (dict, list)) or not value:
        if path:
            result[path] = value
        return
    if isinstance(value, dict):
        if containers and path and path[-1] not in _BY_VALUE:
            result[path] = None
        for key, inner in value.items():
            _flatten(child(node, key), inner, (*path, f"f:{key}"), result, containers=containers)
        return
    if containers:
        result[path] = None
    for entry in value:
        inner_path = (*path, element_key(node, entry))
        result[inner_path] = None
        if not node.is_set:
            _flatten(node.item, entry, inner_path, result, containers=containers)


def paths_of(node: Node, value: Any) -> Paths:
    """Return the paths that an applied configuration states."""
    return set(flatten(node, value, containers=False))


@dataclass(frozen=True)
class Difference:
    """What is not the same in two values."""

    added: Paths
    removed: Paths
    modified: Paths

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.modified)


def compare(node: Node, old: Any, new: Any) -> Difference:
    """Return the paths that differ from `old` to `new`."""
    before, after = flatten(node, old, containers=True), flatten(node, new, containers=True)
    return Difference(
        added=after.keys() - before.keys(),
        removed=before.keys() - after.keys(),
        modified={path for path in after.keys() & before.keys() if after[path] != before[path]},
    )


def merge(node: Node, live: Any, config: Any) -> Any:
    """Return `live` with everything that `config` states."""
    if node.atomic or type(live) is not type(config) or not isinstance(config, (dict, list)):
        return config
    if isinstance(config, dict):
        merged = dict(live)
        for key, value in config.items():
            merged[key] = merge(child(node, key), live[key], value) if key in live else value
        return merged
    return _merge_lists(node, live, config)


def _merge_lists(node: Node, live: list[Any], config: list[Any]) -> list[Any]:
    wanted = {element_key(node, entry) for entry in config}
    live_keys = [element_key(node, entry) for entry in live]
    place = {key: index for index, key in enumerate(live_keys)}
    merged: list[Any] = []
    position = 0
    for entry in config:
        key = element_key(node, entry)
        index = place.get(key)
        if index is None:
            merged.append(entry)
            continue
        merged.extend(live[passed] for passed in range(position, index) if live_keys[passed] not in wanted)
        position = max(position, index + 1)
        merged.append(entry if node.is_set else merge(node.item, live[index], entry))
    merged.extend(live[index] for index in range(position, len(live)) if live_keys[index] not in wanted)
    return merged


def with_named_parents(node: Node, paths: Iterable[Path]) -> Paths:
    """Return the paths and the structs' fields above them: who states a part of a probe stated the probe."""
    result: Paths = set()
    for path in paths:
        result.add(path)
        place = node
        for depth, element in enumerate(path[:-1], start=1):
            named = place.shape == "struct" and element.startswith("f:")
            place = _descend(place, element)
            if named:
                result.add(path[:depth])
    return result


def _descend(node: Node, element: str) -> Node:
    return child(node, element[2:]) if element.startswith("f:") else node.item


def remove(node: Node, value: Any, paths: Paths) -> Any:
    """Return the value without the given paths."""
    if not paths:
        return value
    if isinstance(value, dict) and not node.atomic:
        kept: dict[str, Any] = {}
        for key, inner in value.items():
            below = _below(paths, f"f:{key}")
            if () in below:
                continue
            kept[key] = remove(child(node, key), inner, below)
        return kept
    if isinstance(value, list) and not node.atomic:
        entries = []
        for entry in value:
            below = _below(paths, element_key(node, entry))
            if () not in below:
                entries.append(entry if node.is_set else remove(node.item, entry, below))
        return entries
    return value


def _below(paths: Paths, element: str) -> Paths:
    return {path[1:] for path in paths if path and path[0] == element}


def prefixes(paths: Iterable[Path]) -> Paths:
    """Return the paths and everything above them."""
    return {path[:depth] for path in paths for depth in range(1, len(path) + 1)}


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """Return a set of paths in the form of `fieldsV1`."""
    root: dict[str, Any] = {}
    for path in sorted(paths):
        place = root
        for element in path[:-1]:
            inner = place.setdefault(element, {})
            place = inner
        place.setdefault(path[-1], {})
    members = set(paths)

    def mark(place: dict[str, Any], path: Path) -> dict[str, Any]:
        marked = {".": {}} if place and path in members else {}
        return marked | {element: mark(inner, (*path, element)) for element, inner in sorted(place.items())}

    return mark(root, ())


def from_fields(fields: dict[str, Any]) -> Paths:
    """Return the paths that a `fieldsV1` holds."""
    return set(_walk_fields(fields, ()))


def _walk_fields(fields: dict[str, Any], path: Path) -> Iterator[Path]:
    for element, inner in fields.items():
        if element == ".":
            yield path
        elif not inner:
            yield (*path, element)
        else:
            yield from _walk_fields(inner, (*path, element))


def readable(path: Path) -> str:
    """Return a path as conflict messages write it: `.spec.template.spec.containers[name="web"].image`."""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
        else:
            keys = json.loads(element[2:])
            text += "[" + ",".join(f"{key}={_compact(value)}" for key, value in keys.items()) + "]"
    return text
