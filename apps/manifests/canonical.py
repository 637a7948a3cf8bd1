"""The stored form of a manifest set (canonical bytes and their SHA-256) and the YAML that people read.

The bytes are one JSON list: keys sorted, UTF-8, no insignificant whitespace, objects in a fixed order. Equal sets have
equal bytes whatever order they were made in, so that a rollback can prove itself by its hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

Manifest = dict[str, Any]

# What a person wants to read first comes first; kinds not listed follow by name.
_KIND_ORDER = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "Ingress",
    "HorizontalPodAutoscaler",
    "ConfigMap",
    "Secret",
)
_KEY_ORDER = ("apiVersion", "kind", "name", "metadata", "type", "immutable", "spec", "data", "status")


def sort_objects(objects: Sequence[Manifest]) -> list[Manifest]:
    """Return `objects` in the fixed order of a set."""

    def place(manifest: Manifest) -> tuple[int, str, str, str]:
        kind = str(manifest.get("kind", ""))
        rank = _KIND_ORDER.index(kind) if kind in _KIND_ORDER else len(_KIND_ORDER)
        name = str((manifest.get("metadata") or {}).get("name", ""))
        return rank, kind, str(manifest.get("apiVersion", "")), name

    return sorted(objects, key=place)


def encode(objects: Sequence[Manifest]) -> bytes:
    """Return the canonical bytes of a manifest set."""
    return msgspec.json.encode(sort_objects(objects), order="deterministic")


def decode(content: bytes) -> list[Manifest]:
    """Return the objects of a stored manifest set."""
    return msgspec.json.decode(content, type=list[Manifest])


def sha256(content: bytes) -> str:
    """Return the SHA-256 of stored bytes as hex."""
    return hashlib.sha256(content).hexdigest()


# YAML 1.1 readers take these for line breaks, or drop them.
_READ_AS_LINE_BREAKS = "\x85\u2028\u2029\ufeff"


class _Dumper(yaml.SafeDumper):
    """PyYAML set up for reading: texts of several lines as blocks, lists indented under their key, no anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (the signature is PyYAML's)
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 (as PyYAML)
        super().increase_indent(flow, False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML itself falls back to quotes where a block cannot hold the text (trailing spaces, control characters).
    style = "|" if "\n" in text else None
    if any(character in text for character in _READ_AS_LINE_BREAKS):
        style = '"'  # the one style that escapes them
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _readable(value: object) -> object:
    """Return `value` with the keys of each object in the order people expect."""
    if isinstance(value, Mapping):
        ranked = sorted(value, key=lambda key: (_KEY_ORDER.index(key) if key in _KEY_ORDER else 99, str(key)))
        return {key: _readable(value[key]) for key in ranked}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    return value


def to_yaml(manifest: Mapping[str, Any]) -> str:
    """Return one object (or any JSON value's mapping) as YAML for people."""
    return yaml.dump(
        _readable(manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, default_flow_style=False
    )


def to_yaml_documents(objects: Sequence[Manifest]) -> str:
    """Return a manifest set as one YAML stream, documents separated by ``---``."""
    return "---\n".join(to_yaml(manifest) for manifest in sort_objects(objects))
