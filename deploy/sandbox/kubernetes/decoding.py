"""From a request's body to an object: JSON and YAML, duplicate and unknown fields, wrong types.

https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import yaml

from . import protobuf, typed_faults
from .resources import Resource
from .schema import Node, of_kind
from .status import ApiError, bad_request

Object = dict[str, Any]
JSON, YAML = "application/json", "application/yaml"
BODY_LIMIT = 3145728
_GO_TYPES = {"string": "string", "boolean": "bool", "bytes": "[]uint8", "number": "float64", "time": "string"}


class WrongTypeError(ValueError):
    """A value is of another type than the schema's. `path` has no indices, as Go's decoder tells it."""

    def __init__(self, parent: str, path: str, got: str, wanted: str) -> None:
        super().__init__(f"json: cannot unmarshal {got} into Go struct field {parent}.{path} of type {wanted}")


def too_large() -> ApiError:
    """Return the 413."""
    return ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {BODY_LIMIT}")


def media_type(header: str) -> str:
    """Return the bare media type of a Content-Type."""
    return header.partition(";")[0].strip().lower()


def load_json(body: bytes) -> tuple[Any, list[str]]:
    """Return a JSON document and the paths of fields that it states twice.

    Raises:
        ValueError: broken JSON, worded as Go does.
    """
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise ValueError(_json_fault(str(exc), body)) from exc
    twice: dict[int, tuple[Object, list[tuple[str, Any]]]] = {}

    def keep(pairs: list[tuple[str, Any]]) -> Object:
        result: Object = {}
        for key, inner in pairs:  # Go decodes a repeated object into the same map
            both = isinstance(inner, dict) and isinstance(result.get(key), dict)
            result[key] = {**result[key], **inner} if both else inner
        if len(result) < len(pairs):
            twice[id(result)] = (result, pairs)
        return result

    if body.count(b'":') > _count_keys(value):
        value = json.loads(body, object_pairs_hook=keep)
    found: list[str] = []
    if twice:
        _find_duplicates(value, "", twice, found)
    return value, found


def _count_keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    return sum(map(_count_keys, value)) if isinstance(value, list) else 0


def _json_fault(text: str, body: bytes) -> str:
    if "truncated" in text or not body.strip():
        return "unexpected end of JSON input"
    try:
        json.loads(body)
    except json.JSONDecodeError as exc:
        character = exc.doc[exc.pos : exc.pos + 1]
        return f"invalid character {character!r} looking for beginning of value"
    except UnicodeDecodeError:
        return "invalid UTF-8"
    return text


def _find_duplicates(
    value: Any, path: str, twice: dict[int, tuple[Object, list[tuple[str, Any]]]], found: list[str]
) -> None:
    if isinstance(value, list):
        for index, entry in enumerate(value):
            _find_duplicates(entry, f"{path}[{index}]", twice, found)
    elif isinstance(value, dict):
        seen: set[str] = set()
        for key, inner in twice[id(value)][1] if id(value) in twice else value.items():
            where = f"{path}.{key}" if path else key
            if key in seen:
                found.append(where)
            seen.add(key)
            _find_duplicates(inner, where, twice, found)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as the server reads it: 1.1 booleans with y and n, no dates, duplicate keys noted with their line."""

    duplicates: list[str]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Object:
        """Construct as usual, noting the lines of keys that were there already."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if name in seen:
                self.duplicates.append(f'line {key.start_mark.line + 1}: key "{name}" already set in map')
            seen.add(name)
        result: Object = super().construct_mapping(node, deep=deep)
        return result


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}
for _letter in "yYnN":
    _single = yaml.resolver.re.compile("^[yYnN]$")
    _Loader.yaml_implicit_resolvers[_letter] = [
        ("tag:yaml.org,2002:bool", _single), *_Loader.yaml_implicit_resolvers.get(_letter, ()),
    ]  # fmt: skip


def load_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Return the first YAML document of a body and what it says about keys that are stated twice.

    Raises:
        ValueError: broken YAML.
    """
    if body.lstrip()[:1] == b"{":
        try:
            return load_json(body)
        except ValueError:
            pass
    loader = _Loader(body)
    loader.duplicates = []
    try:
        value = loader.get_data() if loader.check_data() else None
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line if exc.problem_mark is not None else 0
        line += isinstance(exc, yaml.scanner.ScannerError)  # Go counts so: from 1 in its scanner, from 0 in its parser
        raise ValueError(f"error converting YAML to JSON: yaml: line {line}: {exc.problem}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ValueError(f"error converting YAML to JSON: yaml: {exc}") from exc
    finally:
        loader.dispose()
    return value, loader.duplicates


def conform(node: Node, value: Any, unknown: list[str]) -> Any:
    """Return the value without nulls and without fields that the schema does not know; these go to `unknown`.

    Raises:
        WrongTypeError: a value has another type than the schema says.
    """
    return _conform(node, value, "", "", "", unknown)


def _conform(node: Node, value: Any, parent: str, bare: str, path: str, unknown: list[str]) -> Any:
    fault = _type_fault(node, value)
    if fault is not None:
        raise WrongTypeError(parent, bare, *fault)
    if isinstance(value, dict) and node.shape in ("struct", "map"):
        owner = node.name.rpartition(".")[2] if node.shape == "struct" else parent
        kept: Object = {}
        for key, inner in value.items():
            where = f"{path}.{key}" if path else key
            child = node.field(key)
            if child is None:
                unknown.append(where)
            elif inner is not None:
                kept[key] = _conform(child, inner, owner, f"{bare}.{key}" if bare else key, where, unknown)
        return kept
    if isinstance(value, list) and node.shape == "list":
        return [_conform(node.item, each, parent, bare, f"{path}[{i}]", unknown) for i, each in enumerate(value)]
    return value


def _type_fault(node: Node, value: Any) -> tuple[str, str] | None:
    if value is None or node.type == "any":
        return None
    got = _go_kind(value)
    if node.shape in ("struct", "map"):
        name = node.name.rpartition(".")[2] or "map[string]string"
        return None if got == "object" else (got, f"v1.{name}" if node.shape == "struct" else name)
    if node.shape == "list":
        name = node.item.name.rpartition(".")[2]
        return None if got == "array" else (got, f"[]v1.{name}" if name else "[]string")
    allowed = {
        "integer": ("number",), "number": ("number",), "boolean": ("bool",), "quantity": ("string", "number"),
        "int-or-string": ("string", "number"), "object": ("object",),
    }.get(node.type, ("string",))  # fmt: skip
    if got in allowed and not (node.type == "integer" and isinstance(value, float) and not value.is_integer()):
        return None
    return got, _GO_TYPES.get(node.type, str(node.source.get("format", "int32")))


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "string", dict: "object", list: "array"}.get(type(value), "null")


