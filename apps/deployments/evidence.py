"""What proves why a rollout failed: the pod, how it ended, its last lines, its events. No secret value gets in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.applications.models import Target
from apps.core.masking import masked
from apps.integrations.errors import IntegrationError
from apps.integrations.kubernetes.causes import Cause
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.redaction import Redactor
from apps.manifests import sealing
from apps.manifests import selectors as manifests
from apps.manifests.models import ManifestSet
from apps.workloads import reading as workloads

LAST_LINES = 20
EVENTS = 5


def redactor_for(manifest_set: ManifestSet) -> Redactor:
    """Return what masks the secret values that a set was rendered with, those that still exist."""
    references = sealing.list_references(manifests.stored_objects(manifest_set))
    return Redactor(manifests.bound_values(manifest_set.application, references).values())


def redacted(params: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the parameters of a cause without secrets: a probe or an event may quote what the program said."""
    found: dict[str, Any] = masked(params, redactor)
    return found


def collect(target: Target, reading: workloads.Reading, redactor: Redactor, cause: Cause) -> dict[str, Any]:
    """Return the evidence of the pod that `cause` was found on, else of the one that is worst off; empty without any."""
    pods = [pod for pod in workloads.pod_states(reading) if pod.cause is not None and not pod.ready]
    # The sort is stable: among those with that cause the worst still comes first.
    pods.sort(key=lambda pod: pod.cause is None or pod.cause.code != cause.code)
    if not pods:
        return {}
    pod = pods[0]
    assert pod.cause is not None
    container = str(pod.cause.params.get("container") or (pod.containers[0] if pod.containers else ""))
    lines = _last_lines(workloads.client_for(target), target.namespace, pod.name, container)
    end = pod.last_end or {}
    return {
        "pod": pod.name,
        "container": container,
        "restarts": pod.restarts,
        "exit_code": end.get("exit_code"),
        "reason": end.get("reason", ""),
        "lines": [redactor(line) for line in lines],
        "events": [
            {**event, "at": event["at"].isoformat() if event["at"] else None, "message": redactor(event["message"])}
            for event in pod.events[:EVENTS]
        ],
    }


def _last_lines(client: KubernetesClient, namespace: str, pod: str, container: str) -> list[str]:
    """Return the last lines of the run that ended, or of the present one; the end of a rollout never fails over a log."""
    for previous in (True, False):
        try:
            text = client.logs(namespace, pod, container=container, previous=previous, tail=LAST_LINES)
        except IntegrationError:
            continue
        if text.strip():
            return text.splitlines()[-LAST_LINES:]
    return []
