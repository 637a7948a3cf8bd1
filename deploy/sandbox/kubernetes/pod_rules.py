"""The rules of a pod's spec, in a pod or in a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import quantity
from .faults import LABEL, LABEL_FAULT, invalid_value, required, shown
from .status import Cause

Object = dict[str, Any]
_CHANGE_FAULT = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def faults(spec: Object, path: str, *, template: bool = False, job: bool = False) -> Iterator[Cause]:
    """Yield a cause for each broken rule; `template` and `job` are the stricter rules of restartPolicy."""
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    names: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            where = f"{path}.{kind}[{index}]"
            yield from _container_faults(container, where, volumes)
            if container.get("name") in names:
                duplicate = shown(container["name"])
                yield Cause("FieldValueDuplicate", f"Duplicate value: {duplicate}", f"{where}.name")
            names.add(container.get("name", ""))
    policy = spec.get("restartPolicy")
    allowed = ("Always",) if template else ("OnFailure", "Never") if job else ("Always", "OnFailure", "Never")
    if policy not in allowed:
        supported = ", ".join(f'"{name}"' for name in sorted(allowed))
        why = f"Unsupported value: {shown(policy)}: supported values: {supported}"
        if job and policy == "Always":
            yield required(f"{path}.restartPolicy", 'valid values: "OnFailure", "Never"')
        else:
            yield Cause("FieldValueNotSupported", why, f"{path}.restartPolicy")
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0:
        yield invalid_value(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0")


def _container_faults(container: Object, where: str, volumes: set[Any]) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{where}.name")
    elif not re.fullmatch(LABEL, name) or len(name) > 63:
        yield invalid_value(f"{where}.name", name, LABEL_FAULT)
    if not container.get("image"):
        yield required(f"{where}.image")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            why = "must be between 1 and 65535, inclusive"
            yield invalid_value(f"{where}.ports[{index}].containerPort", number, why)
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            missing = shown(mount.get("name"))
            yield Cause("FieldValueNotFound", f"Not found: {missing}", f"{where}.volumeMounts[{index}].name")
    yield from _resource_faults(container.get("resources") or {}, f"{where}.resources")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield from _probe_faults(container.get(probe) or {}, f"{where}.{probe}", readiness=probe == "readinessProbe")


def _resource_faults(resources: Object, where: str) -> Iterator[Cause]:
    limits = resources.get("limits") or {}
    for name, value in (resources.get("requests") or {}).items():
        if name in limits and quantity.parse(value) > quantity.parse(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid_value(f"{where}.requests", value, why)


def _probe_faults(probe: Object, where: str, *, readiness: bool) -> Iterator[Cause]:
    if not probe:
        return
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        value = probe.get(field, 1)
        if isinstance(value, int) and value < 0:
            yield invalid_value(f"{where}.{field}", value, "must be greater than or equal to 0")
    handlers = [handler for handler in ("exec", "httpGet", "tcpSocket", "grpc") if handler in probe]
    if not handlers:
        yield Cause("FieldValueRequired", "Required value: must specify a handler type", where)
    for extra in handlers[1:]:
        yield Cause("FieldValueForbidden", "Forbidden: may not specify more than 1 handler type", f"{where}.{extra}")
    if not readiness and probe.get("successThreshold", 1) not in (0, 1):
        yield invalid_value(f"{where}.successThreshold", probe["successThreshold"], "must be 1")


def change_faults(spec: Object, before: Object) -> Iterator[Cause]:
    """Yield the cause for a change of a pod's spec that is not allowed; only images and tolerations may change."""
    if _fixed(spec) != _fixed(before):
        yield Cause("FieldValueForbidden", _CHANGE_FAULT, "spec")


def _fixed(spec: Object) -> Object:
    free = ("activeDeadlineSeconds", "tolerations", "nodeName", "terminationGracePeriodSeconds")
    fixed = {key: value for key, value in spec.items() if key not in free}
    for kind in ("containers", "initContainers"):
        fixed[kind] = [{k: v for k, v in each.items() if k != "image"} for each in spec.get(kind) or ()]
    return fixed
