"""Bodies in Kubernetes' protobuf form, which kubectl's typed commands send (`create`, `auth can-i`, `create token`).

Only reading is needed: those clients take JSON as an answer.
https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from .schema import definitions

Object = dict[str, Any]
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_META = "k8s.io.apimachinery.pkg."
_GROUPS = {"": "core", "rbac.authorization.k8s.io": "rbac"}
# The wire holds zeros of fields that JSON would leave out; these mean something when they are zero.
_KEEP_ZERO = {
    "replicas", "terminationGracePeriodSeconds", "gracePeriodSeconds", "revisionHistoryLimit", "backoffLimit",
    "parallelism", "completions", "successfulJobsHistoryLimit", "failedJobsHistoryLimit", "partition", "minReplicas",
    "runAsUser", "runAsGroup", "fsGroup", "tolerationSeconds", "ttlSecondsAfterFinished", "seconds", "priority",
    "automountServiceAccountToken", "allowPrivilegeEscalation", "runAsNonRoot", "enableServiceLinks", "ready",
    "serving", "blockOwnerDeletion", "allocateLoadBalancerNodePorts", "shareProcessNamespace",
}  # fmt: skip
_KEEP_EMPTY = {"emptyDir", "podSelector", "namespaceSelector", "selector", "securityContext"}


@cache
def _table() -> dict[str, dict[str, list[str]]]:
    table: dict[str, dict[str, list[str]]] = msgspec.json.decode(Path(__file__).with_name("protobuf.json").read_bytes())
    return table


def decode(body: bytes) -> Object:
    """Return the object in a protobuf body, as JSON would hold it.

    Raises:
        ValueError: it is none, or of a kind that is not known.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("provided data does not appear to be a protobuf message, expected prefix 6b387300")
    try:
        envelope = dict(_wire(body[len(_MAGIC) :]))
        meta = {number: bytes(value).decode() for number, value in _wire(envelope.get(1, b""))}
        version, kind = meta.get(1, ""), meta.get(2, "")
        group, _, bare = version.rpartition("/")
        message = f"k8s.io.api.{_GROUPS.get(group, group.partition('.')[0])}.{bare}.{kind}"
        if kind == "DeleteOptions":
            message = f"{_META}apis.meta.v1.DeleteOptions"
        if message not in _table():
            raise ValueError(f"no kind {kind!r} is registered for version {version!r}")
        obj = _message(message, envelope.get(2, b""))
    except (IndexError, TypeError, UnicodeDecodeError) as exc:
        raise ValueError("unexpected EOF") from exc
    return {"kind": kind, "apiVersion": version, **obj}


def _wire(content: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value) of a message: integers as they are, everything else as bytes."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _varint(content, position)
            yield number, value
        elif kind == 2:
            length, position = _varint(content, position)
            if position + length > len(content):
                raise IndexError("truncated")
            yield number, content[position : position + length]
            position += length
        else:
            width = {1: 8, 5: 4}[kind]
            yield number, content[position : position + width]
            position += width


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _message(name: str, content: bytes) -> Any:
    special = _special(name, content)
    if special is not None:
        return special[0]
    fields = _table().get(name, {})
    properties = definitions().get("io.k8s." + name.removeprefix("k8s.io."), {}).get("properties")
    result: Object = {}
    for number, raw in _wire(content):
        if str(number) not in fields:
            continue
        field, kind = fields[str(number)]
        if kind.startswith("map:"):
            entry = dict(_wire(raw))
            value = _value(kind.removeprefix("map:"), entry.get(2, b""))
            result.setdefault(field, {})[bytes(entry.get(1, b"")).decode()] = value
            continue
        value = _value(kind.lstrip("*"), raw)
        if kind.startswith("*"):
            result.setdefault(field, []).append(value)
        elif properties is not None and field not in properties and isinstance(value, dict):
            result |= value  # Go embeds this struct: its fields stand here
        elif _meant(field, value):
            result[field] = value
    if properties is None and set(result) <= {"items"}:
        return result.get("items", [])  # a named list type, such as an impersonated user's extra
    return result


def _meant(field: str, value: Any) -> bool:
    if value in ("", None):
        return False
    if isinstance(value, dict) and not value:
        return field in _KEEP_EMPTY
    return bool(value) or field in _KEEP_ZERO or isinstance(value, str)


def _value(kind: str, raw: Any) -> Any:
    if kind == "string":
        return bytes(raw).decode()
    if kind == "bytes":
        return base64.b64encode(raw).decode()
    if kind == "bool":
        return bool(raw)
    if kind in ("int32", "int64", "uint32", "uint64"):
        return raw - (1 << 64) if raw >= 1 << 63 else raw
    return _message(kind, raw)


def _special(name: str, content: bytes) -> tuple[Any] | None:
    """Return the value (in a tuple) of a message that JSON writes in a form of its own; None for all others."""
    bare = name.removeprefix(_META)
    if bare == name:
        return None
    values = dict(_wire(content))
    if bare == "api.resource.Quantity":
        return (bytes(values.get(1, b"0")).decode() or "0",)
    if bare == "util.intstr.IntOrString":
        number = _value("int32", values.get(2, 0))
        return (bytes(values.get(3, b"")).decode() if values.get(1, 0) == 1 else number,)
    if bare in ("apis.meta.v1.Time", "apis.meta.v1.MicroTime"):
        if not values:
            return (None,)
        moment = dt.datetime.fromtimestamp(_value("int64", values.get(1, 0)), dt.UTC)
        micro = f".{values.get(2, 0) // 1000:06d}" if bare.endswith("MicroTime") else ""
        return (f"{moment:%Y-%m-%dT%H:%M:%S}{micro}Z",)
    if bare in ("apis.meta.v1.FieldsV1", "runtime.RawExtension"):
        raw = values.get(1, b"")
        return (msgspec.json.decode(raw) if raw else {},)
    return None
