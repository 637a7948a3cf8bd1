"""Replace pods of the version that is there: all of them as a rollout does, or those that a person chose.

All: the annotation of `kubectl rollout restart`, under a field manager of its own, so that the next release leaves it
alone (https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/kubectl_rollout_restart/). Its moment is that
of the request, so a step that is run again restarts nothing twice. Chosen: each pod is deleted by its uid, and the
ReplicaSet makes another; the restart has ended when those are gone and all that are wanted are ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from apps.core.lifecycle import Again
from apps.integrations.errors import Missing, Stale
from apps.manifests import selectors as manifests
from apps.workloads import reading as workloads

from . import entries, following, rules
from .models import Deployment, Status
from .moves import guarded, move, present_stage

GOING_SECONDS = 1.0


@guarded
def begin(deployment: Deployment) -> Again | None:
    """Take the restart up."""
    pods = [pod["name"] for pod in deployment.parameters.get("pods", [])]
    code = "deployment.restarting_pods" if pods else "deployment.restarting"
    move(deployment, Status.APPLYING, code, params={"pods": pods} if pods else {})
    return send(deployment)


@guarded
def send(deployment: Deployment) -> Again | None:
    """Ask the cluster to replace the pods; asked again, it does nothing more."""
    chosen = deployment.parameters.get("pods", [])
    client = workloads.client_for(deployment.target)
    namespace = deployment.target.namespace
    if chosen:
        for pod in chosen:
            try:
                client.delete("Pod", pod["name"], namespace, uid=pod["uid"])
            except Stale:
                continue  # another pod has that name by now: the one that was meant is gone
    else:
        name = workload_of(deployment)["metadata"]["name"]
        try:
            client.restart("Deployment", name, namespace, deployment.created_at)
        except Missing:
            workload_missing(deployment, name)
            return None
    sent(deployment)
    return Again(0.5)


def follow(deployment: Deployment) -> Again | None:
    """Wait until the chosen pods are gone, then for what is wanted to be ready."""
    if deployment.parameters.get("pods") and (again := _wait_for_chosen(deployment)):
        return again
    return None if deployment.is_final else following.follow(deployment)


@guarded
def _wait_for_chosen(deployment: Deployment) -> Again | None:
    assert deployment.deadline_at is not None
    chosen = {pod["uid"] for pod in deployment.parameters["pods"]}
    labels = {workloads.APPLICATION_LABEL: deployment.application.uid}
    pods = workloads.client_for(deployment.target).list_objects("Pod", deployment.target.namespace, labels=labels).items
    going = any(pod["metadata"]["uid"] in chosen for pod in pods)
    return Again(GOING_SECONDS) if going and timezone.now() < deployment.deadline_at else None


def workload_of(deployment: Deployment) -> Mapping[str, Any]:
    """Return the workload of the stored bytes that an operation works on."""
    objects = manifests.stored_objects(present_stage(deployment).manifest_set)
    return next(item for item in objects if item["kind"] == "Deployment")


def workload_missing(deployment: Deployment, name: str) -> None:
    """End as failed: somebody deleted the workload."""
    code, params = "deployment.workload_missing", {"name": name}
    move(deployment, Status.FAILED, code, entries.ERROR, params=params, cause_code=code, cause_params=params)


def sent(deployment: Deployment) -> None:
    """Go on to following: the cluster has taken what was asked of it."""
    move(
        deployment,
        Status.PROGRESSING,
        "deployment.accepted",
        first_accepted_at=deployment.first_accepted_at or timezone.now(),
        deadline_at=timezone.now() + rules.patience(deployment, [workload_of(deployment)]),
    )
