"""The way back: from a path inside a rendered object to the field of the document it was made of.

An error that a schema or a server reports about an object then stands at the field where a person can mend it.
"""

from collections.abc import Mapping
from typing import Any

from apps.manifests import fields
from apps.manifests.fields import Path
from apps.manifests.render.content import config_map_keys, group_by_directory
from apps.manifests.spec import ProbeType, Spec

Manifest = Mapping[str, Any]

_TEMPLATE = ("spec", "template")
_POD = (*_TEMPLATE, "spec")
_CONTAINER = (*_POD, "containers", 0)

# Longest prefix wins; what follows the prefix is appended where the two trees are alike (`_ALIKE`).
_WORKLOAD: Mapping[Path, str] = {
    (): "",
    ("apiVersion",): "kind",
    ("kind",): "kind",
    ("spec", "replicas"): "replicas",
    ("spec", "strategy"): "strategy",
    ("spec", "strategy", "type"): "strategy.type",
    ("spec", "strategy", "rollingUpdate", "maxSurge"): "strategy.max_surge",
    ("spec", "strategy", "rollingUpdate", "maxUnavailable"): "strategy.max_unavailable",
    ("spec", "progressDeadlineSeconds"): "progress_deadline",
    (*_TEMPLATE, "metadata", "annotations"): "annotations",
    (*_TEMPLATE, "metadata", "annotations", "kubernetes.io/ingress-bandwidth"): "bandwidth.ingress",
    (*_TEMPLATE, "metadata", "annotations", "kubernetes.io/egress-bandwidth"): "bandwidth.egress",
    (*_POD, "terminationGracePeriodSeconds"): "lifecycle.grace_period",
    (*_POD, "nodeSelector"): "node_selector",
    (*_POD, "nodeSelector", "slipway.io/node-group"): "node_group",
    (*_POD, "shareProcessNamespace"): "init_process",
    (*_POD, "securityContext", "runAsUser"): "run_as_user",
    (*_POD, "securityContext", "fsGroup"): "run_as_user",
    (*_CONTAINER, "command"): "command",
    (*_CONTAINER, "args"): "args",
    (*_CONTAINER, "resources"): "resources",
    (*_CONTAINER, "lifecycle"): "lifecycle.pre_stop_sleep",
    (*_CONTAINER, "securityContext", "readOnlyRootFilesystem"): "read_only_root",
}
_ALIKE = frozenset({"command", "args", "resources", "annotations", "node_selector"})
_SERVICE: Mapping[Path, str] = {(): "service", ("spec", "type"): "service.type"}
_INGRESS: Mapping[Path, str] = {
    (): "ingress",
    ("spec", "ingressClassName"): "ingress.class_name",
    ("spec", "tls"): "ingress.tls",
    ("spec", "tls", 0, "hosts"): "ingress.host",
    ("spec", "tls", 0, "secretName"): "ingress.tls_secret",
    ("spec", "rules", 0, "host"): "ingress.host",
    ("spec", "rules", 0, "http", "paths", 0, "path"): "ingress.path",
    ("spec", "rules", 0, "http", "paths", 0, "pathType"): "ingress.path_type",
    ("spec", "rules", 0, "http", "paths", 0, "backend"): "ingress.port",
    ("metadata", "annotations"): "ingress.annotations",
}
_AUTOSCALER: Mapping[Path, str] = {
    (): "autoscaling",
    ("spec", "minReplicas"): "autoscaling.min",
    ("spec", "maxReplicas"): "autoscaling.max",
    ("spec", "metrics"): "autoscaling.cpu",
}
_PROBES = {"readinessProbe": "readiness", "livenessProbe": "liveness", "startupProbe": "startup"}
_PROBE_FIELDS: Mapping[str, str] = {
    "initialDelaySeconds": "initial_delay",
    "periodSeconds": "period",
    "timeoutSeconds": "timeout",
    "successThreshold": "success_threshold",
    "failureThreshold": "failure_threshold",
}
_PORT_FIELDS: Mapping[str, str] = {
    "name": "name",
    "containerPort": "port",
    "protocol": "protocol",
    "port": "service_port",
    "targetPort": "name",
}


