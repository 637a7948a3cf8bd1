"""StatefulSets: pods with names and volumes of their own, one after the other.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

from deploy.sandbox.kubernetes.status import AlreadyExists

from . import template
from .base import Controller, claim, delete_pod, is_active, is_ready, pod_from, ready_for, write_status

Object = dict[str, Any]
HASH = "controller-revision-hash"


class StatefulSets(Controller):
    """The controller of StatefulSets."""

    resource = "statefulsets.apps"
    also = ("pods",)
    component = "statefulset-controller"

    def sync(self, obj: Object) -> float | None:
        """Create, replace or delete at most one pod (all at once with podManagementPolicy Parallel)."""
        pods = claim(self.store, "pods", obj)
        if "deletionTimestamp" not in obj["metadata"]:
            self._adjust(obj, {_ordinal(obj, pod): pod for pod in pods})
        return self._write_status(obj, claim(self.store, "pods", obj))

    def _adjust(self, obj: Object, pods: dict[int, Object]) -> None:
        spec = obj["spec"]
        first = (spec.get("ordinals") or {}).get("start", 0)
        wanted = range(first, first + spec.get("replicas", 1))
        in_order = spec.get("podManagementPolicy", "OrderedReady") != "Parallel"
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is None:
                self._create(obj, ordinal)
            elif not is_active(pod) and "deletionTimestamp" not in pod["metadata"]:
                delete_pod(self.store, pod)  # it ended: it is made anew under its name
            if in_order and (pod is None or not is_ready(pod) or "deletionTimestamp" in pod["metadata"]):
                return
        for ordinal in sorted((each for each in pods if each not in wanted), reverse=True):
            if "deletionTimestamp" not in pods[ordinal]["metadata"]:
                delete_pod(self.store, pods[ordinal])
                self._tell(obj, "delete", "SuccessfulDelete", pods[ordinal]["metadata"]["name"])
            if in_order:
                return
        self._update(obj, pods, wanted)

    def _update(self, obj: Object, pods: dict[int, Object], wanted: range) -> None:
        strategy = obj["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        current = _revision(obj)
        for ordinal in reversed(wanted):
            pod = pods.get(ordinal)
            if ordinal < partition:
                return
            if pod is not None and (pod["metadata"].get("labels") or {}).get(HASH) != current:
                if "deletionTimestamp" not in pod["metadata"]:
                    delete_pod(self.store, pod)
                    self._tell(obj, "delete", "SuccessfulDelete", pod["metadata"]["name"])
                return
            if pod is None or not is_ready(pod):
                return

    def _create(self, obj: Object, ordinal: int) -> None:
        metadata, spec = obj["metadata"], obj["spec"]
        name = f"{metadata['name']}-{ordinal}"
        pod = pod_from(spec["template"], obj, name=name)
        pod["metadata"]["labels"] |= {
            HASH: _revision(obj), "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)
        }  # fmt: skip
        body = pod["spec"] = {**pod["spec"], "hostname": name, "subdomain": spec.get("serviceName", "")}
        claims = []
        for each in spec.get("volumeClaimTemplates") or ():
            claim_name = f"{each['metadata']['name']}-{name}"
            about = {
                "name": claim_name,
                "namespace": metadata["namespace"],
                "labels": dict(each["metadata"].get("labels") or {}),
            }
            with contextlib.suppress(AlreadyExists):  # it is the pod's from before
                self.store.create("persistentvolumeclaims", {"metadata": about, "spec": each["spec"]})
            claims.append({"name": each["metadata"]["name"], "persistentVolumeClaim": {"claimName": claim_name}})
        names = {each["name"] for each in claims}
        body["volumes"] = [each for each in body.get("volumes") or () if each["name"] not in names] + claims
        self.store.create("pods", pod)
        self._tell(obj, "create", "SuccessfulCreate", name)

    def _tell(self, obj: Object, verb: str, reason: str, pod: str) -> None:
        message = f"{verb} Pod {pod} in StatefulSet {obj['metadata']['name']} successful"
        self.events.record(obj, "Normal", reason, message)

    def _write_status(self, obj: Object, pods: list[Object]) -> float | None:
        least = obj["spec"].get("minReadySeconds", 0)
        active = [pod for pod in pods if is_active(pod)]
        revision = _revision(obj)
        updated = [pod for pod in active if (pod["metadata"].get("labels") or {}).get(HASH) == revision]
        old = obj.get("status") or {}
        name = f"{obj['metadata']['name']}-{revision}"
        done = len(updated) == len(active) == obj["spec"].get("replicas", 1) and all(is_ready(pod) for pod in active)
        counts = {
            "readyReplicas": sum(is_ready(pod) for pod in active),
            "currentReplicas": len(updated) if done else len(active) - len(updated),
            "updatedReplicas": len(updated),
        }
        status: Object = {"observedGeneration": obj["metadata"]["generation"], "replicas": len(active)}
        status |= {key: value for key, value in counts.items() if value}
        status |= {
            "currentRevision": name if done else old.get("currentRevision", name), "updateRevision": name, "collisionCount": 0,
            "availableReplicas": sum(is_ready(pod) and ready_for(pod) >= least for pod in active),
        }  # fmt: skip
        write_status(self.store, self.resource, obj, status)
        waits = [least - ready_for(pod) for pod in active if is_ready(pod) and ready_for(pod) < least]
        return min(waits) + 0.01 if waits else None


def _revision(obj: Object) -> str:
    return template.pod_template_hash(obj["spec"]["template"])


def _ordinal(obj: Object, pod: Object) -> int:
    match = re.fullmatch(re.escape(obj["metadata"]["name"]) + r"-(\d+)", pod["metadata"]["name"])
    return int(match[1]) if match else -1
