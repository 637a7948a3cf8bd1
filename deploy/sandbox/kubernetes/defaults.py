"""What the API server fills in: the defaults of every kind that people write, and the first status.

https://github.com/kubernetes/kubernetes/tree/master/pkg/apis (the `defaults.go` of each group)
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from . import quantity

Object = dict[str, Any]
_FILE_MODE = 420  # 0644


def fill(obj: Object, **values: Any) -> Object:
    """Set each value that is not there yet and return the object."""
    for key, value in values.items():
        if obj.get(key) is None:
            obj[key] = value
    return obj


def set_defaults(key: str, obj: Object) -> None:
    """Fill in the defaults of one object of resource `key`, in place."""
    setter = _SETTERS.get(key)
    if setter is not None:
        setter(obj)


def first_status(key: str) -> Object | None:
    """Return the status that a new object begins with; None where the kind has none."""
    status = _FIRST_STATUS.get(key)
    return None if status is None else {k: (dict(v) if isinstance(v, dict) else v) for k, v in status.items()}


_FIRST_STATUS: dict[str, Object] = {
    "namespaces": {"phase": "Active"},
    "nodes": {},
    "services": {"loadBalancer": {}},
    "persistentvolumeclaims": {"phase": "Pending"},
    "resourcequotas": {},
    "replicationcontrollers": {"replicas": 0},
    "deployments.apps": {},
    "replicasets.apps": {"replicas": 0},
    "statefulsets.apps": {"replicas": 0, "availableReplicas": 0},
    "daemonsets.apps": {
        "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0,
    },
    "jobs.batch": {},
    "cronjobs.batch": {},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
    "horizontalpodautoscalers.autoscaling": {"desiredReplicas": 0, "currentMetrics": None},
    "poddisruptionbudgets.policy": {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    },
    "customresourcedefinitions.apiextensions.k8s.io": {"conditions": [], "acceptedNames": {}, "storedVersions": []},
}  # fmt: skip


def containers(spec: Object) -> Iterator[Object]:
    """Yield init, app and ephemeral containers of a pod's spec."""
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(name) or ()


def pod_spec(spec: Object) -> None:
    """Fill in a pod's spec, in a pod or in a template."""
    for container in containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)
    fill(
        spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst", securityContext={},
        schedulerName="default-scheduler",
    )  # fmt: skip
    if spec.get("serviceAccountName") or spec.get("serviceAccount"):
        name = spec.get("serviceAccountName") or spec["serviceAccount"]
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    if spec.get("hostNetwork"):
        for container in containers(spec):
            for port in container.get("ports") or ():
                fill(port, hostPort=port.get("containerPort"))


def _container(container: Object) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    always = not image or (tag in ("", "latest") and "@" not in image)
    fill(
        container, resources={}, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File",
        imagePullPolicy="Always" if always else "IfNotPresent",
    )  # fmt: skip
    for port in container.get("ports") or ():
        fill(port, protocol="TCP")
    for variable in container.get("env") or ():
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            fill(reference, apiVersion="v1")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            _probe(container[probe])
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict) and hook.get("httpGet"):
            fill(hook["httpGet"], path="/", scheme="HTTP")
    amounts = container["resources"]
    for kind in ("limits", "requests"):
        if amounts.get(kind):
            amounts[kind] = {name: quantity.canonical(value) for name, value in amounts[kind].items()}
    if amounts.get("limits"):
        amounts["requests"] = {**amounts["limits"], **(amounts.get("requests") or {})}


def _probe(probe: Object) -> None:
    fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet"):
        fill(probe["httpGet"], path="/", scheme="HTTP")
    if probe.get("grpc"):
        fill(probe["grpc"], service="")


def _volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for kind in ("secret", "configMap", "projected", "downwardAPI"):
        if kind in volume:
            fill(volume[kind], defaultMode=_FILE_MODE)
    for source in (volume.get("projected") or {}).get("sources") or ():
        if source.get("serviceAccountToken"):
            fill(source["serviceAccountToken"], expirationSeconds=3600)
        _field_references((source.get("downwardAPI") or {}).get("items") or ())
    _field_references((volume.get("downwardAPI") or {}).get("items") or ())
    if "hostPath" in volume:
        fill(volume["hostPath"], type="")


