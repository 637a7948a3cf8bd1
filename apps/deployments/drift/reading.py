"""Read from a cluster what a set has become, and compare. Nothing is stored in here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apps.applications.models import Application, Target
from apps.deployments.prune import identity
from apps.integrations.calls import Timeout
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.manifests.models import ManifestSet
from apps.workloads import reading as workloads

from .comparing import ObjectDrift, compare_sets

Object = dict[str, Any]

# Nobody waits for this, so a slow cluster is left alone rather than sat out.
TIMEOUT = Timeout(connect=2.0, read=5.0)
# Where one of ours too many does something. ConfigMaps and Secrets are kept on purpose: going back needs them.
LOOKED_THROUGH = ("Deployment", "Service", "Ingress", "HorizontalPodAutoscaler")
LONGEST_VALUE = 1000


def look(application: Application, target: Target, manifest_set: ManifestSet) -> list[ObjectDrift]:
    """Return how an application on a target differs from a stored set, fit to be stored and shown.

    Raises:
        IntegrationError: the cluster cannot be asked.
        UnboundSecret: a value it was rendered with does not exist any more.
    """
    drifts, redactor = look_closely(application, target, manifest_set)
    return [_presentable(drift, redactor) for drift in drifts]


def look_closely(
    application: Application, target: Target, manifest_set: ManifestSet
) -> tuple[list[ObjectDrift], Redactor]:
    """Return the same with values as they are, and what finds secret values in them. One list for each kind, no more.

    Raises:
        IntegrationError, UnboundSecret: as `look`.
    """
    client = workloads.client_for(target, timeout=TIMEOUT)
    bound = manifests.bound_objects(manifest_set)
    found = _find(client, application, target.namespace, bound.objects)
    return compare_sets(bound.objects, found), bound.redactor


def _find(client: KubernetesClient, application: Application, namespace: str, wanted: list[Object]) -> list[Object]:
    labels = {workloads.APPLICATION_LABEL: application.uid}
    kinds = dict.fromkeys([*(item["kind"] for item in wanted), *LOOKED_THROUGH])
    found = [item for kind in kinds for item in client.list_objects(kind, namespace, labels=labels).items]
    known, named = {identity(item) for item in found}, {identity(item) for item in wanted}
    # One may be there without its label, which is a drift of its own.
    for kind, name in named - known:
        if (there := client.find(kind, name, namespace)) is not None:
            found.append(there)
    return [item for item in found if item["kind"] in LOOKED_THROUGH or identity(item) in named]


def _presentable(drift: ObjectDrift, redactor: Redactor) -> ObjectDrift:
    """Return the drift without the application's secret values, and with nothing that fills a page."""
    fields = tuple(
        replace(field, wanted=_shown(field.wanted, redactor), live=_shown(field.live, redactor))
        for field in drift.fields
    )
    return replace(drift, fields=fields)


def _shown(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        text = redactor(value)
        return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    if isinstance(value, dict):
        return {key: _shown(inner, redactor) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, redactor) for inner in value]
    return value
