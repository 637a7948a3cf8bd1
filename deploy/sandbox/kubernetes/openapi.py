"""OpenAPI v3 documents, one for each served group and version, made from the same definitions that apply uses.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import msgspec

from .resources import RESOURCES, Resource
from .schema import definition_name, definitions

Object = dict[str, Any]
_ROOT = "#/components/schemas/"
_QUERY = {
    "post": ("dryRun", "fieldManager", "fieldValidation"),
    "put": ("dryRun", "fieldManager", "fieldValidation"),
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force"),
    "delete": ("dryRun", "gracePeriodSeconds", "propagationPolicy"),
    "get": (),
}
_PATCHES = ("apply-patch+yaml", "json-patch+json", "merge-patch+json", "strategic-merge-patch+json")
_ACTIONS = {"get": "get", "put": "put", "patch": "patch", "delete": "delete"}


@cache
def index() -> Object:
    """Return the answer to /openapi/v3."""
    paths = {}
    for place in _places():
        digest = hashlib.sha512(document(place) or b"").hexdigest().upper()
        paths[place] = {"serverRelativeURL": f"/openapi/v3/{place}?hash={digest}"}
    return {"paths": paths}


def _places() -> list[str]:
    return list(dict.fromkeys(_place(each) for each in RESOURCES))


def _place(resource: Resource) -> str:
    return f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"


@cache
def document(place: str) -> bytes | None:
    """Return the document of `api/v1` or `apis/GROUP/VERSION` as JSON, or None."""
    served = [each for each in RESOURCES if _place(each) == place]
    if not served:
        return None
    names: set[str] = set()
    paths: Object = {}
    for resource in served:
        name = definition_name(resource.group, resource.version, resource.kind)
        if name is not None:
            _collect(name, names)
            paths |= _paths(resource, name)
    schemas = {name: _rewrite(definitions()[name]) for name in sorted(names)}
    info = {"title": "Kubernetes", "version": "v1.36.0"}
    return msgspec.json.encode({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}})


def _collect(name: str, names: set[str]) -> None:
    if name in names:
        return
    names.add(name)
    for reference in _references(definitions()[name]):
        _collect(reference, names)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(_references(each) for each in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(_references(each) for each in value))
    return set()


def _rewrite(value: Any) -> Any:
    """Return a definition in OpenAPI's dialect: other reference paths, and one type where JSON Schema lists null."""
    if isinstance(value, list):
        return [_rewrite(each) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("$ref"), str):
        rest = {key: _rewrite(each) for key, each in value.items() if key not in ("$ref", "$schema")}
        return {"allOf": [{"$ref": _ROOT + value["$ref"].rpartition("/")[2]}], **rest}
    result = {key: _rewrite(each) for key, each in value.items()}
    if isinstance(result.get("type"), list):
        result["type"] = next((each for each in result["type"] if each != "null"), "object")
    return result


def _paths(resource: Resource, name: str) -> Object:
    base = f"/{_place(resource)}"
    if resource.namespaced:
        base += "/namespaces/{namespace}"
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    collection: Object = {}
    if "list" in resource.verbs:
        collection["get"] = _operation(kind, name, "get", "list")
    if "create" in resource.verbs:
        collection["post"] = _operation(kind, name, "post", "post")
    paths = {f"{base}/{resource.plural}": collection}
    if not resource.review:
        single = {method: _operation(kind, name, method, action) for method, action in _ACTIONS.items()}
        paths[f"{base}/{resource.plural}/{{name}}"] = single
    return paths


def _operation(kind: Object, name: str, method: str, action: str) -> Object:
    content = {"application/json": {"schema": {"$ref": _ROOT + name}}}
    operation: Object = {
        "operationId": f"{action}{kind['group'].title().replace('.', '')}{kind['version'].title()}{kind['kind']}",
        "parameters": [
            {"name": each, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for each in _QUERY[method]
        ],
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind,
    }
    if method in ("post", "put"):
        operation["requestBody"] = {"content": {"*/*": {"schema": {"$ref": _ROOT + name}}}, "required": True}
    elif method == "patch":
        operation["requestBody"] = {"content": {f"application/{each}": {} for each in _PATCHES}, "required": True}
    return operation
