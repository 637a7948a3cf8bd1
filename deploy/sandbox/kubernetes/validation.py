"""The rules that every object or a kind must keep; each broken one is a cause of a 422."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from . import pod_rules, selectors
from .resources import Resource
from .status import Cause, Invalid

Object = dict[str, Any]
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
_NAME_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_FAULT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
SUBDOMAIN_FAULT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{LABEL}(\.{LABEL})*')"
)
_KEY_FAULT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PART}')"
)
_VALUE_FAULT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_SERVICE_NAME_FAULT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_MAX_OBJECT = 1048576
_FREE_NAMES = {
    "roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
    "rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
}  # fmt: skip
_WORKLOADS = ("deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps")


def invalid_value(field: str, value: Any, why: str) -> Cause:
    """Return the cause for a value that breaks a rule."""
    return Cause("FieldValueInvalid", f"Invalid value: {shown(value)}: {why}", field)


def required(field: str, why: str = "") -> Cause:
    """Return the cause for a value that is missing."""
    return Cause("FieldValueRequired", f"Required value{': ' + why if why else ''}", field)


def shown(value: Any) -> str:
    """Return a value as the real server quotes it."""
    return msgspec.json.encode(value).decode()


def check_create(resource: Resource, obj: Object) -> None:
    """Refuse a new object that breaks rules.

    Raises:
        Invalid: with one cause for each fault.
    """
    _refuse(resource, obj, [*_metadata_faults(resource, obj), *_faults(resource, obj)])


def check_update(resource: Resource, obj: Object, old: Object) -> None:
    """Refuse an update that breaks rules or changes what cannot change.

    Raises:
        Invalid: with one cause for each fault.
    """
    faults = [*_label_faults(obj["metadata"].get("labels") or {}), *_immutable_faults(resource, obj, old)]
    if not faults:
        faults = list(_faults(resource, obj))
    _refuse(resource, obj, faults)


def _refuse(resource: Resource, obj: Object, faults: list[Cause]) -> None:
    if faults:
        raise Invalid(resource.group, resource.kind, obj["metadata"].get("name", ""), faults)


def _metadata_faults(resource: Resource, obj: Object) -> Iterator[Cause]:
    metadata = obj["metadata"]
    name = metadata.get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    if resource.key == "namespaces" and not (re.fullmatch(LABEL, name) and len(name) <= 63):
        yield invalid_value("metadata.name", name, LABEL_FAULT)
    elif resource.key == "services":
        if not re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name):
            yield invalid_value("metadata.name", name, _SERVICE_NAME_FAULT)
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


def _faults(resource: Resource, obj: Object) -> Iterator[Cause]:
    key = resource.key
    if key == "pods":
        yield from pod_rules.faults(obj.get("spec") or {}, "spec")
    elif key in _WORKLOADS:
        yield from _workload_faults(key, obj.get("spec") or {})
    elif key == "jobs.batch":
        yield from pod_rules.faults(obj["spec"]["template"]["spec"], "spec.template.spec", job=True)
    elif key == "cronjobs.batch":
        template = obj["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        yield from pod_rules.faults(template, "spec.jobTemplate.spec.template.spec", job=True)
    elif key == "services":
        yield from _service_faults(obj.get("spec") or {})
    elif key == "secrets":
        yield from _secret_faults(obj)
    elif key == "configmaps":
        size = sum(len(str(value)) for field in ("data", "binaryData") for value in (obj.get(field) or {}).values())
        if size > _MAX_OBJECT:
            yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MAX_OBJECT} bytes", "[]")
    elif key == "poddisruptionbudgets.policy":
        spec = obj.get("spec") or {}
        if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
            why = "minAvailable and maxUnavailable cannot be both set"
            yield invalid_value("spec", spec, why)
    elif key == "horizontalpodautoscalers.autoscaling":
        spec = obj.get("spec") or {}
        if spec.get("maxReplicas", 0) < 1:
            yield invalid_value("spec.maxReplicas", spec.get("maxReplicas", 0), "must be greater than 0")
        elif spec["maxReplicas"] < spec.get("minReplicas", 1):
            why = "must be greater than or equal to `minReplicas`"
            yield invalid_value("spec.maxReplicas", spec["maxReplicas"], why)


def _workload_faults(key: str, spec: Object) -> Iterator[Cause]:
    replicas = spec.get("replicas", 0)
    if isinstance(replicas, int) and replicas < 0:
        yield invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
    selector = spec.get("selector") or {}
    empty = not selector.get("matchLabels") and not selector.get("matchExpressions")
    labels = spec["template"]["metadata"].get("labels") or {}
    if not spec.get("selector"):
        yield required("spec.selector")
    elif empty:
        yield invalid_value("spec.selector", selector, "empty selector is invalid for deployment")
    if empty or not selectors.matches(selectors.from_label_selector(selector), labels):
        yield invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    if key == "deployments.apps":
        yield from _strategy_faults(spec)
    yield from pod_rules.faults(spec["template"]["spec"], "spec.template.spec", template=True)


def _strategy_faults(spec: Object) -> Iterator[Cause]:
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        why = "Forbidden: may not be specified when strategy `type` is 'Recreate'"
        yield Cause("FieldValueForbidden", why, "spec.strategy.rollingUpdate")
    elif strategy.get("type") not in ("Recreate", "RollingUpdate"):
        why = f'Unsupported value: {shown(strategy.get("type"))}: supported values: "Recreate", "RollingUpdate"'
        yield Cause("FieldValueNotSupported", why, "spec.strategy.type")
    rolling = strategy.get("rollingUpdate") or {}
    if rolling and all(str(rolling.get(name, 1)).rstrip("%") == "0" for name in ("maxUnavailable", "maxSurge")):
        why = "may not be 0 when `maxSurge` is 0"
        yield invalid_value("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], why)
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
    if deadline is not None and deadline <= ready:
        why = "must be greater than minReadySeconds"
        yield invalid_value("spec.progressDeadlineSeconds", deadline, why)


def _service_faults(spec: Object) -> Iterator[Cause]:
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            yield invalid_value(f"spec.ports[{index}].port", number, "must be between 1 and 65535, inclusive")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")


def _secret_faults(obj: Object) -> Iterator[Cause]:
    size = 0
    for key, value in (obj.get("data") or {}).items():
        try:
            size += len(base64.b64decode(value, validate=True))
        except (binascii.Error, TypeError):
            yield invalid_value(f"data[{key}]", "<redacted>", "must be base64")
    if size > _MAX_OBJECT:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MAX_OBJECT} bytes", "data")


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
