"""What changes between two manifest sets, or between a set and what a cluster has: by object and by field.

Objects named by content (ConfigMaps, Secrets) are paired by what they are for, so that a changed file is a change and
not a removal beside an addition. Values of secrets never appear: a secret value is added, removed or changed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.manifests import canonical, sealing
from apps.manifests.fields import Path, format_path

Manifest = dict[str, Any]

HIDDEN = "(hidden)"
_CONTENT_HASH = re.compile(rf"-[0-9a-f]{{{sealing.NAME_DIGITS}}}\Z")
_NAMED_BY_CONTENT = frozenset({"ConfigMap", "Secret"})
# Set by the server on every object; no person decided them.
_SERVER_METADATA = frozenset(
    ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid", "deletionTimestamp")
)
_SERVER_ANNOTATIONS = frozenset(("deployment.kubernetes.io/revision",))
# Lists whose entries the server tells apart by these fields, first one present wins; other lists compare as a whole.
_LIST_KEYS = ("name", "mountPath", "containerPort", "port", "key", "path", "host")


class Kind(StrEnum):
    """What happened to an object or a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; both are None for what must not be shown."""

    path: str
    kind: Kind
    old: Any = None
    new: Any = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object that is added, removed or changed, with YAML of both sides for reading side by side."""

    kind: Kind
    object_kind: str
    name: str
    namespace: str
    fields: tuple[FieldChange, ...]
    old_yaml: str
    new_yaml: str


def _identity(manifest: Manifest) -> tuple[str, str, str]:
    """Return what pairs two objects: kind, namespace and name, without the hash of an object named by its content."""
    kind, about = str(manifest.get("kind")), manifest.get("metadata") or {}
    name = str(about.get("name"))
    if kind in _NAMED_BY_CONTENT and manifest.get("immutable"):
        name = _CONTENT_HASH.sub("", name)
    return kind, str(about.get("namespace", "")), name


def diff_sets(old: Sequence[Manifest], new: Sequence[Manifest]) -> list[ObjectChange]:
    """Return what has to happen to the objects of `old` to become `new`, in the fixed order of a set."""
    before = {_identity(manifest): manifest for manifest in old}
    after = {_identity(manifest): manifest for manifest in new}
    everything = canonical.sort_objects([*after.values(), *(before[key] for key in before.keys() - after.keys())])
    changes = [_compare(before.get(key), after.get(key)) for key in map(_identity, everything)]
    return [change for change in changes if change is not None]


def _compare(old: Manifest | None, new: Manifest | None) -> ObjectChange | None:
    if old is None and new is None:
        return None
    changes: tuple[FieldChange, ...] = ()
    kind = Kind.ADDED if old is None else Kind.REMOVED
    if old is not None and new is not None:
        kind, changes = Kind.CHANGED, tuple(_fields(old, new, (), secret=_is_secret(new)))
        if not changes:
            return None
    shown = new if new is not None else old
    about = (shown or {}).get("metadata") or {}
    return ObjectChange(
        kind=kind,
        object_kind=str((shown or {}).get("kind")),
        name=str(about.get("name")),
        namespace=str(about.get("namespace", "")),
        fields=changes,
        old_yaml=canonical.to_yaml(redact(old)) if old is not None else "",
        new_yaml=canonical.to_yaml(redact(new)) if new is not None else "",
    )


def _is_secret(manifest: Manifest) -> bool:
    return manifest.get("kind") == "Secret"


def _fields(old: Any, new: Any, path: Path, *, secret: bool) -> Iterator[FieldChange]:
    if isinstance(old, dict) and isinstance(new, dict) and not _is_value(old) and not _is_value(new):
        for key in sorted(old.keys() | new.keys()):
            yield from _pair(old, new, key, (*path, key), secret=secret)
    elif isinstance(old, list) and isinstance(new, list) and (names := _row_names(old, new)) is not None:
        before, after = dict(zip(names[0], old, strict=True)), dict(zip(names[1], new, strict=True))
        for name in dict.fromkeys([*names[1], *names[0]]):
            yield from _pair(before, after, name, (*path, name), secret=secret)
    elif old != new:
        yield _change(Kind.CHANGED, path, old, new, secret=secret)


def _is_value(value: object) -> bool:
    return sealing.reference_of(value) is not None


def _pair(
    old: Mapping[str, Any], new: Mapping[str, Any], key: str, path: Path, *, secret: bool
) -> Iterator[FieldChange]:
    if key not in old:
        yield _change(Kind.ADDED, path, None, new[key], secret=secret)
    elif key not in new:
        yield _change(Kind.REMOVED, path, old[key], None, secret=secret)
    else:
        yield from _fields(old[key], new[key], path, secret=secret)


