"""What the published schemas leave open: quantities, names, enums, ranges, and references inside one object.

A real server refuses all of these; saying so before a plan is made saves a round of approvals. The rules are stated by
field name, so that they hold for any kind of object, also one that our renderer never makes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.integrations.kubernetes import quantity
from apps.manifests.fields import Path
from apps.manifests.parse import DNS_LABEL, DNS_NAME, ENV_NAME, LABEL_KEY, LABEL_VALUE, PORT_NAME, SECRET_KEY

Manifest = dict[str, Any]

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ : Services are RFC 1035 labels
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)

_PULL = ("Always", "IfNotPresent", "Never")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_ENUMS: Mapping[str, tuple[str, ...]] = {
    "imagePullPolicy": _PULL,
    "protocol": _PROTOCOLS,
    "restartPolicy": ("Always", "OnFailure", "Never"),
    "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    "pathType": ("Exact", "Prefix", "ImplementationSpecific"),
    "sessionAffinity": ("None", "ClientIP"),
    "externalTrafficPolicy": ("Cluster", "Local"),
    "concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "podManagementPolicy": ("OrderedReady", "Parallel"),
    "scheme": ("HTTP", "HTTPS"),
    "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
}
# The field `type` means something else in each kind.
_TYPES: Mapping[tuple[str, Path], tuple[str, ...]] = {
    ("Service", ("spec", "type")): ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    ("Deployment", ("spec", "strategy", "type")): ("RollingUpdate", "Recreate"),
    ("StatefulSet", ("spec", "updateStrategy", "type")): ("RollingUpdate", "OnDelete"),
    ("DaemonSet", ("spec", "updateStrategy", "type")): ("RollingUpdate", "OnDelete"),
}
_PORTS = frozenset({"containerPort", "hostPort", "port", "targetPort", "nodePort"})
_QUANTITY_TABLES = frozenset({"requests", "limits"})
# Lists whose entries a server tells apart by one field.
_UNIQUE: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
}


@dataclass(frozen=True, slots=True)
class ObjectError:
    """One thing wrong inside one object: where, what, and the words' parameters."""

    path: Path
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


Errors = Iterator[ObjectError]


def check(manifest: Manifest) -> list[ObjectError]:
    """Return what is wrong with one object whose shape the schema has already accepted."""
    return [*_check_names(manifest), *_check_selector(manifest), *_walk(manifest, (), str(manifest.get("kind")))]


def _check_names(manifest: Manifest) -> Errors:
    about = manifest.get("metadata") or {}
    name = str(about.get("name") or "")
    if manifest.get("kind") == "Service":
        if not _SERVICE_NAME.fullmatch(name):
            yield ObjectError(("metadata", "name"), "slug_not_a_service_name", {"value": name})
    elif len(name) > 253 or not DNS_NAME.fullmatch(name):
        yield ObjectError(("metadata", "name"), "not_a_dns_name", {"value": name})
    namespace = about.get("namespace")
    if namespace is not None and not DNS_LABEL.fullmatch(namespace):
        yield ObjectError(("metadata", "namespace"), "not_a_dns_label", {"value": namespace})
    if manifest.get("kind") in {"ConfigMap", "Secret"}:
        for key in manifest.get("data") or {}:
            if not SECRET_KEY.fullmatch(key):
                yield ObjectError(("data", key), "not_a_secret_key", {"value": key})


def _check_selector(manifest: Manifest) -> Errors:
    body = manifest.get("spec") or {}
    wanted = (body.get("selector") or {}).get("matchLabels") if isinstance(body.get("selector"), dict) else None
    template = body.get("template")
    if isinstance(wanted, dict) and isinstance(template, dict):
        found = (template.get("metadata") or {}).get("labels") or {}
        if not wanted.items() <= found.items():
            yield ObjectError(("spec", "selector", "matchLabels"), "selector_misses_template")


def _walk(value: Any, path: Path, kind: str) -> Errors:
    if isinstance(value, dict):
        if path and path[-1] == "data":
            return
        if "containers" in value:
            yield from _check_pod(value, path)
        for key, child in value.items():
            yield from _check_field(key, child, (*path, key), kind)
            yield from _walk(child, (*path, key), kind)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(child, (*path, index), kind)


