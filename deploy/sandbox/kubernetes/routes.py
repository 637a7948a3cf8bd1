"""What a request asks for, read from its method, path and query.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .access import Attributes

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_A_NAMESPACE = ("status", "finalize")


@dataclass(frozen=True)
class Route:
    """One request to a resource, or (with `plural` empty) to a group's own path."""

    verb: str
    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def attributes(self) -> Attributes:
        """Return what the access rules are asked."""
        return Attributes(self.verb, self.group, self.plural, self.subresource, self.namespace, self.name)


def truth(value: str | None) -> bool:
    """Return whether a query's flag is on (`true`, `1`)."""
    return (value or "").lower() in ("true", "1")


def parse(method: str, path: str, query: Mapping[str, str]) -> Route | None:
    """Return the route of a resource request; None for any other path (discovery, health, version)."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    watching = rest[0] == "watch" and len(rest) > 1
    if watching:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _OF_A_NAMESPACE:
        namespace, rest = rest[1], rest[2:]
    elif rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
    plural, name, subresource = rest[0], *(*rest[1:], "", "")[:2]
    verb = _verb(method, query, named=bool(name), watching=watching)
    return Route(verb, group, version, plural, namespace, name, subresource)


def _verb(method: str, query: Mapping[str, str], *, named: bool, watching: bool) -> str:
    if method in ("GET", "HEAD"):
        if watching:
            return "watch"
        if named:
            return "get"
        return "watch" if truth(query.get("watch")) else "list"
    if method == "DELETE" and not named:
        return "deletecollection"
    return _VERBS.get(method, method.lower())
