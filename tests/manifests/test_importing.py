"""A DeployYml from live objects: what rendering makes comes back the same, what others made is understood or told."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.manifests import canonical
from apps.manifests.importing import Imported, Level, Live, import_workload
from apps.manifests.render import render
from apps.manifests.resolve import resolve
from deploy.sandbox.kubernetes import defaults
from tests.manifests.documents import APPLICATION, FULL, IMAGE, SECRETS, TARGET, documents, references_for
from tests.manifests.test_render import CASES, rendered

Object = dict[str, Any]

KEYS = {
    "Deployment": "deployments.apps",
    "Service": "services",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling",
}


def as_live(objects: list[Object]) -> Live:
    """Return objects as the API server gives them back: with its defaults, its metadata and a status."""
    stored = copy.deepcopy(objects)
    for item in stored:
        item["metadata"] |= {
            "uid": "u",
            "resourceVersion": "7",
            "generation": 3,
            "managedFields": [{"manager": "slipway"}],
        }
        defaults.set_defaults(KEYS.get(item["kind"], ""), item)
        item["status"] = {"observedGeneration": 3}
        if item["kind"] == "Deployment":
            item["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
        if item["kind"] == "Service":
            item["spec"] |= {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ipFamilies": ["IPv4"]}
    of = {kind: [item for item in stored if item["kind"] == kind] for kind in {item["kind"] for item in stored}}
    return Live(
        deployment=of["Deployment"][0],
        services=of.get("Service", []),
        ingresses=of.get("Ingress", []),
        autoscalers=of.get("HorizontalPodAutoscaler", []),
        config_maps={item["metadata"]["name"]: item for item in of.get("ConfigMap", [])},
        secret_keys={item["metadata"]["name"]: frozenset(item["data"]) for item in of.get("Secret", [])},
    )


def again(imported: Imported, secrets: Any) -> list[Object]:
    """Return what rendering makes of an import."""
    resolved = resolve(imported.document)
    assert resolved.spec is not None, resolved.errors
    application = replace(APPLICATION, identity=imported.identity)
    return render(resolved.spec, application=application, target=TARGET, image=IMAGE, secrets=secrets)


def losses(imported: Imported) -> list[Any]:
    """Return what would not survive."""
    return [finding for finding in imported.findings if finding.level in (Level.LOST, Level.STOP)]


@pytest.mark.parametrize("name", [name for name, (_, where) in CASES.items() if not where])
def test_what_rendering_makes_comes_back(name: str) -> None:
    document, _ = CASES[name]
    objects = rendered(document)
    imported = import_workload(as_live(objects))
    assert losses(imported) == []
    made = again(imported, SECRETS if document is FULL else references_for(document))
    assert canonical.encode(made) == canonical.encode(objects)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents())
def test_any_document_survives_the_way_there_and_back(document: Object) -> None:
    objects = rendered(document)
    imported = import_workload(as_live(objects))
    assert losses(imported) == []
    used = {row["name"] for row in imported.document["secrets"]}
    references = references_for(document)
    made = again(imported, replace(references, references={name: references.references[name] for name in used}))
    assert canonical.encode(made) == canonical.encode(objects)
