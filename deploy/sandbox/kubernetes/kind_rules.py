"""The rules of single kinds; each broken one is a cause of a 422."""

from __future__ import annotations

import base64
import binascii
import re
import zoneinfo
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from . import pod_rules, selectors
from .faults import LABEL, SUBDOMAIN, SUBDOMAIN_FAULT, invalid_value, required, shown
from .status import Cause

Object = dict[str, Any]
_MAX_OBJECT = 1048576
_WILDCARD_FAULT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
    rf"regex used for validation is '\*\.{LABEL}(\.{LABEL})*')"
)
_CONFIG_KEY_FAULT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def faults(key: str, obj: Object) -> Iterator[Cause]:
    """Yield a cause for each rule of the kind that the object breaks."""
    check = _CHECKS.get(key)
    if check is not None:
        yield from check(obj)


def _pod(obj: Object) -> Iterator[Cause]:
    yield from pod_rules.faults(obj.get("spec") or {}, "spec")


def _workload(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
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
    pod = spec["template"]["spec"]
    claims = [{"name": each["metadata"]["name"]} for each in spec.get("volumeClaimTemplates") or ()]
    with_claims = {**pod, "volumes": [*(pod.get("volumes") or ()), *claims]} if claims else pod
    yield from pod_rules.faults(with_claims, "spec.template.spec", template=True)


def _deployment(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
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
        yield invalid_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    yield from _workload(obj)


def _job(obj: Object) -> Iterator[Cause]:
    yield from pod_rules.faults(obj["spec"]["template"]["spec"], "spec.template.spec", job=True)


def _cron_job(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    schedule = spec.get("schedule", "")
    fields = schedule.split()
    if not schedule:
        yield required("spec.schedule")
    elif len(fields) != 5 and not schedule.startswith("@"):
        why = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield invalid_value("spec.schedule", schedule, why)
    zone = spec.get("timeZone")
    if zone is not None and zone not in zoneinfo.available_timezones():
        yield invalid_value("spec.timeZone", zone, f"unknown time zone {zone}")
    template = spec["jobTemplate"]["spec"]["template"]["spec"]
    yield from pod_rules.faults(template, "spec.jobTemplate.spec.template.spec", job=True)


def _service(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            yield invalid_value(f"spec.ports[{index}].port", number, "must be between 1 and 65535, inclusive")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")


def _config_keys(obj: Object) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in obj.get(field) or ():
            if not re.fullmatch("[-._a-zA-Z0-9]+", key) or len(key) > 253:
                yield invalid_value(f"{field}[{key}]", key, _CONFIG_KEY_FAULT)


def _config_map(obj: Object) -> Iterator[Cause]:
    yield from _config_keys(obj)
    size = sum(len(str(value)) for field in ("data", "binaryData") for value in (obj.get(field) or {}).values())
    if size > _MAX_OBJECT:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MAX_OBJECT} bytes", "[]")


def _secret(obj: Object) -> Iterator[Cause]:
    yield from _config_keys(obj)
    data: dict[str, bytes] = {}
    for key, value in (obj.get("data") or {}).items():
        try:
            data[key] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError):
            yield invalid_value(f"data[{key}]", "<secret contents redacted>", "must be base64")
    if sum(map(len, data.values())) > _MAX_OBJECT:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_MAX_OBJECT} bytes", "data")
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in data:
            yield required(f"data[{key}]")
    content = data.get(".dockerconfigjson")
    if obj.get("type") == "kubernetes.io/dockerconfigjson" and content is not None:
        try:
            msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            why = "invalid character looking for beginning of value"
            yield invalid_value("data[.dockerconfigjson]", "<secret contents redacted>", why)


def _ingress(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        why = "either `defaultBackend` or `rules` must be specified"
        yield invalid_value("spec", [], why)
    for index, rule in enumerate(spec.get("rules") or ()):
        where = f"spec.rules[{index}]"
        host = rule.get("host", "")
        if "*" in host:
            if not re.fullmatch(rf"\*\.{SUBDOMAIN}", host):
                yield invalid_value(f"{where}.host", host, _WILDCARD_FAULT)
        elif host and not re.fullmatch(SUBDOMAIN, host):
            yield invalid_value(f"{where}.host", host, SUBDOMAIN_FAULT)
        for position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _ingress_path(path, f"{where}.http.paths[{position}]")


def _ingress_path(path: Object, where: str) -> Iterator[Cause]:
    kind, text = path.get("pathType"), path.get("path", "")
    if not kind:
        yield required(f"{where}.pathType", "pathType must be specified")
    elif kind not in ("Exact", "Prefix", "ImplementationSpecific"):
        why = f'Unsupported value: {shown(kind)}: supported values: "Exact", "ImplementationSpecific", "Prefix"'
        yield Cause("FieldValueNotSupported", why, f"{where}.pathType")
    if kind in ("Exact", "Prefix") and not text.startswith("/"):
        yield invalid_value(f"{where}.path", text, "must be an absolute path")
    service = (path.get("backend") or {}).get("service")
    if (
        service is not None
        and not (service.get("port") or {}).get("name")
        and not (service.get("port") or {}).get("number")
    ):
        yield required(f"{where}.backend", "port name or number is required")


def _budget(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        names = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        value = {name[0].upper() + name[1:]: spec.get(name) for name in names}
        yield invalid_value("spec", value, "minAvailable and maxUnavailable cannot be both set")


def _autoscaler(obj: Object) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    most, least = spec.get("maxReplicas", 0), spec.get("minReplicas", 1)
    if most < 1:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    if most < least:
        yield invalid_value("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")


def _event(obj: Object) -> Iterator[Cause]:
    about, namespace = obj.get("involvedObject") or {}, obj["metadata"].get("namespace")
    given = about.get("namespace", "")
    if (given or "default") != namespace:
        yield invalid_value("involvedObject.namespace", given, "does not match event.namespace")


def _new_event(obj: Object) -> Iterator[Cause]:
    if not obj.get("eventTime") and not obj.get("firstTimestamp"):
        yield required("eventTime")
    else:
        yield from _event(obj)


_CHECKS: dict[str, Callable[[Object], Iterator[Cause]]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _workload,
    "statefulsets.apps": _workload,
    "daemonsets.apps": _workload,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "configmaps": _config_map,
    "secrets": _secret,
    "ingresses.networking.k8s.io": _ingress,
    "poddisruptionbudgets.policy": _budget,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "events": _event,
    "events.events.k8s.io": _new_event,
}
