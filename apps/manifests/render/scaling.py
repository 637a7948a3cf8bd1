"""The HorizontalPodAutoscaler: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/."""

from typing import Any

from apps.manifests.render.context import ApplicationContext, TargetContext, metadata
from apps.manifests.spec import Spec


def render_autoscaler(spec: Spec, application: ApplicationContext, target: TargetContext) -> dict[str, Any] | None:
    """Return the autoscaler of the workload, None when the number of replicas is fixed."""
    scaling = spec.autoscaling
    if scaling is None:
        return None
    workload = application.identity.workload or application.slug
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": scaling.cpu}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(application.identity.autoscaler or application.slug, application, target),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": str(spec.kind), "name": workload},
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": [{"type": "Resource", "resource": cpu}],
        },
    }
