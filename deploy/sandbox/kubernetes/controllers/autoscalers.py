"""HorizontalPodAutoscalers without a metrics server: keep the target between its bounds and say that metrics are missing.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.resources import BY_KIND
from deploy.sandbox.kubernetes.store import Writer

from .base import Controller, write_status

Object = dict[str, Any]
EVERY = 15.0
_METRICS = (
    "unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: "
    "the server could not find the requested resource (get pods.metrics.k8s.io)"
)


class Autoscalers(Controller):
    """The controller of HorizontalPodAutoscalers."""

    resource = "horizontalpodautoscalers.autoscaling"
    component = "horizontal-pod-autoscaler"

    def sync(self, obj: Object) -> float | None:
        """Bring the target within bounds; then try (in vain) to read metrics."""
        reference = obj["spec"]["scaleTargetRef"]
        kind = BY_KIND.get((reference.get("apiVersion", ""), reference["kind"]))
        target = self.store.get(kind.key, obj["metadata"]["namespace"], reference["name"]) if kind is not None else None
        status: Object = dict(obj.get("status") or {})
        conditions = {each["type"]: each for each in status.get("conditions") or ()}
        if kind is None or target is None:
            why = f'the HPA controller was unable to get the target\'s current scale: {reference["kind"].lower()}s.apps "{reference["name"]}" not found'
            _set(conditions, "AbleToScale", "False", "FailedGetScale", why)
            self.events.record(
                obj, "Warning", "FailedGetScale", f'{reference["kind"].lower()}s.apps "{reference["name"]}" not found'
            )
        else:
            wanted, why = self._bounded(obj, target)
            if wanted != target["spec"].get("replicas", 1):
                target["spec"]["replicas"] = wanted
                self.store.update(kind.key, target, writer=Writer("kube-controller-manager", "scale"))
                status["lastScaleTime"] = objects.now()
                self.events.record(obj, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
                text = f"the HPA controller was able to update the target scale to {wanted}"
                _set(conditions, "AbleToScale", "True", "SucceededRescale", text)
            else:
                text = "the HPA controller was able to get the target's current scale"
                _set(conditions, "AbleToScale", "True", "SucceededGetScale", text)
                self._no_metrics(obj, conditions)
            status |= {"currentReplicas": (target.get("status") or {}).get("replicas", 0), "desiredReplicas": wanted,
                       "currentMetrics": [{"type": ""}]}  # fmt: skip
        order = ("lastScaleTime", "currentReplicas", "desiredReplicas", "currentMetrics")
        result = {key: status[key] for key in order if key in status} | {"conditions": list(conditions.values())}
        write_status(self.store, self.resource, obj, result)
        return EVERY

    @staticmethod
    def _bounded(obj: Object, target: Object) -> tuple[int, str]:
        now = target["spec"].get("replicas", 1)
        least, most = obj["spec"].get("minReplicas", 1), obj["spec"]["maxReplicas"]
        if now == 0:
            return 0, ""  # switched off
        if now < least:
            return least, "Current number of replicas below Spec.MinReplicas"
        if now > most:
            return most, "Current number of replicas above Spec.MaxReplicas"
        return now, ""

    def _no_metrics(self, obj: Object, conditions: dict[str, Object]) -> None:
        metric = next((each for each in obj["spec"].get("metrics") or () if each.get("type") == "Resource"), None)
        name = (metric or {}).get("resource", {}).get("name", "cpu")
        failed = f"failed to get {name} utilization: {_METRICS.format(name=name)}"
        message = f"the HPA was unable to compute the replica count: {failed}"
        _set(conditions, "ScalingActive", "False", "FailedGetResourceMetric", message)
        self.events.record(obj, "Warning", "FailedGetResourceMetric", failed)
        count = len(obj["spec"].get("metrics") or ()) or 1
        first = f"invalid metrics ({count} invalid out of {count}), first error is: failed to get {name} resource metric value"
        self.events.record(obj, "Warning", "FailedComputeMetricsReplicas", f"{first}: {failed}")


def _set(conditions: dict[str, Object], type: str, status: str, reason: str, message: str) -> None:
    old = conditions.get(type, {})
    since = old["lastTransitionTime"] if old.get("status") == status else objects.now()
    conditions[type] = {
        "type": type,
        "status": status,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