def _field_references(items: Any) -> None:
    for item in items:
        if item.get("fieldRef"):
            fill(item["fieldRef"], apiVersion="v1")


def _template(spec: Object) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    for field in ("creationTimestamp", "name", "namespace"):
        if template["metadata"].get(field) is None:
            template["metadata"].pop(field, None)
    pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        fill(spec["strategy"], rollingUpdate={})
        fill(spec["strategy"]["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    fill(spec, replicas=1)


def _stateful_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    fill(spec, replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10, updateStrategy={})
    fill(spec, persistentVolumeClaimRetentionPolicy={})
    fill(spec["persistentVolumeClaimRetentionPolicy"], whenDeleted="Retain", whenScaled="Retain")
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"], rollingUpdate={})
        fill(spec["updateStrategy"]["rollingUpdate"], partition=0)
    for claim in spec.get("volumeClaimTemplates") or ():
        fill(claim, apiVersion="v1", kind="PersistentVolumeClaim", status={"phase": "Pending"})
        fill(claim.setdefault("spec", {}), volumeMode="Filesystem")


def _daemon_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _template(spec)
    fill(spec, revisionHistoryLimit=10, updateStrategy={})
    fill(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        fill(spec["updateStrategy"], rollingUpdate={})
        fill(spec["updateStrategy"]["rollingUpdate"], maxUnavailable=1, maxSurge=0)


def _job_spec(spec: Object) -> None:
    _template(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    fill(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False, manualSelector=False)
    fill(spec, podReplacementPolicy="Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")


def _job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _job_spec(spec)
    if spec["manualSelector"] or "selector" in spec or "uid" not in obj["metadata"]:
        return
    uid, name = obj["metadata"]["uid"], obj["metadata"]["name"]
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = spec["template"]["metadata"].setdefault("labels", {})
    labels |= {
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
        "controller-uid": uid, "job-name": name,
    }  # fmt: skip
    if not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def _cron_job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    job = template.setdefault("spec", {})
    _template(job)


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["type"] != "ExternalName":
        fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] in ("NodePort", "LoadBalancer"):
        fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        fill(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        fill(spec, sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10800}})
    for port in spec.get("ports") or ():
        fill(port, protocol="TCP", targetPort=port.get("port"))


def _secret(obj: Object) -> None:
    fill(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _autoscaler(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _limit_range(obj: Object) -> None:
    for limit in obj.setdefault("spec", {}).get("limits") or ():
        if limit.get("type") != "Container":
            continue
        ceiling = {**(limit.get("max") or {}), **(limit.get("default") or {})}
        if ceiling:
            limit["default"] = ceiling
        floor = {**(limit.get("default") or {}), **(limit.get("min") or {}), **(limit.get("defaultRequest") or {})}
        if floor:
            limit["defaultRequest"] = floor


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    fill(obj.setdefault("spec", {}), finalizers=["kubernetes"])


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    fill(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)


def _binding(obj: Object) -> None:
    fill(obj.setdefault("roleRef", {}), apiGroup="rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            fill(subject, apiGroup="rbac.authorization.k8s.io")


def _network_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _event(obj: Object) -> None:
    fill(obj, reportingComponent="", reportingInstance="", source={})
    for field in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(field, None)


def _ports_protocol(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            fill(port, protocol="TCP")


def _slice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        fill(port, protocol="TCP", name="")


def _claim(obj: Object) -> None:
    fill(obj.setdefault("spec", {}), volumeMode="Filesystem")


def _node(obj: Object) -> None:
    fill(obj, spec={}, status={})  # never absent on the wire: neither is optional in the server's own types


_SETTERS: dict[str, Callable[[Object], None]] = {
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "services": _service,
    "secrets": _secret,
    "endpoints": _ports_protocol,
    "events": _event,
    "limitranges": _limit_range,
    "persistentvolumeclaims": _claim,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "networkpolicies.networking.k8s.io": _network_policy,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "endpointslices.discovery.k8s.io": _slice,
}
