"""The Deployment and its pod template, and everything that belongs to it, as one document of the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.manifests.defaults import HARDENING
from apps.manifests.render.context import CONTAINER, LOG_DIRECTORY_ANNOTATION, NODE_GROUP_LABEL, Identity

from .environment import import_environment
from .findings import Finding, Level, Report, Taker
from .live import Live, Object, name_of, pod_labels
from .network import import_ingress, import_ports, import_service, labels_and_annotations
from .probes import import_lifecycle, import_probes
from .secrets import SecretNames, SecretSource
from .storage import import_files

Document = dict[str, Any]

_BANDWIDTH = {f"kubernetes.io/{direction}-bandwidth": direction for direction in ("ingress", "egress")}
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_RESOURCES = ("cpu", "memory")
_TOO_MUCH = {"initContainers": "init_containers", "ephemeralContainers": "ephemeral_containers"}
# Without these the pods would not run where they do, or not do what they may.
_NEEDED = ("serviceAccountName", "hostNetwork", "hostPID", "hostIPC", "tolerations", "runtimeClassName", "hostAliases")
_SERVER_DEFAULTS: Mapping[str, Any] = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "serviceAccount": "default",
    "preemptionPolicy": "PreemptLowerPriority",
}


@dataclass(frozen=True)
class Imported:
    """A document of the form, what rendering must keep, where secret values lie now, and what there is to know."""

    document: Document
    identity: Identity
    secrets: tuple[SecretSource, ...]
    findings: tuple[Finding, ...]

    @property
    def stops(self) -> tuple[Finding, ...]:
        """Return what stands against adopting."""
        return tuple(finding for finding in self.findings if finding.level == Level.STOP)


def import_workload(live: Live) -> Imported:
    """Return the form of a live Deployment and of what belongs to it."""
    report, names = Report(), SecretNames()
    deployment = Taker(live.deployment["spec"], name_of(live.deployment), ("spec",))
    template = deployment.part("template")
    pod, annotations = template.part("spec"), template.take("metadata", "annotations", default={})
    template.take("metadata", "labels")
    template.take("metadata", "creationTimestamp")
    container = _container(pod, report)
    container_name = container.take("name", default=CONTAINER)

    document = _pod(container, pod, live, names, annotations, report)
    ports = document["ports"]
    document["probes"] = import_probes(container, {row["port"]: row["name"] for row in ports}, report)
    document["service"], service = import_service(live, ports, report)
    row, ingress = import_ingress(live, service, ports, report)
    if row is not None:
        document["ingress"] = row
    scaler = _autoscaling(live, document, report)
    document |= _rollout(deployment, report, autoscaled=scaler is not None)
    document["secrets"] = [{"name": source.name} for source in names.sources()]
    for part in (deployment, template, pod, container):
        report.rest(part)
    labels_and_annotations(live.deployment, report)

    selector = deployment_selector(live.deployment)
    identity = Identity(
        workload=live.deployment["metadata"]["name"],
        container=container_name,
        service=service["metadata"]["name"] if service else "",
        ingress=ingress["metadata"]["name"] if ingress else "",
        autoscaler=scaler["metadata"]["name"] if scaler else "",
        selector=selector,
        pod_labels={name: text for name, text in pod_labels(live.deployment).items() if name != "pod-template-hash"},
    )
    if (live.deployment["spec"].get("selector") or {}).get("matchExpressions"):
        report.add(Level.STOP, "selector", deployment, "spec.selector.matchExpressions")
    said = {field: value for field, value in document.items() if value not in ([], {})}
    worst_first = sorted(report.findings, key=lambda finding: list(Level).index(finding.level))
    return Imported(said, identity, names.sources(), tuple(worst_first))


def deployment_selector(deployment: Object) -> dict[str, str]:
    """Return the labels by which a Deployment finds its pods: it can never change them."""
    return dict((deployment["spec"].get("selector") or {}).get("matchLabels") or {})


def _container(pod: Taker, report: Report) -> Taker:
    """Return the one container of the form; a pod of several cannot be expressed."""
    containers = pod.rows("containers")
    for extra in containers[1:]:
        report.add(Level.STOP, "sidecar", extra, name=extra.take("name"))
    for field, code in _TOO_MUCH.items():
        if pod.take(field):
            report.add(Level.STOP, code, pod)
    return containers[0]


def _pod(
    container: Taker, pod: Taker, live: Live, names: SecretNames, annotations: dict[str, str], report: Report
) -> Document:
    log_directory = annotations.pop(LOG_DIRECTORY_ANNOTATION, None)
    annotations.pop(_RESTARTED, None)
    read_only_root = bool(container.take("securityContext", "readOnlyRootFilesystem", default=False))
    document: Document = {
        "command": container.take("command", default=[]),
        "args": container.take("args", default=[]),
        "ports": import_ports(container, report),
        "resources": _resources(container, report),
        "env": import_environment(container, live, names, report),
        "files": import_files(
            container, pod, live, names, report, log_directory=log_directory, read_only_root=read_only_root
        ),
        "lifecycle": import_lifecycle(container, pod, report),
        "init_process": bool(pod.take("shareProcessNamespace", default=False)),
        "read_only_root": read_only_root,
        "bandwidth": {direction: annotations.pop(key) for key, direction in _BANDWIDTH.items() if key in annotations},
    }
    if log_directory:
        document["log_directory"] = log_directory
    document["env"] = [row for row in document["env"] if not _set_by_platform(row, document)]
    document |= _placement(pod)
    document |= _security(container, pod, report)
    document["annotations"] = _pod_annotations(annotations, pod, report)
    _platform_ways(container, pod, report)
    return document


def _set_by_platform(row: dict[str, Any], document: Document) -> bool:
    """Return whether a variable is one that the platform sets to just that."""
    first = next((port for port in document["ports"] if port["protocol"] == "TCP"), None)
    return row in (
        {"name": "PORT", "value": str(first["port"]) if first else None},
        {"name": "LOG_DIR", "value": document.get("log_directory")},
    )


def _resources(container: Taker, report: Report) -> Document:
    """Return requests and limits; what there is none of stays none, except the memory limit that the platform demands."""
    found = container.part("resources")
    resources = {side: {name: found.take(side, name) for name in _RESOURCES} for side in ("requests", "limits")}
    if resources["limits"]["memory"] is None:
        del resources["limits"]["memory"]
        report.add(Level.CHANGED, "memory_limit", found)
    report.rest(found)
    return resources


def _placement(pod: Taker) -> Document:
    selector = pod.take("nodeSelector", default={})
    group = selector.pop(NODE_GROUP_LABEL, None)
    return {"node_selector": selector} | ({"node_group": group} if group else {})


def _security(container: Taker, pod: Taker, report: Report) -> Document:
    """Return the user; what the platform sets anyway is taken, the rest is told."""
    own, inherited = container.take("securityContext", "runAsUser"), pod.take("securityContext", "runAsUser")
    user = inherited if own is None else own
    group = pod.take("securityContext", "fsGroup")
    if group != user:
        path = "spec.template.spec.securityContext.fsGroup"
        report.add(Level.CHANGED, "hardened", pod, path, old=str(group), new=str(user))
    if container.take("securityContext", "privileged"):
        report.add(Level.STOP, "privileged", container)
    return {} if user is None else {"run_as_user": user}


def _pod_annotations(annotations: dict[str, str], pod: Taker, report: Report) -> dict[str, str]:
    """Return the annotations that the form takes; those that mean something to the cluster have no field there."""
    kept: dict[str, str] = {}
    for key, text in annotations.items():
        domain = key.partition("/")[0] if "/" in key else ""
        if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in ("kubernetes.io", "k8s.io")):
            report.add(Level.LOST, "field", pod, f'spec.template.metadata.annotations["{key}"]', value=text[:60])
        elif domain != "slipway.io":
            kept[key] = text
    return kept


def _platform_ways(container: Taker, pod: Taker, report: Report) -> None:
    """Take what the server fills in, and tell what the platform does in its own way."""
    report.add(Level.CHANGED, "image", container, image=container.take("image"))
    container.drop("terminationMessagePath", equal="/dev/termination-log")
    container.drop("terminationMessagePolicy", equal="File")
    for field, default in _SERVER_DEFAULTS.items():
        pod.drop(field, equal=default)
    pod.drop("serviceAccountName", equal="default")
    ways = {default.path: default for default in HARDENING}
    for row in pod.take("imagePullSecrets", default=[]):
        if row.get("name") not in ways["imagePullSecrets"].value:
            platform = ", ".join(ways["imagePullSecrets"].value)
            report.add(Level.CHANGED, "pull_secret", pod, name=row.get("name"), platform=platform)
    found = {
        "automountServiceAccountToken": pod.take("automountServiceAccountToken", default=True),
        "enableServiceLinks": pod.take("enableServiceLinks", default=True),
        "imagePullPolicy": container.take("imagePullPolicy", default="IfNotPresent"),
        "securityContext.allowPrivilegeEscalation": container.take(
            "securityContext", "allowPrivilegeEscalation", default=True
        ),
        "securityContext.seccompProfile.type": pod.take(
            "securityContext", "seccompProfile", "type", default="Unconfined"
        ),
    }
    for path, value in found.items():
        if value != ways[path].value:
            report.add(Level.CHANGED, "hardened", pod, path, old=str(value), new=str(ways[path].value))
    for field in _NEEDED:
        if value := pod.take(field):
            report.add(Level.STOP, "needed", pod, f"spec.template.spec.{field}", value=str(value)[:60])


def _rollout(deployment: Taker, report: Report, *, autoscaled: bool) -> Document:
    document: Document = {"progress_deadline": deployment.take("progressDeadlineSeconds", default=600)}
    replicas = deployment.take("replicas", default=1)
    if not autoscaled:
        document["replicas"] = replicas
    kind = deployment.take("strategy", "type", default="RollingUpdate")
    document["strategy"] = {"type": kind}
    if kind == "RollingUpdate":
        for field, live in (("max_surge", "maxSurge"), ("max_unavailable", "maxUnavailable")):
            document["strategy"][field] = deployment.take("strategy", "rollingUpdate", live, default="25%")
    if deployment.take("paused"):
        report.add(Level.STOP, "paused", deployment)
    history = deployment.take("revisionHistoryLimit", default=10)
    if history != 10:
        report.add(Level.CHANGED, "history", deployment, old=history, new=10)
    deployment.take("selector")
    return document


def _autoscaling(live: Live, document: Document, report: Report) -> Object | None:
    """Put the autoscaler into the document; one that looks at more than CPU stops the import: it would be fought."""
    name = live.deployment["metadata"]["name"]
    for item in live.autoscalers:
        spec = Taker(item["spec"], name_of(item), ("spec",))
        reference = spec.take("scaleTargetRef")
        if (reference.get("kind"), reference.get("name")) != ("Deployment", name):
            continue
        metrics = spec.take("metrics", default=[])
        resource = (metrics[0].get("resource") or {}) if len(metrics) == 1 else {}
        percent = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") != "cpu" or percent is None:
            report.add(Level.STOP, "autoscaler_metrics", spec)
        else:
            least, most = spec.take("minReplicas", default=1), spec.take("maxReplicas")
            document["autoscaling"] = {"min": least, "max": most, "cpu": percent}
        report.rest(spec)
        labels_and_annotations(item, report)
        return item
    return None