def _check_field(key: str, value: Any, path: Path, kind: str) -> Errors:
    choices = _TYPES.get((kind, path)) or _ENUMS.get(key)
    if choices and isinstance(value, str) and value not in choices:
        yield ObjectError(path, "not_a_choice", {"choices": choices})
    elif key in _PORTS and isinstance(value, int) and not 1 <= value <= 65_535:
        yield ObjectError(path, "out_of_range", {"least": 1, "most": 65_535})
    elif key in {"labels", "matchLabels", "nodeSelector"} and isinstance(value, dict):
        yield from _check_labels(value, path)
    elif key == "resources" and isinstance(value, dict):
        yield from _check_resources(value, path)
    elif key == "sizeLimit" and isinstance(value, str) and not quantity.is_valid(value):
        yield ObjectError(path, "not_a_quantity", {"value": value})
    elif key == "env" and isinstance(value, list):
        yield from _check_env(value, path)
    elif key == "ports" and isinstance(value, list):
        yield from _check_ports(value, path)
    elif key in _UNIQUE and isinstance(value, list):
        yield from _check_unique(value, path, _UNIQUE[key])


def _check_labels(labels: Mapping[str, Any], path: Path) -> Errors:
    for name, value in labels.items():
        if not LABEL_KEY.fullmatch(name):
            yield ObjectError((*path, name), "not_a_label_key", {"value": name})
        elif not LABEL_VALUE.fullmatch(str(value)):
            yield ObjectError((*path, name), "not_a_label_value", {"value": value})


def _check_resources(resources: Mapping[str, Any], path: Path) -> Errors:
    good: dict[tuple[str, str], str] = {}
    for group in _QUANTITY_TABLES & resources.keys():
        for name, value in (resources[group] or {}).items():
            if quantity.is_valid(str(value)):
                good[group, name] = str(value)
            else:
                yield ObjectError((*path, group, name), "not_a_quantity", {"value": value})
    for (group, name), request in good.items():
        limit = good.get(("limits", name))
        if group == "requests" and limit is not None and quantity.compare(request, limit) > 0:
            yield ObjectError((*path, "requests", name), "request_above_limit", {"request": request, "limit": limit})


def _check_env(rows: list[Any], path: Path) -> Errors:
    for index, row in enumerate(rows):
        if not ENV_NAME.fullmatch(str(row.get("name") or "")):
            yield ObjectError((*path, index, "name"), "not_an_env_name", {"value": row.get("name")})
    yield from _check_unique(rows, path, "name")


def _check_ports(rows: list[Any], path: Path) -> Errors:
    for index, row in enumerate(rows):
        name = row.get("name") if isinstance(row, dict) else None
        if isinstance(name, str) and not PORT_NAME.fullmatch(name):
            yield ObjectError((*path, index, "name"), "not_a_port_name", {"value": name})
    yield from _check_unique([row for row in rows if isinstance(row, dict) and row.get("name")], path, "name")


def _check_unique(rows: list[Any], path: Path, key: str) -> Errors:
    seen: set[str] = set()
    for index, row in enumerate(rows):
        value = row.get(key) if isinstance(row, dict) else None
        if value in seen:
            yield ObjectError((*path, index, key), "duplicate", {"value": value})
        if isinstance(value, str):
            seen.add(value)


def _check_pod(pod: Mapping[str, Any], path: Path) -> Errors:
    """Yield mounts of volumes and probes of ports that the pod does not have."""
    volumes = {volume.get("name") for volume in pod.get("volumes") or []}
    for group in ("containers", "initContainers"):
        for index, container in enumerate(pod.get(group) or []):
            here = (*path, group, index)
            for number, mount in enumerate(container.get("volumeMounts") or []):
                if mount.get("name") not in volumes:
                    yield ObjectError(
                        (*here, "volumeMounts", number, "name"), "no_such_volume", {"value": mount.get("name")}
                    )
            yield from _check_probe_ports(container, here)


def _check_probe_ports(container: Mapping[str, Any], path: Path) -> Errors:
    names = {port.get("name") for port in container.get("ports") or []}
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        for action in ("httpGet", "tcpSocket"):
            port = ((container.get(probe) or {}).get(action) or {}).get("port")
            if isinstance(port, str) and port not in names:
                yield ObjectError((*path, probe, action, "port"), "no_such_port", {"value": port})
