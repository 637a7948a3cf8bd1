"""What the real server finds wrong with an applied configuration before it merges it, in its words: bare 500s."""

from __future__ import annotations

from typing import Any

from . import quantity, typed
from .resources import Resource
from .schema import Node, of_kind
from .status import unprocessed

Object = dict[str, Any]


def check_typed(resource: Resource, value: Object) -> None:
    """Refuse a configuration that does not fit the schema.

    Raises:
        ApiError: the bare 500 with the first fault.
    """
    fault = _typed_fault(of_kind(resource.group, resource.version, resource.kind), value, ())
    if fault is not None:
        metadata = value.get("metadata") or {}
        name = metadata.get("name") if isinstance(metadata.get("name"), str) else ""
        group = f"{resource.group}/{resource.version}" if resource.group else f"/{resource.version}"
        title = f"({metadata.get('namespace', '')}/{name or ''}; {group}, Kind={resource.kind})"
        raise unprocessed(f"failed to create typed patch object {title}: {fault}")


def _typed_fault(node: Node, value: Any, path: typed.Path) -> str | None:
    where = typed.readable(path)
    if value is None or node.type == "any":
        return None
    if node.shape in ("struct", "map"):
        if not isinstance(value, dict):
            return f"{where}: expected map, got &{_shown(value)}"
        for key, inner in value.items():
            child = node.field(key)
            if child is None:
                return f"{where}.{key}: field not declared in schema"
            fault = _typed_fault(child, inner, (*path, f"f:{key}"))
            if fault is not None:
                return fault
        return None
    if node.shape == "list":
        return _list_fault(node, value, path)
    return _scalar_fault(node, value, where)


def _list_fault(node: Node, value: Any, path: typed.Path) -> str | None:
    where = typed.readable(path)
    if not isinstance(value, list):
        return f"{where}: expected list, got &{_shown(value)}"
    seen: set[str] = set()
    for index, entry in enumerate(value):
        element = f"[{index}]"
        inner_path = (*path, f"f:{element}")
        if not node.atomic:
            if not node.is_set and not isinstance(entry, dict):
                return f"{where}{element}: expected map, got &{_shown(entry)}"
            element = typed.element_key(node, entry)
            if element in seen:
                return f"{where}: duplicate entries for key {typed.readable((element,))}"
            seen.add(element)
            inner_path = (*path, element)
        fault = _typed_fault(node.item, entry, inner_path)
        if fault is not None:
            return fault
    return None


def _scalar_fault(node: Node, value: Any, where: str) -> str | None:
    if node.type in ("string", "bytes", "time") and not isinstance(value, str):
        return f"{where}: expected string, got &value.valueUnstructured{{Value:{_shown(value)}}}"
    if node.type in ("integer", "number") and (isinstance(value, bool) or not isinstance(value, (int, float))):
        got = {str: "string", bool: "boolean", dict: "map", list: "list"}.get(type(value), "null")
        return f"{where}: expected numeric (int or float), got {got}"
    if node.type == "boolean" and not isinstance(value, bool):
        return f"{where}: expected boolean, got &value.valueUnstructured{{Value:{_shown(value)}}}"
    return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{map[" + " ".join(f"{key}:{_shown(inner)}" for key, inner in value.items()) + "]}"
    if isinstance(value, list):
        return "{[" + " ".join(map(_shown, value)) + "]}"
    return str(value)


def check_convertible(resource: Resource, obj: Object) -> None:
    """Refuse quantities and base64 that Go's decoder would refuse."""
    node = of_kind(resource.group, resource.version, resource.kind)
    fault = _conversion_fault(node, obj)
    if fault is not None:
        metadata = obj.get("metadata") or {}
        group = f"{resource.group}/{resource.version}" if resource.group else f"/{resource.version}"
        kind = f"{group}, Kind={resource.kind}"
        title = f"({metadata.get('namespace', '')}/{metadata.get('name', '')}; {kind})"
        raise unprocessed(
            f"failed to convert new object {title} to proper version: "
            f"unable to convert unstructured object to {kind}: {fault}"
        )


def _conversion_fault(node: Node, value: Any) -> str | None:
    if isinstance(value, dict) and node.shape in ("struct", "map"):
        children = (_conversion_fault(typed.child(node, key), inner) for key, inner in value.items())
        return next((fault for fault in children if fault is not None), None)
    if isinstance(value, list) and node.shape == "list":
        return next((fault for fault in (_conversion_fault(node.item, each) for each in value) if fault), None)
    if node.type == "quantity" and value is not None:
        try:
            quantity.parse(value)
        except ValueError as exc:
            return str(exc)
    if node.type == "bytes" and isinstance(value, str):
        return _base64_fault(value)
    return None


def _base64_fault(value: str) -> str | None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    text = value.replace("\n", "").replace("\r", "")
    for position, character in enumerate(text.rstrip("=") if len(text) - len(text.rstrip("=")) <= 2 else text):
        if character not in alphabet:
            return f"error decoding from json: illegal base64 data at input byte {position}"
    return None if len(text) % 4 == 0 else f"error decoding from json: illegal base64 data at input byte {len(text)}"
