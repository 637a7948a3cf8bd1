"""The rules of a pod's spec, in a pod or in a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from . import quantity
from .status import Cause

Object = dict[str, Any]
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_FAULT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_CHANGE_FAULT = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _invalid(field: str, value: Any, why: str) -> Cause:
    text = msgspec.json.encode(value).decode()
    return Cause("FieldValueInvalid", f"Invalid value: {text}: {why}", field)


def faults(spec: Object, path: str, *, template: bool = False, job: bool = False) -> Iterator[Cause]:
    """Yield a cause for each broken rule; `template` and `job` are the stricter rules of restartPolicy."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    if not spec.get("containers"):
        yield Cause("FieldValueRequired", "Required value", f"{path}.containers")
    names: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            where = f"{path}.{kind}[{index}]"
            yield from _container_faults(container, where, volumes)
            if container.get("name") in names:
                duplicate = msgspec.json.encode(container["name"]).decode()
                yield Cause("FieldValueDuplicate", f"Duplicate value: {duplicate}", f"{where}.name")
            names.add(container.get("name", ""))
    policy = spec.get("restartPolicy")
    allowed = ("Always",) if template else ("OnFailure", "Never") if job else ("Always", "OnFailure", "Never")
    if policy not in allowed:
        supported = ", ".join(f'"{name}"' for name in sorted(allowed))
        shown = msgspec.json.encode(policy).decode()
        why = f"Unsupported value: {shown}: supported values: {supported}"
        if job and policy == "Always":
            yield Cause(
                "FieldValueRequired", 'Required value: valid values: "OnFailure", "Never"', f"{path}.restartPolicy"
            )
        else:
            yield Cause("FieldValueNotSupported", why, f"{path}.restartPolicy")
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0:
        yield _invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0")


def _container_faults(container: Object, where: str, volumes: set[Any]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield Cause("FieldValueRequired", "Required value", f"{where}.name")
    elif not re.fullmatch(_LABEL, name) or len(name) > 63:
        yield _invalid(f"{where}.name", name, _LABEL_FAULT)
    if not container.get("image"):
        yield Cause("FieldValueRequired", "Required value", f"{where}.image")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            why = "must be between 1 and 65535, inclusive"
            yield _invalid(f"{where}.ports[{index}].containerPort", number, why)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            missing = msgspec.json.encode(mount.get("name")).decode()
            yield Cause("FieldValueNotFound", f"Not found: {missing}", f"{where}.volumeMounts[{index}].name")
    yield from _resource_faults(container.get("resources") or {}, f"{where}.resources")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield from _probe_faults(container.get(probe) or {}, f"{where}.{probe}", readiness=probe == "readinessProbe")


def _resource_faults(resources: Object, where: str) -> Iterator[Cause]:
    limits = resources.get("limits") or {}
    for name, value in (resources.get("requests") or {}).items():
        if name in limits and quantity.parse(value) > quantity.parse(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield _invalid(f"{where}.requests", value, why)


def _probe_faults(probe: Object, where: str, *, readiness: bool) -> Iterator[Cause]:
    if not probe:
        return
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        value = probe.get(field, 1)
        if isinstance(value, int) and value < 0:
            yield _invalid(f"{where}.{field}", value, "must be greater than or equal to 0")
    handlers = [handler for handler in ("exec", "httpGet", "tcpSocket", "grpc") if handler in probe]
    if not handlers:
        yield Cause("FieldValueRequired", "Required value: must specify a handler type", where)
    for extra in handlers[1:]:
        yield Cause("FieldValueForbidden", "Forbidden: may not specify more than 1 handler type", f"{where}.{extra}")
    if not readiness and probe.get("successThreshold", 1) not in (0, 1):
        yield _invalid(f"{where}.successThreshold", probe["successThreshold"], "must be 1")


def change_faults(spec: Object, before: Object) -> Iterator[Cause]:
    """Yield the cause for a change of a pod's spec that is not allowed; only images and tolerations may change."""
    if _fixed(spec) != _fixed(before):
        yield Cause("FieldValueForbidden", _CHANGE_FAULT, "spec")


def _fixed(spec: Object) -> Object:
    free = ("activeDeadlineSeconds", "tolerations", "nodeName", "terminationGracePeriodSeconds", "ephemeralContainers")
    fixed = {key: value for key, value in spec.items() if key not in free}
    for kind in ("containers", "initContainers"):
        fixed[kind] = [{k: v for k, v in each.items() if k != "image"} for each in spec.get(kind) or ()]
    return fixed