def field_of(spec: Spec, manifest: Manifest, path: Path) -> str:
    """Return the document's field that `path` of a rendered object comes from; the nearest one for what we added."""
    kind = manifest.get("kind")
    if kind == "Service":
        return _port_field(path, ("spec", "ports")) or _lookup(_SERVICE, path)
    if kind == "Ingress":
        return _lookup(_INGRESS, path)
    if kind == "HorizontalPodAutoscaler":
        return _lookup(_AUTOSCALER, path)
    if kind == "ConfigMap":
        return _file_of_key(spec, path)
    if kind == "Secret":
        return _secret_field(spec, path)
    return _workload_field(spec, manifest, path)


def _lookup(table: Mapping[Path, str], path: Path) -> str:
    prefix = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in table)
    found = table[prefix]
    if found not in _ALIKE:
        return found
    return fields.format_path((*fields.parse_path(found), *path[len(prefix) :]))


def _workload_field(spec: Spec, manifest: Manifest, path: Path) -> str:
    if path[: len(_CONTAINER)] == _CONTAINER and len(path) > len(_CONTAINER):
        key, *rest = path[len(_CONTAINER) :]
        if key == "env" and rest:
            return _env_field(spec, manifest, tuple(rest))
        if key == "ports" and rest:
            return _port_field(path, (*_CONTAINER, "ports")) or "ports"
        if key in _PROBES:
            return _probe_field(spec, str(_PROBES[str(key)]), tuple(rest))
        if key == "volumeMounts":
            return _mount_field(spec, tuple(rest))
    if path[: len(_POD) + 1] == (*_POD, "volumes"):
        return _mount_field(spec, path[len(_POD) + 1 :])
    return _lookup(_WORKLOAD, path)


def _port_field(path: Path, ports: Path) -> str | None:
    if path[: len(ports)] != ports or len(path) < len(ports) + 1:
        return None
    index, *rest = path[len(ports) :]
    name = _PORT_FIELDS.get(str(rest[0])) if rest else None
    return fields.format_path(("ports", index, *([name] if name else [])))


def _env_field(spec: Spec, manifest: Manifest, rest: Path) -> str:
    """Return the row of the form: by name, because the platform's variables come first in the object."""
    rows = manifest["spec"]["template"]["spec"]["containers"][0]["env"]
    name = rows[rest[0]].get("name") if isinstance(rest[0], int) and rest[0] < len(rows) else None
    index = next((index for index, variable in enumerate(spec.env) if variable.name == name), None)
    if index is None:
        return "env"
    if "valueFrom" in rest:
        return f"env[{index}].secret"
    return fields.format_path(("env", index, *(["name" if rest[1] == "name" else "value"] if len(rest) > 1 else [])))


def _probe_field(spec: Spec, name: str, rest: Path) -> str:
    base = f"probes.{name}"
    if not rest:
        return base
    if rest[0] in _PROBE_FIELDS:
        return f"{base}.{_PROBE_FIELDS[str(rest[0])]}"
    probe = getattr(spec.probes, name)
    if probe is not None and probe.type == ProbeType.COMMAND:
        return fields.format_path(("probes", name, "command", *(step for step in rest if isinstance(step, int))))
    return f"{base}.path" if rest[-1] == "path" else f"{base}.port"


def _mount_field(spec: Spec, rest: Path) -> str:
    directories = list(group_by_directory(spec.files).values())
    if rest and isinstance(rest[0], int):
        if rest[0] < len(directories):
            return f"files[{spec.files.index(directories[rest[0]][0][0])}].path"
        if spec.log_directory and rest[0] == len(directories):
            return "log_directory"
    return "files"


def _file_of_key(spec: Spec, path: Path) -> str:
    keys = config_map_keys(tuple(file for file in spec.files if file.content is not None))
    for index, file in enumerate(spec.files):
        if len(path) > 1 and path[0] == "data" and keys.get(file.path) == path[1]:
            return f"files[{index}].content"
    return "files"


def _secret_field(spec: Spec, path: Path) -> str:
    names = [secret.name for secret in spec.secrets]
    if len(path) > 1 and path[0] == "data" and path[1] in names:
        return f"secrets[{names.index(str(path[1]))}]"
    return "secrets"
