"""Check rendered objects against what the target's cluster accepts, and say it at the form field.

Three layers: the published JSON schemas of the cluster's version (package ``kubernetes-validate``, strict: unknown
fields are errors), what those schemas leave open (`objects.py`), and the way back from an object's path to the form's
(`origins.py`). The last word has the server's dry run when a plan is made.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from kubernetes_validate.utils import InvalidSchemaError, VersionNotSupportedError, all_versions, schema_contents
from referencing import Registry, Resource

from apps.manifests import fields, objects, origins, sealing
from apps.manifests.fields import FieldError
from apps.manifests.objects import ObjectError
from apps.manifests.spec import Spec

Manifest = dict[str, Any]

_VERSION = re.compile(r"v?(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The schemas used for a cluster; `exact` is False when the cluster is older or newer than all we have."""

    version: str
    directory: str
    exact: bool


@lru_cache(maxsize=1)
def _schema_versions() -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    for version in all_versions():
        major, minor, *_ = version.split(".")
        found[int(major), int(minor)] = version
    return found


def schema_version(cluster_version: str) -> SchemaVersion:
    """Return the schemas that fit a cluster's version (``v1.36.2+k3s1``), the nearest ones where none are exact."""
    known = _schema_versions()
    match = _VERSION.match(cluster_version)
    wanted = (int(match[1]), int(match[2])) if match else max(known)
    nearest = min(max(wanted, min(known)), max(known))
    if nearest not in known:
        nearest = max(version for version in known if version <= nearest)
    return SchemaVersion(f"{nearest[0]}.{nearest[1]}", known[nearest], exact=match is not None and nearest == wanted)


# A version's definitions are 2 MB of JSON: read once, and not for more versions than a fleet amid an upgrade has.
@lru_cache(maxsize=4)
def _definitions(directory: str) -> Registry[Any]:
    contents = schema_contents(f"kubernetes-json-schema/v{directory}-local-strict/_definitions.json", directory)
    return Resource.from_contents(contents) @ Registry()


@lru_cache(maxsize=64)
def _validator(directory: str, kind: str, api_version: str) -> Draft202012Validator | None:
    """Return the validator of one kind, None when that version of Kubernetes has no such kind."""
    # The file names leave out the domain of a group: networking.k8s.io/v1 is networking-v1.
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    file = f"{kind.lower()}-{group}.json"
    if not re.fullmatch(r"[-a-z0-9.]+", file):
        return None
    try:
        schema = schema_contents(f"kubernetes-json-schema/v{directory}-local-strict/{file}", directory)
    except (FileNotFoundError, InvalidSchemaError, VersionNotSupportedError):
        return None
    return Draft202012Validator(schema, registry=_definitions(directory))


def schema_errors(manifest: Manifest, schemas: SchemaVersion) -> Iterator[ObjectError]:
    """Yield what the schemas say about one object."""
    kind, api_version = str(manifest.get("kind", "")), str(manifest.get("apiVersion", ""))
    validator = _validator(schemas.directory, kind, api_version)
    if validator is None:
        yield ObjectError(
            (), "schema_unknown_kind", {"version": schemas.version, "kind": kind, "api_version": api_version}
        )
        return
    for error in validator.iter_errors(manifest):
        cause: ValidationError = best_match([error]) or error
        path = tuple(cause.absolute_path)
        yield ObjectError(path, "schema", {"version": schemas.version, "message": _message(cause)})


def _message(error: ValidationError) -> str:
    """Return the schema's complaint, without quoting a whole object back."""
    if error.validator == "type":
        wanted = [one for one in _as_list(error.validator_value) if one != "null"]
        return f"expected {' or '.join(wanted)}, found {fields.type_name(error.instance)}"
    if error.validator == "additionalProperties":
        unknown = set(error.instance) - set(error.schema.get("properties", {}))
        return f"unknown field {', '.join(sorted(map(str, unknown)))}"
    return error.message if len(error.message) <= 200 else f"{error.message[:200]}…"


def _as_list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def object_errors(manifests: Sequence[Manifest], cluster_version: str) -> list[tuple[Manifest, ObjectError]]:
    """Return everything wrong with a set of objects for a cluster of this version, each with its object."""
    schemas = schema_version(cluster_version)
    # References to secret values stand where the schemas want text: any text will do here.
    bound = sealing.bind_secrets(manifests, dict.fromkeys(sealing.list_references(manifests), ""))
    found: list[tuple[Manifest, ObjectError]] = []
    for manifest in bound:
        problems = list(schema_errors(manifest, schemas))
        # What the schema refused has no shape that finer checks could rely on.
        found.extend((manifest, problem) for problem in problems or objects.check(manifest))
    return found


def validate(manifests: Sequence[Manifest], cluster_version: str, spec: Spec) -> list[FieldError]:
    """Return the errors of rendered objects at the fields of the document they come from."""
    return [
        FieldError(
            origins.field_of(spec, manifest, error.path),
            error.code,
            {
                **error.params,
                "object": f"{manifest.get('kind')}/{(manifest.get('metadata') or {}).get('name')}",
                "object_path": fields.format_path(error.path),
            },
        )
        for manifest, error in object_errors(manifests, cluster_version)
    ]
