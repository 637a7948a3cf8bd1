"""The options of writes: dryRun, fieldManager, fieldValidation, force, and what a DELETE's body says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from . import decoding, protobuf
from .status import Cause, Invalid, bad_request
from .store import Propagation

Object = dict[str, Any]
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


def check(query: Mapping[str, str], kind: str, *, apply: bool = False) -> str:
    """Return the wanted field validation (Warn by default).

    Raises:
        Invalid: 422 naming `kind` (CreateOptions, PatchOptions, …) for options that make no sense.
    """
    faults: list[Cause] = []
    dry_run = query.get("dryRun")
    if dry_run not in (None, "All"):
        why = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
        faults.append(Cause("FieldValueNotSupported", why, "dryRun"))
    manager = query.get("fieldManager", "")
    if apply and not manager:
        faults.append(Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager"))
    elif len(manager.encode()) > 128:
        faults.append(Cause("FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager"))
    if kind == "PatchOptions" and not apply and query.get("force") is not None:
        why = "Forbidden: may not be specified for non-apply patch"
        faults.append(Cause("FieldValueForbidden", why, "force"))
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        supported = ", ".join(f'"{name}"' for name in _VALIDATIONS)
        why = f'Unsupported value: "{validation}": supported values: {supported}'
        faults.append(Cause("FieldValueNotSupported", why, "fieldValidation"))
    if faults:
        raise Invalid("meta.k8s.io", kind, "", faults)
    return validation or "Warn"


@dataclass
class Delete:
    """What a DELETE asks for; `propagation` None means the kind's default."""

    grace: int | None = None
    propagation: Propagation | None = None
    dry_run: bool = False
    preconditions: Object = field(default_factory=dict)


def read_delete(query: Mapping[str, str], body: bytes) -> Delete:
    """Return the options of a DELETE, from its body and its query.

    Raises:
        ApiError: 400 or 422 for options that cannot be read.
    """
    given: Object = {}
    if body.strip():
        try:
            if body.startswith(b"k8s\0"):
                given = protobuf.decode(body)
            else:
                given, _ = decoding.load_yaml(body)
        except ValueError as exc:
            raise bad_request(f"error decoding DeleteOptions: {exc}") from exc
    return delete_options({**_of_query(query), **(given or {})})


def _of_query(query: Mapping[str, str]) -> Object:
    given: Object = {}
    if "gracePeriodSeconds" in query:
        text = query["gracePeriodSeconds"]
        if not text.lstrip("-").isdigit():
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        given["gracePeriodSeconds"] = int(text)
    if "propagationPolicy" in query:
        given["propagationPolicy"] = query["propagationPolicy"]
    if "orphanDependents" in query:
        given["orphanDependents"] = query["orphanDependents"] == "true"
    if "dryRun" in query:
        given["dryRun"] = query.getall("dryRun") if hasattr(query, "getall") else [query["dryRun"]]
    return given


def delete_options(given: Object) -> Delete:
    """Return checked DeleteOptions.

    Raises:
        Invalid: 422.
    """
    policy = given.get("propagationPolicy")
    if given.get("orphanDependents") is not None and policy is None:
        policy = "Orphan" if given["orphanDependents"] else "Background"
    faults = []
    if policy not in (None, "Background", "Foreground", "Orphan"):
        shown = msgspec.json.encode(policy).decode()
        why = f'Unsupported value: {shown}: supported values: "Background", "Foreground", "Orphan", "nil"'
        faults.append(Cause("FieldValueNotSupported", why, "propagationPolicy"))
    dry_run = given.get("dryRun") or []
    if any(each != "All" for each in dry_run):
        shown = msgspec.json.encode(dry_run).decode()
        faults.append(Cause("FieldValueNotSupported", f'Unsupported value: {shown}: supported values: "All"', "dryRun"))
    if faults:
        raise Invalid("meta.k8s.io", "DeleteOptions", "", faults)
    grace = given.get("gracePeriodSeconds")
    if grace is not None and grace < 0:
        grace = 1
    return Delete(grace, policy, bool(dry_run), given.get("preconditions") or {})
