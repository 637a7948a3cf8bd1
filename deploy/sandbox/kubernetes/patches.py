"""The three older patch formats: JSON merge patch, strategic merge patch and JSON patch.

https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

import copy
from typing import Any

from . import decoding
from .schema import Node
from .status import ApiError, bad_request

Object = dict[str, Any]
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_ANY = Node({})


def apply_patch(media: str, node: Node, obj: Object, body: bytes) -> Object:
    """Return a patched copy of the object.

    Raises:
        ApiError: 400 for a patch that cannot be read, 422 for one that cannot be done.
    """
    try:
        patch, _ = decoding.load_json(body)
    except ValueError as exc:
        raise bad_request(f"error decoding patch: {exc}") from exc
    if media == JSON_PATCH:
        if not isinstance(patch, list):
            raise bad_request(
                "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"
            )
        return json_patch(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: json: cannot unmarshal array into Go value of type map[string]any")
    patched: Object = merge(obj, patch) if media == MERGE else strategic(node, obj, patch)
    return patched


def merge(target: Any, patch: Any) -> Any:
    """Return the target with a JSON merge patch (RFC 7396): null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(node: Node, target: Any, patch: Object) -> Any:
    """Return the target with a strategic merge patch: lists with a merge key are merged by it.

    https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
    """
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        keep = set(patch["$retainKeys"])
        result = {key: value for key, value in result.items() if key in keep}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [each for each in result.get(name) or () if each not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = _strategic_value(node.field(key) or _ANY, result.get(key), value)
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            name = key.partition("/")[2]
            if isinstance(result.get(name), list):
                before = target.get(name) or [] if isinstance(target, dict) else []
                result[name] = _in_order(node.field(name) or _ANY, result[name], order, before)
    return result


def _strategic_value(node: Node, current: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return strategic(node, current, value)
    if not isinstance(value, list) or not node.merges:
        return value
    if any(isinstance(each, dict) and each.get("$patch") == "replace" for each in value):
        return [each for each in value if not (isinstance(each, dict) and "$patch" in each)]
    result = list(current or ())
    if node.merge_key is None:
        return _in_order(node, [*result, *(each for each in value if each not in result)], value, result)
    merged = _merge_list(node, node.merge_key, result, value)
    return _in_order(node, merged, value, list(current or ()))


def _merge_list(node: Node, key: str, result: list[Any], patch: list[Any]) -> list[Any]:
    for entry in patch:
        if not isinstance(entry, dict) or key not in entry:
            raise bad_request(f"map: {entry} does not contain declared merge key: {key}")
        place = next((i for i, each in enumerate(result) if each.get(key) == entry[key]), None)
        if entry.get("$patch") == "delete":
            result = [each for each in result if each.get(key) != entry[key]]
        elif place is None:
            result.append(strategic(node.item, {}, entry))
        else:
            result[place] = strategic(node.item, result[place], entry)
    return result


def _in_order(node: Node, entries: list[Any], patch: list[Any], live: list[Any]) -> list[Any]:
    """Return the entries in the order of a real server.

    What the patch names comes in the patch's order, the rest in the live order; a named entry that is not in the live
    list goes before the rest.
    """

    def key_of(entry: Any) -> Any:
        return entry.get(node.merge_key) if isinstance(entry, dict) and node.merge_key else entry

    wanted = [key_of(each) for each in patch]
    place = {key_of(each): index for index, each in reversed(list(enumerate(live)))}
    named = sorted((each for each in entries if key_of(each) in wanted), key=lambda each: wanted.index(key_of(each)))
    rest = sorted((each for each in entries if key_of(each) not in wanted), key=lambda each: place.get(key_of(each), 0))
    ordered: list[Any] = []
    while named and rest:
        left, right = place.get(key_of(rest[0])), place.get(key_of(named[0]))
        first = left is not None and right is not None and left < right
        ordered.append(rest.pop(0) if first else named.pop(0))
    return [*ordered, *named, *rest]


def json_patch(target: Object, operations: list[Any]) -> Object:
    """Return the target with a JSON patch (RFC 6902).

    Raises:
        ApiError: 422, as little worded as the real server's, for an operation that cannot be done.
    """
    document: Any = copy.deepcopy(target)
    for operation in operations:
        try:
            document = _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as exc:
            message = "the server rejected our request due to an error in our request"
            raise ApiError(422, "Invalid", message, {}) from exc
    result: Object = document
    return result


def _operate(document: Any, operation: Object) -> Any:
    kind, path = operation["op"], _pointer(operation["path"])
    if kind == "test":
        if _find(document, path) != operation.get("value"):
            raise ValueError("test failed")
        return document
    if kind in ("move", "copy"):
        source = _pointer(operation["from"])
        value = copy.deepcopy(_find(document, source))
        if kind == "move":
            document = _change(document, source, "remove", None)
        return _change(document, path, "add", value)
    if kind not in ("add", "remove", "replace"):
        raise ValueError(f"unknown operation {kind}")
    return _change(document, path, kind, None if kind == "remove" else copy.deepcopy(operation["value"]))


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError(f"no JSON pointer: {text}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _find(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[_index(part, len(document))] if isinstance(document, list) else document[part]
    return document


def _change(document: Any, path: list[str], kind: str, value: Any) -> Any:
    if not path:
        return value
    parent, last = _find(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        if kind == "add":
            parent.insert(len(parent) if last == "-" else _index(last, len(parent) + 1), value)
        elif kind == "remove":
            del parent[_index(last, len(parent))]
        else:
            parent[_index(last, len(parent))] = value
    elif kind == "remove":
        del parent[last]
    elif kind == "replace" and last not in parent:
        raise KeyError(last)
    else:
        parent[last] = value
    return document


def _index(text: str, length: int) -> int:
    index = int(text)
    if not 0 <= index < length or text != str(index):
        raise IndexError(text)
    return index
