"""The shape of every kind, from the definitions of the `kubernetes-validate` package.

They carry what apply and strategic merge need: list types, map keys, merge keys. One `Node` describes one place in
an object; nodes are made when first asked for and shared.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal

import msgspec

RELEASE = "v1.36.0"
FORMAT = "io.k8s.apimachinery.pkg."
_SCALARS = {
    f"{FORMAT}util.intstr.IntOrString": "int-or-string",
    f"{FORMAT}api.resource.Quantity": "quantity",
    f"{FORMAT}apis.meta.v1.Time": "time",
    f"{FORMAT}apis.meta.v1.MicroTime": "time",
    f"{FORMAT}runtime.RawExtension": "any",
    f"{FORMAT}apis.meta.v1.FieldsV1": "any",
}
Shape = Literal["struct", "map", "list", "scalar"]


@cache
def definitions() -> dict[str, Any]:
    """Return all definitions of the served release by name."""
    path = files("kubernetes_validate") / "kubernetes-json-schema" / f"{RELEASE}-local" / "_definitions.json"
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return dict(content["$defs"])


@cache
def _definition_names() -> dict[tuple[str, str, str], str]:
    names: dict[tuple[str, str, str], str] = {}
    for name, definition in definitions().items():
        for kind in definition.get("x-kubernetes-group-version-kind", ()):
            names.setdefault((kind["group"], kind["version"], kind["kind"]), name)
    return names


@dataclass(frozen=True, eq=False)
class Node:
    """One place in a kind's schema."""

    source: dict[str, Any]
    name: str = ""

    @cached_property
    def type(self) -> str:
        """Return the type of a scalar: string, integer, number, boolean, bytes, quantity, int-or-string, time, any."""
        if self.name in _SCALARS:
            return _SCALARS[self.name]
        declared = self.source.get("type", "any")
        if isinstance(declared, list):
            declared = next((each for each in declared if each != "null"), "any")
        return "bytes" if self.source.get("format") == "byte" else str(declared)

    @cached_property
    def shape(self) -> Shape:
        """Return whether this is a struct (named fields), a map (free keys), a list or a scalar."""
        if self.name in _SCALARS:
            return "scalar"
        if "properties" in self.source:
            return "struct"
        if "additionalProperties" in self.source:
            return "map"
        return "list" if self.type == "array" else "scalar"

    @cached_property
    def atomic(self) -> bool:
        """Return whether the value is owned and replaced as a whole."""
        if self.shape == "list":
            return self.source.get("x-kubernetes-list-type", "atomic") == "atomic"
        return self.shape == "scalar" or self.source.get("x-kubernetes-map-type") == "atomic"

    @cached_property
    def is_set(self) -> bool:
        """Return whether a list is a set of scalars."""
        return self.source.get("x-kubernetes-list-type") == "set"

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Return the fields that tell the entries of a list apart."""
        return tuple(self.source.get("x-kubernetes-list-map-keys", ()))

    @cached_property
    def merge_key(self) -> str | None:
        """Return the key by which strategic merge patches match entries of a list."""
        key = self.source.get("x-kubernetes-patch-merge-key")
        return None if key is None else str(key)

    @cached_property
    def merges(self) -> bool:
        """Return whether strategic merge patches merge this list."""
        return "merge" in self.source.get("x-kubernetes-patch-strategy", "").split(",")

    @cached_property
    def retains_keys(self) -> bool:
        """Return whether a patch of this struct drops the fields that it does not list (`retainKeys`)."""
        return "retainKeys" in self.source.get("x-kubernetes-patch-strategy", "").split(",")

    @cached_property
    def _children(self) -> dict[str, Node]:
        return {}

    def field(self, name: str) -> Node | None:
        """Return the node of a field of a struct or of any key of a map; None for an unknown field."""
        child = self._children.get(name)
        if child is None:
            if self.shape == "map":
                child = _resolve(self.source["additionalProperties"])
            elif name in self.source.get("properties", ()):
                child = _resolve(self.source["properties"][name])
            else:
                return None
            self._children[name] = child
        return child

    @cached_property
    def item(self) -> Node:
        """Return the node of a list's entries."""
        return _resolve(self.source.get("items", {}))


@cache
def _named(name: str) -> Node:
    return Node(definitions()[name], name)


def _resolve(source: Any) -> Node:
    if not isinstance(source, dict):
        return Node({})
    reference = source.get("$ref")
    if reference is None:
        return Node(source)
    name = reference.rpartition("/")[2]
    extras = {key: value for key, value in source.items() if key.startswith("x-kubernetes")}
    if not extras:
        return _named(name)
    return Node({**definitions()[name], **extras}, name)


def definition_name(group: str, version: str, kind: str) -> str | None:
    """Return the name of the definition of a kind, or None."""
    return _definition_names().get((group, version, kind))


def of_kind(group: str, version: str, kind: str) -> Node:
    """Return the node of a kind's whole object.

    Raises:
        KeyError: the kind is not part of this release.
    """
    return _named(_definition_names()[group, version, kind])
