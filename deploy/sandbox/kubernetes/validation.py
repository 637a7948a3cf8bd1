"""The rules that every object or a kind must keep; each broken one is a cause of a 422."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import kind_rules, pod_rules
from .faults import LABEL, LABEL_FAULT, SUBDOMAIN, SUBDOMAIN_FAULT, invalid_value, required
from .resources import Resource
from .status import Cause, Invalid

Object = dict[str, Any]
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_KEY_FAULT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PART}')"
)
_VALUE_FAULT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_FREE_NAMES = {
    "roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
}  # fmt: skip


def check_create(resource: Resource, obj: Object) -> None:
    """Refuse a new object that breaks rules.

    Raises:
        Invalid: with one cause for each fault.
    """
    _refuse(resource, obj, [*_metadata_faults(resource, obj), *kind_rules.faults(resource.key, obj)])


def check_update(resource: Resource, obj: Object, old: Object) -> None:
    """Refuse an update that breaks rules or changes what cannot change.

    Raises:
        Invalid: with one cause for each fault.
    """
    faults = [
        *_label_faults(obj["metadata"].get("labels") or {}),
        *_finalizer_faults(obj, old),
        *_immutable_faults(resource, obj, old),
    ]
    if not faults:
        faults = list(kind_rules.faults(resource.key, obj))
    _refuse(resource, obj, faults)


def _refuse(resource: Resource, obj: Object, faults: list[Cause]) -> None:
    if faults:
        group = "" if resource.stored_as else resource.group  # events are told as the core group's
        raise Invalid(group, resource.kind, obj["metadata"].get("name", ""), faults)


def _metadata_faults(resource: Resource, obj: Object) -> Iterator[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    if resource.key in ("namespaces", "services"):
        if not re.fullmatch(LABEL, name) or len(name) > 63:
            yield invalid_value("metadata.name", name, LABEL_FAULT)
    elif resource.key not in _FREE_NAMES:
        if not re.fullmatch(SUBDOMAIN, name):
            yield invalid_value("metadata.name", name, SUBDOMAIN_FAULT)
        elif len(name) > 253:
            yield invalid_value("metadata.name", name, "must be no more than 253 bytes")
    yield from _label_faults(metadata.get("labels") or {})


def _label_faults(labels: Object) -> Iterator[Cause]:
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        if not re.fullmatch(_NAME_PART, name) or len(name) > 63:
            yield invalid_value("metadata.labels", key, _KEY_FAULT)
        elif slash and not re.fullmatch(SUBDOMAIN, prefix):
            yield invalid_value("metadata.labels", key, f"prefix part {SUBDOMAIN_FAULT}")
        if not isinstance(value, str) or not re.fullmatch(f"({_NAME_PART})?", value):
            yield invalid_value("metadata.labels", value, _VALUE_FAULT)
        elif len(value) > 63:
            yield invalid_value("metadata.labels", value, "must be no more than 63 bytes")


def _finalizer_faults(obj: Object, old: Object) -> Iterator[Cause]:
    if "deletionTimestamp" not in old["metadata"]:
        return
    before = old["metadata"].get("finalizers") or []
    added = [each for each in obj["metadata"].get("finalizers") or () if each not in before]
    if added:
        listed = ", ".join(f'"{each}"' for each in added)
        why = (
            "Forbidden: no new finalizers can be added if the object is being deleted, "
            f"found new finalizers []string{{{listed}}}"
        )
        yield Cause("FieldValueForbidden", why, "metadata.finalizers")


def _immutable_faults(resource: Resource, obj: Object, old: Object) -> Iterator[Cause]:
    if resource.key in ("secrets", "configmaps"):
        yield from _sealed_faults(resource, obj, old)
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    if resource.key in ("deployments.apps", "replicasets.apps", "daemonsets.apps", "jobs.batch"):
        if spec.get("selector") != before.get("selector"):
            yield invalid_value("spec.selector", spec.get("selector"), "field is immutable")
        if resource.key == "jobs.batch" and spec.get("template") != before.get("template"):
            yield invalid_value("spec.template", spec.get("template"), "field is immutable")
    elif resource.key == "statefulsets.apps":
        free = {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}  # fmt: skip
        if any(spec.get(name) != before.get(name) for name in {*spec, *before} - free):
            why = (
                "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                "'minReadySeconds' are forbidden"
            )
            yield Cause("FieldValueForbidden", why, "spec")
    elif resource.key == "services" and before.get("clusterIP") and spec.get("clusterIP") != before["clusterIP"]:
        yield invalid_value("spec.clusterIPs[0]", [spec.get("clusterIP")], "may not change once set")
    elif resource.key == "pods":
        yield from pod_rules.change_faults(spec, before)
    elif resource.kind.endswith("RoleBinding") and obj.get("roleRef") != old.get("roleRef"):
        reference = obj.get("roleRef") or {}
        value = {"APIGroup": reference.get("apiGroup"), "Kind": reference.get("kind"), "Name": reference.get("name")}
        yield invalid_value("roleRef", value, "cannot change roleRef")


def _sealed_faults(resource: Resource, obj: Object, old: Object) -> Iterator[Cause]:
    if resource.key == "secrets" and obj.get("type") != old.get("type"):
        yield invalid_value("type", obj.get("type"), "field is immutable")
    if not old.get("immutable"):
        return
    why = "Forbidden: field is immutable when `immutable` is set"
    if not obj.get("immutable"):
        yield Cause("FieldValueForbidden", why, "immutable")
    for field in ("data", "binaryData"):
        if (obj.get(field) or {}) != (old.get(field) or {}):
            yield Cause("FieldValueForbidden", why, field)