def _change(kind: Kind, path: Path, old: Any, new: Any, *, secret: bool) -> FieldChange:
    if secret and path[:1] in {("data",), ("stringData",)}:
        return FieldChange(format_path(path), kind, hidden=True)
    return FieldChange(format_path(path), kind, old, new)


def _row_names(old: list[Any], new: list[Any]) -> tuple[list[str], list[str]] | None:
    """Return the names of the rows of both lists, None where they are not lists of uniquely named rows."""
    rows = [*old, *new]
    if not rows or not all(isinstance(row, dict) for row in rows):
        return None
    for key in _LIST_KEYS:
        if all(key in row for row in rows):
            before, after = [str(row[key]) for row in old], [str(row[key]) for row in new]
            if len(set(before)) == len(before) and len(set(after)) == len(after):
                return before, after
    return None


def redact(manifest: Manifest) -> Manifest:
    """Return an object that may be shown: the values of a Secret are hidden, references to them stay."""
    if not _is_secret(manifest):
        return manifest
    shown = dict(manifest)
    for group in ("data", "stringData"):
        if isinstance(shown.get(group), dict):
            shown[group] = {key: value if _is_value(value) else HIDDEN for key, value in shown[group].items()}
    # kubectl keeps a copy of what was applied here.
    return _without_annotation(shown, "kubectl.kubernetes.io/last-applied-configuration")


def _without_annotation(manifest: Manifest, name: str) -> Manifest:
    annotations = (manifest.get("metadata") or {}).get("annotations")
    if not annotations or name not in annotations:
        return manifest
    kept = {key: value for key, value in annotations.items() if key != name}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": kept}}


def without_server_fields(live: Manifest) -> Manifest:
    """Return a live object (or a dry run's answer) without status and what the server itself writes."""
    about = {key: value for key, value in (live.get("metadata") or {}).items() if key not in _SERVER_METADATA}
    annotations = {
        key: text for key, text in (about.pop("annotations", None) or {}).items() if key not in _SERVER_ANNOTATIONS
    }
    if annotations:
        about["annotations"] = annotations
    return {**{key: value for key, value in live.items() if key not in {"status", "metadata"}}, "metadata": about}


def diff_live(live: Sequence[Manifest], wanted: Sequence[Manifest], *, manager: str = "slipway") -> list[ObjectChange]:
    """Return what applying `wanted` would change on the cluster, leaving out what others or the server decide.

    Of each live object only two parts count: fields that `wanted` speaks of, and fields that `manager` owns (they would
    be removed when `wanted` no longer speaks of them). A Secret of the same name holds the same values, by its name's
    hash, so its live values are not compared.
    """
    desired = {_identity(manifest): manifest for manifest in wanted}
    seen: list[Manifest] = []
    for manifest in live:
        match = desired.get(_identity(manifest))
        if match is None:
            seen.append(without_server_fields(manifest))
            continue
        owned = _owned_by(manifest, manager)
        seen.append(_of_interest(_with_references(without_server_fields(manifest), match), match, owned))
    return diff_sets(seen, wanted)


def _with_references(live: Manifest, wanted: Manifest) -> Manifest:
    if not _is_secret(live) or live["metadata"].get("name") != wanted["metadata"].get("name"):
        return live
    known = wanted.get("data") or {}
    return {**live, "data": {key: known.get(key, value) for key, value in (live.get("data") or {}).items()}}


def _owned_by(live: Manifest, manager: str) -> Mapping[str, Any]:
    """Return the fields that `manager` applied: https://kubernetes.io/docs/reference/using-api/server-side-apply/."""
    owned: dict[str, Any] = {}
    for entry in (live.get("metadata") or {}).get("managedFields") or []:
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            owned = entry.get("fieldsV1") or {}
    return owned


def _of_interest(live: Any, wanted: Any, owned: Mapping[str, Any]) -> Any:
    if isinstance(live, dict) and isinstance(wanted, dict | None):
        known = wanted or {}
        return {
            key: _of_interest(value, known.get(key), owned.get(f"f:{key}") or {})
            for key, value in live.items()
            if key in known or f"f:{key}" in owned
        }
    if isinstance(live, list) and isinstance(wanted, list) and (names := _row_names(live, wanted)) is not None:
        rows = dict(zip(names[1], wanted, strict=True))
        # Ownership of rows is written as k:{"name":"…"}; the row's own name is enough to find it.
        marks = {name: _row_mark(owned, name) for name in names[0]}
        return [
            _of_interest(row, rows.get(name), marks[name] or {})
            for name, row in zip(names[0], live, strict=True)
            if name in rows or marks[name] is not None
        ]
    return live


def _row_mark(owned: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    for mark, inner in owned.items():
        if mark.startswith("k:") and (f'"{name}"' in mark or f":{name}" in mark):
            return inner if isinstance(inner, Mapping) else {}
    return None
