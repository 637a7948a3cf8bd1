"""Set how many pods there are: through the scale subresource, or the bounds of the application's own autoscaler.

Both are ours under a field manager of its own (decision 6). The number of the DeployYml stays the truth: the next release or
rollback sets it again, which pages say before. What another autoscaler decides is not fought over: that scaling fails.
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

from __future__ import annotations

from typing import Any

from apps.core.lifecycle import Again
from apps.integrations.errors import Missing
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.field_managers import SCALE_MANAGER
from apps.workloads import reading as workloads

from . import entries
from .models import Deployment, Status
from .moves import guarded, move
from .restarting import sent, workload_missing, workload_of


@guarded
def begin(deployment: Deployment) -> Again | None:
    """Take the scaling up."""
    bounds = "min" in deployment.parameters
    code = "deployment.setting_bounds" if bounds else "deployment.scaling"
    move(deployment, Status.APPLYING, code, params=deployment.parameters)
    return send(deployment)


@guarded
def send(deployment: Deployment) -> Again | None:
    """Tell the cluster the number; it is absolute, so it may be told again."""
    client, namespace = workloads.client_for(deployment.target), deployment.target.namespace
    name, asked = str(workload_of(deployment)["metadata"]["name"]), deployment.parameters
    scaler = _autoscaler_of(client, namespace, name)
    if "min" not in asked and scaler is not None:
        _fail(deployment, "deployment.autoscaled", autoscaler=scaler)
        return None
    try:
        if "min" not in asked:
            client.scale("Deployment", name, namespace, asked["replicas"])
        elif scaler is None:
            _fail(deployment, "deployment.autoscaler_missing", name=name)
            return None
        else:
            patch = {"spec": {"minReplicas": asked["min"], "maxReplicas": asked["max"]}}
            client.patch("HorizontalPodAutoscaler", scaler, namespace, patch, field_manager=SCALE_MANAGER)
    except Missing:
        workload_missing(deployment, name)
        return None
    sent(deployment)
    return Again(0.5)


def _autoscaler_of(client: KubernetesClient, namespace: str, workload: str) -> str | None:
    """Return the name of the autoscaler that decides over a workload, whoever made it."""
    for item in client.list_objects("HorizontalPodAutoscaler", namespace).items:
        reference: dict[str, Any] = item["spec"].get("scaleTargetRef") or {}
        if (reference.get("kind"), reference.get("name")) == ("Deployment", workload):
            return str(item["metadata"]["name"])
    return None


def _fail(deployment: Deployment, code: str, **params: Any) -> None:
    move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)