def decode(resource: Resource, body: bytes, content_type: str, validation: str) -> tuple[Object, list[str]]:
    """Return the object of a POST or PUT and the warnings to send.

    Raises:
        ApiError: 400 for what cannot be read (and, with Strict, for unknown and duplicate fields), 415.
    """
    media = media_type(content_type)
    kind = resource.kind
    if media not in (JSON, YAML, "application/x-yaml", protobuf.MEDIA_TYPE, ""):
        message = (
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        )
        raise ApiError(415, "UnsupportedMediaType", message)
    try:
        if media == protobuf.MEDIA_TYPE:
            value, duplicates = protobuf.decode(body), []
        else:
            value, duplicates = load_yaml(body) if "yaml" in media else load_json(body)
    except ValueError as exc:
        shown = body[:100].decode(errors="replace") or "<empty>"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
            f"json parse error: {exc} ({shown if body else '<empty>'})"
        ) from exc
    if not isinstance(value, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind}): not an object")
    sent = value.get("kind") or kind
    version = value.get("apiVersion") or resource.api_version
    if (sent, version) != (kind, resource.api_version):
        raise bad_request(
            f'{sent} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind}: '
            f"converting (v1.{sent}) to (core.{kind}): unknown conversion"
        )
    warnings = duplicates if "yaml" in media else [f'duplicate field "{each}"' for each in duplicates]
    return checked(resource, value, validation, warnings)


def checked(resource: Resource, value: Object, validation: str, warnings: list[str]) -> tuple[Object, list[str]]:
    """Return a well-formed object and warnings for what was dropped.

    Raises:
        ApiError: 400 for a wrong type, and for any warning where validation is Strict.
    """
    unknown: list[str] = []
    prefix = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
    try:
        obj: Object = conform(of_kind(resource.group, resource.version, resource.kind), value, unknown)
    except WrongTypeError as exc:
        raise bad_request(f"{prefix}: {exc}") from exc
    told = [*(f'unknown field "{each}"' for each in unknown), *warnings]
    if told and validation == "Strict":
        raise bad_request(f"{prefix}: strict decoding error: {', '.join(told)}")
    obj.setdefault("metadata", {})
    return obj, [] if validation == "Ignore" else told


def decode_apply(resource: Resource, body: bytes, validation: str) -> tuple[Object, list[str]]:
    """Return the configuration of an apply and the warnings to send.

    Raises:
        ApiError: 400 for what cannot be read, a bare 500 for what breaks the schema (as the real server answers).
    """
    try:
        value, duplicates = load_yaml(body)
    except ValueError as exc:
        raise bad_request(f"error decoding YAML: {exc}") from exc
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise bad_request("error decoding YAML: error converting YAML to JSON: not an object")
    version, kind = value.get("apiVersion") or "", value.get("kind") or ""
    if (version, kind) != (resource.api_version, resource.kind):
        raise bad_request(f"invalid object type: {version or '/'}, Kind={kind}")
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and "managedFields" in metadata:
        raise bad_request("metadata.managedFields must be nil")
    typed_faults.check_typed(resource, value)
    if duplicates and validation == "Strict":
        listed = "\n  ".join(duplicates)
        raise bad_request(
            f"error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  {listed}"
        )
    obj: Object = conform(of_kind(resource.group, resource.version, resource.kind), value, [])
    typed_faults.check_convertible(resource, obj)
    obj.setdefault("metadata", {})
    return obj, [] if validation == "Ignore" else duplicates
