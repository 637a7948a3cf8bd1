"""The pod template: one container, its environment, files, probes and manners when it ends.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from typing import Any

from apps.integrations.kubernetes import quantity
from apps.manifests.defaults import LOG_SIZE_LIMIT
from apps.manifests.render.content import render_file_volumes
from apps.manifests.render.context import (
    LOG_DIRECTORY_ANNOTATION,
    NODE_GROUP_LABEL,
    TargetContext,
    without_nothing,
)
from apps.manifests.spec import Amounts, EnvVar, Port, Probe, ProbeType, Spec

Manifest = dict[str, Any]

# Read by Calico and the bandwidth plugin: https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/network-plugins/
_BANDWIDTH_ANNOTATION = "kubernetes.io/{}-bandwidth"


def render_pod_spec(
    spec: Spec,
    *,
    target: TargetContext,
    container_name: str,
    image: str,
    config_map: str | None,
    secret: str | None,
) -> Manifest:
    """Return the pod's spec."""
    volumes, mounts = render_file_volumes(spec, config_map=config_map, secret=secret)
    if spec.log_directory:
        volumes.append({"name": "logs", "emptyDir": {"sizeLimit": LOG_SIZE_LIMIT}})
        mounts.append({"name": "logs", "mountPath": spec.log_directory})
    if spec.read_only_root:
        # Nearly every program writes to /tmp.
        volumes.append({"name": "tmp", "emptyDir": {}})
        mounts.append({"name": "tmp", "mountPath": "/tmp"})  # noqa: S108 (inside the container)
    container = without_nothing(
        {
            "name": container_name,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(spec.command),
            "args": list(spec.args),
            "env": render_env(spec, secret),
            "ports": [
                {"name": port.name, "containerPort": port.port, "protocol": port.protocol} for port in spec.ports
            ],
            "resources": _resources(spec),
            "readinessProbe": _probe(spec, spec.probes.readiness),
            "livenessProbe": _probe(spec, spec.probes.liveness),
            "startupProbe": _probe(spec, spec.probes.startup),
            "lifecycle": _lifecycle(spec, target),
            "securityContext": without_nothing(
                {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True if spec.read_only_root else None}
            ),
            "volumeMounts": mounts,
        }
    )
    return without_nothing(
        {
            "containers": [container],
            "volumes": volumes,
            # The pause container becomes process 1 and collects zombies: an init process for every image.
            # https://kubernetes.io/docs/tasks/configure-pod-container/share-process-namespace/
            "shareProcessNamespace": True if spec.init_process else None,
            "terminationGracePeriodSeconds": spec.lifecycle.grace_period,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": target.pull_secret}] if target.pull_secret else None,
            "nodeSelector": _node_selector(spec, target),
            "securityContext": without_nothing(
                {
                    "seccompProfile": {"type": "RuntimeDefault"},
                    "runAsUser": spec.run_as_user,
                    # Volumes must be writable for the chosen user.
                    "fsGroup": spec.run_as_user,
                }
            ),
        }
    )


def render_template_annotations(spec: Spec) -> dict[str, str]:
    """Return the annotations of the pods: the form's own, network limits, and where log files are."""
    annotations = dict(spec.annotations)
    for direction in ("ingress", "egress"):
        limit = getattr(spec.bandwidth, direction)
        if limit:
            annotations[_BANDWIDTH_ANNOTATION.format(direction)] = quantity.canonical(limit)
    if spec.log_directory:
        annotations[LOG_DIRECTORY_ANNOTATION] = spec.log_directory
    return annotations


def render_env(spec: Spec, secret: str | None) -> list[Manifest]:
    """Return the platform's variables and then the form's, which win and may refer to them as ``$(POD_IP)``."""
    own = {variable.name for variable in spec.env}
    platform: list[Manifest] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in (
            ("POD_NAME", "metadata.name"),
            ("POD_NAMESPACE", "metadata.namespace"),
            ("POD_IP", "status.podIP"),
        )
    ]
    first = first_tcp_port(spec)
    if first is not None:
        platform.append({"name": "PORT", "value": str(first.port)})
    if spec.log_directory:
        platform.append({"name": "LOG_DIR", "value": spec.log_directory})
    return [
        *(variable for variable in platform if variable["name"] not in own),
        *(_variable(variable, secret) for variable in spec.env),
    ]


def _variable(variable: EnvVar, secret: str | None) -> Manifest:
    if variable.secret is not None:
        reference = {"name": secret, "key": variable.secret}
        return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}
    return {"name": variable.name, "value": variable.value or ""}


def first_tcp_port(spec: Spec) -> Port | None:
    """Return the port that probes, the Ingress and ``PORT`` mean when nothing else is said."""
    return next((port for port in spec.ports if port.protocol == "TCP"), None)


def _resources(spec: Spec) -> Manifest:
    def amounts(given: Amounts) -> Manifest:
        return {
            name: quantity.canonical(value) for name, value in (("cpu", given.cpu), ("memory", given.memory)) if value
        }

    return without_nothing({"requests": amounts(spec.resources.requests), "limits": amounts(spec.resources.limits)})


def _probe(spec: Spec, probe: Probe | None) -> Manifest | None:
    if probe is None:
        return None
    first = first_tcp_port(spec)
    port = probe.port or (first.name if first else None)
    action: Manifest
    if probe.type == ProbeType.HTTP:
        action = {"httpGet": {"path": probe.path, "port": port, "scheme": "HTTP"}}
    elif probe.type == ProbeType.TCP:
        action = {"tcpSocket": {"port": port}}
    else:
        action = {"exec": {"command": list(probe.command)}}
    return {
        **action,
        # The server drops a zero here, and the live object must not seem to differ.
        **({"initialDelaySeconds": probe.initial_delay} if probe.initial_delay else {}),
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def _lifecycle(spec: Spec, target: TargetContext) -> Manifest | None:
    seconds = spec.lifecycle.pre_stop_sleep
    if seconds == 0:
        return None
    if target.has_sleep_action:
        return {"preStop": {"sleep": {"seconds": seconds}}}
    return {"preStop": {"exec": {"command": ["sleep", str(seconds)]}}}


def _node_selector(spec: Spec, target: TargetContext) -> dict[str, str]:
    group = spec.node_group or target.node_group
    return {**({NODE_GROUP_LABEL: group} if group else {}), **spec.node_selector}
