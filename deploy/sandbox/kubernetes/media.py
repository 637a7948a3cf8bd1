"""In which form an answer is wanted, and giving it: JSON, YAML, Table, metadata only.

https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import yaml
from aiohttp import web

from .status import ApiError

Object = dict[str, Any]
JSON = "application/json"
Form = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"]
_UNKNOWN_FORM = (
    "only the following media types are accepted: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf"
)
_UNKNOWN_TYPE = (
    "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
    "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
    "application/vnd.kubernetes.protobuf;stream=watch"
)


@dataclass(frozen=True)
class Accepted:
    """The form that was agreed on."""

    form: Form = ""
    yaml: bool = False
    version: str = "v1"


def negotiate(header: str) -> Accepted:
    """Return the first form of an Accept header that can be served.

    Raises:
        ApiError: 406 where there is none.
    """
    refused_form = False
    for part in (header or "*/*").split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        options = dict(pair.split("=", 1) for pair in parameters if "=" in pair)
        if media not in (JSON, "application/yaml", "*/*", "application/*", "application/x-yaml"):
            continue
        form = options.get("as", "")
        if not form:
            return Accepted(yaml="yaml" in media)
        known: dict[str, tuple[str, tuple[str, ...]]] = {
            "Table": ("meta.k8s.io", ("v1", "v1beta1")),
            "PartialObjectMetadata": ("meta.k8s.io", ("v1", "v1beta1")),
            "PartialObjectMetadataList": ("meta.k8s.io", ("v1", "v1beta1")),
            "APIGroupDiscoveryList": ("apidiscovery.k8s.io", ("v2", "v2beta1")),
        }
        group, versions = known.get(form, ("", ()))
        if options.get("g") == group and options.get("v") in versions:
            return Accepted(form, "yaml" in media, options["v"])  # type: ignore[arg-type]
        refused_form = True
    raise (
        ApiError(406, "NotAcceptable", _UNKNOWN_FORM)
        if refused_form
        else ApiError(406, "NotAcceptable", _UNKNOWN_TYPE, {})
    )


class _Dumper(yaml.SafeDumper):
    """Block style without anchors."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Write repeated values out."""
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any) -> bytes:
    """Return a value as YAML with sorted keys, as the server writes it."""
    return yaml.dump(value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True).encode()


def respond(
    value: Object | bytes, accepted: Accepted, *, status: int = 200, warnings: Iterable[str] = ()
) -> web.Response:
    """Return the answer with one object (or its JSON bytes)."""
    if accepted.yaml:
        plain = msgspec.json.decode(value) if isinstance(value, bytes) else value
        response = web.Response(body=to_yaml(plain), status=status, content_type="application/yaml")
    else:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        response = web.Response(body=body, status=status, content_type=JSON)
    add_warnings(response, warnings)
    return response


def add_warnings(response: web.StreamResponse, warnings: Iterable[str]) -> None:
    """Add one Warning header for each text."""
    for text in warnings:
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')


def partial(obj: Object, version: str = "v1") -> Object:
    """Return only the metadata of an object."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}
